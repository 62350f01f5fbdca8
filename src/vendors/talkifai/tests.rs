use serde_json::json;

use super::Event;
use crate::vendors::tests::{Documented, assert_every_misfit_is_absent_and_listed, parse};

/// Every documented event with every documented field.
fn documented() -> Vec<Documented> {
    let mut events: Vec<Documented> = Vec::new();
    for name in ["call.started", "call.ended", "call.failed", "transcript.ready", "analysis.completed"] {
        let data = json!({
            "callId": "c1", "agentId": "a1", "direction": "inbound", "from": "+1", "to": "+2", "duration": 245,
            "status": "completed", "endReason": "user_hangup", "recordingUrl": "https://r", "id": "n1",
            "transcriptUrl": "https://t", "roomName": "r", "createdAt": "2024-01-15T10:30:00Z",
        });
        events.push((parse!(Event), json!({"id": "e1", "type": name, "data": data}), "data"));
    }
    events
}

#[test]
fn every_field_that_does_not_fit_is_absent_and_listed() {
    assert_every_misfit_is_absent_and_listed(&documented(), 218);
}
