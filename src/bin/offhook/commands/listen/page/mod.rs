//! The page in the browser, on a port of its own. Only this machine can reach it.

mod guard;
mod history;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY};
use hyper::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use self::guard::Guard;
use self::history::{History, event};
use super::delivery::Delivery;
use super::reception::Reception;
use super::show;
use crate::failure::Failure;
use crate::forms::written;
use crate::rust_test::{Fixture, RustTest};

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// The page, with the deliveries that it shows.
#[derive(Clone, Debug)]
pub(super) struct Page(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    history: History,
    guard: Guard,
    reception: Arc<Reception>,
    /// The URL to which deliveries are sent.
    listens_on: String,
    connections: Arc<Semaphore>,
}

impl Page {
    /// Opens the page on a port, and returns it with its address. The address holds the token.
    pub(super) async fn open(
        port: u16,
        reception: Arc<Reception>,
        listens_on: String,
    ) -> Result<(Self, String), Failure> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let unusable = |error| Failure::usage(&address.to_string(), &error);
        let listener = TcpListener::bind(address).await.map_err(unusable)?;
        let port = listener.local_addr().map_err(unusable)?.port();
        let (guard, token) = Guard::new(port)?;
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        let page = Page(Arc::new(Shared { history: History::default(), guard, reception, listens_on, connections }));
        tokio::spawn(page.clone().serve(listener));
        Ok((page, format!("http://127.0.0.1:{port}/#token={token}")))
    }

    /// Shows one more delivery.
    pub(super) fn add(&self, delivery: Arc<Delivery>) {
        self.0.history.add(delivery);
    }

    async fn serve(self, listener: TcpListener) {
        loop {
            let Ok(permit) = Arc::clone(&self.0.connections).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let page = self.clone();
            tokio::spawn(async move {
                // A connection that breaks off has no other end.
                let _ = page.connection(stream).await;
                drop(permit);
            });
        }
    }

    async fn connection(&self, stream: TcpStream) -> hyper::Result<()> {
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE)
            .serve_connection(TokioIo::new(stream), service_fn(|request| self.answer(request)))
            .await
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let path = request.uri().path();
        let checked = self.0.guard.check_origin(request.method(), request.headers()).and_then(|()| {
            // The files of the page are the same for everybody.
            if path.starts_with("/api/") { self.0.guard.check_token(request.headers()) } else { Ok(()) }
        });
        let answer = match checked {
            Err(intruder) => text(intruder.status(), "text/plain", "This page is for the user of offhook only.\n"),
            Ok(()) => match *request.method() {
                Method::GET => self.get(path),
                Method::POST => self.post(path).await,
                _ => text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", ""),
            },
        };
        Ok(guarded(answer))
    }

    fn get(&self, path: &str) -> Answer {
        match path {
            "/" => text(StatusCode::OK, "text/html; charset=utf-8", include_str!("page.html")),
            "/page.css" => text(StatusCode::OK, "text/css; charset=utf-8", include_str!("page.css")),
            "/page.js" => text(StatusCode::OK, "text/javascript; charset=utf-8", include_str!("page.js")),
            "/api/events" => {
                let forward_to = self.0.reception.target.as_ref().map(|target| written::shown(target.url()));
                let settings = json!({ "listens_on": self.0.listens_on, "forward_to": forward_to });
                let events = self.0.history.follow(event("settings", &settings));
                with_type(Response::new(events.boxed()), "text/event-stream")
            }
            _ => match self.find(path) {
                Some((delivery, "")) => show::json(&delivery, true).map(|json| json_text(&json)),
                Some((delivery, "curl")) => {
                    let request = delivery.capture.request();
                    let unsigned = delivery.judgement.vendor.filter(|vendor| !vendor.signs());
                    let token = unsigned.map(|_| self.0.reception.judge.token_header().in_shell());
                    let curl = written::curl(&self.url_for(&delivery), request, token);
                    curl.map(|curl| text(StatusCode::OK, "text/plain", curl)).map_err(Failure::from)
                }
                Some((delivery, "test")) => {
                    self.rust_test(&delivery).map(|test| text(StatusCode::OK, "text/plain", test))
                }
                _ => return not_found(),
            }
            .unwrap_or_else(|failure| text(StatusCode::CONFLICT, "text/plain", failure.to_string())),
        }
    }

    async fn post(&self, path: &str) -> Answer {
        let Some((delivery, "send")) = self.find(path) else { return not_found() };
        match self.0.reception.send_again(&delivery).await {
            Some((forwarded, hints)) => json_text(&json!({ "forwarded": forwarded, "hints": hints })),
            None => text(StatusCode::CONFLICT, "text/plain", "There is no --forward-to to send it to."),
        }
    }

    /// Finds the delivery of a path such as `/api/deliveries/7/curl`, and returns it with what
    /// follows its number.
    fn find<'a>(&self, path: &'a str) -> Option<(Arc<Delivery>, &'a str)> {
        let rest = path.strip_prefix("/api/deliveries/")?;
        let (number, what) = rest.split_once('/').unwrap_or((rest, ""));
        Some((self.0.history.get(number.parse().ok()?)?, what))
    }

    /// Writes a test of the delivery.
    fn rust_test(&self, delivery: &Delivery) -> Result<String, Failure> {
        let vendor = delivery.judgement.vendor.ok_or_else(|| Failure::Usage("the vendor is not known".to_owned()))?;
        let test = RustTest::of(vendor, self.0.reception.judge.token_header(), &delivery.capture)?;
        let name = format!("{}_{}", vendor.name().replace('-', "_"), test.default_name());
        Ok(test.text(&name, Fixture::Inline))
    }

    /// Returns where a delivery is sent again: to the handler or, without one, to this command. Its
    /// own path is without secrets.
    fn url_for(&self, delivery: &Delivery) -> Uri {
        match &self.0.reception.target {
            Some(target) => target.url_for(delivery.capture.request()),
            None => format!("{}{}", self.0.listens_on, delivery.shown.target).parse().unwrap_or_default(),
        }
    }
}

fn text(status: StatusCode, content_type: &'static str, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(http_body_util::Full::new(text.into()).boxed());
    *answer.status_mut() = status;
    with_type(answer, content_type)
}

fn json_text(json: &serde_json::Value) -> Answer {
    text(StatusCode::OK, "application/json", json.to_string())
}

fn not_found() -> Answer {
    text(StatusCode::NOT_FOUND, "text/plain", "There is no such page, or the delivery is no longer kept.")
}

fn with_type(mut answer: Answer, content_type: &'static str) -> Answer {
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// Adds the headers with which a browser protects the page.
fn guarded(mut answer: Answer) -> Answer {
    for (name, value) in PROTECTION {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Only the files of this server are loaded, and no page of another origin can embed or read them.
const PROTECTION: [(HeaderName, &str); 7] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// How many connections the page may have at once.
const CONNECTIONS: usize = 32;

/// How long the head of a request may take to arrive.
const IDLE: Duration = Duration::from_secs(10);
