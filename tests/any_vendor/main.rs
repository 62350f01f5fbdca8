//! Any vendor: the scheme language, checked by signatures that others made, and the vendors built on it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    unreachable_pub,
    missing_debug_implementations,
    reason = "tests"
)]

mod calls;
#[path = "../http/client.rs"]
mod client;
mod differential;
mod edges;
mod functions;
mod published;
mod random;
mod recipes;
mod schemes;
mod types;
mod ultravox;
mod vendors;
