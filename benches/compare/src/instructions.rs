//! Instructions per iteration, which do not depend on the machine's mood.
//!
//! This program runs itself under callgrind, N and 2 N iterations of a subject; the
//! difference is that of N. Valgrind hides the SHA extensions, so a hash in
//! software stands in for the one in hardware: what verification costs is told
//! only after the bare HMAC is taken off.

use std::io::{self, Write};
use std::process::Command;

use crate::cases::{CASES, Case, PARSE, PARSE_LIST, PARSE_SALPRE};
use crate::deliveries::{LARGE, SMALL};

const PARSING: [(&str, usize); 3] = [(PARSE, SMALL), (PARSE_LIST, LARGE), (PARSE_SALPRE, LARGE)];

pub fn report(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "parsing: instructions")?;
    for (title, bytes) in PARSING {
        writeln!(out, "\n{title}, {bytes} bytes")?;
        let counts = counts(case(title), bytes);
        for (name, count) in &counts {
            writeln!(out, "  {name:<50} {count:>10.0}  {:>6.3} ×", count / counts[0].1)?;
        }
    }
    writeln!(out, "\nverifying {SMALL} bytes: instructions beyond those of the bare HMAC")?;
    for case in CASES.iter().filter(|case| case.title.starts_with("verify, ")) {
        writeln!(out, "\n{}", case.title)?;
        let counts = counts(case, SMALL);
        for (name, count) in &counts[1..] {
            writeln!(out, "  {name:<50} {:>10.0}", count - counts[0].1)?;
        }
    }
    Ok(())
}

/// Every subject of a case, in order.
fn counts(case: &Case, bytes: usize) -> Vec<(&'static str, f64)> {
    let names = case.group(bytes).subjects.into_iter().map(|subject| subject.name);
    names.map(|name| (name, count(case.title, bytes, name))).collect()
}

/// Instructions of one iteration.
pub fn count(title: &str, bytes: usize, name: &str) -> f64 {
    let times = (20_000 / bytes as u32).max(4);
    let [once, twice] = [times, 2 * times].map(|times| total(title, bytes, name, times));
    (twice - once) / f64::from(times)
}

fn total(title: &str, bytes: usize, name: &str, times: u32) -> f64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["iterate", title, &bytes.to_string(), name, &times.to_string()])
        .output()
        .expect("valgrind is installed");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let collected = stderr.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.unwrap_or_else(|| panic!("{stderr}"))
}

/// What runs under callgrind.
pub fn iterate(title: &str, bytes: usize, name: &str, times: u32) {
    let group = case(title).group(bytes);
    let mut subject = group.subjects.into_iter().find(|subject| subject.name == name).expect("a subject");
    subject.run(times);
}

fn case(title: &str) -> &'static Case {
    CASES.iter().find(|case| case.title == title).expect("a case")
}
