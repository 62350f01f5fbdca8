//! Receivers that do what the vendors' pages say for Node and for Python. The suite finds what is
//! wrong with them, and nothing else.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Grades, Server, suite};

#[test]
fn truedys_receiver_for_node_throws_at_other_lengths_and_accepts_the_future_and_text_behind_a_time() {
    let Some(server) = serve("node", "truedy.mjs") else { return };
    let grades = Grades::of(&server.url, "truedy", &[]);
    assert_eq!(
        failed(&grades),
        [
            ("from_the_future", 204),
            ("missing", 500),
            ("repeated", 500),
            ("malformed", 500),
            ("another_vendor", 500),
            ("signature_too_short", 500),
            ("signature_too_long", 500),
            ("signature_empty", 500),
            ("signature_not_ascii", 500),
            ("timestamp_with_text", 204),
            ("timestamp_not_a_number", 204),
            ("timestamp_empty", 204),
            ("timestamp_overflow", 204),
            ("signed_text_divided_otherwise", 500),
            ("signed_empty_body", 500),
            ("signed_truncated_json", 500),
        ]
    );
    let noted = ["iso_timestamp", "content_coding", "over_the_limit", "signed_invalid_utf8", "signed_null"];
    assert_eq!(grades.names("note"), noted);
}

#[test]
fn truedys_receiver_for_python_throws_at_invalid_utf8_and_accepts_any_time() {
    let Some(server) = serve("python3", "truedy.py") else { return };
    let grades = Grades::of(&server.url, "truedy", &[]);
    assert_eq!(
        failed(&grades),
        [
            ("stale", 204),
            ("from_the_future", 204),
            ("signature_not_ascii", 500),
            ("timestamp_with_text", 204),
            ("timestamp_not_a_number", 204),
            ("timestamp_empty", 204),
            ("timestamp_negative", 204),
            ("timestamp_overflow", 204),
            ("signed_text_divided_otherwise", 500),
            ("forged_invalid_utf8", 500),
            ("signed_invalid_utf8", 500),
            ("signed_empty_body", 500),
            ("signed_truncated_json", 500),
        ]
    );
    assert_eq!(grades.names("note"), ["repeated", "content_coding", "over_the_limit", "signed_null"]);
}

#[test]
fn talkifais_receiver_for_node_verifies_what_it_wrote_itself() {
    let Some(server) = serve("node", "talkifai.mjs") else { return };
    let grades = Grades::of(&server.url, "talkifai", &[]);
    // The first is an honest delivery, and the second one a changed one.
    assert_eq!(failed(&grades), [("json_layout", 401), ("reserialised_body", 200)]);
}

#[test]
fn talkifais_receiver_for_python_throws_at_a_signature_that_is_not_ascii_and_at_other_bodies_than_json() {
    let Some(server) = serve("python3", "talkifai.py") else { return };
    let grades = Grades::of(&server.url, "talkifai", &[]);
    assert_eq!(
        failed(&grades),
        [
            ("signature_not_ascii", 500),
            ("signed_invalid_utf8", 500),
            ("signed_empty_body", 500),
            ("signed_truncated_json", 500),
        ]
    );
}

#[test]
fn the_session_in_the_guide_is_what_the_suite_prints() {
    let guide = include_str!("../../../../docs/guide/suite.md");
    let (command, rest) = guide.split_once("$ offhook suite ").unwrap().1.split_once("\nsending ").unwrap();
    let (session, code) = rest.split_once("$ echo $?\n").unwrap();
    let Some(server) = serve("node", "truedy.mjs") else { return };
    let arguments: Vec<_> = command.split([' ', '\\', '\n']).filter(|word| !word.is_empty()).collect();
    let run = suite(&server.url, "truedy", &arguments[3..]);
    let printed = run.stderr.replace(&server.url, arguments[0]) + &run.stdout;
    assert_eq!(printed, format!("sending {session}"));
    assert!(code.starts_with(&format!("{}\n", run.code)), "{code}");
    let all = Grades::of(&server.url, "truedy", &[]).checks.len();
    assert!(guide.contains(&format!("there are {all} checks")), "{all} checks");
}

/// Starts a receiver. Without the program that runs it, the test is skipped or fails.
fn serve(program: &str, receiver: &str) -> Option<Server> {
    let runs = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !runs.is_ok_and(|status| status.success()) {
        let required = std::env::var_os("OFFHOOK_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(!required, "{program} is not installed");
        println!("NOT RUN: {program} is not installed");
        return None;
    }
    let mut command = Command::new(program);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/command/suite/receivers");
    // Python would write its cache beside the sources.
    command.arg(folder.join(receiver)).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(Server::start(command, ""))
}

/// Returns the names of the checks that failed, with the statuses that came.
fn failed(grades: &Grades) -> Vec<(&str, u64)> {
    assert_eq!(grades.code, 1);
    let failed = grades.checks.iter().filter(|check| check["grade"] == "fail");
    failed.map(|check| (check["check"].as_str().unwrap(), check["status"].as_u64().unwrap())).collect()
}
