use serde_json::json;

use super::Event;
use crate::vendors::tests::{Documented, assert_every_misfit_is_absent_and_listed, full_call, parse};

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
