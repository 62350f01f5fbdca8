use std::hint::black_box;
use std::rc::Rc;

use actix_web::dev::Service as _;
use actix_web::web::ServiceConfig;
use actix_web::{App, rt, test};
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request};
use offhook::truedy;
use tower_service::Service as _;

use crate::deliveries::{self, body, signed};
use crate::measure::{Span, Subject};
use crate::routes::{self, BARE, EXTRACTOR, INLINE};

const ROUTES: [(&str, &str); 3] = [
    ("a route that takes Bytes and answers", BARE),
    ("the same work inline", INLINE),
    ("offhook's extractor", EXTRACTOR),
];

pub fn axum(bytes: usize) -> Vec<Subject> {
    let body = body(bytes);
    let runtime = Runtime::new();
    let headers = signed(truedy::SCHEME, body);
    ROUTES.map(|(name, route)| runtime.axum(name, routes::axum::router(), route, &headers, body)).into()
}

pub fn actix(bytes: usize) -> Vec<Subject> {
    let body = body(bytes);
    let runtime = Runtime::new();
    let headers = signed(truedy::SCHEME, body);
    ROUTES.map(|(name, route)| runtime.actix(name, routes::actix::configure, route, &headers, body)).into()
}

/// Runs requests in this process, without sockets. The requests are made before the time is measured.
pub struct Runtime(Rc<rt::SystemRunner>);

impl Runtime {
    pub fn new() -> Self {
        Runtime(Rc::new(rt::System::new()))
    }

    pub fn axum(
        &self,
        name: &'static str,
        mut router: Router,
        route: &'static str,
        headers: &HeaderMap,
        body: &'static str,
    ) -> Subject {
        let (headers, body, system) = (sent(headers, body), deliveries::bytes(body), self.0.clone());
        Subject::spanned(name, move |times| {
            let request = || {
                let mut request = Request::post(route).body(Body::from(body.clone())).unwrap();
                *request.headers_mut() = headers.clone();
                request
            };
            let requests: Vec<_> = (0..times).map(|_| request()).collect();
            system.block_on(async {
                let span = Span::begin();
                for request in requests {
                    let response = black_box(router.call(request).await.unwrap());
                    assert!(response.status().is_success(), "{name}: {}", response.status());
                }
                span.end()
            })
        })
    }

    pub fn actix(
        &self,
        name: &'static str,
        configure: impl FnOnce(&mut ServiceConfig),
        route: &'static str,
        headers: &HeaderMap,
        body: &'static str,
    ) -> Subject {
        let (headers, body, system) = (sent(headers, body), deliveries::bytes(body), self.0.clone());
        let service = system.block_on(test::init_service(App::new().configure(configure)));
        Subject::spanned(name, move |times| {
            let request = || {
                let mut request = test::TestRequest::post().uri(route).set_payload(body.clone());
                for (name, value) in &headers {
                    request = request.insert_header((name.as_str(), value.as_bytes()));
                }
                request.to_request()
            };
            let requests: Vec<_> = (0..times).map(|_| request()).collect();
            system.block_on(async {
                let span = Span::begin();
                for request in requests {
                    let response = black_box(service.call(request).await.unwrap());
                    assert!(response.status().is_success(), "{name}: {}", response.status());
                }
                span.end()
            })
        })
    }
}

fn sent(headers: &HeaderMap, body: &str) -> HeaderMap {
    let mut headers = headers.clone();
    headers.insert("content-length", body.len().into());
    headers
}
