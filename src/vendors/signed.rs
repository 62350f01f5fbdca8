use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::vendor::{self, SignedVendor};
use crate::event::{ParseError, Parsed};
use crate::receive::{Profile, Verifier};
use crate::time::Clock;
use crate::verify::{ConfigError, Head, HmacKeys, HmacScheme, Request, Secret, Tolerance, Verified, VerifyError};

/// The verifier of a vendor that signs: [`Truedy`](crate::Truedy),
/// [`TalkifAi`](crate::TalkifAi) and others are this type.
///
/// A vendor of your own takes a few lines. This is ElevenLabs:
///
/// ```
/// use offhook::event::{Envelope, Identity, Parsed, Undecodable};
/// use offhook::verify::{HmacScheme, Part, Separator, TimestampFormat};
/// use offhook::{Event, Hmac, ParseError, SignedVendor, Vendor, Verified, Verifier};
///
/// struct ElevenLabs;
///
/// impl SignedVendor for ElevenLabs {
///     // `ElevenLabs-Signature: t=<seconds>,v0=<hex>` signs the time, a full stop and the body.
///     const SCHEME: HmacScheme = HmacScheme::in_header("elevenlabs-signature")
///         .list(Separator::Comma)
///         .prefix("v0=")
///         .timestamp_entry("t=", TimestampFormat::UnixSeconds)
///         .signs(&[Part::Timestamp, Part::Literal("."), Part::Body]);
/// }
///
/// impl Vendor for ElevenLabs {
///     type Event = Result<PostCall, Undecodable>;
///     const NAME: &'static str = "elevenlabs";
///
///     fn parse(_: &Verified, body: &[u8]) -> Result<Parsed<Self::Event>, ParseError> {
///         Parsed::decode("post_call", body)
///     }
/// }
///
/// #[derive(serde::Deserialize)]
/// struct PostCall {
///     r#type: String,
///     data: Conversation,
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Conversation {
///     conversation_id: String,
/// }
///
/// impl Event for PostCall {
///     fn name(&self) -> &str {
///         &self.r#type
///     }
///
///     fn identity<'a>(&'a self, _: &'a Envelope) -> Identity<'a> {
///         Identity::Id(self.data.conversation_id.as_str().into())
///     }
/// }
///
/// let elevenlabs = Hmac::<ElevenLabs>::new("wsec_first")?;
/// # let elevenlabs = elevenlabs.with_clock(offhook::FixedClock::at_unix(1_773_844_200));
/// let headers = [(
///     "ElevenLabs-Signature",
///     "t=1773844200,v0=63addb336d042bca9ef721b9add3bd586326f2f04fe873eb5f710a94a3ce6e92",
/// )];
/// let body = r#"{"type":"post_call_transcription","data":{"conversation_id":"c1"}}"#;
/// let delivery = elevenlabs.receive(&headers, body)?;
/// match delivery.event() {
///     Ok(call) => assert_eq!(call.data.conversation_id, "c1"),
///     // It was verified, and it does not fit the type: nothing is lost.
///     Err(undecodable) => println!("{undecodable}"),
/// }
/// assert_eq!(delivery.dedupe_key().as_deref(), Some("post_call_transcription:c1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Hmac<V> {
    keys: HmacKeys,
    profile: Profile,
    vendor: PhantomData<fn() -> V>,
}

impl<V: SignedVendor> Hmac<V> {
    /// Creates a verifier with the endpoint's signing secret, a tolerance of 300 s where
    /// the vendor signs a time, and the host's clock.
    ///
    /// # Errors
    ///
    /// A secret that is empty, blank or padded with white space, or that is not in the
    /// format of the vendor's scheme.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Self::with_scheme(V::SCHEME, secret)
    }

    pub(super) fn with_scheme(scheme: HmacScheme, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        let keys = HmacKeys::new(scheme, secret).map_err(|error| error.of_vendor(V::NAME))?;
        Ok(Hmac { keys, profile: vendor::profile::<V>(), vendor: PhantomData })
    }
}

impl<V> Hmac<V> {
    /// Adds a secret, for rotation. Every secret is tried on every delivery, and
    /// [`Verified::secret_index`] returns which one matched.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_secret(self, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        let vendor = self.profile.vendor();
        let keys = self.keys.with_secret(secret).map_err(|error| error.of_vendor(vendor))?;
        Ok(Hmac { keys, ..self })
    }

    /// Sets how far the signed time may be from the clock. It has no effect on a
    /// vendor that signs no time outside the body.
    #[must_use]
    pub fn with_tolerance(self, tolerance: impl Into<Tolerance>) -> Self {
        Hmac { keys: self.keys.with_tolerance(tolerance), ..self }
    }

    /// Sets the clock by which signed times and ages are judged.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock + 'static) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        Hmac { keys: self.keys.with_clock(Arc::clone(&clock)), profile: self.profile.with_clock(clock), ..self }
    }

    /// Names the endpoint, for the dedupe key and the log. Give each its own name where
    /// several accounts of one vendor share a store: their ids may be equal.
    #[must_use]
    pub fn with_endpoint(self, endpoint: impl Into<Arc<str>>) -> Self {
        Hmac { profile: self.profile.with_endpoint(endpoint), ..self }
    }

    /// Refuses events that happened longer ago, by the time that the event itself states,
    /// and events that state none.
    ///
    /// **A maximum age below the vendor's retry span refuses genuine late retries, and with
    /// them events are lost.** TalkifAI retries for 36 minutes, Ultravox for 8.5 hours.
    #[must_use]
    pub fn with_max_age(self, max_age: Duration) -> Self {
        Hmac { profile: self.profile.with_max_age(max_age), ..self }
    }

    /// Accepts a signed time of any age: see [`HmacKeys::danger_accept_any_age`].
    #[must_use]
    pub fn danger_accept_any_age(self) -> Self {
        Hmac { keys: self.keys.danger_accept_any_age(), ..self }
    }

    pub(super) fn map_profile(self, change: impl FnOnce(Profile) -> Profile) -> Self {
        Hmac { profile: change(self.profile), ..self }
    }
}

impl<V: SignedVendor> Verifier for Hmac<V> {
    type Event = V::Event;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn check_head(&self, head: &Head<'_>) -> Result<(), VerifyError> {
        self.keys.check_head(head)
    }

    fn verify(&self, request: &Request<'_>) -> Result<Verified, VerifyError> {
        self.keys.verify(request)
    }

    fn parse(&self, verified: &Verified, body: &[u8]) -> Result<Parsed<V::Event>, ParseError> {
        V::parse(verified, body)
    }
}

/// The keys verify and show nothing of a secret.
impl<V> AsRef<HmacKeys> for Hmac<V> {
    fn as_ref(&self) -> &HmacKeys {
        &self.keys
    }
}

// Not derived: a derive would require `V: Clone` and `V: Debug`.
impl<V> Clone for Hmac<V> {
    fn clone(&self) -> Self {
        Hmac { keys: self.keys.clone(), profile: self.profile.clone(), vendor: PhantomData }
    }
}

impl<V> fmt::Debug for Hmac<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hmac").field("profile", &self.profile).field("keys", &self.keys).finish()
    }
}
