use std::fmt;

use chrono::{DateTime, Utc};

use crate::time::UnixTime;

/// The record of a check that a delivery passed: which secret matched, and what else was signed.
///
/// The verifiers of this crate make one after a comparison that succeeded. A
/// verifier of your own makes one with [`by_own_check`](Self::by_own_check). It is bound to
/// neither the body nor the vendor, and can be cloned: what is promised about a delivery is
/// promised of a [`Delivery`](crate::Delivery), as SECURITY.md says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    secret_index: Option<usize>,
    signed_at: Option<UnixTime>,
    message_id: Option<MessageId>,
}

impl Verified {
    /// Records that a check of your own succeeded with the secret at `secret_index`,
    /// counted from 0.
    ///
    /// Call it after the comparison, in the `verify` of your own
    /// [`Verifier`](crate::Verifier), and nowhere else: what follows trusts it.
    pub const fn by_own_check(secret_index: usize) -> Self {
        Verified { secret_index: Some(secret_index), signed_at: None, message_id: None }
    }

    /// Records the facts of a check of this crate. The id is ASCII, and empty if the
    /// scheme signs none.
    pub(super) fn by_secret(index: usize, signed_at: Option<UnixTime>, id: &[u8]) -> Self {
        let message_id = (!id.is_empty()).then(|| MessageId::new(id));
        Verified { secret_index: Some(index), signed_at, message_id }
    }

    /// Says, without any check, that a delivery is authentic. This is for a verifier
    /// that rests on something outside the request, such as a private network.
    pub const fn danger_without_check() -> Self {
        Verified { secret_index: None, signed_at: None, message_id: None }
    }

    /// Records the signed time, of a vendor that signs one outside the body.
    #[must_use]
    pub fn with_signed_at(self, time: impl Into<UnixTime>) -> Self {
        Verified { signed_at: Some(time.into()), ..self }
    }

    /// Records the signed message id, of a vendor that signs one outside the body.
    /// An empty id counts as none.
    #[must_use]
    pub fn with_message_id(self, id: &str) -> Self {
        Verified { message_id: (!id.is_empty()).then(|| MessageId::new(id.as_bytes())), ..self }
    }

    /// Returns which of the active secrets matched, counted from 0 in the order in
    /// which they were added, or `None` if nothing was checked.
    pub fn secret_index(&self) -> Option<usize> {
        self.secret_index
    }

    /// Returns the signed time, where the vendor signs one outside the body.
    pub fn signed_at(&self) -> Option<DateTime<Utc>> {
        self.signed_at?.to_datetime()
    }

    /// Returns the signed message id, where the vendor signs one outside the body.
    pub fn message_id(&self) -> Option<&str> {
        self.message_id.as_ref().map(MessageId::as_str)
    }
}

/// A message id. Up to 64 bytes are stored inline, without an allocation.
#[derive(Clone, PartialEq, Eq)]
enum MessageId {
    Inline([u8; INLINE_ID_BYTES], usize),
    Boxed(Box<str>),
}

impl MessageId {
    fn new(id: &[u8]) -> Self {
        let mut bytes = [0; INLINE_ID_BYTES];
        match bytes.get_mut(..id.len()) {
            Some(place) => {
                place.copy_from_slice(id);
                MessageId::Inline(bytes, id.len())
            }
            None => MessageId::Boxed(String::from_utf8_lossy(id).into()),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            MessageId::Inline(bytes, length) => {
                bytes.get(..*length).and_then(|id| std::str::from_utf8(id).ok()).unwrap_or_default()
            }
            MessageId::Boxed(id) => id,
        }
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

const INLINE_ID_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_holds_what_was_checked_and_nothing_else() {
        let facts = |verified: &Verified| {
            let seconds = verified.signed_at().map(|time| time.timestamp());
            (verified.secret_index(), seconds, verified.message_id().map(str::to_owned))
        };
        assert_eq!(facts(&Verified::danger_without_check()), (None, None, None));
        assert_eq!(facts(&Verified::by_own_check(2)), (Some(2), None, None));
        assert_eq!(facts(&Verified::by_secret(1, None, b"")), (Some(1), None, None));
        let all = Verified::by_secret(1, Some(UnixTime::from_seconds(5)), b"msg_1");
        assert_eq!(facts(&all), (Some(1), Some(5), Some("msg_1".to_owned())));
        let own = Verified::by_own_check(1).with_signed_at(UnixTime::from_seconds(5)).with_message_id("msg_1");
        assert_eq!(own, all);
        assert_eq!(facts(&own.with_message_id("")), (Some(1), Some(5), None));
    }

    #[test]
    fn an_id_of_any_length_is_kept_whole() {
        for length in [1, INLINE_ID_BYTES, INLINE_ID_BYTES + 1, 256] {
            let id = "m".repeat(length);
            let verified = Verified::by_own_check(0).with_message_id(&id);
            assert_eq!(verified.message_id(), Some(id.as_str()));
            assert!(format!("{verified:?}").contains(&format!("message_id: Some({id:?})")));
        }
    }
}
