//! Deliveries as text: a curl command, a raw request, or its headers.

use hyper::Uri;
use hyper::http::uri::InvalidUriParts;
use offhook::testing::RawRequest;

use super::is_of_a_connection;

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

/// Writes a curl command. A masked token comes from this variable of the shell's environment.
/// Other masked values are left out, and so are the headers that curl makes anew.
pub(crate) fn curl(url: &Uri, request: &RawRequest, variable: Option<&str>) -> Result<String, WriteError> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| WriteError::NotText);
    let mut command = format!("curl -i {}", quoted(&url.to_string()));
    if request.method != "POST" {
        command.push_str(&format!(" -X {}", quoted(&request.method)));
    }
    for (name, value) in request.headers.iter().filter(|(name, _)| !is_of_a_connection(name)) {
        let is_masked = value == b"***";
        match variable {
            Some(variable) if is_masked && name.eq_ignore_ascii_case("authorization") => {
                command.push_str(&format!(" \\\n  -H \"{name}: Bearer ${variable}\""));
            }
            _ if is_masked => {}
            _ => command.push_str(&format!(" \\\n  -H {}", quoted(&format!("{name}: {}", text(value)?)))),
        }
    }
    command.push_str(&format!(" \\\n  --data-binary {}\n", quoted(&text(&request.body)?)));
    Ok(command)
}

/// Puts text into quotation marks, in which a shell replaces nothing.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Writes a request of HTTP/1.1.
pub(crate) fn http(url: &Uri, request: &RawRequest) -> Vec<u8> {
    let host = url.authority().map_or("", |authority| authority.as_str());
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
    fn the_target_of_a_delivery_names_no_other_server() {
        let to: Uri = "http://localhost:3000".parse().unwrap();
        let url = |target: &str| url(Some(&to), &RawRequest::post(target, "")).map(|url| url.to_string());
        assert_eq!(url("/hooks?a=1").unwrap(), "http://localhost:3000/hooks?a=1");
        assert_eq!(url("//attacker.example/").unwrap(), "http://localhost:3000//attacker.example/");
        for target in ["@attacker.example/", ".attacker.example/", "1/", "*", "", "http://attacker.example/"] {
            assert!(matches!(url(target), Err(WriteError::NoPath(_))), "{target}");
        }
    }
}
