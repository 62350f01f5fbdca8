//! `transact` on a connection to PostgreSQL that is cut at each message, once before the server
//! gets it and once before its answer arrives, with a redelivery after each.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use offhook::idempotency::{Handled, PostgresStore, sqlx};
use offhook::{Delivery, talkifai};
use offhook_tests::databases::PgServer;
use sqlx::postgres::PgPoolOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::common::delivery;

/// A proxy that closes its connection instead of passing on one of the messages.
struct Proxy {
    port: u16,
    /// How many messages pass before that one. Below zero, all pass.
    passes: Arc<AtomicI64>,
}

const ALL: i64 = -1;

impl Proxy {
    async fn in_front_of(server: &PgServer) -> Self {
        let port: u16 = server.url().rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy { port: listener.local_addr().unwrap().port(), passes: Arc::new(AtomicI64::new(ALL)) };
        let passes = Arc::clone(&proxy.passes);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                tokio::spawn(forward(client, server, Arc::clone(&passes)));
            }
        });
        proxy
    }

    async fn store(&self) -> PostgresStore {
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.port);
        let pool = PgPoolOptions::new().max_connections(1).test_before_acquire(false);
        PostgresStore::new(pool.connect(&url).await.unwrap())
    }
}

async fn forward(mut client: TcpStream, mut server: TcpStream, passes: Arc<AtomicI64>) {
    let (mut request, mut answer) = ([0; 8192], [0; 8192]);
    loop {
        let (to, bytes) = tokio::select! {
            read = client.read(&mut request) => (&mut server, &request[..read.unwrap_or(0)]),
            read = server.read(&mut answer) => (&mut client, &answer[..read.unwrap_or(0)]),
        };
        if bytes.is_empty() || (passes.load(Ordering::SeqCst) >= 0 && passes.fetch_sub(1, Ordering::SeqCst) == 0) {
            return;
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

async fn handle(store: &PostgresStore, delivery: &Delivery<talkifai::Event>, number: i64) -> Handled {
    let effect = async |_: &_, connection: &mut sqlx::PgConnection| {
        sqlx::query("INSERT INTO effects VALUES ($1)").bind(number).execute(connection).await?;
        Ok(())
    };
    store.transact(delivery, effect).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_cut_at_any_message_has_its_effect_once() {
    let server = PgServer::start(&[]);
    let proxy = Proxy::in_front_of(&server).await;
    let direct = PostgresStore::connect(&server.url()).await.unwrap();
    direct.migrate().await.unwrap();
    sqlx::query("CREATE TABLE effects (number BIGINT)").execute(direct.pool()).await.unwrap();
    let mut seen = BTreeSet::new();
    for number in 0.. {
        assert!(number < 200, "it is always cut");
        let delivery = delivery(&number.to_string());
        let store = proxy.store().await;
        proxy.passes.store(number, Ordering::SeqCst);
        let first = handle(&store, &delivery, number).await;
        let is_cut = proxy.passes.swap(ALL, Ordering::SeqCst) == ALL;

        // The server may take a moment to notice that the connection is gone.
        let start = Instant::now();
        let next = loop {
            let next = handle(&direct, &delivery, number).await;
            if next.reply().status() != 503 {
                break next;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "message {number}: {next:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let outcomes = (first.outcome().code(), next.outcome().code());
        let (effects, records): (i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM effects WHERE number = $1),
                    (SELECT count(*) FROM offhook_deliveries WHERE key LIKE '%:' || $1 AND done)",
        )
        .bind(number)
        .fetch_one(direct.pool())
        .await
        .unwrap();
        assert_eq!((effects, records), (1, 1), "message {number}: {outcomes:?}");
        assert_eq!(next.reply().status(), 200, "message {number}: {outcomes:?}");
        assert!(
            first.reply().status() != 200 || outcomes == ("handled", "duplicate"),
            "message {number}: {outcomes:?}"
        );
        seen.insert(outcomes);
        if !is_cut {
            println!("cut at {number} messages");
            break;
        }
    }
    let expected = [
        ("failed", "handled"),
        ("handled", "duplicate"),
        ("unclaimed", "handled"),
        // The answer to the commit is lost.
        ("uncommitted", "duplicate"),
        ("uncommitted", "handled"),
    ];
    assert_eq!(seen, BTreeSet::from(expected));
}
