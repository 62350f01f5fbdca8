//! The code of a rejection or a reply is in the extensions of the response, and in the log.

use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use axum::handler::Handler;
use axum_core::body::Body;
use offhook::idempotency::{HandlerError, MemoryStore};
use offhook::talkifai::{FunctionReply, Functions};
use offhook::testing::Signer;
use offhook::{Clock, Code, FixedClock, Function, Reply, Truedy, Webhook, truedy};
use offhook_tests::servers::{TRUEDY_SECRET, truedy as verifier};
use offhook_tests::signing::NOW;

use crate::log::logged;

type Headers = Vec<(&'static str, String)>;

const BODY: &str = r#"{"event":"call.ended","data":{"call_id":"c1"}}"#;

fn signed(body: &str) -> Headers {
    Signer::new(truedy::SCHEME, TRUEDY_SECRET).unwrap().sign(FixedClock::at_unix(NOW).now(), body)
}

/// What the handler does.
#[derive(Clone, Copy)]
enum Work {
    Acknowledge,
    Once,
    Twice,
    Fail,
}

async fn answer(work: Work, webhook: Webhook<Truedy>) -> Reply {
    let store = MemoryStore::new();
    match work {
        Work::Acknowledge => webhook.acknowledge(),
        Work::Once => webhook.once(&store, async |_| Ok(())).await.reply(),
        Work::Twice => {
            let _first = webhook.once(&store, async |_| Ok(())).await.reply();
            webhook.once(&store, async |_| Ok(())).await.reply()
        }
        Work::Fail => webhook.once(&store, async |_| Err(HandlerError::retry("no"))).await.reply(),
    }
}

async fn by_axum(work: Work, headers: &Headers, body: &str) -> (u16, Option<Code>) {
    let mut request = http::Request::post("/");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let handler = async move |webhook: Webhook<Truedy>| answer(work, webhook).await;
    let response = handler.call(request.body(Body::from(body.to_owned())).unwrap(), verifier()).await;
    (response.status().as_u16(), response.extensions().get().copied())
}

async fn by_actix(work: Work, headers: &Headers, body: &str) -> (u16, Option<Code>) {
    let handler = move |webhook: Webhook<Truedy>| answer(work, webhook);
    let app = App::new().app_data(web::Data::new(verifier())).route("/", web::post().to(handler));
    let app = init_service(app).await;
    let mut request = TestRequest::post().set_payload(body.to_owned());
    for (name, value) in headers {
        request = request.append_header((*name, value.as_str()));
    }
    let response = call_service(&app, request.to_request()).await;
    (response.status().as_u16(), response.response().extensions().get().copied())
}

#[actix_web::test]
async fn the_response_carries_the_code_of_a_rejection_or_a_reply() {
    let mut forged = signed(BODY);
    forged[0].1 = "0".repeat(64);
    let mut malformed = signed(BODY);
    malformed[0].1 = "x".to_owned();
    let mut encoded = signed(BODY);
    encoded.push(("content-encoding", "gzip".to_owned()));
    for (work, headers, body, status, code) in [
        (Work::Acknowledge, signed(BODY), BODY, 204, "accepted"),
        (Work::Once, signed(BODY), BODY, 204, "handled"),
        (Work::Twice, signed(BODY), BODY, 204, "duplicate"),
        (Work::Fail, signed(BODY), BODY, 500, "failed"),
        (Work::Once, Vec::new(), BODY, 401, "missing_header"),
        (Work::Once, malformed, BODY, 401, "malformed_signature"),
        (Work::Once, forged, BODY, 401, "signature_mismatch"),
        (Work::Once, signed("[]"), "[]", 400, "body_not_an_object"),
        (Work::Once, encoded, BODY, 415, "content_coding"),
    ] {
        assert_eq!(by_axum(work, &headers, body).await, (status, Some(Code(code))), "axum");
        assert_eq!(by_actix(work, &headers, body).await, (status, Some(Code(code))), "actix-web");
    }
}

async fn on_function(_call: Function<serde_json::Value>) -> FunctionReply {
    FunctionReply::result("done")
}

#[actix_web::test]
async fn the_response_to_a_function_call_carries_its_code() {
    let functions = || Functions::bearer("s3cret-t0ken").unwrap();
    for (authorization, body, code) in [
        ("Bearer s3cret-t0ken", "{}", "accepted"),
        ("Bearer s3cret-t0ken", "[]", "arguments"),
        ("Bearer s3cret", "{}", "token_mismatch"),
    ] {
        let request = http::Request::post("/").header("authorization", authorization);
        let response = on_function.call(request.body(Body::from(body)).unwrap(), functions()).await;
        assert_eq!(response.extensions().get(), Some(&Code(code)), "axum");
        let app = App::new().app_data(web::Data::new(functions())).route("/", web::post().to(on_function));
        let app = init_service(app).await;
        let request = TestRequest::post().append_header(("authorization", authorization)).set_payload(body);
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.response().extensions().get(), Some(&Code(code)), "actix-web");
    }
}

#[test]
fn replies_are_equal_if_the_vendor_gets_the_same_answer() {
    let success = Reply::success(offhook::Success::NoContent);
    assert_eq!(success.code(), "accepted");
    assert_ne!(success, Reply::success(offhook::Success::Ok));
    assert_ne!(Reply::retry(), Reply::unavailable(std::time::Duration::from_secs(1)));
    assert_eq!((Reply::retry().code(), Reply::unavailable(std::time::Duration::ZERO).code()), ("retry", "unavailable"));
}

#[actix_web::test]
async fn an_application_without_a_verifier_is_logged_as_an_error() {
    let lines = logged(async {
        let handler = async |webhook: Webhook<Truedy>| webhook.acknowledge();
        let app = init_service(App::new().route("/", web::post().to(handler))).await;
        let response = call_service(&app, TestRequest::post().set_payload("{}").to_request()).await;
        let code = response.response().extensions().get().copied();
        assert_eq!((response.status().as_u16(), code), (500, Some(Code("no_verifier"))));
    });
    let lines = lines.await;
    assert!(lines.contains("ERROR offhook: ") && lines.contains("code=\"no_verifier\""), "{lines}");
    assert!(lines.contains("Hmac"), "the line names the type that is missing: {lines}");
}
