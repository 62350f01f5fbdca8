//! One log line per delivery (feature `tracing`).

use crate::event::Event;
use crate::receive::{Delivery, Profile, ReceiveError};
#[cfg(feature = "tracing")]
use crate::time::{Clock, SystemClock};

/// Logs what became of a request that reached a verifier.
pub(crate) fn received<E: Event>(profile: &Profile, outcome: &Result<Delivery<E>, ReceiveError>) {
    match outcome {
        Ok(delivery) => accepted(delivery),
        Err(error) => refused(profile, error.code()),
    }
}

/// A delivery of which documented fields do not fit is logged as a warning, with their
/// paths and the reasons, which hold no values.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nothing is logged"))]
fn accepted<E: Event>(delivery: &Delivery<E>) {
    // The fields are evaluated only if a subscriber is interested.
    #[cfg(feature = "tracing")]
    macro_rules! line {
        ($level:ident, $drift:expr) => {
            tracing::$level!(
                target: "offhook",
                vendor = delivery.vendor(),
                endpoint = delivery.endpoint(),
                code = "accepted",
                event = delivery.event().name(),
                secret_index = delivery.verified().secret_index(),
                age_s = delivery.verified().signed_at().map(|time| SystemClock.now().signed_duration_since(time).num_seconds()),
                drift = $drift,
                "delivery accepted",
            )
        };
    }
    #[cfg(feature = "tracing")]
    match delivery.drift() {
        drift if drift.is_empty() => line!(info, tracing::field::Empty),
        drift => line!(warn, tracing::field::display(drift)),
    }
}

/// Logs a request that was refused.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nothing is logged"))]
pub(crate) fn refused(profile: &Profile, code: &'static str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "offhook", vendor = profile.vendor(), endpoint = profile.endpoint(), code, "delivery refused");
}

/// Logs a request to an application that holds no verifier for it.
#[cfg(feature = "actix-web")]
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nothing is logged"))]
pub(crate) fn no_verifier(verifier: &'static str) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: "offhook", verifier, code = "no_verifier", "no verifier is configured: add it as `web::Data`");
}
