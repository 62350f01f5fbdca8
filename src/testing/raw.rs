use std::fmt;

use bytes::Bytes;

use crate::verify::{Head, Request};

/// A request that owns its parts, with its headers in order and as they are written.
///
/// [`Signer::request`](crate::testing::Signer::request) makes one, and
/// [`NearMiss`](crate::testing::NearMiss) damages one. It can be built from a capture too.
///
/// ```
/// use offhook::Verifier;
/// use offhook::testing::{RawRequest, Signer, samples};
///
/// let truedy = offhook::Truedy::new("whsec_test")?;
/// let request = Signer::of(&truedy).request("/webhooks/truedy", samples::truedy::CALL_ENDED);
/// assert!(truedy.receive_request(&request.head(), request.body.clone()).is_ok());
///
/// let captured = RawRequest::post("/webhooks/truedy", "{}").with_header("X-Truedy-Timestamp", "1773844200");
/// assert!(truedy.verify(&captured.request()).is_err());
/// # Ok::<(), offhook::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawRequest {
    /// The method, such as `POST`.
    pub method: String,
    /// The path and, after a `?`, the query.
    pub target: String,
    /// The names and values of the headers. A name may occur more than once.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Bytes,
}

impl RawRequest {
    /// Creates a `POST` without headers.
    pub fn post(target: impl Into<String>, body: impl Into<Bytes>) -> Self {
        RawRequest { method: "POST".to_owned(), target: target.into(), headers: Vec::new(), body: body.into() }
    }

    /// Adds a header after the others.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Removes all headers of this name.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        self
    }

    /// Replaces the body. The headers stay, and with them the signature.
    #[must_use]
    pub fn with_body(self, body: impl Into<Bytes>) -> Self {
        RawRequest { body: body.into(), ..self }
    }

    /// Returns the request without its body, as a verifier sees it.
    pub fn head(&self) -> Head<'_> {
        Head::new(&self.headers).with_method(&self.method).with_target(&self.target)
    }

    /// Returns the request as a verifier sees it.
    pub fn request(&self) -> Request<'_> {
        self.head().with_body(&self.body)
    }
}

/// Shows the method, the target, the names of the headers and the length of the body.
impl fmt::Debug for RawRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRequest")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
