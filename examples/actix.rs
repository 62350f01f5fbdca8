//! A receiver with actix-web: `cargo run --example actix --features actix-web,testing`.
//!
//! Serves `POST /webhooks/truedy`, `/webhooks/talkifai` and `/webhooks/salpre` on
//! `127.0.0.1:$PORT` (3000 unless set). See `examples/common` for the settings.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

mod common;
#[path = "common/store.rs"]
mod store;

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::KeepAlive;
use actix_web::{App, HttpRequest, HttpServer, web};
use offhook::event::Parsed;
use offhook::idempotency::Store;
use offhook::{Rejection, Reply, Salpre, TalkifAi, Truedy, Verifier, Webhook};
use serde::Serialize;

/// Taking the extractor as a `Result` lets a handler see what was refused; a
/// handler that takes `Webhook<V>` gets the accepted deliveries only.
async fn deliver<V>(
    request: HttpRequest,
    store: web::Data<Arc<dyn Store>>,
    webhook: Result<Webhook<V>, Rejection>,
) -> Result<Reply, Rejection>
where
    V: Verifier,
    Parsed<V::Event>: Serialize,
{
    let webhook = webhook.inspect_err(|rejection| common::print_refused(request.path(), rejection))?;
    Ok(store::handle(&store, &webhook).await)
}

/// Without the attribute `#[actix_web::main]`, which is one more feature of actix-web.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    actix_web::rt::System::new().block_on(serve())
}

async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let settings = common::Settings::from_env()?;
    let listener = std::net::TcpListener::bind(("127.0.0.1", settings.port))?;
    let store = store::from_env().await?;
    settings.announce(listener.local_addr()?.port())?;

    HttpServer::new(move || {
        let mut app = App::new().app_data(web::Data::new(Arc::clone(&store)));
        if let Some(truedy) = settings.truedy.clone() {
            app = app.app_data(web::Data::new(truedy)).route("/webhooks/truedy", web::post().to(deliver::<Truedy>));
        }
        if let Some(talkifai) = settings.talkifai.clone() {
            app =
                app.app_data(web::Data::new(talkifai)).route("/webhooks/talkifai", web::post().to(deliver::<TalkifAi>));
        }
        if let Some(salpre) = settings.salpre.clone() {
            app = app.app_data(web::Data::new(salpre)).route("/webhooks/salpre", web::post().to(deliver::<Salpre>));
        }
        app
    })
    .workers(2)
    // Slow headers are timed only in the first request of a connection, so there is no second one.
    .client_request_timeout(Duration::from_secs(5))
    .keep_alive(KeepAlive::Disabled)
    // After a refusal, the rest of the body is not read.
    .client_disconnect_timeout(Duration::ZERO)
    .listen(listener)?
    .run()
    .await?;
    Ok(())
}
