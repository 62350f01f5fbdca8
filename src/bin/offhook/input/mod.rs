//! Deliveries from files: a raw request, a capture, an entry of a HAR file or a curl command.

mod curl;
mod har;
mod http;
mod shell;

use std::path::Path;

use chrono::{DateTime, Utc};
use offhook::Headers;
use offhook::testing::{Capture, CaptureError, RawRequest};
use offhook::verify::Lookup;
use tokio::io::AsyncReadExt;

use crate::failure::Failure;
use crate::vendors::TokenHeader;

/// A delivery that was read from a file.
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
    #[error("the file is larger than {MAX_BYTES} bytes")]
    TooLarge,
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

/// What becomes of a curl command whose body is in a file, such as `-d @body.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFiles {
    /// The file is read, relative to the current directory.
    Read,
    /// The command is refused, because what it names would be sent or printed.
    Refuse,
}

/// Reads a delivery from a file, or from standard input if the path is `-`.
pub(crate) async fn read(path: &Path, body_files: BodyFiles) -> Result<Input, Failure> {
    let name = if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() };
    let bytes = read_bytes(path).await?;
    parse(&bytes, body_files).map_err(|error| Failure::usage(&name, &error))
}

/// Reads a file, or standard input if the path is `-`.
pub(crate) async fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    // One byte more shows that a file is too large.
    let limit = MAX_BYTES.saturating_add(1);
    let read = if is_stdin(path) {
        tokio::io::stdin().take(limit).read_to_end(&mut bytes).await
    } else {
        match tokio::fs::File::open(path).await {
            Ok(file) => file.take(limit).read_to_end(&mut bytes).await,
            Err(error) => Err(error),
        }
    };
    let length = read.map_err(|error| Failure::usage(&name, &error))?;
    if u64::try_from(length).is_ok_and(|length| length <= MAX_BYTES) {
        Ok(bytes)
    } else {
        Err(Failure::usage(&name, &InputError::TooLarge))
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads a delivery in any of the forms.
fn parse(file: &[u8], body_files: BodyFiles) -> Result<Input, InputError> {
    let start = file.trim_ascii_start();
    if start.is_empty() {
        return Err(InputError::Empty);
    }
    if start.starts_with(b"{") {
        return parse_json(start);
    }
    match curl::command(start) {
        Some(command) => curl::parse(command, body_files).map(Input::now),
        None => http::parse(start).map(Input::now),
    }
}

fn parse_json(file: &[u8]) -> Result<Input, InputError> {
    match Capture::from_json(file) {
        Ok(capture) => Ok(Input {
            received_at: capture.received_at(),
            masked: capture.masked().map(str::to_owned).collect(),
            masked_parameters: capture.masked_parameters().map(str::to_owned).collect(),
            request: capture.request().clone(),
        }),
        // It is JSON without the mark of a capture.
        Err(CaptureError::Member("offhook_capture")) => har::parse(file),
        Err(error) => Err(error.into()),
    }
}

impl Input {
    /// Returns the header whose value is missing, if the delivery would have to have its token there.
    pub(crate) fn masked_token(&self, token: TokenHeader) -> Option<&str> {
        let has_token = self.request.headers.lookup(token.name()) != Lookup::Missing;
        let is_masked = |name: &&String| !has_token || name.eq_ignore_ascii_case(token.name());
        self.masked.iter().find(is_masked).map(String::as_str)
    }

    fn now(request: RawRequest) -> Self {
        Input { request, received_at: None, masked: Vec::new(), masked_parameters: Vec::new() }
    }
}

/// The largest file that is read. A base64 body of 16 MiB fits.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file_of(parts: &[&str]) -> Vec<u8> {
        parts.concat().into_bytes()
    }

    #[test]
    fn a_file_that_holds_no_delivery_is_refused() {
        assert_eq!(parse(b" \r\n", BodyFiles::Read), Err(InputError::Empty));
        assert!(matches!(parse(b"hello", BodyFiles::Read), Err(InputError::Http(_))));
        assert!(matches!(parse(b"{\"a\":1}", BodyFiles::Read), Err(InputError::Har(_))));
        assert!(matches!(parse(b"{", BodyFiles::Read), Err(InputError::Capture(CaptureError::NotJson { .. }))));
        assert!(matches!(parse(b"curl", BodyFiles::Read), Err(InputError::Curl(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes, BodyFiles::Read);
        }

        #[test]
        fn no_pieces_of_a_file_make_a_parser_panic(parts in proptest::collection::vec(piece(), 0..24)) {
            let parts: Vec<_> = parts.iter().map(String::as_str).collect();
            let _ = parse(&file_of(&parts), BodyFiles::Read);
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
