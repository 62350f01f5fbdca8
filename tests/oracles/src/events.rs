//! Bodies: valid JSON is never called invalid, an envelope is read as its documentation says, and
//! what is written again is the same event.

use std::fmt::Debug;

use offhook::event::Parsed;
use offhook::{Event, ParseError, salpre, talkifai, truedy, ultravox};
use serde::Serialize;

use crate::json;

pub struct Subject {
    parse: fn(&Vendor, &[u8]) -> Result<Seen, ParseError>,
}

pub const CRATE: Subject = Subject { parse: |vendor, body| (vendor.look)(body) };

/// Builds a tree of the whole body first, which holds neither every number nor every depth.
pub const PLANTED: Subject = Subject {
    parse: |vendor, body| {
        serde_json::from_slice::<serde_json::Value>(body).map_err(|error| ParseError::from_json(&error))?;
        (vendor.look)(body)
    },
};

/// The first byte chooses the vendor, and the rest is the body.
pub fn check(subject: &Subject, input: &[u8]) {
    let Some((choice, body)) = input.split_first() else { return };
    let vendor = &VENDORS[usize::from(*choice) % VENDORS.len()];
    let seen = (subject.parse)(vendor, body);
    let Ok(text) = std::str::from_utf8(body) else {
        assert_eq!(seen.err(), Some(ParseError::NotUtf8));
        return;
    };
    let Some(members) = json::members(text) else {
        let error = seen.err().unwrap_or_else(|| panic!("{} accepted what is no object: {text}", vendor.name));
        assert!(!json::is_json(text) || error == ParseError::NotAnObject, "{error:?}: {text}");
        return;
    };
    // Half of a surrogate pair is no text, whatever the grammar says of it.
    if members.iter().any(|(key, _)| decoded(key).is_none()) {
        return;
    }
    check_envelope(vendor, &members, seen, text);
}

fn check_envelope(vendor: &Vendor, members: &[(&str, &str)], seen: Result<Seen, ParseError>, text: &str) {
    let values = |field: &str| -> Vec<&str> {
        members.iter().filter(|(key, _)| decoded(key).as_deref() == Some(field)).map(|(_, value)| *value).collect()
    };
    let fields = [&[vendor.name_field, vendor.data_field], vendor.other_fields].concat();
    if fields.iter().any(|field| values(field).len() > 1) {
        assert!(matches!(seen, Err(ParseError::RepeatedField { .. })), "{seen:?}: {text}");
        return;
    }
    let name = match values(vendor.name_field).first() {
        None | Some(&"null") => vendor.unnamed.then(String::new),
        Some(value) if value.starts_with('"') => match decoded(value) {
            Some(name) => Some(name).filter(|name| !name.is_empty()),
            None => return,
        },
        Some(_) => None,
    };
    let data = values(vendor.data_field).first().copied();
    let (Some(name), Some(data)) = (name, data) else {
        assert!(matches!(seen, Err(ParseError::MissingField { .. })), "{seen:?}: {text}");
        return;
    };
    let seen = seen.unwrap_or_else(|error| panic!("{}: {error}: {text}", vendor.name));
    let alias = if name == "call.completed" && vendor.name == "truedy" { "call.ended" } else { &*name };
    assert_eq!(seen.name, alias, "{text}");
    assert!(seen.survives, "{} writes another event: {} for {text}", vendor.name, seen.written);
    assert_eq!(seen.payload, data, "{text}");
    assert!(seen.typed || !data.starts_with('{') || !vendor.documented.contains(&&*name) || seen.misfits > 0, "{text}");
}

/// Decodes a string. That is not what is checked here.
fn decoded(string: &str) -> Option<String> {
    serde_json::from_str(string).ok()
}

pub struct Vendor {
    name: &'static str,
    name_field: &'static str,
    data_field: &'static str,
    /// The other fields of the envelope that the vendor documents.
    other_fields: &'static [&'static str],
    /// Whether there are deliveries without a name.
    unnamed: bool,
    documented: &'static [&'static str],
    look: fn(&[u8]) -> Result<Seen, ParseError>,
}

const VENDORS: [Vendor; 4] = [
    Vendor {
        name: "truedy",
        name_field: "event",
        data_field: "data",
        other_fields: &["timestamp", "id", "event_id"],
        unnamed: false,
        documented: &["call.started", "call.ended", "call.completed", "batch.completed", "voice.training.failed"],
        look: |body| look(truedy::Event::parse, body),
    },
    Vendor {
        name: "talkifai",
        name_field: "type",
        data_field: "data",
        other_fields: &["created", "id"],
        unnamed: false,
        documented: &["call.started", "call.ended", "transcript.ready", "credit.low"],
        look: |body| look(talkifai::Event::parse, body),
    },
    Vendor {
        name: "salpre",
        name_field: "event_type",
        data_field: "payload",
        other_fields: &["timestamp_utc", "is_test"],
        unnamed: false,
        documented: &["call_initiated", "transcript", "call_ended", "error"],
        look: |body| look(salpre::Event::parse, body),
    },
    Vendor {
        name: "ultravox",
        name_field: "event",
        data_field: "call",
        other_fields: &[],
        unnamed: true,
        documented: &["call.started", "call.ended"],
        look: |body| look(ultravox::Event::parse, body),
    },
];

/// What the crate says of a body.
#[derive(Debug)]
pub struct Seen {
    name: String,
    typed: bool,
    misfits: usize,
    payload: String,
    written: String,
    /// Whether what it wrote is the same event.
    survives: bool,
}

fn look<E>(parse: fn(&[u8]) -> Result<Parsed<E>, ParseError>, body: &[u8]) -> Result<Seen, ParseError>
where
    E: Event + PartialEq + Debug,
    Parsed<E>: Serialize,
{
    let parsed = parse(body)?;
    let written = serde_json::to_string(&parsed).expect("an event can be written");
    let again = parse(written.as_bytes());
    let same = |again: Parsed<E>| again.envelope() == parsed.envelope() && again.event() == parsed.event();
    let _shown = format!("{parsed:?} {:?}", parsed.call());
    Ok(Seen {
        name: parsed.name().to_owned(),
        typed: parsed.event().documented_name().is_some() && parsed.event().undecodable().is_none(),
        misfits: parsed.drift().len(),
        payload: String::from_utf8_lossy(parsed.event().payload(body)).into_owned(),
        survives: again.is_ok_and(same),
        written,
    })
}
