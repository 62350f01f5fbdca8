//! Inputs that reach different code, as the fuzzer found them.

use std::path::Path;

use base64ct::{Base64, Encoding as _};

/// Returns the stored inputs of an oracle: one line each, in base64.
pub fn of(oracle: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(oracle);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| Base64::decode_vec(line).expect("a line is base64")).collect()
}
