//! [Standard Webhooks](https://www.standardwebhooks.com): one way to sign, which OpenAI, Svix and many others use.
//!
//! What is signed is fixed; what is said is up to the vendor, so the event is a
//! type of yours.
//!
//! ```
//! use offhook::{FixedClock, StandardWebhooks, Verifier};
//!
//! #[derive(serde::Deserialize)]
//! struct Test { test: u64 }
//!
//! // The vector of the specification's own libraries.
//! let vendor = StandardWebhooks::<Test>::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?
//!     .with_clock(FixedClock::at_unix(1_614_265_330));
//! let headers = [
//!     ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
//!     ("webhook-timestamp", "1614265330"),
//!     ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
//! ];
//!
//! let delivery = vendor.receive(&headers, r#"{"test": 2432232314}"#)?;
//! let message = delivery.event();
//! assert_eq!(delivery.envelope().id.as_deref(), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
//! match &message.data {
//!     Ok(data) => assert_eq!(data.test, 2432232314),
//!     Err(undecodable) => println!("{undecodable}"), // still delivered, with its JSON
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod message;

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::event::{ParseError, Parsed};
use crate::receive::Success;
use crate::receive::Verifier;
use crate::time::Clock;
use crate::verify::Headers;
use crate::verify::Secret;
use crate::verify::Tolerance;
use crate::verify::Verified;
use crate::verify::{ConfigError, VerifyError};
use crate::verify::{HmacKeys, HmacScheme, Part, Separator, TimestampFormat};

pub use message::Message;

/// The header of the message id, which a retry keeps.
pub const ID_HEADER: &str = "webhook-id";

/// The header of the signed time of the attempt: Unix seconds.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";

/// The header of the signatures: base64 after `v1,`, separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// How the
/// [specification](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
/// signs: the id, the time and the raw body, with full stops between. The secret
/// is base64, after `whsec_`. Asymmetric signatures (`v1a,`) are passed over.
pub const SCHEME: HmacScheme = scheme(ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER);

/// The same with the header names that Svix sends: `svix-id`, `svix-timestamp`
/// and `svix-signature`.
pub const SVIX_SCHEME: HmacScheme = scheme("svix-id", "svix-timestamp", "svix-signature");

const fn scheme(id: &'static str, timestamp: &'static str, signature: &'static str) -> HmacScheme {
    HmacScheme::in_header(signature)
        .prefix("v1,")
        .list(Separator::Space)
        .base64()
        .base64_secret("whsec_")
        .id_header(id)
        .timestamp_header(timestamp, TimestampFormat::UnixSeconds)
        .signs(&[Part::Id, Part::Literal("."), Part::Timestamp, Part::Literal("."), Part::Body])
}

/// Receives the deliveries of a vendor that follows Standard Webhooks, with events
/// of the type `E`.
///
/// The message id is the dedupe key; a retry keeps it and is signed anew. The
/// specification advises vendors to retry for about three days.
pub struct StandardWebhooks<E> {
    vendor: &'static str,
    keys: HmacKeys,
    retry_span: Option<Duration>,
    event: PhantomData<fn() -> E>,
}

impl<E> StandardWebhooks<E> {
    /// With the endpoint's signing secret, a tolerance of 300 s and the host's clock.
    ///
    /// # Errors
    ///
    /// A secret that is empty, blank or padded with white space, or that is not
    /// base64 after `whsec_`.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Self::by(SCHEME, secret)
    }

    /// The same for a vendor that sends the `svix-` headers.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn svix(secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Self::by(SVIX_SCHEME, secret)
    }

    fn by(scheme: HmacScheme, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(StandardWebhooks {
            vendor: "standard-webhooks",
            keys: HmacKeys::new(scheme, secret)?,
            retry_span: Some(EXAMPLE_RETRY_SPAN),
            event: PhantomData,
        })
    }

    /// The vendor's own name instead of `standard-webhooks`, for logs and as the
    /// namespace of dedupe keys: set it where two such vendors share a store.
    #[must_use]
    pub fn with_vendor(self, vendor: &'static str) -> Self {
        StandardWebhooks { vendor, ..self }
    }

    /// How long after the first attempt this vendor may still send a delivery
    /// again, so that [`Settings::for_vendor`](crate::idempotency::Settings::for_vendor)
    /// refuses a shorter retention. Unless it is said, that of the
    /// [specification's example](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability):
    /// 75 h 35 min 5 s, which is longer than a store remembers unless told otherwise.
    #[must_use]
    pub fn with_retry_span(self, span: Duration) -> Self {
        StandardWebhooks { retry_span: Some(span), ..self }
    }

    /// Accepts one more secret, for rotation; see [`Verified::secret_index`].
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_secret(self, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(StandardWebhooks { keys: self.keys.with_secret(secret)?, ..self })
    }

    /// How far the signed time may be from the clock.
    #[must_use]
    pub fn with_tolerance(self, tolerance: impl Into<Tolerance>) -> Self {
        StandardWebhooks { keys: self.keys.with_tolerance(tolerance), ..self }
    }

    /// Judges freshness by another clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock + 'static) -> Self {
        StandardWebhooks { keys: self.keys.with_clock(clock), ..self }
    }

    /// Accepts a signed time of any age: see [`HmacKeys::danger_accept_any_age`].
    #[must_use]
    pub fn danger_accept_any_age(self) -> Self {
        StandardWebhooks { keys: self.keys.danger_accept_any_age(), ..self }
    }
}

impl<E: DeserializeOwned> Verifier for StandardWebhooks<E> {
    type Event = Message<E>;

    fn vendor(&self) -> &'static str {
        self.vendor
    }

    fn success(&self) -> Success {
        Success::NoContent
    }

    fn retry_span(&self) -> Option<Duration> {
        self.retry_span
    }

    fn verify(&self, headers: &dyn Headers, body: &[u8]) -> Result<Verified, VerifyError> {
        self.keys.verify(headers, body)
    }

    fn parse(&self, verified: &Verified, body: &[u8]) -> Result<Parsed<Message<E>>, ParseError> {
        Message::parse(verified, body)
    }
}

// Derived, these would ask the same of `E`.
impl<E> Clone for StandardWebhooks<E> {
    fn clone(&self) -> Self {
        StandardWebhooks {
            vendor: self.vendor,
            keys: self.keys.clone(),
            retry_span: self.retry_span,
            event: PhantomData,
        }
    }
}

impl<E> fmt::Debug for StandardWebhooks<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandardWebhooks")
            .field("vendor", &self.vendor)
            .field("keys", &self.keys)
            .field("retry_span", &self.retry_span)
            .finish()
    }
}

/// Checks one delivery by the host's clock and the default tolerance, from the
/// values of its three headers.
///
/// # Errors
///
/// As for [`HmacKeys::verify`], and a secret that cannot be used.
pub fn verify(
    secret: impl Into<Secret>,
    id: impl AsRef<[u8]>,
    timestamp: impl AsRef<[u8]>,
    signature: impl AsRef<[u8]>,
    body: impl AsRef<[u8]>,
) -> Result<Verified, VerifyError> {
    let headers =
        [(ID_HEADER, id.as_ref()), (TIMESTAMP_HEADER, timestamp.as_ref()), (SIGNATURE_HEADER, signature.as_ref())];
    HmacKeys::new(SCHEME, secret)?.verify(&headers, body.as_ref())
}

/// Ten attempts: at once, after 5 s, 5 min, 30 min, and 2, 5, 10, 14, 20 and 24 h.
const EXAMPLE_RETRY_SPAN: Duration = Duration::from_secs(5 + 35 * 60 + (2 + 5 + 10 + 14 + 20 + 24) * 3_600);
