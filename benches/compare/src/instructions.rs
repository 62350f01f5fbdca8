//! Counts instructions per iteration, which do not depend on the load of the machine.
//!
//! This program runs itself under callgrind, with N and with 2 N iterations of a subject. The
//! difference is the count of N iterations. Valgrind does not have the SHA extensions, so the hash
//! runs in software. For verification, only the instructions beyond the bare HMAC are therefore
//! reported.

use std::collections::HashMap;
use std::io::{self, Write};
use std::process::Command;

use crate::cases::{
    ACTIX, AXUM, CASES, Case, OFFHOOK, PARSE, PARSE_LIST, PARSE_SALPRE, VERIFY_STANDARD, VERIFY_TRUEDY,
};
use crate::deliveries::{LARGE, SMALL};

const WHOLE: [(&str, usize); 6] =
    [(PARSE, SMALL), (PARSE, LARGE), (PARSE_LIST, LARGE), (PARSE_SALPRE, LARGE), (AXUM, SMALL), (ACTIX, SMALL)];

const LISTED: usize = 14;

pub fn report(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "parsing, and receiving in a framework: instructions")?;
    for (title, bytes) in WHOLE {
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
    for title in [VERIFY_TRUEDY, VERIFY_STANDARD, PARSE] {
        writeln!(out, "\nwhere offhook's instructions are, {title}, {SMALL} bytes")?;
        for (function, count) in by_function(title, SMALL, OFFHOOK).into_iter().take(LISTED) {
            writeln!(out, "  {count:>8.0}  {function:.100}")?;
        }
    }
    Ok(())
}

/// Returns the count of every subject of a case, in order.
fn counts(case: &Case, bytes: usize) -> Vec<(&'static str, f64)> {
    let names = case.group(bytes).subjects.into_iter().map(|subject| subject.name);
    names.map(|name| (name, count(case.title, bytes, name))).collect()
}

/// Returns the instructions of one iteration.
fn count(title: &str, bytes: usize, name: &str) -> f64 {
    by_function(title, bytes, name).into_iter().map(|(_, count)| count).sum()
}

/// Returns the instructions of one iteration by function, without those of the functions that it
/// calls. The largest count is first.
fn by_function(title: &str, bytes: usize, name: &str) -> Vec<(String, f64)> {
    let times = (20_000 / bytes as u32).max(4);
    let [once, mut twice] = [times, 2 * times].map(|times| collect(title, bytes, name, times));
    for (function, count) in once {
        *twice.entry(function).or_default() -= count;
    }
    let mut counts: Vec<_> = twice.into_iter().map(|(function, count)| (function, count / f64::from(times))).collect();
    counts.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    counts
}

fn collect(title: &str, bytes: usize, name: &str, times: u32) -> HashMap<String, f64> {
    let file = std::env::temp_dir().join(format!("callgrind-{}", std::process::id()));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", &format!("--callgrind-out-file={}", file.display())])
        .arg(std::env::current_exe().unwrap())
        .args(["iterate", title, &bytes.to_string(), name, &times.to_string()])
        .output()
        .expect("valgrind is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let profile = std::fs::read_to_string(&file).expect("callgrind's profile");
    std::fs::remove_file(&file).expect("callgrind's profile");
    own_costs(&profile)
}

/// Reads the costs of the functions themselves from callgrind's format. `fn=(1) name` begins a
/// function, and later `fn=(1)` alone. The lines with a position and a cost belong to it, except for
/// the line after `calls=`, which is the cost of the called function.
fn own_costs(profile: &str) -> HashMap<String, f64> {
    let (mut names, mut costs) = (HashMap::new(), HashMap::new());
    let (mut function, mut called) = ("", false);
    for line in profile.lines() {
        if let Some((id, name)) =
            line.strip_prefix("fn=").or(line.strip_prefix("cfn=")).and_then(|text| text.split_once(' '))
        {
            names.insert(id, name);
        }
        if let Some(text) = line.strip_prefix("fn=") {
            function = names[text.split(' ').next().unwrap()];
        } else if line.starts_with("calls=") {
            called = true;
        } else if line.starts_with(|first: char| matches!(first, '0'..='9' | '+' | '-' | '*')) {
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<f64>().ok()).unwrap_or_default();
            if !std::mem::take(&mut called) {
                *costs.entry(function.to_owned()).or_default() += cost;
            }
        }
    }
    costs
}

/// Runs a subject. This is the part of the program that runs under callgrind.
pub fn iterate(title: &str, bytes: usize, name: &str, times: u32) {
    let group = case(title).group(bytes);
    let mut subject = group.subjects.into_iter().find(|subject| subject.name == name).expect("a subject");
    subject.run(times);
}

fn case(title: &str) -> &'static Case {
    CASES.iter().find(|case| case.title == title).expect("a case")
}
