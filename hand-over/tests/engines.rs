//! The other queues: each event is delivered twice, and the consumer is cut off several times.

mod common;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use hand_over::databases::{Folder, PgServer, RedisServer, free_port};
use hand_over::{Application, apalis, nats, redis_streams};
use offhook::idempotency::PostgresStore;
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use sqlx::PgPool;
use tokio::task::JoinHandle;

use common::{EFFECTS, EVENTS_OF_A_CALL, RUNS, assert_in_order, body, deliver, keys, truedy, wait_for_effects};

const CALLS: usize = 20;
const EVENTS: usize = CALLS * EVENTS_OF_A_CALL;
const INTERRUPTIONS: usize = 4;

async fn application(url: &str) -> Application {
    let pool = PgPool::connect(url).await.unwrap();
    let application = Application { pool, truedy: truedy(), work: Duration::from_millis(5) };
    application.migrate().await.unwrap();
    application
}

/// Serves, and delivers each event twice. All of them must be acknowledged.
async fn deliver_twice(receiver: Router) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move { axum::serve(listener, receiver).await });
    let send = move || {
        for number in 0..EVENTS_OF_A_CALL {
            for call in (0..CALLS).flat_map(|call| [call, call]) {
                assert!(deliver(port, &body(call, number)));
            }
        }
    };
    tokio::task::spawn_blocking(send).await.unwrap();
    server.abort();
}

/// Starts the consumers, and cuts them off and starts them again. Returns what ran.
async fn consume(pool: &PgPool, start: impl Fn(usize) -> Vec<JoinHandle<()>>) -> Vec<String> {
    for round in 0..INTERRUPTIONS {
        let consumers = start(round);
        tokio::time::sleep(Duration::from_millis(120)).await;
        consumers.iter().for_each(JoinHandle::abort);
    }
    let consumers = start(INTERRUPTIONS);
    wait_for_effects(pool, EVENTS).await;
    consumers.iter().for_each(JoinHandle::abort);
    let (runs, effects) = (keys(pool, RUNS).await, keys(pool, EFFECTS).await);
    println!("{EVENTS} events, {} runs, {} effects", runs.len(), effects.len());
    assert_eq!(effects.len(), EVENTS);
    runs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apalis_handles_what_was_acknowledged() {
    let server = PgServer::start(&[]);
    let application = application(&server.url()).await;
    let store = PostgresStore::new(application.pool.clone());
    store.migrate().await.unwrap();
    apalis_postgres::PostgresStorage::setup(&application.pool).await.unwrap();
    deliver_twice(apalis::receiver(store, truedy())).await;
    assert_eq!(keys(&application.pool, "SELECT id FROM apalis.jobs").await.len(), EVENTS);
    consume(&application.pool, |round| {
        let application = application.clone();
        let work = async move { apalis::work(application, &format!("worker-{round}"), SILENCE).await.unwrap() };
        vec![tokio::spawn(work)]
    })
    .await;
}

/// apalis counts in whole seconds.
const SILENCE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_streams_keep_the_order_of_a_call() {
    let (postgres, server) = (PgServer::start(&[]), RedisServer::start(&[]));
    let application = application(&postgres.url()).await;
    let client = redis::Client::open(server.url()).unwrap();
    let mut redis = ConnectionManager::new(client.clone()).await.unwrap();
    deliver_twice(redis_streams::receiver(redis.clone(), truedy())).await;
    let mut pushed = 0;
    for number in 0..redis_streams::STREAMS {
        pushed += redis.xlen::<_, usize>(redis_streams::stream_name(number)).await.unwrap();
    }
    assert_eq!(pushed, EVENTS);
    let start = |_| {
        let consumer = |number| {
            let (application, client) = (application.clone(), client.clone());
            tokio::spawn(async move {
                let redis = ConnectionManager::new(client).await.unwrap();
                redis_streams::consume(&application, redis, number).await.unwrap();
            })
        };
        (0..redis_streams::STREAMS).map(consumer).collect()
    };
    let runs = consume(&application.pool, start).await;
    assert_in_order(&runs, CALLS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jetstream_keeps_the_order_of_a_call() {
    let (postgres, server) = (PgServer::start(&[]), NatsServer::start());
    let application = application(&postgres.url()).await;
    let jetstream = async_nats::jetstream::new(server.connect().await);
    let mut stream = nats::create_stream(&jetstream).await.unwrap();
    deliver_twice(nats::receiver(jetstream, truedy())).await;
    assert_eq!(usize::try_from(stream.info().await.unwrap().state.messages).unwrap(), EVENTS);
    let runs = consume(&application.pool, |_| {
        let (application, stream) = (application.clone(), stream.clone());
        vec![tokio::spawn(async move { nats::consume(&application, &stream).await.unwrap() })]
    })
    .await;
    assert_in_order(&runs, CALLS);
}

/// A server on loopback, which stops when it is dropped.
struct NatsServer {
    child: Child,
    port: u16,
    _folder: Folder,
}

impl NatsServer {
    fn start() -> Self {
        let (folder, port) = (Folder::new(), free_port());
        let mut command = Command::new("nats-server");
        command.args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"]).arg(folder.path());
        let child = command.stderr(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("nats-server {} ({error})", hand_over::databases::HINT));
        NatsServer { child, port, _folder: folder }
    }

    async fn connect(&self) -> async_nats::Client {
        let options = async_nats::ConnectOptions::new().retry_on_initial_connect();
        options.connect(format!("127.0.0.1:{}", self.port)).await.unwrap()
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
