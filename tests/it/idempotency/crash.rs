//! Kills a receiver again and again, at five points, while a sender retries every event until it is
//! acknowledged. Counts the events that were lost and those that were handled twice.

use std::collections::{HashSet, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use offhook::Reply;
use offhook::idempotency::{
    BoxFuture, Claim, Key, Lease, Once, PayloadDigest, PostgresStore, RedisStore, SqliteStore, Store, StoreError,
    StoreSettings,
};
use sqlx::postgres::PgPoolOptions;

use super::common::delivery;
use offhook_tests::databases::{Folder, PgServer, RedisServer};

const EVENTS: usize = 2_000;
const POINTS: [&str; 5] = ["before-claim", "after-claim", "in-handler", "after-effect", "after-complete"];
/// A receiver is killed when it reaches its point for this many times.
const PASSES: usize = 60;
const LEASE: Duration = Duration::from_millis(400);

/// Kills this process, as if by `kill -9`, when it has reached its point often enough.
struct Trap {
    point: String,
    left: AtomicI64,
}

impl Trap {
    fn pass(&self, point: &str) {
        if self.point == point && self.left.fetch_sub(1, Ordering::SeqCst) <= 1 {
            let _ = Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
            std::thread::sleep(Duration::from_secs(60));
        }
    }
}

struct Trapped<S> {
    store: S,
    trap: Arc<Trap>,
}

impl<S: Store> Store for Trapped<S> {
    fn claim<'a>(&'a self, key: &'a Key, body: &'a PayloadDigest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        Box::pin(async move {
            self.trap.pass("before-claim");
            let claim = self.store.claim(key, body).await;
            if matches!(claim, Ok(Claim::Fresh(_))) {
                self.trap.pass("after-claim");
            }
            claim
        })
    }

    fn complete<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let answer = self.store.complete(lease).await;
            self.trap.pass("after-complete");
            answer
        })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.release(lease)
    }

    fn extend<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.extend(lease)
    }

    fn forget<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.store.forget(key)
    }
}

/// A receiver, in one of the modes that are compared.
#[derive(Clone)]
enum Receiver {
    SqliteTransaction(SqliteStore, Arc<Trap>),
    PostgresTransaction(PostgresStore, Arc<Trap>),
    Lease { store: Arc<dyn Store>, effects: sqlx::PgPool, unique: bool, trap: Arc<Trap> },
}

fn settings() -> StoreSettings {
    StoreSettings::new().with_lease(LEASE).unwrap()
}

impl Receiver {
    async fn new(mode: &str, store: &str, effects: &str, trap: Arc<Trap>) -> Self {
        let pool = |url: &str| PgPoolOptions::new().max_connections(8).connect_lazy(url).unwrap();
        match (mode, store.split(':').next().unwrap()) {
            ("transaction", "postgres") => {
                Receiver::PostgresTransaction(PostgresStore::new(pool(store)).with_settings(settings()), trap)
            }
            ("transaction", _) => {
                Receiver::SqliteTransaction(SqliteStore::open(store).await.unwrap().with_settings(settings()), trap)
            }
            (mode, kind) => {
                let inner: Arc<dyn Store> = match kind {
                    "postgres" => Arc::new(PostgresStore::new(pool(store)).with_settings(settings())),
                    "redis" => Arc::new(RedisStore::connect(store).await.unwrap().with_settings(settings())),
                    _ => Arc::new(SqliteStore::open(store).await.unwrap().with_settings(settings())),
                };
                let store = Arc::new(Trapped { store: inner, trap: Arc::clone(&trap) });
                Receiver::Lease { store, effects: pool(effects), unique: mode == "unique", trap }
            }
        }
    }

    async fn receive(&self, id: &str) -> Reply {
        const INSERT: &str = "INSERT INTO effects (key) VALUES ($1)";
        let delivery = delivery(id);
        macro_rules! transaction {
            ($store:expr, $trap:expr) => {{
                $trap.pass("before-claim");
                let handled = $store
                    .transact(&delivery, async |_, tx| {
                        $trap.pass("after-claim");
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        $trap.pass("in-handler");
                        sqlx::query(INSERT).bind(id).execute(tx).await?;
                        $trap.pass("after-effect");
                        Ok(())
                    })
                    .await;
                if handled.outcome().code() == "handled" {
                    $trap.pass("after-complete");
                }
                handled.reply()
            }};
        }
        match self {
            Receiver::SqliteTransaction(store, trap) => transaction!(store, trap),
            Receiver::PostgresTransaction(store, trap) => transaction!(store, trap),
            Receiver::Lease { store, effects, unique, trap } => {
                let handled = Once::new(store).run(&delivery, async |_| {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    trap.pass("in-handler");
                    let insert = if *unique {
                        "INSERT INTO unique_effects (key) VALUES ($1) ON CONFLICT DO NOTHING"
                    } else {
                        INSERT
                    };
                    sqlx::query(insert).bind(id).execute(effects).await?;
                    trap.pass("after-effect");
                    Ok(())
                });
                handled.await.reply()
            }
        }
    }
}

/// Returns true if this process is a receiver. Each test starts itself again as one.
fn is_receiver() -> bool {
    std::env::var_os("OFFHOOK_CRASH_MODE").is_some()
}

/// Runs a receiver, which reads one event id per line and writes one answer per line.
async fn receive_all() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let left = AtomicI64::new(variable("OFFHOOK_CRASH_AFTER").parse().unwrap());
    let trap = Arc::new(Trap { point: variable("OFFHOOK_CRASH_POINT"), left });
    let receiver = Receiver::new(
        &variable("OFFHOOK_CRASH_MODE"),
        &variable("OFFHOOK_CRASH_STORE"),
        &variable("OFFHOOK_CRASH_EFFECTS"),
        trap,
    )
    .await;
    let (lines, mut ids) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            lines.send(line.unwrap()).unwrap();
        }
    });
    let mut tasks = tokio::task::JoinSet::new();
    while let Some(id) = ids.recv().await {
        let receiver = receiver.clone();
        tasks.spawn(async move {
            let reply = receiver.receive(&id).await;
            println!("\nanswer {} {id}", reply.status());
        });
    }
    tasks.join_all().await;
}

struct Sent {
    killed: usize,
    deliveries: usize,
}

/// Sends every event twice at the same time, and retries each until it is acknowledged.
fn send_all(test: &str, mode: &str, store: &str, effects: &str) -> Sent {
    let ids: Vec<String> = (0..EVENTS).map(|id| format!("crash{id}")).collect();
    let mut queue: VecDeque<&str> = ids.iter().flat_map(|id| [id.as_str(), id.as_str()]).collect();
    let mut acknowledged = HashSet::new();
    let mut sent = Sent { killed: 0, deliveries: 0 };
    for point in POINTS.iter().cycle() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .envs([("OFFHOOK_CRASH_MODE", mode), ("OFFHOOK_CRASH_STORE", store), ("OFFHOOK_CRASH_EFFECTS", effects)])
            .envs([("OFFHOOK_CRASH_POINT", point.to_string()), ("OFFHOOK_CRASH_AFTER", PASSES.to_string())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (answers, received) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some((status, id)) = line.strip_prefix("answer ").and_then(|answer| answer.split_once(' ')) {
                    answers.send((status.to_owned(), id.to_owned())).unwrap();
                }
            }
        });
        let mut waiting: Vec<&str> = Vec::new();
        let killed = loop {
            while waiting.len() < 32 {
                let Some(id) = queue.pop_front() else { break };
                sent.deliveries += 1;
                waiting.push(id);
                // The write may fail; a dead receiver is detected below.
                let _ = writeln!(input, "{id}");
            }
            if waiting.is_empty() {
                break false;
            }
            match received.recv_timeout(Duration::from_secs(30)) {
                Ok((status, id)) => {
                    let at = waiting.iter().position(|waiting| *waiting == id).unwrap();
                    let id = waiting.swap_remove(at);
                    match status.as_str() {
                        "200" => drop(acknowledged.insert(id)),
                        "503" | "500" => {
                            queue.push_back(id);
                            if queue.len() < 64 {
                                std::thread::sleep(Duration::from_millis(5));
                            }
                        }
                        other => panic!("{other}"),
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => panic!("no answer for {waiting:?}"),
            }
        };
        drop(input);
        let status = child.wait().unwrap();
        if !killed {
            break;
        }
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
        sent.killed += 1;
        queue.extend(waiting);
    }
    assert_eq!(acknowledged.len(), EVENTS);
    assert!(sent.killed >= POINTS.len(), "killed {} times", sent.killed);
    assert!(sent.deliveries >= 2 * EVENTS);
    sent
}

/// Prints the result, and returns how many events were lost and how many were handled twice.
fn report(name: &str, sent: &Sent, effects: &[String]) -> (usize, usize) {
    let distinct = effects.iter().collect::<HashSet<_>>().len();
    let (lost, repeated) = (EVENTS - distinct, effects.len() - distinct);
    let Sent { killed, deliveries } = sent;
    println!(
        "{name}: {EVENTS} events, {deliveries} deliveries, killed {killed} times: {lost} lost, {repeated} handled twice"
    );
    (lost, repeated)
}

async fn on_postgres(server: &PgServer) -> (String, PostgresStore) {
    let url = server.new_database();
    let store = PostgresStore::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    sqlx::query("CREATE TABLE effects (key text)").execute(store.pool()).await.unwrap();
    sqlx::query("CREATE TABLE unique_effects (key text PRIMARY KEY)").execute(store.pool()).await.unwrap();
    (url, store)
}

async fn crash(test: &'static str, mode: &'static str, store: String, effects: String) -> Sent {
    tokio::task::spawn_blocking(move || send_all(test, mode, &store, &effects)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_transaction_handles_each_event_exactly_once() {
    if is_receiver() {
        return receive_all().await;
    }
    const TEST: &str = "idempotency::crash::one_transaction_handles_each_event_exactly_once";
    let folder = Folder::new();
    let file = folder.path().join("offhook.db").to_str().unwrap().to_owned();
    let sqlite = SqliteStore::open(&file).await.unwrap();
    sqlite.migrate().await.unwrap();
    sqlx::query("CREATE TABLE effects (key text)").execute(sqlite.pool()).await.unwrap();
    let sent = crash(TEST, "transaction", file, String::new()).await;
    let effects: Vec<String> = sqlx::query_scalar("SELECT key FROM effects").fetch_all(sqlite.pool()).await.unwrap();
    assert_eq!(report("one transaction, SQLite", &sent, &effects), (0, 0));

    let server = PgServer::start(&[]);
    let (url, store) = on_postgres(&server).await;
    let sent = crash(TEST, "transaction", url, String::new()).await;
    let effects: Vec<String> = sqlx::query_scalar("SELECT key FROM effects").fetch_all(store.pool()).await.unwrap();
    assert_eq!(report("one transaction, PostgreSQL", &sent, &effects), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_and_a_unique_key_have_each_effect_exactly_once() {
    if is_receiver() {
        return receive_all().await;
    }
    const TEST: &str = "idempotency::crash::a_lease_and_a_unique_key_have_each_effect_exactly_once";
    let server = PgServer::start(&[]);
    let redis = RedisServer::start(&[]);
    let (url, store) = on_postgres(&server).await;
    let sent = crash(TEST, "unique", url.clone(), url).await;
    let read = "SELECT key FROM unique_effects";
    let effects: Vec<String> = sqlx::query_scalar(read).fetch_all(store.pool()).await.unwrap();
    assert_eq!(report("lease and unique key, PostgreSQL", &sent, &effects), (0, 0));

    let (url, store) = on_postgres(&server).await;
    let sent = crash(TEST, "unique", redis.url(), url).await;
    let effects: Vec<String> = sqlx::query_scalar(read).fetch_all(store.pool()).await.unwrap();
    assert_eq!(report("lease and unique key, Redis", &sent, &effects), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_alone_loses_no_event() {
    if is_receiver() {
        return receive_all().await;
    }
    const TEST: &str = "idempotency::crash::a_lease_alone_loses_no_event";
    let server = PgServer::start(&[]);
    let redis = RedisServer::start(&[]);
    let folder = Folder::new();
    let sqlite = folder.path().join("offhook.db").to_str().unwrap().to_owned();
    SqliteStore::open(&sqlite).await.unwrap().migrate().await.unwrap();
    for (name, address) in [("Redis", redis.url()), ("SQLite", sqlite), ("PostgreSQL", String::new())] {
        let (url, store) = on_postgres(&server).await;
        let address = if address.is_empty() { url.clone() } else { address };
        let sent = crash(TEST, "lease", address, url).await;
        let effects: Vec<String> = sqlx::query_scalar("SELECT key FROM effects").fetch_all(store.pool()).await.unwrap();
        let (lost, _repeated) = report(&format!("lease alone, {name}"), &sent, &effects);
        assert_eq!(lost, 0);
    }
}
