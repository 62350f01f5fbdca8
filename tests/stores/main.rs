//! The idempotency stores, against real servers on loopback, and the flow around a handler.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stderr,
    clippy::print_stdout,
    unreachable_pub,
    missing_debug_implementations,
    reason = "tests"
)]

mod broken;
#[path = "../http/build.rs"]
mod build;
mod clocks;
mod common;
mod contract;
mod crash;
mod examples;
mod faults;
mod flow;
mod http;
mod servers;
mod transactions;
