//! A receiver with axum: `cargo run --example axum --features axum,testing`.
//!
//! Serves `POST /webhooks/truedy`, `/webhooks/talkifai` and `/webhooks/salpre` on
//! `127.0.0.1:$PORT` (3000 unless set). See `examples/common` for the settings.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

mod common;
#[path = "common/serving.rs"]
mod serving;
#[path = "common/store.rs"]
mod store;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::Uri;
use axum::routing::post;
use offhook::event::Parsed;
use offhook::idempotency::Store;
use offhook::{Rejection, Reply, Salpre, TalkifAi, Truedy, Verifier, Webhook};
use serde::Serialize;
use tokio::net::TcpListener;

/// A verifier, and the store that all of them share.
#[derive(Clone)]
struct App<V> {
    verifier: V,
    store: Arc<dyn Store>,
}

macro_rules! from_app {
    ($($verifier:ty),*) => {$(
        impl FromRef<App<$verifier>> for $verifier {
            fn from_ref(app: &App<$verifier>) -> Self {
                app.verifier.clone()
            }
        }
    )*};
}

from_app!(Truedy, TalkifAi, Salpre);

/// Taking the extractor as a `Result` lets a handler see what was refused; a
/// handler that takes `Webhook<V>` gets the accepted deliveries only.
async fn deliver<V>(
    State(App { store, .. }): State<App<V>>,
    uri: Uri,
    webhook: Result<Webhook<V>, Rejection>,
) -> Result<Reply, Rejection>
where
    V: Verifier<Event: Send + Sync>,
    Parsed<V::Event>: Serialize,
{
    let webhook = webhook.inspect_err(|rejection| common::print_refused(uri.path(), rejection))?;
    Ok(store::handle(&store, &webhook).await)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = common::Settings::from_env()?;
    let listener = TcpListener::bind(("127.0.0.1", settings.port)).await?;
    let store = store::from_env().await?;
    settings.announce(listener.local_addr()?.port())?;

    let mut app = Router::new();
    if let Some(truedy) = settings.truedy {
        app = app.route(
            "/webhooks/truedy",
            post(deliver::<Truedy>).with_state(App { verifier: truedy, store: store.clone() }),
        );
    }
    if let Some(talkifai) = settings.talkifai {
        app = app.route(
            "/webhooks/talkifai",
            post(deliver::<TalkifAi>).with_state(App { verifier: talkifai, store: store.clone() }),
        );
    }
    if let Some(salpre) = settings.salpre {
        app = app.route(
            "/webhooks/salpre",
            post(deliver::<Salpre>).with_state(App { verifier: salpre, store: store.clone() }),
        );
    }
    serving::serve(listener, app).await;
    Ok(())
}
