//! A client that writes requests as raw bytes, because client libraries refuse or correct bad ones.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Returns the request line and the headers, without the empty line that ends them.
pub fn head(path: &str, headers: &[(&str, &[u8])]) -> Vec<u8> {
    let mut request = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        request.extend_from_slice(name.as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n");
    }
    request
}

/// Returns a request with a `Content-Length`.
pub fn sized(path: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Vec<u8> {
    let mut request = head(path, headers);
    request.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    request.extend_from_slice(body);
    request
}

/// Returns the same request with a chunked body.
pub fn chunked(path: &str, headers: &[(&str, &[u8])], body: &[u8], chunk: usize, trailer: &str) -> Vec<u8> {
    let mut request = head(path, headers);
    request.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
    for chunk in body.chunks(chunk) {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(format!("0\r\n{trailer}\r\n").as_bytes());
    request
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends the bytes and reads the answer. A server may answer and close the connection before it
/// has read everything.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = connect(address);
    match stream.write_all(request) {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {}
        Err(error) => panic!("cannot send: {error}"),
    }
    read_answer(&mut stream)
}

/// Reads one answer, up to its `Content-Length` or to the end of the connection.
pub fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(answer) = parse(&received, false) {
            return answer;
        }
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => received.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("no answer: {error}; received {:?}", String::from_utf8_lossy(&received)),
        }
    }
    parse(&received, true).unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&received)))
}

fn parse(received: &[u8], ended: bool) -> Option<Answer> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).unwrap().to_ascii_lowercase();
    let status: u16 = head[9..12].parse().unwrap();
    let body = &received[end + 4..];
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let length = length.or((status == 204).then_some(0));
    (ended || length.is_some_and(|length: usize| body.len() >= length)).then(|| Answer { status, body: body.to_vec() })
}
