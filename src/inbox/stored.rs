//! A delivery as a record that can be stored and opened again.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::event::{Event, ParseError, Stage};
use crate::idempotency::{Key, PayloadDigest};
use crate::receive::{Delivery, Verifier};
use crate::time::{Clock, SystemClock};
use crate::verify::Verified;

/// A verified delivery as a record that serialises, for an inbox or for a queue of yours.
/// Any process can [open](Self::open) it again.
///
/// The record carries no signature: who can write it can make up deliveries. Store it only
/// where nobody else writes.
///
/// `Debug` shows nothing of the body.
///
/// ```
/// use offhook::inbox::Stored;
/// use offhook::{Salpre, Verifier};
///
/// let salpre = Salpre::bearer("s3cret-t0ken")?;
/// let body = r#"{"event_type":"call_answered","payload":{"call_id":7}}"#;
/// let delivery = salpre.receive(&[("Authorization", "Bearer s3cret-t0ken")], body)?;
/// let text = serde_json::to_string(&Stored::of(&delivery))?;
///
/// let stored: Stored = serde_json::from_str(&text)?;
/// assert_eq!(stored.open(&salpre)?.call_id(), Some("7"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Stored {
    pub(super) version: u16,
    pub(super) vendor: String,
    pub(super) endpoint: String,
    pub(super) event: String,
    pub(super) key: Option<String>,
    pub(super) call_id: Option<String>,
    pub(super) stage: Option<Stage>,
    pub(super) body: Bytes,
    pub(super) payload: [u8; 32],
    pub(super) proof: Proof,
    pub(super) received_at: DateTime<Utc>,
}

/// What is kept of a [`Verified`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Proof {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_index: Option<usize>,
    /// In RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
}

impl Proof {
    fn of(verified: &Verified) -> Self {
        Proof {
            secret_index: verified.secret_index(),
            signed_at: verified.signed_at().map(|time| time.to_rfc3339()),
            message_id: verified.message_id().map(str::to_owned),
        }
    }

    fn restore(&self) -> Verified {
        let mut verified = self.secret_index.map_or(Verified::danger_without_check(), Verified::by_own_check);
        if let Some(time) = self.signed_at.as_deref().and_then(|text| DateTime::parse_from_rfc3339(text).ok()) {
            verified = verified.with_signed_at(time.to_utc());
        }
        match &self.message_id {
            Some(id) => verified.with_message_id(id),
            None => verified,
        }
    }
}

impl Stored {
    /// Makes the record of a delivery that has just been received.
    pub fn of<E: Event>(delivery: &Delivery<E>) -> Self {
        Stored {
            version: VERSION,
            vendor: delivery.vendor().to_owned(),
            endpoint: delivery.endpoint().to_owned(),
            event: delivery.event().name().to_owned(),
            key: Key::of(delivery).map(|key| key.as_str().to_owned()),
            call_id: delivery.call_id().map(str::to_owned),
            stage: delivery.call().map(|call| call.stage),
            body: delivery.body().clone(),
            payload: *PayloadDigest::of_delivery(delivery).as_bytes(),
            proof: Proof::of(delivery.verified()),
            received_at: SystemClock.now(),
        }
    }

    /// Makes the delivery again: parses the body with the code of today, and restores the
    /// proof.
    ///
    /// # Errors
    ///
    /// A record of another vendor or endpoint, one of a newer version of this crate, or a
    /// body that can no longer be parsed.
    pub fn open<V: Verifier>(&self, verifier: &V) -> Result<Delivery<V::Event>, OpenError> {
        if self.version > VERSION {
            return Err(OpenError::NewerVersion { version: self.version });
        }
        let profile = verifier.profile();
        if (self.vendor(), self.endpoint()) != (profile.vendor(), profile.endpoint()) {
            return Err(OpenError::OtherVendor { vendor: self.vendor.clone(), endpoint: self.endpoint.clone() });
        }
        let verified = self.proof.restore();
        let parsed = verifier.parse(&verified, &self.body)?;
        Ok(Delivery::new(parsed, self.body.clone(), verified, profile.clone()))
    }

    /// Returns the vendor's name.
    pub fn vendor(&self) -> &str {
        &self.vendor
    }

    /// Returns the name of the endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the vendor's name for the event.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// Returns the event's [`Key`] as text. `None` if the delivery is never a duplicate.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns the key for a queue of yours, and for a unique constraint in the table of the
    /// effect: the event's [key](Self::key) together with the digest of the payload. A
    /// redelivery has the same one. Another event under the same key has another one, so it
    /// is not dropped as a duplicate. `None` if the delivery is never a duplicate.
    pub fn job_key(&self) -> Option<Key> {
        let key = Key::restore(self.key.as_deref()?);
        Some(key.with_payload(&PayloadDigest::restore(self.payload)))
    }

    /// Returns the id of the call that the event belongs to.
    pub fn call_id(&self) -> Option<&str> {
        self.call_id.as_deref()
    }

    /// Returns the name of the call among all vendors and endpoints, at most 255 bytes
    /// long: the serial queue for a queue of yours.
    pub fn call_group(&self) -> Option<String> {
        let id = self.call_id.as_deref()?;
        Some(Key::new(&self.vendor, &self.endpoint, id).as_str().to_owned())
    }

    /// Returns how far the event says that its call has come.
    pub fn stage(&self) -> Option<Stage> {
        self.stage
    }

    /// Returns the body as it arrived.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns when the delivery was received.
    pub fn received_at(&self) -> DateTime<Utc> {
        self.received_at
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("vendor", &self.vendor)
            .field("endpoint", &self.endpoint)
            .field("event", &self.event)
            .field("key", &self.key)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The reason why a [`Stored`] could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The record belongs to another verifier.
    #[error("the record belongs to the vendor `{vendor}` at the endpoint `{endpoint}`")]
    OtherVendor {
        /// The record's vendor.
        vendor: String,
        /// The record's endpoint.
        endpoint: String,
    },
    /// The record was written by a newer version of this crate.
    #[error("the record has version {version}, which this version of the crate does not know")]
    NewerVersion {
        /// The record's version.
        version: u16,
    },
    /// The body could not be parsed.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

/// The form in which a record serialises.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u16,
    vendor: String,
    endpoint: String,
    event: String,
    key: Option<String>,
    call_id: Option<String>,
    stage: Option<Stage>,
    /// The body, where it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    payload_sha256: String,
    #[serde(flatten)]
    proof: Proof,
    received_at: String,
}

impl From<Stored> for Written {
    fn from(stored: Stored) -> Self {
        let (body, body_base64) = match String::from_utf8(stored.body.into()) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(Base64::encode_string(error.as_bytes()))),
        };
        Written {
            version: stored.version,
            vendor: stored.vendor,
            endpoint: stored.endpoint,
            event: stored.event,
            key: stored.key,
            call_id: stored.call_id,
            stage: stored.stage,
            body,
            body_base64,
            payload_sha256: base16ct::lower::encode_string(&stored.payload),
            proof: stored.proof,
            received_at: stored.received_at.to_rfc3339(),
        }
    }
}

impl TryFrom<Written> for Stored {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let body = match (written.body, written.body_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => Base64::decode_vec(&text).map_err(|_| "`body_base64` is not base64")?,
            _ => return Err("a record has either `body` or `body_base64`"),
        };
        let mut payload = [0; 32];
        base16ct::lower::decode(&written.payload_sha256, &mut payload)
            .ok()
            .filter(|bytes| bytes.len() == 32)
            .ok_or("`payload_sha256` is not a SHA-256 in hexadecimal digits")?;
        let received_at = DateTime::parse_from_rfc3339(&written.received_at);
        Ok(Stored {
            version: written.version,
            vendor: written.vendor,
            endpoint: written.endpoint,
            event: written.event,
            key: written.key,
            call_id: written.call_id,
            stage: written.stage,
            body: body.into(),
            payload,
            proof: written.proof,
            received_at: received_at.map_err(|_| "`received_at` is not a time in RFC 3339")?.to_utc(),
        })
    }
}

/// The version of the record. A field that is added later has a default for older records.
pub(super) const VERSION: u16 = 1;
