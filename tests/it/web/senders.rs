//! Scripts that follow the vendors' documented signing steps, in Node and in Python, send
//! deliveries to the example servers.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use offhook_tests::examples::build;

const SECRETS: [(&str, &str); 3] = [
    ("TRUEDY_WEBHOOK_SECRET", "whsec_sender_secret"),
    ("TALKIFAI_WEBHOOK_SECRET", "talkifai_sender_secret"),
    ("SALPRE_WEBHOOK_TOKEN", "salpre_sender_token"),
];

#[test]
fn node_senders_are_accepted_by_both_examples() {
    run_sender("node", "sender.mjs");
}

#[test]
fn python_senders_are_accepted_by_both_examples() {
    run_sender("python3", "sender.py");
}

fn run_sender(program: &str, script: &str) {
    if Command::new(program).arg("--version").output().is_err() {
        assert!(std::env::var_os("OFFHOOK_REQUIRE_PEERS").is_none(), "{program} is not installed");
        eprintln!("not run: {program} is not installed");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/web/senders").join(script);
    for example in ["axum", "actix"] {
        let server = Example::start(example);
        let output =
            Command::new(program).arg(&script).arg(&server.url).envs(SECRETS).output().expect("the sender starts");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{example}: {stdout}{}", String::from_utf8_lossy(&output.stderr));
        // Each vendor sends a genuine delivery, and then one with a changed body under the same
        // signature, or with another token.
        let statuses: Vec<_> = stdout.lines().collect();
        assert_eq!(
            statuses,
            [
                "truedy 204",
                "truedy-iso 204",
                "truedy-tampered 401",
                "talkifai 200",
                "talkifai-tampered 401",
                "salpre 200",
                "salpre-wrong-token 401"
            ],
            "{example}"
        );
        let lines: Vec<serde_json::Value> = (0..4)
            .map(|_| {
                let line = server.lines.recv_timeout(std::time::Duration::from_secs(10)).expect("a line per delivery");
                serde_json::from_str(&line).expect("JSON")
            })
            .collect();
        let summary: Vec<_> = lines
            .iter()
            .map(|line| {
                let text = |field: &str| line[field].as_str().unwrap_or("null").to_owned();
                (text("vendor"), text("event"), text("dedupe_key"), text("call_id"), line["test"].as_bool().unwrap())
            })
            .collect();
        let expected = [
            ("truedy", "call.ended", "call.ended:evt_1", "call_1", false),
            ("truedy", "call.ended", "call.ended:evt_2", "call_2", false),
            ("talkifai", "call.ended", "call.ended:evt_3", "call_3", false),
            ("salpre", "call_ringing", "null", "1", true),
        ]
        .map(|(vendor, event, key, call, test)| {
            (vendor.to_owned(), event.to_owned(), key.to_owned(), call.to_owned(), test)
        });
        assert_eq!(summary, expected, "{example}");
        assert!(server.lines.try_recv().is_err(), "{example}: a refused delivery was printed");
        assert_eq!(lines[0]["data"]["data"]["call"]["costUsd"].to_string(), "0.21");
        assert!(lines.iter().all(|line| line["drift"] == serde_json::json!([])), "{lines:?}");
    }
}

/// A running example server.
struct Example {
    process: Child,
    url: String,
    lines: mpsc::Receiver<String>,
}

impl Example {
    fn start(name: &str) -> Self {
        let mut process = Command::new(build(name))
            .envs(SECRETS)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let mut notes = stderr.lines().map(Result::unwrap);
        let url = notes.find_map(|line| Some(line.strip_prefix("listening on ")?.to_owned())).expect("it listens");
        std::thread::spawn(move || notes.for_each(drop));
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Example { process, url, lines }
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
