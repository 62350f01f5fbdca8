//! Kills the receiver and the workers again and again, at random, while senders repeat every
//! delivery until it is acknowledged. Counts what was lost, what ran twice, and whether the
//! order of a call held.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hand_over::client::sized;
use hand_over::databases::{PgServer, free_port};
use hand_over::random::Random;
use offhook::inbox::Stored;
use offhook::testing::Signer;
use offhook::{Clock, SystemClock, Truedy, Verifier};
use sqlx::PgPool;

const SECRET: &str = "whsec_hand_over";
const CALLS: usize = 50;
const EVENTS_OF_A_CALL: usize = 6;
const SENDERS: usize = 5;
/// Keeps the senders from being done before the processes were killed often.
const PAUSE: Duration = Duration::from_millis(40);
const KILLS: usize = 15;
const FEWEST_KILLS: usize = 6;

/// Two events of a call have one key and different payloads: they are different events.
fn body(call: usize, number: usize) -> String {
    let id = if number == 3 { 2 } else { number };
    format!(
        r#"{{"event":"call.ended","timestamp":"2026-01-15T10:30:00Z","data":{{"id":"evt_{call}_{id}","number":{number},"call":{{"callId":"call_{call}"}}}}}}"#
    )
}

fn truedy() -> Truedy {
    Truedy::new(SECRET).unwrap()
}

fn signed(body: &str) -> Vec<(&'static str, String)> {
    Signer::of(&truedy()).sign(SystemClock.now(), body)
}

/// Delivers a body, and returns whether it was acknowledged.
fn deliver(port: u16, body: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let signed = signed(body);
    let headers: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let mut answer = String::new();
    // A killed receiver resets the connection.
    let _ = stream.write_all(&sized("/webhooks/truedy", &headers, body.as_bytes()));
    let _ = stream.read_to_string(&mut answer);
    answer.starts_with("HTTP/1.1 2")
}

/// Sends the events of each call one after the other, and each of them until it is
/// acknowledged twice. Returns the number of deliveries.
fn send(port: u16, calls: &Mutex<VecDeque<usize>>, deliveries: &AtomicUsize) {
    loop {
        let Some(call) = calls.lock().unwrap().pop_front() else { return };
        for number in 0..EVENTS_OF_A_CALL {
            let body = body(call, number);
            let mut acknowledged = 0;
            while acknowledged < 2 {
                std::thread::sleep(PAUSE / 2);
                deliveries.fetch_add(1, Ordering::Relaxed);
                acknowledged += usize::from(deliver(port, &body));
            }
        }
    }
}

/// A process that is started again whenever it is killed.
struct Process {
    command: Command,
    child: Child,
}

impl Process {
    fn start(program: &str, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program);
        command.envs(settings.iter().copied()).stdout(Stdio::piped());
        let child = spawn(&mut command);
        Process { command, child }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn restart(&mut self) {
        self.kill();
        self.child = spawn(&mut self.command);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(command: &mut Command) -> Child {
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

#[test]
fn what_is_acknowledged_is_handled_in_order_through_kills_of_receiver_and_workers() {
    let server = PgServer::start(&[]);
    let url = server.url();
    let port = free_port();
    let port_text = port.to_string();
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("TRUEDY_WEBHOOK_SECRET", SECRET),
        ("PORT", &port_text),
        ("WORK_MS", "20"),
        ("SILENCE_MS", "2000"),
    ];
    let receiver = Process::start(env!("CARGO_BIN_EXE_receiver"), &settings);
    let worker = || Process::start(env!("CARGO_BIN_EXE_worker"), &settings);
    let mut processes = [receiver, worker(), worker()];

    let calls = Mutex::new((0..CALLS).collect());
    let deliveries = AtomicUsize::new(0);
    let kills = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(|| send(port, &calls, &deliveries))).collect();
        let mut random = Random::seeded("hand-over", false);
        let mut kills = 0;
        while kills < KILLS && senders.iter().any(|sender| !sender.is_finished()) {
            std::thread::sleep(Duration::from_millis(random.between(50, 400)));
            let victim = usize::try_from(random.below(3)).unwrap();
            processes[victim].restart();
            kills += 1;
        }
        kills
    });

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let pool = runtime.block_on(PgPool::connect(&url)).unwrap();
    let keys =
        |table: &'static str| -> Vec<String> { runtime.block_on(sqlx::query_scalar(table).fetch_all(&pool)).unwrap() };
    let events = CALLS * EVENTS_OF_A_CALL;
    let start = Instant::now();
    while keys("SELECT key FROM effects").len() < events && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(processes);

    let (runs, effects) = (keys("SELECT key FROM runs ORDER BY id"), keys("SELECT key FROM effects"));
    let deliveries = deliveries.into_inner();
    let doubled = runs.len().saturating_sub(events);
    println!(
        "{events} events, {deliveries} deliveries, {kills} kills: {} lost, {doubled} ran twice, {} doubled effects",
        events.saturating_sub(effects.len()),
        effects.len().saturating_sub(events),
    );
    assert!(kills >= FEWEST_KILLS, "killed {kills} times");
    assert!(deliveries >= 2 * events);
    assert_eq!(effects.len(), events);
    assert_in_order(&runs);
}

/// An event that was interrupted runs again. Apart from that, the events of a call run in the
/// order in which they were sent.
fn assert_in_order(runs: &[String]) {
    let sent: BTreeMap<String, (usize, usize)> = (0..CALLS)
        .flat_map(|call| (0..EVENTS_OF_A_CALL).map(move |number| (call, number)))
        .map(|(call, number)| {
            let body = body(call, number);
            let delivery = truedy().receive(&signed(&body), body).unwrap();
            (Stored::of(&delivery).job_key().unwrap().to_string(), (call, number))
        })
        .collect();
    assert_eq!(sent.len(), CALLS * EVENTS_OF_A_CALL);
    let mut calls: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for run in runs {
        let (call, number) = sent[run];
        calls.entry(call).or_default().push(number);
    }
    for (call, mut numbers) in calls {
        assert!(numbers.is_sorted(), "call {call}: {numbers:?}");
        numbers.dedup();
        assert_eq!(numbers.len(), EVENTS_OF_A_CALL, "call {call}: {numbers:?}");
    }
}
