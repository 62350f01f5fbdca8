//! What the tests share.

use std::path::Path;

pub mod client;
pub mod databases;
pub mod examples;
pub mod hostile;
pub mod random;
pub mod samples;
pub mod schemes;
pub mod servers;
pub mod signing;

/// The folder of the crate that is tested.
pub fn crate_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the crate's folder")
}
