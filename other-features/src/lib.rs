//! The helpers of the tests that need no framework and no server.

#[path = "../../tests/oracles/src/places.rs"]
pub mod places;
#[path = "../../tests/src/random.rs"]
pub mod random;
#[path = "../../tests/src/samples.rs"]
pub mod samples;
#[path = "../../tests/oracles/src/schemes.rs"]
pub mod schemes;
#[path = "../../tests/src/signing.rs"]
pub mod signing;
