//! Faults of stores. Each gives 503 or a clear error, and no handler runs without a claim.

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

/// Delivers one event. Returns the code of the outcome, the status, and how often the handler ran.
async fn deliver<S: Store>(store: &S, id: &str) -> (String, u16, usize) {
    let runs = AtomicUsize::new(0);
    let handled = Once::new(store)
        .run(&delivery(id), async |_| {
            runs.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .await;
    let code = match handled.outcome() {
        Outcome::Unclaimed(error) => format!("{} {}", error.code(), with_causes(error)),
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

/// A proxy in front of a server, which passes everything on until a fault is set.
struct Proxy {
    port: u16,
    fault: std::sync::Arc<AtomicUsize>,
}

const PASS: usize = 0;
/// A connection is reset when the client sends bytes.
const RESET: usize = 1;
/// The server's answers are dropped.
const SWALLOW_ANSWERS: usize = 2;
/// A connection is reset when the server answers.
const RESET_ON_ANSWER: usize = 3;
/// Requests on existing connections are dropped; new connections work.
const SILENCE: usize = 4;
/// Like `RESET` and `RESET_ON_ANSWER`, but for one connection only.
const RESET_ONCE: usize = 5;
const RESET_ONE_ANSWER: usize = 6;
/// Every answer is delayed by `SLOWNESS`, which is well within the time limit of a step.
const SLOW: usize = 7;
const SLOWNESS: Duration = Duration::from_millis(150);

/// Returns whether this fault is set, and clears it.
fn once(faults: &AtomicUsize, fault: usize) -> bool {
    faults.compare_exchange(fault, PASS, Ordering::SeqCst, Ordering::SeqCst).is_ok()
}

impl Proxy {
    async fn in_front_of(url: &str) -> Self {
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

    /// Returns the server's address with the proxy's port.
    fn url(&self, url: &str) -> String {
        let (head, tail) = url.rsplit_once(':').unwrap();
        format!("{head}:{}/{}", self.port, tail.split_once('/').unwrap().1)
    }
}

/// Waits until a used connection is back in its pool. sqlx sends a ping first and waits for the
/// answer without a limit, so a fault must not begin before.
async fn settled() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Delivers an event with a fault that begins while the handler runs, so that it affects the
/// completion or the release, and that ends after the answer. Returns the code and the status, and
/// the code of the next delivery that the store accepts.
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

/// A fault during the completion: the work is done, so the delivery is acknowledged, and the key is
/// completed or still claimed. A fault during the release: the vendor is asked for a retry.
async fn faults_after_the_claim<S: Store>(store: &S, fault: &str, set: impl Fn(bool)) {
    let (code, status, next) = deliver_into(store, &format!("complete {fault}"), false, &set).await;
    assert_eq!((code.as_str(), status), ("unrecorded", 200), "{fault}");
    assert!(matches!(next.as_str(), "in_flight" | "duplicate"), "{fault}: {next}");
    let (code, status, next) = deliver_into(store, &format!("release {fault}"), true, &set).await;
    assert_eq!((code.as_str(), status), ("failed", 500), "{fault}");
    assert!(matches!(next.as_str(), "in_flight" | "handled"), "{fault}: {next}");
}

/// Connections are reset or silent in the middle of a step. Afterwards the store works again.
async fn network_faults<S: Store>(store: &S, proxy: &Proxy) {
    handles(store, "before", "handled").await;
    proxy.set(SLOW);
    let start = Instant::now();
    handles(store, "slowly", "handled").await;
    handles(store, "slowly", "duplicate").await;
    assert!(start.elapsed() >= 3 * SLOWNESS, "the proxy added no delay: {:?}", start.elapsed());
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

    // The claim is made, but its answer is lost. Nothing is handled twice: the key stays claimed
    // until its lease ends.
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
    // If a connection breaks once, before or after the completion, the second attempt succeeds.
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

/// Delivers until the event is handled: a pool may first have to notice that its connections are
/// gone.
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
async fn redis_recovers_from_network_faults() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::in_front_of(&server.url()).await;
    let store = RedisStore::connect(proxy.url(&server.url())).await.unwrap().with_timeout(TIMEOUT);
    network_faults(&store, &proxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_recovers_from_network_faults() {
    let server = PgServer::start(&[]);
    let proxy = Proxy::in_front_of(&server.url()).await;
    let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(TIMEOUT);
    let store = PostgresStore::new(pool.connect(&proxy.url(&server.url())).await.unwrap()).with_timeout(TIMEOUT);
    store.migrate().await.unwrap();
    network_faults(&store, &proxy).await;
}

/// Returns the error and its causes in one line, as a log shows them.
fn with_causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| (*error).source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn a_refused_connection_is_reported_at_once_with_its_cause() {
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
        assert_eq!(with_causes(&error).matches(cause).count(), 1, "{}", with_causes(&error));
    }
    let lazy = PgPoolOptions::new().acquire_timeout(TIMEOUT);
    let pool = lazy.connect_lazy(&format!("postgres://postgres@127.0.0.1:{port}/postgres")).unwrap();
    refuses(&PostgresStore::new(pool), "store_").await;
}

/// An error must not show the address, whether the address is invalid or the server refuses it.
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
        let shown = format!("{} {error:?}", with_causes(&error));
        println!("{url}: {shown}");
        assert_eq!(error.code(), "store_unavailable", "{shown}");
        assert!(!shown.contains("hunter2"), "{url}: {shown}");
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

    // A server that has lost its data does not know the lease any more.
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
async fn postgres_restarts_with_and_without_its_data() {
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

    // A server that has lost its data has no table, and the error says so.
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
async fn a_stopped_server_times_out_and_recovers() {
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

    // A transaction times out at its begin, and at its commit after an effect.
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
async fn an_evicting_redis_is_refused_unless_danger_allows_it() {
    for policy in ["allkeys-lru", "volatile-ttl", "volatile-random"] {
        let server = RedisServer::start(&["--maxmemory-policy", policy]);
        let error = RedisStore::connect(server.url()).await.unwrap_err();
        assert_eq!((error.code(), error.to_string().contains(policy)), ("store_evicts", true));
        let store = RedisStore::danger_connect_to_evicting(server.url()).await.unwrap();
        handles(&store, "1", "handled").await;
    }
}

#[tokio::test]
async fn a_redis_out_of_memory_gives_503() {
    let server = RedisServer::start(&[]);
    let store = RedisStore::connect(server.url()).await.unwrap();
    handles(&store, "1", "handled").await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    refuses(&store, "store_full").await;
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    handles(&store, "fault", "handled").await;
    handles(&store, "1", "duplicate").await;

    // A claimed key can be completed and released without more memory.
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
async fn a_read_only_postgres_gives_503() {
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
async fn an_exhausted_pool_gives_503() {
    let server = PgServer::start(&[]);
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(TIMEOUT);
    let store = PostgresStore::new(pool.connect(&server.url()).await.unwrap());
    store.migrate().await.unwrap();
    let connection = store.pool().acquire().await.unwrap();
    refuses(&store, "store_timeout").await;
    drop(connection);
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
async fn a_locked_or_full_or_unmigrated_sqlite_file_gives_503() {
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

    // If the file is locked when the work is done, that cannot be recorded, and the key stays claimed.
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

    // A page limit fails in the same way as a full disk. It applies to one connection.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).pragma("max_page_count", "1");
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let full = SqliteStore::new(pool);
    let mut refused = 0;
    for id in 0..200 {
        match deliver(&full, &format!("{id}{}", "x".repeat(150))).await {
            (code, 200, 1) if code == "handled" => {}
            (code, 503, 0) if code.starts_with("store_full") => refused += 1,
            // The key was claimed, and then there was no room to record the completion.
            (code, 200, 1) if code == "unrecorded" => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(refused > 0);

    let missing = SqliteStore::open("/nonexistent/offhook.db").await.unwrap_err();
    assert_eq!(missing.code(), "store_unavailable");
}

/// On a full disk the commit can fail, after the statement has returned its row.
#[tokio::test]
async fn a_failed_sqlite_commit_is_not_a_claim() {
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

/// A load balancer that has dropped a connection, or a server that has vanished, never answers.
#[tokio::test]
async fn a_silent_redis_connection_is_replaced() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::in_front_of(&server.url()).await;
    let store = RedisStore::connect(proxy.url(&server.url())).await.unwrap().with_timeout(TIMEOUT);
    handles(&store, "before", "handled").await;
    proxy.set(SILENCE);
    refuses(&store, "store_timeout").await;
    handles_soon(&store, "after the silence").await;
}

#[tokio::test]
async fn silent_postgres_connections_are_replaced() {
    let server = PgServer::start(&[]);
    let proxy = Proxy::in_front_of(&server.url()).await;
    // The pool does not test a connection first, so that the step itself meets the silence.
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

/// The SQLite store uses the clock of the host. If it is set back by an hour, a key stays claimed for
/// at most one more lease. The retention is shifted by no more than that hour.
#[tokio::test]
async fn a_clock_change_between_two_sqlite_processes_has_a_bounded_effect() {
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

    // If the clock is ahead, the lease has ended. Another process claims the key, and the owner learns
    // that its lease is lost.
    let ahead = at(start + HOUR).await;
    let Ok(Claim::Fresh(other)) = ahead.claim(&pending, &digest()).await else { panic!() };
    assert_eq!(later.complete(&owner).await.unwrap_err().code(), "lease_lost");
    assert_eq!(later.release(&owner).await.unwrap_err().code(), "lease_lost");
    ahead.complete(&other).await.unwrap();

    // The retention is off by as much as the clock, and by no more.
    let retention = i64::try_from(settings.retention().as_millis()).unwrap();
    assert_eq!(at(start + retention - 1).await.claim(&done, &digest()).await.unwrap(), Claim::Done);
    assert!(matches!(at(start + retention).await.claim(&done, &digest()).await, Ok(Claim::Fresh(_))));
}

#[test]
fn only_the_sqlite_store_reads_the_hosts_clock() {
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
