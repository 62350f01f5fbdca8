//! The receivers that the vendors document for Node and Python. Each runs in a process of its own, so
//! they are not interleaved with the other subjects.

use std::io::Write;
use std::process::{Command, Stdio};

use offhook::truedy;

use crate::deliveries::{SECRET, body, signed};
use crate::measure::Row;

/// Returns a row for each interpreter that is installed.
pub fn rows(bytes: usize) -> Vec<Row> {
    let programs = [
        ("Node's crypto and JSON.parse", "node", "receiver.mjs"),
        ("Python's hmac and json.loads", "python3", "receiver.py"),
    ];
    programs.into_iter().filter_map(|(name, program, script)| row(name, program, script, bytes)).collect()
}

fn row(name: &'static str, program: &str, script: &str, bytes: usize) -> Option<Row> {
    let body = body(bytes);
    let headers = signed(truedy::SCHEME, body);
    let [time, signature] =
        [truedy::TIMESTAMP_HEADER, truedy::SIGNATURE_HEADER].map(|name| headers[name].to_str().unwrap());
    let mut child = Command::new(program)
        .arg(format!("{}/{script}", env!("CARGO_MANIFEST_DIR")))
        .args([SECRET, time, signature])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script} failed");
    Some(Row::of_process(name, String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()))
}
