//! Bodies to events and back: what the vendors publish, what they might send, and
//! what nobody should.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stderr,
    unreachable_pub,
    reason = "tests"
)]

mod edges;
mod hostile;
mod keys;
mod published;
mod robust;
mod roundtrip;
mod samples;
