//! A point in time, read as [`time`] is, and written as Unix seconds.

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::time;

/// Writes whole seconds; a time with a fraction becomes RFC 3339, since a double
/// could not hold it.
pub(crate) fn serialize<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) if at.timestamp_subsec_nanos() == 0 => at.timestamp().serialize(serializer),
        _ => time::serialize(at, serializer),
    }
}
