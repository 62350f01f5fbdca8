use std::time::Duration;

use crate::event::{Event, ParseError, Parsed};
use crate::receive::{Profile, Success};
use crate::verify::{ConfigError, HmacKeys, HmacScheme, Secret, Verified};

/// The facts about a vendor, as constants, and how its bodies are parsed.
///
/// [`StaticHeaders`](crate::StaticHeaders) makes a verifier of it and, together with
/// [`SignedVendor`], [`Hmac`](crate::Hmac) does.
pub trait Vendor: 'static {
    /// The type of this vendor's events.
    type Event: Event;

    /// The vendor's name, lower-case, for logs and as the namespace of dedupe keys.
    const NAME: &'static str;

    /// The status by which this vendor knows that a delivery was accepted.
    const SUCCESS: Success = Success::Ok;

    /// How long this vendor waits for an answer.
    const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

    /// How long after the first attempt this vendor may still send a delivery again.
    const RETRY_SPAN: Option<Duration> = None;

    /// Parses the body of a verified delivery.
    ///
    /// # Errors
    ///
    /// A body that is not one of this vendor's envelopes.
    fn parse(verified: &Verified, body: &[u8]) -> Result<Parsed<Self::Event>, ParseError>;
}

/// A [`Vendor`] that signs its deliveries with an HMAC.
pub trait SignedVendor: Vendor {
    /// How this vendor signs.
    const SCHEME: HmacScheme;
}

/// Makes the profile that a vendor has by default.
pub(super) fn profile<V: Vendor>() -> Profile {
    let profile = Profile::new(V::NAME).with_success(V::SUCCESS).with_answers_within(V::ANSWERS_WITHIN);
    match V::RETRY_SPAN {
        Some(span) => profile.with_retry_span(span),
        None => profile,
    }
}

/// Keys a vendor's scheme with one secret. An error names the vendor.
pub(super) fn keys<V: SignedVendor>(secret: impl Into<Secret>) -> Result<HmacKeys, ConfigError> {
    HmacKeys::new(V::SCHEME, secret).map_err(|error| error.of_vendor(V::NAME))
}
