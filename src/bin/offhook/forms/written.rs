//! Deliveries as text: a curl command, a raw request, or its headers.

use hyper::Uri;
use hyper::http::uri::InvalidUriParts;
use offhook::testing::{Capture, RawRequest};

use super::{MASK, is_of_a_connection};

/// A delivery cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error("{0:?} is no path: name a URL with a path")]
    NoPath(String),
    #[error("the URL cannot be used: {0}")]
    Url(#[from] InvalidUriParts),
    #[error("the delivery is not text, so there is no curl command for it")]
    NotText,
}

/// Returns the path and the query of a URL.
pub(crate) fn target(url: &Uri) -> &str {
    url.path_and_query().map_or("/", |target| target.as_str())
}

/// Returns a URL as it is shown: a password, and what is a credential in the query, are masked.
pub(crate) fn shown(url: &Uri) -> String {
    let target = url.path_and_query().map_or("", |target| target.as_str());
    let capture = Capture::new(RawRequest::post(target, ""));
    let host = host(url);
    let user = if url.authority().is_some_and(|authority| authority.as_str() != host) { "***@" } else { "" };
    let scheme = url.scheme_str().map(|scheme| format!("{scheme}://")).unwrap_or_default();
    format!("{scheme}{user}{host}{}", capture.request().target)
}

/// Returns the host and the port of a URL, without the name of a user.
fn host(url: &Uri) -> &str {
    let authority = url.authority().map_or("", |authority| authority.as_str());
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// Returns where a delivery goes. Without a path, and without a URL at all, it goes to its own
/// path.
pub(crate) fn url(to: Option<&Uri>, request: &RawRequest) -> Result<Uri, WriteError> {
    let base = match to {
        Some(to) if target(to) != "/" => return Ok(to.clone()),
        Some(to) => to.clone(),
        None => Uri::from_static(LOCAL),
    };
    // Behind the text of a URL, a target such as `@host` would name another server.
    let path = request.target.parse().ok().filter(|_| request.target.starts_with('/'));
    let mut parts = base.into_parts();
    parts.path_and_query = Some(path.ok_or_else(|| WriteError::NoPath(request.target.clone()))?);
    Ok(Uri::from_parts(parts)?)
}

/// Where the example servers listen.
const LOCAL: &str = "http://127.0.0.1:3000";

/// A header whose value a shell makes from its environment, such as `Bearer $TOKEN`.
#[derive(Clone, Debug)]
pub(crate) struct ShellHeader {
    pub(crate) name: &'static str,
    pub(crate) value: String,
}

/// Writes a curl command. If the header of the token is masked, the shell makes its value. Other
/// masked values are left out, and so are the headers that curl makes anew.
pub(crate) fn curl(url: &Uri, request: &RawRequest, token: Option<ShellHeader>) -> Result<String, WriteError> {
    let mut command = "curl -i".to_owned();
    // curl would replace brackets by other texts, and take `/../` out of the path.
    let url = shown(url);
    if url.contains(['[', ']', '{', '}']) {
        command.push_str(" --globoff");
    }
    if url.contains("/.") {
        command.push_str(" --path-as-is");
    }
    command.push_str(&format!(" {}", quoted(&url)));
    if request.method != "POST" {
        command.push_str(&format!(" -X {}", quoted(&request.method)));
    }
    let mut has_content_type = false;
    for (name, value) in delivered(request) {
        let is_masked = value == MASK;
        let header = match &token {
            Some(token) if is_masked && name.eq_ignore_ascii_case(token.name) => {
                format!("\"{name}: {}\"", token.value)
            }
            _ if is_masked => continue,
            _ if value.is_empty() => quoted(&format!("{name};")),
            _ => quoted(&format!("{name}: {}", text(value)?)),
        };
        command.push_str(&format!(" \\\n  -H {header}"));
        has_content_type |= name.eq_ignore_ascii_case("content-type");
    }
    if !has_content_type {
        // Otherwise curl adds one.
        command.push_str(" \\\n  -H 'Content-Type:'");
    }
    // `--data-binary` would take a body that begins with `@` for the name of a file.
    command.push_str(&format!(" \\\n  --data-raw {}\n", quoted(text(&request.body)?)));
    Ok(command)
}

/// Returns text that can be an argument.
fn text(bytes: &[u8]) -> Result<&str, WriteError> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or(WriteError::NotText)
}

/// Puts text into quotation marks, in which a shell replaces nothing.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Writes a request of HTTP/1.1, with new headers of the connection.
pub(crate) fn http(url: &Uri, request: &RawRequest) -> Vec<u8> {
    let host = host(url);
    let head = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", request.method, request.target);
    let length = format!("Content-Length: {}\r\nConnection: close\r\n\r\n", request.body.len());
    let headers = delivered(request).flat_map(|header| line(header, "\r\n"));
    head.into_bytes().into_iter().chain(headers).chain(length.into_bytes()).chain(request.body.clone()).collect()
}

/// Writes the headers, one a line.
pub(crate) fn headers(request: &RawRequest) -> Vec<u8> {
    request.headers.iter().flat_map(|header| line(header, "\n")).collect()
}

fn line((name, value): &(String, Vec<u8>), end: &str) -> Vec<u8> {
    [name.as_bytes(), b": ", value, end.as_bytes()].concat()
}

/// Returns the headers that belong to the delivery and not to its connection.
fn delivered(request: &RawRequest) -> impl Iterator<Item = &(String, Vec<u8>)> {
    request.headers.iter().filter(|(name, _)| !is_of_a_connection(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        for (url, expected) in [
            ("http://user:s3cret@h:1/a?token=s3cret&b=1", "http://***@h:1/a?token=***&b=1"),
            ("https://h/", "https://h/"),
            ("h:1", "h:1"),
            ("/a?key=s3cret", "/a?key=***"),
        ] {
            assert_eq!(shown(&url.parse().unwrap()), expected);
        }
    }

    #[test]
    fn the_target_of_a_delivery_names_no_other_server() {
        let to: Uri = "http://localhost:3000".parse().unwrap();
        let url = |target: &str| url(Some(&to), &RawRequest::post(target, "")).map(|url| url.to_string());
        assert_eq!(url("/hooks?a=1").unwrap(), "http://localhost:3000/hooks?a=1");
        assert_eq!(url("//attacker.example/").unwrap(), "http://localhost:3000//attacker.example/");
        for target in ["@attacker.example/", ".attacker.example/", "1/", "*", "", "http://attacker.example/"] {
            assert!(matches!(url(target), Err(WriteError::NoPath(_))), "{target}");
        }
    }

    fn curl(target: &str, body: impl AsRef<[u8]>, headers: &[(&str, &str)]) -> Result<String, WriteError> {
        let request = RawRequest::post(target, body.as_ref().to_vec());
        let request = headers.iter().fold(request, |request, (name, value)| request.with_header(*name, *value));
        super::curl(&url(None, &request)?, &request, None)
    }

    #[test]
    fn a_curl_command_sends_the_body_as_it_is() {
        let command = curl("/", "@/etc/passwd", &[("Content-Type", "x")]).unwrap();
        assert!(command.ends_with(" --data-raw '@/etc/passwd'\n"), "{command}");
        for body in [&b"\xff"[..], b"a\0b"] {
            assert!(matches!(curl("/", body, &[]), Err(WriteError::NotText)));
        }
    }

    #[test]
    fn curl_changes_neither_the_path_nor_the_headers() {
        let start = |target: &str| curl(target, "", &[]).unwrap().lines().next().unwrap().to_owned();
        assert_eq!(start("/a[1-9]"), "curl -i --globoff 'http://127.0.0.1:3000/a[1-9]' \\");
        assert_eq!(start("/a/../b"), "curl -i --path-as-is 'http://127.0.0.1:3000/a/../b' \\");
        let command = curl("/", "", &[("X-Empty", "")]).unwrap();
        assert!(command.contains("-H 'X-Empty;' \\\n  -H 'Content-Type:' \\\n"), "{command}");
    }

    #[test]
    fn a_request_has_the_headers_of_one_connection() {
        let request = RawRequest::post("/", "{}").with_header("X-A", "1").with_header("Transfer-Encoding", "chunked");
        let text = String::from_utf8(http(&Uri::from_static(LOCAL), &request)).unwrap();
        let expected =
            "POST / HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nX-A: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        assert_eq!(text, expected);
    }
}
