//! The server for deliveries. It holds out against whatever is sent to it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use offhook::testing::RawRequest;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::reception::Reception;
use super::recorded::{MAX_HEAD, MAX_HEADERS, Recorded, Start};
use crate::forms::written;

/// A server on one port.
#[derive(Clone, Debug)]
pub(super) struct Server {
    reception: Arc<Reception>,
    connections: Arc<Semaphore>,
    most: u32,
    /// How long a connection may last.
    longest: Duration,
}

impl Server {
    /// Creates a server that has at most so many connections at once, and whose handler answers
    /// within `timeout`.
    pub(super) fn new(reception: Arc<Reception>, most: u32, timeout: Duration) -> Self {
        let connections = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS)));
        let longest = timeout.saturating_add(READ_WITHIN.saturating_mul(3));
        Server { reception, connections, most, longest }
    }

    /// Accepts connections until it is dropped.
    pub(super) async fn serve(&self, listener: TcpListener) {
        loop {
            let Ok(permit) = Arc::clone(&self.connections).acquire_owned().await else { return };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                // There are too many open files, for example. Some will be closed.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let (server, permit) = (self.clone(), Arc::new(permit));
            tokio::spawn(async move {
                // One that takes too long, or breaks off, has had its answer or wants none.
                let _ = tokio::time::timeout(server.longest, server.connection(stream, permit)).await;
            });
        }
    }

    /// Waits until no connection is left.
    pub(super) async fn ended(&self) {
        let _ = self.connections.acquire_many(self.most).await;
    }

    /// Serves one request. The next one of the same sender comes on a connection of its own, so
    /// that the start of a connection is the head of its request.
    async fn connection(&self, stream: TcpStream, permit: Arc<OwnedSemaphorePermit>) -> hyper::Result<()> {
        let _ = stream.set_nodelay(true);
        let (stream, start) = Recorded::new(stream);
        let service = service_fn(|request| self.answer(request, start.clone(), Arc::clone(&permit)));
        http1::Builder::new()
            .keep_alive(false)
            .preserve_header_case(true)
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .timer(TokioTimer::new())
            .header_read_timeout(READ_WITHIN)
            .serve_connection(TokioIo::new(stream), service)
            .await
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        start: Start,
        permit: Arc<OwnedSemaphorePermit>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            let mut answer = self.reception.turn_away(StatusCode::METHOD_NOT_ALLOWED);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return Ok(answer);
        }
        // A head that hyper could read is not in the start of the connection if it is too long.
        let Some(headers) = start.headers() else {
            return Ok(self.reception.turn_away(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        };
        let body = match read(body).await {
            Ok(body) => body,
            Err(status) => return Ok(self.reception.turn_away(status)),
        };
        let mut request = RawRequest::post(written::target(&head.uri), body);
        request.headers = headers;
        // A sender that hangs up ends its connection, and not what becomes of its delivery.
        let reception = Arc::clone(&self.reception);
        let received = tokio::spawn(async move {
            let answer = reception.receive(request, head.extensions).await;
            drop(permit);
            answer
        });
        Ok(received.await.unwrap_or_else(|_| self.reception.turn_away(StatusCode::INTERNAL_SERVER_ERROR)))
    }
}

/// Reads a body, or returns the status with which it is refused.
async fn read(body: Incoming) -> Result<Bytes, StatusCode> {
    match tokio::time::timeout(READ_WITHIN, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// How long a head, and then a body, may take to arrive.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// The largest body.
const MAX_BODY: usize = 2 * 1024 * 1024;
