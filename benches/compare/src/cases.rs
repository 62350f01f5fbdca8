use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use offhook::signature::{HmacKeys, HmacScheme, Part, TimestampFormat};
use offhook::testing::Signer;
use offhook::{Clock, SystemClock, TalkifAi, Truedy, Verifier, talkifai, truedy};
use serde::Deserialize;
use sha2::Sha256;

use crate::measure::Subject;

#[derive(Clone, Copy)]
pub enum Size {
    Small,
    Medium,
    Large,
    Huge,
}

impl Size {
    pub fn bytes(self) -> usize {
        match self {
            Size::Small => 254,
            Size::Medium => 4 << 10,
            Size::Large => 64 << 10,
            Size::Huge => 1 << 20,
        }
    }
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A `call.ended` of Truedy of exactly this size; what is over is a summary of
/// ordinary sentences, or in the large ones a long transcript.
pub fn body(size: Size) -> String {
    let head = r#"{"event":"call.ended","timestamp":"2026-03-18T14:32:00.000Z","data":{"id":"uv_evt_1","call":{"callId":"uv_call_abc123","agent":{"agentId":"uv_agent_xyz"},"duration":142,"costUsd":0.21,"endReason":"hangup","summary":""#;
    let tail = r#""}}}"#;
    let sentence = r#"Agent: How can I help you today?\nCaller: I would like to ask about the price of the \"Pro\" plan. "#;
    let mut text = head.to_owned();
    while text.len() + sentence.len() + tail.len() <= size.bytes() {
        text.push_str(sentence);
    }
    let rest = size.bytes() - tail.len() - text.len();
    text.push_str(&"x".repeat(rest));
    text.push_str(tail);
    assert_eq!(text.len(), size.bytes());
    text
}

fn headers(of_vendor: Vec<(&'static str, String)>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in [
        ("host", "hooks.example.com"),
        ("user-agent", "Truedy-Webhooks/1.0"),
        ("accept", "*/*"),
        ("content-type", "application/json"),
        ("content-length", "254"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-request-id", "0f8fad5b-d9cb-469f-a165-70867728950e"),
    ] {
        map.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in of_vendor {
        map.insert(HeaderName::from_static(name), value.parse().unwrap());
    }
    map
}

fn key() -> Hmac<Sha256> {
    Hmac::new_from_slice(SECRET.as_bytes()).unwrap()
}

pub fn verify_timed(size: Size) -> Vec<Subject> {
    let body = body(size);
    let headers = headers(Signer::new(truedy::SCHEME, SECRET).unwrap().sign(SystemClock.now(), &body));
    let verifier = Truedy::new(SECRET).unwrap().with_tolerance(std::time::Duration::from_secs(86_400));
    let time = headers[truedy::TIMESTAMP_HEADER].clone();
    let floor_body = body.clone();
    let key = key();
    vec![
        Subject::new("floor: a keyed Hmac of the same bytes", move || {
            let mut mac = key.clone();
            mac.update(time.as_bytes());
            mac.update(b".");
            mac.update(floor_body.as_bytes());
            mac.finalize()
        }),
        Subject::new("offhook", move || verifier.verify(&headers, body.as_bytes()).unwrap()),
    ]
}

pub fn verify_body(size: Size) -> Vec<Subject> {
    let body = body(size);
    let headers = headers(Signer::new(talkifai::SCHEME, SECRET).unwrap().sign(SystemClock.now(), &body));
    let verifier = TalkifAi::new(SECRET).unwrap();
    let key = key();
    let (floor_body, peer_body) = (body.clone(), body.clone());
    let peer_headers: Vec<(String, String)> = self::headers(vec![(
        "x-hub-signature-256",
        headers[talkifai::SIGNATURE_HEADER].to_str().unwrap().to_owned(),
    )])
    .iter()
    .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
    .collect();
    let secret = webhook_verify::Secret::new(SECRET);
    vec![
        Subject::new("floor: a keyed Hmac of the same bytes", move || {
            let mut mac = key.clone();
            mac.update(floor_body.as_bytes());
            mac.finalize()
        }),
        Subject::new("offhook", move || verifier.verify(&headers, body.as_bytes()).unwrap()),
        Subject::new("webhook-verify 0.1 (GitHub)", move || {
            webhook_verify::verify(
                webhook_verify::Provider::GitHub,
                &peer_headers,
                peer_body.as_bytes(),
                &secret,
                Default::default(),
            )
            .unwrap()
        }),
    ]
}

const STANDARD: HmacScheme = HmacScheme::in_header("webhook-signature")
    .list(offhook::signature::Separator::Space)
    .prefix("v1,")
    .base64()
    .base64_secret("whsec_")
    .id_header("webhook-id")
    .timestamp_header("webhook-timestamp", TimestampFormat::UnixSeconds)
    .signs(&[Part::Id, Part::Literal("."), Part::Timestamp, Part::Literal("."), Part::Body]);

pub fn verify_standard(size: Size) -> Vec<Subject> {
    let body: &'static str = body(size).leak();
    let signed = Signer::new(STANDARD, SECRET).unwrap().with_message_id("msg_p5jXN8AQM9LWM0D4loKWxJek");
    let headers = headers(signed.sign(SystemClock.now(), body));
    let ours = HmacKeys::new(STANDARD, SECRET).unwrap().with_tolerance(std::time::Duration::from_secs(86_400));
    let standard = standardwebhooks::Webhook::new(SECRET).unwrap();
    let svix = svix::webhooks::Webhook::new(SECRET).unwrap();
    let key = key();
    let (headers_2, headers_3, floor_headers) = (headers.clone(), headers.clone(), headers.clone());
    vec![
        Subject::new("floor: a keyed Hmac of the same bytes", move || {
            let mut mac = key.clone();
            mac.update(floor_headers["webhook-id"].as_bytes());
            mac.update(b".");
            mac.update(floor_headers["webhook-timestamp"].as_bytes());
            mac.update(b".");
            mac.update(body.as_bytes());
            mac.finalize()
        }),
        Subject::new("offhook", move || ours.verify(&headers, body.as_bytes()).unwrap()),
        Subject::new("standardwebhooks 1.0.1", move || standard.verify(body.as_bytes(), &headers_2).unwrap()),
        Subject::new("svix 2.9.1", move || svix.verify(body.as_bytes(), &headers_3).unwrap()),
    ]
}

/// What a service would write by hand: the same fields, nothing else.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Plain {
    event: String,
    timestamp: String,
    data: PlainData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct PlainData {
    id: Option<String>,
    call: PlainCall,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct PlainCall {
    call_id: Option<String>,
    agent: Option<PlainAgent>,
    duration: Option<f64>,
    cost_usd: Option<f64>,
    end_reason: Option<String>,
    summary: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct PlainAgent {
    agent_id: Option<String>,
}

/// The usual way to write it: a tagged enum in a flattened envelope.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Flattened {
    timestamp: String,
    #[serde(flatten)]
    event: FlattenedEvent,
}

#[derive(Deserialize)]
#[serde(tag = "event", content = "data")]
#[allow(dead_code)]
enum FlattenedEvent {
    #[serde(rename = "call.started")]
    CallStarted(PlainData),
    #[serde(rename = "call.ended")]
    CallEnded(PlainData),
}

pub fn parse(size: Size) -> Vec<Subject> {
    let body: &'static str = body(size).leak();
    let (envelope, data) = body.split_once(r#""data":"#).unwrap();
    let data_first: &'static str = format!(
        r#"{{"data":{},{}}}"#,
        data.strip_suffix('}').unwrap(),
        envelope.trim_start_matches('{').trim_end_matches(',')
    )
    .leak();
    let unknown: &'static str = body.replacen("call.ended", "call.other", 1).leak();
    vec![
        Subject::new("plain structs of the same fields, from_slice", || {
            serde_json::from_slice::<Plain>(body.as_bytes()).unwrap()
        }),
        Subject::new("offhook", || truedy::Event::from_json(body.as_bytes()).unwrap()),
        Subject::new("offhook, data before its event's name", || {
            truedy::Event::from_json(data_first.as_bytes()).unwrap()
        }),
        Subject::new("offhook, an undocumented event", || truedy::Event::from_json(unknown.as_bytes()).unwrap()),
        Subject::new("a flattened enum, from_slice", || {
            serde_json::from_slice::<Flattened>(body.as_bytes()).unwrap()
        }),
        Subject::new("a scan (IgnoredAny)", || {
            serde_json::from_slice::<serde::de::IgnoredAny>(body.as_bytes()).unwrap()
        }),
    ]
}

pub fn verify_and_parse(size: Size) -> Vec<Subject> {
    let body: &'static str = body(size).leak();
    let now = SystemClock.now();
    let ours_headers = headers(Signer::new(truedy::SCHEME, SECRET).unwrap().sign(now, body));
    let verifier = Truedy::new(SECRET).unwrap().with_tolerance(std::time::Duration::from_secs(86_400));
    let svix_headers = headers(Signer::new(STANDARD, SECRET).unwrap().sign(now, body));
    let svix = svix::webhooks::Webhook::new(SECRET).unwrap();
    let github = headers(Signer::new(talkifai::SCHEME, SECRET).unwrap().sign(now, body));
    let github: Vec<(String, String)> = vec![(
        "x-hub-signature-256".to_owned(),
        github[talkifai::SIGNATURE_HEADER].to_str().unwrap().to_owned(),
    )];
    let secret = webhook_verify::Secret::new(SECRET);
    let bytes = Bytes::from_static(body.as_bytes());
    vec![
        Subject::new("svix 2.9.1 and a flattened enum", move || {
            svix.verify(body.as_bytes(), &svix_headers).unwrap();
            serde_json::from_slice::<Flattened>(body.as_bytes()).unwrap()
        }),
        Subject::new("webhook-verify 0.1 and a flattened enum", move || {
            webhook_verify::verify(
                webhook_verify::Provider::GitHub,
                &github,
                body.as_bytes(),
                &secret,
                Default::default(),
            )
            .unwrap();
            serde_json::from_slice::<Flattened>(body.as_bytes()).unwrap()
        }),
        Subject::new("offhook", move || verifier.receive(&ours_headers, bytes.clone()).unwrap()),
    ]
}
