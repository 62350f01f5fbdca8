//! Compares the inbox with other queues in one run:
//! `cargo run --release --manifest-path hand-over/Cargo.toml --bin compare`.
//!
//! Every contestant has a fresh database on one PostgreSQL server (fsync on), the same
//! deliveries, a pool of 20 connections, and 8 handlers at the same time, which open the
//! delivery and do nothing else. The contestants alternate. `ROUNDS` sets the number of
//! rounds: 7 unless set.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use apalis::prelude::{BoxDynError, Data, WorkerBuilder, WorkerBuilderExt as _};
use apalis_postgres::{Config, PostgresStorage};
use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, TaskHandler, WorkerContext, WorkerOptions, WorkerUtils,
};
use hand_over::databases::PgServer;
use hand_over::{apalis as by_apalis, graphile};
use offhook::idempotency::PayloadDigest;
use offhook::inbox::{PostgresInbox, Stored, Work};
use offhook::testing::Signer;
use offhook::{Clock, Delivery, SystemClock, Truedy, Verifier, truedy};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

const CALLS: usize = 250;
const EVENTS_OF_A_CALL: usize = 4;
const EVENTS: usize = CALLS * EVENTS_OF_A_CALL;
const SENDERS: usize = 16;
const HANDLERS: usize = 8;
/// What a contestant has not done after this time is not counted.
const LONGEST: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let rounds: usize = std::env::var("ROUNDS").map_or(Ok(7), |text| text.parse())?;
    let server = PgServer::start(&[]);
    let deliveries: Arc<[_]> = deliveries()?.into();
    let mut accepted: BTreeMap<Contestant, Vec<f64>> = BTreeMap::new();
    let mut done: BTreeMap<Contestant, Vec<f64>> = BTreeMap::new();
    let mut both: BTreeMap<Contestant, Vec<f64>> = BTreeMap::new();
    for round in 0..rounds {
        // Nobody always comes first.
        for number in 0..CONTESTANTS.len() {
            let contestant = CONTESTANTS[(number + round) % CONTESTANTS.len()];
            let pool = PgPoolOptions::new().max_connections(20).connect(&server.new_database()).await?;
            let queue = Queue::new(contestant, pool).await?;
            eprintln!("round {}: {}", round + 1, contestant.name());
            let stored = queue.store_all(&deliveries).await?;
            accepted.entry(contestant).or_default().push(stored);
            if contestant != Contestant::BareInsert {
                let handled = queue.handle_all().await?;
                done.entry(contestant).or_default().push(handled);
                both.entry(contestant).or_default().push(1.0 / (1.0 / stored + 1.0 / handled));
            }
            queue.pool.close().await;
        }
    }
    println!("{EVENTS} deliveries of {CALLS} calls, {rounds} rounds, medians; a ratio is taken in each round\n");
    print("accepted/s", Contestant::BareInsert, &accepted);
    print("done/s", Contestant::Inbox, &done);
    print("accepted and done/s", Contestant::Inbox, &both);
    Ok(())
}

fn print(unit: &str, base: Contestant, rates: &BTreeMap<Contestant, Vec<f64>>) {
    println!("| {unit} | median | least to most | ratio to {} |\n|---|--:|--:|--:|", base.name());
    for (contestant, values) in rates {
        let ratios = values.iter().zip(&rates[&base]).map(|(value, base)| value / base).collect();
        let (least, most) =
            values.iter().fold((f64::MAX, 0_f64), |(least, most), value| (least.min(*value), most.max(*value)));
        let (rate, ratio) = (median(values.clone()), median(ratios));
        println!("| {} | {rate:.0} | {least:.0} to {most:.0} | {ratio:.2} |", contestant.name());
    }
    println!();
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn verifier() -> anyhow::Result<Truedy> {
    Ok(Truedy::new("whsec_compare")?)
}

fn deliveries() -> anyhow::Result<Vec<Delivery<truedy::Event>>> {
    let truedy = verifier()?;
    let events = (0..EVENTS_OF_A_CALL).flat_map(|number| (0..CALLS).map(move |call| (call, number)));
    let deliveries = events.map(|(call, number)| {
        let body = format!(
            r#"{{"event":"call.ended","timestamp":"2026-03-18T14:30:00.000Z","data":{{"event":"call.ended","call":{{"callId":"uv_call_{call}","agent":{{"agentId":"uv_agent_123"}}}},"id":"uv_evt_{call}_{number}"}}}}"#
        );
        Ok(truedy.receive(&Signer::of(&truedy).sign(SystemClock.now(), &body), body)?)
    });
    deliveries.collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Contestant {
    BareInsert,
    Inbox,
    Graphile { serial: bool },
    Apalis,
}

const CONTESTANTS: [Contestant; 5] = [
    Contestant::BareInsert,
    Contestant::Inbox,
    Contestant::Graphile { serial: true },
    Contestant::Graphile { serial: false },
    Contestant::Apalis,
];

impl Contestant {
    fn name(self) -> &'static str {
        match self {
            Contestant::BareInsert => "a bare `INSERT` of the same row",
            Contestant::Inbox => "offhook's inbox, each call in order",
            Contestant::Graphile { serial: true } => "graphile_worker, each call in order",
            Contestant::Graphile { serial: false } => "graphile_worker, without order",
            Contestant::Apalis => "apalis-postgres, without order",
        }
    }

    /// Counts what is not done yet.
    fn open(self) -> &'static str {
        match self {
            Contestant::BareInsert => "SELECT count(*) FROM bare",
            Contestant::Inbox => "SELECT count(*) FROM offhook_inbox WHERE finished_at IS NULL",
            Contestant::Graphile { .. } => "SELECT count(*) FROM graphile_worker._private_jobs",
            Contestant::Apalis => "SELECT count(*) FROM apalis.jobs WHERE done_at IS NULL",
        }
    }
}

/// A contestant in a database of its own.
#[derive(Clone)]
struct Queue {
    contestant: Contestant,
    pool: PgPool,
    inbox: PostgresInbox,
    jobs: WorkerUtils,
}

impl Queue {
    async fn new(contestant: Contestant, pool: PgPool) -> anyhow::Result<Self> {
        let (inbox, jobs) = (PostgresInbox::new(pool.clone()), graphile::jobs(&pool));
        match contestant {
            Contestant::BareInsert => {
                inbox.migrate().await?;
                sqlx::query("CREATE TABLE bare (LIKE offhook_inbox INCLUDING ALL)").execute(&pool).await?;
            }
            Contestant::Inbox => inbox.migrate().await?,
            Contestant::Graphile { .. } => jobs.migrate().await?,
            Contestant::Apalis => PostgresStorage::setup(&pool).await?,
        }
        Ok(Queue { contestant, pool, inbox, jobs })
    }

    /// Stores all deliveries, and returns how many it stores per second.
    async fn store_all(&self, deliveries: &Arc<[Delivery<truedy::Event>]>) -> anyhow::Result<f64> {
        let next = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        let mut senders = tokio::task::JoinSet::new();
        for _ in 0..SENDERS {
            let (queue, deliveries, next) = (self.clone(), Arc::clone(deliveries), Arc::clone(&next));
            senders.spawn(async move {
                while let Some(delivery) = deliveries.get(next.fetch_add(1, Ordering::Relaxed)) {
                    queue.store(delivery).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(sender) = senders.join_next().await {
            sender??;
        }
        let rate = EVENTS as f64 / start.elapsed().as_secs_f64();
        anyhow::ensure!(self.open().await? == i64::try_from(EVENTS)?, "{:?} did not store everything", self.contestant);
        Ok(rate)
    }

    async fn store(&self, delivery: &Delivery<truedy::Event>) -> anyhow::Result<()> {
        match self.contestant {
            Contestant::BareInsert => self.insert(delivery).await?,
            Contestant::Inbox => anyhow::ensure!(delivery.accept(&self.inbox).await == delivery.acknowledge()),
            Contestant::Graphile { serial: true } => {
                graphile::add_job(self.jobs.clone(), &mut *self.pool.acquire().await?, delivery).await?;
            }
            Contestant::Graphile { serial: false } => {
                let stored = Stored::of(delivery);
                let job_key = stored.job_key().map(|key| key.to_string());
                let job = JobSpec { job_key, ..JobSpec::default() };
                self.jobs.add_job(graphile::HandleDelivery(stored), job).await?;
            }
            Contestant::Apalis => by_apalis::push(&mut *self.pool.acquire().await?, delivery).await?,
        }
        Ok(())
    }

    async fn insert(&self, delivery: &Delivery<truedy::Event>) -> sqlx::Result<()> {
        let stored = Stored::of(delivery);
        let insert = sqlx::query(
            "INSERT INTO bare (version, vendor, endpoint, event, key, call_id, call_group, stage, place, body, payload,
                proof, received_at, due)
            VALUES (1, $1, $2, $3, $4, $5, $6, 'ended', 30, $7, $8, $9, $10, $10)",
        );
        let insert = insert.bind(stored.vendor()).bind(stored.endpoint()).bind(stored.event()).bind(stored.key());
        let insert = insert.bind(stored.call_id()).bind(stored.call_group()).bind(&stored.body()[..]);
        let insert = insert.bind(PayloadDigest::of_delivery(delivery).as_bytes()).bind(r#"{"secret_index":0}"#);
        insert.bind(stored.received_at().timestamp_millis()).execute(&self.pool).await?;
        Ok(())
    }

    /// Handles what is stored, and returns how many events are done per second.
    async fn handle_all(&self) -> anyhow::Result<f64> {
        let counter = Counter { truedy: verifier()?, handled: Arc::default() };
        let handled = Arc::clone(&counter.handled);
        let start = Instant::now();
        let worker = self.clone().start(counter).await?;
        while handled.load(Ordering::Relaxed) < EVENTS && start.elapsed() < LONGEST {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        while self.open().await? > 0 && start.elapsed() < LONGEST {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (handled, seconds) = (handled.load(Ordering::Relaxed), start.elapsed().as_secs_f64());
        worker.abort();
        anyhow::ensure!(handled <= EVENTS, "{:?} handled an event twice", self.contestant);
        Ok(handled as f64 / seconds)
    }

    async fn open(&self) -> sqlx::Result<i64> {
        sqlx::query_scalar(self.contestant.open()).fetch_one(&self.pool).await
    }

    /// Starts a worker.
    async fn start(self, counter: Counter) -> anyhow::Result<tokio::task::JoinHandle<()>> {
        Ok(match self.contestant {
            Contestant::BareInsert | Contestant::Inbox => {
                let truedy = counter.truedy.clone();
                let handler = async move |_: &Work<truedy::Event>| {
                    counter.handled.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                };
                let worker = self.inbox.worker().with_concurrency(HANDLERS).vendor(truedy, handler);
                tokio::spawn(worker.run(std::future::pending()))
            }
            Contestant::Graphile { .. } => {
                // Without the local queue, a slot takes one job for each notification or poll.
                let options = WorkerOptions::default().pg_pool(self.pool).concurrency(HANDLERS);
                let options = options.local_queue(LocalQueueConfig::default().with_size(100));
                let options = options.complete_job_batch_delay(Duration::from_millis(2));
                let worker = options.add_extension(counter).define_job::<Count>().init().await?;
                tokio::spawn(async move { drop(worker.run().await) })
            }
            Contestant::Apalis => {
                let tasks: PostgresStorage<Stored> =
                    PostgresStorage::new(&self.pool).with_config(Config::default().queue(by_apalis::QUEUE));
                let worker = WorkerBuilder::new("worker").backend(tasks.with_pubsub()).concurrency(HANDLERS);
                let worker = worker.data(counter).build(count);
                tokio::spawn(async move { drop(worker.run().await) })
            }
        })
    }
}

/// The handler: it opens the delivery and counts.
#[derive(Clone, Debug)]
struct Counter {
    truedy: Truedy,
    handled: Arc<AtomicUsize>,
}

impl Counter {
    fn count(&self, stored: &Stored) -> anyhow::Result<()> {
        stored.open(&self.truedy)?;
        self.handled.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Count(Stored);

impl TaskHandler for Count {
    const IDENTIFIER: &'static str = graphile::HandleDelivery::IDENTIFIER;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let counter = context.get_ext::<Counter>().ok_or("the worker has no counter")?;
        counter.count(&self.0).map_err(|error| error.to_string())
    }
}

async fn count(stored: Stored, counter: Data<Counter>) -> Result<(), BoxDynError> {
    Ok(counter.count(&stored)?)
}
