use std::fmt;

use bytes::Bytes;
use hmac::digest::Digest;
use sha2::Sha256;

use crate::event::{CallUpdate, Drift, Envelope, Event, Identity, Parsed};
use crate::receive::{Profile, Reply};
use crate::verify::Verified;

/// A verified delivery: what its body says, the raw body, and the record of the check that
/// it passed.
///
/// Only [`Verifier::receive`](crate::Verifier::receive) and the extractors make one, after
/// the check of exactly this body.
///
/// `Debug` shows the vendor and the record, and nothing of the body.
#[derive(Clone)]
pub struct Delivery<E> {
    parsed: Parsed<E>,
    body: Bytes,
    verified: Verified,
    profile: Profile,
}

impl<E> Delivery<E> {
    pub(crate) fn new(parsed: Parsed<E>, body: Bytes, verified: Verified, profile: Profile) -> Self {
        Delivery { parsed, body, verified, profile }
    }

    /// Returns the event.
    pub fn event(&self) -> &E {
        self.parsed.event()
    }

    /// Returns the envelope: the event's id and time, and the test flag.
    pub fn envelope(&self) -> &Envelope {
        self.parsed.envelope()
    }

    /// Returns the documented fields that did not fit. They are absent from the event.
    pub fn drift(&self) -> &Drift {
        self.parsed.drift()
    }

    /// Returns whether the vendor marks this as a test delivery.
    pub fn is_test(&self) -> bool {
        self.parsed.is_test()
    }

    /// Returns everything that the body says.
    pub fn parsed(&self) -> &Parsed<E> {
        &self.parsed
    }

    /// Returns the event and drops the body and the record.
    pub fn into_event(self) -> E {
        self.parsed.into_event()
    }

    /// Returns the body as it arrived and as it was signed.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns the record of the check.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Returns the vendor's name, which is lower-case.
    pub fn vendor(&self) -> &'static str {
        self.profile.vendor()
    }

    /// Returns the name of the endpoint that received the delivery; it is empty by default.
    pub fn endpoint(&self) -> &str {
        self.profile.endpoint()
    }

    /// Returns the facts about the vendor at this endpoint.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Returns the success reply that this vendor expects.
    pub fn acknowledge(&self) -> Reply {
        Reply::success(self.profile.success())
    }
}

impl<E: Event> Delivery<E> {
    /// Returns the id of the call that the event belongs to.
    pub fn call_id(&self) -> Option<&str> {
        self.parsed.call_id()
    }

    /// Returns what the event says about a call, in words that all vendors share;
    /// `None` if it is not about a call.
    pub fn call(&self) -> Option<CallUpdate<'_>> {
        self.parsed.call()
    }

    /// Returns the part of the body that is the same in every redelivery: the text of the
    /// envelope's data, or the whole body if the event's type is your own.
    ///
    /// Two deliveries with one [`dedupe_key`](Self::dedupe_key) and different payloads
    /// are different events.
    pub fn payload(&self) -> &[u8] {
        self.parsed.event().payload(&self.body)
    }

    /// Returns the key that a redelivery of this event has, too: the event's name, `:`,
    /// and its id, or the SHA-256 of the body if it has no id. `None` for a delivery that
    /// is never a duplicate, such as a test.
    ///
    /// A `:` in the name is escaped. The key is at most 200 bytes long; a longer one is
    /// replaced by its SHA-256. It does not contain the vendor.
    pub fn dedupe_key(&self) -> Option<String> {
        let name = self.parsed.name().replace('%', "%25").replace(':', "%3a");
        let key = match (self.parsed.identity(), self.verified.message_id()) {
            (Identity::Id(id), _) => format!("{name}:{id}"),
            (Identity::Message, Some(id)) => format!("{name}:{id}"),
            (Identity::Body, _) | (Identity::Message, None) => format!("{name}:{}", sha256(&self.body)),
            (Identity::Never, _) => return None,
        };
        Some(if key.len() > MAX_KEY_BYTES { sha256(key.as_bytes()) } else { key })
    }
}

impl<E> fmt::Debug for Delivery<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("vendor", &self.vendor())
            .field("endpoint", &self.endpoint())
            .field("verified", &self.verified)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", base16ct::lower::encode_string(&Sha256::digest(bytes)))
}

const MAX_KEY_BYTES: usize = 200;
