//! Deliveries to a whole application, in both frameworks, and the assertion that each is
//! handled once.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use offhook::idempotency::{Handled, MemoryStore};
use offhook::testing::{
    Answer, Effects, NearMiss, RawRequest, Signer, assert_idempotent, deliver_actix, deliver_axum, samples,
};
use offhook::{Reply, Truedy, Webhook};

const PATH: &str = "/webhooks/truedy";

fn truedy() -> Truedy {
    Truedy::new("whsec_deliver").unwrap()
}

fn delivery() -> RawRequest {
    Signer::of(&truedy()).request(PATH, samples::truedy::CALL_ENDED)
}

#[derive(Clone, FromRef)]
struct App {
    truedy: Truedy,
    store: Arc<MemoryStore>,
    effects: Effects,
    /// What the faulty handlers use instead of a store.
    seen: Arc<Mutex<BTreeSet<String>>>,
}

fn app(effects: &Effects) -> App {
    App { truedy: truedy(), store: Arc::default(), effects: effects.clone(), seen: Arc::default() }
}

async fn once(State(app): State<App>, webhook: Webhook<Truedy>) -> Handled {
    let work = async |_: &offhook::truedy::Event| {
        tokio::task::yield_now().await;
        app.effects.record();
        Ok(())
    };
    webhook.once(&*app.store, work).await
}

async fn not_at_all_deduplicated(State(app): State<App>, webhook: Webhook<Truedy>) -> Reply {
    app.effects.record();
    webhook.acknowledge()
}

async fn marked_before_it_is_done(State(app): State<App>, webhook: Webhook<Truedy>) -> Reply {
    if app.seen.lock().unwrap().insert(webhook.dedupe_key().unwrap()) {
        app.effects.record();
    }
    webhook.acknowledge()
}

async fn looked_up_and_then_marked(State(app): State<App>, webhook: Webhook<Truedy>) -> Reply {
    let key = webhook.dedupe_key().unwrap();
    if !app.seen.lock().unwrap().contains(&key) {
        tokio::task::yield_now().await;
        app.effects.record();
        app.seen.lock().unwrap().insert(key);
    }
    webhook.acknowledge()
}

async fn never_records(webhook: Webhook<Truedy>) -> Reply {
    webhook.acknowledge()
}

/// Runs the assertion on a route, and returns how it failed.
fn verdict<H, T>(handler: H) -> Result<usize, String>
where
    H: axum::handler::Handler<T, App>,
    T: 'static,
{
    let effects = Effects::new();
    let router = Router::new().route(PATH, post(handler)).with_state(app(&effects));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run =
        async { assert_idempotent(async |request| deliver_axum(&router, request).await, &delivery(), &effects).await };
    let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(run)));
    outcome.map(|()| effects.count()).map_err(|panic| panic.downcast_ref::<String>().unwrap().clone())
}

#[test]
fn a_handler_that_runs_once_passes_and_faulty_ones_do_not() {
    assert_eq!(verdict(once), Ok(1));
    let refused = |verdict: Result<usize, String>, expected: &str| {
        let message = verdict.unwrap_err();
        assert!(message.contains(expected), "{message}");
    };
    refused(verdict(not_at_all_deduplicated), "of 32 deliveries at once, 32 were handled");
    refused(verdict(looked_up_and_then_marked), "of 32 deliveries at once, 32 were handled");
    refused(verdict(marked_before_it_is_done), "the delivery was handled 0 times");
    refused(verdict(never_records), "the handler did not reach `Effects::record`");
}

#[test]
fn a_handler_in_actix_web_is_tested_in_the_same_way() {
    use actix_web::{App, test, web};

    async fn once(store: web::Data<MemoryStore>, effects: web::Data<Effects>, webhook: Webhook<Truedy>) -> Handled {
        let work = async |_: &offhook::truedy::Event| {
            effects.record();
            Ok(())
        };
        webhook.once(&**store, work).await
    }

    actix_web::rt::System::new().block_on(async {
        let effects = Effects::new();
        let data = (web::Data::new(truedy()), web::Data::new(MemoryStore::new()), web::Data::new(effects.clone()));
        let app = App::new().app_data(data.0).app_data(data.1).app_data(data.2).route(PATH, web::post().to(once));
        let app = test::init_service(app).await;
        assert_idempotent(async |request| deliver_actix(&app, request).await, &delivery(), &effects).await;
        assert_eq!(effects.count(), 1);
    });
}

/// Sends a request to the same route in both frameworks.
fn both(request: &RawRequest) -> [Answer; 2] {
    let router = Router::new().route(PATH, post(never_records)).with_state(app(&Effects::new()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let axum = runtime.block_on(deliver_axum(&router, request));
    let actix = actix_web::rt::System::new().block_on(async {
        use actix_web::{App, test, web};
        let data = web::Data::new(truedy());
        let app = App::new().app_data(data).route(PATH, web::post().to(never_records));
        deliver_actix(&test::init_service(app).await, request).await
    });
    [axum, actix]
}

#[test]
fn both_frameworks_answer_each_near_miss_as_it_says() {
    let old = Signer::of(&Truedy::new("whsec_deliver_old").unwrap());
    let signer = Signer::of(&truedy()).with_old_secret(old);
    assert_eq!(both(&delivery()).map(|answer| answer.status), [204, 204]);
    for miss in NearMiss::ALL {
        let request = miss.of(&signer, &delivery()).unwrap();
        let expected = (miss.status(), miss.code(&signer));
        assert_eq!(both(&request).map(|answer| (answer.status, answer.code)), [expected; 2], "{}", miss.name());
    }
}

#[test]
fn a_request_that_cannot_be_written_in_http_is_answered_with_400() {
    for request in [
        delivery().with_header("x-a", "line\nbreak"),
        delivery().with_header("x a", "1"),
        RawRequest::post("/ space", "{}"),
    ] {
        assert_eq!(both(&request).map(|answer| answer.status), [400, 400], "{request:?}");
    }
}
