//! Any vendor: the scheme language, checked by signatures that others made, and the vendors built on it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

#[cfg(feature = "testing")]
mod differential;
#[cfg(all(feature = "axum", feature = "actix-web"))]
mod functions;
mod published;
#[cfg(feature = "testing")]
mod random;
#[cfg(feature = "testing")]
mod recipes;
mod schemes;
mod ultravox;
