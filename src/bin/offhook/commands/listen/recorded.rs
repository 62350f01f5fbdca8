//! The head of a request, byte for byte.
//!
//! hyper hands over the names of the headers in lower case, and the values of one name together.
//! A capture keeps them as they came, so the head is read a second time from what was received.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The longest head that a request may have.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// The most headers that a request may have.
pub(super) const MAX_HEADERS: usize = 100;

/// The first bytes that a connection received.
#[derive(Clone, Debug, Default)]
pub(super) struct Start(Arc<Mutex<Vec<u8>>>);

impl Start {
    fn add(&self, received: &[u8]) {
        let mut start = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_HEAD.saturating_sub(start.len());
        start.extend_from_slice(received.get(..room).unwrap_or(received));
    }

    /// Returns the headers of the first request, in their order and case.
    pub(super) fn headers(&self) -> Option<Vec<(String, Vec<u8>)>> {
        let start = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        head.parse(&start).ok().filter(httparse::Status::is_complete)?;
        Some(head.headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec())).collect())
    }
}

/// A connection that keeps the first bytes that it receives.
#[derive(Debug)]
pub(super) struct Recorded<S> {
    stream: S,
    start: Start,
}

impl<S> Recorded<S> {
    pub(super) fn new(stream: S) -> (Self, Start) {
        let start = Start::default();
        (Recorded { stream, start: start.clone() }, start)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Recorded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.start.add(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recorded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn headers(received: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
        let (mut connection, start) = Recorded::new(received);
        connection.read_to_end(&mut Vec::new()).await.unwrap();
        start.headers()
    }

    #[tokio::test]
    async fn headers_keep_their_order_and_case() {
        let found = headers(b"POST / HTTP/1.1\r\nX-B: 1\r\nx-A: \xff\r\nX-B: 2\r\n\r\nbody").await.unwrap();
        let expected: [(&str, &[u8]); 3] = [("X-B", b"1"), ("x-A", b"\xff"), ("X-B", b"2")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_vec())));
    }

    #[tokio::test]
    async fn no_more_than_a_head_is_kept() {
        let mut received = b"POST / HTTP/1.1\r\nA: b\r\n\r\n".to_vec();
        received.resize(MAX_HEAD * 3, b'x');
        let (mut connection, start) = Recorded::new(received.as_slice());
        connection.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(start.0.lock().unwrap().len(), MAX_HEAD);
        assert_eq!(start.headers(), Some(vec![("A".to_owned(), b"b".to_vec())]));
        assert_eq!(headers(b"POST / HTTP/1.1\r\nA: b\r\n").await, None);
    }
}
