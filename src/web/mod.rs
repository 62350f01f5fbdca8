//! The edges: extractors and responses for axum and actix-web, with the same names in both.
//!
//! Knows frameworks, and what is received and handled. Must never know a store, nor a rule of
//! a vendor.

#[cfg(feature = "http")]
mod http;
#[cfg(any(feature = "axum", feature = "actix-web"))]
mod webhook;
#[cfg(any(feature = "axum", feature = "actix-web"))]
mod limits;
#[cfg(any(feature = "axum", feature = "actix-web"))]
mod function;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "actix-web")]
mod actix_web;

#[cfg(any(feature = "axum", feature = "actix-web"))]
pub use function::{Function, FunctionRejection};
#[cfg(any(feature = "axum", feature = "actix-web"))]
pub use limits::ReadLimits;
#[cfg(any(feature = "axum", feature = "actix-web"))]
pub use webhook::{Code, Rejection, Webhook};
