//! A request as it is on the wire.

use offhook::Headers;
use offhook::testing::RawRequest;
use offhook::verify::Lookup;

use super::InputError;

/// Reads a request of HTTP/1.1. Lines may end without the carriage return, as editors leave
/// them.
pub(super) fn parse(file: &[u8]) -> Result<RawRequest, InputError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let body = match head.parse(file) {
        Ok(httparse::Status::Complete(length)) => file.get(length..).unwrap_or_default(),
        Ok(httparse::Status::Partial) => return Err(InputError::Http("the empty line after the headers is missing")),
        Err(error) => return Err(InputError::Http(problem(error))),
    };
    let mut request = RawRequest::post(head.path.unwrap_or_default(), Vec::new());
    request.method = head.method.unwrap_or_default().to_owned();
    request.headers = head.headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec())).collect();
    let body = match (request.headers.lookup("transfer-encoding"), request.headers.lookup("content-length")) {
        (Lookup::One(coding), _) if coding.eq_ignore_ascii_case(b"chunked") => unchunked(body)?,
        // An editor may have added a line break at the end of the file.
        (_, Lookup::One(length)) => body.get(..number(length).unwrap_or(body.len())).unwrap_or(body).to_vec(),
        _ => body.to_vec(),
    };
    Ok(request.with_body(body))
}

fn problem(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "the name of a header cannot be read",
        httparse::Error::HeaderValue => "the value of a header cannot be read",
        httparse::Error::NewLine => "a line does not end as a line of HTTP does",
        httparse::Error::Status | httparse::Error::Token => "the first line is not that of a request",
        httparse::Error::TooManyHeaders => "there are too many headers",
        httparse::Error::Version => "the first line does not end with HTTP/1.1",
    }
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.trim().parse().ok()
}

/// Puts the pieces of a chunked body together. What comes after the last one is left out.
fn unchunked(mut chunked: &[u8]) -> Result<Vec<u8>, InputError> {
    const BROKEN: InputError = InputError::Http("the chunked body is broken off");
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((start, length))) = httparse::parse_chunk_size(chunked) else {
            return Err(BROKEN);
        };
        if length == 0 {
            return Ok(body);
        }
        let rest = chunked.get(start..).ok_or(BROKEN)?;
        let (chunk, rest) = rest.split_at_checked(usize::try_from(length).map_err(|_| BROKEN)?).ok_or(BROKEN)?;
        body.extend_from_slice(chunk);
        chunked = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).ok_or(BROKEN)?;
    }
}

const MAX_HEADERS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn body(file: &str) -> Result<Vec<u8>, InputError> {
        parse(file.as_bytes()).map(|request| request.body.to_vec())
    }

    #[test]
    fn a_request_keeps_its_headers_in_order_and_case() {
        let request = parse(b"POST /hooks?a=1 HTTP/1.1\r\nX-B: 1\r\nx-A: \xff\r\nX-B: 2\r\n\r\n{}").unwrap();
        assert_eq!(
            (request.method.as_str(), request.target.as_str(), &request.body[..]),
            ("POST", "/hooks?a=1", &b"{}"[..])
        );
        let expected: [(&str, &[u8]); 3] = [("X-B", b"1"), ("x-A", b"\xff"), ("X-B", b"2")];
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        assert_eq!(headers, expected);
    }

    #[test]
    fn a_body_ends_where_its_headers_say() {
        assert_eq!(body("POST / HTTP/1.1\nContent-Length: 2\n\n{}\n").unwrap(), b"{}");
        assert_eq!(body("POST / HTTP/1.1\n\n{}\n").unwrap(), b"{}\n");
        // A body that is cut off is kept, because the diagnosis says so.
        assert_eq!(body("POST / HTTP/1.1\nContent-Length: 9\n\n{}").unwrap(), b"{}");
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(body(&format!("{chunked}1\r\n{{\r\n1;a=b\r\n}}\r\n0\r\n\r\n")).unwrap(), b"{}");
        for broken in ["", "5\r\nabc", "2\r\nabc\r\n", "x", "ffffffffffffffff\r\nabc"] {
            assert_eq!(body(&format!("{chunked}{broken}")), Err(InputError::Http("the chunked body is broken off")));
        }
    }

    #[test]
    fn a_broken_head_is_refused_with_what_is_wrong() {
        for (file, problem) in [
            ("POST / HTTP/1.1\r\na: b\r\n", "the empty line after the headers is missing"),
            ("POST / HTTP/1.1\r\na b\r\n\r\n", "the name of a header cannot be read"),
            ("POST / HTTP/9\r\n\r\n", "the first line does not end with HTTP/1.1"),
        ] {
            assert_eq!(body(file), Err(InputError::Http(problem)), "{file}");
        }
    }
}
