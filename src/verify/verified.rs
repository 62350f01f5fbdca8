use std::fmt;

use chrono::{DateTime, Utc};

/// Proof that a delivery passed its vendor's check.
///
/// Only this crate's own comparisons make one, so a function that asks for it
/// cannot be reached by a forged delivery. What it does not promise stands in
/// SECURITY.md.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    secret_index: Option<usize>,
    // Unix seconds and nanoseconds: a date is made of them when it is asked for.
    signed_at: Option<(i64, u32)>,
    message_id: Option<MessageId>,
}

impl Verified {
    pub(crate) fn by_secret(index: usize, signed_at: Option<(i64, u32)>, message_id: &[u8]) -> Self {
        let message_id = (!message_id.is_empty()).then(|| MessageId::new(message_id));
        Verified { secret_index: Some(index), signed_at, message_id }
    }

    /// Says, without any check, that a delivery is authentic. For a verifier whose
    /// check this crate cannot make (a client certificate, a private network).
    pub const fn danger_without_check() -> Self {
        Verified { secret_index: None, signed_at: None, message_id: None }
    }

    /// Which of the active secrets matched, counted from 0 in the order in which
    /// they were given; `None` when nothing was checked.
    pub fn secret_index(&self) -> Option<usize> {
        self.secret_index
    }

    /// The signed time, where the vendor signs one outside the body.
    pub fn signed_at(&self) -> Option<DateTime<Utc>> {
        let (seconds, nanos) = self.signed_at?;
        DateTime::from_timestamp(seconds, nanos)
    }

    /// The signed message id, where the vendor signs one outside the body.
    pub fn message_id(&self) -> Option<&str> {
        self.message_id.as_ref().map(MessageId::as_str)
    }
}

/// A message id, kept where it is while it is as short as ids are.
#[derive(Clone, PartialEq, Eq)]
enum MessageId {
    Inline([u8; INLINE_ID_BYTES], usize),
    Boxed(Box<str>),
}

impl MessageId {
    /// Of ASCII, as all headers that are taken.
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
