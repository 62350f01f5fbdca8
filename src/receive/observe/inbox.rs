//! The names and the descriptions of the inbox's metrics. The room `inbox` feeds them; they
//! are here because one function describes all metrics.

use metrics::Unit;

use super::metrics::Description;

pub(crate) const DELIVERIES: &str = "offhook_inbox_deliveries_total";
pub(crate) const ATTEMPTS: &str = "offhook_inbox_attempts_total";
pub(crate) const BACKLOG: &str = "offhook_inbox_backlog";
pub(crate) const OLDEST_AGE: &str = "offhook_inbox_oldest_age_seconds";
pub(crate) const DEAD: &str = "offhook_inbox_dead";
pub(crate) const COUNTED: &str = "offhook_inbox_counted_timestamp_seconds";
pub(crate) const DONE_SECONDS: &str = "offhook_inbox_done_seconds";

pub(super) const COUNTERS: [Description; 2] = [
    (DELIVERIES, Unit::Count, "Deliveries that came to the inbox, by what became of them"),
    (ATTEMPTS, Unit::Count, "Attempts at events of the inbox, by how they ended"),
];

pub(super) const GAUGES: [Description; 4] = [
    (BACKLOG, Unit::Count, "Events in the inbox that wait or run"),
    (OLDEST_AGE, Unit::Seconds, "How long ago the oldest event that waits or runs was accepted"),
    (DEAD, Unit::Count, "Events in the inbox that are dead"),
    (COUNTED, Unit::Seconds, "When the gauges of the inbox were last set, in seconds since 1970"),
];

pub(super) const HISTOGRAMS: [Description; 1] =
    [(DONE_SECONDS, Unit::Seconds, "How long after it was accepted an event was done")];
