use serde_json::json;

use super::Event;
use crate::event::Identity;
use crate::vendors::tests::{Documented, assert_every_misfit_is_absent_and_listed, parse};

/// Every documented event with every documented field.
fn documented() -> Vec<Documented> {
    let mut events: Vec<Documented> = Vec::new();
    for name in ["call_initiated", "call_ringing", "call_answered", "transcript", "error", "call_ended"] {
        let said = json!([{"type": "ai", "message": "m"}, {"type": "customer", "message": "n", "utc_timestamp": "1"}]);
        let payload = json!({
            "call_id": 1, "from": "+1", "to": "+2", "direction": "outbound", "source": "s",
            "call": {"id": 2, "from": "+3", "to": "+4", "direction": "inbound", "source": "t"},
            "type": "customer", "timestamp_utc": "111111", "error_message": "m",
            "transcript": if name == "call_ended" { said } else { json!("t") },
        });
        events.push((parse!(Event), json!({"event_type": name, "payload": payload, "is_test": true}), "payload"));
    }
    events
}

#[test]
fn every_field_that_does_not_fit_is_absent_and_listed() {
    assert_every_misfit_is_absent_and_listed(&documented(), 531);
}

/// Even then, the ids are found.
#[test]
fn too_many_misfits_make_an_event_undecodable() {
    let said = |count: usize| vec!["7"; count].join(",");
    let body =
        |count| format!(r#"{{"event_type":"call_ended","payload":{{"transcript":[{}],"call_id":"c1"}}}}"#, said(count));
    let parsed = Event::parse(body(32).as_bytes()).unwrap();
    assert!(matches!(parsed.event(), Event::CallEnded(_)));
    assert_eq!((parsed.drift().len(), parsed.call_id()), (32, Some("c1")));
    let parsed = Event::parse(body(33).as_bytes()).unwrap();
    assert!(matches!(parsed.event(), Event::Undecodable(_)));
    assert_eq!((parsed.drift().len(), parsed.call_id()), (1, Some("c1")));
    assert_eq!(parsed.identity(), Identity::Id("c1".into()));
}
