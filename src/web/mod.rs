//! The edges: the extractors and responses for axum and actix-web, with the same names in both.
//!
//! Knows frameworks and what is received. Must never know a store, and holds no rule of a vendor.

#[cfg(feature = "actix-web")]
mod actix_web;
#[cfg(feature = "axum")]
mod axum;
mod webhook;

pub use webhook::{Rejection, Webhook};

pub(crate) use webhook::is_coded;
