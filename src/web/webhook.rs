use std::error::Error;
use std::fmt;
use std::ops::Deref;

use crate::receive::{Delivery, ReceiveError, Verifier};
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
/// (actix-web) says. Chunked bodies are accepted like any other.
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
/// nothing. The reason goes to the log (feature `tracing`).
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
            Rejection::BodyUnreadable(_) => "body_unreadable",
            Rejection::NoVerifier { .. } => "no_verifier",
        }
    }
}

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
