//! [Standard Webhooks](https://www.standardwebhooks.com): one way to sign, which OpenAI, Svix and many others use.
//!
//! The specification fixes how a delivery is signed and leaves the event to the vendor,
//! so the event is a type of your own.
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
//!     Err(undecodable) => println!("{undecodable}"), // it is delivered all the same, with its JSON
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod message;

use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::event::{ParseError, Parsed};
use crate::receive::Success;
use crate::vendors::{Hmac, SignedVendor, Vendor, vendor};
use crate::verify::{
    ConfigError, HmacScheme, Part, Request, Secret, Separator, TimestampFormat, Verified, VerifyError,
};

pub use message::Message;

/// The header of the message id, which a retry keeps.
pub const ID_HEADER: &str = "webhook-id";

/// The header of the signed time of the attempt: Unix seconds.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";

/// The header of the signatures: base64 after `v1,`, separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// The scheme of the
/// [specification](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
/// it signs the id, the time and the raw body, with full stops between. The secret
/// is base64, after `whsec_`. Asymmetric signatures (`v1a,`) are passed over.
pub const SCHEME: HmacScheme = scheme(ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER);

/// The same scheme with the header names that Svix sends: `svix-id`, `svix-timestamp`
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

/// The facts about a vendor that follows Standard Webhooks and sends events of the type
/// `E`, for [`StandardWebhooks`](crate::StandardWebhooks).
#[derive(Debug)]
pub struct Spec<E>(PhantomData<E>);

impl<E: DeserializeOwned + 'static> SignedVendor for Spec<E> {
    const SCHEME: HmacScheme = SCHEME;
}

impl<E: DeserializeOwned + 'static> Vendor for Spec<E> {
    type Event = Message<E>;
    const NAME: &'static str = "standard-webhooks";
    const SUCCESS: Success = Success::NoContent;
    /// The [example](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability)
    /// in the specification has ten attempts: at once, after 5 s, 5 min, 30 min, and 2, 5, 10,
    /// 14, 20 and 24 h.
    const RETRY_SPAN: Option<Duration> = Some(Duration::from_secs(5 + 35 * 60 + (2 + 5 + 10 + 14 + 20 + 24) * 3_600));

    fn parse(verified: &Verified, body: &[u8]) -> Result<Parsed<Message<E>>, ParseError> {
        Message::parse(verified, body)
    }
}

/// What only Standard Webhooks has: header names of two families, and vendors with names,
/// time limits and retry spans of their own.
impl<E: DeserializeOwned + 'static> Hmac<Spec<E>> {
    /// Creates a verifier for a vendor that sends the `svix-` headers.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn svix(secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Self::with_scheme(SVIX_SCHEME, secret)
    }

    /// Sets the vendor's own name instead of `standard-webhooks`, for logs and as the
    /// namespace of dedupe keys. Set it where two such vendors share a store.
    #[must_use]
    pub fn with_vendor(self, vendor: &'static str) -> Self {
        self.map_profile(|profile| profile.with_vendor(vendor))
    }

    /// Sets how long this vendor waits for an answer. By default it is 5 s, because the
    /// specification leaves it to the vendor.
    #[must_use]
    pub fn with_answers_within(self, answers_within: Duration) -> Self {
        self.map_profile(|profile| profile.with_answers_within(answers_within))
    }

    /// Sets how long after the first attempt this vendor may still send a delivery again.
    /// By default it is the span of the specification's example, 75 h 35 min 5 s, which is
    /// longer than a store remembers by default.
    #[must_use]
    pub fn with_retry_span(self, span: Duration) -> Self {
        self.map_profile(|profile| profile.with_retry_span(span))
    }
}

/// Verifies one delivery by the host's clock and the default tolerance, from the
/// values of its three headers.
///
/// # Errors
///
/// As for [`HmacKeys::verify`](crate::verify::HmacKeys::verify), and a secret that cannot be used.
pub fn verify(
    secret: impl Into<Secret>,
    id: impl AsRef<[u8]>,
    timestamp: impl AsRef<[u8]>,
    signature: impl AsRef<[u8]>,
    body: impl AsRef<[u8]>,
) -> Result<Verified, VerifyError> {
    let headers =
        [(ID_HEADER, id.as_ref()), (TIMESTAMP_HEADER, timestamp.as_ref()), (SIGNATURE_HEADER, signature.as_ref())];
    vendor::keys::<Spec<()>>(secret)?.verify(&Request::new(&headers, body.as_ref()))
}
