//! Code that the tests share.

use std::path::Path;

pub use offhook_oracles::{places, schemes};

pub mod client;
pub mod databases;
pub mod examples;
pub mod hostile;
pub mod log;
pub mod random;
pub mod samples;
pub mod servers;
pub mod signing;
pub mod vendors;

/// Returns the folder of the crate under test.
pub fn crate_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in a folder of the crate")
}
