//! A body that arrives in one piece is verified and kept without a copy.

use axum::extract::FromRequest as _;
use bytes::Bytes;
use offhook::testing::Signer;
use offhook::{Clock, FixedClock, Truedy, Webhook, truedy};

use offhook_tests::servers::{TRUEDY_SECRET, truedy as verifier};
use offhook_tests::signing::NOW;

fn delivery() -> (Vec<(&'static str, String)>, Bytes) {
    let body = Bytes::from(format!(r#"{{"event":"call.ended","data":{{"summary":"{}"}}}}"#, "x".repeat(100_000)));
    (Signer::new(truedy::SCHEME, TRUEDY_SECRET).unwrap().sign(FixedClock::at_unix(NOW).now(), &body), body)
}

#[tokio::test]
async fn axum_does_not_copy_a_body_that_arrives_in_one_piece() {
    let (headers, body) = delivery();
    let mut request = http::Request::post("/");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(axum::body::Body::from(body.clone())).unwrap();
    let webhook = Webhook::<Truedy>::from_request(request, &verifier()).await.unwrap();
    assert_eq!(webhook.body().as_ptr(), body.as_ptr());
}

#[actix_web::test]
async fn actix_does_not_copy_a_body_that_arrives_in_one_piece() {
    let (headers, body) = delivery();
    let mut request = actix_web::test::TestRequest::post().app_data(actix_web::web::Data::new(verifier()));
    for header in headers {
        request = request.insert_header(header);
    }
    let (request, mut payload) = request.set_payload(body.clone()).to_http_parts();
    let webhook = <Webhook<Truedy> as actix_web::FromRequest>::from_request(&request, &mut payload).await.unwrap();
    assert_eq!(webhook.body().as_ptr(), body.as_ptr());
}
