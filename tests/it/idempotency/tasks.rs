//! A client that hangs up in the middle does not stop a handler in a task of its own.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use axum::extract::{FromRef, State};
use offhook::idempotency::{Handled, HandlerTasks, MemoryStore, Once, SqliteStore, Store};
use offhook::{TalkifAi, Webhook};
use offhook_tests::client::{connect, exchange, sized};
use offhook_tests::databases::Folder;
use offhook_tests::servers::{serve_actix, serve_axum};
use tokio::sync::Notify;

use super::common::{body, delivery, sign, verifier};

#[derive(Clone)]
struct App {
    talkifai: TalkifAi,
    store: Arc<dyn Store>,
    tasks: HandlerTasks,
    /// Told when the handler has begun.
    begun: Arc<Notify>,
    /// The handler waits for it.
    go_on: Arc<Notify>,
}

impl FromRef<App> for TalkifAi {
    fn from_ref(app: &App) -> Self {
        app.talkifai.clone()
    }
}

async fn handle(app: App, webhook: Webhook<TalkifAi>) -> Handled {
    let tasks = app.tasks.clone();
    let handling = async move {
        let handler = async |_: &_| {
            app.begun.notify_one();
            app.go_on.notified().await;
            Ok(())
        };
        webhook.once(&app.store, handler).await
    };
    tasks.run(handling).await
}

async fn on_axum(State(app): State<App>, webhook: Webhook<TalkifAi>) -> Handled {
    handle(app, webhook).await
}

async fn on_actix(app: web::Data<App>, webhook: Webhook<TalkifAi>) -> Handled {
    handle(App::clone(&app), webhook).await
}

fn axum_at(app: App) -> SocketAddr {
    serve_axum(axum::Router::new().route("/", axum::routing::post(on_axum)).with_state(app))
}

fn actix_at(app: App) -> SocketAddr {
    serve_actix(move |config| {
        let (verifier, app) = (web::Data::new(app.talkifai.clone()), web::Data::new(app.clone()));
        config.service(web::resource("/").app_data(verifier).app_data(app).post(on_actix));
    })
}

#[tokio::test]
async fn the_handler_finishes_and_is_recorded_although_the_client_hangs_up() {
    for (name, serve) in [("axum", axum_at as fn(App) -> SocketAddr), ("actix-web", actix_at)] {
        let app = App {
            talkifai: verifier(),
            store: Arc::new(MemoryStore::new()),
            tasks: HandlerTasks::new(),
            begun: Arc::default(),
            go_on: Arc::default(),
        };
        let server = serve(app.clone());
        let (body, headers) = (body("1"), sign(&body("1")));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let request = sized("/", &headers, body.as_bytes());

        let mut hasty = connect(server);
        hasty.write_all(&request).unwrap();
        app.begun.notified().await;
        drop(hasty);
        // Long enough for axum to drop the handler of the request.
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(app.tasks.running(), 1, "{name}");
        let retry = request.clone();
        let answer = tokio::task::spawn_blocking(move || exchange(server, &retry)).await.unwrap();
        assert_eq!(answer.status, 503, "{name}: the first attempt is still running");

        app.go_on.notify_one();
        // As at a shutdown.
        tokio::time::timeout(Duration::from_secs(20), app.tasks.finished()).await.unwrap();
        let handled = delivery("1").once(&app.store, async |_| Ok(())).await;
        assert_eq!(handled.outcome().code(), "duplicate", "{name}");
        let answer = tokio::task::spawn_blocking(move || exchange(server, &request)).await.unwrap();
        assert_eq!(answer.status, 200, "{name}");
    }
}

/// The test is that this compiles: everything is moved into the task.
#[tokio::test]
async fn every_way_to_handle_a_delivery_can_be_a_task() {
    let (tasks, folder) = (HandlerTasks::new(), Folder::new());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let with_lease = delivery("1");
    let handled = tasks
        .run(async move {
            Once::new(&store)
                .run_with(&with_lease, async |_event, held| {
                    tokio::task::yield_now().await;
                    held.extend().await?;
                    Ok(())
                })
                .await
        })
        .await;
    assert_eq!(handled.outcome().code(), "handled");
    let sqlite = SqliteStore::open(folder.path().join("offhook.db")).await.unwrap();
    sqlite.migrate().await.unwrap();
    let in_transaction = delivery("2");
    let handled = tasks.run(async move { sqlite.transact(&in_transaction, async |_, _| Err("no".into())).await }).await;
    assert_eq!(handled.outcome().code(), "failed");
    assert_eq!(format!("{tasks:?}"), "HandlerTasks { running: 0 }");
}

#[test]
fn a_task_that_ends_with_its_runtime_is_counted_no_more() {
    let (tasks, store) = (HandlerTasks::new(), MemoryStore::new());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (group, begun) = (tasks.clone(), Arc::new(Notify::new()));
    let told = begun.clone();
    runtime.spawn(async move {
        let endless = async move {
            let handler = async |_: &_| {
                told.notify_one();
                std::future::pending().await
            };
            delivery("1").once(&store, handler).await
        };
        group.run(endless).await
    });
    runtime.block_on(begun.notified());
    assert_eq!(tasks.running(), 1);
    runtime.shutdown_timeout(Duration::from_secs(5));
    assert_eq!(tasks.running(), 0);
}
