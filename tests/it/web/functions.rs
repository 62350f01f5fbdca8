//! TalkifAI's custom functions, in both frameworks and without a framework.

use std::time::Duration;

use actix_web::http::ConnectionType;
use actix_web::{App, test, web};
use axum::handler::Handler;
use axum_core::body::Body;
use http::Request;
use offhook::Function;
use offhook::talkifai::{FunctionReply, Functions};
use serde::Deserialize;

#[derive(Deserialize, schemars::JsonSchema)]
struct Order {
    /// As printed on the receipt.
    order_id: String,
    #[serde(default)]
    items: u8,
    /// How many seconds the handler takes.
    #[serde(default)]
    wait_s: u64,
}

async fn order(call: Function<Order>) -> FunctionReply {
    call.answer(FunctionReply::message("One moment, please."), async |order| {
        tokio::time::sleep(Duration::from_secs(order.wait_s)).await;
        FunctionReply::result(format!("{}: \"{}\"", order.order_id, order.items))
    })
    .await
}

fn functions() -> Functions {
    Functions::bearer("s3cret-t0ken").unwrap()
}

#[derive(Debug, PartialEq)]
struct Response {
    status: u16,
    content_type: Option<String>,
    closes: bool,
    body: String,
}

type Headers<'a> = &'a [(&'a str, &'a str)];

async fn by_axum(functions: Functions, headers: Headers<'_>, body: &str) -> Response {
    let mut request = Request::post("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = order.call(request.body(Body::from(body.to_owned())).unwrap(), functions).await;
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let closes = response.headers().get("connection").is_some_and(|value| value == "close");
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    Response { status, content_type, closes, body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn by_actix(functions: Functions, headers: Headers<'_>, body: &str) -> Response {
    let app = App::new().app_data(web::Data::new(functions)).route("/", web::post().to(order));
    let app = test::init_service(app).await;
    let mut request = test::TestRequest::post().set_payload(body.to_owned());
    for header in headers {
        request = request.append_header(*header);
    }
    let response = test::call_service(&app, request.to_request()).await;
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let closes = response.response().head().connection_type() == ConnectionType::Close;
    let body = test::read_body(response).await;
    Response { status, content_type, closes, body: String::from_utf8(body.to_vec()).unwrap() }
}

const AUTH: (&str, &str) = ("authorization", "Bearer s3cret-t0ken");

/// Asserts that both frameworks give the same answer, and returns its status and its body.
async fn both(headers: Headers<'_>, body: &str) -> (u16, String) {
    let response = by_axum(functions(), headers, body).await;
    assert_eq!(response, by_actix(functions(), headers, body).await);
    let json = (!response.body.is_empty()).then(|| "application/json".to_owned());
    assert_eq!(response.content_type, json);
    // What was refused may have left the rest of its body unread.
    assert_eq!(response.closes, matches!(response.status, 401 | 413 | 415), "{response:?}");
    (response.status, response.body)
}

#[actix_web::test]
async fn a_function_receives_its_arguments_and_returns_a_result() {
    let answer = both(&[AUTH], r#"{"order_id":"ORD-123","items":2,"new":[]}"#).await;
    assert_eq!(answer, (200, r#"{"result":"ORD-123: \"2\""}"#.to_owned()));
}

#[actix_web::test]
async fn a_refused_call_gets_an_answer_without_a_body() {
    for headers in [
        &[] as Headers<'_>,
        &[("authorization", "Bearer s3creT")],
        &[("authorization", "s3cret-t0ken")],
        &[("x-api-key", "s3cret-t0ken")],
        &[AUTH, AUTH],
    ] {
        for body in [r#"{"order_id":"ORD-123"}"#, "not JSON"] {
            assert_eq!(both(headers, body).await, (401, String::new()), "{headers:?}");
        }
    }
    assert_eq!(both(&[AUTH, ("content-encoding", "gzip")], "{}").await, (415, String::new()));
    let large = format!(r#"{{"order_id":"{}"}}"#, "x".repeat(2 << 20));
    assert_eq!(both(&[AUTH], &large).await, (413, String::new()));
}

#[actix_web::test]
async fn wrong_arguments_are_explained_with_status_400() {
    for (body, reason) in [
        ("", "an argument is missing or repeated, or does not fit its type"),
        ("{}", "an argument is missing or repeated, or does not fit its type"),
        (r#"{"items":1,"order_id":1234567}"#, "`order_id` does not fit its type"),
        ("{\n  \"order_id\": \"a\",\n  \"items\": 300\n}", "`items` does not fit its type"),
        (r#"{"order_id":null}"#, "`order_id` does not fit its type"),
        (r#"{"order_id":"a","order_id":"b"}"#, "an argument is missing or repeated, or does not fit its type"),
        (r#"{"order_id":"a""#, "EOF while parsing an object at line 1 column 15"),
        ("[]", "the body is not a JSON object"),
        ("\"ORD-123\"", "the body is not a JSON object"),
    ] {
        let (status, answer) = both(&[AUTH], body).await;
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((status, answer["error"].as_str()), (400, Some("arguments")), "{body}");
        let explanation = answer["reason"].as_str().unwrap();
        // The column is not compared, because serde_json decides how it counts columns.
        let without_place = |text: &str| text.split(" at line").next().unwrap().to_owned();
        assert_eq!(without_place(explanation), without_place(reason), "{body}");
        assert!(!explanation.contains("1234567"), "{explanation}");
    }
}

/// The clock of the runtime is paused, and jumps from timer to timer.
#[derive(Debug)]
struct Quoting;

impl<'de> serde::Deserialize<'de> for Quoting {
    fn deserialize<D: serde::Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        let text = String::deserialize(value)?;
        Err(serde::de::Error::custom(format!("expected another than {text}, missing field `{text}`")))
    }
}

#[derive(Debug, serde::Deserialize)]
struct Pin {
    #[expect(dead_code, reason = "it is never made")]
    pin: Quoting,
}

#[actix_web::test]
async fn a_type_that_quotes_its_value_is_not_quoted() {
    let error = functions().receive::<Pin>(&[AUTH], br#"{"pin":"m4rker"}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the arguments do not fit: an argument is missing or repeated, or does not fit its type"
    );
    assert!(!format!("{error:?}").contains("m4rker"));
    assert!(!String::from_utf8_lossy(&error.body()).contains("m4rker"));
}

/// The runtime's clock stands still and jumps to the next timer.
#[actix_web::test]
async fn a_handler_over_the_limit_is_cancelled_and_the_chosen_answer_is_sent() {
    tokio::time::pause();
    for (wait, limit, answer, elapsed) in [
        (8, None, r#"{"result":"a: \"0\""}"#, 8),
        (10, None, r#"{"message":"One moment, please."}"#, 9),
        (3600, None, r#"{"message":"One moment, please."}"#, 9),
        (3, Some(2), r#"{"message":"One moment, please."}"#, 2),
        (20, Some(25), r#"{"result":"a: \"0\""}"#, 20),
    ] {
        let functions = match limit {
            Some(limit) => functions().with_limit(Duration::from_secs(limit)),
            None => functions(),
        };
        let body = format!(r#"{{"order_id":"a","wait_s":{wait}}}"#);
        let start = tokio::time::Instant::now();
        assert_eq!(by_axum(functions.clone(), &[AUTH], &body).await.body, answer);
        assert_eq!(start.elapsed().as_secs(), elapsed, "{wait}");
        let start = tokio::time::Instant::now();
        assert_eq!(by_actix(functions, &[AUTH], &body).await.body, answer);
        assert_eq!(start.elapsed().as_secs(), elapsed, "{wait}");
    }
}

/// The time in which a slow body arrives is part of the limit.
#[actix_web::test]
async fn the_limit_begins_when_the_headers_have_arrived() {
    tokio::time::pause();
    let slow = slow_body(Duration::from_secs(5), br#"{"order_id":"a","wait_s":5}"#);
    let request = Request::post("/").header(AUTH.0, AUTH.1).body(slow).unwrap();
    let start = tokio::time::Instant::now();
    let response = order.call(request, functions()).await;
    assert_eq!(start.elapsed().as_secs(), 9);
    let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
    assert_eq!(&body[..], br#"{"message":"One moment, please."}"#);
}

/// Returns a body that arrives after `delay`.
fn slow_body(delay: Duration, bytes: &'static [u8]) -> Body {
    struct Slow(std::pin::Pin<Box<tokio::time::Sleep>>, Option<&'static [u8]>);

    impl http_body::Body for Slow {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
            use std::future::Future;
            self.0.as_mut().poll(context).map(|()| Some(Ok(http_body::Frame::data(self.1.take()?.into()))))
        }
    }

    Body::new(Slow(Box::pin(tokio::time::sleep(delay)), Some(bytes)))
}

#[actix_web::test]
async fn a_route_without_a_verifier_answers_500() {
    let app = test::init_service(App::new().route("/", web::post().to(order))).await;
    let response = test::call_service(&app, test::TestRequest::post().to_request()).await;
    assert_eq!(response.status().as_u16(), 500);
}

/// The test is that this compiles: axum requires that the future of a handler is `Send`.
#[::core::prelude::v1::test]
fn one_handler_works_in_both_frameworks() {
    let _: axum::Router = axum::Router::new().route("/", axum::routing::post(order)).with_state(functions());
    let _ = App::new().route("/", web::post().to(order));
}

#[::core::prelude::v1::test]
fn replies_have_the_vendors_json_form() {
    let text = |reply: FunctionReply| String::from_utf8(reply.body().to_vec()).unwrap();
    assert_eq!(text(FunctionReply::result("a \"b\"\n")), r#"{"result":"a \"b\"\n"}"#);
    assert_eq!(text(FunctionReply::message("ç")), r#"{"message":"ç"}"#);
    assert_eq!(text(FunctionReply::data(&[1, 2]).unwrap()), r#"{"data":[1,2]}"#);
    assert_eq!(text(FunctionReply::json(&"x").unwrap()), r#""x""#);
    let odd = std::collections::BTreeMap::from([(vec![1], 1)]);
    assert!(FunctionReply::data(&odd).is_err());
    assert_eq!(format!("{:?}", FunctionReply::result("card 4111")), "FunctionReply(22 bytes)");
}

#[::core::prelude::v1::test]
fn the_schema_is_one_object_without_references() {
    #[derive(Deserialize, schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema counts")]
    struct Booking {
        place: Place,
        order: Order,
    }
    #[derive(Deserialize, schemars::JsonSchema)]
    enum Place {
        Inside,
        Outside,
    }

    let schema: serde_json::Value = serde_json::from_str(&offhook::talkifai::function_schema::<Booking>()).unwrap();
    assert_eq!(schema["type"], "object");
    assert_eq!(schema["required"], serde_json::json!(["place", "order"]));
    assert_eq!(schema["properties"]["place"]["enum"], serde_json::json!(["Inside", "Outside"]));
    let order = &schema["properties"]["order"];
    assert_eq!(order["properties"]["order_id"]["type"], "string");
    assert_eq!(order["properties"]["order_id"]["description"], "As printed on the receipt.");
    assert_eq!(order["required"], serde_json::json!(["order_id"]));
    let text = schema.to_string();
    assert!(!text.contains("$ref") && !text.contains("$schema"), "{text}");
}
