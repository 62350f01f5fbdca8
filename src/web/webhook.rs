use std::error::Error;
use std::fmt;
use std::ops::Deref;

use crate::receive::Delivery;
use crate::receive::ReceiveError;
use crate::receive::Verifier;

/// The extractor: a delivery of the vendor `V`, verified and typed.
///
/// In axum (feature `axum`) the verifier comes from the state, through `FromRef`;
/// in actix-web (feature `actix-web`) from `web::Data<V>`. It dereferences to the
/// [`Delivery`].
///
/// The extractor takes the raw body: it refuses one with a content coding (415)
/// before reading it, and one over the limit (413). The limit is 2 MiB, or what
/// `DefaultBodyLimit` (axum) or `PayloadConfig` (actix-web) says. Chunked bodies
/// are bodies like any other.
pub struct Webhook<V: Verifier>(
    /// The delivery.
    pub Delivery<V::Event>,
);

impl<V: Verifier> Deref for Webhook<V> {
    type Target = Delivery<V::Event>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<V: Verifier> fmt::Debug for Webhook<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Webhook").field(&self.0).finish()
    }
}

/// Why the extractor [`Webhook`] refused a request.
///
/// It is a response: its status and an empty body, so that a forger learns
/// nothing. The reason goes to the log (feature `tracing`).
#[derive(Debug)]
#[non_exhaustive]
pub enum Rejection {
    /// Not authentic, not fresh, or not an event.
    Receive(ReceiveError),
    /// The body has a content coding. What was signed are the bytes before
    /// anything is undone, and nothing here undoes it.
    ContentCoding,
    /// The body is over the limit.
    BodyTooLarge,
    /// The body could not be read to its end.
    BodyUnreadable(Box<dyn Error + Send + Sync>),
    /// The application holds no verifier of this type (actix-web).
    NoVerifier {
        /// The type that is missing.
        verifier: &'static str,
    },
}

impl Rejection {
    /// The HTTP status for the sender.
    pub fn status(&self) -> u16 {
        match self {
            Rejection::Receive(error) => error.status(),
            Rejection::ContentCoding => 415,
            Rejection::BodyTooLarge => 413,
            Rejection::BodyUnreadable(_) => 400,
            Rejection::NoVerifier { .. } => 500,
        }
    }

    /// A stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::Receive(error) => error.code(),
            Rejection::ContentCoding => "content_coding",
            Rejection::BodyTooLarge => "body_too_large",
            Rejection::BodyUnreadable(_) => "body_unreadable",
            Rejection::NoVerifier { .. } => "no_verifier",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejection::Receive(error) => error.fmt(f),
            Rejection::ContentCoding => f.write_str("the body has a content coding"),
            Rejection::BodyTooLarge => f.write_str("the body is larger than the limit"),
            Rejection::BodyUnreadable(_) => f.write_str("the body could not be read"),
            Rejection::NoVerifier { verifier } => {
                write!(f, "no verifier is configured: register web::Data<{verifier}>")
            }
        }
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Rejection::BodyUnreadable(error) => Some(&**error),
            _ => None,
        }
    }
}

impl From<ReceiveError> for Rejection {
    fn from(error: ReceiveError) -> Self {
        Rejection::Receive(error)
    }
}

/// Whether `Content-Encoding` names anything but `identity`
/// ([RFC 9110, section 8.4](https://www.rfc-editor.org/rfc/rfc9110#section-8.4)).
pub(crate) fn is_coded<'h>(mut values: impl Iterator<Item = &'h [u8]>) -> bool {
    values.any(|value| {
        value
            .split(|byte| *byte == b',')
            .map(crate::verify::trim)
            .any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
    })
}
