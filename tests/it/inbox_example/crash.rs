//! Kills the example again and again, at random, while senders retry every delivery until it is
//! acknowledged. Counts what was lost and what was handled twice.
//!
//! `OFFHOOK_CRASH_EVENTS` sets the number of events in each mode: 100 unless set.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use offhook::inbox::{Dialect, Entry, Filter, Inbox, PostgresInbox, SqliteInbox, State};
use tokio::runtime::Runtime;

use super::server::{Event, Line, NoAnswer, Server, until};
use offhook_tests::databases::{Folder, PgServer, free_port};
use offhook_tests::random::Random;

const SENDERS: usize = 4;
/// Keeps the senders from being done before the receiver was killed often.
const PAUSE: Duration = Duration::from_millis(20);
/// A receiver lives for this long at most, in milliseconds, after it listens.
const LONGEST_LIFE: u64 = 250;
/// Far more than a receiver that works needs.
const MOST_TRIES: usize = 2_000;
const FEWEST_KILLS: usize = 5;

/// The deliveries: each event twice, at different times.
struct Senders {
    events: Vec<Event>,
    queue: Mutex<VecDeque<usize>>,
    acknowledged: Mutex<BTreeSet<String>>,
    /// The keys of the deliveries that the receiver did not answer, because it was killed.
    broken_off: Mutex<Vec<String>>,
}

impl Senders {
    fn new(events: usize) -> Self {
        // A copy follows its original by a fifth of the events.
        let gap = events / 5;
        let queue = (0..events + gap).flat_map(|at| [Some(at).filter(|at| *at < events), at.checked_sub(gap)]);
        Senders {
            events: (0..events).map(Event::numbered).collect(),
            queue: Mutex::new(queue.flatten().collect()),
            acknowledged: Mutex::default(),
            broken_off: Mutex::default(),
        }
    }

    /// Sends until every delivery is acknowledged.
    fn send(&self, address: SocketAddr) {
        loop {
            let Some(at) = self.queue.lock().unwrap().pop_front() else { break };
            let event = &self.events[at];
            let mut tries = 0;
            loop {
                tries += 1;
                assert!(tries < MOST_TRIES, "{} is never acknowledged", event.key);
                match event.deliver(address) {
                    Ok(true) => break,
                    Ok(false) | Err(NoAnswer::NotConnected) => {}
                    Err(NoAnswer::BrokenOff) => self.broken_off.lock().unwrap().push(event.key.clone()),
                }
                std::thread::sleep(PAUSE);
            }
            self.acknowledged.lock().unwrap().insert(event.key.clone());
            std::thread::sleep(PAUSE);
        }
    }
}

/// Where the kills have hit: how many deliveries or attempts were at each point.
#[derive(Default)]
struct Matrix {
    kills: usize,
    points: BTreeMap<&'static str, usize>,
    last_lines: BTreeMap<String, usize>,
    /// What is known from before: the keys in the inbox, and the attempts that run.
    keys: BTreeSet<String>,
    running: BTreeSet<(String, u64)>,
}

impl Matrix {
    /// Notes where a kill has hit: by what the inbox has afterwards and what the receiver has
    /// printed.
    fn note(&mut self, entries: &[Entry], lines: &[Line], broken_off: &[String]) {
        self.kills += 1;
        let last = lines.last().map_or("nothing", |line| line.what.as_str());
        *self.last_lines.entry(last.to_owned()).or_default() += 1;
        let keys: BTreeSet<_> = entries.iter().map(|entry| entry.key.clone().unwrap()).collect();
        let known = std::mem::replace(&mut self.keys, keys.clone());
        for key in broken_off.iter().filter(|key| !known.contains(*key)) {
            self.hit(if keys.contains(key) { "after the insert" } else { "before the insert" });
        }
        let running: BTreeSet<_> = entries.iter().filter(|entry| entry.state == State::Running).map(attempt).collect();
        let said = |what: &str, (key, attempt): &(String, u64)| lines.contains(&Line::new(what, key, *attempt));
        let known = std::mem::replace(&mut self.running, running.clone());
        for attempt in running.difference(&known) {
            self.hit(match (said("started", attempt), said("effect", attempt)) {
                (false, _) => "after the lease",
                (true, false) => "in the handler",
                (true, true) => "after the effect",
            });
        }
        let ended: BTreeSet<_> = entries.iter().filter(|entry| entry.state == State::Done).map(attempt).collect();
        if let Some(line) = lines.last().filter(|line| line.what == "done")
            && ended.contains(&(line.key.clone(), line.attempt))
        {
            self.hit("after done");
        }
    }

    fn hit(&mut self, point: &'static str) {
        *self.points.entry(point).or_default() += 1;
    }
}

fn attempt(entry: &Entry) -> (String, u64) {
    (entry.key.clone().unwrap(), entry.attempts.into())
}

/// What a run has shown: all lines of all processes, in order, and the rows of the table `effects`.
struct Outcome {
    keys: BTreeSet<String>,
    lines: Vec<Line>,
    effects: Vec<String>,
}

/// Delivers the events to a receiver that is killed again and again, until all are done.
/// Asserts that nothing was lost.
fn crash<D: Dialect>(
    name: &str,
    mode: &str,
    store: &str,
    open: impl AsyncFnOnce() -> Inbox<D>,
    effects: impl AsyncFnOnce(&Inbox<D>) -> Vec<String>,
) -> Outcome {
    let events = std::env::var("OFFHOOK_CRASH_EVENTS").map_or(100, |events| events.parse().unwrap());
    let runtime = Runtime::new().unwrap();
    let inbox = runtime.block_on(open());
    let entries = || runtime.block_on(inbox.list(&Filter::new().limit(1_000_000))).unwrap();
    let port = free_port();
    let start = || {
        let settings = [
            ("OFFHOOK_MODE", mode),
            ("OFFHOOK_WORK_MS", "10"),
            ("OFFHOOK_LEASE_MS", "300"),
            ("OFFHOOK_ATTEMPTS", "100"),
        ];
        Server::start(store, port, &settings)
    };
    let (senders, mut matrix, mut lines) = (Senders::new(events), Matrix::default(), Vec::new());
    let mut random = Random::seeded(name, false);
    std::thread::scope(|scope| {
        let send = || senders.send(SocketAddr::from(([127, 0, 0, 1], port)));
        let threads: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send)).collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            let server = start();
            std::thread::sleep(Duration::from_millis(random.below(LONGEST_LIFE)));
            let (_, printed) = server.end("KILL");
            // The senders notice.
            std::thread::sleep(Duration::from_millis(20));
            matrix.note(&entries(), &printed, &std::mem::take(&mut *senders.broken_off.lock().unwrap()));
            lines.extend(printed);
        }
    });
    let server = start();
    until("the rest", || {
        !failures(&server.lines()).is_empty() || entries().iter().all(|entry| entry.state == State::Done)
    });
    lines.extend(server.end("INT").1);
    assert_eq!(failures(&lines), Vec::<Line>::new());

    let keys: BTreeSet<_> = senders.events.iter().map(|event| event.key.clone()).collect();
    assert_eq!((keys.len(), &*senders.acknowledged.lock().unwrap()), (events, &keys));
    let entries = entries();
    let stored: BTreeSet<_> = entries.iter().map(|entry| entry.key.clone().unwrap()).collect();
    let done = entries.iter().filter(|entry| entry.state == State::Done).count();
    let Matrix { kills, points, last_lines, .. } = &matrix;
    println!("{name}: {events} events, each delivered twice, killed {kills} times");
    println!("  hit: {points:?}");
    println!("  last line: {last_lines:?}");
    println!("  acknowledged but not stored: {}, lost: {}", keys.difference(&stored).count(), events - done);
    assert_eq!((&stored, entries.len(), done), (&keys, events, events));
    assert!(*kills >= FEWEST_KILLS, "killed {kills} times");
    Outcome { keys, effects: runtime.block_on(effects(&inbox)), lines }
}

/// Returns the attempts that failed. Only an effect that has happened before makes the handler
/// fail; an attempt that was killed does not count as failed.
fn failures(lines: &[Line]) -> Vec<Line> {
    lines.iter().filter(|line| line.what == "failed" || line.what == "dead").cloned().collect()
}

const READ_EFFECTS: &str = "SELECT key FROM effects ORDER BY key";

fn with_sqlite(mode: &str) -> Outcome {
    let folder = Folder::new();
    let file = folder.path().join("inbox.db");
    let open = async || {
        let inbox = SqliteInbox::open(&file).await.unwrap();
        inbox.migrate().await.unwrap();
        inbox
    };
    let name = format!("SQLite, {mode}");
    crash(&name, mode, &format!("sqlite:{}", file.display()), open, async |inbox| {
        sqlx::query_scalar(READ_EFFECTS).fetch_all(inbox.pool()).await.unwrap()
    })
}

fn with_postgres(mode: &str) -> Outcome {
    let server = PgServer::start(&["fsync=off"]);
    let url = server.new_database();
    let open = async || {
        let inbox = PostgresInbox::connect(&url).await.unwrap();
        inbox.migrate().await.unwrap();
        inbox
    };
    crash(&format!("PostgreSQL, {mode}"), mode, &url, open, async |inbox| {
        sqlx::query_scalar(READ_EFFECTS).fetch_all(inbox.pool()).await.unwrap()
    })
}

/// The effect of each event is there once. In a transaction, a second one would have failed.
fn assert_exactly_once(outcome: &Outcome) {
    let tried: Vec<_> = outcome.lines.iter().filter(|line| line.what == "effect").map(|line| &line.key).collect();
    let repeated = tried.len() - tried.iter().collect::<BTreeSet<_>>().len();
    println!("  effects that were repeated, because a kill came after them: {repeated}; doubled: 0");
    assert!(outcome.effects.iter().eq(&outcome.keys), "{:?}", outcome.effects);
}

#[test]
fn a_transaction_handles_each_event_exactly_once_through_every_kill_with_sqlite() {
    assert_exactly_once(&with_sqlite("transact"));
}

#[test]
fn a_transaction_handles_each_event_exactly_once_through_every_kill_with_postgres() {
    assert_exactly_once(&with_postgres("transact"));
}

#[test]
fn a_plain_handler_with_a_unique_key_has_each_effect_once_through_every_kill_with_sqlite() {
    assert_exactly_once(&with_sqlite("handle"));
}

#[test]
fn a_plain_handler_with_a_unique_key_has_each_effect_once_through_every_kill_with_postgres() {
    assert_exactly_once(&with_postgres("handle"));
}
