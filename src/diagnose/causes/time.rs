//! Causes that lie in the signed time.

use crate::diagnose::evidence::Evidence;
use crate::diagnose::report::{Confidence, Finding};
use crate::verify::{HmacScheme, TimestampFormat, VerifyError};

pub(super) fn time_format(evidence: &Evidence<'_>) -> Option<Finding> {
    let refusal = evidence.refusal()?;
    if *refusal == VerifyError::TimestampInMilliseconds {
        return Some(Finding::new(Confidence::Certain).with_detail("milliseconds"));
    }
    if *refusal != VerifyError::MalformedTimestamp {
        return None;
    }
    let formats = [TimestampFormat::UnixSeconds, TimestampFormat::UnixMillis, TimestampFormat::Rfc3339];
    let signs = |format| {
        evidence.accepts_scheme(|scheme| HmacScheme {
            timestamp: scheme.timestamp.map(|(source, _)| (source, format)),
            ..scheme
        })
    };
    formats.into_iter().any(signs).then(|| Finding::new(Confidence::Certain))
}

pub(super) fn time_zone(evidence: &Evidence<'_>) -> Option<Finding> {
    let (VerifyError::TimestampTooOld { seconds, .. } | VerifyError::TimestampTooNew { seconds, .. }) =
        *evidence.refusal()?
    else {
        return None;
    };
    let rest = seconds.checked_rem(HALF_HOUR)?;
    let near = rest <= TRANSIT || rest >= HALF_HOUR.saturating_sub(TRANSIT);
    let whole = near && seconds >= HALF_HOUR.saturating_sub(TRANSIT) && seconds <= WIDEST.saturating_add(TRANSIT);
    whole.then(|| Finding::new(Confidence::Likely).with_detail(span(seconds)))
}

pub(super) fn clock_behind(evidence: &Evidence<'_>) -> Option<Finding> {
    let VerifyError::TimestampTooNew { seconds, .. } = *evidence.refusal()? else { return None };
    let confidence = if time_zone(evidence).is_some() { Confidence::Likely } else { Confidence::Certain };
    Some(Finding::new(confidence).with_detail(span(seconds)))
}

pub(super) fn delayed(evidence: &Evidence<'_>) -> Option<Finding> {
    let VerifyError::TimestampTooOld { seconds, .. } = *evidence.refusal()? else { return None };
    Some(Finding::new(Confidence::Likely).with_detail(span(seconds)))
}

pub(super) fn clock_ahead(evidence: &Evidence<'_>) -> Option<Finding> {
    let VerifyError::TimestampTooOld { seconds, .. } = *evidence.refusal()? else { return None };
    Some(Finding::new(Confidence::Possible).with_detail(span(seconds)))
}

fn span(seconds: u64) -> String {
    format!("{seconds} s")
}

/// Offsets from UTC are multiples of half an hour, but for three places.
const HALF_HOUR: u64 = 1_800;

/// The widest offset from UTC.
const WIDEST: u64 = 14 * 3_600;

/// How long a delivery may be on its way.
const TRANSIT: u64 = 5;
