//! A verified delivery.

use std::fmt;

use bytes::Bytes;
use hmac::digest::Digest;
use sha2::Sha256;

use crate::event::{DedupeKey, Event};
use crate::reply::{Reply, Success};
use crate::verifier::Verified;

/// An event with the raw body that it came in and the proof that it is authentic.
///
/// `Debug` shows the vendor and the proof, and nothing of the body.
#[derive(Clone)]
pub struct Delivery<E> {
    event: E,
    body: Bytes,
    verified: Verified,
    vendor: &'static str,
    success: Success,
}

impl<E> Delivery<E> {
    pub(crate) fn new(event: E, body: Bytes, verified: Verified, vendor: &'static str, success: Success) -> Self {
        Delivery { event, body, verified, vendor, success }
    }

    /// What the vendor says.
    pub fn event(&self) -> &E {
        &self.event
    }

    /// Keeps what the vendor says, and drops the rest.
    pub fn into_event(self) -> E {
        self.event
    }

    /// The body as it arrived and as it was signed.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The proof.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// The vendor's name, lower-case.
    pub fn vendor(&self) -> &'static str {
        self.vendor
    }

    /// The receiver's name for the endpoint at which it arrived. It keeps two accounts
    /// of one vendor apart.
    pub fn endpoint(&self) -> &str {
        ""
    }

    /// The answer that tells this vendor that its delivery was taken.
    pub fn acknowledge(&self) -> Reply {
        Reply::success(self.success)
    }
}

impl<E: Event> Delivery<E> {
    /// The key under which a retry of this delivery is recognised: the event's
    /// name, `:`, and its id, or the SHA-256 of the body where it has none.
    /// `None` for a delivery that is never a duplicate, such as a test.
    ///
    /// It is at most 200 bytes long; a longer one is replaced by its SHA-256. It
    /// does not name the vendor.
    pub fn dedupe_key(&self) -> Option<String> {
        let name = self.event.name();
        let key = match (self.event.dedupe_key(), self.verified.message_id()) {
            (DedupeKey::Id(id), _) => format!("{name}:{id}"),
            (DedupeKey::Message, Some(id)) => format!("{name}:{id}"),
            (DedupeKey::Body, _) | (DedupeKey::Message, None) => format!("{name}:{}", sha256(&self.body)),
            (DedupeKey::Never, _) => return None,
        };
        Some(if key.len() > MAX_KEY_BYTES { sha256(key.as_bytes()) } else { key })
    }
}

impl<E> fmt::Debug for Delivery<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("vendor", &self.vendor)
            .field("verified", &self.verified)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", base16ct::lower::encode_string(&Sha256::digest(bytes)))
}

const MAX_KEY_BYTES: usize = 200;
