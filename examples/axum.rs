//! A receiver with axum: `cargo run --example axum --features axum,testing`.
//!
//! Serves `POST /webhooks/truedy`, `/webhooks/talkifai` and `/webhooks/salpre` on
//! `127.0.0.1:$PORT` (3000 unless set). See `examples/common` for the settings.
//!
//! `axum::serve` waits for ever for a slow sender's headers; a server that faces
//! the internet stands behind a proxy that does not.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

mod common;

use axum::Router;
use axum::http::Uri;
use axum::routing::post;
use offhook::{Event, Rejection, Reply, Verifier, Webhook};
use serde::Serialize;

/// Taking the extractor as a `Result` lets a handler see what was refused; a
/// handler that takes `Webhook<V>` gets the accepted deliveries only.
async fn deliver<V>(uri: Uri, webhook: Result<Webhook<V>, Rejection>) -> Result<Reply, Rejection>
where
    V: Verifier<Event: Event + Serialize>,
{
    let webhook = webhook.inspect_err(|rejection| common::print_refused(uri.path(), rejection))?;
    common::print_accepted(&webhook);
    Ok(webhook.acknowledge())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = common::Settings::from_env()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", settings.port)).await?;
    settings.announce(listener.local_addr()?.port())?;

    let mut app = Router::new();
    if let Some(truedy) = settings.truedy {
        app = app.route("/webhooks/truedy", post(deliver::<offhook::Truedy>).with_state(truedy));
    }
    if let Some(talkifai) = settings.talkifai {
        app = app.route("/webhooks/talkifai", post(deliver::<offhook::TalkifAi>).with_state(talkifai));
    }
    if let Some(salpre) = settings.salpre {
        app = app.route("/webhooks/salpre", post(deliver::<offhook::Salpre>).with_state(salpre));
    }
    // A delivery that is being handled is answered before the server ends.
    let interrupted = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, app).with_graceful_shutdown(interrupted).await?;
    Ok(())
}
