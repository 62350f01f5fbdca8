use std::hint::black_box;

use http::HeaderMap;
use offhook::{
    Request, Salpre, StandardWebhooks, TalkifAi, Truedy, Ultravox, Verifier, standard_webhooks, talkifai, truedy,
    ultravox,
};
use serde::Deserialize;

use super::frameworks::Runtime;
use crate::deliveries::{self, SECRET, body, filled, headers, salpre_body, signed};
use crate::measure::Subject;
use crate::routes::{self, EXTRACTOR};

pub fn truedy(bytes: usize) -> Vec<Subject> {
    let body = body(bytes);
    ways(Truedy::new(SECRET).unwrap(), &signed(truedy::SCHEME, body), body)
}

pub fn talkifai(bytes: usize) -> Vec<Subject> {
    let head = r#"{"id":"evt_1","type":"call.ended","created":"2026-03-18T14:32:00.000Z","data":{"callId":"call_abc123","agentId":"agent_xyz","duration":142,"status":"completed","endReason":"user_hangup","transcript":""#;
    let body = filled(bytes, head, r#""}}"#);
    ways(TalkifAi::new(SECRET).unwrap(), &signed(talkifai::SCHEME, body), body)
}

pub fn salpre(bytes: usize) -> Vec<Subject> {
    let headers = headers(&[("authorization", format!("Bearer {SECRET}"))]);
    ways(Salpre::bearer(SECRET).unwrap(), &headers, salpre_body(bytes))
}

pub fn ultravox(bytes: usize) -> Vec<Subject> {
    let head = r#"{"event":"call.ended","call":{"callId":"c1","created":"2026-03-18T14:29:00.000Z","joined":"2026-03-18T14:29:30.000Z","ended":"2026-03-18T14:32:00.000Z","endReason":"hangup","agent":{"agentId":"a1"},"summary":""#;
    let body = filled(bytes, head, r#""}}"#);
    ways(Ultravox::new(SECRET).unwrap(), &signed(ultravox::SCHEME, body), body)
}

/// The data of a user-defined event.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Ended {
    id: String,
    duration: u64,
    summary: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "data")]
#[allow(dead_code)]
enum Event {
    #[serde(rename = "call.ended")]
    Ended(Ended),
}

pub fn standard(bytes: usize) -> Vec<Subject> {
    let head = r#"{"type":"call.ended","timestamp":"2026-03-18T14:32:00.000Z","data":{"id":"call_abc123","duration":142,"summary":""#;
    let body = filled(bytes, head, r#""}}"#);
    let verifier = StandardWebhooks::<Event>::new(SECRET).unwrap();
    ways(verifier, &signed(standard_webhooks::SCHEME, body), body)
}

/// Returns a subject for each way to receive a delivery, from verification alone to the extractors.
fn ways<V>(verifier: V, headers: &HeaderMap, body: &'static str) -> Vec<Subject>
where
    V: Verifier<Event: Send> + Clone + 'static,
{
    let runtime = Runtime::new();
    let bytes = deliveries::bytes(body);
    let ([verifying, receiving], [verify_headers, receive_headers]) =
        ([verifier.clone(), verifier.clone()], [headers.clone(), headers.clone()]);
    vec![
        Subject::new("verify", move || {
            verifying.verify(&Request::new(black_box(&verify_headers), black_box(body.as_bytes()))).unwrap()
        }),
        Subject::new("verify and parse", move || {
            receiving.receive(black_box(&receive_headers), black_box(&bytes).clone()).unwrap()
        }),
        runtime.axum("receive through axum", routes::axum::of(verifier.clone()), EXTRACTOR, headers, body),
        runtime.actix("receive through actix-web", routes::actix::of(verifier), EXTRACTOR, headers, body),
    ]
}
