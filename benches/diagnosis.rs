//! Measures how long the diagnosis of one refused delivery takes, and fails if it takes more than
//! 50 ms for a body of 1 MiB. On Linux it counts the time on the processor as well, which other
//! programs of the machine change little; then that is what must not be more.
//!
//! `cargo bench --bench diagnosis --features testing`
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "this is a program")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use offhook::diagnose::{Explainer, Receiver};
use offhook::testing::{Layout, RawRequest, Signer, samples};
use offhook::{StandardWebhooks, TalkifAi, Truedy, Ultravox};

const SECRET: &str = "whsec_b25lU2VjcmV0T2ZBUmVjZWl2ZXI";
const OTHER: &str = "whsec_YW5vdGhlclNlY3JldE9mQVNlbmRlcg";
const MIB: usize = 1024 * 1024;
const LIMIT: Duration = Duration::from_millis(50);
const RUNS: usize = 50;

/// Returns a receiver with three others beside it, as an application with four vendors has them.
fn explainer() -> Explainer {
    let standard = StandardWebhooks::<serde_json::Value>::new(SECRET).unwrap();
    Explainer::new(Receiver::signed(&Truedy::new(SECRET).unwrap()).with_secret(SECRET))
        .beside(Receiver::signed(&TalkifAi::new(SECRET).unwrap()).with_secret(SECRET))
        .beside(Receiver::signed(&Ultravox::new(SECRET).unwrap()).with_secret(SECRET))
        .beside(Receiver::signed(&standard).with_secret(SECRET))
}

fn signed(secret: &str, body: impl Into<Vec<u8>>) -> RawRequest {
    Signer::of(&Truedy::new(secret).unwrap()).request("/webhooks/truedy", body.into())
}

/// Returns a text of about 1 MiB that repeats `piece`.
fn large(before: &str, piece: &str, after: &str) -> String {
    let room = MIB.saturating_sub(before.len()).saturating_sub(after.len());
    let count = room.checked_div(piece.len()).unwrap_or_default();
    [before, &piece.repeat(count), after].concat()
}

fn cases() -> Vec<(&'static str, RawRequest)> {
    let summary = |text: String| samples::truedy::CALL_ENDED.with("data.call.summary", text);
    let spaced = summary(large("", "Hello, how are you? ", "")).with_layout(Layout::Spaced);
    let known = signed(SECRET, summary(large("", "Hello, how are you? ", "")).body());
    vec![
        ("254 B, no known cause", signed(OTHER, samples::truedy::CALL_ENDED.body())),
        ("1 MiB of text, no known cause", signed(OTHER, summary(large("", "Hello, how are you? ", "")).body())),
        ("1 MiB of text in several scripts", signed(OTHER, summary(large("", "Grüße, 你好, \"🙂\"\n", "")).body())),
        ("1 MiB of members", signed(OTHER, large("{\"a\":[", "{\"b\":1,\"a\":\"é\"},", "null]}"))),
        ("1 MiB of members in one object", signed(OTHER, large("{", "\"b\":1,", "\"a\":1}"))),
        ("1 MiB of open brackets", signed(OTHER, large("", "[", ""))),
        ("1 MiB of base64", signed(OTHER, large("", "QUJD", ""))),
        ("1 MiB of lines", signed(OTHER, large("", "\r\n", ""))),
        ("1 MiB that is not text", signed(OTHER, vec![0xff; MIB])),
        ("1 MiB, written again with other spaces", known.with_body(spaced)),
    ]
}

/// Returns how long this thread has run on a processor.
fn on_processor() -> Option<Duration> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    times.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn main() {
    let explainer = explainer();
    let mut slowest = Duration::ZERO;
    for (name, request) in cases() {
        let before = on_processor();
        let mut times: Vec<_> = (0..RUNS)
            .map(|_| {
                let start = Instant::now();
                black_box(explainer.explain(black_box(&request.request())));
                start.elapsed()
            })
            .collect();
        let processor = on_processor()
            .zip(before)
            .and_then(|(after, before)| after.checked_sub(before)?.checked_div(u32::try_from(RUNS).ok()?));
        times.sort();
        let (median, worst) = (*times.get(RUNS / 2).unwrap(), *times.last().unwrap());
        let first = explainer.explain(&request.request());
        let first = first.first().map_or("no known cause", |reason| reason.name());
        // The system counts in steps, which are longer than all runs with a small body.
        let processor = processor.filter(|time| !time.is_zero()).unwrap_or(median);
        println!("{name:<40} processor {processor:>9.3?}  median {median:>9.3?}  worst {worst:>9.3?}  {first}");
        slowest = slowest.max(processor);
    }
    assert!(slowest <= LIMIT, "a diagnosis takes {slowest:?}, more than {LIMIT:?}");
}
