//! Stores that fail: each fault ends in 503 or a clear error, and no handler runs without a claim.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use offhook::idempotency::{
    Claim, HandlerError, Key, Once, Outcome, PayloadDigest, PostgresStore, RedisStore, SqliteStore, Store,
    StoreSettings,
};
use sqlx::postgres::PgPoolOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::common::{delivery, digest, new_key};
use offhook_tests::crate_root;
use offhook_tests::databases::{Folder, PgServer, RedisServer, free_port};

const TIMEOUT: Duration = Duration::from_secs(1);

/// One delivery. Its answer, and whether the handler ran.
async fn deliver<S: Store>(store: &S, id: &str) -> (String, u16, usize) {
    let runs = AtomicUsize::new(0);
    let handled = Once::new(store)
        .run(&delivery(id), async |_| {
            runs.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .await;
    let code = match handled.outcome() {
        Outcome::Unclaimed(error) => format!("{} {}", error.code(), told(error)),
        outcome => outcome.code().to_owned(),
    };
    (code, handled.reply().status(), runs.into_inner())
}

async fn refuses<S: Store>(store: &S, code: &str) {
    let start = Instant::now();
    let (found, status, runs) = deliver(store, "fault").await;
    assert!(found.starts_with(code), "{found} is not {code}");
    assert_eq!((status, runs), (503, 0), "{found}");
    assert!(start.elapsed() < Duration::from_secs(9), "after {:?}", start.elapsed());
}

async fn handles<S: Store>(store: &S, id: &str, code: &str) {
    let (found, status, _) = deliver(store, id).await;
    assert_eq!((found.as_str(), status), (code, 200));
}

/// In front of a server: passes everything on, until told to reset connections
/// when the next bytes come, or to swallow the answers.
struct Proxy {
    port: u16,
    fault: std::sync::Arc<AtomicUsize>,
}

const PASS: usize = 0;
const RESET: usize = 1;
const SWALLOW_ANSWERS: usize = 2;
const RESET_ON_ANSWER: usize = 3;
/// Connections that are there hear nothing any more; new ones work.
const SILENCE: usize = 4;
/// As `RESET` and `RESET_ON_ANSWER`, for one connection.
const RESET_ONCE: usize = 5;
const RESET_ONE_ANSWER: usize = 6;
/// Every answer takes this long, which is well within the limit of a step.
const SLOW: usize = 7;
const SLOWNESS: Duration = Duration::from_millis(150);

/// Whether this fault is set; it is then over.
fn once(faults: &AtomicUsize, fault: usize) -> bool {
    faults.compare_exchange(fault, PASS, Ordering::SeqCst, Ordering::SeqCst).is_ok()
}

impl Proxy {
    async fn before(url: &str) -> Self {
        let server: u16 = url.split(':').next_back().unwrap().split('/').next().unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = std::sync::Arc::new(AtomicUsize::new(PASS));
        let faults = fault.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let faults = faults.clone();
                let new = faults.load(Ordering::SeqCst) == SILENCE;
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
                    let (mut client_in, mut client_out) = client.into_split();
                    let (mut server_in, mut server_out) = server.into_split();
                    let mut request = [0; 4096];
                    let mut answer = [0; 4096];
                    loop {
                        tokio::select! {
                            read = client_in.read(&mut request) => match read {
                                Ok(1..) if faults.load(Ordering::SeqCst) == RESET => return,
                                Ok(1..) if once(&faults, RESET_ONCE) => return,
                                Ok(1..) if !new && faults.load(Ordering::SeqCst) == SILENCE => {}
                                Ok(count @ 1..) => server_out.write_all(&request[..count]).await.unwrap(),
                                _ => return,
                            },
                            read = server_in.read(&mut answer) => match (read, if once(&faults, RESET_ONE_ANSWER) { RESET_ON_ANSWER } else { faults.load(Ordering::SeqCst) }) {
                                (Ok(1..), RESET_ON_ANSWER) => return,
                                (Ok(1..), SWALLOW_ANSWERS) => {}
                                (Ok(count @ 1..), SLOW) => {
                                    tokio::time::sleep(SLOWNESS).await;
                                    if client_out.write_all(&answer[..count]).await.is_err() { return }
                                }
                                (Ok(count @ 1..), _) => if client_out.write_all(&answer[..count]).await.is_err() { return },
                                _ => return,
                            },
                        }
                    }
                });
            }
        });
        Proxy { port, fault }
    }

    fn set(&self, fault: usize) {
        self.fault.store(fault, Ordering::SeqCst);
    }

    /// The server's address, with the proxy's port.
    fn url(&self, url: &str) -> String {
        let (head, tail) = url.rsplit_once(':').unwrap();
        format!("{head}:{}/{}", self.port, tail.split_once('/').unwrap().1)
    }
}

/// A connection that a step has used is on its way back to its pool, by a ping for
/// which sqlx has no limit.
async fn settled() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Delivers with a fault that begins while the handler runs, so that it meets the
/// completion or the release, and ends after the answer. What the next delivery finds.
async fn deliver_into<S: Store>(store: &S, id: &str, fails: bool, set: &dyn Fn(bool)) -> (String, u16, String) {
    let mut start = Instant::now();
    let handled = Once::new(store)
        .run(&delivery(id), async |_| {
            settled().await;
            set(true);
            start = Instant::now();
            if fails { Err(HandlerError::retry("no")) } else { Ok(()) }
        })
        .await;
    assert!(start.elapsed() < TIMEOUT * 5 / 2, "{id}: after {:?}", start.elapsed());
    set(false);
    let start = Instant::now();
    loop {
        let (next, status, runs) = deliver(store, id).await;
        if !next.starts_with("store_") {
            return (handled.outcome().code().to_owned(), handled.reply().status(), next);
        }
        assert_eq!((status, runs), (503, 0), "{next}");
        assert!(start.elapsed() < Duration::from_secs(20), "{next}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A fault at the completion: the work is done, so it is acknowledged, and the
/// record is there or in flight. At the release: the vendor is asked again.
async fn faults_after_the_claim<S: Store>(store: &S, fault: &str, set: impl Fn(bool)) {
    let (code, status, next) = deliver_into(store, &format!("complete {fault}"), false, &set).await;
    assert_eq!((code.as_str(), status), ("unrecorded", 200), "{fault}");
    assert!(matches!(next.as_str(), "in_flight" | "duplicate"), "{fault}: {next}");
    let (code, status, next) = deliver_into(store, &format!("release {fault}"), true, &set).await;
    assert_eq!((code.as_str(), status), ("failed", 500), "{fault}");
    assert!(matches!(next.as_str(), "in_flight" | "handled"), "{fault}: {next}");
}

/// Resets and silence in the middle of a step; afterwards the store works again.
async fn network_faults<S: Store>(store: &S, proxy: &Proxy) {
    handles(store, "before", "handled").await;
    proxy.set(SLOW);
    let start = Instant::now();
    handles(store, "slowly", "handled").await;
    handles(store, "slowly", "duplicate").await;
    assert!(start.elapsed() >= 3 * SLOWNESS, "the server was fast: {:?}", start.elapsed());
    proxy.set(RESET);
    refuses(store, "store_").await;
    proxy.set(PASS);
    handles_soon(store, "after a reset").await;

    proxy.set(SWALLOW_ANSWERS);
    refuses(store, "store_timeout").await;
    proxy.set(RESET);
    let _ = deliver(store, "drop the connections that wait").await;
    proxy.set(PASS);
    handles_soon(store, "after silence").await;

    // The claim happens, and its answer is lost: nothing runs twice, and the lease decides.
    proxy.set(RESET_ON_ANSWER);
    let (code, status, runs) = deliver(store, "answer lost").await;
    assert!(code.starts_with("store_"), "{code}");
    assert_eq!((status, runs), (503, 0));
    proxy.set(PASS);
    handles_soon(store, "after a lost answer").await;
    handles(store, "before", "duplicate").await;

    for (name, fault) in [("reset", RESET), ("answer lost", RESET_ON_ANSWER), ("silence", SWALLOW_ANSWERS)] {
        faults_after_the_claim(store, name, |on| proxy.set(if on { fault } else { PASS })).await;
    }
    // A connection that breaks once, before the completion or after it: the second try succeeds.
    for fault in [RESET_ONCE, RESET_ONE_ANSWER] {
        let set = |on| {
            if on {
                proxy.set(fault)
            }
        };
        let (code, status, next) = deliver_into(store, &format!("once {fault}"), false, &set).await;
        assert_eq!((code.as_str(), status, next.as_str()), ("handled", 200, "duplicate"));
    }
}

/// A pool may have to find out first that its connections are gone.
async fn handles_soon<S: Store>(store: &S, id: &str) {
    let start = Instant::now();
    loop {
        let (code, status, runs) = deliver(store, id).await;
        if code == "handled" {
            return;
        }
        assert_eq!((status, runs), (503, 0), "{code}");
        assert!(start.elapsed() < Duration::from_secs(20), "{code}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn refuses_soon<S: Store>(store: &S, code: &str) {
    let start = Instant::now();
    loop {
        let (found, status, runs) = deliver(store, "fault").await;
        assert_eq!((status, runs), (503, 0), "{found}");
        if found.starts_with(code) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{found}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_network() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::before(&server.url()).await;
    let store = RedisStore::connect(proxy.url(&server.url())).await.unwrap().with_timeout(TIMEOUT);
    network_faults(&store, &proxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_network() {
    let server = PgServer::start(&[]);
    let proxy = Proxy::before(&server.url()).await;
    let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(TIMEOUT);
    let store = PostgresStore::new(pool.connect(&proxy.url(&server.url())).await.unwrap()).with_timeout(TIMEOUT);
    store.migrate().await.unwrap();
    network_faults(&store, &proxy).await;
}

/// The whole text of an error, as a log shows it.
fn told(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| (*error).source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn nobody_listens() {
    let port = free_port();
    let start = Instant::now();
    let redis = RedisStore::connect(format!("redis://u:hunter2@127.0.0.1:{port}/")).await.unwrap_err();
    let url = format!("postgres://u:hunter2@127.0.0.1:{port}/postgres");
    let postgres = PostgresStore::connect(&url).await.unwrap_err();
    let sqlite = SqliteStore::open("/nonexistent/hunter2.db").await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(2), "after {:?}", start.elapsed());
    for (error, cause) in [
        (redis, "Connection refused (os error 111)"),
        (postgres, "Connection refused (os error 111)"),
        (sqlite, "unable to open database file"),
    ] {
        assert_eq!(error.code(), "store_unavailable", "{error}");
        assert!(error.to_string().starts_with("the store is unavailable: "), "{error}");
        assert_eq!(told(&error).matches(cause).count(), 1, "{}", told(&error));
    }
    let lazy = PgPoolOptions::new().acquire_timeout(TIMEOUT);
    let pool = lazy.connect_lazy(&format!("postgres://postgres@127.0.0.1:{port}/postgres")).unwrap();
    refuses(&PostgresStore::new(pool), "store_").await;
}

/// Neither an address that cannot be read nor a server that refuses it brings it into a log.
#[tokio::test]
async fn no_error_shows_a_password() {
    let (postgres, redis) = (PgServer::start(&[]), RedisServer::start(&[]));
    redis.cli(&["CONFIG", "SET", "requirepass", "secret"]);
    let at = |url: String, user: &str| url.replace("postgres@", "").replace("://", &format!("://{user}@"));
    let mut errors = Vec::new();
    for url in [
        "postgres://u:hunter2@localhost:port/".to_owned(),
        "postgres://u:hunter2@local host/".to_owned(),
        "postgres://u:hunter2@localhost/?sslmode=hunter2".to_owned(),
        "postgres://u:hunter2@localhost/?port=hunter2".to_owned(),
        "u:hunter2@localhost".to_owned(),
        "postgres://u:hunter2@nowhere.invalid/".to_owned(),
        at(postgres.url(), "u:hunter2"),
        at(postgres.url(), "postgres:hunter2").replace("/postgres", "/nowhere"),
    ] {
        errors.push((PostgresStore::connect(&url).await.expect_err(&url), url));
    }
    for url in [
        "redis://u:hunter2@localhost:port/".to_owned(),
        "redis://u:hunter2@local host/".to_owned(),
        "redis://u:hunter2@localhost/hunter2".to_owned(),
        "u:hunter2@localhost".to_owned(),
        "redis://u:hunter2@nowhere.invalid/".to_owned(),
        at(redis.url(), "u:hunter2"),
        redis.url(),
    ] {
        errors.push((RedisStore::connect(url.as_str()).await.expect_err(&url), url));
    }
    for (error, url) in errors {
        let told = format!("{} {error:?}", told(&error));
        println!("{url}: {told}");
        assert_eq!(error.code(), "store_unavailable", "{told}");
        assert!(!told.contains("hunter2"), "{url}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_restarts_with_and_without_its_data() {
    let mut server = RedisServer::start(&[]);
    let store = RedisStore::connect(server.url()).await.unwrap().with_timeout(TIMEOUT);
    handles(&store, "1", "handled").await;
    server.kill();
    refuses(&store, "store_").await;
    server.resume();
    handles_soon(&store, "2").await;
    handles(&store, "1", "duplicate").await;

    // A lease that the server forgot is lost.
    let (key, body) = (new_key(), digest());
    let Ok(Claim::Fresh(lease)) = store.claim(&key, &body).await else { panic!() };
    server.kill();
    server.forget_everything();
    server.resume();
    handles_soon(&store, "3").await;
    assert_eq!(store.complete(&lease).await.unwrap_err().code(), "lease_lost");
    handles(&store, "1", "handled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_restarts() {
    let mut server = PgServer::start(&[]);
    let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(TIMEOUT);
    let store = PostgresStore::new(pool.connect(&server.url()).await.unwrap()).with_timeout(TIMEOUT);
    store.migrate().await.unwrap();
    handles(&store, "1", "handled").await;
    server.kill();
    refuses(&store, "store_").await;
    server.resume();
    handles_soon(&store, "2").await;
    handles(&store, "1", "duplicate").await;

    // Without its data, the table is gone, which is said, not guessed around.
    let (key, body) = (new_key(), digest());
    let Ok(Claim::Fresh(lease)) = store.claim(&key, &body).await else { panic!() };
    server.kill();
    server.forget_everything();
    server.resume();
    refuses_soon(&store, "store_not_migrated").await;
    store.migrate().await.unwrap();
    handles(&store, "1", "handled").await;
    assert_eq!(store.complete(&lease).await.unwrap_err().code(), "lease_lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still() {
    let redis = RedisServer::start(&[]);
    let store = RedisStore::connect(redis.url()).await.unwrap().with_timeout(TIMEOUT);
    redis.signal("STOP");
    refuses(&store, "store_timeout").await;
    redis.signal("CONT");
    handles_soon(&store, "awake").await;
    faults_after_the_claim(&store, "stopped", |on| redis.signal(if on { "STOP" } else { "CONT" })).await;

    let postgres = PgServer::start(&[]);
    let store = PostgresStore::connect(&postgres.url()).await.unwrap().with_timeout(TIMEOUT);
    store.migrate().await.unwrap();
    postgres.signal("STOP");
    refuses(&store, "store_timeout").await;
    postgres.signal("CONT");
    handles_soon(&store, "awake").await;
    faults_after_the_claim(&store, "stopped", |on| postgres.signal(if on { "STOP" } else { "CONT" })).await;

    // In a transaction: at its begin, and after its effect.
    sqlx::query("CREATE TABLE effects (id INTEGER)").execute(store.pool()).await.unwrap();
    for (stops, code) in [("begin", "unclaimed"), ("handler", "uncommitted")] {
        let mut start = Instant::now();
        if stops == "begin" {
            postgres.signal("STOP");
        }
        let handled = store
            .transact(&delivery("transaction"), async |_, tx| {
                sqlx::query("INSERT INTO effects VALUES (1)").execute(tx).await?;
                postgres.signal("STOP");
                start = Instant::now();
                Ok(())
            })
            .await;
        assert!(start.elapsed() < TIMEOUT * 2, "{code}: after {:?}", start.elapsed());
        assert_eq!((handled.outcome().code(), handled.reply().status()), (code, 503));
        postgres.signal("CONT");
        handles_soon(&store, code).await;
    }
    let effects =
        async || sqlx::query_scalar::<_, i64>("SELECT count(*) FROM effects").fetch_one(store.pool()).await.unwrap();
    assert_eq!(effects().await, 0);
    let handled = store
        .transact(&delivery("transaction"), async |_, tx| {
            sqlx::query("INSERT INTO effects VALUES (1)").execute(tx).await?;
            Ok(())
        })
        .await;
    assert_eq!((handled.outcome().code(), effects().await), ("handled", 1));
}

#[tokio::test]
async fn an_evicting_redis_is_refused_unless_by_name() {
    for policy in ["allkeys-lru", "volatile-ttl", "volatile-random"] {
        let server = RedisServer::start(&["--maxmemory-policy", policy]);
        let error = RedisStore::connect(server.url()).await.unwrap_err();
        assert_eq!((error.code(), error.to_string().contains(policy)), ("store_evicts", true));
        let store = RedisStore::danger_connect_to_evicting(server.url()).await.unwrap();
        handles(&store, "1", "handled").await;
    }
}

#[tokio::test]
async fn a_redis_out_of_memory_refuses() {
    let server = RedisServer::start(&[]);
    let store = RedisStore::connect(server.url()).await.unwrap();
    handles(&store, "1", "handled").await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    refuses(&store, "store_full").await;
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    handles(&store, "fault", "handled").await;
    handles(&store, "1", "duplicate").await;

    // What is claimed can be completed, and released, without more of it.
    let set = |on| drop(server.cli(&["CONFIG", "SET", "maxmemory", if on { "1" } else { "0" }]));
    let completed = deliver_into(&store, "complete", false, &set).await;
    assert_eq!(completed, ("handled".to_owned(), 200, "duplicate".to_owned()));
    let released = deliver_into(&store, "release", true, &set).await;
    assert_eq!(released, ("failed".to_owned(), 500, "handled".to_owned()));
    let (key, body) = (new_key(), digest());
    let Ok(Claim::Fresh(lease)) = store.claim(&key, &body).await else { panic!() };
    set(true);
    assert_eq!(store.extend(&lease).await.unwrap_err().code(), "store_full");
    assert!(matches!(store.claim(&key, &body).await, Ok(Claim::InFlight { .. })));
}

#[tokio::test]
async fn a_read_only_postgres_refuses() {
    let server = PgServer::start(&[]);
    let store = PostgresStore::connect(&server.url()).await.unwrap();
    store.migrate().await.unwrap();
    handles(&store, "1", "handled").await;
    server.psql("postgres", "ALTER DATABASE postgres SET default_transaction_read_only = on");
    let read_only = PostgresStore::connect(&server.url()).await.unwrap();
    refuses(&read_only, "store_unavailable").await;
    let handled = read_only.transact(&delivery("2"), async |_, _| Ok(())).await;
    assert_eq!(handled.reply().status(), 503);
}

#[tokio::test]
async fn an_exhausted_pool_refuses() {
    let server = PgServer::start(&[]);
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(TIMEOUT);
    let store = PostgresStore::new(pool.connect(&server.url()).await.unwrap());
    store.migrate().await.unwrap();
    let taken = store.pool().acquire().await.unwrap();
    refuses(&store, "store_timeout").await;
    drop(taken);
    handles(&store, "1", "handled").await;
}

#[tokio::test]
async fn a_claim_of_a_key_that_a_transaction_holds_times_out() {
    let server = PgServer::start(&[]);
    let store = PostgresStore::connect(&server.url()).await.unwrap().with_timeout(TIMEOUT);
    store.migrate().await.unwrap();
    let key = Key::of(&delivery("fault")).unwrap();
    let mut tx = store.pool().begin().await.unwrap();
    store.claim_in(&mut tx, &key, &PayloadDigest::of_delivery(&delivery("fault"))).await.unwrap();
    refuses(&store, "store_timeout").await;
    tx.commit().await.unwrap();
    handles(&store, "fault", "duplicate").await;
}

#[tokio::test]
async fn a_sqlite_file_that_is_locked_or_full_or_not_migrated() {
    let folder = Folder::new();
    let file = folder.path().join("offhook.db");
    let store = SqliteStore::open(&file).await.unwrap();
    refuses(&store, "store_not_migrated").await;
    store.migrate().await.unwrap();
    let other = SqliteStore::open(&file).await.unwrap();
    let lock = other.pool().begin_with("BEGIN EXCLUSIVE").await.unwrap();
    refuses(&store, "store_contended").await;
    lock.rollback().await.unwrap();
    handles(&store, "1", "handled").await;

    // Locked when the work is done: that cannot be recorded, and the lease stands.
    let late = std::sync::Mutex::new(None);
    let handled = Once::new(&store)
        .run(&delivery("2"), async |_| {
            let lock = other.pool().begin_with("BEGIN EXCLUSIVE").await.unwrap();
            *late.lock().unwrap() = Some(lock);
            Ok(())
        })
        .await;
    assert_eq!((handled.outcome().code(), handled.reply().status()), ("unrecorded", 200));
    assert_eq!(handled.outcome().store_error().unwrap().code(), "store_contended");
    let lock = late.lock().unwrap().take().unwrap();
    lock.rollback().await.unwrap();
    let (code, status, runs) = deliver(&store, "2").await;
    assert_eq!((code.as_str(), status, runs), ("in_flight", 503, 0));

    // A page limit fails as a full disk does. It belongs to a connection.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).pragma("max_page_count", "1");
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let full = SqliteStore::new(pool);
    let mut refused = 0;
    for id in 0..200 {
        match deliver(&full, &format!("{id}{}", "x".repeat(150))).await {
            (code, 200, 1) if code == "handled" => {}
            (code, 503, 0) if code.starts_with("store_full") => refused += 1,
            // Claimed, and then no room for the record that it is done.
            (code, 200, 1) if code == "unrecorded" => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(refused > 0);

    let missing = SqliteStore::open("/nonexistent/offhook.db").await.unwrap_err();
    assert_eq!(missing.code(), "store_unavailable");
}

/// Of a full disk, the commit is what fails first: after the statement gave its row.
#[tokio::test]
async fn a_sqlite_commit_that_fails_is_no_claim() {
    let folder = Folder::new();
    let store = SqliteStore::open(folder.path().join("offhook.db")).await.unwrap();
    store.migrate().await.unwrap();
    for statement in [
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TRIGGER fail AFTER INSERT ON offhook_deliveries BEGIN INSERT INTO child VALUES (1); END",
    ] {
        sqlx::query(statement).execute(store.pool()).await.unwrap();
    }
    refuses(&store, "store_unavailable").await;
    sqlx::query("DROP TRIGGER fail").execute(store.pool()).await.unwrap();
    handles(&store, "fault", "handled").await;
}

/// A load balancer that forgot a connection, and a server that vanished, say nothing.
#[tokio::test]
async fn a_redis_connection_that_went_silent_is_replaced() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::before(&server.url()).await;
    let store = RedisStore::connect(proxy.url(&server.url())).await.unwrap().with_timeout(TIMEOUT);
    handles(&store, "before", "handled").await;
    proxy.set(SILENCE);
    refuses(&store, "store_timeout").await;
    handles_soon(&store, "after the silence").await;
}

#[tokio::test]
async fn postgres_connections_that_went_silent_are_replaced() {
    let server = PgServer::start(&[]);
    let proxy = Proxy::before(&server.url()).await;
    // Untested, so that the step itself meets the silence.
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(TIMEOUT).test_before_acquire(false);
    let store = PostgresStore::new(pool.connect(&proxy.url(&server.url())).await.unwrap()).with_timeout(TIMEOUT);
    store.migrate().await.unwrap();
    let transact = async |id: &str, silent: bool| {
        let handled = store
            .transact(&delivery(id), async |_, tx| {
                sqlx::query("SELECT 1").execute(tx).await?;
                if silent {
                    proxy.set(SWALLOW_ANSWERS);
                }
                Ok(())
            })
            .await;
        (handled.outcome().code(), handled.reply().status())
    };
    for round in 0..3 {
        handles(&store, &format!("before {round}"), "handled").await;
        settled().await;
        proxy.set(SILENCE);
        refuses(&store, "store_timeout").await;
        handles(&store, &format!("after {round}"), "handled").await;
        proxy.set(PASS);
        let id = format!("transaction {round}");
        assert_eq!(transact(&id, false).await, ("handled", 200));
        assert_eq!(transact(&format!("silent {id}"), true).await, ("uncommitted", 503));
        settled().await;
        proxy.set(PASS);
        assert_eq!(transact(&id, false).await, ("duplicate", 200));
    }
}

/// A file's clock that is an hour off, either way: a lease that is held, and the retention.
#[tokio::test]
async fn a_file_whose_clock_was_set_between_two_processes() {
    const HOUR: i64 = 3_600_000;
    let folder = Folder::new();
    let settings = StoreSettings::new();
    let at = |now: i64| {
        let file = folder.path().join("offhook.db");
        async move { SqliteStore::open(file).await.unwrap().with_settings(settings).with_time(move || now) }
    };
    let start = 1_800_000_000_000;
    let store = at(start).await;
    store.migrate().await.unwrap();
    let (pending, done) = (new_key(), new_key());
    let Ok(Claim::Fresh(stale)) = store.claim(&pending, &digest()).await else { panic!() };
    let Ok(Claim::Fresh(lease)) = store.claim(&done, &digest()).await else { panic!() };
    store.complete(&lease).await.unwrap();

    let back = at(start - HOUR).await;
    let Ok(Claim::InFlight { retry_after }) = back.claim(&pending, &digest()).await else { panic!() };
    assert_eq!(retry_after, settings.lease());
    assert_eq!(back.claim(&done, &digest()).await.unwrap(), Claim::Done);
    let later = at(start - HOUR + 60_000).await;
    let Ok(Claim::Fresh(owner)) = later.claim(&pending, &digest()).await else { panic!() };
    assert_eq!(later.complete(&stale).await.unwrap_err().code(), "lease_lost");

    // Ahead, the lease has ended: it is taken over, and its owner learns that it lost it.
    let ahead = at(start + HOUR).await;
    let Ok(Claim::Fresh(other)) = ahead.claim(&pending, &digest()).await else { panic!() };
    assert_eq!(later.complete(&owner).await.unwrap_err().code(), "lease_lost");
    assert_eq!(later.release(&owner).await.unwrap_err().code(), "lease_lost");
    ahead.complete(&other).await.unwrap();

    // The retention is off by the hour by which the clock is, and by no more.
    let retention = i64::try_from(settings.retention().as_millis()).unwrap();
    assert_eq!(at(start + retention - 1).await.claim(&done, &digest()).await.unwrap(), Claim::Done);
    assert!(matches!(at(start + retention).await.claim(&done, &digest()).await, Ok(Claim::Fresh(_))));
}

/// The other stores never read the host's clock: only the SQLite store names it.
#[test]
fn no_other_store_reads_the_hosts_clock() {
    let folder = crate_root().join("src/idempotency");
    let files = |folder: std::path::PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for file in files(folder.join("stores")).chain(files(folder).filter(|path| path.is_file())) {
        let source = std::fs::read_to_string(&file).unwrap();
        let reads = ["SystemTime", "Utc::now", "SystemClock.now"].iter().any(|name| source.contains(name));
        assert_eq!(
            reads && !source.contains("# use offhook::{Clock"),
            file.ends_with("sqlite.rs"),
            "{}",
            file.display()
        );
    }
}
