//! Sends requests over HTTP/1.1, and reads the answers.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::{Extensions, response};
use hyper::{HeaderMap, Method, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use offhook::testing::RawRequest;

use crate::failure::with_causes;
use crate::forms::is_of_a_connection;

/// A client that keeps its connections open for the next request.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    client: hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Empty if it is larger than 256 KiB.
    pub(crate) body: Bytes,
    /// From before the connection to the end of what was read.
    pub(crate) elapsed: Duration,
}

impl Answer {
    pub(crate) fn new(head: response::Parts, body: Bytes, elapsed: Duration) -> Self {
        Answer { status: head.status.as_u16(), headers: head.headers, body, elapsed }
    }

    /// Returns whether the status is one of success. Some vendors take only 200 for that.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns how long the answer took, in whole milliseconds.
    pub(crate) fn milliseconds(&self) -> u64 {
        u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A request got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The request cannot be sent over HTTP.
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
    /// No connection could be made.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// The answer took longer than the time limit.
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The connection broke off before the answer was complete.
    #[error("no answer: {0}")]
    BrokenOff(String),
}

impl SendError {
    /// Returns a stable name.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            SendError::Unsendable(_) => "unsendable",
            SendError::NoConnection(_) => "no_connection",
            SendError::TimedOut(_) => "timed_out",
            SendError::BrokenOff(_) => "broken_off",
        }
    }
}

impl Client {
    /// Creates a client whose requests must be answered within `timeout`.
    pub(crate) fn new(timeout: Duration) -> Self {
        let mut client = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        client.http1_preserve_header_case(true);
        Client { client: client.build(connector()), timeout }
    }

    /// Sends a request to a URL, whose path and query replace the target of the request.
    ///
    /// The body and the values of the headers are sent as they are, and the headers keep their
    /// order; their names become lower-case. Headers that belong to one connection, such as
    /// `Host` and `Content-Length`, are made anew.
    pub(crate) async fn send(&self, url: &Uri, request: &RawRequest) -> Result<Answer, SendError> {
        self.send_as_received(url, request, &Extensions::new()).await
    }

    /// Sends a request that hyper received with the setting `preserve_header_case`. The names of
    /// its headers keep their case, which is in its extensions.
    pub(crate) async fn send_as_received(
        &self,
        url: &Uri,
        request: &RawRequest,
        received: &Extensions,
    ) -> Result<Answer, SendError> {
        let start = Instant::now();
        let mut request = outgoing(url, request)?;
        *request.extensions_mut() = received.clone();
        match tokio::time::timeout(self.timeout, self.exchange(request, start)).await {
            Ok(answer) => answer,
            Err(_) => Err(SendError::TimedOut(self.timeout)),
        }
    }

    async fn exchange(&self, request: hyper::Request<Full<Bytes>>, start: Instant) -> Result<Answer, SendError> {
        let answer = self.client.request(request).await.map_err(|error| {
            let text = with_causes(&error);
            if error.is_connect() { SendError::NoConnection(text) } else { SendError::BrokenOff(text) }
        })?;
        let (head, body) = answer.into_parts();
        // A body that is larger than the limit is left out: it is shown, and not used.
        let body = match Limited::new(body, MAX_ANSWER).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => Bytes::new(),
            Err(error) => return Err(SendError::BrokenOff(with_causes(&*error))),
        };
        Ok(Answer::new(head, body, start.elapsed()))
    }
}

/// Returns what opens connections, with TLS where the URL asks for it. Certificates are checked
/// with the roots that the machine trusts or, where it has none, with those of Mozilla.
pub(crate) fn connector() -> HttpsConnector<HttpConnector> {
    let roots = HttpsConnectorBuilder::new().with_native_roots();
    let roots = roots.unwrap_or_else(|_| HttpsConnectorBuilder::new().with_webpki_roots());
    roots.https_or_http().enable_http1().build()
}

/// Returns the request as it goes to a URL.
fn outgoing(url: &Uri, request: &RawRequest) -> Result<hyper::Request<Full<Bytes>>, SendError> {
    let unsendable = |what: &str| SendError::Unsendable(what.to_owned());
    let mut outgoing = hyper::Request::new(Full::new(request.body.clone()));
    *outgoing.uri_mut() = url.clone();
    *outgoing.method_mut() =
        Method::from_bytes(request.method.as_bytes()).map_err(|_| unsendable("its method is not one of HTTP"))?;
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsendable("a header has no valid name"))?;
        if is_of_a_connection(name.as_str()) {
            continue;
        }
        let value = HeaderValue::from_bytes(value)
            .map_err(|_| unsendable(&format!("the value of `{name}` has control characters")))?;
        outgoing.headers_mut().append(name, value);
    }
    Ok(outgoing)
}

/// The largest answer that is kept.
const MAX_ANSWER: usize = 256 * 1024;
