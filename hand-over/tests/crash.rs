//! Kills the receiver and the workers again and again, at random, while senders repeat every
//! delivery until it is acknowledged. Counts what was lost, what ran twice, and whether the
//! order of a call held.

mod common;

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hand_over::databases::{PgServer, free_port};
use hand_over::random::Random;
use sqlx::PgPool;

use common::{EFFECTS, EVENTS_OF_A_CALL, RUNS, SECRET, assert_in_order, body, deliver, keys, wait_for_effects};

const CALLS: usize = 50;
const SENDERS: usize = 5;
/// Keeps the senders from being done before the processes were killed often.
const PAUSE: Duration = Duration::from_millis(40);
const KILLS: usize = 15;
const FEWEST_KILLS: usize = 6;

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

    let events = CALLS * EVENTS_OF_A_CALL;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (runs, effects) = runtime.block_on(async {
        let pool = PgPool::connect(&url).await.unwrap();
        wait_for_effects(&pool, events).await;
        drop(processes);
        (keys(&pool, RUNS).await, keys(&pool, EFFECTS).await)
    });

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
    assert_in_order(&runs, CALLS);
}
