//! A process that runs the example, and deliveries of the three vendors for it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, Utc};
use offhook::idempotency::Key;
use offhook::testing::Signer;
use offhook::{Clock, Salpre, SystemClock, TalkifAi, Truedy, Verifier, talkifai, truedy};
use offhook_tests::client::sized;
use offhook_tests::examples::build;

const SECRET: &str = "inbox_example_secret";

/// An event, which can be delivered any number of times.
pub struct Event {
    path: &'static str,
    body: String,
    sign: fn(&str) -> Vec<(&'static str, String)>,
    pub key: String,
}

impl Event {
    /// An event of a call of its own, of one vendor after the other.
    pub fn numbered(number: usize) -> Self {
        // Each delivery of an event has the same body.
        static STARTED: LazyLock<DateTime<Utc>> = LazyLock::new(|| SystemClock.now());
        let (started, now) = (*STARTED, STARTED.to_rfc3339());
        match number % 3 {
            0 => {
                let body = format!(
                    r#"{{"event":"call.ended","timestamp":"{now}","data":{{"id":"evt_{number}","call":{{"callId":"call_{number}"}}}}}}"#
                );
                Event::of(&Truedy::new(SECRET).unwrap(), "/webhooks/truedy", sign_truedy, body)
            }
            1 => {
                let body = format!(
                    r#"{{"id":"evt_{number}","type":"call.started","created":"{now}","data":{{"callId":"call_{number}"}}}}"#
                );
                Event::of(&TalkifAi::new(SECRET).unwrap(), "/webhooks/talkifai", sign_talkifai, body)
            }
            _ => {
                let body = format!(
                    r#"{{"event_type":"call_answered","timestamp_utc":{},"payload":{{"call_id":{number},"source":"salprebox:SALPRE_A"}}}}"#,
                    started.timestamp()
                );
                Event::of(&Salpre::bearer(SECRET).unwrap(), "/webhooks/salpre", sign_salpre, body)
            }
        }
    }

    fn of<V: Verifier>(
        verifier: &V,
        path: &'static str,
        sign: fn(&str) -> Vec<(&'static str, String)>,
        body: String,
    ) -> Self {
        let delivery = verifier.receive(&sign(&body), body.clone()).unwrap();
        let key = Key::of(&delivery).unwrap().as_str().to_owned();
        Event { path, body, sign, key }
    }

    /// Delivers the event, and returns whether it was acknowledged.
    pub fn deliver(&self, address: SocketAddr) -> Result<bool, NoAnswer> {
        let mut stream = TcpStream::connect(address).map_err(|_| NoAnswer::NotConnected)?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let signed = (self.sign)(&self.body);
        let headers: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let mut answer = String::new();
        // A killed server resets the connection.
        let _ = stream.write_all(&sized(self.path, &headers, self.body.as_bytes()));
        let _ = stream.read_to_string(&mut answer);
        answer.strip_prefix("HTTP/1.1 ").map(|status| status.starts_with('2')).ok_or(NoAnswer::BrokenOff)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum NoAnswer {
    NotConnected,
    BrokenOff,
}

fn sign_truedy(body: &str) -> Vec<(&'static str, String)> {
    Signer::new(truedy::SCHEME, SECRET).unwrap().sign(SystemClock.now(), body)
}

fn sign_talkifai(body: &str) -> Vec<(&'static str, String)> {
    Signer::new(talkifai::SCHEME, SECRET).unwrap().sign(SystemClock.now(), body)
}

fn sign_salpre(_body: &str) -> Vec<(&'static str, String)> {
    vec![("authorization", format!("Bearer {SECRET}"))]
}

/// A line of the example: what happened to which key, and in which attempt. An attempt whose
/// process was killed has `expired` instead of `failed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub what: String,
    pub key: String,
    pub attempt: u64,
}

impl Line {
    pub fn new(what: &str, key: &str, attempt: u64) -> Self {
        Line { what: what.to_owned(), key: key.to_owned(), attempt }
    }

    fn parse(line: &str) -> Self {
        let fields: HashMap<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        let attempt = fields.get("attempt").map_or(0, |attempt| attempt.as_u64().unwrap());
        let (what, key) =
            fields.iter().find(|(name, _)| !["attempt", "error"].contains(&name.as_str())).expect("a line says what");
        let error = fields.get("error").map(|error| error.as_str().unwrap());
        assert_eq!(error.is_some(), what == "failed", "{line}");
        let expired = error.is_some_and(|error| error.starts_with("the lease ended"));
        Line::new(if expired { "expired" } else { what }, key.as_str().unwrap(), attempt)
    }
}

/// A process that runs the example. It is killed when this is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    lines: Arc<Mutex<Vec<Line>>>,
    reader: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(store: &str, port: u16, settings: &[(&str, &str)]) -> Self {
        static EXAMPLE: OnceLock<PathBuf> = OnceLock::new();
        let mut command = Command::new(EXAMPLE.get_or_init(|| build("inbox")));
        for name in ["OFFHOOK_MODE", "OFFHOOK_WORK_MS", "OFFHOOK_FAIL_FIRST", "OFFHOOK_ATTEMPTS", "OFFHOOK_LEASE_MS"] {
            command.env_remove(name);
        }
        for name in ["TRUEDY_WEBHOOK_SECRET", "TALKIFAI_WEBHOOK_SECRET", "SALPRE_WEBHOOK_TOKEN"] {
            command.env(name, SECRET);
        }
        command.env("OFFHOOK_STORE", store).env("PORT", port.to_string()).envs(settings.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut notes = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let url = notes.find_map(|line| Some(line.strip_prefix("listening on http://")?.to_owned()));
        let address = url.expect("it listens").parse().unwrap();
        // The process must not find its pipe closed.
        std::thread::spawn(move || notes.for_each(|note| eprintln!("inbox: {note}")));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let output = BufReader::new(child.stdout.take().unwrap());
        let read = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            output.lines().for_each(|line| read.lock().unwrap().push(Line::parse(&line.unwrap())));
        });
        Server { child, address, lines, reader: Some(reader) }
    }

    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap().clone()
    }

    /// Sends a signal (`INT`, `KILL`), and returns how the process ended and all its lines.
    pub fn end(mut self, signal: &str) -> (ExitStatus, Vec<Line>) {
        let signalled = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(signalled.unwrap().success());
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        (status, self.lines())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the condition holds, for at most 30 s.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not happen within 30 s");
}
