//! Damaged fields: one value of any type in the place of a documented field costs that field at
//! most. The id, the call and every other field survive.

use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Unstructured};
use offhook::event::Parsed;
use offhook::testing::{Sample, samples};
use offhook::{Event, ParseError, salpre, talkifai, truedy, ultravox};
use serde::Serialize;
use serde_json::Value;

use crate::json;
use crate::places::places_of;

pub struct Subject {
    parse: fn(vendor: &str, body: &str) -> Result<Seen, ParseError>,
}

pub const CRATE: Subject = Subject {
    parse: |vendor, body| match vendor {
        "truedy" => look(truedy::Event::parse, body),
        "talkifai" => look(talkifai::Event::parse, body),
        "salpre" => look(salpre::Event::parse, body),
        "ultravox" => look(ultravox::Event::parse, body),
        other => panic!("{other} is a new vendor"),
    },
};

/// Loses every field of a call with two that do not fit.
pub const PLANTED: Subject = Subject {
    parse: |vendor, body| {
        let mut seen = (CRATE.parse)(vendor, body)?;
        if seen.drift.len() > 1 {
            seen.leaves.clear();
        }
        Ok(seen)
    },
};

/// What an event holds, as text.
#[derive(Debug)]
pub struct Seen {
    name: String,
    identity: String,
    call_id: Option<String>,
    /// The paths of what does not fit.
    drift: Vec<String>,
    typed: bool,
    /// Everything that is written, by its place.
    leaves: BTreeMap<String, String>,
}

fn look<E>(parse: fn(&[u8]) -> Result<Parsed<E>, ParseError>, body: &str) -> Result<Seen, ParseError>
where
    E: Event,
    Parsed<E>: Serialize,
{
    let parsed = parse(body.as_bytes())?;
    let mut leaves = BTreeMap::new();
    add_leaves(&serde_json::to_string(&parsed).expect("an event can be written"), String::new(), &mut leaves);
    Ok(Seen {
        name: parsed.name().to_owned(),
        identity: format!("{:?}", parsed.identity()),
        call_id: parsed.call_id().map(str::to_owned),
        drift: parsed.drift().iter().map(|misfit| misfit.path.clone()).collect(),
        typed: parsed.event().undecodable().is_none(),
        leaves,
    })
}

/// Numbers are kept as text, because one that is too large for a double is valid JSON.
fn add_leaves(text: &str, place: String, leaves: &mut BTreeMap<String, String>) {
    let inner: Vec<(String, &str)> = match (json::members(text), json::entries(text)) {
        (Some(members), _) => members.into_iter().map(|(key, value)| (key.replace('"', ""), value)).collect(),
        (_, Some(entries)) => entries.into_iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => return drop(leaves.insert(place, text.to_owned())),
    };
    for (step, value) in inner {
        add_leaves(value, format!("{place}/{step}"), leaves);
    }
}

pub fn check(subject: &Subject, input: &[u8]) {
    let mut bytes = Unstructured::new(input);
    let Ok((sample, place, value)) = case(&mut bytes) else { return };
    let with = |json: &str| {
        let mut body: Value = serde_json::from_str(sample.body()).expect("a sample is JSON");
        *body.pointer_mut(&place).expect("the place is in the sample") = "@here@".into();
        body.to_string().replace("\"@here@\"", json)
    };
    let see = |body: &str| {
        (subject.parse)(sample.vendor(), body).unwrap_or_else(|error| panic!("{error}: {place} of {body}"))
    };
    let (whole, absent, damaged) = (see(sample.body()), see(&with("null")), see(&with(&value)));
    let shown = || format!("{place} of {}", with(&value));
    assert_eq!((whole.drift.len(), whole.typed), (0, true), "{}", shown());
    assert!(damaged.typed, "{}", shown());
    assert_eq!(damaged.name, whole.name, "{}", shown());

    let path = path_of(&place);
    assert!(damaged.drift.iter().all(|misfit| misfit.starts_with(&path)), "{:?}: {}", damaged.drift, shown());
    // What the field has no part in: it is the same with the field and without it.
    if whole.identity == absent.identity && !whole.identity.starts_with("Body") {
        assert_eq!(damaged.identity, whole.identity, "{}", shown());
    }
    if whole.call_id == absent.call_id {
        assert_eq!(damaged.call_id, whole.call_id, "{}", shown());
    }
    // Without an entry, those that follow in its list have other places.
    let moved = place.rsplit_once('/').filter(|(_, step)| step.parse::<usize>().is_ok()).map(|(list, _)| list);
    for (leaf, text) in &whole.leaves {
        if absent.leaves.get(leaf) == Some(text) && !moved.is_some_and(|list| leaf.starts_with(list)) {
            assert_eq!(damaged.leaves.get(leaf), Some(text), "{leaf} is lost: {}", shown());
        }
    }
    // A field that does not fit is as if it were absent.
    if damaged.drift == [path] {
        assert_eq!(damaged.leaves, absent.leaves, "{}", shown());
        assert_eq!((damaged.identity, damaged.call_id), (absent.identity, absent.call_id), "{}", with(&value));
    }
}

/// Chooses a sample, a documented field of it, and JSON to put there.
fn case(bytes: &mut Unstructured<'_>) -> arbitrary::Result<(Sample, String, String)> {
    let all: Vec<Sample> = samples::all().collect();
    let sample = bytes.choose(&all)?.clone();
    let mut places = places_of(&serde_json::from_str(sample.body()).expect("a sample is JSON"));
    places.retain(|place| is_field(place));
    let place = bytes.choose(&places)?.clone();
    Ok((sample, place, any_json(bytes, 3)?))
}

/// Whether this is not the event's name or its data, without which a body is no event. The
/// settings of a medium may be any JSON.
fn is_field(place: &str) -> bool {
    !["", "/event", "/type", "/event_type", "/data", "/payload", "/call"].contains(&place)
        && !place.contains("/medium/")
}

/// Makes JSON of any type.
fn any_json(bytes: &mut Unstructured<'_>, depth: usize) -> arbitrary::Result<String> {
    let words = [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1.5",
        "1e999",
        "-0.0",
        "9223372036854775808",
        "\"142s\"",
        "\"\"",
        "\"2026-03-18T14:30:00Z\"",
        "1773844200",
        "[]",
        "{}",
    ];
    Ok(match bytes.int_in_range(0..=6)? {
        0 | 1 => (*bytes.choose(&words)?).to_owned(),
        2 => Value::from(<&str>::arbitrary(bytes)?).to_string(),
        3 => i64::arbitrary(bytes)?.to_string(),
        4 => Value::from(f64::arbitrary(bytes)?).to_string(),
        _ if depth == 0 => "[null]".to_owned(),
        5 => {
            let entries = (0..bytes.int_in_range(0..=4)?).map(|_| any_json(bytes, depth - 1));
            format!("[{}]", entries.collect::<Result<Vec<_>, _>>()?.join(","))
        }
        _ => {
            let keys = ["callId", "id", "from", "type", "message", "agentId", "name", "billedDuration", "new"];
            let members = (0..bytes.int_in_range(0..=4)?)
                .map(|_| Ok(format!("{:?}:{}", bytes.choose(&keys)?, any_json(bytes, depth - 1)?)));
            format!("{{{}}}", members.collect::<arbitrary::Result<Vec<_>>>()?.join(","))
        }
    })
}

/// Returns the path that a drift shows for a place.
fn path_of(place: &str) -> String {
    let mut path = String::new();
    for step in place.trim_start_matches('/').split('/') {
        path = match step.parse::<usize>() {
            Ok(at) => format!("{path}[{at}]"),
            Err(_) if path.is_empty() => step.to_owned(),
            // The keys of the customer's own labels are not shown.
            Err(_) if path.ends_with(".metadata") => format!("{path}.*"),
            Err(_) => format!("{path}.{step}"),
        };
    }
    path
}
