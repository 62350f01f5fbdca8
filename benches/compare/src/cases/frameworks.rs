use std::hint::black_box;
use std::rc::Rc;

use actix_web::dev::Service as _;
use actix_web::{App, rt, test};
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
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

/// In process, without sockets. Requests are made before the clock runs.
pub fn axum(bytes: usize) -> Vec<Subject> {
    let body = body(bytes);
    let headers = sent(body);
    let runtime = Rc::new(tokio::runtime::Builder::new_current_thread().build().unwrap());
    ROUTES
        .map(|(name, route)| {
            let (headers, body, runtime) = (headers.clone(), deliveries::bytes(body), runtime.clone());
            let mut router = routes::axum::router();
            Subject::spanned(name, move |times| {
                let request = || {
                    let mut request = Request::post(route).body(Body::from(body.clone())).unwrap();
                    *request.headers_mut() = headers.clone();
                    request
                };
                let requests: Vec<_> = (0..times).map(|_| request()).collect();
                runtime.block_on(async {
                    let span = Span::begin();
                    for request in requests {
                        let response = black_box(router.call(request).await.unwrap());
                        assert_eq!(response.status(), StatusCode::NO_CONTENT);
                    }
                    span.end()
                })
            })
        })
        .into()
}

pub fn actix(bytes: usize) -> Vec<Subject> {
    let body = body(bytes);
    let headers = sent(body);
    let system = Rc::new(rt::System::new());
    ROUTES
        .map(|(name, route)| {
            let (headers, body, system) = (headers.clone(), deliveries::bytes(body), system.clone());
            let service = system.block_on(test::init_service(App::new().configure(routes::actix::configure)));
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
                        assert_eq!(response.status().as_u16(), 204);
                    }
                    span.end()
                })
            })
        })
        .into()
}

fn sent(body: &str) -> HeaderMap {
    let mut headers = signed(truedy::SCHEME, body);
    headers.insert("content-length", body.len().into());
    headers
}
