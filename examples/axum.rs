//! A receiver with axum: `cargo run --example axum --features axum,testing`.
//!
//! Serves `POST /webhooks/truedy`, `/webhooks/talkifai` and `/webhooks/salpre` on
//! `127.0.0.1:$PORT` (3000 unless set). See `examples/common` for the settings.
//!
//! `axum::serve` waits for ever for a slow sender's headers, so this server runs on
//! hyper, which can be told not to.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

mod common;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::Uri;
use axum::routing::post;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
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
    Ok(common::handle(&store, &webhook).await)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = common::Settings::from_env()?;
    let listener = TcpListener::bind(("127.0.0.1", settings.port)).await?;
    let store = common::store().await?;
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
    serve(listener, app).await;
    Ok(())
}

/// Serves until Ctrl-C. A delivery that is being handled then is answered before this returns.
async fn serve(listener: TcpListener, app: Router) {
    let mut server = Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_BUFFER);
    let connections = GracefulShutdown::new();
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut interrupted => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let service = TowerToHyperService::new(app.clone());
                let connection = connections.watch(server.serve_connection(TokioIo::new(stream), service));
                // What breaks a connection off is the sender's affair.
                tokio::spawn(async move { drop(connection.await) });
            }
            // Such as too many open files, which pass.
            Err(error) => {
                eprintln!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// The head of a request has this long to arrive, and so has the next request on a connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// What hyper reads ahead, in bytes.
const MAX_BUFFER: usize = 64 * 1024;
