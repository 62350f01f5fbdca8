//! Signatures, by another implementation than the crate's.

/// The second at which most tests stand still: 2026-03-18T14:30:00Z.
pub const NOW: i64 = 1_773_844_200;

/// The HMAC-SHA256 of the parts, one after the other.
pub fn mac(key: impl AsRef<[u8]>, parts: &[&[u8]]) -> [u8; 32] {
    hmac_sha256::HMAC::mac(parts.concat(), key)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
