//! How long a store remembers an event.

use std::fmt;
use std::time::Duration;

use crate::receive::Verifier;

/// How long a handler has by default: 60 s.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(60);

/// How long a handled event is remembered by default: 72 h, and 24 h by a
/// [`MemoryStore`](super::MemoryStore).
pub const DEFAULT_RETENTION: Duration = Duration::from_secs(72 * 60 * 60);

/// The shortest retention that can be set: 8 h 31 min 30 s.
///
/// It covers the longest span over which a vendor of this crate is known to send a
/// delivery again, which is Ultravox's.
pub const MIN_RETENTION: Duration = Duration::from_secs(8 * 3_600 + 31 * 60 + 30);

/// The lease and the retention of a store.
///
/// ```
/// use std::time::Duration;
/// use offhook::idempotency::{MemoryStore, SettingsError, StoreSettings};
///
/// let day = Duration::from_secs(86_400);
/// let settings = StoreSettings::new().with_lease(Duration::from_secs(20))?.with_retention(day)?;
/// let store = MemoryStore::new().with_settings(settings);
///
/// let error = StoreSettings::new().with_lease(Duration::ZERO).unwrap_err();
/// assert_eq!(error.code(), "lease_out_of_range");
/// assert_eq!(
///     error.to_string(),
///     "a lease must last at least 1 ms and no longer than the retention (72 h), not 0 ms"
/// );
/// # Ok::<(), SettingsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    lease: Duration,
    retention: Duration,
    /// The longest retry span that the retention must cover.
    span: Duration,
}

impl StoreSettings {
    /// Creates the default settings: [`DEFAULT_LEASE`] and [`DEFAULT_RETENTION`].
    pub const fn new() -> Self {
        StoreSettings { lease: DEFAULT_LEASE, retention: DEFAULT_RETENTION, span: MIN_RETENTION }
    }

    /// Creates the default settings of a [`MemoryStore`](super::MemoryStore): [`DEFAULT_LEASE`],
    /// and a retention of 24 h. It remembers for a shorter time than the other stores,
    /// because its records are in the process's memory.
    pub const fn for_memory_store() -> Self {
        StoreSettings { retention: MEMORY_RETENTION, ..StoreSettings::new() }
    }

    /// Sets how long a handler has before another delivery of its event may take
    /// over. Choose more than the slowest handler takes, or extend the lease.
    ///
    /// # Errors
    ///
    /// Returns an error for a lease of less than a millisecond, and for one that is
    /// longer than the retention.
    pub fn with_lease(self, lease: Duration) -> Result<Self, SettingsError> {
        StoreSettings { lease, ..self }.validated()
    }

    /// Sets how long a handled event is remembered.
    ///
    /// # Errors
    ///
    /// Returns an error for a retention that is shorter than the span over which a
    /// vendor sends a delivery again, and for one that is longer than ten years.
    pub fn with_retention(self, retention: Duration) -> Result<Self, SettingsError> {
        StoreSettings { retention, ..self }.validated()
    }

    /// Makes sure that the retention covers the span over which this vendor sends a
    /// delivery again. The vendors of this crate are covered without it.
    ///
    /// # Errors
    ///
    /// Returns an error if the retention is shorter than [`Profile::retry_span`](crate::Profile::retry_span).
    pub fn for_vendor<V: Verifier + ?Sized>(self, vendor: &V) -> Result<Self, SettingsError> {
        let span = vendor.profile().retry_span().unwrap_or_default().max(self.span);
        StoreSettings { span, ..self }.validated()
    }

    /// Sets a retention of any length. An event that is delivered again after its
    /// retention is handled again: this is for tests, and for vendors that send every
    /// delivery only once.
    #[must_use]
    pub const fn danger_with_short_retention(self, retention: Duration) -> Self {
        StoreSettings { retention, span: Duration::ZERO, ..self }
    }

    /// Returns how long a handler has.
    pub const fn lease(&self) -> Duration {
        self.lease
    }

    /// Returns how long a handled event is remembered.
    pub const fn retention(&self) -> Duration {
        self.retention
    }

    fn validated(self) -> Result<Self, SettingsError> {
        let StoreSettings { lease, retention, span } = self;
        if retention < span {
            return Err(SettingsError::RetentionTooShort { retention, span });
        }
        if retention > MAX_RETENTION {
            return Err(SettingsError::RetentionTooLong { retention });
        }
        let longest = if span.is_zero() { MAX_RETENTION } else { retention };
        if lease < SHORTEST_LEASE || lease > longest {
            return Err(SettingsError::LeaseOutOfRange { lease, longest });
        }
        Ok(self)
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings::new()
    }
}

/// The reason why [`StoreSettings`] were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The store would forget an event while its vendor still sends it.
    #[error(
        "a retention must cover the {} over which the vendor sends a delivery again; {} is too short",
        Readable(*span),
        Readable(*retention)
    )]
    RetentionTooShort {
        /// The retention that was given.
        retention: Duration,
        /// The span over which the vendor sends a delivery again.
        span: Duration,
    },
    /// The retention is longer than ten years.
    #[error("a retention must last no longer than ten years, not {}", Readable(*retention))]
    RetentionTooLong {
        /// The retention that was given.
        retention: Duration,
    },
    /// The lease is shorter than a millisecond, or longer than the retention.
    #[error(
        "a lease must last at least 1 ms and no longer than the retention ({}), not {}",
        Readable(*longest),
        Readable(*lease)
    )]
    LeaseOutOfRange {
        /// The lease that was given.
        lease: Duration,
        /// The longest lease that the retention allows. After
        /// [`danger_with_short_retention`](StoreSettings::danger_with_short_retention),
        /// it is the longest retention.
        longest: Duration,
    },
}

impl SettingsError {
    /// Returns a stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            SettingsError::RetentionTooShort { .. } => "retention_too_short",
            SettingsError::RetentionTooLong { .. } => "retention_too_long",
            SettingsError::LeaseOutOfRange { .. } => "lease_out_of_range",
        }
    }
}

/// A span of time as a person writes it, such as `8 h 31 min 30 s`.
pub(super) struct Readable(pub(super) Duration);

impl fmt::Display for Readable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.as_secs(), self.0.subsec_millis());
        let parts =
            [(seconds / 3_600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s"), (u64::from(millis), "ms")];
        let mut written = false;
        for (count, unit) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{}{count} {unit}", if written { " " } else { "" })?;
            written = true;
        }
        match written {
            true => Ok(()),
            false if self.0.is_zero() => f.write_str("0 ms"),
            false => f.write_str("less than 1 ms"),
        }
    }
}

/// Together with the default capacity, it lets a store in memory sustain 20 events each second.
const MEMORY_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

const SHORTEST_LEASE: Duration = Duration::from_millis(1);

/// Bounds the arithmetic of the stores.
const MAX_RETENTION: Duration = Duration::from_secs(10 * 366 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StandardWebhooks;

    #[test]
    fn spans_are_readable() {
        let readable = |span| Readable(span).to_string();
        assert_eq!(readable(DEFAULT_RETENTION), "72 h");
        assert_eq!(readable(MIN_RETENTION), "8 h 31 min 30 s");
        assert_eq!(readable(Duration::from_millis(61_250)), "1 min 1 s 250 ms");
        assert_eq!(readable(Duration::ZERO), "0 ms");
        assert_eq!(readable(Duration::from_micros(900)), "less than 1 ms");
    }

    #[test]
    fn the_defaults_are_a_minute_and_three_days() {
        for settings in [StoreSettings::new(), StoreSettings::default()] {
            assert_eq!(settings.lease(), Duration::from_secs(60));
            assert_eq!(settings.retention(), Duration::from_secs(3 * 86_400));
        }
    }

    #[test]
    fn a_store_in_memory_remembers_for_a_day() {
        let settings = StoreSettings::for_memory_store();
        assert_eq!((settings.lease(), settings.retention()), (DEFAULT_LEASE, Duration::from_secs(86_400)));
    }

    #[test]
    fn each_setting_changes_what_it_names_and_keeps_the_others() {
        let (lease, retention) = (Duration::from_secs(7), Duration::from_secs(90_000));
        let settings = StoreSettings::new().with_lease(lease).unwrap().with_retention(retention).unwrap();
        assert_eq!((settings.lease(), settings.retention()), (lease, retention));
        let brief = settings.danger_with_short_retention(lease);
        assert_eq!((brief.lease(), brief.retention()), (lease, lease));
    }

    #[test]
    fn a_retention_covers_the_span_of_a_vendor_that_is_named() {
        let vendor = |span| StandardWebhooks::<()>::new("whsec_bG9uZyBlbm91Z2g=").unwrap().with_retry_span(span);
        let (new, moment) = (StoreSettings::new(), Duration::from_nanos(1));
        assert_eq!(new.for_vendor(&vendor(DEFAULT_RETENTION)).unwrap().retention(), DEFAULT_RETENTION);
        let error = new.for_vendor(&vendor(DEFAULT_RETENTION + moment)).unwrap_err();
        assert_eq!(error.code(), "retention_too_short");
        // The vendor's span counts for each later retention, and none is shorter than for the vendors of this crate.
        let day = Duration::from_secs(86_400);
        let settings = new.for_vendor(&vendor(day)).unwrap();
        assert!(settings.with_retention(day).is_ok());
        assert!(settings.with_retention(day - moment).is_err());
        assert!(new.for_vendor(&vendor(moment)).unwrap().with_retention(MIN_RETENTION - moment).is_err());
    }

    #[test]
    fn the_longest_and_the_shortest_spans_are_accepted_and_no_others() {
        let (ten_years, moment) = (Duration::from_secs(3_660 * 86_400), Duration::from_nanos(1));
        let new = StoreSettings::new();
        assert!(new.with_retention(ten_years).is_ok());
        let code = |settings: Result<StoreSettings, SettingsError>| settings.map_err(|error| error.code());
        assert_eq!(code(new.with_retention(ten_years + moment)), Err("retention_too_long"));
        assert!(new.with_retention(MIN_RETENTION).is_ok());
        assert_eq!(code(new.with_retention(MIN_RETENTION - moment)), Err("retention_too_short"));
        assert!(new.with_lease(new.retention()).is_ok());
        assert_eq!(code(new.with_lease(new.retention() + moment)), Err("lease_out_of_range"));
        assert!(new.with_lease(SHORTEST_LEASE).is_ok());
        assert_eq!(code(new.with_lease(SHORTEST_LEASE - moment)), Err("lease_out_of_range"));
        // A retention that is short on purpose does not bound the lease.
        let brief = new.danger_with_short_retention(moment);
        assert!(brief.with_lease(ten_years).is_ok());
        assert_eq!(code(brief.with_lease(ten_years + moment)), Err("lease_out_of_range"));
    }

    #[test]
    fn every_error_says_what_to_do() {
        let day = Duration::from_secs(86_400);
        let says = |settings: Result<StoreSettings, SettingsError>| settings.unwrap_err().to_string();
        let new = StoreSettings::new();
        assert_eq!(
            says(new.with_retention(Duration::from_secs(300))),
            "a retention must cover the 8 h 31 min 30 s over which the vendor sends a delivery again; 5 min is too short"
        );
        assert_eq!(
            says(new.with_retention(day * 3_661)),
            "a retention must last no longer than ten years, not 87864 h"
        );
        assert_eq!(
            says(new.with_lease(day * 4)),
            "a lease must last at least 1 ms and no longer than the retention (72 h), not 96 h"
        );
    }
}
