//! Concurrent deliveries over HTTP, to both frameworks, have one effect.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use actix_web::web;
use axum::extract::{FromRef, State};
use axum::routing::post;
use offhook::idempotency::{
    BoxFuture, Claim, Handled, Key, Lease, MemoryStore, Once, PayloadDigest, PostgresStore, RedisStore, SqliteStore,
    Store, StoreError,
};
use offhook::{TalkifAi, Webhook};

use super::common::{body, sign, verifier};
use offhook_tests::databases::{Folder, PgServer, RedisServer};
use offhook_tests::servers::{serve_actix, serve_axum};

/// The state of a server. It counts the effects, and the calls of its store.
#[derive(Clone)]
struct App {
    talkifai: TalkifAi,
    store: Arc<Counted>,
    effects: Arc<AtomicUsize>,
}

impl FromRef<App> for TalkifAi {
    fn from_ref(app: &App) -> Self {
        app.talkifai.clone()
    }
}

struct Counted {
    store: Arc<dyn Store>,
    steps: AtomicUsize,
}

impl Store for Counted {
    fn claim<'a>(&'a self, key: &'a Key, body: &'a PayloadDigest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        self.steps.fetch_add(1, Ordering::SeqCst);
        self.store.claim(key, body)
    }

    fn complete<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        self.steps.fetch_add(1, Ordering::SeqCst);
        self.store.complete(lease)
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        self.steps.fetch_add(1, Ordering::SeqCst);
        self.store.release(lease)
    }

    fn extend<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        self.steps.fetch_add(1, Ordering::SeqCst);
        self.store.extend(lease)
    }

    fn forget<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.steps.fetch_add(1, Ordering::SeqCst);
        self.store.forget(key)
    }
}

async fn handle(app: &App, webhook: &Webhook<TalkifAi>) -> Handled {
    let handled = Once::new(&app.store).run(webhook, async |_| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        app.effects.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    handled.await
}

fn axum_server(app: App) -> SocketAddr {
    let route = post(async |State(app): State<App>, webhook: Webhook<TalkifAi>| handle(&app, &webhook).await);
    serve_axum(axum::Router::new().route("/", route).with_state(app))
}

fn actix_server(app: App) -> SocketAddr {
    async fn route(app: web::Data<App>, webhook: Webhook<TalkifAi>) -> Handled {
        handle(&app, &webhook).await
    }
    serve_actix(move |routes| {
        routes
            .app_data(web::Data::new(app.clone()))
            .app_data(web::Data::new(app.talkifai.clone()))
            .route("/", web::post().to(route));
    })
}

pub fn send(address: SocketAddr, path: &str, headers: &[(&str, String)], body: &str) -> (u16, String) {
    let mut request =
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer[9..12].parse().unwrap(), answer.to_ascii_lowercase())
}

fn assert_one_effect_for_64_deliveries(store: Arc<dyn Store>) {
    for (name, server) in [("axum", axum_server as fn(App) -> SocketAddr), ("actix-web", actix_server)] {
        let app = App {
            talkifai: verifier(),
            store: Arc::new(Counted { store: Arc::clone(&store), steps: AtomicUsize::new(0) }),
            effects: Arc::default(),
        };
        let address = server(app.clone());

        // A refused delivery reaches no store.
        let forged = body("forged");
        for headers in [vec![], vec![("x-talkifai-signature", format!("sha256={}", "0".repeat(64)))]] {
            assert_eq!(send(address, "/", &headers, &forged).0, 401);
        }
        assert_eq!(send(address, "/", &sign("{}"), "{}").0, 400);
        assert_eq!(app.store.steps.load(Ordering::SeqCst), 0);

        let body = body(&format!("http-{name}"));
        let barrier = Arc::new(Barrier::new(64));
        let senders: Vec<_> = (0..64)
            .map(|_| {
                let (barrier, body) = (Arc::clone(&barrier), body.clone());
                std::thread::spawn(move || {
                    barrier.wait();
                    send(address, "/", &sign(&body), &body)
                })
            })
            .collect();
        let mut accepted = 0;
        for sender in senders {
            match sender.join().unwrap() {
                (200, _) => accepted += 1,
                (503, answer) => assert!(answer.contains("retry-after: "), "{answer}"),
                other => panic!("{name}: {other:?}"),
            }
        }
        assert!(accepted >= 1, "{name}");
        assert_eq!(send(address, "/", &sign(&body), &body).0, 200);
        assert_eq!(app.effects.load(Ordering::SeqCst), 1, "{name}");
    }
}

/// The state for every way to run a handler: a store that is chosen at run time, and one that offers
/// transactions.
#[derive(Clone, FromRef)]
struct Ways {
    talkifai: TalkifAi,
    store: Arc<dyn Store>,
    sqlite: SqliteStore,
}

/// Every way to run a handler. No closure needs a type annotation, and each can use `?`.
mod ways {
    use super::*;

    pub(super) async fn once(store: &Arc<dyn Store>, webhook: &Webhook<TalkifAi>) -> Handled {
        let handler = webhook.once(store, async |event| {
            tokio::time::sleep(Duration::from_millis(1)).await;
            offhook::Event::call_id(event).ok_or("the event names no call")?;
            Ok(())
        });
        handler.await
    }

    pub(super) async fn run_with(store: &Arc<dyn Store>, webhook: &Webhook<TalkifAi>) -> Handled {
        let handled = Once::new(store).run_with(webhook, async |event, held| {
            tokio::time::sleep(Duration::from_millis(1)).await;
            held.extend().await?;
            assert!(offhook::Event::call_id(event).is_some() && held.key().is_some());
            Ok(())
        });
        handled.await
    }

    pub(super) async fn transact(store: &SqliteStore, webhook: &Webhook<TalkifAi>) -> Handled {
        let handled = store.transact(webhook, async |event, transaction| {
            sqlx::query("INSERT INTO effects VALUES (?)")
                .bind(offhook::Event::call_id(event))
                .execute(transaction)
                .await?;
            Ok(())
        });
        handled.await
    }
}

fn axum_ways(ways: Ways) -> SocketAddr {
    type Chosen = State<Arc<dyn Store>>;
    let router = axum::Router::new()
        .route("/once", post(async |State(store): Chosen, webhook| ways::once(&store, &webhook).await))
        .route("/run_with", post(async |State(store): Chosen, webhook| ways::run_with(&store, &webhook).await))
        .route(
            "/transact",
            post(async |State(store): State<SqliteStore>, webhook| ways::transact(&store, &webhook).await),
        )
        .with_state(ways);
    serve_axum(router)
}

fn actix_ways(ways: Ways) -> SocketAddr {
    type Chosen = web::Data<Arc<dyn Store>>;
    serve_actix(move |app| {
        app.app_data(web::Data::new(ways.talkifai.clone()))
            .app_data(web::Data::new(ways.store.clone()))
            .app_data(web::Data::new(ways.sqlite.clone()))
            .route("/once", web::post().to(async |store: Chosen, webhook| ways::once(&store, &webhook).await))
            .route("/run_with", web::post().to(async |store: Chosen, webhook| ways::run_with(&store, &webhook).await))
            .route(
                "/transact",
                web::post().to(async |store: web::Data<SqliteStore>, webhook| ways::transact(&store, &webhook).await),
            );
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_run_a_handler_works_in_both_frameworks() {
    let folder = Folder::new();
    let sqlite = SqliteStore::open(folder.path().join("offhook.db")).await.unwrap();
    sqlite.migrate().await.unwrap();
    sqlx::query("CREATE TABLE effects (id TEXT)").execute(sqlite.pool()).await.unwrap();
    let ways = Ways { talkifai: verifier(), store: Arc::new(MemoryStore::new()), sqlite: sqlite.clone() };
    let answers = tokio::task::spawn_blocking(move || {
        let mut answers = Vec::new();
        for (name, server) in [("axum", axum_ways as fn(Ways) -> SocketAddr), ("actix-web", actix_ways)] {
            let address = server(ways.clone());
            for path in ["/once", "/run_with", "/transact"] {
                let body = body(&format!("{name} {path}"));
                answers.extend([(), ()].map(|()| (name, path, send(address, path, &sign(&body), &body).0)));
            }
        }
        answers
    });
    for (name, path, status) in answers.await.unwrap() {
        assert_eq!(status, 200, "{name} {path}");
    }
    let effects: i64 = sqlx::query_scalar("SELECT count(*) FROM effects").fetch_one(sqlite.pool()).await.unwrap();
    assert_eq!(effects, 2);
}

async fn in_background(store: Arc<dyn Store>) {
    tokio::task::spawn_blocking(move || assert_one_effect_for_64_deliveries(store)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_store_allows_one_effect() {
    in_background(Arc::new(MemoryStore::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_store_allows_one_effect() {
    let folder = Folder::new();
    let store = SqliteStore::open(folder.path().join("offhook.db")).await.unwrap();
    store.migrate().await.unwrap();
    in_background(Arc::new(store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_store_allows_one_effect() {
    let server = PgServer::start(&[]);
    let store = PostgresStore::connect(&server.url()).await.unwrap();
    store.migrate().await.unwrap();
    in_background(Arc::new(store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_store_allows_one_effect() {
    let server = RedisServer::start(&[]);
    in_background(Arc::new(RedisStore::connect(server.url()).await.unwrap())).await;
}
