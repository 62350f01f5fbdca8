//! A request in a HAR file, as browsers and proxies save them.

use base64ct::{Base64, Encoding};
use chrono::{DateTime, Utc};
use hyper::Uri;
use offhook::testing::RawRequest;
use serde::Deserialize;

use super::{Input, InputError};

/// A whole file, or one of its entries.
#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Log { log: Log },
    Entry(Entry),
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "startedDateTime")]
    started: Option<String>,
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
    headers: Vec<Header>,
    #[serde(rename = "postData")]
    body: Option<Body>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    text: String,
    /// `base64` where a proxy saved bytes that are not text. The format names it for answers.
    encoding: Option<String>,
}

/// Reads the only request with a body.
pub(super) fn parse(file: &[u8]) -> Result<Input, InputError> {
    let file =
        serde_json::from_slice(file).map_err(|_| InputError::Har("holds no request with method, url and headers"))?;
    let mut entries = match file {
        File::Log { log } => log.entries,
        File::Entry(entry) => vec![entry],
    };
    entries.retain(|entry| entry.request.body.is_some());
    let count = entries.len();
    match (entries.pop(), count) {
        (Some(entry), 1) => entry.input(),
        (None, _) => Err(InputError::Har("holds no request with a body")),
        (Some(_), _) => Err(InputError::SeveralEntries(count)),
    }
}

impl Entry {
    fn input(self) -> Result<Input, InputError> {
        let Request { method, url, headers, body } = self.request;
        let url: Uri = url.parse().map_err(|_| InputError::Har("has a url that cannot be read"))?;
        let body = match body {
            Some(Body { text, encoding: Some(encoding) }) if encoding == "base64" => {
                Base64::decode_vec(&text).map_err(|_| InputError::Har("has a body that is not base64"))?
            }
            Some(Body { text, .. }) => text.into_bytes(),
            None => Vec::new(),
        };
        let mut request = RawRequest::post(url.path_and_query().map_or("/", |target| target.as_str()), body);
        request.method = method;
        // HTTP/2 has names that are no headers, such as `:path`.
        let headers = headers.into_iter().filter(|header| !header.name.starts_with(':'));
        request.headers = headers.map(|Header { name, value }| (name, value.into_bytes())).collect();
        let started = self.started.and_then(|time| DateTime::parse_from_rfc3339(&time).ok());
        Input::new(request, started.map(|time| time.with_timezone(&Utc)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(body: serde_json::Value) -> serde_json::Value {
        json!({
            "startedDateTime": "2026-03-18T14:30:00.5+01:00",
            "request": {
                "method": "POST",
                "url": "https://example.com/hooks?a=1",
                "headers": [{"name": ":path", "value": "/hooks"}, {"name": "X-A", "value": "1"}],
                "postData": body,
            },
        })
    }

    #[test]
    fn an_entry_is_read_alone_and_in_its_file() {
        let alone = entry(json!({"mimeType": "application/json", "text": "{\"a\":1}"}));
        let get = json!({"request": {"method": "GET", "url": "/", "headers": []}});
        let file = json!({"log": {"entries": [get, alone]}});
        for har in [alone, file] {
            let input = parse(har.to_string().as_bytes()).unwrap();
            let expected = RawRequest::post("/hooks?a=1", "{\"a\":1}").with_header("X-A", "1");
            assert_eq!(input.request, expected);
            assert_eq!(input.received_at.unwrap().to_rfc3339(), "2026-03-18T13:30:00.500+00:00");
        }
    }

    #[test]
    fn a_body_may_be_base64() {
        let input = parse(entry(json!({"encoding": "base64", "text": "/w=="})).to_string().as_bytes()).unwrap();
        assert_eq!(&input.request.body[..], b"\xff");
        let broken = parse(entry(json!({"encoding": "base64", "text": "/"})).to_string().as_bytes());
        assert_eq!(broken, Err(InputError::Har("has a body that is not base64")));
    }

    #[test]
    fn several_requests_are_refused() {
        let entry = entry(json!({"text": "{}"}));
        let file = json!({"log": {"entries": [entry, entry]}});
        assert_eq!(parse(file.to_string().as_bytes()), Err(InputError::SeveralEntries(2)));
        assert_eq!(parse(b"{\"log\":{\"entries\":[]}}"), Err(InputError::Har("holds no request with a body")));
    }
}
