//! The log lines: one where a delivery is received, and one where it is handled. `docs/guide/observability.md`
//! lists their fields.

use std::time::Duration;

use super::handling::{Ending, Step, Times};
use super::received::{Contents, Received, Refusal};
use crate::event::Event;
use crate::receive::Delivery;

/// Logs a request that was accepted or refused. It is a warning if it was refused, or if a
/// part of it does not fit.
pub(super) fn received(received: &Received<'_>, refusal: Option<&Refusal<'_>>) {
    let Received { profile, body_bytes, verified, contents } = *received;
    let drift = contents.map(Contents::drift).filter(|drift| !drift.is_empty());
    let undecodable = contents.and_then(Contents::undecodable);
    // The fields are evaluated only if a subscriber is interested.
    macro_rules! line {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                target: "offhook",
                vendor = profile.vendor(),
                endpoint = profile.endpoint(),
                outcome = if refusal.is_none() { "accepted" } else { "refused" },
                code = refusal.map_or("accepted", |refusal| refusal.code),
                event = contents.map(|contents| short(contents.event())),
                key = contents.and_then(Contents::key),
                call_id = contents.and_then(Contents::call_id).map(short),
                secret_index = verified.and_then(|verified| verified.secret_index()),
                age_s = received.age(refusal),
                body_bytes,
                drift = drift.map(tracing::field::display),
                undecodable = undecodable.map(|undecodable| short(&undecodable.reason)),
                error = refusal.map(|refusal| refusal.error.to_string()),
                $message,
            )
        };
    }
    match refusal {
        Some(_) => line!(warn, "delivery refused"),
        None if drift.is_some() || undecodable.is_some() => line!(warn, "delivery accepted"),
        None => line!(info, "delivery accepted"),
    }
}

/// Logs a request to an application that holds no verifier for it.
#[cfg(feature = "actix-web")]
pub(super) fn no_verifier(verifier: &'static str) {
    tracing::error!(target: "offhook", verifier, code = "no_verifier", "no verifier is configured: add it as `web::Data`");
}

/// Logs what became of a delivery. It is information if nothing went wrong, and a warning
/// otherwise, or if the handler took longer than the vendor waits.
pub(super) fn handled<E: Event>(delivery: &Delivery<E>, ending: &Ending<'_>, times: &Times) {
    let received = Received::of_delivery(delivery);
    let slow = times.handler.filter(|handler| *handler > delivery.profile().answers_within()).map(|_| true);
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: "offhook",
                vendor = delivery.vendor(),
                endpoint = delivery.endpoint(),
                outcome = ending.answer,
                code = ending.code,
                event = short(delivery.event().name()),
                key = delivery.dedupe_key(),
                call_id = delivery.call_id().map(short),
                secret_index = delivery.verified().secret_index(),
                age_s = received.age(None),
                body_bytes = delivery.body().len(),
                handler_ms = times.handler.map(millis),
                store_ms = millis(times.store),
                slow,
                store = ending.store,
                error = ending.error.map(ToString::to_string),
                "delivery handled",
            )
        };
    }
    if ending.ordinary && slow.is_none() { line!(info) } else { line!(warn) }
}

/// Logs that the handling of a delivery was dropped before its end.
pub(super) fn cancelled<E: Event>(delivery: &Delivery<E>, step: &Step, elapsed: Duration) {
    let received = Received::of_delivery(delivery);
    tracing::warn!(
        target: "offhook",
        vendor = delivery.vendor(),
        endpoint = delivery.endpoint(),
        outcome = "unanswered",
        code = "cancelled",
        event = short(delivery.event().name()),
        key = delivery.dedupe_key(),
        call_id = delivery.call_id().map(short),
        secret_index = delivery.verified().secret_index(),
        age_s = received.age(None),
        body_bytes = delivery.body().len(),
        step = step.name(),
        elapsed_ms = millis(elapsed),
        "delivery cancelled: the vendor hung up, or a deadline passed",
    );
}

/// A line must not become as long as a body: an undocumented event can have any name.
pub(crate) fn short(text: &str) -> &str {
    text.char_indices().nth(MAX_CHARS).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

const MAX_CHARS: usize = 200;
