//! What holds for the payloads of every vendor.

use serde::Serialize;
use serde_json::{Value, json};

use crate::event::{Envelope, Event, Parsed};
use crate::{salpre, talkifai, truedy, ultravox};

/// A parsed body, without its vendor's type.
#[derive(Debug, PartialEq)]
struct Seen {
    envelope: Envelope,
    /// Empty for an event that has no typed payload.
    written: String,
    call: Option<String>,
    name: String,
    drift: Vec<(String, String)>,
}

type Parse = fn(&str) -> Seen;

fn seen<E: Event>(parsed: &Parsed<E>, typed: bool) -> Seen
where
    Parsed<E>: Serialize,
{
    Seen {
        envelope: parsed.envelope().clone(),
        written: if typed { serde_json::to_string(parsed).unwrap() } else { String::new() },
        call: parsed.call().map(|call| format!("{call:?} {:?} {:?} {:?}", call.from, call.to, call.end_reason)),
        name: parsed.name().to_owned(),
        drift: parsed.drift().iter().map(|misfit| (misfit.path.clone(), misfit.reason.clone())).collect(),
    }
}

macro_rules! parse {
    ($vendor:ident) => {
        |body| {
            let parsed = $vendor::Event::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"));
            let untyped = matches!(parsed.event(), $vendor::Event::Unknown(_) | $vendor::Event::Undecodable(_));
            seen(&parsed, !untyped)
        }
    };
}

/// Every documented event with every documented field, and the field of its data.
fn documented() -> Vec<(Parse, Value, &'static str)> {
    let call = json!({
        "callId": "c1", "created": "2026-03-18T14:30:00Z", "joined": 1773844205, "ended": "2026-03-18T14:32:27Z",
        "endReason": "agent_hangup", "duration": 142, "costUsd": 0.21, "billedDuration": "120s",
        "billedSideInputTokens": 11, "billedSideOutputTokens": "22", "billingStatus": "BILLING_STATUS_BILLED",
        "joinUrl": "wss://voice.example", "languageHint": "de-DE", "maxDuration": "3600s", "joinTimeout": "30.5s",
        "medium": {"sip": {"to": "a"}}, "model": "m", "voice": "v", "recordingEnabled": true, "systemPrompt": "p",
        "temperature": 0.4, "shortSummary": "s", "summary": "l", "agent": {"agentId": "a1", "name": "Ada"},
        "agentId": "a2", "metadata": {"customer": "c", "ticket": "t"},
        "sipDetails": {"billedDuration": "119s", "terminationReason": "SIP_TERMINATION_NORMAL"},
    });
    let mut events: Vec<(Parse, Value, &'static str)> = Vec::new();
    for name in ["call.started", "call.joined", "call.ended", "call.billed", "call.failed", "call.analyzed"] {
        let data = json!({
            "id": "e1", "eventId": "e2", "event": "call.ended", "status": "ended", "error_message": "m", "call": call,
            "call_id": "c2", "callId": "c3", "agent_id": "a3", "duration_seconds": 120,
        });
        events.push((parse!(truedy), json!({"event": name, "timestamp": 1773844200, "data": data}), "data"));
    }
    for name in ["call.started", "call.joined", "call.ended", "call.billed"] {
        events.push((parse!(ultravox), json!({"event": name, "call": call}), "call"));
    }
    events.push((parse!(ultravox), json!({"call": call}), "call"));
    for name in ["batch.status.changed", "batch.completed", "voice.training.completed", "voice.training.failed"] {
        let data = json!({
            "id": "e1", "eventId": "e2", "batch_id": "b1", "batchId": "b2", "voice_id": "v1", "voiceId": "v2",
            "status": "running", "error_message": "m",
        });
        events.push((parse!(truedy), json!({"event": name, "id": "e0", "data": data}), "data"));
    }
    for name in ["call.started", "call.ended", "call.failed", "transcript.ready", "analysis.completed"] {
        let data = json!({
            "callId": "c1", "agentId": "a1", "direction": "inbound", "from": "+1", "to": "+2", "duration": 245,
            "status": "completed", "endReason": "user_hangup", "recordingUrl": "https://r", "id": "n1",
            "transcriptUrl": "https://t", "roomName": "r", "createdAt": "2024-01-15T10:30:00Z",
        });
        events.push((parse!(talkifai), json!({"id": "e1", "type": name, "data": data}), "data"));
    }
    for name in ["call_initiated", "call_ringing", "call_answered", "transcript", "error", "call_ended"] {
        let said = json!([{"type": "ai", "message": "m"}, {"type": "customer", "message": "n", "utc_timestamp": "1"}]);
        let payload = json!({
            "call_id": 1, "from": "+1", "to": "+2", "direction": "outbound", "source": "s",
            "call": {"id": 2, "from": "+3", "to": "+4", "direction": "inbound", "source": "t"},
            "type": "customer", "timestamp_utc": "111111", "error_message": "m",
            "transcript": if name == "call_ended" { said } else { json!("t") },
        });
        events.push((parse!(salpre), json!({"event_type": name, "payload": payload, "is_test": true}), "payload"));
    }
    events
}

/// The pointers of all values inside a value. The settings of a medium may be any JSON.
fn places(value: &Value, at: &str, places: &mut Vec<String>) {
    if at.ends_with("/medium") {
        return;
    }
    let mut inner = |key: &str, value: &Value| {
        let place = format!("{at}/{key}");
        self::places(value, &place, places);
        places.push(place);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| inner(key, value)),
        Value::Array(entries) => entries.iter().enumerate().for_each(|(at, value)| inner(&at.to_string(), value)),
        _ => {}
    }
}

/// The body with this JSON at these places.
fn with(body: &Value, places: &[&String], json: &str) -> String {
    let mut body = body.clone();
    for place in places {
        *body.pointer_mut(place).unwrap() = "@here@".into();
    }
    body.to_string().replace("\"@here@\"", json)
}

/// The path that a drift shows for a pointer.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.trim_start_matches('/').split('/') {
        match step.parse::<usize>() {
            Ok(at) => path += &format!("[{at}]"),
            // The keys of the customer's own labels are not shown.
            Err(_) if path.ends_with(".metadata") => path += ".*",
            Err(_) if path.is_empty() => path += step,
            Err(_) => path += &format!(".{step}"),
        }
    }
    path
}

const WRONG: [&str; 8] = [
    r#"{"s3cr3t":"s3cr3t"}"#,
    r#"["s3cr3t, expected s3cr3t"]"#,
    "[]",
    r#""s3cr3t, expected s3cr3t""#,
    "true",
    "-1.5",
    "7",
    "1e999",
];

/// A value of a wrong type costs what null in its place costs, and is listed.
#[test]
fn a_field_of_a_wrong_type_is_absent_and_listed() {
    let mut refused = 0;
    for (parse, body, data) in documented() {
        assert_eq!(parse(&body.to_string()).drift, [], "{body}");
        let mut all = Vec::new();
        places(&body[data], &format!("/{data}"), &mut all);
        for place in &all {
            let absent = parse(&with(&body, &[place], "null"));
            assert_eq!(absent.drift, [], "{place} {body}");
            assert!(!absent.written.is_empty(), "{place} {body}");
            for wrong in WRONG {
                let body = with(&body, &[place], wrong);
                let got = parse(&body);
                match &got.drift[..] {
                    [] => {}
                    [(found, reason)] if *found == path(place) => {
                        refused += 1;
                        assert!(!reason.is_empty() && !reason.contains("s3cr3t"), "{reason}");
                        assert_eq!(Seen { drift: Vec::new(), ..got }, absent, "{body}");
                    }
                    // A value of the right type, with wrong ones inside.
                    [(found, reason), ..] => {
                        assert!(found.starts_with(&path(place)) && !reason.contains("s3cr3t"), "{found}: {reason}");
                    }
                }
            }
        }
    }
    assert!(refused > 2_000, "{refused}");
}

#[test]
fn several_fields_of_wrong_types_are_absent_and_listed() {
    for (parse, body, data) in documented() {
        let mut all = Vec::new();
        places(&body[data], &format!("/{data}"), &mut all);
        // Each field is refused what it does not accept.
        let mut wrong: Vec<(&String, &str)> = Vec::new();
        for place in &all {
            if let Some(json) = WRONG.into_iter().find(|json| parse(&with(&body, &[place], json)).drift.len() == 1) {
                wrong.push((place, json));
            }
        }
        for json in WRONG {
            let same: Vec<&String> = wrong.iter().filter(|(_, of)| *of == json).map(|(place, _)| *place).collect();
            for step in 2..=5 {
                // No place inside another, and no more than are put up with.
                let mut some: Vec<&String> = same.iter().copied().step_by(step).collect();
                let outer = some.clone();
                some.retain(|place| !outer.iter().any(|outer| place.starts_with(&format!("{outer}/"))));
                some.truncate(32);
                let got = parse(&with(&body, &some, json));
                assert_eq!(got.drift.len(), some.len(), "{some:?} {json} {:?}", got.drift);
                let absent = parse(&with(&body, &some, "null"));
                assert_eq!(Seen { drift: Vec::new(), ..got }, absent, "{some:?} {json}");
            }
        }
    }
}

/// serde's derived structs accept a list of their fields' values for an object.
#[test]
fn a_list_is_not_an_object() {
    for (parse, body, data) in documented() {
        let mut all = Vec::new();
        places(&body[data], &format!("/{data}"), &mut all);
        for place in all.iter().filter(|place| body.pointer(place).unwrap().is_object()) {
            for list in ["[]", "[null]", "[null,null,null,null,null,null,null,null,null,null]"] {
                let drift = parse(&with(&body, &[place], list)).drift;
                assert_eq!(drift.len(), 1, "{place} {list} {body}");
            }
        }
        for list in ["[]", "[null]"] {
            let got = parse(&with(&body, &[&format!("/{data}")], list));
            assert_eq!((got.written.as_str(), got.drift.len()), ("", 1), "{body}");
        }
    }
}

#[test]
fn a_second_spelling_is_absent_and_listed() {
    for (parse, data, paths) in [
        (parse!(truedy) as Parse, r#"{"id":"e","eventId":"f","event_id":"g"}"#, &["data.event_id"][..]),
        (
            parse!(truedy),
            r#"{"id":"e","call_id":"c","call":{"callId":"d","agentId":"a","agent_id":[]}}"#,
            &["data.call.agent_id"],
        ),
        (
            parse!(truedy),
            r#"{"call":{"callId":"d","call_id":"x","callId":"y"},"id":"e"}"#,
            &["data.call.call_id", "data.call.callId"],
        ),
        (parse!(truedy), r#"{"id":"e","status":"a","status":"b","id":"f"}"#, &["data.status", "data.id"]),
        (
            parse!(truedy),
            r#"{"id":"e","call":{"summary":1,"summary":"s"}}"#,
            &["data.call.summary", "data.call.summary"],
        ),
    ] {
        let got = parse(&format!(r#"{{"event":"call.ended","data":{data}}}"#));
        assert_eq!(got.drift.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), paths, "{data}");
        assert!(got.written.contains(r#""data":{"id":"e""#), "{}", got.written);
        assert!(got.call.unwrap().contains("Ended"), "{data}");
    }
}

/// Even then, the ids are found.
#[test]
fn too_many_misfits_make_an_event_undecodable() {
    let said = |count: usize| vec!["7"; count].join(",");
    let body =
        |count| format!(r#"{{"event_type":"call_ended","payload":{{"transcript":[{}],"call_id":"c1"}}}}"#, said(count));
    let parsed = salpre::Event::parse(body(32).as_bytes()).unwrap();
    assert!(matches!(parsed.event(), salpre::Event::CallEnded(_)));
    assert_eq!((parsed.drift().len(), parsed.call_id()), (32, Some("c1")));
    let parsed = salpre::Event::parse(body(33).as_bytes()).unwrap();
    assert!(matches!(parsed.event(), salpre::Event::Undecodable(_)));
    assert_eq!((parsed.drift().len(), parsed.call_id()), (1, Some("c1")));
    assert_eq!(parsed.identity(), crate::event::Identity::Id("c1".into()));
}
