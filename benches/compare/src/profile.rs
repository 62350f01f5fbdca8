//! Reports where a server's processor time goes under load, by the samples of Linux's `perf`. The load
//! is on the route with the extractor, with 64 connections.

use std::io::{self, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::load::{BYTES, FRAMEWORKS, Server, connect, drive, request};
use crate::routes::EXTRACTOR;

const CONNECTIONS: usize = 64;
const RUN: Duration = Duration::from_secs(3);
const LISTED: usize = 8;

/// The parts of a server, each with the texts in the names of its symbols. The first match counts.
const PARTS: [(&str, &[&str]); 6] = [
    ("the hash (sha2, hmac)", &["sha2::", "hmac::", "digest::", "block_buffer::"]),
    (
        "JSON (serde_json, offhook's events)",
        &["serde_json::", "offhook::envelope", "offhook::fields", "::event::", "::call::"],
    ),
    ("offhook, the rest", &["offhook::"]),
    ("HTTP (hyper, http, axum, actix)", &["hyper", "http", "axum", "actix", "tower", "matchit", "bytes::", "router"]),
    ("the runtime (tokio, mio)", &["tokio", "mio::", "futures", "parking_lot"]),
    ("the allocator", &["malloc", "free", "realloc", "unlink_chunk", "alloc::", "Counting"]),
];
const KERNEL: &str = "the kernel: TCP over loopback, scheduling";
const LIBC: &str = "libc: copies, the clock";
const OTHER: &str = "other";

/// Returns whether `perf` is installed and may observe processes.
pub fn is_possible() -> bool {
    Command::new("perf").args(["stat", "true"]).output().is_ok_and(|output| output.status.success())
}

pub fn report(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "where the server's processor time goes: with the extractor, {CONNECTIONS} connections")?;
    for framework in FRAMEWORKS {
        for bytes in BYTES {
            let samples = record(framework, bytes)?;
            writeln!(out, "\n{framework}, {bytes} bytes")?;
            let mut parts: Vec<(&str, f64)> = Vec::new();
            for Sample { part, percent, .. } in &samples {
                match parts.iter_mut().find(|(name, _)| name == part) {
                    Some((_, sum)) => *sum += percent,
                    None => parts.push((part, *percent)),
                }
            }
            parts.sort_by(|(_, a), (_, b)| b.total_cmp(a));
            for (part, percent) in parts {
                writeln!(out, "  {part:<44} {percent:>5.1} %")?;
            }
            writeln!(out, "  most of it, outside the kernel:")?;
            for Sample { symbol, percent, .. } in samples.iter().filter(|sample| sample.part != KERNEL).take(LISTED) {
                writeln!(out, "    {percent:>5.1} %  {symbol:.100}")?;
            }
        }
    }
    Ok(())
}

struct Sample {
    part: &'static str,
    symbol: String,
    percent: f64,
}

/// Returns the samples by symbol, with the largest share first.
fn record(framework: &'static str, bytes: usize) -> io::Result<Vec<Sample>> {
    let file = std::env::temp_dir().join(format!("profile-{}", std::process::id()));
    let server = Server::start(framework);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let request = request(EXTRACTOR, bytes);
        let streams = connect(&server, CONNECTIONS).await;
        let (_, streams) = drive(streams, request, Instant::now() + RUN / 10).await;
        let mut perf = Command::new("perf")
            .args(["record", "-q", "-F", "1999", "-p", &server.id(), "-o"])
            .arg(&file)
            .args(["--", "sleep", &RUN.as_secs().to_string()])
            .spawn()
            .expect("perf runs");
        drive(streams, request, Instant::now() + RUN).await;
        perf.wait().expect("perf ends");
    });
    let report = Command::new("perf")
        .args(["report", "--stdio", "--no-children", "-F", "overhead,dso,symbol", "-t", "|", "-i"])
        .arg(&file)
        .output()?;
    std::fs::remove_file(&file)?;
    Ok(String::from_utf8_lossy(&report.stdout).lines().filter_map(sample).collect())
}

fn sample(line: &str) -> Option<Sample> {
    let mut columns = line.splitn(3, '|');
    let percent = columns.next()?.trim().strip_suffix('%')?.parse().ok()?;
    let object = columns.next()?.trim();
    let (space, symbol) = columns.next()?.trim().split_once(' ')?;
    let part = match PARTS.iter().find(|(_, names)| names.iter().any(|name| symbol.contains(name))) {
        _ if space == "[k]" => KERNEL,
        Some((part, _)) => part,
        None if object.starts_with("libc") || object == "[vdso]" => LIBC,
        None => OTHER,
    };
    Some(Sample { part, symbol: symbol.to_owned(), percent })
}
