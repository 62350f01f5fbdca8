//! Sends each delivery over a connection of its own, in the form that its check asks for.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use offhook::testing::RawRequest;

use super::check::Form;
use crate::client::{Answer, SendError, connector};
use crate::failure::{Failure, with_causes};
use crate::forms::written::shown;

pub(super) struct Transport {
    lower_case: Client<HttpsConnector<HttpConnector>, Pieces>,
    title_case: Client<HttpsConnector<HttpConnector>, Pieces>,
    url: Uri,
    timeout: Duration,
}

impl Transport {
    pub(super) fn new(url: &Uri, timeout: Duration) -> Result<Self, Failure> {
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            return Err(Failure::Usage(format!(
                "{}: the URL of a receiver begins with http:// or https://",
                shown(url)
            )));
        }
        let client = |title_case| {
            Client::builder(TokioExecutor::new())
                // What a receiver leaves of one delivery must not disturb the next one.
                .pool_max_idle_per_host(0)
                .retry_canceled_requests(false)
                .http1_title_case_headers(title_case)
                .build(connector())
        };
        Ok(Transport { lower_case: client(false), title_case: client(true), url: url.clone(), timeout })
    }

    /// Sends a delivery. The answer is without its body, which no vendor reads, and its time ends
    /// at the status line.
    pub(super) async fn send(&self, request: &RawRequest, form: Form) -> Result<Answer, SendError> {
        let client = if form == Form::TitleCase { &self.title_case } else { &self.lower_case };
        let request = self.outgoing(request, form)?;
        let start = Instant::now();
        match tokio::time::timeout(self.timeout, client.request(request)).await {
            Ok(Ok(answer)) => Ok(Answer::new(answer.into_parts().0, Bytes::new(), start.elapsed())),
            Ok(Err(error)) if error.is_connect() => Err(SendError::NoConnection(with_causes(&error))),
            Ok(Err(error)) => Err(SendError::BrokenOff(with_causes(&error))),
            Err(_) => Err(SendError::TimedOut(self.timeout)),
        }
    }

    fn outgoing(&self, request: &RawRequest, form: Form) -> Result<hyper::Request<Pieces>, SendError> {
        let unsendable = |name: &str| SendError::Unsendable(format!("the header `{name}` cannot be sent"));
        let body = if form == Form::Chunked { Pieces::chunked(&request.body) } else { Pieces::whole(&request.body) };
        let mut outgoing = hyper::Request::new(body);
        *outgoing.uri_mut() = self.url.clone();
        *outgoing.method_mut() = Method::POST;
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsendable(name))?;
            let value = HeaderValue::from_bytes(value).map_err(|_| unsendable(name.as_str()))?;
            outgoing.headers_mut().append(name, value);
        }
        Ok(outgoing)
    }
}

/// A body that is sent piece by piece: in chunks if its length is not said.
struct Pieces {
    pieces: VecDeque<Bytes>,
    length: Option<u64>,
}

impl Pieces {
    fn whole(body: &Bytes) -> Self {
        let pieces = (!body.is_empty()).then(|| body.clone()).into_iter().collect();
        Pieces { pieces, length: u64::try_from(body.len()).ok() }
    }

    /// Makes chunks that divide the characters and numbers of the body somewhere.
    fn chunked(body: &Bytes) -> Self {
        let pieces = body.chunks(CHUNK).map(|chunk| body.slice_ref(chunk)).collect();
        Pieces { pieces, length: None }
    }
}

/// A prime number, so that chunks do not end where anything in the body does.
const CHUNK: usize = 37;

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.pieces.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
