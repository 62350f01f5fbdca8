//! How long a store remembers.

use std::time::Duration;

use crate::error::ConfigError;
use crate::verifier::Verifier;

/// How long a handler has unless a store is told otherwise: 60 s.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(60);

/// How long a handled event is remembered unless a store is told otherwise: 72 h.
pub const DEFAULT_RETENTION: Duration = Duration::from_secs(72 * 60 * 60);

/// The longest span over which a vendor of this crate is known to retry
/// (Ultravox: 8 h 31 min 30 s). No shorter retention can be set.
pub const MIN_RETENTION: Duration = crate::ultravox::RETRY_SPAN;

/// Lease and retention of a store.
///
/// ```
/// use std::time::Duration;
/// use offhook::idempotency::{MemoryStore, StoreSettings};
///
/// let day = Duration::from_secs(86_400);
/// let settings = StoreSettings::new().with_lease(Duration::from_secs(20))?.with_retention(day)?;
/// let store = MemoryStore::with_settings(settings);
///
/// let too_short = StoreSettings::new().with_retention(Duration::from_secs(300)).unwrap_err();
/// assert_eq!(too_short.code(), "retention_too_short");
/// # Ok::<(), offhook::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    lease: Duration,
    retention: Duration,
    /// The longest retry span that the retention must cover.
    span: Duration,
}

impl StoreSettings {
    /// [`DEFAULT_LEASE`] and [`DEFAULT_RETENTION`].
    pub const fn new() -> Self {
        StoreSettings { lease: DEFAULT_LEASE, retention: DEFAULT_RETENTION, span: MIN_RETENTION }
    }

    /// How long a handler has before another delivery of its event may take over.
    /// Choose more than the slowest handler takes, or extend the lease.
    ///
    /// # Errors
    ///
    /// A lease of less than a millisecond, or longer than the retention.
    pub fn with_lease(self, lease: Duration) -> Result<Self, ConfigError> {
        StoreSettings { lease, ..self }.checked()
    }

    /// How long a handled event is remembered.
    ///
    /// # Errors
    ///
    /// A retention shorter than a vendor retries for, or longer than ten years.
    pub fn with_retention(self, retention: Duration) -> Result<Self, ConfigError> {
        StoreSettings { retention, ..self }.checked()
    }

    /// Sees to it that the retention covers the span over which this vendor
    /// retries. The vendors of this crate are covered without it.
    ///
    /// # Errors
    ///
    /// A retention that is shorter than [`Verifier::retry_span`].
    pub fn for_vendor<V: Verifier + ?Sized>(self, vendor: &V) -> Result<Self, ConfigError> {
        let span = vendor.retry_span().unwrap_or_default().max(self.span);
        StoreSettings { span, ..self }.checked()
    }

    /// A retention of any length: an event that is delivered again after it is
    /// handled again. For tests, and for vendors that do not retry.
    #[must_use]
    pub const fn danger_with_short_retention(self, retention: Duration) -> Self {
        StoreSettings { retention, span: Duration::ZERO, ..self }
    }

    /// How long a handler has.
    pub const fn lease(&self) -> Duration {
        self.lease
    }

    /// How long a handled event is remembered.
    pub const fn retention(&self) -> Duration {
        self.retention
    }

    fn checked(self) -> Result<Self, ConfigError> {
        let StoreSettings { lease, retention, span } = self;
        if lease < Duration::from_millis(1) || (lease > retention && !span.is_zero()) || lease > MAX_RETENTION {
            return Err(ConfigError::LeaseOutOfRange { lease });
        }
        if retention < span {
            return Err(ConfigError::RetentionTooShort { retention, span });
        }
        if retention > MAX_RETENTION {
            return Err(ConfigError::RetentionTooLong { retention });
        }
        Ok(self)
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings::new()
    }
}

/// Bounds the arithmetic of the stores.
const MAX_RETENTION: Duration = Duration::from_secs(10 * 366 * 86_400);
