//! The metrics. `docs/guide/observability.md` says what they are for.
//!
//! The labels are names that the receiver or this crate chose, and numbers of secrets, so
//! that no sender can make a new one.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Label, SharedString, Unit, counter, gauge, histogram};

use super::handling::{Ending, Times};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::inbox;
use super::received::{Contents, Received, Refusal};
use crate::receive::Profile;
use crate::time::{Clock, SystemClock};

/// Describes the metrics to the recorder that is installed: their units, and what they
/// count. Call it once, after the recorder is installed; an exporter then shows the texts.
///
/// ```
/// offhook::describe_metrics();
/// ```
pub fn describe_metrics() {
    describe(&COUNTERS, &GAUGES, &HISTOGRAMS);
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    describe(&inbox::COUNTERS, &inbox::GAUGES, &inbox::HISTOGRAMS);
}

fn describe(counters: &[Description], gauges: &[Description], histograms: &[Description]) {
    for (name, unit, text) in counters {
        metrics::describe_counter!(*name, *unit, *text);
    }
    for (name, unit, text) in gauges {
        metrics::describe_gauge!(*name, *unit, *text);
    }
    for (name, unit, text) in histograms {
        metrics::describe_histogram!(*name, *unit, *text);
    }
}

pub(super) fn received(received: &Received<'_>, refusal: Option<&Refusal<'_>>) {
    let profile = received.profile;
    let (outcome, code) = refusal.map_or(("accepted", "accepted"), |refusal| ("refused", refusal.code));
    counter!(DELIVERIES, of(profile, [("outcome", outcome.into()), ("code", code.into())])).increment(1);
    if let Some(bytes) = received.body_bytes {
        histogram!(BODY_BYTES, of(profile, [])).record(bytes as f64);
    }
    if let Some(age) = received.age(refusal) {
        histogram!(SIGNED_AGE, of(profile, [])).record(age as f64);
    }
    if let Some(index) = received.verified.and_then(|verified| verified.secret_index()) {
        counter!(SECRET_USED, of(profile, [("secret_index", index.to_string().into())])).increment(1);
    }
    if let Some(contents) = received.contents.filter(|contents| does_not_fit(*contents)) {
        let event = contents.documented_event().unwrap_or("unknown");
        counter!(DRIFT, of(profile, [("event", event.into())])).increment(1);
    }
    if refusal.is_none() {
        // The system's clock, because a rule compares it with the clock of its own host.
        gauge!(LAST_ACCEPTED, of(profile, [])).set(SystemClock.now().timestamp() as f64);
    }
}

pub(super) fn handled(profile: &Profile, ending: &Ending<'_>, times: &Times) {
    counter!(HANDLED, of(profile, [("outcome", ending.answer.into()), ("code", ending.code.into())])).increment(1);
    histogram!(STORE_SECONDS, of(profile, [])).record(times.store.as_secs_f64());
    handler_ran(profile, times.handler);
}

/// The handler's time is that until it was cancelled, if it was running.
pub(super) fn cancelled(profile: &Profile, handler: Option<Duration>) {
    counter!(HANDLED, of(profile, [("outcome", "unanswered".into()), ("code", "cancelled".into())])).increment(1);
    handler_ran(profile, handler);
}

fn handler_ran(profile: &Profile, time: Option<Duration>) {
    if let Some(time) = time {
        histogram!(HANDLER_SECONDS, of(profile, [])).record(time.as_secs_f64());
        gauge!(ANSWERS_WITHIN, of(profile, [])).set(profile.answers_within().as_secs_f64());
    }
}

fn does_not_fit(contents: &dyn Contents) -> bool {
    !contents.drift().is_empty() || contents.undecodable().is_some()
}

/// The labels of every metric, and those of one.
fn of<const N: usize>(profile: &Profile, labels: [(&'static str, SharedString); N]) -> Vec<Label> {
    let endpoint: Arc<str> = profile.shared_endpoint();
    let common = [("vendor", profile.vendor().into()), ("endpoint", endpoint.into())];
    common
        .into_iter()
        .chain(labels)
        .map(|(name, value): (&'static str, SharedString)| Label::new(name, value))
        .collect()
}

const DELIVERIES: &str = "offhook_deliveries_total";
const SECRET_USED: &str = "offhook_secret_used_total";
const DRIFT: &str = "offhook_drift_total";
const HANDLED: &str = "offhook_handled_total";
const LAST_ACCEPTED: &str = "offhook_last_accepted_timestamp_seconds";
const ANSWERS_WITHIN: &str = "offhook_answers_within_seconds";
const SIGNED_AGE: &str = "offhook_signed_age_seconds";
const BODY_BYTES: &str = "offhook_body_bytes";
const HANDLER_SECONDS: &str = "offhook_handler_seconds";
const STORE_SECONDS: &str = "offhook_store_seconds";

pub(super) type Description = (&'static str, Unit, &'static str);

const COUNTERS: [Description; 4] = [
    (DELIVERIES, Unit::Count, "Requests that a verifier accepted or refused"),
    (SECRET_USED, Unit::Count, "Authentic deliveries, by the secret that matched"),
    (DRIFT, Unit::Count, "Authentic deliveries of which a part does not fit what the vendor documents"),
    (HANDLED, Unit::Count, "Deliveries that went through a store, by how that ended"),
];

const GAUGES: [Description; 2] = [
    (LAST_ACCEPTED, Unit::Seconds, "When a delivery was last accepted, in seconds since 1970"),
    (ANSWERS_WITHIN, Unit::Seconds, "How long the vendor waits for an answer"),
];

const HISTOGRAMS: [Description; 4] = [
    (SIGNED_AGE, Unit::Seconds, "How long ago a delivery was signed; negative if in the future"),
    (BODY_BYTES, Unit::Bytes, "The size of a body"),
    (HANDLER_SECONDS, Unit::Seconds, "How long a handler ran"),
    (STORE_SECONDS, Unit::Seconds, "How long the handling of a delivery took outside the handler"),
];
