//! Deliveries over real HTTP on loopback, to both frameworks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stderr,
    unreachable_pub,
    missing_debug_implementations,
    reason = "tests"
)]

mod build;
mod client;
mod copies;
mod debug;
mod senders;
mod servers;
mod standalone;
mod transport;
