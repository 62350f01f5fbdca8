//! The log line of a delivery says everything that helps to find and repair it, and nothing
//! that is secret.

use std::time::Duration;

use axum_core::extract::FromRequest;
use offhook::idempotency::{HandlerError, MemoryStore, Once};
use offhook::testing::Signer;
use offhook::{
    Clock, FixedClock, Salpre, SystemClock, TalkifAi, Truedy, UnixTime, Verifier, Webhook, talkifai, truedy,
};

use super::common::{SECRET, body, delivery, logged, receive, sign};

/// Long before the system's time, so that an age by the wrong clock shows.
const NOW: i64 = 1_773_844_200;

fn truedy_at(now: i64) -> Truedy {
    Truedy::new("whsec_line_test_secret").unwrap().with_endpoint("eu").with_clock(FixedClock::at_unix(now))
}

fn signed(body: &str) -> Vec<(&'static str, String)> {
    let now = UnixTime::from_seconds(NOW).to_datetime().unwrap();
    Signer::new(truedy::SCHEME, "whsec_line_test_secret").unwrap().sign(now, body)
}

#[track_caller]
fn assert_one_line(lines: &str, parts: &[&str]) {
    assert_eq!(lines.matches(" offhook: ").count(), 1, "{lines}");
    for part in parts {
        assert!(lines.contains(part), "{part} is not in {lines}");
    }
}

#[tokio::test]
async fn an_accepted_delivery_has_one_line_with_everything_that_identifies_it() {
    let body = r#"{"event":"call.ended","id":"evt_1","data":{"call":{"callId":"c1"}}}"#;
    let lines = logged(async { truedy_at(NOW + 7).receive(&signed(body), body).unwrap() }).await;
    assert_one_line(
        &lines,
        &[
            " INFO ",
            r#"vendor="truedy" endpoint="eu" outcome="accepted" code="accepted" event="call.ended""#,
            r#"key="call.ended:evt_1" call_id="c1" secret_index=0 age_s=7 body_bytes=67"#,
        ],
    );
    assert!(!lines.contains("drift=") && !lines.contains("error="), "{lines}");
}

#[tokio::test]
async fn an_age_is_negative_if_the_vendors_clock_is_ahead() {
    let lines = logged(async { truedy_at(NOW - 3).receive(&signed("{}"), "{}").unwrap_err() }).await;
    assert_one_line(&lines, &["age_s=-3", r#"code="missing_field""#]);
}

#[tokio::test]
async fn data_that_is_no_object_is_a_warning_with_the_reason() {
    let body = r#"{"event":"call.ended","id":"evt_1","data":[7731]}"#;
    let lines = logged(async { truedy_at(NOW).receive(&signed(body), body).unwrap() }).await;
    assert_one_line(&lines, &["WARN", r#"code="accepted""#, "undecodable=\"", r#"key="call.ended:evt_1""#]);
    assert!(!lines.contains("7731"), "{lines}");
}

#[tokio::test]
async fn a_field_that_does_not_fit_is_a_warning_with_its_name() {
    let body = r#"{"event":"call.ended","id":"evt_1","timestamp":[7731],"data":{"call":{"callId":"c1"}}}"#;
    let lines = logged(async { truedy_at(NOW).receive(&signed(body), body).unwrap() }).await;
    assert_one_line(&lines, &["WARN", r#"code="accepted""#, "drift=timestamp: expected", r#"call_id="c1""#]);
    assert!(!lines.contains("7731") && !lines.contains("undecodable="), "{lines}");
}

#[tokio::test]
async fn a_refusal_names_the_header_or_the_numbers() {
    let (body, at) = (r#"{"event":"call.ended","data":{}}"#, truedy_at);
    let headers = signed(body);
    let without: Vec<_> = headers.iter().filter(|(name, _)| !name.contains("signature")).cloned().collect();
    let forged: Vec<_> = headers.iter().map(|(name, _)| (*name, NOW.to_string())).collect();
    let parts = r#"vendor="truedy" endpoint="eu" outcome="refused" code=""#;
    let size = format!("body_bytes={}", body.len());
    for (verifier, headers, expected) in [
        (
            at(NOW),
            &without,
            r#"code="missing_header" body_bytes=32 error="the header `x-truedy-signature` is missing""#,
        ),
        (at(NOW), &forged, r#"code="malformed_signature""#),
        (
            at(NOW + 601),
            &headers,
            r#"code="timestamp_too_old" age_s=601 body_bytes=32 error="signed 601 s ago, which is more than the 300 s"#,
        ),
        (
            at(NOW - 400),
            &headers,
            r#"code="timestamp_too_new" age_s=-400 body_bytes=32 error="signed 400 s in the future"#,
        ),
    ] {
        let lines = logged(async { verifier.receive(headers, body).unwrap_err() }).await;
        assert_one_line(&lines, &["WARN", parts, expected, &size]);
        for (name, value) in headers {
            assert!(name.contains("timestamp") || !lines.contains(value.as_str()), "{value}: {lines}");
        }
    }
}

#[tokio::test]
async fn a_delivery_that_is_refused_for_its_age_says_which_event_is_lost() {
    let salpre = Salpre::bearer("s3cret-t0ken").unwrap().with_max_age(Duration::from_secs(60));
    let salpre = salpre.with_clock(FixedClock::at_unix(NOW));
    let body = format!(r#"{{"event_type":"call_ended","timestamp_utc":{},"payload":{{"call_id":4}}}}"#, NOW - 90);
    let headers = [("authorization", "Bearer s3cret-t0ken")];
    let lines = logged(async { salpre.receive(&headers, body).unwrap_err() }).await;
    let expected = [r#"code="timestamp_too_old" event="call_ended""#, r#"call_id="4""#, r#"error="signed 90 s ago"#];
    assert_one_line(&lines, &expected);
}

#[tokio::test]
async fn both_extractors_log_what_is_refused_before_the_body_is_read() {
    let expected = [
        r#"WARN offhook: delivery refused vendor="talkifai" endpoint="" outcome="refused" code="missing_header""#,
        r#"error="the header `x-talkifai-signature` is missing""#,
    ];
    let talkifai = TalkifAi::new(SECRET).unwrap();
    let lines = logged(async {
        let request = axum_core::extract::Request::new(axum_core::body::Body::from("{}"));
        assert!(Webhook::<TalkifAi>::from_request(request, &talkifai).await.is_err());
    })
    .await;
    assert_one_line(&lines, &expected);
    let lines = logged(async {
        let data = actix_web::web::Data::new(talkifai.clone());
        let (request, mut payload) =
            actix_web::test::TestRequest::post().app_data(data).set_payload("{}").to_http_parts();
        let webhook = <Webhook<TalkifAi> as actix_web::FromRequest>::from_request(&request, &mut payload).await;
        assert!(webhook.is_err());
    })
    .await;
    assert_one_line(&lines, &expected);
}

#[tokio::test]
async fn a_route_without_a_verifier_is_an_error_in_the_log() {
    let lines = logged(async {
        let (request, mut payload) = actix_web::test::TestRequest::post().set_payload("{}").to_http_parts();
        assert!(<Webhook<TalkifAi> as actix_web::FromRequest>::from_request(&request, &mut payload).await.is_err());
    })
    .await;
    assert_one_line(&lines, &["ERROR", r#"code="no_verifier""#, "verifier=", "talkifai", "add it as `web::Data`"]);
}

#[tokio::test]
async fn a_handled_delivery_has_a_line_with_the_same_fields_and_the_times() {
    let (store, delivery) = (MemoryStore::new(), delivery("1"));
    let bytes = format!("secret_index=0 age_s=0 body_bytes={}", body("1").len());
    for code in ["handled", "duplicate"] {
        let lines = logged(delivery.once(&store, async |_| {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(())
        }))
        .await;
        let outcome = format!(r#"outcome="acknowledged" code="{code}" event="call.started" key="call.started:1""#);
        assert_one_line(&lines, &[" INFO ", r#"vendor="talkifai" endpoint="""#, &outcome, "store_ms="]);
        assert!(lines.contains(r#"call_id="call_1""#), "{lines}");
        let handler_ms = lines.split("handler_ms=").nth(1).and_then(|rest| rest.split(' ').next());
        assert_eq!(
            handler_ms.map(|time| time.parse::<u64>().unwrap() >= 20),
            (code == "handled").then_some(true),
            "{lines}"
        );
        // TalkifAI signs no time.
        assert!(lines.contains(&bytes.replace(" age_s=0", "")), "{lines}");
    }
}

#[tokio::test]
async fn an_error_of_a_handler_is_logged_also_if_it_is_permanent() {
    for (id, error, outcome, code) in [
        ("1", HandlerError::retry("the table is locked"), "retry", "failed"),
        ("2", HandlerError::permanent("no such\ncustomer"), "acknowledged", "rejected"),
    ] {
        let (store, delivery, text) = (MemoryStore::new(), delivery(id), error.to_string());
        let handled = std::cell::Cell::new(None);
        let lines = logged(async { handled.set(Some(delivery.once(&store, async |_| Err(error)).await)) }).await;
        let expected = format!(r#"outcome="{outcome}" code="{code}" event="call.started" key="call.started:{id}""#);
        // A line break in an error begins no new line.
        assert_one_line(&lines, &["WARN", &expected, &format!("error={text:?}")]);
        assert_eq!(lines.lines().count(), 1, "{lines}");
        // The short form returns the outcome as well.
        assert_eq!(handled.take().unwrap().outcome().code(), code);
    }
}

#[tokio::test]
async fn a_name_or_a_call_id_as_long_as_a_body_is_cut() {
    let long = "é".repeat(100_000);
    let body = format!(r#"{{"id":"1","type":"{long}","created":"2026-01-15T10:30:00Z","data":{{"callId":"{long}"}}}}"#);
    let store = MemoryStore::new();
    let lines = logged(async { Once::new(&store).run(&receive(&body), async |_| Ok(())).await }).await;
    assert_eq!(lines.matches(" offhook: ").count(), 2, "{lines}");
    assert!(lines.len() < 3_000 && lines.contains(&"é".repeat(200)), "{} bytes", lines.len());
}

#[tokio::test]
async fn no_line_holds_a_secret_a_signature_or_a_value() {
    let body = r#"{"id":"1","type":"call.started","created":"2026-01-15T10:30:00Z","data":{"callId":"c","agentId":{"x":"marker-value"},"duration":"marker-value"}}"#;
    let headers = sign(body);
    let store = MemoryStore::new();
    let talkifai = TalkifAi::new(SECRET).unwrap();
    let lines = logged(async {
        let delivery = talkifai.receive(&headers, body).unwrap();
        let _ = delivery.once(&store, async |_| Err("no".into())).await;
        let tampered = body.replace("call.started", "call.ended");
        assert!(talkifai.receive(&headers, tampered).is_err());
    })
    .await;
    assert_eq!(lines.matches(" offhook: ").count(), 3, "{lines}");
    for secret in ["marker-value", SECRET, &headers.last().unwrap().1] {
        assert!(!lines.contains(secret), "{secret}: {lines}");
    }
    let signer = Signer::new(talkifai::SCHEME, SECRET).unwrap();
    assert!(!lines.contains(&signer.sign(SystemClock.now(), body).last().unwrap().1));
}
