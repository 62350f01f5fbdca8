//! Bodies of events of their own, made of one body.

use offhook::testing::Sample;
use serde_json::Value;

/// Returns the body with other ids in it: each is followed by the number, and an id that is a
/// number is replaced. The other values stay, and so does the order of the members.
///
/// `None` if the body has no id.
pub(super) fn with_own_ids(body: &str, number: u64) -> Option<String> {
    let json = serde_json::from_str(body).ok()?;
    let mut ids = Vec::new();
    collect(&json, String::new(), 0, &mut ids);
    if ids.is_empty() {
        return None;
    }
    let sample = Sample::new("", "", body.to_owned());
    let changed = ids.into_iter().fold(sample, |sample, (path, id)| match id {
        Some(text) => sample.with(&path, format!("{text}-{number}")),
        None => sample.with(&path, number),
    });
    Some(changed.body().to_owned())
}

/// Collects the paths of all ids, with the text of those that are text.
fn collect(json: &Value, path: String, depth: usize, ids: &mut Vec<(String, Option<String>)>) {
    let Value::Object(members) = json else { return };
    for (name, value) in members {
        // A path cannot name a member with a full stop in its name.
        if name.contains('.') {
            continue;
        }
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::String(text) if NAMES.contains(&name.as_str()) => ids.push((path, Some(text.clone()))),
            Value::Number(_) if NAMES.contains(&name.as_str()) => ids.push((path, None)),
            value if depth < MAX_DEPTH => collect(value, path, depth.saturating_add(1), ids),
            _ => {}
        }
    }
}

/// The members in which the vendors write the id of an event, and of what it is about.
const NAMES: [&str; 9] =
    ["id", "eventId", "event_id", "callId", "call_id", "batchId", "batch_id", "voiceId", "voice_id"];

/// The vendors have their ids within four levels.
const MAX_DEPTH: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::{Endpoint, Vendor};
    use clap::ValueEnum;
    use offhook::testing::samples;
    use std::collections::BTreeSet;

    #[test]
    fn every_sample_becomes_events_of_its_own() {
        for sample in samples::all() {
            let vendor = Vendor::from_str(sample.vendor(), false).unwrap();
            let endpoint = Endpoint::new(vendor, "whsec_test_secret".to_owned().into()).unwrap();
            // Salpre's test events have no identity.
            let sample = sample.without("is_test");
            let key = |body: &str| {
                let request = endpoint.signer().unwrap().request("/", body.to_owned());
                endpoint.verdict(&request, None).unwrap().dedupe_key.expect("an identity")
            };
            let own = |number| with_own_ids(sample.body(), number).expect("an id");
            let keys = BTreeSet::from([key(sample.body()), key(&own(1001)), key(&own(1002))]);
            assert_eq!(keys.len(), 3, "{sample:?}: {keys:?}");
        }
    }

    #[test]
    fn the_rest_of_a_body_stays_as_it_is() {
        let body = "{\"id\":\"a\",\"data\":{\"call\":{\"call_id\":7},\"agentId\":\"b\",\"c.id\":{\"id\":1}},\"list\":[{\"id\":1}]}";
        let changed = body.replace("\"a\"", "\"a-5\"").replace("\"call_id\":7", "\"call_id\":5");
        assert_eq!(with_own_ids(body, 5).as_deref(), Some(changed.as_str()));
        assert_eq!(with_own_ids("{\"a\":1}", 5), None);
        assert_eq!(with_own_ids("[", 5), None);
    }
}
