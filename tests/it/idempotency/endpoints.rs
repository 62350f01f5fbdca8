//! Two tenants with equal event ids share one store. Each verifier has its endpoint, so
//! both events are handled, in both frameworks.

use std::sync::{Arc, Mutex};

use actix_web::web;
use axum::extract::{FromRef, State};
use offhook::idempotency::{Handled, Key, MemoryStore, Store};
use offhook::testing::Signer;
use offhook::{Clock, SystemClock, TalkifAi, Verifier, Webhook, talkifai};
use offhook_tests::client::{exchange, sized};
use offhook_tests::servers::{serve_actix, serve_axum};

const SECRET: &str = "talkifai_endpoint_secret";

/// What the handler saw: the endpoint of each delivery.
type Seen = Arc<Mutex<Vec<String>>>;

#[derive(Clone, FromRef)]
struct App {
    verifier: TalkifAi,
    store: Arc<dyn Store>,
    seen: Seen,
}

async fn handle(webhook: Webhook<TalkifAi>, store: &Arc<dyn Store>, seen: &Seen) -> Handled {
    let endpoint = webhook.endpoint().to_owned();
    webhook
        .once(store, async |_| {
            seen.lock().unwrap().push(endpoint);
            Ok(())
        })
        .await
}

async fn on_axum(State(app): State<App>, webhook: Webhook<TalkifAi>) -> Handled {
    handle(webhook, &app.store, &app.seen).await
}

async fn on_actix(app: web::Data<App>, webhook: Webhook<TalkifAi>) -> Handled {
    handle(webhook, &app.store, &app.seen).await
}

fn tenant(name: &str) -> TalkifAi {
    TalkifAi::new(SECRET).unwrap().with_endpoint(name)
}

#[test]
fn tenants_with_equal_ids_are_kept_apart() {
    let fresh = || (Arc::new(MemoryStore::new()) as Arc<dyn Store>, Seen::default());
    let app = |name: &str, (store, seen): &(Arc<dyn Store>, Seen)| App {
        verifier: tenant(name),
        store: store.clone(),
        seen: seen.clone(),
    };
    let in_axum = fresh();
    let route = |name: &str| axum::routing::post(on_axum).with_state(app(name, &in_axum));
    let axum = serve_axum(axum::Router::new().route("/a", route("a")).route("/b", route("b")));
    let in_actix = fresh();
    let (a, b) = (app("a", &in_actix), app("b", &in_actix));
    let actix = serve_actix(move |config| {
        for (path, app) in [("/a", &a), ("/b", &b)] {
            let resource = web::resource(path)
                .app_data(web::Data::new(app.verifier.clone()))
                .app_data(web::Data::new(app.clone()))
                .post(on_actix);
            config.service(resource);
        }
    });
    let body = br#"{"id":"evt_1","type":"call.ended","data":{"callId":"c1"}}"#;
    let headers = Signer::new(talkifai::SCHEME, SECRET).unwrap().sign(SystemClock.now(), body);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    for (name, server, seen) in [("axum", axum, in_axum.1), ("actix-web", actix, in_actix.1)] {
        for path in ["/a", "/b", "/a", "/b"] {
            assert_eq!(exchange(server, &sized(path, &headers, body)).status, 200, "{name}{path}");
        }
        assert_eq!(*seen.lock().unwrap(), ["a", "b"], "{name}");
    }
}

#[test]
fn the_endpoint_is_part_of_the_key() {
    let body = r#"{"id":"evt_1","type":"call.ended","data":{"callId":"c1"}}"#;
    let headers = Signer::new(talkifai::SCHEME, SECRET).unwrap().sign(SystemClock.now(), body);
    let key = |name: &str| Key::of(&tenant(name).receive(&headers, body).unwrap()).unwrap();
    assert_ne!(key("a"), key("b"));
    assert_eq!(key("a").as_str(), "talkifai:a:call.ended:evt_1");
}
