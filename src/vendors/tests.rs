//! What holds for the payloads of every vendor.

use crate::{salpre, talkifai, truedy, ultravox};

/// Parses a body. Returns how many fields drifted, or nothing for an undecodable event.
type Parse = fn(&str) -> Option<usize>;

/// Every event that has a typed payload, and where its vendor documents objects.
fn positions() -> Vec<(Parse, String, Vec<&'static str>)> {
    fn fits<E>(parsed: crate::event::Parsed<E>, typed: impl Fn(&E) -> bool) -> Option<usize> {
        typed(parsed.event()).then(|| parsed.drift().len())
    }
    let truedy = |body: &str| {
        let parsed = truedy::Event::parse(body.as_bytes()).unwrap();
        fits(parsed, |event| !matches!(event, truedy::Event::Undecodable(_)))
    };
    let talkifai = |body: &str| {
        let parsed = talkifai::Event::parse(body.as_bytes()).unwrap();
        fits(parsed, |event| !matches!(event, talkifai::Event::Undecodable(_)))
    };
    let salpre = |body: &str| {
        let parsed = salpre::Event::parse(body.as_bytes()).unwrap();
        fits(parsed, |event| !matches!(event, salpre::Event::Undecodable(_)))
    };
    let ultravox = |body: &str| {
        let parsed = ultravox::Event::parse(body.as_bytes()).unwrap();
        fits(parsed, |event| !matches!(event, ultravox::Event::Undecodable(_)))
    };

    let mut positions: Vec<(Parse, String, Vec<&'static str>)> = Vec::new();
    let call = [
        r#"{"call":@}"#,
        r#"{"call":{"agent":@}}"#,
        r#"{"call":{"sipDetails":@}}"#,
        r#"{"call":{"medium":@}}"#,
        r#"{"call":{"metadata":@}}"#,
    ];
    for name in ["call.started", "call.joined", "call.ended", "call.billed", "call.failed", "call.analyzed"] {
        positions.push((truedy, format!(r#"{{"event":"{name}","data":$}}"#), [&["@"], &call[..]].concat()));
    }
    for name in ["batch.status.changed", "batch.completed", "voice.training.completed", "voice.training.failed"] {
        positions.push((truedy, format!(r#"{{"event":"{name}","data":$}}"#), vec!["@"]));
    }
    for name in ["call.started", "call.ended", "call.failed", "transcript.ready", "analysis.completed"] {
        positions.push((talkifai, format!(r#"{{"type":"{name}","data":$}}"#), vec!["@"]));
    }
    for name in ["call_initiated", "call_ringing", "call_answered", "transcript", "error"] {
        positions.push((salpre, format!(r#"{{"event_type":"{name}","payload":$}}"#), vec!["@", r#"{"call":@}"#]));
    }
    let ended = vec!["@", r#"{"call":@}"#, r#"{"transcript":[@]}"#, r#"{"transcript":[{},@,{}]}"#];
    positions.push((salpre, r#"{"event_type":"call_ended","payload":$}"#.to_owned(), ended));
    let call = ["@", r#"{"agent":@}"#, r#"{"sipDetails":@}"#, r#"{"medium":@}"#, r#"{"metadata":@}"#];
    for name in ["call.started", "call.joined", "call.ended", "call.billed"] {
        positions.push((ultravox, format!(r#"{{"event":"{name}","call":$}}"#), call.to_vec()));
    }
    positions.push((ultravox, r#"{"call":$}"#.to_owned(), call.to_vec()));
    positions
}

/// serde's derived structs accept a list of their fields' values for an object.
#[test]
fn a_list_is_not_an_object() {
    for (parse, body, places) in positions() {
        for place in places {
            let object = if place.contains("medium") { r#"{"sip":{}}"# } else { "{}" };
            let fits = body.replace('$', &place.replace('@', object));
            assert_eq!(parse(&fits), Some(0), "{fits}");
            for list in ["[]", "[null]", "[null,null,null,null,null,null,null,null,null,null]"] {
                let body = body.replace('$', &place.replace('@', list));
                assert_eq!(parse(&body), None, "{body}");
            }
        }
    }
}
