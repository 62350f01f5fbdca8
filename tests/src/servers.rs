//! Servers of both frameworks on loopback, with the same routes.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::web::{self, PayloadConfig, ServiceConfig};
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use offhook::verify::HeaderTokens;
use offhook::{Event, FixedClock, Rejection, Reply, Salpre, TalkifAi, Truedy, Verifier, Webhook};

use crate::signing::NOW;

pub const TRUEDY_SECRET: &str = "whsec_http_test_secret";
pub const TRUEDY_OLD_SECRET: &str = "whsec_http_test_old_secret";
pub const TALKIFAI_SECRET: &str = "talkifai_http_test_secret";
pub const SALPRE_TOKEN: &str = "salpre_http_test_token";

pub fn truedy() -> Truedy {
    Truedy::new(TRUEDY_SECRET).unwrap().with_clock(FixedClock::at_unix(NOW))
}

pub fn talkifai() -> TalkifAi {
    TalkifAi::new(TALKIFAI_SECRET).unwrap().with_clock(FixedClock::at_unix(NOW))
}

pub fn salpre() -> Salpre {
    Salpre::bearer(SALPRE_TOKEN).unwrap()
}

/// The verifier of `/rotated/truedy`. The routes with another prefix use the verifiers below.
pub fn rotated_truedy() -> Truedy {
    truedy().with_secret(TRUEDY_OLD_SECRET).unwrap()
}

pub fn early_truedy() -> Truedy {
    truedy().with_clock(FixedClock::at_unix(-86_400))
}

pub fn aged_talkifai() -> TalkifAi {
    talkifai().with_max_age(Duration::from_secs(36 * 60))
}

pub fn headers_salpre() -> Salpre {
    let tokens = HeaderTokens::new([("X-API-Key", "k3y-zebra"), ("X-Token", "t0ken-zebra")]).unwrap();
    Salpre::new(tokens.with_set([("X-API-Key", "old-zebra")]).unwrap())
}

/// The names of the events that reached a handler, and the codes of the rejections, in order.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Result<String, String>>>>);

impl Log {
    fn note<V: Verifier>(&self, webhook: &Result<Webhook<V>, Rejection>) {
        self.0.lock().unwrap().push(match webhook {
            Ok(webhook) => Ok(webhook.event().name().to_owned()),
            Err(rejection) => Err(rejection.code().to_owned()),
        });
    }

    pub fn take(&self) -> Vec<Result<String, String>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

pub struct Server {
    pub name: &'static str,
    pub address: SocketAddr,
    pub log: Log,
}

/// Starts a server of each framework. The routes are `/truedy`, `/talkifai`, `/salpre`, routes for
/// verifiers with other settings, and `/small/truedy` and `/large/truedy`, whose limits of 1 KiB
/// and 4 MiB are set in the framework's own way.
pub fn both() -> [Server; 2] {
    [axum_server(), actix_server()]
}

async fn answer<V: Verifier>(log: &Log, webhook: Result<Webhook<V>, Rejection>) -> Result<Reply, Rejection> {
    log.note(&webhook);
    Ok(webhook?.acknowledge())
}

fn axum_server() -> Server {
    let log = Log::default();
    macro_rules! route {
        ($verifier:expr, $type:ty) => {{
            let log = log.clone();
            post(move |webhook: Result<Webhook<$type>, Rejection>| async move { answer(&log, webhook).await })
                .with_state($verifier)
        }};
    }
    let app = axum::Router::new()
        .route("/truedy", route!(truedy(), Truedy))
        .route("/talkifai", route!(talkifai(), TalkifAi))
        .route("/salpre", route!(salpre(), Salpre))
        .route("/rotated/truedy", route!(rotated_truedy(), Truedy))
        .route("/early/truedy", route!(early_truedy(), Truedy))
        .route("/aged/talkifai", route!(aged_talkifai(), TalkifAi))
        .route("/headers/salpre", route!(headers_salpre(), Salpre))
        .route("/small/truedy", route!(truedy(), Truedy).layer(DefaultBodyLimit::max(1024)))
        .route("/large/truedy", route!(truedy(), Truedy).layer(DefaultBodyLimit::max(4 << 20)));
    Server { name: "axum", address: serve_axum(app), log }
}

fn actix_server() -> Server {
    async fn handle<V: Verifier>(
        log: web::Data<Log>,
        webhook: Result<Webhook<V>, Rejection>,
    ) -> Result<Reply, Rejection> {
        answer(&log, webhook).await
    }
    let log = Log::default();
    let handler_log = log.clone();
    let address = serve_actix(move |app| {
        app.app_data(web::Data::new(handler_log.clone()))
            .app_data(web::Data::new(truedy()))
            .app_data(web::Data::new(talkifai()))
            .app_data(web::Data::new(salpre()))
            .route("/truedy", web::post().to(handle::<Truedy>))
            .route("/talkifai", web::post().to(handle::<TalkifAi>))
            .route("/salpre", web::post().to(handle::<Salpre>))
            .service(web::resource("/rotated/truedy").app_data(web::Data::new(rotated_truedy())).post(handle::<Truedy>))
            .service(web::resource("/early/truedy").app_data(web::Data::new(early_truedy())).post(handle::<Truedy>))
            .service(web::resource("/aged/talkifai").app_data(web::Data::new(aged_talkifai())).post(handle::<TalkifAi>))
            .service(web::resource("/headers/salpre").app_data(web::Data::new(headers_salpre())).post(handle::<Salpre>))
            .service(web::resource("/small/truedy").app_data(PayloadConfig::new(1024)).post(handle::<Truedy>))
            .service(
                web::resource("/large/truedy")
                    .app_data(web::Data::new(PayloadConfig::new(4 << 20)))
                    .post(handle::<Truedy>),
            );
    });
    Server { name: "actix-web", address, log }
}

/// Serves on loopback for as long as the process runs.
pub fn serve_axum(app: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    address
}

/// Serves on loopback for as long as the process runs.
pub fn serve_actix(routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let server = actix_web::HttpServer::new(move || actix_web::App::new().configure(routes.clone()));
        let server = server.workers(2).disable_signals().listen(listener).unwrap().run();
        actix_web::rt::System::new().block_on(server).unwrap();
    });
    address
}
