//! Measures the inbox on loopback, by the number of rows in its table: how many deliveries it
//! accepts per second, beside a bare `INSERT` of the same row, and how many events a worker
//! handles per second. An argument selects the database whose name contains it:
//!
//! `cargo bench --bench inbox --features sqlite,postgres,testing -- postgres`
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    unreachable_pub,
    dead_code,
    missing_debug_implementations,
    reason = "this is a program, which uses a part of the shared test code"
)]

#[path = "../tests/src/databases.rs"]
mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use offhook::idempotency::{BoxFuture, sqlx};
use offhook::inbox::{Dialect, Inbox, PostgresInbox, SqliteInbox, Stored, Work};
use offhook::testing::Signer;
use offhook::{Clock, Delivery, SystemClock, TalkifAi, Verifier, talkifai};
use tokio::task::JoinSet;

const ROWS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
const TASKS: u64 = 16;
/// Accepting and bare inserts take turns, so that both meet the same noise.
const ROUNDS: u64 = 4;
const EVENTS_OF_A_ROUND: u64 = 800;
const HANDLED: u64 = 2_000;

fn verifier() -> TalkifAi {
    TalkifAi::new("bench_secret").unwrap()
}

fn body(id: &str) -> String {
    let now = SystemClock.now().to_rfc3339();
    format!(
        r#"{{"id":"{id}","type":"call.started","created":"{now}","data":{{"callId":"call_{id}","agentId":"agent_1","direction":"inbound","from":"+12025550123","to":"+18885550100"}}}}"#
    )
}

/// Returns deliveries of new events, each of a call of its own.
fn deliveries(count: u64) -> Vec<Delivery<talkifai::Event>> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let signer = Signer::new(talkifai::SCHEME, "bench_secret").unwrap();
    let new = |_| {
        let body = body(&format!("evt_{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        verifier().receive(&signer.sign(SystemClock.now(), &body), body).unwrap()
    };
    (0..count).map(new).collect()
}

/// Runs a statement.
type Execute<D> = fn(Inbox<D>, String) -> BoxFuture<'static, ()>;
/// Inserts a row into the table `bare`.
type Insert<D> = fn(Inbox<D>, Stored) -> BoxFuture<'static, ()>;

struct Subject<D: Dialect> {
    name: &'static str,
    inbox: Inbox<D>,
    /// The type of bytes.
    bytes: &'static str,
    execute: Execute<D>,
    insert: Insert<D>,
}

impl<D: Dialect> Subject<D> {
    async fn measure(&self) {
        // A table like that of the inbox, with its indexes.
        for statement in D::SCHEMA.concat() {
            (self.execute)(self.inbox.clone(), statement.replace("offhook_inbox", "bare")).await;
        }
        let mut from = 0;
        for rows in ROWS {
            self.fill(from, rows, "'done'", "1").await;
            from = rows;
            let (mut accepted, mut inserted) = (Duration::ZERO, Duration::ZERO);
            for _ in 0..ROUNDS {
                accepted += self.accept().await;
                inserted += self.insert_bare().await;
            }
            let events = ROUNDS * EVENTS_OF_A_ROUND;
            let [accepted, inserted] = [accepted, inserted].map(|time| events as f64 / time.as_secs_f64());
            let handled = self.handle(events).await;
            println!(
                "{}, {rows} done rows: {accepted:.0} accepted/s, {inserted:.0} bare inserts/s (ratio {:.2}), {handled:.0} handled/s",
                self.name,
                accepted / inserted
            );
        }
        for rows in ROWS {
            self.fill(from, from + rows, "'waiting'", "NULL").await;
            from += rows;
            let waiting = self.inbox.stats().await.unwrap().backlog();
            let handled = self.handle(HANDLED.min(rows)).await;
            println!("{}, {waiting} waiting rows: {handled:.0} handled/s", self.name);
        }
    }

    /// Adds rows with these numbers, each of a call of its own.
    async fn fill(&self, from: u64, to: u64, state: &str, finished_at: &str) {
        let (bytes, body) = (self.bytes, body("fill_NUMBER").replace("NUMBER", "' || i || '"));
        let statement = format!(
            "WITH RECURSIVE n (i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {to})
            INSERT INTO offhook_inbox (version, vendor, endpoint, event, key, call_id, call_group, stage, place, body,
                payload, proof, received_at, due, state, finished_at)
            SELECT 1, 'talkifai', '', 'call.started', 'fill::' || i, 'call_fill_' || i, 'talkifai::call_fill_' || i,
                'started', 1, CAST('{body}' AS {bytes}), CAST('01234567890123456789012345678901' AS {bytes}),
                '{{\"secret_index\":0}}', i, i, {state}, {finished_at} FROM n"
        );
        (self.execute)(self.inbox.clone(), statement).await;
    }

    async fn accept(&self) -> Duration {
        let deliveries = deliveries(EVENTS_OF_A_ROUND).into_iter();
        self.in_tasks(deliveries, |inbox, delivery| {
            Box::pin(async move {
                assert_eq!(inbox.accept(&delivery).await.acceptance().code(), "stored");
            })
        })
        .await
    }

    async fn insert_bare(&self) -> Duration {
        let rows = deliveries(EVENTS_OF_A_ROUND).iter().map(Stored::of).collect::<Vec<_>>().into_iter();
        self.in_tasks(rows, self.insert).await
    }

    /// Returns how long it takes to run this with each item.
    async fn in_tasks<T: Send + 'static>(
        &self,
        mut items: impl Iterator<Item = T>,
        run: fn(Inbox<D>, T) -> BoxFuture<'static, ()>,
    ) -> Duration {
        let shares: Vec<Vec<T>> =
            (0..TASKS).map(|_| items.by_ref().take((EVENTS_OF_A_ROUND / TASKS) as usize).collect()).collect();
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for share in shares {
            let inbox = self.inbox.clone();
            tasks.spawn(async move {
                for item in share {
                    run(inbox.clone(), item).await;
                }
            });
        }
        tasks.join_all().await;
        start.elapsed()
    }

    /// Returns how many events per second a worker handles that does nothing with them.
    async fn handle(&self, events: u64) -> f64 {
        let left = Arc::new(AtomicU64::new(events));
        let (done, is_done) = tokio::sync::oneshot::channel();
        let done = std::sync::Mutex::new(Some(done));
        let worker = self.inbox.worker().vendor(verifier(), async |_: &Work<talkifai::Event>| Ok(()));
        let worker = worker.with_observer(move |_, _| {
            if left.fetch_sub(1, Ordering::Relaxed) == 1
                && let Some(done) = done.lock().unwrap().take()
            {
                let _ = done.send(());
            }
        });
        let start = Instant::now();
        worker.run(async { drop(is_done.await) }).await;
        events as f64 / start.elapsed().as_secs_f64()
    }
}

// The driver's types differ, the code does not.
macro_rules! execute {
    () => {
        |inbox, statement| {
            Box::pin(async move {
                sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(inbox.pool()).await.unwrap();
            })
        }
    };
}

macro_rules! insert {
    () => {
        |inbox, stored| {
            Box::pin(async move {
                let insert = "INSERT INTO bare (version, vendor, endpoint, event, key, call_id, call_group, stage,
                    place, body, payload, proof, received_at, due)
                    VALUES (1, $1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $11, $11)";
                let query = sqlx::query(insert).bind(stored.vendor()).bind(stored.endpoint()).bind(stored.event());
                let query = query.bind(stored.key()).bind(stored.call_id()).bind(stored.call_group());
                let query = query.bind("started").bind(&stored.body()[..]).bind(vec![0_u8; 32]);
                let query = query.bind(r#"{"secret_index":0}"#).bind(stored.received_at().timestamp_millis());
                query.execute(inbox.pool()).await.unwrap();
            })
        }
    };
}

#[tokio::main]
async fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    if "sqlite".contains(&wanted) {
        let folder = servers::Folder::new();
        let inbox = SqliteInbox::open(folder.path().join("inbox.db")).await.unwrap();
        inbox.migrate().await.unwrap();
        let (execute, insert): (Execute<_>, Insert<_>) = (execute!(), insert!());
        Subject { name: "SQLite", inbox, bytes: "BLOB", execute, insert }.measure().await;
    }
    if "postgres".contains(&wanted) {
        let server = servers::PgServer::start(&[]);
        let inbox = PostgresInbox::connect(&server.url()).await.unwrap();
        inbox.migrate().await.unwrap();
        let (execute, insert): (Execute<_>, Insert<_>) = (execute!(), insert!());
        Subject { name: "PostgreSQL", inbox, bytes: "bytea", execute, insert }.measure().await;
    }
}
