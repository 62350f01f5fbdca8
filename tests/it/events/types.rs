//! offhook reads the type and the timestamp of a Standard Webhooks message while it deserializes
//! the user's type. The result must be the same as with serde_json alone.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use offhook::testing::Signer;
use offhook::{Clock, FixedClock, ParseError, RawJson, ReceiveError, StandardWebhooks, Verifier};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::value::RawValue;

use offhook_tests::signing::NOW;

const SECRET: &str = "whsec_bG9uZyBlbm91Z2g=";

#[derive(Debug, PartialEq, Deserialize)]
struct Struct {
    #[serde(rename = "type")]
    name: Option<String>,
    timestamp: Option<Value>,
    data: Option<RawJson>,
    #[serde(default)]
    n: Option<f64>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    #[serde(alias = "type")]
    kind: String,
    data: Value,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Flat {
    timestamp: Option<i64>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "type", content = "data")]
enum Adjacent {
    #[serde(rename = "a")]
    A(Value),
    #[serde(rename = "b")]
    B { x: u64 },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "type")]
enum Internal {
    #[serde(rename = "a")]
    A { data: Value },
    #[serde(rename = "b")]
    B(Strict),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum External {
    Type(Value),
    Timestamp(u64),
    Data { x: u64 },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Flat(Flat),
    Any(Value),
}

#[derive(Debug, PartialEq, Deserialize)]
struct Newtype(BTreeMap<String, Value>);

/// Asserts that offhook gives the same result as serde_json alone. `seen` makes the values comparable.
#[track_caller]
fn assert_same<E: DeserializeOwned + 'static, S: PartialEq + Debug>(body: &str, seen: impl Fn(&E) -> S) {
    let vendor = StandardWebhooks::<E>::new(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW));
    let signer = Signer::new(offhook::standard_webhooks::SCHEME, SECRET).unwrap();
    let received = vendor.receive(&signer.sign(FixedClock::at_unix(NOW).now(), body), body.to_owned());

    let mut head = BTreeMap::new();
    for (key, value) in members(body) {
        if matches!(&*key, "type" | "timestamp") && head.insert(key.clone(), value).is_some() {
            let error = received.map(drop).unwrap_err();
            assert!(matches!(error, ReceiveError::Parse(ParseError::RepeatedField { .. })), "{error}: {body}");
            return;
        }
    }
    let delivery = received.unwrap_or_else(|error| panic!("{error}: {body}"));
    let message = delivery.event();
    let name = head.get("type").and_then(|name| serde_json::from_str(name).ok()).unwrap_or(String::new());
    assert_eq!(message.name, name, "{body}");
    let time = head.get("timestamp").map_or("null", |time| time);
    let expected = match serde_json::from_str::<Value>(time).unwrap() {
        Value::Number(number) => number.as_f64().map(|seconds| seconds as i64),
        Value::String(text) => chrono::DateTime::parse_from_rfc3339(&text).ok().map(|time| time.timestamp()),
        _ => None,
    };
    assert_eq!(delivery.envelope().timestamp.map(|time| time.timestamp()), expected, "{body}");
    match (&message.data, serde_json::from_str::<E>(body)) {
        (Ok(data), Ok(alone)) => assert_eq!(seen(data), seen(&alone), "{body}"),
        (Err(undecodable), Err(_)) => assert_eq!(undecodable.data.get(), body.trim()),
        (data, alone) => panic!("offhook: {}, serde_json alone: {}: {body}", data.is_ok(), alone.is_ok()),
    }
}

/// Returns the members of an object in order, including repeated ones.
fn members(body: &str) -> Vec<(String, String)> {
    struct Members(Vec<(String, String)>);

    impl<'de> Deserialize<'de> for Members {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;

            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Members;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                    let mut members = Vec::new();
                    while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
                        members.push((key, value.get().to_owned()));
                    }
                    Ok(Members(members))
                }
            }

            deserializer.deserialize_map(Visitor)
        }
    }

    serde_json::from_str::<Members>(body).unwrap().0
}

/// Compares the results for a struct, enums of every representation, maps and scalars.
#[track_caller]
fn assert_same_for_every_type(body: &str) {
    fn shown<T: Debug>(value: &T) -> String {
        format!("{value:?}")
    }
    assert_same::<Struct, _>(body, |value| format!("{value:?} {:?}", value.data.as_ref().map(RawJson::get)));
    assert_same::<Strict, _>(body, shown);
    assert_same::<Flat, _>(body, shown);
    assert_same::<Adjacent, _>(body, shown);
    assert_same::<Internal, _>(body, shown);
    assert_same::<External, _>(body, shown);
    assert_same::<Untagged, _>(body, shown);
    assert_same::<Newtype, _>(body, shown);
    assert_same::<Value, _>(body, Value::clone);
    assert_same::<Option<Struct>, _>(body, shown);
    assert_same::<BTreeMap<String, Value>, _>(body, BTreeMap::clone);
    assert_same::<HashMap<u64, Value>, _>(body, HashMap::clone);
    assert_same::<BTreeMap<char, Option<bool>>, _>(body, shown);
    assert_same::<RawJson, _>(body, |raw| raw.get().to_owned());
    assert_same::<Box<RawValue>, _>(body, |raw| raw.get().to_owned());
    assert_same::<Vec<u8>, _>(body, Vec::clone);
    assert_same::<(), _>(body, |()| ());
    assert_same::<String, _>(body, String::clone);
    assert_same::<IgnoredAny, _>(body, |_| ());
}

#[test]
fn handwritten_bodies_deserialize_as_with_serde_json_alone() {
    for body in [
        "{}",
        r#" {"type":"a"} "#,
        r#"{"type":"a","data":{"x":1},"timestamp":1773844200}"#,
        r#"{"data":{"x":1},"timestamp":"2026-03-18T14:30:00Z","type":"b"}"#,
        r#"{"t\u0079pe":"a","data":null}"#,
        r#"{"type":"a","t\u0079pe":"b"}"#,
        r#"{"type":"\ud83d\ude00","timestamp":null}"#,
        r#"{"data":{"type":"inner","timestamp":1},"n":0.1234567890123456789}"#,
        r#"{"1":true,"2":{"type":[]}}"#,
        r#"{"x":null}"#,
        r#"{"data":1,"data":2,"type":"a"}"#,
        r#"{"$serde_json::private::RawValue":"{}"}"#,
        r#"{"type":{"$serde_json::private::RawValue":"1"},"$serde_json::private::Number":"7"}"#,
    ] {
        assert_same_for_every_type(body);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bodies_deserialize_as_with_serde_json_alone(members in prop::collection::vec((key(), value()), 0..6), space in "[ \n]{0,2}") {
        let members: Vec<_> = members.iter().map(|(key, value)| format!("{key}:{space}{value}")).collect();
        assert_same_for_every_type(&format!("{{{}{space}}}", members.join(",")));
    }
}

fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            "\"type\"",
            "\"type\"",
            "\"timestamp\"",
            "\"data\"",
            "\"data\"",
            "\"kind\"",
            "\"n\"",
            "\"x\"",
            "\"7\"",
            "\"t\\u0079pe\"",
            "\"Type\"",
            "\"\"",
        ][..],
    )
}

fn value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            "\"a\"",
            "\"b\"",
            "\"\\n\"",
            "null",
            "true",
            "7",
            "1773844200",
            "\"2026-03-18T14:30:00Z\"",
            "0.1",
            "{\"x\":7}",
            "{\"x\":[{\"type\":1}]}",
            "[]",
            "{}",
        ][..],
    )
}
