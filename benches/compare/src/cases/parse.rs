use std::hint::black_box;

use offhook::event::Parsed;
use offhook::{salpre, truedy};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::OFFHOOK;
use crate::deliveries::{body, body_with_list, salpre_body};
use crate::measure::Subject;

const PLAIN: &str = "plain structs of the same fields, from_slice";

/// The structs that a service would write by hand. They have exactly the fields that offhook's event
/// keeps of this body.
#[derive(Deserialize)]
#[allow(dead_code)]
pub struct Plain {
    event: String,
    timestamp: String,
    data: PlainData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
pub struct PlainData {
    id: Option<String>,
    call: PlainCall,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
pub struct PlainCall {
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
pub struct PlainAgent {
    agent_id: Option<String>,
}

/// The usual way to write such an event: a tagged enum in a flattened envelope.
#[derive(Deserialize)]
#[allow(dead_code)]
pub struct Flattened {
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

pub fn subjects(bytes: usize) -> Vec<Subject> {
    let body = body(bytes);
    let (envelope, data) = body.split_once(r#""data":"#).unwrap();
    let data_first: &'static str = format!(
        r#"{{"data":{},{}}}"#,
        data.strip_suffix('}').unwrap(),
        envelope.trim_start_matches('{').trim_end_matches(',')
    )
    .leak();
    let unknown: &'static str = body.replacen("call.ended", "call.other", 1).leak();
    assert!(matches!(event(body).event(), truedy::Event::CallEnded(_)));
    assert!(event(data_first) == event(body));
    assert!(matches!(event(unknown).event(), truedy::Event::Unknown(_)));
    vec![
        plain(body),
        Subject::new("plain structs, data before its event's name", move || {
            serde_json::from_slice::<Plain>(black_box(data_first.as_bytes())).unwrap()
        }),
        Subject::new(OFFHOOK, move || event(black_box(body))),
        Subject::new("offhook, data before its event's name", move || event(black_box(data_first))),
        Subject::new("offhook, an undocumented event", move || event(black_box(unknown))),
        Subject::new("a flattened enum, from_slice", move || flattened(body)),
        scan(body),
    ]
}

/// Most of the body is in an undocumented field.
pub fn a_list(bytes: usize) -> Vec<Subject> {
    let body = body_with_list(bytes);
    assert!(matches!(event(body).event(), truedy::Event::CallEnded(_)));
    vec![
        plain(body),
        Subject::new(OFFHOOK, move || event(black_box(body))),
        Subject::new("a flattened enum, from_slice", move || flattened(body)),
        scan(body),
    ]
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct PlainSalpre {
    event_type: String,
    timestamp_utc: i64,
    payload: PlainTranscript,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct PlainTranscript {
    call_id: Option<i64>,
    from: Option<String>,
    to: Option<String>,
    direction: Option<String>,
    source: Option<String>,
    transcript: Vec<PlainEntry>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct PlainEntry {
    #[serde(rename = "type")]
    speaker: String,
    message: String,
    utc_timestamp: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct FlattenedSalpre {
    timestamp_utc: i64,
    #[serde(flatten)]
    event: FlattenedSalpreEvent,
}

#[derive(Deserialize)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[allow(dead_code)]
enum FlattenedSalpreEvent {
    CallEnded(PlainTranscript),
}

/// Most of the body is a list that the event keeps.
pub fn salpre(bytes: usize) -> Vec<Subject> {
    let body = salpre_body(bytes);
    let event = |body: &str| salpre::Event::parse(body.as_bytes()).unwrap();
    assert!(matches!(event(body).event(), salpre::Event::CallEnded(_)));
    vec![
        Subject::new(PLAIN, move || serde_json::from_slice::<PlainSalpre>(black_box(body.as_bytes())).unwrap()),
        Subject::new(OFFHOOK, move || event(black_box(body))),
        Subject::new("a flattened enum, from_slice", move || {
            serde_json::from_slice::<FlattenedSalpre>(black_box(body.as_bytes())).unwrap()
        }),
        scan(body),
    ]
}

fn plain(body: &'static str) -> Subject {
    Subject::new(PLAIN, move || serde_json::from_slice::<Plain>(black_box(body.as_bytes())).unwrap())
}

fn scan(body: &'static str) -> Subject {
    Subject::new("a scan (IgnoredAny)", move || {
        serde_json::from_slice::<IgnoredAny>(black_box(body.as_bytes())).unwrap()
    })
}

pub fn flattened(body: &'static str) -> Flattened {
    serde_json::from_slice(black_box(body.as_bytes())).unwrap()
}

fn event(body: &str) -> Parsed<truedy::Event> {
    truedy::Event::parse(body.as_bytes()).unwrap()
}
