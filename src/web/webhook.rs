use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use crate::receive::{Delivery, ReceiveError, Reply, Verifier};
use crate::verify::VerifyError;
use crate::verify::headers::trim;

/// The extractor: a delivery of the vendor `V`, verified and typed.
///
/// In axum (feature `axum`) the verifier comes from the state, through `FromRef`.
/// In actix-web (feature `actix-web`) it comes from `web::Data<V>`. The extractor
/// dereferences to the [`Delivery`].
///
/// It takes the raw body. Before it reads the body, it refuses a `Content-Encoding`
/// (415) and whatever [`Verifier::check_head`] refuses (401). A body over the limit
/// gets 413. The limit is 2 MiB, or what `DefaultBodyLimit` (axum) or `PayloadConfig`
/// (actix-web) says. Chunked bodies are accepted like any other. A body that does not
/// arrive within 10 s gets 408, and one that finds too many others half received gets 503:
/// [`ReadLimits`](crate::ReadLimits) sets both. The runtime needs its timer, which
/// `#[tokio::main]` and actix-web switch on.
///
/// ```
/// # #[cfg(feature = "axum")]
/// # mod example {
/// use axum::extract::FromRef;
/// use axum::routing::post;
/// use offhook::{Reply, Salpre, Truedy, Webhook, truedy};
///
/// #[derive(Clone, FromRef)]
/// struct App {
///     truedy: Truedy,
///     salpre: Salpre,
/// }
///
/// async fn on_truedy(webhook: Webhook<Truedy>) -> Reply {
///     if let truedy::Event::CallEnded(ended) = webhook.event() {
///         println!("{:?} lasted {:?}", ended.call.call_id, ended.call.duration);
///     }
///     webhook.acknowledge()
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = App { truedy: Truedy::new("whsec_first")?, salpre: Salpre::bearer("s3cret-t0ken")? };
/// let router: axum::Router = axum::Router::new().route("/webhooks/truedy", post(on_truedy)).with_state(app);
/// # Ok(()) }
/// # }
/// ```
///
/// The same in actix-web:
///
/// ```
/// # #[cfg(feature = "actix-web")]
/// # mod example {
/// use actix_web::{App, web};
/// use offhook::{Reply, Truedy, Webhook};
///
/// async fn on_truedy(webhook: Webhook<Truedy>) -> Reply {
///     webhook.acknowledge()
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let truedy = web::Data::new(Truedy::new("whsec_first")?);
/// let app = App::new().app_data(truedy).route("/webhooks/truedy", web::post().to(on_truedy));
/// # Ok(()) }
/// # }
/// ```
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
/// It is a response with its status and an empty body, so that a forger learns
/// nothing. The reason goes to the log (feature `tracing`), and its [`Code`] is in the
/// response's extensions. Unless the delivery was authentic, the response closes the
/// connection, so that the rest of an unread body costs nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The delivery is not authentic, not fresh, or not an event.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// The body has a `Content-Encoding`. The signature is over the encoded bytes, and
    /// nothing here decodes them.
    #[error("the body has a Content-Encoding, which is not accepted")]
    ContentCoding,
    /// The body is over the limit.
    #[error("the body is larger than the limit")]
    BodyTooLarge,
    /// The body did not arrive within the deadline of [`ReadLimits`](crate::ReadLimits).
    #[error("the body did not arrive within {} ms", deadline.as_millis())]
    BodyTimeout {
        /// The deadline.
        deadline: Duration,
    },
    /// Too many bytes of other bodies are in memory; see
    /// [`ReadLimits::with_budget`](crate::ReadLimits::with_budget).
    #[error("too many bytes of unverified bodies are in memory")]
    Overloaded {
        /// After this time, none of the other bodies is there any more.
        retry_after: Duration,
    },
    /// The body could not be read to its end.
    #[error("the body could not be read: {0}")]
    BodyUnreadable(Box<dyn Error + Send + Sync>),
    /// The application holds no verifier of this type (actix-web).
    #[error("no verifier is configured: add `app_data(web::Data::new(…))` with a `{verifier}`")]
    NoVerifier {
        /// The type that is missing.
        verifier: &'static str,
    },
}

impl Rejection {
    /// Returns the HTTP status for the sender.
    pub fn status(&self) -> u16 {
        match self {
            Rejection::Receive(error) => error.status(),
            Rejection::ContentCoding => 415,
            Rejection::BodyTooLarge => 413,
            Rejection::BodyTimeout { .. } => 408,
            Rejection::Overloaded { .. } => 503,
            Rejection::BodyUnreadable(_) => 400,
            Rejection::NoVerifier { .. } => 500,
        }
    }

    /// Returns a stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::Receive(error) => error.code(),
            Rejection::ContentCoding => "content_coding",
            Rejection::BodyTooLarge => "body_too_large",
            Rejection::BodyTimeout { .. } => "body_timeout",
            Rejection::Overloaded { .. } => "overloaded",
            Rejection::BodyUnreadable(_) => "body_unreadable",
            Rejection::NoVerifier { .. } => "no_verifier",
        }
    }

    /// Returns the value of `Retry-After`, in seconds, where there is one.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Rejection::Overloaded { retry_after } => Reply::unavailable(*retry_after).retry_after_secs(),
            _ => None,
        }
    }

    /// Returns whether the response closes the connection: a part of the body may be
    /// unread, and the sender may be anybody.
    pub(super) fn closes(&self) -> bool {
        !matches!(self, Rejection::Receive(ReceiveError::Parse(_)))
    }
}

/// The code of a [`Rejection`] or a [`Reply`], in the extensions of the response.
///
/// The sender does not see it. A middleware or a test tells by it why one 401 is not like
/// another: `response.extensions().get::<Code>()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code(
    /// The code, such as `malformed_signature` or `duplicate`.
    pub &'static str,
);

impl From<VerifyError> for Rejection {
    fn from(error: VerifyError) -> Self {
        ReceiveError::from(error).into()
    }
}

/// Refuses a `Content-Encoding` that names anything but `identity`
/// ([RFC 9110, section 8.4](https://www.rfc-editor.org/rfc/rfc9110#section-8.4)).
pub(super) fn refuse_content_coding<'h>(mut values: impl Iterator<Item = &'h [u8]>) -> Result<(), Rejection> {
    let is_coding = |coding: &[u8]| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity");
    match values.any(|value| value.split(|byte| *byte == b',').map(trim).any(is_coding)) {
        true => Err(Rejection::ContentCoding),
        false => Ok(()),
    }
}

/// The limit of a body where the application sets none: 2 MiB, as in axum.
#[cfg(feature = "actix-web")]
pub(super) const DEFAULT_BODY_LIMIT: usize = 2 * 1024 * 1024;
