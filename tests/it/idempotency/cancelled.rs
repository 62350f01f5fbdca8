//! A vendor that hangs up at any time: the future of the request is dropped after each of
//! its polls, with every store.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use offhook::idempotency::{MemoryStore, Once, PostgresStore, RedisStore, SqliteStore, Store};
use offhook_tests::databases::{Folder, PgServer, RedisServer};

use super::common::{delivery, logged};

/// Polls a future this many times, and drops it then.
struct Hasty<F> {
    future: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Future for Hasty<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        match self.future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.polls == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The key must be free or recorded after this time, which is far below a lease.
const SHORT_WAIT: Duration = Duration::from_secs(5);

async fn work() {
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

async fn never_a_second_run(store: Arc<dyn Store>) {
    for short in [false, true] {
        for polls in 0.. {
            assert!(polls < 1_000, "it never ends");
            let (delivery, succeeded) = (delivery(&format!("{short}{polls}")), AtomicBool::new(false));
            let handler = async |_: &_| {
                work().await;
                succeeded.store(true, Ordering::SeqCst);
                Ok(())
            };
            let ended = if short {
                Hasty { future: Box::pin(delivery.once(&store, handler)), polls }.await.is_some()
            } else {
                let flow = Once::new(&store).run_with(&delivery, async |event, _| handler(event).await);
                Hasty { future: Box::pin(flow), polls }.await.is_some()
            };
            let start = Instant::now();
            let code = loop {
                let handled = Once::new(&store).run(&delivery, async |_| Ok(())).await;
                let code = handled.outcome().code();
                if code != "in_flight" {
                    break code;
                }
                assert!(start.elapsed() < SHORT_WAIT, "the key stays claimed after {polls} polls");
                tokio::time::sleep(Duration::from_millis(5)).await;
            };
            let expected = if succeeded.into_inner() { "duplicate" } else { "handled" };
            assert_eq!(code, expected, "after {polls} polls");
            if ended {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_cancelled_request_in_memory_runs_no_event_twice() {
    never_a_second_run(Arc::new(MemoryStore::new())).await;
}

#[tokio::test]
async fn a_cancelled_request_in_sqlite_runs_no_event_twice() {
    let folder = Folder::new();
    let store = SqliteStore::open(folder.path().join("offhook.db")).await.unwrap();
    store.migrate().await.unwrap();
    never_a_second_run(Arc::new(store)).await;
}

#[tokio::test]
async fn a_cancelled_request_in_postgres_runs_no_event_twice() {
    let server = PgServer::start(&[]);
    let store = PostgresStore::connect(&server.url()).await.unwrap();
    store.migrate().await.unwrap();
    never_a_second_run(Arc::new(store)).await;
}

#[tokio::test]
async fn a_cancelled_request_in_redis_runs_no_event_twice() {
    let server = RedisServer::start(&[]);
    never_a_second_run(Arc::new(RedisStore::connect(server.url()).await.unwrap())).await;
}

macro_rules! one_effect {
    ($test:ident, $folder:ident = $start:expr, $store:expr) => {
        /// A cancelled transaction leaves the effect and the record, or neither.
        #[tokio::test]
        async fn $test() {
            let $folder = $start;
            let store = $store;
            store.migrate().await.unwrap();
            sqlx::query("CREATE TABLE effects (id INTEGER)").execute(store.pool()).await.unwrap();
            for polls in 0..1_000 {
                let delivery = delivery(&polls.to_string());
                let insert = format!("INSERT INTO effects VALUES ({polls})");
                let flow = store.transact(&delivery, async |_, tx| {
                    sqlx::query(sqlx::AssertSqlSafe(insert.clone())).execute(tx).await?;
                    work().await;
                    Ok(())
                });
                let ended = Hasty { future: Box::pin(flow), polls }.await.is_some();
                let start = Instant::now();
                let code = loop {
                    let handled = store.transact(&delivery, async |_, tx| {
                        sqlx::query(sqlx::AssertSqlSafe(insert.clone())).execute(tx).await?;
                        Ok(())
                    });
                    let handled = handled.await;
                    if handled.reply().status() == 200 {
                        break handled.outcome().code();
                    }
                    assert!(start.elapsed() < SHORT_WAIT, "after {polls} polls: {handled:?}");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                };
                let count = format!("SELECT count(*) FROM effects WHERE id = {polls}");
                let effects: i64 =
                    sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(store.pool()).await.unwrap();
                assert_eq!(effects, 1, "after {polls} polls: {code}");
                if ended {
                    assert_eq!(code, "duplicate");
                    return;
                }
            }
            panic!("it never ends");
        }
    };
}

one_effect!(
    a_cancelled_transaction_in_sqlite_has_one_effect,
    folder = Folder::new(),
    SqliteStore::open(folder.path().join("offhook.db")).await.unwrap()
);
one_effect!(
    a_cancelled_transaction_in_postgres_has_one_effect,
    server = PgServer::start(&[]),
    PostgresStore::connect(&server.url()).await.unwrap()
);

#[tokio::test]
async fn a_cancelled_handler_is_logged_as_a_warning() {
    let (store, delivery) = (MemoryStore::new(), delivery("1"));
    let lines = logged(async {
        let flow = delivery.once(&store, async |_| {
            std::future::pending::<()>().await;
            Ok(())
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), flow).await.is_err());
    })
    .await;
    for part in [
        "WARN",
        r#"code="cancelled""#,
        r#"event="call.started""#,
        r#"key="call.started:1""#,
        r#"step="handler""#,
        "elapsed_ms=",
    ] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    let lines = logged(delivery.once(&store, async |_| Ok(()))).await;
    assert!(!lines.contains("WARN"), "{lines}");
}

#[tokio::test]
async fn a_handler_slower_than_the_vendor_waits_is_logged_as_a_warning() {
    struct Hurried;
    impl offhook::Vendor for Hurried {
        type Event = offhook::salpre::Event;
        const NAME: &'static str = "hurried";
        const ANSWERS_WITHIN: Duration = Duration::from_millis(20);
        fn parse(
            _: &offhook::Verified,
            body: &[u8],
        ) -> Result<offhook::event::Parsed<Self::Event>, offhook::ParseError> {
            Self::Event::parse(body)
        }
    }
    let vendor = offhook::StaticHeaders::<Hurried>::bearer("s3cret-t0ken").unwrap();
    let store = MemoryStore::new();
    for (id, wait, slow) in [(1, 0, false), (2, 40, true)] {
        let body = format!(r#"{{"event_type":"call_ended","payload":{{"call_id":{id}}}}}"#);
        let delivery = offhook::Verifier::receive(&vendor, &[("authorization", "Bearer s3cret-t0ken")], body).unwrap();
        let lines = logged(delivery.once(&store, async |_| {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            Ok(())
        }))
        .await;
        assert_eq!(lines.contains("slow=true") && lines.contains("WARN"), slow, "{lines}");
        assert!(lines.contains(r#"code="handled""#) && !lines.contains("cancelled"), "{lines}");
    }
}
