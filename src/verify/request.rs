use std::fmt;
use std::ops::Deref;

use crate::verify::{ConfigError, ConfigErrorKind, Headers, VerifyError};

/// A request without its body: method, target and headers, as they were received.
///
/// Method and target are unknown where only headers were handed over
/// ([`Verifier::receive`](crate::Verifier::receive)).
///
/// ```
/// use offhook::verify::Head;
///
/// let headers = [("X-Api-Key", " k3y ")];
/// let head = Head::new(&headers).with_method("POST").with_target("/hooks?tenant=7");
/// assert_eq!(head.header("x-api-key", 100)?, "k3y");
/// assert_eq!(head.header("x-other", 100).unwrap_err().code(), "missing_header");
/// # Ok::<(), offhook::VerifyError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Head<'r> {
    headers: &'r dyn Headers,
    method: Option<&'r str>,
    target: Option<&'r str>,
}

impl<'r> Head<'r> {
    /// Creates a head of which only the headers are known.
    pub fn new(headers: &'r dyn Headers) -> Self {
        Head { headers, method: None, target: None }
    }

    /// Adds the method, such as `POST`.
    #[must_use]
    pub fn with_method(self, method: &'r str) -> Self {
        Head { method: Some(method), ..self }
    }

    /// Adds the target as received: the path and, after a `?`, the query.
    #[must_use]
    pub fn with_target(self, target: &'r str) -> Self {
        Head { target: Some(target), ..self }
    }

    /// Adds the body.
    #[must_use]
    pub fn with_body(self, body: &'r [u8]) -> Request<'r> {
        Request { head: self, body }
    }

    /// Returns the headers.
    pub fn headers(&self) -> &'r dyn Headers {
        self.headers
    }

    /// Returns the method, where it is known.
    pub fn method(&self) -> Option<&'r str> {
        self.method
    }

    /// Returns the target as received, where it is known.
    pub fn target(&self) -> Option<&'r str> {
        self.target
    }

    /// Returns the value of a header that must be there exactly once, without the
    /// spaces and tabs around it.
    ///
    /// # Errors
    ///
    /// The header is missing, repeated, empty, longer than `max_bytes`, or not ASCII.
    pub fn header(&self, name: &'static str, max_bytes: usize) -> Result<&'r str, VerifyError> {
        let value = self.headers.lookup(name).required(max_bytes, || name.into())?;
        std::str::from_utf8(value).map_err(|_| VerifyError::HeaderNotAscii { header: name.into() })
    }
}

/// Shows method and target. Headers may hold credentials.
impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head { method, target, .. } = self;
        f.debug_struct("Head").field("method", method).field("target", target).finish_non_exhaustive()
    }
}

/// A request as a [`Verifier`](crate::Verifier) sees it: the [`Head`], to which it
/// dereferences, and the body.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    head: Head<'r>,
    body: &'r [u8],
}

impl<'r> Request<'r> {
    /// Creates a request of which only headers and body are known.
    pub fn new(headers: &'r dyn Headers, body: &'r [u8]) -> Self {
        Head::new(headers).with_body(body)
    }

    /// Returns the request without its body.
    pub fn head(&self) -> &Head<'r> {
        &self.head
    }

    /// Returns the body as it was received.
    pub fn body(&self) -> &'r [u8] {
        self.body
    }
}

impl<'r> Deref for Request<'r> {
    type Target = Head<'r>;

    fn deref(&self) -> &Head<'r> {
        &self.head
    }
}

/// Shows method, target and the body's length.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("head", &self.head).field("body_bytes", &self.body.len()).finish()
    }
}

/// The URL under which a vendor calls the receiver, for vendors that sign it.
///
/// It is configured, or rebuilt from proxy headers that are named here. It is never
/// taken from the `Host` header by default: whoever sends the request chooses that.
///
/// ```
/// use offhook::verify::{Head, PublicUrl};
///
/// let url = PublicUrl::base("https://hooks.example.com/v1")?;
/// let none: [(&str, &str); 0] = [];
/// let head = Head::new(&none).with_target("/twilio?tenant=7");
/// assert_eq!(url.of(&head)?, "https://hooks.example.com/v1/twilio?tenant=7");
///
/// let url = PublicUrl::from_trusted_headers("x-forwarded-proto", "x-forwarded-host");
/// let headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "hooks.example.com")];
/// let head = Head::new(&headers).with_target("/twilio");
/// assert_eq!(url.of(&head)?, "https://hooks.example.com/twilio");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Source);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Base(String),
    Headers { scheme: &'static str, host: &'static str },
}

impl PublicUrl {
    /// Puts `base` before each request's target. It holds the scheme, the host and, if
    /// the router or a proxy removes a prefix from the path, that prefix:
    /// `https://hooks.example.com` or `https://hooks.example.com/webhooks`.
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::InvalidUrl`] if it does not begin with `https://` or `http://` and a
    /// host, ends with a slash, or holds a query, a fragment or white space.
    pub fn base(base: impl Into<String>) -> Result<Self, ConfigError> {
        let base = base.into();
        let rest = base.strip_prefix("https://").or(base.strip_prefix("http://")).unwrap_or_default();
        let host = rest.split('/').next().unwrap_or_default();
        if !is_host(host)
            || rest.ends_with('/')
            || !rest.bytes().all(|byte| byte.is_ascii_graphic())
            || rest.contains(['?', '#'])
        {
            return Err(ConfigError::new(ConfigErrorKind::InvalidUrl { url: base }));
        }
        Ok(PublicUrl(Source::Base(base)))
    }

    /// Takes the scheme and the host from these two headers. Use it only behind a proxy
    /// that sets both on every request: what a sender puts there would be trusted.
    pub const fn from_trusted_headers(scheme: &'static str, host: &'static str) -> Self {
        PublicUrl(Source::Headers { scheme, host })
    }

    /// Returns the URL of a request.
    ///
    /// # Errors
    ///
    /// [`VerifyError::UnknownUrl`] if the request's target is not known or does not begin
    /// with a slash, and an error that names the header if a proxy header is missing,
    /// repeated or malformed.
    pub fn of(&self, head: &Head<'_>) -> Result<String, VerifyError> {
        let target = head.target().filter(|target| target.starts_with('/')).ok_or(VerifyError::UnknownUrl)?;
        match &self.0 {
            Source::Base(base) => Ok(format!("{base}{target}")),
            Source::Headers { scheme, host } => {
                let malformed = |header: &'static str| VerifyError::MalformedHeader { header: header.into() };
                let scheme_value = head.header(scheme, MAX_HOST_BYTES)?;
                if !matches!(scheme_value, "https" | "http") {
                    return Err(malformed(scheme));
                }
                let host_value = head.header(host, MAX_HOST_BYTES)?;
                if !is_host(host_value) {
                    return Err(malformed(host));
                }
                Ok(format!("{scheme_value}://{host_value}{target}"))
            }
        }
    }
}

/// Returns whether `host` can be a host and a port. User names are not accepted.
fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    !host.is_empty() && host.bytes().all(allowed)
}

const MAX_HOST_BYTES: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_holds_what_it_was_given() {
        let headers = [("x-key", "secret")];
        let request = Head::new(&headers).with_method("PUT").with_target("/hooks?a=b").with_body(b"body");
        assert_eq!(
            (request.method(), request.target(), request.body()),
            (Some("PUT"), Some("/hooks?a=b"), &b"body"[..])
        );
        assert_eq!(request.head().header("X-Key", 6), Ok("secret"));
        assert_eq!(
            format!("{request:?}"),
            r#"Request { head: Head { method: Some("PUT"), target: Some("/hooks?a=b"), .. }, body_bytes: 4 }"#
        );
        let unknown = Request::new(&headers, b"");
        assert_eq!((unknown.method(), unknown.target()), (None, None));
    }

    #[test]
    fn a_base_that_cannot_be_a_prefix_is_refused() {
        for base in [
            "",
            "hooks.example.com",
            "ftp://a",
            "https://",
            "https:///a",
            "https://a/",
            "https://a?b",
            "https://a#b",
            "https://user@a",
            "https://a b",
            "https://a/\n",
            "HTTPS://a",
        ] {
            assert_eq!(PublicUrl::base(base).unwrap_err().code(), "invalid_url", "{base}");
        }
        for base in ["https://a", "http://127.0.0.1:3000", "https://[::1]:8443/a/b"] {
            assert!(PublicUrl::base(base).is_ok(), "{base}");
        }
    }

    #[test]
    fn proxy_headers_are_read_strictly() {
        let url = PublicUrl::from_trusted_headers("x-proto", "x-host");
        let of =
            |headers: &[(&str, &str)]| url.of(&Head::new(&headers).with_target("/t")).map_err(|error| error.code());
        assert_eq!(of(&[("x-proto", "https"), ("x-host", "a.b:8443")]).as_deref(), Ok("https://a.b:8443/t"));
        assert_eq!(of(&[("x-host", "a")]), Err("missing_header"));
        assert_eq!(of(&[("x-proto", "https"), ("x-host", "a"), ("X-Host", "a")]), Err("repeated_header"));
        for (proto, host) in
            [("https,http", "a"), ("HTTPS", "a"), ("https", "a, b"), ("https", "a/b"), ("https", "u@a")]
        {
            assert_eq!(of(&[("x-proto", proto), ("x-host", host)]), Err("malformed_header"), "{proto} {host}");
        }
    }

    #[test]
    fn a_url_needs_a_target() {
        let url = PublicUrl::base("https://a").unwrap();
        let none: [(&str, &str); 0] = [];
        for head in [Head::new(&none), Head::new(&none).with_target("http://b/"), Head::new(&none).with_target("*")] {
            assert_eq!(url.of(&head), Err(VerifyError::UnknownUrl));
        }
    }
}
