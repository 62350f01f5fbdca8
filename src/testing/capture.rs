use base64ct::{Base64, Encoding};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::raw::RawRequest;
use crate::time;

/// A delivery as it was received, in a file of JSON: for tests, and to send it again.
///
/// The file keeps the headers in their order and case, and the exact body. Values of headers and
/// of parameters in the URL that are credentials themselves, such as `Authorization` and
/// `?token=`, are replaced by `***` as soon as the capture is made. Signatures in headers stay,
/// because they are of no use for another delivery.
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
    /// `Basic`. It does the same with the parameters in the query of the URL, and with those whose
    /// names have `signature` or `credential` in them, or end with `key`, `sig`, `auth`, `pass`,
    /// `pwd` or `jwt`.
    pub fn new(mut request: RawRequest) -> Self {
        for (_, value) in request.headers.iter_mut().filter(|(name, value)| is_credential(name, value)) {
            *value = MASK.to_vec();
        }
        request.target = masked_query(&request.target, is_credential_parameter);
        Capture { request, received_at: None, verdict: None }
    }

    /// Replaces the values of all headers and of all parameters in the URL of this name, for a
    /// vendor whose static header has another name.
    #[must_use]
    pub fn with_masked(mut self, name: &str) -> Self {
        for (_, value) in self.request.headers.iter_mut().filter(|(header, _)| header.eq_ignore_ascii_case(name)) {
            *value = MASK.to_vec();
        }
        let is_named = |parameter: &[u8], _: &[u8]| parameter.eq_ignore_ascii_case(name.as_bytes());
        self.request.target = masked_query(&self.request.target, is_named);
        self
    }

    /// Replaces the values of headers and of parameters that hold this text, and the parts of the
    /// path that do: for a secret that was written where it does not belong. The body stays as it
    /// is.
    #[must_use]
    pub fn with_masked_secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        let secret = secret.as_ref();
        let holds = |text: &[u8]| !secret.is_empty() && text.windows(secret.len()).any(|window| window == secret);
        for (_, value) in self.request.headers.iter_mut().filter(|(_, value)| holds(value)) {
            *value = MASK.to_vec();
        }
        let target = masked_query(&self.request.target, |_, value| holds(value));
        let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
        let parts = path.split('/').map(|part| if holds(&decoded(part)) { STARS } else { part });
        self.request.target = format!("{}{query}", parts.collect::<Vec<_>>().join("/"));
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

    /// Returns the names of the parameters in the URL whose values were replaced.
    pub fn masked_parameters(&self) -> impl Iterator<Item = &str> {
        let query = self.request.target.split_once('?').map_or("", |(_, query)| query);
        query.split('&').filter_map(|parameter| parameter.strip_suffix(STARS)?.strip_suffix('='))
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

/// Replaces the values of the parameters in a query for which `is_secret` says so. It gets the name
/// and the value without their percent-encoding. A parameter without a name is a value.
fn masked_query(target: &str, is_secret: impl Fn(&[u8], &[u8]) -> bool) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let masked = query.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, value)) if is_secret(&decoded(name), &decoded(value)) => format!("{name}={STARS}"),
        None if is_secret(b"", &decoded(parameter)) => STARS.to_owned(),
        _ => parameter.to_owned(),
    });
    format!("{path}?{}", masked.collect::<Vec<_>>().join("&"))
}

fn is_credential_parameter(name: &[u8], value: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    is_credential(&name, value)
        || PARAMETER_WORDS.iter().any(|word| name.contains(word))
        || PARAMETER_ENDS.iter().any(|end| name.ends_with(end))
}

/// Decodes the percent-encoding in a part of a URL.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        let escaped = match rest {
            [b'%', high, low, ..] => {
                digit(high).zip(digit(low)).map(|(high, low)| high.saturating_mul(16).saturating_add(low))
            }
            _ => None,
        };
        let (byte, length) = match (escaped.and_then(|byte| u8::try_from(byte).ok()), rest) {
            (Some(byte), _) => (byte, 3),
            (None, [b'+', ..]) => (b' ', 1),
            (None, [byte, ..]) => (*byte, 1),
            (None, []) => return decoded,
        };
        decoded.push(byte);
        rest = rest.get(length..).unwrap_or_default();
    }
}

const PARAMETER_WORDS: [&str; 2] = ["signature", "credential"];
const PARAMETER_ENDS: [&str; 6] = ["key", "sig", "auth", "pass", "pwd", "jwt"];
const WORDS: [&str; 7] = ["authorization", "cookie", "token", "secret", "api-key", "apikey", "password"];
const FORMAT: &str = "offhook_capture";
const VERSION: u64 = 1;
const STARS: &str = "***";
const MASK: &[u8] = STARS.as_bytes();

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
    fn a_url_holds_no_credential() {
        let masked = |target: &str| Capture::new(RawRequest::post(target, "")).request().target.clone();
        for name in ["token", "Secret", "api_key", "apikey", "key", "signature", "X-Amz-Credential", "sig", "%74oken"] {
            assert_eq!(masked(&format!("/h?a=1&{name}=s3cret&b")), format!("/h?a=1&{name}=***&b"));
        }
        for plain in ["/", "/token=1", "/h?", "/h?a=token&keys=1&&=&b=%", "*"] {
            assert_eq!(masked(plain), plain);
        }
        let capture = Capture::new(RawRequest::post("/h?pin=1&token=a&x=***", "")).with_masked("PIN");
        assert_eq!(capture.request().target, "/h?pin=***&token=***&x=***");
        assert_eq!(capture.masked_parameters().collect::<Vec<_>>(), ["pin", "token", "x"]);
        assert_eq!(Capture::from_json(capture.to_json().as_bytes()), Ok(capture));
    }

    #[test]
    fn a_secret_is_masked_wherever_it_is_in_a_url_or_a_header() {
        let request = RawRequest::post("/hooks/whsec_a%2Fb/x?whsec_a/b&q=1whsec%5Fa%2fb2&r=whsec", "whsec_a/b");
        let request = request.with_header("x-a", "1whsec_a/b").with_header("x-b", "whsec");
        let capture = Capture::new(request).with_masked_secret("whsec_a/b");
        assert_eq!(capture.request().target, "/hooks/***/x?***&q=***&r=whsec");
        assert_eq!(capture.masked().collect::<Vec<_>>(), ["x-a"]);
        assert_eq!(capture.request().body, "whsec_a/b");
        let unchanged = capture.clone().with_masked_secret("");
        assert_eq!(unchanged, capture);
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
