//! The metrics of the inbox. `docs/guide/observability.md` says what they are for.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use metrics::{Label, counter, gauge, histogram};

use super::acceptance::Acceptance;
use super::base::Inbox;
use super::dialect::Dialect;
use super::ended::Ended;
use super::entry::Entry;
use super::operate::{SourceStats, Stats};
use crate::event::Event;
use crate::receive::Delivery;
use crate::receive::observe::inbox::{ATTEMPTS, BACKLOG, COUNTED, DEAD, DELIVERIES, DONE_SECONDS, OLDEST_AGE};
use crate::time::{Clock, SystemClock};

pub(super) fn accepted<E: Event>(delivery: &Delivery<E>, acceptance: &Acceptance) {
    let mut labels = source(delivery.vendor(), delivery.endpoint());
    labels.push(Label::new("outcome", acceptance.outcome()));
    labels.push(Label::new("code", acceptance.code()));
    counter!(DELIVERIES, labels).increment(1);
}

pub(super) fn ended(entry: &Entry, ended: &Ended) {
    let mut labels = source(&entry.vendor, &entry.endpoint);
    if let Ended::Done { after } = ended {
        histogram!(DONE_SECONDS, labels.clone()).record(after.as_secs_f64());
    }
    labels.push(Label::new("code", ended.code()));
    counter!(ATTEMPTS, labels).increment(1);
}

/// Counts what is in the inbox and sets the gauges, now and then for ever.
///
/// A vendor or endpoint keeps its gauges when its last event is gone, at zero. If the database
/// does not answer, all gauges stay as they are, and that of the time says since when.
pub(super) async fn keep_gauges<D: Dialect>(inbox: Inbox<D>, sources: Vec<(String, String)>) {
    let mut sources: BTreeSet<_> = sources.into_iter().collect();
    loop {
        let start = Instant::now();
        if let Ok(stats) = inbox.stats().await {
            sources.extend(stats.sources.iter().map(|source| (source.vendor.clone(), source.endpoint.clone())));
            for (vendor, endpoint) in &sources {
                set(vendor, endpoint, &stats);
            }
        }
        tokio::time::sleep(EVERY.max(start.elapsed().saturating_mul(COST))).await;
    }
}

fn set(vendor: &str, endpoint: &str, stats: &Stats) {
    let nothing = SourceStats::default();
    let counted = stats.sources.iter().find(|source| (&*source.vendor, &*source.endpoint) == (vendor, endpoint));
    let SourceStats { waiting, running, dead, oldest_age, .. } = counted.unwrap_or(&nothing);
    let labels = source(vendor, endpoint);
    gauge!(BACKLOG, labels.clone()).set(waiting.saturating_add(*running) as f64);
    gauge!(OLDEST_AGE, labels.clone()).set(oldest_age.unwrap_or_default().as_secs_f64());
    gauge!(DEAD, labels.clone()).set(*dead as f64);
    // The system's clock, because a rule compares it with the clock of its own host.
    gauge!(COUNTED, labels).set(SystemClock.now().timestamp() as f64);
}

fn source(vendor: &str, endpoint: &str) -> Vec<Label> {
    vec![Label::new("vendor", vendor.to_owned()), Label::new("endpoint", endpoint.to_owned())]
}

/// How often a worker counts.
const EVERY: Duration = Duration::from_secs(15);

/// Counting a large backlog takes long. The pause between two counts is this many times as
/// long.
const COST: u32 = 20;
