use base64ct::{Base64, Encoding};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::raw::RawRequest;
use crate::time;

/// A delivery as it was received, in a file of JSON: for tests, and to send it again.
///
/// The file keeps the headers in their order and case, and the exact body. Values of headers
/// that are credentials themselves, such as `Authorization`, are replaced by `***` as soon as
/// the capture is made. Signatures stay, because they are of no use for another delivery.
///
/// ```
/// use offhook::testing::{Capture, Signer, samples};
///
/// let truedy = offhook::Truedy::new("whsec_test")?;
/// let request = Signer::of(&truedy).request("/webhooks/truedy", samples::truedy::CALL_ENDED);
/// let file = Capture::new(request.clone()).to_json();
///
/// let capture = Capture::from_json(file.as_bytes())?;
/// assert_eq!(capture.request(), &request);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    request: RawRequest,
    received_at: Option<DateTime<Utc>>,
    verdict: Option<String>,
}

impl Capture {
    /// Takes a request, and replaces the values of headers that have `authorization`, `cookie`,
    /// `token`, `secret`, `api-key` or `password` in their names, or begin with `Bearer` or
    /// `Basic`.
    pub fn new(mut request: RawRequest) -> Self {
        for (_, value) in request.headers.iter_mut().filter(|(name, value)| is_credential(name, value)) {
            *value = MASK.to_vec();
        }
        Capture { request, received_at: None, verdict: None }
    }

    /// Replaces the values of all headers of this name, for a vendor whose static header has
    /// another name.
    #[must_use]
    pub fn with_masked(mut self, name: &str) -> Self {
        for (_, value) in self.request.headers.iter_mut().filter(|(header, _)| header.eq_ignore_ascii_case(name)) {
            *value = MASK.to_vec();
        }
        self
    }

    /// Sets the time of receipt, which is kept in whole microseconds.
    #[must_use]
    pub fn with_received_at(self, time: DateTime<Utc>) -> Self {
        Capture { received_at: Some(time), ..self }
    }

    /// Sets the code of the answer, such as `accepted` or `signature_mismatch`.
    #[must_use]
    pub fn with_verdict(self, code: impl Into<String>) -> Self {
        Capture { verdict: Some(code.into()), ..self }
    }

    /// Returns the request. The values that were replaced are `***`.
    pub fn request(&self) -> &RawRequest {
        &self.request
    }

    /// Returns the time of receipt.
    pub fn received_at(&self) -> Option<DateTime<Utc>> {
        self.received_at
    }

    /// Returns the code of the answer.
    pub fn verdict(&self) -> Option<&str> {
        self.verdict.as_deref()
    }

    /// Returns the names of the headers whose values were replaced.
    pub fn masked(&self) -> impl Iterator<Item = &str> {
        self.request.headers.iter().filter(|(_, value)| value == MASK).map(|(name, _)| name.as_str())
    }

    /// Writes the file. A body that is text is written a second time as text, for people;
    /// it is not read back.
    pub fn to_json(&self) -> String {
        let RawRequest { method, target, headers, body } = &self.request;
        let headers: Vec<_> = headers.iter().map(|(name, value)| json!([name, header_value(value)])).collect();
        let capture = json!({
            FORMAT: VERSION,
            "received_at": self.received_at.map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true)),
            "verdict": self.verdict,
            "method": method,
            "target": target,
            "headers": headers,
            "body": std::str::from_utf8(body).ok(),
            "body_base64": Base64::encode_string(body),
        });
        format!("{capture:#}\n")
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Text that is not a capture; the error names the member that is missing or wrong.
    pub fn from_json(file: &[u8]) -> Result<Self, CaptureError> {
        let file: Value = serde_json::from_slice(file)
            .map_err(|error| CaptureError::NotJson { line: error.line(), column: error.column() })?;
        match file.get(FORMAT) {
            Some(version) if version == VERSION => {}
            Some(_) => return Err(CaptureError::UnknownVersion),
            None => return Err(CaptureError::Member(FORMAT)),
        }
        let text = |member| file.get(member).and_then(Value::as_str).ok_or(CaptureError::Member(member));
        let headers = file.get("headers").and_then(Value::as_array).ok_or(CaptureError::Member("headers"))?;
        let headers = headers.iter().map(|header| read_header(header).ok_or(CaptureError::Member("headers")));
        let body = Base64::decode_vec(text("body_base64")?).map_err(|_| CaptureError::Member("body_base64"))?;
        let received_at = match file.get("received_at").unwrap_or(&Value::Null) {
            Value::Null => None,
            time => Some(time.as_str().and_then(time::rfc3339).ok_or(CaptureError::Member("received_at"))?),
        };
        let request = RawRequest {
            method: text("method")?.to_owned(),
            target: text("target")?.to_owned(),
            headers: headers.collect::<Result<_, _>>()?,
            body: body.into(),
        };
        let verdict = file.get("verdict").and_then(Value::as_str).map(str::to_owned);
        Ok(Capture { received_at, verdict, ..Capture::new(request) })
    }
}

/// A file is not a capture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The file is not JSON.
    #[error("the capture is not JSON (line {line}, column {column})")]
    NotJson {
        /// The line of the first error, counted from 1.
        line: usize,
        /// The column of the first error, counted from 1.
        column: usize,
    },
    /// The file is a capture of a later version of this crate.
    #[error("the capture was written by another version of offhook")]
    UnknownVersion,
    /// A member is missing, or has an unusable value.
    #[error("the capture has no usable `{0}`")]
    Member(&'static str),
}

/// Returns the text of a header's value, or its base64 where it is not text.
fn header_value(value: &[u8]) -> Value {
    match std::str::from_utf8(value) {
        Ok(text) => json!(text),
        Err(_) => json!({ "base64": Base64::encode_string(value) }),
    }
}

fn read_header(header: &Value) -> Option<(String, Vec<u8>)> {
    let [name, value] = header.as_array()?.as_slice() else { return None };
    let value = match value.as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => Base64::decode_vec(value.get("base64")?.as_str()?).ok()?,
    };
    Some((name.as_str()?.to_owned(), value))
}

/// Gateways rename headers, so the words may be anywhere in a name.
fn is_credential(name: &str, value: &[u8]) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let scheme = value.trim_ascii_start().split(|byte| b" \t".contains(byte)).next().unwrap_or_default();
    WORDS.iter().any(|word| name.contains(word))
        || scheme.eq_ignore_ascii_case(b"bearer")
        || scheme.eq_ignore_ascii_case(b"basic")
}

const WORDS: [&str; 7] = ["authorization", "cookie", "token", "secret", "api-key", "apikey", "password"];
const FORMAT: &str = "offhook_capture";
const VERSION: u64 = 1;
const MASK: &[u8] = b"***";

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> RawRequest {
        RawRequest::post("/hooks?a=1", &b"{\"a\": \"\xff\"}\r\n"[..])
            .with_header("X-Truedy-Signature", "ab")
            .with_header("x-bytes", &b"\xfe"[..])
            .with_header("X-Truedy-Signature", "cd")
    }

    #[test]
    fn a_capture_keeps_every_byte_and_the_order_and_case_of_the_headers() {
        let time = time::rfc3339("2026-03-18T14:30:00.123456Z").unwrap();
        let capture = Capture::new(request()).with_received_at(time).with_verdict("accepted");
        let again = Capture::from_json(capture.to_json().as_bytes()).unwrap();
        assert_eq!(again, capture);
        assert_eq!(again.request(), &request());
        assert_eq!((again.received_at(), again.verdict()), (Some(time), Some("accepted")));
    }

    #[test]
    fn a_capture_holds_no_credential() {
        let named = ["Authorization", "cookie", "HTTP_PROXY_AUTHORIZATION", "X-Auth-Token", "x-webhook-secret"];
        let named = named.into_iter().chain(["X-Api-Key", "x_apikey", "X-Password", "X-Pin"]);
        let request = named.clone().fold(request(), |request, name| request.with_header(name, "s3cret"));
        let request = request.with_header("x-a", "bearer s3cret").with_header("x-b", "\tBasic\ts3cret");
        let capture = Capture::new(request).with_masked("x-pin");
        assert_eq!(capture.masked().collect::<Vec<_>>(), named.chain(["x-a", "x-b"]).collect::<Vec<_>>());
        assert!(!capture.to_json().contains("s3cret"));
    }

    #[test]
    fn a_file_that_is_not_a_capture_is_refused_with_the_member_that_is_wrong() {
        let good: Value = serde_json::from_str(&Capture::new(request()).to_json()).unwrap();
        let refusal = |file: &str| Capture::from_json(file.as_bytes()).unwrap_err().to_string();
        assert_eq!(refusal("{"), "the capture is not JSON (line 1, column 1)");
        assert_eq!(refusal("[]"), "the capture has no usable `offhook_capture`");
        for (member, value) in [
            ("method", json!(1)),
            ("target", Value::Null),
            ("headers", json!([["a"]])),
            ("headers", json!([["a", { "base64": "?" }]])),
            ("body_base64", json!("a")),
            ("received_at", json!("today")),
        ] {
            let mut bad = good.clone();
            bad[member] = value;
            assert_eq!(refusal(&bad.to_string()), format!("the capture has no usable `{member}`"));
        }
        let mut later = good;
        later[FORMAT] = json!(2);
        assert_eq!(refusal(&later.to_string()), "the capture was written by another version of offhook");
    }
}
