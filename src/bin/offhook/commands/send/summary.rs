//! What many deliveries were answered with, and how fast.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Answer, SendError};

/// The answers by status, and their latencies.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Under the status, or under the name of the error where there was no answer.
    counts: BTreeMap<String, u64>,
    latencies: Vec<Duration>,
    refused: bool,
}

impl Summary {
    pub(super) fn add(&mut self, answer: &Result<Answer, SendError>) {
        let (name, accepted) = match answer {
            Ok(answer) => {
                self.latencies.push(answer.elapsed);
                (answer.status.to_string(), answer.is_success())
            }
            Err(error) => (error.code().to_owned(), false),
        };
        let count = self.counts.entry(name).or_default();
        *count = count.saturating_add(1);
        self.refused |= !accepted;
    }

    /// Returns whether a delivery was not accepted.
    pub(super) fn has_refused(&self) -> bool {
        self.refused
    }

    fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Returns the latency that this share of the answers does not exceed.
    fn percentile(&self, share: f64) -> Option<Duration> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank among what is in memory")]
        let rank = (sorted.len() as f64 * share).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied()
    }

    fn percentiles(&self) -> Vec<(&'static str, Duration)> {
        let shares = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)];
        shares.into_iter().filter_map(|(name, share)| Some((name, self.percentile(share)?))).collect()
    }

    pub(super) fn to_json(&self, took: Duration) -> Value {
        let latencies: BTreeMap<_, _> =
            self.percentiles().into_iter().map(|(name, latency)| (name, milliseconds(latency))).collect();
        json!({ "summary": {
            "sent": self.total(),
            "seconds": took.as_secs_f64(),
            "answers": self.counts,
            "milliseconds": latencies,
        }})
    }

    pub(super) fn to_text(&self, took: Duration) -> String {
        let mut lines = vec![format!("{} deliveries in {:.1} s", self.total(), took.as_secs_f64())];
        lines.extend(self.counts.iter().map(|(name, count)| format!("  {name:<16}{count:>8}")));
        let percentiles = self.percentiles();
        if !percentiles.is_empty() {
            let texts = percentiles.iter().map(|(name, latency)| format!("{name} {} ms", milliseconds(*latency)));
            lines.push(format!("latency: {}", texts.collect::<Vec<_>>().join(", ")));
            lines.extend(self.histogram());
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// Draws a line for each range of latencies, whose ends double from line to line.
    fn histogram(&self) -> Vec<String> {
        let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
        for latency in &self.latencies {
            let count = counts.entry(range(*latency)).or_default();
            *count = count.saturating_add(1);
        }
        let most = counts.values().copied().max().unwrap_or(1).max(1);
        let ends = counts.keys().next().copied().zip(counts.keys().next_back().copied());
        let ranges = ends.map(|(first, last)| first..=last).into_iter().flatten();
        let line = |range: u32| {
            let count = counts.get(&range).copied().unwrap_or_default();
            // A range with an answer has a bar that can be seen.
            let width = count.saturating_mul(BAR_WIDTH).div_ceil(most);
            let bar = "#".repeat(usize::try_from(width).unwrap_or_default());
            format!("  < {:>8} ms |{bar:<40} {count}", milliseconds(Duration::from_micros(end(range))))
        };
        ranges.map(line).collect()
    }
}

/// Returns the number of the range in which a latency lies. The first one ends at 0.25 ms.
fn range(latency: Duration) -> u32 {
    (0..MAX_RANGE).find(|range| latency < Duration::from_micros(end(*range))).unwrap_or(MAX_RANGE)
}

/// Returns the end of a range in microseconds.
fn end(range: u32) -> u64 {
    250_u64.checked_shl(range).unwrap_or(u64::MAX)
}

/// Returns milliseconds with two digits after the point.
fn milliseconds(latency: Duration) -> f64 {
    (latency.as_secs_f64() * 100_000.0).round() / 100.0
}

/// The last range ends after more than a day.
const MAX_RANGE: u32 = 30;

const BAR_WIDTH: u64 = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use hyper::HeaderMap;

    fn summary() -> Summary {
        let mut summary = Summary::default();
        for milliseconds in 1..=100 {
            let elapsed = Duration::from_millis(milliseconds);
            let status = if milliseconds == 100 { 503 } else { 204 };
            summary.add(&Ok(Answer { status, headers: HeaderMap::new(), body: Bytes::new(), elapsed }));
        }
        summary
    }

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let milliseconds: Vec<_> = summary().percentiles().iter().map(|(_, latency)| latency.as_millis()).collect();
        assert_eq!(milliseconds, [50, 90, 99, 100]);
        assert!(Summary::default().percentiles().is_empty());
    }

    #[test]
    fn a_summary_counts_answers_and_errors_and_draws_a_histogram() {
        let mut summary = summary();
        assert!(summary.has_refused());
        summary.add(&Err(SendError::TimedOut(Duration::from_secs(1))));
        let text = summary.to_text(Duration::from_millis(1500));
        let bar = |length: usize| format!("{:<40}", "#".repeat(length));
        let expected = format!(
            "101 deliveries in 1.5 s\n  204                   99\n  503                    1\n  timed_out              1\n\
             latency: p50 50 ms, p90 90 ms, p99 99 ms, max 100 ms\n  \
             <        2 ms |{} 1\n  <        4 ms |{} 2\n  <        8 ms |{} 4\n  <       16 ms |{} 8\n  \
             <       32 ms |{} 16\n  <       64 ms |{} 32\n  <      128 ms |{} 37\n",
            bar(2),
            bar(3),
            bar(5),
            bar(9),
            bar(18),
            bar(35),
            bar(40)
        );
        assert_eq!(text, expected);
        let json = summary.to_json(Duration::from_millis(1500));
        assert_eq!(json["summary"]["answers"], json!({"204": 99, "503": 1, "timed_out": 1}));
        assert_eq!(json["summary"]["milliseconds"]["p99"], json!(99.0));
    }
}
