//! The verifiers of the tests, and both frameworks on loopback with a route for each.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::web::{self, PayloadConfig, ServiceConfig};
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, post};
use offhook::verify::HeaderTokens;
use offhook::{Event, FixedClock, Rejection, Reply, Salpre, TalkifAi, Truedy, Verifier, Webhook};

use crate::signing::NOW;
use crate::vendors::add_routes;

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

/// Whatever serves routes: a framework, or the core alone.
pub trait Home {
    fn route<V>(&mut self, path: &'static str, verifier: V)
    where
        V: Verifier + Clone + 'static,
        V::Event: Send;
}

/// What reached a handler, or what did not and why.
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

/// Both frameworks, with every route, and with `/small/truedy`, which has a limit of
/// 1 KiB, and `/large/truedy`, which has one of 4 MiB, each set the framework's own way.
pub fn both() -> [Server; 2] {
    [axum_server(), actix_server()]
}

async fn answer<V: Verifier>(log: &Log, webhook: Result<Webhook<V>, Rejection>) -> Result<Reply, Rejection> {
    log.note(&webhook);
    Ok(webhook?.acknowledge())
}

struct Axum {
    router: axum::Router,
    log: Log,
}

impl Axum {
    fn handler<V>(&self, verifier: V) -> MethodRouter
    where
        V: Verifier + Clone + 'static,
        V::Event: Send,
    {
        let log = self.log.clone();
        post(async move |webhook: Result<Webhook<V>, Rejection>| answer(&log, webhook).await).with_state(verifier)
    }
}

impl Home for Axum {
    fn route<V>(&mut self, path: &'static str, verifier: V)
    where
        V: Verifier + Clone + 'static,
        V::Event: Send,
    {
        let handler = self.handler(verifier);
        self.router = std::mem::take(&mut self.router).route(path, handler);
    }
}

fn axum_server() -> Server {
    let mut axum = Axum { router: axum::Router::new(), log: Log::default() };
    add_routes(&mut axum);
    let small = axum.handler(truedy()).layer(DefaultBodyLimit::max(1024));
    let large = axum.handler(truedy()).layer(DefaultBodyLimit::max(4 << 20));
    let address = serve_axum(axum.router.route("/small/truedy", small).route("/large/truedy", large));
    Server { name: "axum", address, log: axum.log }
}

struct Actix<'a>(&'a mut ServiceConfig);

impl Home for Actix<'_> {
    fn route<V>(&mut self, path: &'static str, verifier: V)
    where
        V: Verifier + Clone + 'static,
        V::Event: Send,
    {
        self.0.service(web::resource(path).app_data(web::Data::new(verifier)).post(handle::<V>));
    }
}

async fn handle<V: Verifier + 'static>(
    log: web::Data<Log>,
    webhook: Result<Webhook<V>, Rejection>,
) -> Result<Reply, Rejection> {
    answer(&log, webhook).await
}

fn actix_server() -> Server {
    let log = Log::default();
    let handler_log = log.clone();
    let address = serve_actix(move |app| {
        app.app_data(web::Data::new(handler_log.clone())).app_data(web::Data::new(truedy()));
        add_routes(&mut Actix(app));
        let (small, large) = (PayloadConfig::new(1024), web::Data::new(PayloadConfig::new(4 << 20)));
        app.service(web::resource("/small/truedy").app_data(small).post(handle::<Truedy>));
        app.service(web::resource("/large/truedy").app_data(large).post(handle::<Truedy>));
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
