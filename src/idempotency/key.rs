//! What a store sees of a delivery: the key of its event, and the digest of its payload.

use std::fmt;
use std::sync::Arc;

use hmac::digest::Digest;
use sha2::Sha256;

use crate::event::Event;
use crate::receive::Delivery;

/// The key of an event in a store: the vendor, the endpoint and the event's own key,
/// separated by `:`.
///
/// It consists only of signed bytes and of names that the receiver chose. It is at most 255
/// bytes long, because a longer one is replaced by its SHA-256, and has no control
/// characters, so every store can keep it as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

impl Key {
    /// Creates the key of an event that its vendor knows as `event_key`. Two accounts of one
    /// vendor have two endpoints.
    pub fn new(vendor: &str, endpoint: &str, event_key: &str) -> Self {
        let mut key = String::with_capacity(vendor.len().saturating_add(event_key.len()).saturating_add(2));
        escape(vendor, true, &mut key);
        key.push(':');
        escape(endpoint, true, &mut key);
        key.push(':');
        escape(event_key, false, &mut key);
        Key::bounded(key)
    }

    /// Returns the key of a delivery, or `None` if the delivery is never a duplicate.
    pub fn of<E: Event>(delivery: &Delivery<E>) -> Option<Self> {
        Some(Key::new(delivery.vendor(), delivery.endpoint(), &delivery.dedupe_key()?))
    }

    /// Returns the key of an event whose own key belongs to an event with another payload:
    /// this key, together with the digest of the payload.
    ///
    /// It differs from every key that [`new`](Self::new) makes.
    #[must_use]
    pub fn with_payload(&self, payload: &PayloadDigest) -> Self {
        // In a key of `new`, two hexadecimal digits follow each `%`.
        Key::bounded(format!("{self}%sha256:{}", hex(&payload.0)))
    }

    /// Restores a key from its text.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn restore(text: &str) -> Self {
        Key(text.into())
    }

    fn bounded(key: String) -> Self {
        if key.len() > MAX_KEY_BYTES {
            return Key(format!("sha256:{}", hex(&Sha256::digest(key.as_bytes()))).into());
        }
        Key(key.into())
    }

    /// Returns the key as text, for a unique constraint in the table of the effect.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Percent-encodes the characters that would make two keys equal (`:` before the last part),
/// and those that some store cannot keep.
fn escape(part: &str, colon: bool, key: &mut String) {
    for char in part.chars() {
        if char == '%' || char.is_control() || (colon && char == ':') {
            let mut utf8 = [0; 4];
            for byte in char.encode_utf8(&mut utf8).bytes() {
                key.push('%');
                key.push_str(&hex(&[byte]));
            }
        } else {
            key.push(char);
        }
    }
}

/// The SHA-256 of a [payload](Delivery::payload). A store uses it to tell a redelivery from
/// another event under the same key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PayloadDigest([u8; 32]);

impl PayloadDigest {
    /// Computes the digest of these bytes.
    pub fn of(payload: &[u8]) -> Self {
        PayloadDigest(Sha256::digest(payload).into())
    }

    /// Computes the digest of a delivery's payload.
    pub fn of_delivery<E: Event>(delivery: &Delivery<E>) -> Self {
        PayloadDigest::of(delivery.payload())
    }

    /// Restores a digest from its bytes.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn restore(bytes: [u8; 32]) -> Self {
        PayloadDigest(bytes)
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PayloadDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PayloadDigest({})", hex(&self.0))
    }
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

const MAX_KEY_BYTES: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_pass_for_one_another() {
        let keys =
            [("a", "b", "c"), ("a", "b:c", ""), ("a:b", "", "c"), ("a", "", "b:c"), ("a", "%3a", "c"), ("a", ":", "c")];
        for (at, (vendor, endpoint, key)) in keys.iter().enumerate() {
            for (vendor2, endpoint2, key2) in &keys[at + 1..] {
                assert_ne!(Key::new(vendor, endpoint, key), Key::new(vendor2, endpoint2, key2));
            }
        }
        assert_eq!(Key::new("truedy", "", "call.ended:evt_1").as_str(), "truedy::call.ended:evt_1");
    }

    #[test]
    fn a_key_with_a_payload_passes_for_no_other() {
        let digest = PayloadDigest::of(b"a");
        let key = Key::new("truedy", "", "call.ended:evt_1");
        let text = format!("truedy::call.ended:evt_1%sha256:{}", hex(digest.as_bytes()));
        assert_eq!(key.with_payload(&digest).as_str(), text);
        let forged = Key::new("truedy", "", text.strip_prefix("truedy::").unwrap());
        let long = |end: &str| Key::new("truedy", "", &format!("{}{end}", "x".repeat(200)));
        let keys = [&key, &long("1"), &long("2"), &Key::new("truedy", "", &"x".repeat(300)), &forged];
        let all: std::collections::HashSet<_> = keys
            .into_iter()
            .flat_map(|key| [key.clone(), key.with_payload(&digest), key.with_payload(&PayloadDigest::of(b"b"))])
            .inspect(|key| assert!(key.as_str().len() <= MAX_KEY_BYTES, "{key}"))
            .collect();
        assert_eq!(all.len(), 15);
    }

    #[test]
    fn a_key_is_bounded_and_printable() {
        let long = Key::new("truedy", &"e".repeat(300), "call.ended:evt_1");
        assert_eq!(long.as_str().len(), 71);
        assert_ne!(long, Key::new("truedy", &"e".repeat(300), "call.ended:evt_2"));
        assert_eq!(Key::new("v", "", "a\0b\n%").as_str(), "v::a%00b%0a%25");
        let of_length = |bytes: usize| Key::new("v", "", &"e".repeat(bytes - 3));
        assert_eq!(of_length(255).to_string(), format!("v::{}", "e".repeat(252)));
        assert!(of_length(256).as_str().starts_with("sha256:"));
    }

    #[test]
    fn a_digest_is_shown_in_hexadecimal() {
        // FIPS 180-4, the example of `abc`.
        let digest = PayloadDigest::of(b"abc");
        assert_eq!(
            format!("{digest:?}"),
            "PayloadDigest(ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad)"
        );
        assert_eq!(digest.as_bytes()[..3], [0xba, 0x78, 0x16]);
    }
}
