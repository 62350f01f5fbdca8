use serde_json::json;

use super::Event;
use crate::vendors::tests::{Documented, Parse, assert_every_misfit_is_absent_and_listed, full_call, parse};

/// Every documented event with every documented field.
fn documented() -> Vec<Documented> {
    let call = full_call();
    let mut events: Vec<Documented> = Vec::new();
    for name in ["call.started", "call.joined", "call.ended", "call.billed", "call.failed", "call.analyzed"] {
        let data = json!({
            "id": "e1", "eventId": "e2", "event": "call.ended", "status": "ended", "error_message": "m", "call": call,
            "call_id": "c2", "callId": "c3", "agent_id": "a3", "duration_seconds": 120,
        });
        events.push((parse!(Event), json!({"event": name, "timestamp": 1773844200, "data": data}), "data"));
    }
    for name in ["batch.status.changed", "batch.completed", "voice.training.completed", "voice.training.failed"] {
        let data = json!({
            "id": "e1", "eventId": "e2", "batch_id": "b1", "batchId": "b2", "voice_id": "v1", "voiceId": "v2",
            "status": "running", "error_message": "m",
        });
        events.push((parse!(Event), json!({"event": name, "id": "e0", "data": data}), "data"));
    }
    events
}

#[test]
fn every_field_that_does_not_fit_is_absent_and_listed() {
    assert_every_misfit_is_absent_and_listed(&documented(), 1_844);
}

#[test]
fn a_second_spelling_is_absent_and_listed() {
    for (parse, data, paths) in [
        (parse!(Event) as Parse, r#"{"id":"e","eventId":"f","event_id":"g"}"#, &["data.event_id"][..]),
        (
            parse!(Event),
            r#"{"id":"e","call_id":"c","call":{"callId":"d","agentId":"a","agent_id":[]}}"#,
            &["data.call.agent_id"],
        ),
        (
            parse!(Event),
            r#"{"call":{"callId":"d","call_id":"x","callId":"y"},"id":"e"}"#,
            &["data.call.call_id", "data.call.callId"],
        ),
        (parse!(Event), r#"{"id":"e","status":"a","status":"b","id":"f"}"#, &["data.status", "data.id"]),
        (
            parse!(Event),
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
