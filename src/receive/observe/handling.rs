use std::fmt;
use std::time::Duration;

use crate::event::Event;
use crate::receive::Delivery;

/// A delivery that is being handled. The log and the metrics learn how that ends; if this is
/// dropped before, they learn that it was cancelled.
pub(crate) struct Handling<'d, E: Event> {
    delivery: &'d Delivery<E>,
    stopwatch: Stopwatch,
    step: Step,
    /// How long the handler ran, once it ended.
    handler: Option<Duration>,
}

/// How the handling of a delivery ended.
pub(crate) struct Ending<'e> {
    pub(crate) code: &'static str,
    /// The answer to the vendor: `acknowledged`, `retry` or `refused`.
    pub(crate) answer: &'static str,
    /// Whether nothing went wrong.
    pub(crate) ordinary: bool,
    /// The code of the store's error.
    pub(crate) store: Option<&'static str>,
    pub(crate) error: Option<&'e dyn fmt::Display>,
}

/// How long the parts of a handling took.
pub(super) struct Times {
    /// `None` if the handler did not run.
    pub(super) handler: Option<Duration>,
    /// Everything except the handler.
    pub(super) store: Duration,
}

/// What is going on.
pub(super) enum Step {
    Claim,
    Handler(Stopwatch),
    Record,
    End,
}

impl Step {
    #[cfg(feature = "tracing")]
    pub(super) fn name(&self) -> &'static str {
        match self {
            Step::Claim => "claim",
            Step::Handler(_) => "handler",
            Step::Record => "record",
            Step::End => "end",
        }
    }
}

impl<'d, E: Event> Handling<'d, E> {
    pub(crate) fn of(delivery: &'d Delivery<E>) -> Self {
        Handling { delivery, stopwatch: Stopwatch::start(), step: Step::Claim, handler: None }
    }

    pub(crate) fn delivery(&self) -> &'d Delivery<E> {
        self.delivery
    }

    /// Runs the handler to its end.
    pub(crate) async fn run<T>(&mut self, handler: impl Future<Output = T>) -> T {
        self.step = Step::Handler(Stopwatch::start());
        let output = handler.await;
        self.handler = self.handler_time();
        self.step = Step::Record;
        output
    }

    /// Returns how long the handler ran, or has run until now.
    fn handler_time(&self) -> Option<Duration> {
        match &self.step {
            Step::Handler(stopwatch) => Some(stopwatch.elapsed()),
            _ => self.handler,
        }
    }

    /// Tells how it ended.
    pub(crate) fn end(mut self, ending: &Ending<'_>) {
        self.step = Step::End;
        let times = Times {
            handler: self.handler,
            store: self.stopwatch.elapsed().saturating_sub(self.handler.unwrap_or_default()),
        };
        #[cfg(feature = "tracing")]
        super::log::handled(self.delivery, ending, &times);
        #[cfg(feature = "metrics")]
        super::metrics::handled(self.delivery.profile(), ending, &times);
        #[cfg(not(any(feature = "tracing", feature = "metrics")))]
        let _ = (ending, times);
    }
}

impl<E: Event> Drop for Handling<'_, E> {
    fn drop(&mut self) {
        if !matches!(self.step, Step::End) {
            #[cfg(feature = "tracing")]
            super::log::cancelled(self.delivery, &self.step, self.stopwatch.elapsed());
            #[cfg(feature = "metrics")]
            super::metrics::cancelled(self.delivery.profile(), self.handler_time());
        }
    }
}

/// Measures time if the log or the metrics use it: not every platform has a clock.
pub(super) struct Stopwatch {
    #[cfg(any(feature = "tracing", feature = "metrics"))]
    start: std::time::Instant,
}

impl Stopwatch {
    fn start() -> Self {
        Stopwatch {
            #[cfg(any(feature = "tracing", feature = "metrics"))]
            start: std::time::Instant::now(),
        }
    }

    #[cfg(any(feature = "tracing", feature = "metrics"))]
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    #[cfg(not(any(feature = "tracing", feature = "metrics")))]
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}
