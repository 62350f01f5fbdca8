//! The vendors, one folder each.
//!
//! Knows how each vendor signs and what it says. Must never know a store or a framework.

pub(crate) mod custom;
pub mod salpre;
pub mod standard_webhooks;
pub mod talkifai;
pub mod truedy;
pub mod ultravox;

#[cfg(test)]
mod tests;
