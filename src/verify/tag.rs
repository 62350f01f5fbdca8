use base64ct::{Base64, Encoding as _};
use ctutils::CtEq;
use hmac::block_api::HmacCore;
use hmac::digest::Output;
use hmac::digest::block_api::{Buffer, FixedOutputCore, UpdateCore};
use sha2::Sha256;

use crate::verify::scheme::{Encoding, HmacScheme};

/// A secret's HMAC state, which is keyed once and cloned for each delivery.
pub(super) type MacKey = HmacCore<Sha256>;

/// A signature of our own, written as the vendor would write it.
///
/// Signatures are compared as text. To encode ours costs less than to decode
/// theirs, and two texts that decode to the same bytes differ only in the case of
/// hexadecimal digits.
pub(super) enum Tag {
    Hex([u8; HEX_TAG_BYTES]),
    Base64([u8; BASE64_TAG_BYTES]),
}

impl Tag {
    /// Signs a delivery by the scheme.
    pub(super) fn sign(key: &MacKey, scheme: &HmacScheme, timestamp: &[u8], id: &[u8], body: &[u8]) -> Self {
        let mut mac = key.clone();
        let mut buffer = Buffer::<MacKey>::default();
        for part in scheme.parts {
            let bytes = part.bytes(timestamp, id, body);
            buffer.digest_blocks(bytes, |blocks| mac.update_blocks(blocks));
        }
        let mut tag = Output::<MacKey>::default();
        mac.finalize_fixed_core(&mut buffer, &mut tag);

        match scheme.encoding {
            Encoding::Hex => {
                let mut text = [0; HEX_TAG_BYTES];
                let encoded = base16ct::lower::encode(&tag, &mut text);
                debug_assert!(encoded.is_ok(), "the text has room for the tag");
                Tag::Hex(text)
            }
            Encoding::Base64 => {
                let mut text = [0; BASE64_TAG_BYTES];
                let encoded = Base64::encode(&tag, &mut text);
                debug_assert!(encoded.is_ok(), "the text has room for the tag");
                Tag::Base64(text)
            }
        }
    }

    /// Compares a presented signature with ours, in a time that depends on its length
    /// only. This is the one place where signatures are compared.
    pub(super) fn equals(&self, presented: &[u8]) -> bool {
        match self {
            Tag::Hex(ours) => <[u8; HEX_TAG_BYTES]>::try_from(presented).is_ok_and(|mut presented| {
                presented.make_ascii_lowercase();
                ours.ct_eq(&presented).into()
            }),
            Tag::Base64(ours) => {
                <&[u8; BASE64_TAG_BYTES]>::try_from(presented).is_ok_and(|presented| ours.ct_eq(presented).into())
            }
        }
    }

    /// Returns the signature as text.
    #[cfg(feature = "testing")]
    pub(super) fn text(&self) -> String {
        let text: &[u8] = match self {
            Tag::Hex(text) => text,
            Tag::Base64(text) => text,
        };
        text.iter().copied().map(char::from).collect()
    }
}

impl Encoding {
    /// Returns whether a text can be a signature in this encoding.
    pub(super) fn is_well_formed(self, text: &[u8]) -> bool {
        let base64 = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/');
        match (self, text) {
            (Encoding::Hex, digits) => digits.len() == HEX_TAG_BYTES && all(digits, u8::is_ascii_hexdigit),
            // The last digit holds four bits of the tag and nothing else.
            (Encoding::Base64, [digits @ .., last, b'=']) => {
                text.len() == BASE64_TAG_BYTES && all(digits, base64) && b"AEIMQUYcgkosw048".contains(last)
            }
            (Encoding::Base64, _) => false,
        }
    }
}

/// Does not stop at the first byte that fails, so that the compiler can look at many
/// bytes at once.
fn all(bytes: &[u8], holds: impl Fn(&u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, byte| all & holds(byte))
}

/// The length of a signature as text.
const HEX_TAG_BYTES: usize = 64;
const BASE64_TAG_BYTES: usize = 44;
