//! Computes signatures with an HMAC implementation that the crate does not use.

use chrono::{DateTime, SecondsFormat};

/// The time of the fixed clock in most tests: 2026-03-18T14:30:00Z.
pub const NOW: i64 = 1_773_844_200;

/// Returns the HMAC-SHA256 of the concatenated parts.
pub fn mac(key: impl AsRef<[u8]>, parts: &[&[u8]]) -> [u8; 32] {
    hmac_sha256::HMAC::mac(parts.concat(), key)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the time in RFC 3339, with nanoseconds.
pub fn iso(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).unwrap().to_rfc3339_opts(SecondsFormat::Nanos, true)
}
