//! Deliveries as text: raw requests, captures, HAR files and curl commands, read and written.
//!
//! The oracle of the fuzz target `captures` includes this folder, so it uses nothing else of the
//! command.

mod curl;
mod har;
mod http;
mod shell;
pub(crate) mod written;

use chrono::{DateTime, Datelike, Utc};
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use offhook::testing::{Capture, CaptureError, RawRequest};

/// A delivery that was read from text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) request: RawRequest,
    /// When it was received, where the file says it.
    pub(crate) received_at: Option<DateTime<Utc>>,
    /// The headers whose values the file does not hold.
    pub(crate) masked: Vec<String>,
    /// The parameters in the URL whose values the file does not hold.
    pub(crate) masked_parameters: Vec<String>,
}

/// A file does not hold a delivery.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InputError {
    #[error("the file is empty")]
    Empty,
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error("the HAR file {0}")]
    Har(&'static str),
    #[error("the HAR file holds {0} requests with a body: keep the one that is meant")]
    SeveralEntries(usize),
    #[error("the delivery is no request of HTTP: {0}")]
    NotHttp(&'static str),
    #[error("the curl command {0}")]
    Curl(String),
    #[error("neither a raw HTTP request nor a capture, a HAR file or a curl command: {0}")]
    Http(&'static str),
}

/// What becomes of a curl command whose body is in a file, such as `-d @body.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFiles {
    /// The file is read, relative to the current directory.
    Read,
    /// The command is refused, because what it names would be sent or printed.
    Refuse,
}

/// The largest file that is read, in bytes. A base64 body of 16 MiB fits.
pub(crate) const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// Reads a delivery in any of the forms.
pub(crate) fn parse(file: &[u8], body_files: BodyFiles) -> Result<Input, InputError> {
    let start = file.trim_ascii_start();
    if start.is_empty() {
        return Err(InputError::Empty);
    }
    if start.starts_with(b"{") {
        return parse_json(start);
    }
    let request = match curl::command(start) {
        Some(command) => curl::parse(command, body_files)?,
        None => http::parse(start)?,
    };
    Input::new(request, None)
}

fn parse_json(file: &[u8]) -> Result<Input, InputError> {
    match Capture::from_json(file) {
        Ok(capture) => Input::new(capture.request().clone(), capture.received_at()),
        // It is JSON without the mark of a capture.
        Err(CaptureError::Member("offhook_capture")) => har::parse(file),
        Err(error) => Err(error.into()),
    }
}

impl Input {
    /// Takes a request if it can be one of HTTP, so that nothing in it can begin a new line where
    /// it is written. White space around a value of a header is not part of it
    /// ([RFC 9110, section 5.5](https://www.rfc-editor.org/rfc/rfc9110#section-5.5)).
    fn new(mut request: RawRequest, received_at: Option<DateTime<Utc>>) -> Result<Self, InputError> {
        Method::from_bytes(request.method.as_bytes()).map_err(|_| InputError::NotHttp("its method is no word"))?;
        let is_separator = |byte: u8| byte.is_ascii_whitespace() || byte.is_ascii_control();
        if request.target.is_empty() || request.target.bytes().any(is_separator) {
            return Err(InputError::NotHttp("its path is empty or has white space"));
        }
        let mut masked = Vec::new();
        for (name, value) in &mut request.headers {
            HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| InputError::NotHttp("the name of a header is no word"))?;
            *value = trimmed(value).to_vec();
            HeaderValue::from_bytes(value)
                .map_err(|_| InputError::NotHttp("the value of a header has control characters"))?;
            if value == MASK {
                masked.push(name.clone());
            }
        }
        // A capture cannot hold other years, because RFC 3339 cannot write them.
        let received_at = received_at.filter(|time| (0..=9999).contains(&time.year()));
        let query = request.target.split_once('?').map_or("", |(_, query)| query);
        let masked_parameters = query.split('&').filter_map(|parameter| parameter.strip_suffix("=***"));
        let masked_parameters = masked_parameters.map(str::to_owned).collect();
        Ok(Input { request, received_at, masked, masked_parameters })
    }
}

fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// What a capture has in the place of a credential.
const MASK: &[u8] = b"***";

/// Returns whether a header belongs to one connection and not to the delivery.
pub(crate) fn is_of_a_connection(name: &str) -> bool {
    OF_A_CONNECTION.iter().any(|other| other.eq_ignore_ascii_case(name))
}

const OF_A_CONNECTION: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_holds_no_delivery_is_refused() {
        assert_eq!(parse(b" \r\n", BodyFiles::Read), Err(InputError::Empty));
        assert!(matches!(parse(b"hello", BodyFiles::Read), Err(InputError::Http(_))));
        assert!(matches!(parse(b"{\"a\":1}", BodyFiles::Read), Err(InputError::Har(_))));
        assert!(matches!(parse(b"{", BodyFiles::Read), Err(InputError::Capture(CaptureError::NotJson { .. }))));
        assert!(matches!(parse(b"curl", BodyFiles::Read), Err(InputError::Curl(_))));
    }

    fn capture(method: &str, target: &str, name: &str, value: &str) -> Vec<u8> {
        let mut request = RawRequest::post(target, "").with_header(name, value);
        request.method = method.to_owned();
        Capture::new(request).to_json().into_bytes()
    }

    #[test]
    fn what_cannot_be_a_request_of_http_is_refused() {
        assert!(parse(&capture("POST", "/", "x-a", "\u{e9}\t1"), BodyFiles::Read).is_ok());
        for (file, problem) in [
            (capture("POST /\r\n", "/", "x-a", "1"), "its method is no word"),
            (capture("POST", "/ HTTP/1.1\r\nx-b:", "x-a", "1"), "its path is empty or has white space"),
            (capture("POST", "", "x-a", "1"), "its path is empty or has white space"),
            (capture("POST", "/", "x-a:\r\nx-b", "1"), "the name of a header is no word"),
            (capture("POST", "/", "x-a", "1\nx-b: 2"), "the value of a header has control characters"),
            (b"curl h -H 'x-a: 1\nx-b: 2'".to_vec(), "the value of a header has control characters"),
        ] {
            assert_eq!(
                parse(&file, BodyFiles::Read),
                Err(InputError::NotHttp(problem)),
                "{}",
                String::from_utf8_lossy(&file)
            );
        }
    }

    #[test]
    fn white_space_around_a_value_is_not_part_of_it() {
        let file = capture("POST", "/", "x-a", " \u{a0}1\t ");
        let curl = "curl h -X POST -H 'x-a: \u{a0}1\t '".as_bytes();
        for file in [file.as_slice(), curl] {
            assert_eq!(parse(file, BodyFiles::Read).unwrap().request.headers, [("x-a".to_owned(), "\u{a0}1".into())]);
        }
    }

    #[test]
    fn a_masked_value_is_known_in_every_form() {
        let http = b"POST / HTTP/1.1\r\nAuthorization: ***\r\n\r\n".to_vec();
        for file in [http, capture("POST", "/", "Authorization", " *** ")] {
            assert_eq!(parse(&file, BodyFiles::Read).unwrap().masked, ["Authorization"]);
        }
    }

    #[test]
    fn a_time_that_no_capture_can_hold_is_left_out() {
        for (time, kept) in
            [("9999-12-31T23:59:59Z", true), ("9999-12-31T23:59:59-00:01", false), ("0000-01-01T00:00:00+00:01", false)]
        {
            let request = r#"{"method":"POST","url":"/","headers":[],"postData":{}}"#;
            let file = format!(r#"{{"startedDateTime":"{time}","request":{request}}}"#);
            assert_eq!(parse(file.as_bytes(), BodyFiles::Read).unwrap().received_at.is_some(), kept, "{time}");
        }
    }
}
