use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{CallEvent, Event, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use crate::call::{BillingStatus, EndReason, MediumKind, SipTerminationReason};
use crate::event::{CallUpdate, Identity, Parsed, Stage};
use crate::vendors::tests::{Documented, assert_every_misfit_is_absent_and_listed, full_call, parse};
use crate::{FixedClock, ParseError, Request, Ultravox, Verifier, VerifyError};

/// Every documented event with every documented field.
fn documented() -> Vec<Documented> {
    let call = full_call();
    let mut events: Vec<Documented> = Vec::new();
    for name in ["call.started", "call.joined", "call.ended", "call.billed"] {
        events.push((parse!(Event), json!({"event": name, "call": call}), "call"));
    }
    events.push((parse!(Event), json!({"call": call}), "call"));
    events
}

#[test]
fn every_field_that_does_not_fit_is_absent_and_listed() {
    assert_every_misfit_is_absent_and_listed(&documented(), 1_090);
}

/// 2026-03-18T14:30:00Z.
const NOW: i64 = 1_773_844_200;

const SECRET: &str = "uv_test_secret";
const BODY: &str = r#"{"event":"call.started","call":{"callId":"3c90c3cc-0d44-4b50-8888-8dd25736052a"}}"#;
const TIMESTAMP: &str = "2026-03-18T14:30:00.000000+00:00";
const SIGNATURE: &str = "f300deb20d9106b15b498eaa79e341ceff9b9d7ff9512d50909c541960b86009";

fn verifier() -> Ultravox {
    Ultravox::new(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW))
}

fn verify(signature: &str) -> Result<Option<usize>, VerifyError> {
    let headers = [(SIGNATURE_HEADER, signature), (TIMESTAMP_HEADER, TIMESTAMP)];
    verifier().verify(&Request::new(&headers, BODY.as_bytes())).map(|verified| verified.secret_index())
}

#[test]
fn one_matching_signature_in_the_list_is_enough() {
    let other = "0".repeat(64);
    for list in [
        SIGNATURE.to_owned(),
        format!("{other},{SIGNATURE}"),
        format!("{SIGNATURE},{other}"),
        format!("{other}, {SIGNATURE}"),
        format!(",,{SIGNATURE},"),
        format!("short,{SIGNATURE}"),
    ] {
        assert_eq!(verify(&list), Ok(Some(0)), "{list}");
    }
    let malformed = VerifyError::MalformedSignature { header: SIGNATURE_HEADER.into() };
    for list in [",", ",,,", " , ", "short", &SIGNATURE[..63], &format!("{SIGNATURE}0"), &format!("v1={SIGNATURE}")] {
        assert_eq!(verify(list), Err(malformed.clone()), "{list}");
    }
    assert_eq!(verify(&format!("{other},{other}")), Err(VerifyError::SignatureMismatch));
    assert_eq!(verify(&format!("{SIGNATURE} {SIGNATURE}")), Err(malformed));
}

#[test]
fn the_default_tolerance_is_300_seconds() {
    let headers = [(SIGNATURE_HEADER, SIGNATURE), (TIMESTAMP_HEADER, TIMESTAMP)];
    let at = |seconds: i64| Ultravox::new(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW + seconds));
    let minute = std::time::Duration::from_secs(60);
    let check = |verifier: Ultravox| {
        verifier.verify(&Request::new(&headers, BODY.as_bytes())).map(|_| ()).map_err(|error| error.code())
    };
    assert_eq!(check(at(300)), Ok(()));
    assert_eq!(check(at(-300)), Ok(()));
    assert_eq!(check(at(301)), Err("timestamp_too_old"));
    assert_eq!(check(at(-301)), Err("timestamp_too_new"));
    assert_eq!(check(at(60).with_tolerance(minute)), Ok(()));
    assert_eq!(check(at(61).with_tolerance(minute)), Err("timestamp_too_old"));
    assert_eq!(check(at(1_000_000).danger_accept_any_age()), Ok(()));
}

const CALL: &str = r#"{
    "callId": "3c90c3cc-0d44-4b50-8888-8dd25736052a", "created": "2026-03-18T14:30:00.5Z",
    "joined": "2026-03-18T14:30:02+00:00", "ended": "2026-03-18T14:32:00Z", "endReason": "agent_hangup",
    "billedDuration": "120s", "billedSideInputTokens": 12, "billedSideOutputTokens": 34,
    "billingStatus": "BILLING_STATUS_FREE_MINUTES", "joinUrl": "wss://example.com/secret", "languageHint": "tr",
    "maxDuration": "3600s", "joinTimeout": "30.5s", "medium": {"sip": {"outgoing": {"password": "hunter2"}}},
    "model": "m", "voice": "v", "recordingEnabled": true, "systemPrompt": "be nice", "temperature": 0.5,
    "shortSummary": "short", "summary": "long", "agent": {"agentId": "a1", "name": "Ada"}, "agentId": "a1",
    "metadata": {"order": "7"},
    "sipDetails": {"billedDuration": "118.25s", "terminationReason": "SIP_TERMINATION_BUSY"},
    "somethingNew": {"deep": [1, 2, 3]}
}"#;

fn body(name: &str) -> String {
    format!(r#"{{"event":"{name}","call":{CALL}}}"#)
}

fn event(body: &str) -> Parsed<Event> {
    Event::parse(body.as_bytes()).unwrap()
}

#[test]
fn every_event_carries_the_whole_call() {
    for name in ["call.started", "call.joined", "call.ended", "call.billed"] {
        let event = event(&body(name));
        let call = match (event.event(), name) {
            (Event::CallStarted(CallEvent { call, .. }), "call.started")
            | (Event::CallJoined(CallEvent { call, .. }), "call.joined")
            | (Event::CallEnded(CallEvent { call, .. }), "call.ended")
            | (Event::CallBilled(CallEvent { call, .. }), "call.billed") => call,
            _ => panic!("{name} became {event:?}"),
        };
        assert_eq!(call.end_reason, Some(EndReason::AgentHangup));
        assert_eq!(call.billed_duration, TimeDelta::try_seconds(120));
        assert_eq!(call.billing_status, Some(BillingStatus::FreeMinutes));
        assert_eq!(call.medium.as_ref().map(|medium| &medium.kind), Some(&MediumKind::Sip));
        assert_eq!(call.agent_id(), Some("a1"));
        assert_eq!(call.metadata.get("order").map(String::as_str), Some("7"));
        let reason = call.sip_details.as_ref().and_then(|details| details.termination_reason.clone());
        assert_eq!(reason, Some(SipTerminationReason::Busy));
        assert_eq!(event.name(), name);
        assert_eq!(event.identity(), Identity::Id("3c90c3cc-0d44-4b50-8888-8dd25736052a".into()));
        assert_eq!(Event::parse(&serde_json::to_vec(&event).unwrap()).unwrap(), event);
        let shown = format!("{event:?}");
        for hidden in ["hunter2", "wss://", "be nice"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}

fn at(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}

#[test]
fn occurred_at_is_the_matching_time_of_the_call() {
    assert_eq!(event(&body("call.started")).occurred_at(), at("2026-03-18T14:30:00.5Z"));
    assert_eq!(event(&body("call.joined")).occurred_at(), at("2026-03-18T14:30:02Z"));
    assert_eq!(event(&body("call.ended")).occurred_at(), at("2026-03-18T14:32:00Z"));
    assert_eq!(event(&body("call.billed")).occurred_at(), None);
}

#[test]
fn a_delivery_without_an_event_name_is_parsed_as_unnamed() {
    for body in [format!(r#"{{"call":{CALL}}}"#), format!(r#"{{"call":{CALL},"event":null}}"#)] {
        let event = event(&body);
        let Event::Unnamed(unnamed) = event.event() else { panic!("{event:?}") };
        assert_eq!(unnamed.call.end_reason, Some(EndReason::AgentHangup));
        assert_eq!((event.name(), event.identity()), ("", Identity::Body));
        assert_eq!(event.call_id(), unnamed.call.call_id.as_deref());
        assert_eq!(Event::parse(&serde_json::to_vec(&event).unwrap()).unwrap(), event);
    }
    let parse = |body: &str| Event::parse(body.as_bytes());
    assert_eq!(parse("{}"), Err(ParseError::MissingField { field: "call" }));
    assert_eq!(parse(r#"{"event":"","call":{}}"#), Err(ParseError::MissingField { field: "event" }));
    assert_eq!(parse(r#"{"event":7,"call":{}}"#), Err(ParseError::MissingField { field: "event" }));
    assert_eq!(parse(r#"{"event":null,"event":"a","call":{}}"#), Err(ParseError::RepeatedField { field: "event" }));
    // A call of the wrong type gives `Undecodable`, and an undocumented name gives `Unknown`.
    assert!(matches!(event(r#"{"call":[]}"#).event(), Event::Undecodable(_)));
    assert!(matches!(event(r#"{"event":"call.parked","call":{}}"#).event(), Event::Unknown(_)));
    // The envelopes of other vendors must have an event name.
    let truedy = crate::truedy::Event::parse(br#"{"data":{}}"#);
    assert_eq!(truedy, Err(ParseError::MissingField { field: "event" }));
}

#[test]
fn an_agent_id_outside_the_agent_object_is_found() {
    let Event::CallStarted(started) = event(r#"{"event":"call.started","call":{"agentId":"a2"}}"#).into_event() else {
        panic!()
    };
    assert_eq!(started.call.agent_id(), Some("a2"));
}

#[test]
fn every_event_maps_to_its_stage() {
    for (name, stage) in [
        ("call.started", Stage::Started),
        ("call.joined", Stage::Joined),
        ("call.ended", Stage::Ended),
        ("call.billed", Stage::Billed),
        ("", Stage::Other),
    ] {
        let name = if name.is_empty() { String::new() } else { format!(r#""event":"{name}","#) };
        let event = event(&format!(r#"{{{name}"call":{{"callId":"c1"}}}}"#));
        let update = event.call().unwrap();
        assert_eq!((update.stage, update.call_id), (stage, Some("c1")), "{name}");
        assert_eq!(event.call_id(), update.call_id, "{name}");
    }
    assert_eq!(event(r#"{"event":"call.ended","call":7}"#).call(), None);
}

#[test]
fn the_duration_of_a_call_is_ended_minus_joined() {
    let ended = |joined: &str, ended: &str| {
        let body =
            format!(r#"{{"event":"call.ended","call":{{"joined":{joined},"ended":{ended},"endReason":"hangup"}}}}"#);
        let event = event(&body);
        let CallUpdate { duration, at, end_reason, call_id, .. } = event.call().unwrap();
        assert_eq!((end_reason, call_id), (Some("hangup"), None));
        (duration, at)
    };
    let (early, late) = (r#""2026-03-18T14:30:00Z""#, r#""2026-03-18T14:32:00.5Z""#);
    assert_eq!(ended(early, late), (TimeDelta::try_milliseconds(120_500), at("2026-03-18T14:32:00.5Z")));
    assert_eq!(ended("null", late), (None, at("2026-03-18T14:32:00.5Z")));
    assert_eq!(ended(early, "null"), (None, None));
    assert_eq!(ended(late, early), (None, at("2026-03-18T14:30:00Z")));
}
