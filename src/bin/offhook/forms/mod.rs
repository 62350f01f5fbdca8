//! Deliveries as text: raw requests, captures, HAR files and curl commands, read and written.
//!
//! The oracle of the fuzz target `captures` includes this folder, so it uses nothing else of the
//! command.

mod curl;
mod har;
mod http;
mod shell;
pub(crate) mod written;

use chrono::{DateTime, Utc};
use offhook::testing::{Capture, CaptureError, RawRequest};

/// A delivery that was read from text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) request: RawRequest,
    /// When it was received, where the file says it.
    pub(crate) received_at: Option<DateTime<Utc>>,
    /// The headers whose values the file does not hold.
    pub(crate) masked: Vec<String>,
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
    #[error("the curl command {0}")]
    Curl(String),
    #[error("neither a raw HTTP request nor a capture, a HAR file or a curl command: {0}")]
    Http(&'static str),
}

/// Reads a delivery in any of the forms.
pub(crate) fn parse(file: &[u8]) -> Result<Input, InputError> {
    let start = file.trim_ascii_start();
    if start.is_empty() {
        return Err(InputError::Empty);
    }
    if start.starts_with(b"{") {
        return parse_json(start);
    }
    match curl::command(start) {
        Some(command) => curl::parse(command).map(Input::now),
        None => http::parse(start).map(Input::now),
    }
}

fn parse_json(file: &[u8]) -> Result<Input, InputError> {
    match Capture::from_json(file) {
        Ok(capture) => Ok(Input {
            received_at: capture.received_at(),
            masked: capture.masked().map(str::to_owned).collect(),
            request: capture.request().clone(),
        }),
        // It is JSON without the mark of a capture.
        Err(CaptureError::Member("offhook_capture")) => har::parse(file),
        Err(error) => Err(error.into()),
    }
}

impl Input {
    fn now(request: RawRequest) -> Self {
        Input { request, received_at: None, masked: Vec::new() }
    }
}

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
    use proptest::prelude::*;

    fn file_of(parts: &[&str]) -> Vec<u8> {
        parts.concat().into_bytes()
    }

    #[test]
    fn a_file_that_holds_no_delivery_is_refused() {
        assert_eq!(parse(b" \r\n"), Err(InputError::Empty));
        assert!(matches!(parse(b"hello"), Err(InputError::Http(_))));
        assert!(matches!(parse(b"{\"a\":1}"), Err(InputError::Har(_))));
        assert!(matches!(parse(b"{"), Err(InputError::Capture(CaptureError::NotJson { .. }))));
        assert!(matches!(parse(b"curl"), Err(InputError::Curl(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn no_pieces_of_a_file_make_a_parser_panic(parts in proptest::collection::vec(piece(), 0..24)) {
            let parts: Vec<_> = parts.iter().map(String::as_str).collect();
            let _ = parse(&file_of(&parts));
        }
    }

    /// Pieces of all forms, in any order.
    fn piece() -> impl Strategy<Value = String> {
        const PIECES: &[&str] = &[
            "curl ",
            "$ curl ",
            "-X ",
            "-H ",
            "--data-binary ",
            "--json ",
            "-d ",
            "-F ",
            "'",
            "\"",
            "\\",
            "$'",
            "\\u00",
            "\\x4",
            "@file",
            "http://h/p?q ",
            "a: b",
            "POST / HTTP/1.1\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: chunked\r\n",
            "\r\n",
            "\n",
            "5\r\n",
            "0\r\n",
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"log\"",
            "\"entries\"",
            "\"request\"",
            "\"headers\"",
            "\"postData\"",
            "\"text\"",
            "\"encoding\"",
            "\"base64\"",
            "\"offhook_capture\":1",
            "\"method\":\"POST\"",
            "\"target\":\"/\"",
            "\"url\":\"http://h/\"",
            "é",
            "\0",
        ];
        prop_oneof![proptest::sample::select(PIECES).prop_map(str::to_owned), ".{0,3}"]
    }
}
