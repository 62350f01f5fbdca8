//! Claim and completion per second per store on loopback, and what `once` adds to
//! a handler: `cargo bench --bench stores --features sqlite,postgres,redis,testing`.
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
    reason = "a program"
)]

#[path = "../tests/stores/servers.rs"]
mod servers;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use offhook::idempotency::{BodyDigest, Claim, HandlerError, Key, Memory, Once, Postgres, Redis, Sqlite, Store};
use offhook::testing::Signer;
use offhook::{Clock, Delivery, SystemClock, TalkifAi, Verifier, talkifai};

const SPAN: Duration = Duration::from_secs(3);

/// Pairs of claim and completion per second, each of a new key.
async fn pairs(name: &str, store: Arc<dyn Store>, tasks: usize) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let start = Instant::now();
    let workers: Vec<_> = (0..tasks)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let body = BodyDigest::of(b"");
                let mut done = 0_u64;
                while start.elapsed() < SPAN {
                    let key = Key::new("bench", "", &NEXT.fetch_add(1, Ordering::Relaxed).to_string());
                    let Ok(Claim::Fresh(lease)) = store.claim(&key, &body).await else { panic!("not fresh") };
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
    println!("{name}, {tasks} at once: {:.0} claim+complete/s", total as f64 / start.elapsed().as_secs_f64());
}

/// The time of a delivery from raw bytes to its answer, with and without a store.
async fn overhead() {
    let talkifai = TalkifAi::new("bench").unwrap();
    let signer = Signer::new(talkifai::SCHEME, "bench").unwrap();
    let now = SystemClock.now();
    let deliveries: Vec<_> = (0..20_000)
        .map(|id| {
            let body = format!(
                r#"{{"id":"evt_{id}","type":"call.started","created":"2026-01-15T10:30:00Z","data":{{"callId":"call_{id}","agentId":"a"}}}}"#
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
        let store = Memory::new();
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

#[tokio::main]
async fn main() {
    overhead().await;
    let folder = servers::Folder::new();
    let sqlite = Sqlite::open(folder.path().join("offhook.db")).await.unwrap();
    sqlite.migrate().await.unwrap();
    let pg = servers::PgServer::start(&[]);
    let postgres = Postgres::connect(&pg.url()).await.unwrap();
    postgres.migrate().await.unwrap();
    let always = servers::RedisServer::start(&[]);
    let relaxed = servers::RedisServer::start(&["--appendfsync", "everysec"]);
    for tasks in [1, 32] {
        pairs("memory", Arc::new(Memory::new().with_capacity(100_000_000)), tasks).await;
        pairs("sqlite (WAL, synchronous FULL)", Arc::new(sqlite.clone()), tasks).await;
        pairs("postgres (fsync on)", Arc::new(postgres.clone()), tasks).await;
        pairs("redis (appendfsync always)", Arc::new(Redis::connect(always.url()).await.unwrap()), tasks).await;
        pairs("redis (appendfsync everysec)", Arc::new(Redis::connect(relaxed.url()).await.unwrap()), tasks).await;
    }
}
