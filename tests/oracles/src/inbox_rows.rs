//! Records of the inbox: old ones open, damaged ones are refused, and what is written again is the
//! same record.

use arbitrary::{Arbitrary, Unstructured};
use base64ct::{Base64, Encoding as _};
use chrono::DateTime;
use offhook::inbox::{OpenError, Stored};
use offhook::testing::{Signer, samples};
use offhook::{Delivery, FixedClock, Salpre, Verifier, salpre};
use serde_json::{Map, Value};

pub struct Subject {
    open: fn(&Stored, &Salpre) -> Result<Delivery<salpre::Event>, OpenError>,
}

pub const CRATE: Subject = Subject { open: |stored, verifier| stored.open(verifier) };

/// Opens what a newer version of the crate wrote, as if it were its own.
pub const PLANTED: Subject = Subject {
    open: |stored, verifier| {
        let mut record = serde_json::to_value(stored).expect("a record can be written");
        record["version"] = 1.into();
        let stored: Stored = serde_json::from_value(record).expect("the record is the same otherwise");
        stored.open(verifier)
    },
};

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    sample: u8,
    edits: Vec<Edit<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Edit<'a> {
    Remove { member: u8 },
    Set { member: u8, value: Damage<'a> },
    Add { name: &'a str, value: Damage<'a> },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Damage<'a> {
    Null,
    Number(i32),
    Float(f32),
    Text(&'a str),
    Bool(bool),
    List,
    Object,
    /// The body of a sample.
    Body(u8),
    Time(i32),
}

pub fn check(subject: &Subject, input: &[u8]) {
    // Any text may be in a row.
    if let Ok(stored) = serde_json::from_slice::<Stored>(input) {
        check_stored(subject, &stored);
    }
    let Ok(case) = Case::arbitrary(&mut Unstructured::new(input)) else { return };
    let mut record = record(case.sample);
    for edit in case.edits.iter().take(4) {
        let names: Vec<String> = MEMBERS.map(str::to_owned).into();
        let name = |member: &u8| names[usize::from(*member) % names.len()].clone();
        match edit {
            Edit::Remove { member } => drop(record.remove(&name(member))),
            Edit::Set { member, value } => drop(record.insert(name(member), value.json())),
            Edit::Add { name, value } => drop(record.insert((*name).to_owned(), value.json())),
        }
    }
    let text = serde_json::to_string(&record).expect("a record is JSON");
    let stored = serde_json::from_str::<Stored>(&text);
    assert_eq!(stored.is_ok(), is_whole(&record), "{:?}: {text}", stored.err());
    if let Ok(stored) = stored {
        check_members(subject, &stored, &record);
    }
}

/// Checks what holds for every record.
fn check_stored(subject: &Subject, stored: &Stored) {
    let text = serde_json::to_string(stored).expect("a record can be written");
    let again: Stored = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(&again == stored, "another record: {text}");
    let _opened = (subject.open)(stored, &verifier()).map(|delivery| format!("{delivery:?}"));
}

fn check_members(subject: &Subject, stored: &Stored, record: &Map<String, Value>) {
    check_stored(subject, stored);
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    assert_eq!(stored.key(), text("key"));
    assert_eq!(stored.call_id(), text("call_id"));
    let body = match text("body") {
        Some(body) => body.as_bytes().to_vec(),
        None => Base64::decode_vec(text("body_base64").unwrap_or_default()).unwrap_or_default(),
    };
    assert_eq!(stored.body(), &body);

    let opened = (subject.open)(stored, &verifier());
    if record["version"].as_u64() > Some(1) {
        assert!(matches!(opened, Err(OpenError::NewerVersion { .. })), "{opened:?}: {record:?}");
    } else if (text("vendor"), text("endpoint")) != (Some("salpre"), Some("")) {
        assert!(matches!(opened, Err(OpenError::OtherVendor { .. })), "{opened:?}: {record:?}");
    } else if salpre::Event::parse(&body).is_err() {
        assert!(matches!(opened, Err(OpenError::Parse(_))), "{opened:?}: {record:?}");
    } else {
        let delivery = opened.unwrap_or_else(|error| panic!("{error}: {record:?}"));
        assert_eq!(delivery.body(), &body);
        let (verified, signed_at) = (delivery.verified(), text("signed_at"));
        let index = record.get("secret_index").and_then(Value::as_u64);
        assert_eq!(verified.secret_index().map(|index| index as u64), index);
        assert_eq!(verified.message_id(), text("message_id").filter(|id| !id.is_empty()));
        let signed_at = signed_at.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        assert_eq!(verified.signed_at(), signed_at.map(|time| time.to_utc()));
    }
}

/// Returns whether a record has everything that it needs, by its documentation.
fn is_whole(record: &Map<String, Value>) -> bool {
    let text = |name: &str| record.get(name).is_some_and(Value::is_string);
    let may_be_absent =
        |name: &str, fits: fn(&Value) -> bool| record.get(name).is_none_or(|value| value.is_null() || fits(value));
    let stage = |value: &Value| value.as_str().is_some_and(|stage| STAGES.contains(&stage));
    let hex = |digest: &str| digest.len() == 64 && digest.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    let body = |name: &str| record.get(name).filter(|value| !value.is_null());
    let has_body = match (body("body"), body("body_base64")) {
        (Some(body), None) => body.is_string(),
        (None, Some(body)) => body.as_str().is_some_and(|body| Base64::decode_vec(body).is_ok()),
        _ => false,
    };
    record.get("version").and_then(Value::as_u64).is_some_and(|version| version <= 65_535)
        && ["vendor", "endpoint", "event"].into_iter().all(text)
        && ["key", "call_id", "signed_at", "message_id"].into_iter().all(|name| may_be_absent(name, Value::is_string))
        && may_be_absent("secret_index", Value::is_u64)
        && may_be_absent("stage", stage)
        && has_body
        && record.get("payload_sha256").and_then(Value::as_str).is_some_and(hex)
        && record.get("received_at").and_then(Value::as_str).is_some_and(|at| DateTime::parse_from_rfc3339(at).is_ok())
}

impl Damage<'_> {
    fn json(self) -> Value {
        match self {
            Damage::Null => Value::Null,
            Damage::Number(number) => number.into(),
            Damage::Float(number) => number.into(),
            Damage::Text(text) => text.into(),
            Damage::Bool(value) => value.into(),
            Damage::List => Value::Array(vec![1.into()]),
            Damage::Object => Value::Object(Map::new()),
            Damage::Body(index) => samples::salpre::ALL[usize::from(index) % samples::salpre::ALL.len()].body().into(),
            Damage::Time(seconds) => DateTime::from_timestamp(seconds.into(), 0).map(|time| time.to_rfc3339()).into(),
        }
    }
}

/// Makes the record of a genuine delivery.
fn record(sample: u8) -> Map<String, Value> {
    let sample = &samples::salpre::ALL[usize::from(sample) % samples::salpre::ALL.len()];
    let request = Signer::bearer(TOKEN).unwrap().request("/", sample.body().to_owned());
    let delivery = verifier().receive_request(&request.head(), request.body.clone()).expect("it is genuine");
    match serde_json::to_value(Stored::of(&delivery)) {
        Ok(Value::Object(record)) => record,
        other => panic!("a record is an object: {other:?}"),
    }
}

fn verifier() -> Salpre {
    Salpre::bearer(TOKEN).unwrap().with_clock(FixedClock::at_unix(1_773_844_200))
}

const TOKEN: &str = "s3cret-t0ken";
const STAGES: [&str; 8] = ["started", "ringing", "joined", "ended", "failed", "transcript", "billed", "other"];
const MEMBERS: [&str; 14] = [
    "version",
    "vendor",
    "endpoint",
    "event",
    "key",
    "call_id",
    "stage",
    "body",
    "body_base64",
    "payload_sha256",
    "secret_index",
    "signed_at",
    "message_id",
    "received_at",
];
