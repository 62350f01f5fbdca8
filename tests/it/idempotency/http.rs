//! Deliveries over HTTP to both frameworks: one effect, whatever arrives at once.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use actix_web::web;
use axum::extract::{FromRef, State};
use axum::routing::post;
use offhook::idempotency::{
    BodyDigest, BoxFuture, Claim, Key, Lease, MemoryStore, Once, PostgresStore, RedisStore, SqliteStore, Store,
    StoreError,
};
use offhook::{Reply, TalkifAi, Webhook};

use super::common::{SECRET, body, sign};
use offhook_tests::databases::{Folder, PgServer, RedisServer};
use offhook_tests::servers::{serve_actix, serve_axum};

/// Counts what reaches the store, and the effects.
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
    fn claim<'a>(&'a self, key: &'a Key, body: &'a BodyDigest) -> BoxFuture<'a, Result<Claim, StoreError>> {
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

async fn handle(app: &App, webhook: &Webhook<TalkifAi>) -> Reply {
    let handled = Once::new(&app.store).run(webhook, async |_| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        app.effects.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    handled.await.into()
}

fn axum_server(app: App) -> SocketAddr {
    let route = post(async |State(app): State<App>, webhook: Webhook<TalkifAi>| handle(&app, &webhook).await);
    serve_axum(axum::Router::new().route("/", route).with_state(app))
}

fn actix_server(app: App) -> SocketAddr {
    async fn route(app: web::Data<App>, webhook: Webhook<TalkifAi>) -> Reply {
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

fn one_effect_of_64(store: Arc<dyn Store>) {
    for (name, server) in [("axum", axum_server as fn(App) -> SocketAddr), ("actix-web", actix_server)] {
        let app = App {
            talkifai: TalkifAi::new(SECRET).unwrap(),
            store: Arc::new(Counted { store: Arc::clone(&store), steps: AtomicUsize::new(0) }),
            effects: Arc::default(),
        };
        let address = server(app.clone());

        // What is not authentic reaches no store.
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
        let mut taken = 0;
        for sender in senders {
            match sender.join().unwrap() {
                (200, _) => taken += 1,
                (503, answer) => assert!(answer.contains("retry-after: "), "{answer}"),
                other => panic!("{name}: {other:?}"),
            }
        }
        assert!(taken >= 1, "{name}");
        assert_eq!(send(address, "/", &sign(&body), &body).0, 200);
        assert_eq!(app.effects.load(Ordering::SeqCst), 1, "{name}");
    }
}

async fn in_background(store: Arc<dyn Store>) {
    tokio::task::spawn_blocking(move || one_effect_of_64(store)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    in_background(Arc::new(MemoryStore::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    let folder = Folder::new();
    let store = SqliteStore::open(folder.path().join("offhook.db")).await.unwrap();
    store.migrate().await.unwrap();
    in_background(Arc::new(store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let server = PgServer::start(&[]);
    let store = PostgresStore::connect(&server.url()).await.unwrap();
    store.migrate().await.unwrap();
    in_background(Arc::new(store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis() {
    let server = RedisServer::start(&[]);
    in_background(Arc::new(RedisStore::connect(server.url()).await.unwrap())).await;
}
