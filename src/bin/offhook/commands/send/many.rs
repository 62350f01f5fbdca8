//! Many deliveries, some of them at the same time.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::Uri;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::summary::Summary;
use super::{Deliveries, Pace};
use crate::client::{Answer, Client, SendError};
use crate::failure::{Failure, Outcome};
use crate::interrupt;
use crate::output::Output;

/// A delivery that was sent: its number, counted from 1, and the answer.
type Sent = (u64, Result<Answer, SendError>);

/// Sends the deliveries, and ends with a summary of the answers, also at Ctrl-C.
pub(super) async fn send(
    deliveries: Deliveries,
    url: &Uri,
    pace: Pace,
    client: &Client,
    output: &Output,
) -> Result<Outcome, Failure> {
    let start = Instant::now();
    let (sender, mut answers) = tokio::sync::mpsc::channel(CHANNEL);
    let queue = Arc::new(Queue { deliveries, url: url.clone(), pace, start, next: AtomicU64::new(0) });
    // The tasks end when the set is dropped, which is at Ctrl-C.
    let mut tasks = JoinSet::new();
    for _ in 0..pace.concurrency.min(pace.times) {
        tasks.spawn(work(Arc::clone(&queue), client.clone(), sender.clone()));
    }
    drop(sender);
    let progress = progress(pace.times);
    let mut summary = Summary::default();
    let interrupted = tokio::select! {
        () = interrupt::received() => true,
        collected = collect(&mut answers, &mut summary, &progress, output) => { collected?; false }
    };
    progress.finish_and_clear();
    let took = start.elapsed();
    if output.is_json() {
        output.json(&summary.to_json(took))?;
    } else {
        output.text(&summary.to_text(took))?;
    }
    if interrupted {
        return Err(Failure::Interrupted);
    }
    Ok(if summary.has_refused() { Outcome::Refused } else { Outcome::Done })
}

async fn collect(
    answers: &mut Receiver<Sent>,
    summary: &mut Summary,
    progress: &ProgressBar,
    output: &Output,
) -> Result<(), Failure> {
    while let Some((number, answer)) = answers.recv().await {
        progress.inc(1);
        summary.add(&answer);
        if output.is_json() {
            output.json(&match &answer {
                Ok(answer) => {
                    json!({ "number": number, "status": answer.status, "milliseconds": answer.milliseconds() })
                }
                Err(error) => json!({ "number": number, "error": error.code() }),
            })?;
        }
    }
    Ok(())
}

/// What the tasks take their deliveries from.
struct Queue {
    deliveries: Deliveries,
    url: Uri,
    pace: Pace,
    start: Instant,
    next: AtomicU64,
}

async fn work(queue: Arc<Queue>, client: Client, answers: Sender<Sent>) {
    loop {
        let index = queue.next.fetch_add(1, Ordering::Relaxed);
        if index >= queue.pace.times {
            return;
        }
        if let Some(begin) = queue.start.checked_add(queue.pace.delay(index)) {
            tokio::time::sleep_until(begin).await;
        }
        let number = index.saturating_add(1);
        let answer = match queue.deliveries.get(number) {
            Ok(request) => client.send(&queue.url, &request).await,
            Err(error) => Err(SendError::Unsendable(error.to_string())),
        };
        if answers.send((number, answer)).await.is_err() {
            return;
        }
    }
}

fn progress(times: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(times);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Answers that wait to be counted.
const CHANNEL: usize = 1024;
