//! The vendors, one folder each, and the two verifiers that they are made of.
//!
//! Knows how each vendor signs and what it says. Must never know a store or a framework.

mod vendor;
mod signed;
mod static_headers;
#[cfg(test)]
mod tests;

pub mod call;

pub mod truedy;
pub mod talkifai;
pub mod salpre;
pub mod ultravox;
pub mod standard_webhooks;

pub use signed::Hmac;
pub use static_headers::StaticHeaders;
pub use vendor::{SignedVendor, Vendor};

/// The verifier of [Truedy](https://docs.truedy.ai/guides/webhooks).
pub type Truedy = Hmac<truedy::Spec>;

/// The verifier of [TalkifAI](https://docs.talkifai.dev/api-reference/webhooks).
///
/// Its signature covers no time outside the body, so a captured delivery verifies for ever.
/// With a store, it is handled once: while the store remembers the event it is a duplicate, and
/// after that it is [stale](crate::idempotency::Once). Without one, set a maximum age.
#[doc(alias = "TalkifAI")]
pub type TalkifAi = Hmac<talkifai::Spec>;

/// The verifier of [Salpre](https://documentation.salpre.com/docs/webhooks)'s "Custom Webhook".
///
/// Salpre signs nothing. What tells its deliveries from forged ones are the static headers
/// that you enter in its form. Whoever captured a delivery has them, and can send any event.
/// Against the same bytes again, a store helps: while it remembers the event they are a
/// duplicate, and after that they are [stale](crate::idempotency::Once).
#[doc(alias = "custom webhook")]
pub type Salpre = StaticHeaders<salpre::Spec>;

/// The verifier of [Ultravox](https://docs.ultravox.ai/webhooks/available-webhooks).
///
/// Ultravox's own sample accepts a signed time of up to 60 s, and this verifier one of up to
/// 300 s by default. 60 s leave little for a slow network and a wrong clock, and a delivery
/// that is refused for its age ten times is lost.
pub type Ultravox = Hmac<ultravox::Spec>;

/// The verifier of a vendor that follows [Standard Webhooks](https://www.standardwebhooks.com),
/// with events of the type `E`.
///
/// The message id is the identity of an event: a retry keeps it and is signed anew.
pub type StandardWebhooks<E> = Hmac<standard_webhooks::Spec<E>>;
