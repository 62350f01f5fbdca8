use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use offhook::testing::NearMiss;
use offhook::{Rejection, Reply, Truedy, Webhook};
use offhook_tests::databases::Folder;

use super::{TRUEDY_SECRET, command, json, offhook};

/// Serves a receiver of Truedy and returns its URL.
fn receiver() -> String {
    recorder().0
}

/// Serves a receiver of Truedy, and returns its URL and the dedupe keys of what it accepts.
pub(super) fn recorder() -> (String, Arc<Mutex<BTreeSet<String>>>) {
    let keys = Arc::new(Mutex::new(BTreeSet::new()));
    let recorded = Arc::clone(&keys);
    let answer = async move |webhook: Result<Webhook<Truedy>, Rejection>| -> Result<Reply, Rejection> {
        let webhook = webhook?;
        recorded.lock().unwrap().extend(webhook.dedupe_key());
        Ok(webhook.acknowledge())
    };
    let app = Router::new().route("/hooks", post(answer)).with_state(Truedy::new(TRUEDY_SECRET).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await })
    });
    (url, keys)
}

#[test]
fn a_signed_sample_is_accepted_and_every_fault_is_answered_as_a_right_receiver_answers() {
    let url = receiver();
    let sent = offhook(&["send", "truedy", "call.ended", "--to", &url]);
    assert!(sent.code == 0 && sent.stdout.starts_with("204 in "), "{sent:?}");
    for fault in NearMiss::ALL {
        let sent = offhook(&["send", "truedy", "call.ended", "--to", &url, "--fault", fault.name(), "--json"]);
        if fault == NearMiss::OldSecret {
            assert!(sent.code == 2 && sent.stderr.contains("cannot have the fault old_secret"), "{sent:?}");
            continue;
        }
        assert_eq!((sent.code, &json(&sent)["status"]), (1, &fault.status().into()), "{fault:?}: {sent:?}");
    }
}

#[test]
fn a_receiver_that_does_not_answer_ends_with_1() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", nobody.local_addr().unwrap());
    let silent = offhook(&["send", "truedy", "call.ended", "--to", &url, "--timeout", "1"]);
    assert!(silent.code == 1 && silent.stderr.contains("no answer within 1 s (timed_out)"), "{silent:?}");
    drop(nobody);
    let refused = offhook(&["send", "truedy", "call.ended", "--to", &url]);
    assert!(refused.code == 1 && refused.stderr.contains("(no_connection)"), "{refused:?}");
}

#[test]
fn many_deliveries_are_events_of_their_own_and_end_with_a_summary() {
    let (url, keys) = recorder();
    let sent = offhook(&["send", "truedy", "call.ended", "--to", &url, "--times", "60", "--concurrency", "4"]);
    assert_eq!((sent.code, sent.stderr.as_str()), (0, ""), "{sent:?}");
    assert!(sent.stdout.starts_with("60 deliveries in "), "{sent:?}");
    assert!(sent.stdout.contains("\n  204                   60\nlatency: p50 "), "{sent:?}");
    assert_eq!(keys.lock().unwrap().len(), 60);

    let sent = offhook(&["send", "truedy", "call.ended", "--to", &url, "--times", "5", "--same", "--json"]);
    let lines: Vec<serde_json::Value> = sent.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 6, "{sent:?}");
    assert_eq!((&lines[0]["number"], &lines[0]["status"]), (&1.into(), &204.into()));
    assert_eq!(lines[5]["summary"]["answers"], serde_json::json!({"204": 5}));
    assert_eq!(keys.lock().unwrap().len(), 61);

    let sent = offhook(&["send", "truedy", "call.ended", "--to", &url, "--times", "3", "--fault", "missing"]);
    assert!(sent.code == 1 && sent.stdout.contains("\n  401                    3\n"), "{sent:?}");
}

#[test]
fn deliveries_are_paced() {
    let url = receiver();
    let start = Instant::now();
    let sent =
        offhook(&["send", "truedy", "call.ended", "--to", &url, "--times", "11", "--rate", "20", "--concurrency", "4"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    // The last one begins half a second after the first.
    assert!(start.elapsed() >= Duration::from_millis(500));
}

#[test]
fn a_body_without_an_id_is_not_sent_many_times_as_if_it_had_one() {
    let folder = Folder::new();
    let file = folder.path().join("body.json");
    std::fs::write(&file, "{}").unwrap();
    let file = file.to_str().unwrap();
    let refused = offhook(&["send", "truedy", "--body", file, "--to", "http://127.0.0.1:1/", "--times", "2"]);
    assert!(refused.code == 2 && refused.stderr.contains("add --same"), "{refused:?}");
}

#[test]
fn ctrl_c_ends_a_run_with_its_summary_and_130() {
    let url = receiver();
    let mut command =
        command(&["send", "truedy", "call.ended", "--to", &url, "--times", "1000", "--rate", "50", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().contains("204"));
    let signalled = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    let summary: serde_json::Value = serde_json::from_str(&lines.last().unwrap()).unwrap();
    let sent = summary["summary"]["sent"].as_u64().unwrap();
    assert!((1..1000).contains(&sent), "{summary}");
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(130), &b"interrupted\n"[..]));
}
