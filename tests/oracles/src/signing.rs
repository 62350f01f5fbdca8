//! Signatures and digests, by a library that the crate does not use.

/// Returns the HMAC-SHA256 of a text.
pub fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    hmac_sha256::HMAC::mac(text, key)
}

/// Returns the SHA-256 of a text in hexadecimal digits.
pub fn sha256(text: &[u8]) -> String {
    hex(&hmac_sha256::Hash::hash(text))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
