//! Deliveries as text: a curl command, a raw request, or its headers.

use hyper::Uri;
use offhook::testing::{Capture, RawRequest};
use serde_json::json;

use crate::client::is_of_a_connection;
use crate::failure::Failure;
use crate::output::{Output, printable};
use crate::vendors::TokenHeader;

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
pub(crate) fn url(to: Option<&Uri>, request: &RawRequest) -> Result<Uri, Failure> {
    let base = match to {
        Some(to) if target(to) != "/" => return Ok(to.clone()),
        Some(to) => to.clone(),
        None => Uri::from_static(LOCAL),
    };
    // Behind the text of a URL, a target such as `@host` would name another server.
    let path = request.target.parse().ok().filter(|_| request.target.starts_with('/'));
    let mut parts = base.into_parts();
    parts.path_and_query =
        Some(path.ok_or_else(|| {
            Failure::Usage(format!("{} is no path: name a URL with a path", printable(&request.target)))
        })?);
    Uri::from_parts(parts).map_err(|error| Failure::usage(&printable(&request.target), &error))
}

/// Where the example servers listen.
const LOCAL: &str = "http://127.0.0.1:3000";

/// Writes a curl command. Where the token of a vendor with a static header is masked, it comes
/// from the environment of the shell; for that the header of the token is needed. Other masked values are left out, and so are the headers
/// that curl makes anew.
pub(crate) fn curl(url: &Uri, request: &RawRequest, token: Option<TokenHeader>) -> Result<String, Failure> {
    let text = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec())
            .map_err(|_| Failure::Usage("the delivery is not text, so there is no curl command for it".to_owned()))
    };
    let mut command = format!("curl -i {}", quoted(&shown(url)));
    if request.method != "POST" {
        command.push_str(&format!(" -X {}", quoted(&request.method)));
    }
    for (name, value) in request.headers.iter().filter(|(name, _)| !is_of_a_connection(name)) {
        let is_masked = value == b"***";
        match token {
            Some(header) if is_masked && name.eq_ignore_ascii_case(header.name()) => {
                command.push_str(&format!(" \\\n  -H \"{name}: {}\"", header.in_shell()));
            }
            _ if is_masked => {}
            _ => command.push_str(&format!(" \\\n  -H {}", quoted(&format!("{name}: {}", text(value)?)))),
        }
    }
    command.push_str(&format!(" \\\n  --data-binary {}\n", quoted(&text(&request.body)?)));
    Ok(command)
}

/// Prints a curl command.
pub(crate) fn print_curl(
    url: &Uri,
    request: &RawRequest,
    token: Option<TokenHeader>,
    output: &Output,
) -> Result<(), Failure> {
    let command = curl(url, request, token)?;
    if output.is_json() { output.json(&json!({ "command": command })) } else { output.text(&command) }
}

/// Puts text into quotation marks, in which a shell replaces nothing.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Writes a request of HTTP/1.1.
pub(crate) fn http(url: &Uri, request: &RawRequest) -> Vec<u8> {
    let host = host(url);
    let head = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", request.method, request.target);
    let length = format!("Content-Length: {}\r\nConnection: close\r\n\r\n", request.body.len());
    [head.as_bytes(), &lines(request, "\r\n"), length.as_bytes(), &request.body].concat()
}

/// Writes the headers, one a line.
pub(crate) fn headers(request: &RawRequest) -> Vec<u8> {
    lines(request, "\n")
}

fn lines(request: &RawRequest, end: &str) -> Vec<u8> {
    let line = |(name, value): &(String, Vec<u8>)| [name.as_bytes(), b": ", value, end.as_bytes()].concat();
    request.headers.iter().flat_map(line).collect()
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
            assert!(matches!(url(target), Err(Failure::Usage(_))), "{target}");
        }
    }
}
