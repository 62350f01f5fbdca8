//! What holds for the payloads of every vendor. The vendor's own tests call it.

use serde::Serialize;
use serde_json::{Value, json};

use crate::event::{Envelope, Event, Parsed};

/// A parsed body, without its vendor's type.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) envelope: Envelope,
    /// Empty for an event that has no typed payload.
    pub(super) written: String,
    pub(super) call: Option<String>,
    pub(super) name: String,
    pub(super) drift: Vec<(String, String)>,
}

pub(super) type Parse = fn(&str) -> Seen;

/// An event with every documented field, and the field of its data.
pub(super) type Documented = (Parse, Value, &'static str);

pub(super) fn seen<E: Event>(parsed: &Parsed<E>, typed: bool) -> Seen
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
    ($event:ident) => {
        |body| {
            let parsed = $event::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"));
            let untyped = matches!(parsed.event(), $event::Unknown(_) | $event::Undecodable(_));
            $crate::vendors::tests::seen(&parsed, !untyped)
        }
    };
}

pub(super) use parse;

/// A call object with every documented field.
pub(super) fn full_call() -> Value {
    json!({
        "callId": "c1", "created": "2026-03-18T14:30:00Z", "joined": 1773844205, "ended": "2026-03-18T14:32:27Z",
        "endReason": "agent_hangup", "duration": 142, "costUsd": 0.21, "billedDuration": "120s",
        "billedSideInputTokens": 11, "billedSideOutputTokens": "22", "billingStatus": "BILLING_STATUS_BILLED",
        "joinUrl": "wss://voice.example", "languageHint": "de-DE", "maxDuration": "3600s", "joinTimeout": "30.5s",
        "medium": {"sip": {"to": "a"}}, "model": "m", "voice": "v", "recordingEnabled": true, "systemPrompt": "p",
        "temperature": 0.4, "shortSummary": "s", "summary": "l", "agent": {"agentId": "a1", "name": "Ada"},
        "agentId": "a2", "metadata": {"customer": "c", "ticket": "t"},
        "sipDetails": {"billedDuration": "119s", "terminationReason": "SIP_TERMINATION_NORMAL"},
    })
}

/// The pointers of all values inside a value. The settings of a medium may be any JSON.
pub(super) fn places(value: &Value, at: &str, places: &mut Vec<String>) {
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
pub(super) fn with(body: &Value, places: &[&String], json: &str) -> String {
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

/// Asserts what holds for every documented field of these events.
///
/// # Panics
///
/// If it does not hold, or if fewer values were refused than there must have been.
pub(super) fn assert_every_misfit_is_absent_and_listed(documented: &[Documented], refused_at_least: usize) {
    let refused = a_field_of_a_wrong_type_is_absent_and_listed(documented);
    assert!(refused >= refused_at_least, "{refused}");
    several_fields_of_wrong_types_are_absent_and_listed(documented);
    a_list_is_not_an_object(documented);
}

/// A value of a wrong type costs what null in its place costs, and is listed. Returns how many
/// values were of a wrong type.
fn a_field_of_a_wrong_type_is_absent_and_listed(documented: &[Documented]) -> usize {
    let mut refused = Vec::new();
    for (parse, body, data) in documented {
        assert_eq!(parse(&body.to_string()).drift, [], "{body}");
        let mut all = Vec::new();
        places(&body[*data], &format!("/{data}"), &mut all);
        for place in &all {
            let absent = parse(&with(body, &[place], "null"));
            assert_eq!(absent.drift, [], "{place} {body}");
            assert!(!absent.written.is_empty(), "{place} {body}");
            for wrong in WRONG {
                let body = with(body, &[place], wrong);
                let got = parse(&body);
                match &got.drift[..] {
                    [] => {}
                    [(found, reason)] if *found == path(place) => {
                        refused.push(body.clone());
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
    refused.len()
}

fn several_fields_of_wrong_types_are_absent_and_listed(documented: &[Documented]) {
    for (parse, body, data) in documented {
        let mut all = Vec::new();
        places(&body[*data], &format!("/{data}"), &mut all);
        // Each field is refused what it does not accept.
        let mut wrong: Vec<(&String, &str)> = Vec::new();
        for place in &all {
            if let Some(json) = WRONG.into_iter().find(|json| parse(&with(body, &[place], json)).drift.len() == 1) {
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
                let got = parse(&with(body, &some, json));
                assert_eq!(got.drift.len(), some.len(), "{some:?} {json} {:?}", got.drift);
                let absent = parse(&with(body, &some, "null"));
                assert_eq!(Seen { drift: Vec::new(), ..got }, absent, "{some:?} {json}");
            }
        }
    }
}

/// serde's derived structs accept a list of their fields' values for an object.
fn a_list_is_not_an_object(documented: &[Documented]) {
    for (parse, body, data) in documented {
        let mut all = Vec::new();
        places(&body[*data], &format!("/{data}"), &mut all);
        for place in all.iter().filter(|place| body.pointer(place).unwrap().is_object()) {
            for list in ["[]", "[null]", "[null,null,null,null,null,null,null,null,null,null]"] {
                let drift = parse(&with(body, &[place], list)).drift;
                assert_eq!(drift.len(), 1, "{place} {list} {body}");
            }
        }
        for list in ["[]", "[null]"] {
            let got = parse(&with(body, &[&format!("/{data}")], list));
            assert_eq!((got.written.as_str(), got.drift.len()), ("", 1), "{body}");
        }
    }
}
