//! Measures how many pairs of claim and completion each store on loopback makes per second, by the
//! number of concurrent tasks and by the number of records, and how much time `Once::run` adds to a
//! delivery. An argument selects the stores whose names contain it:
//!
//! `cargo bench --bench stores --features sqlite,postgres,redis,testing -- redis`
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

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use offhook::idempotency::{
    Claim, HandlerError, Key, MemoryStore, Once, PayloadDigest, PostgresStore, RedisStore, SqliteStore, Store,
    StoreSettings,
};
use offhook::testing::Signer;
use offhook::{Clock, Delivery, SystemClock, TalkifAi, Verifier, talkifai};
use sqlx::postgres::PgPoolOptions;

const SPAN: Duration = Duration::from_millis(1_500);
const TASKS: [usize; 4] = [1, 4, 16, 64];
const RECORDS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Returns a key that no other claim has. The keys are in no order.
fn new_key() -> Key {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    Key::new("bench", "", &format!("{:016x}", next.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// Returns the pairs of claim and completion per second, each with a new key.
async fn pairs(store: &Arc<dyn Store>, tasks: usize) -> f64 {
    let start = Instant::now();
    let workers: Vec<_> = (0..tasks)
        .map(|_| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let body = PayloadDigest::of(b"");
                let mut done = 0_u64;
                while start.elapsed() < SPAN {
                    let Ok(Claim::Fresh(lease)) = store.claim(&new_key(), &body).await else { panic!("not fresh") };
                    store.complete(&lease).await.unwrap();
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut total = 0;
    for worker in workers {
        total += worker.await.unwrap();
    }
    total as f64 / start.elapsed().as_secs_f64()
}

fn row(name: &str, cells: impl IntoIterator<Item = String>) {
    let cells: String = cells.into_iter().map(|cell| format!("{cell:>10}")).collect();
    println!("{name:<32}{cells}");
}

/// Prints the time of a delivery from raw bytes to its reply, with and without a store.
async fn overhead() {
    let talkifai = TalkifAi::new("bench_secret").unwrap();
    let signer = Signer::new(talkifai::SCHEME, "bench_secret").unwrap();
    let now = SystemClock.now();
    let created = now.to_rfc3339();
    let deliveries: Vec<_> = (0..20_000)
        .map(|id| {
            let body = format!(
                r#"{{"id":"evt_{id}","type":"call.started","created":"{created}","data":{{"callId":"call_{id}","agentId":"a"}}}}"#
            );
            (signer.sign(now, &body), body)
        })
        .collect();
    let handler = async |event: &talkifai::Event| {
        black_box(event);
        Ok::<_, HandlerError>(())
    };
    let receive = |headers: &Vec<(&'static str, String)>, body: &String| -> Delivery<talkifai::Event> {
        talkifai.receive(headers, body.clone()).unwrap()
    };
    let mut best = [Duration::MAX; 3];
    for _ in 0..5 {
        let start = Instant::now();
        for (headers, body) in &deliveries {
            let delivery = receive(headers, body);
            handler(delivery.event()).await.unwrap();
            let _ = black_box(delivery.acknowledge());
        }
        best[0] = best[0].min(start.elapsed());
        let store = MemoryStore::new();
        for run in best.iter_mut().skip(1) {
            let start = Instant::now();
            for (headers, body) in &deliveries {
                let _ = black_box(Once::new(&store).run(&receive(headers, body), handler).await.reply());
            }
            *run = (*run).min(start.elapsed());
        }
    }
    let each = best.map(|time| time.as_nanos() as f64 / deliveries.len() as f64 / 1_000.0);
    println!("a delivery without deduplication: {:.2} us", each[0]);
    println!("with the memory store, fresh: {:.2} us; duplicate: {:.2} us", each[1], each[2]);
}

/// A store, and the way to fill it with records.
struct Subject {
    name: &'static str,
    store: Arc<dyn Store>,
    fill: Fill,
}

enum Fill {
    Memory,
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
    Redis(servers::RedisServer),
}

impl Subject {
    /// Adds completed records, until the store has `to` of them instead of `from`.
    async fn fill(&self, from: u64, to: u64) {
        let (from, to) = (from.cast_signed(), to.cast_signed());
        let kept = SystemClock.now().timestamp_millis() + StoreSettings::new().retention().as_millis() as i64;
        match &self.fill {
            Fill::Memory => {
                for _ in from..to {
                    let body = PayloadDigest::of(b"");
                    let Ok(Claim::Fresh(lease)) = self.store.claim(&new_key(), &body).await else { panic!() };
                    self.store.complete(&lease).await.unwrap();
                }
            }
            Fill::Sqlite(store) => {
                let insert = "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
                    INSERT INTO offhook_deliveries (key, token, body, done, until, kept)
                    SELECT 'fill::' || lower(hex(randomblob(16))),
                        randomblob(16), randomblob(32), true, ?3, ?3 FROM n";
                sqlx::query(insert).bind(from).bind(to).bind(kept).execute(store.pool()).await.unwrap();
            }
            Fill::Postgres(store) => {
                let insert = "INSERT INTO offhook_deliveries SELECT 'fill::' || md5(i::text),
                        decode(md5(i::text), 'hex'), sha256(i::text::bytea), true, $3, $3
                    FROM generate_series($1::bigint, $2::bigint - 1) i";
                sqlx::query(insert).bind(from).bind(to).bind(kept).execute(store.pool()).await.unwrap();
                sqlx::query("VACUUM ANALYZE offhook_deliveries").execute(store.pool()).await.unwrap();
            }
            Fill::Redis(server) => {
                let script = "for i = ARGV[1], ARGV[2] - 1 do
                        local key = 'offhook:fill::' .. redis.sha1hex(i)
                        redis.call('HSET', key, 'token', string.sub(key, -16), 'body', string.sub(key, -32))
                        redis.call('PEXPIRE', key, 259200000)
                    end";
                for start in (from..to).step_by(50_000) {
                    let end = to.min(start + 50_000);
                    server.cli(&["EVAL", script, "0", &start.to_string(), &end.to_string()]);
                }
            }
        }
    }
}

async fn redis(name: &'static str, options: &[&str]) -> Subject {
    let server = servers::RedisServer::start(options);
    let store = Arc::new(RedisStore::connect(server.url()).await.unwrap());
    Subject { name, store, fill: Fill::Redis(server) }
}

#[tokio::main]
async fn main() {
    overhead().await;
    let folder = servers::Folder::new();
    let sqlite = SqliteStore::open(folder.path().join("offhook.db")).await.unwrap();
    sqlite.migrate().await.unwrap();
    let server = servers::PgServer::start(&[]);
    let pool = PgPoolOptions::new().max_connections(64).connect(&server.url()).await.unwrap();
    let postgres = PostgresStore::new(pool);
    postgres.migrate().await.unwrap();
    let memory = MemoryStore::new().with_capacity(100_000_000);
    let word = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let subjects = [
        Subject { name: "memory", store: Arc::new(memory), fill: Fill::Memory },
        Subject { name: "sqlite (WAL, synchronous FULL)", store: Arc::new(sqlite.clone()), fill: Fill::Sqlite(sqlite) },
        Subject { name: "postgres (fsync on)", store: Arc::new(postgres.clone()), fill: Fill::Postgres(postgres) },
        redis("redis (appendfsync always)", &[]).await,
        redis("redis (appendfsync everysec)", &["--appendfsync", "everysec"]).await,
    ];
    let subjects: Vec<_> = subjects.into_iter().filter(|subject| subject.name.contains(&word)).collect();

    println!("\nclaim+complete per second");
    row("tasks at once", TASKS.map(|tasks| tasks.to_string()));
    for subject in &subjects {
        let mut cells = Vec::new();
        for tasks in TASKS {
            cells.push(format!("{:.0}", pairs(&subject.store, tasks).await));
        }
        row(subject.name, cells);
    }
    println!("\nclaim+complete per second, 16 tasks at once");
    row("records kept beside", RECORDS.map(|records| records.to_string()));
    for subject in &subjects {
        let (mut cells, mut filled) = (Vec::new(), 0);
        for records in RECORDS {
            subject.fill(filled, records).await;
            filled = records;
            cells.push(format!("{:.0}", pairs(&subject.store, 16).await));
        }
        row(subject.name, cells);
    }
}
