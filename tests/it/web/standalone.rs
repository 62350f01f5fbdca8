//! The example `standalone`, which verifies a captured request.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use offhook_tests::examples::build;

const BODY: &str = include_str!("../../deliveries/truedy/call_ended_upstream.json");
const SIGNATURE: &str = "96d85da17d136e52c8abc091357ff1d78bc4bf5a8021a408f22a7e9b03d0f408";

fn standalone(args: &[&str], input: &str) -> Output {
    let mut process = Command::new(build("standalone"))
        .args(args)
        .env("TRUEDY_WEBHOOK_SECRET", "whsec_test_secret")
        .env_remove("TALKIFAI_WEBHOOK_SECRET")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The write may fail, because a program that does not read its input may have ended.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap()
}

#[test]
fn a_captured_request_is_verified_at_its_time() {
    let request = format!(
        "POST /webhooks/truedy HTTP/1.1\r\nHost: localhost\r\nX-Truedy-Signature: {SIGNATURE}\r\nX-Truedy-Timestamp: 1773844200\r\n\r\n{BODY}"
    );
    let output = standalone(&["truedy", "--at", "1773844200", "--request", "-"], &request);
    let event: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), event["event"].as_str()), (Some(0), Some("call.ended")));

    let output = standalone(&["truedy", "--at", "1773844501", "--request", "-"], &request);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()));
    assert!(message.starts_with("refused: timestamp_too_old ("), "{message}");

    let signature = format!("x-truedy-signature: {SIGNATURE}");
    let args =
        ["truedy", "--at", "1773844200", "-H", &signature, "-H", "x-truedy-timestamp: 1773844200", "--body", "-"];
    assert_eq!(standalone(&args, BODY).status.code(), Some(0));
    assert_eq!(standalone(&args, &format!("{BODY}\n")).status.code(), Some(1));
}

#[test]
fn wrong_usage_exits_with_2_and_a_message() {
    for args in [
        &[][..],
        &["another-vendor"],
        &["truedy", "--request"],
        &["truedy", "--at", "noon"],
        &["talkifai"],
        &["truedy", "-x", "1"],
    ] {
        let output = standalone(args, "");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}
