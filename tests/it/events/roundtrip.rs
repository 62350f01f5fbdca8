//! Events serialise to JSON that parses to the same event.

use offhook::event::Parsed;
use offhook::{Event, ParseError};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use offhook_tests::samples::*;

pub trait Parse: Sized + PartialEq + std::fmt::Debug + Event {
    fn parse(body: &[u8]) -> Result<Parsed<Self>, ParseError>;
    fn write(parsed: &Parsed<Self>) -> String;
    fn is_typed(&self) -> bool;
}

macro_rules! parse {
    ($($vendor:ident)+) => { $(
        impl Parse for offhook::$vendor::Event {
            fn parse(body: &[u8]) -> Result<Parsed<Self>, ParseError> {
                Self::parse(body)
            }

            fn write(parsed: &Parsed<Self>) -> String {
                serde_json::to_string(parsed).unwrap()
            }

            fn is_typed(&self) -> bool {
                !matches!(self, Self::Unknown(_) | Self::Undecodable(_))
            }
        }
    )+ };
}

parse!(truedy talkifai salpre);

/// Parses the body, writes the event and parses it again, and asserts that both events are equal.
#[track_caller]
pub fn round<E: Parse>(body: &str) -> Parsed<E> {
    let parsed = E::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"));
    let written = E::write(&parsed);
    let again = E::parse(written.as_bytes()).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!((parsed.envelope(), parsed.event()), (again.envelope(), again.event()), "{body}\n{written}");
    parsed
}

#[test]
fn published_deliveries_survive_a_round_trip() {
    for (_, body) in TRUEDY {
        assert!(round::<offhook::truedy::Event>(body).event().is_typed());
    }
    for (_, body) in TALKIFAI {
        assert!(round::<offhook::talkifai::Event>(body).event().is_typed());
    }
    for (_, body) in SALPRE {
        assert!(round::<offhook::salpre::Event>(body).event().is_typed());
    }
    let full = format!(r#"{{"event":"call.billed","data":{{"call":{FULL_CALL}}}}}"#);
    assert!(round::<offhook::truedy::Event>(&full).event().is_typed());
}

/// Field names, times and durations are written in the vendor's form.
#[test]
fn a_full_call_is_written_as_the_vendor_sent_it() {
    let mut call: Value = serde_json::from_str(FULL_CALL).unwrap();
    let body = json!({ "event": "call.billed", "data": { "call": call } });
    let event = offhook::truedy::Event::parse(body.to_string().as_bytes()).unwrap();
    // The agent's id is written once, inside the agent. Times have 0, 3, 6 or 9 fractional digits.
    call.as_object_mut().unwrap().remove("agentId");
    call["created"] = json!("2026-03-18T14:30:00Z");
    call["joined"] = json!("2026-03-18T14:30:05.500Z");
    let written = serde_json::to_value(&event).unwrap();
    assert_eq!(written, json!({ "event": "call.billed", "data": { "call": call } }));
    // `duration` is written as a number of seconds.
    assert_eq!(written["data"]["call"]["duration"], json!(142));
}

#[test]
fn unknown_and_undecodable_events_survive_a_round_trip() {
    for body in [
        r#"{"event":"call.exploded","timestamp":"2026-03-18T14:30:00.000Z","id":"e","data":{"a":[1,{"b":null}], "c":1.50}}"#,
        r#"{"event":"call.exploded","data":null}"#,
        r#"{"event":"call.completed","data":[{"call":7}],"id":"e","timestamp":5}"#,
        r#" {"data":"text","event":"batch.completed","id":[]} "#,
    ] {
        assert!(!round::<offhook::truedy::Event>(body).event().is_typed(), "{body}");
    }
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof!["[ -~]{0,20}", "\\PC{0,20}", any::<String>()].prop_map(Value::from)
}

fn id() -> impl Strategy<Value = Value> {
    prop_oneof![text(), any::<i64>().prop_map(Value::from), any::<u64>().prop_map(Value::from), Just(Value::Null)]
}

fn time() -> impl Strategy<Value = Value> {
    let at = |seconds, nanos| chrono::DateTime::from_timestamp(seconds, nanos).unwrap();
    let seconds = 0_i64..4_000_000_000;
    prop_oneof![
        (seconds.clone(), 0_u32..1_000_000_000)
            .prop_map(move |(seconds, nanos)| at(seconds, nanos).to_rfc3339().into()),
        (seconds.clone(), 0_u32..1_000_000).prop_map(move |(seconds, micros)| at(seconds, micros * 1000)
            .format("%Y-%m-%dT%H:%M:%S%.6f")
            .to_string()
            .into()),
        seconds.clone().prop_map(Value::from),
        seconds.prop_map(|seconds| json!(seconds as f64 + 0.5)),
        Just(Value::Null),
    ]
}

fn duration() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0_i64..1_000_000).prop_map(Value::from),
        (0.0_f64..1_000_000.0).prop_map(Value::from),
        (0_i64..999_999_999_999).prop_map(|seconds| format!("{seconds}s").into()),
        (0_i64..999_999, 0_u32..1_000_000_000).prop_map(|(seconds, nanos)| format!("-{seconds}.{nanos:09}s").into()),
        Just(Value::Null),
    ]
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(words).prop_map(Value::from),
        "[a-z_]{1,12}".prop_map(Value::from),
        Just(Value::Null)
    ]
}

fn amount() -> impl Strategy<Value = Value> {
    prop_oneof![any::<i64>().prop_map(Value::from), (-1e6_f64..1e6).prop_map(Value::from), Just(Value::Null)]
}

/// Generates an object with any subset of the fields in any order, and with unknown fields.
fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Vec<(String, Value)>> {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, value)| prop::option::of(value.prop_map(move |value| (name.to_owned(), value))))
        .collect();
    let new = prop::collection::vec(("new_[a-z]{1,5}", text()), 0..2);
    (fields, new)
        .prop_flat_map(|(fields, new)| Just(fields.into_iter().flatten().chain(new).collect::<Vec<_>>()).prop_shuffle())
        .boxed()
}

fn text_of(fields: Vec<(String, Value)>) -> String {
    let fields: Vec<_> = fields.into_iter().map(|(name, value)| format!("{}:{value}", Value::from(name))).collect();
    format!("{{{}}}", fields.join(","))
}

fn value(fields: Vec<(String, Value)>) -> Value {
    Value::Object(fields.into_iter().collect::<Map<_, _>>())
}

fn call() -> BoxedStrategy<Value> {
    let agent = object(vec![("agentId", id().boxed()), ("name", text().boxed())]).prop_map(value);
    let sip = object(vec![
        ("billedDuration", duration().boxed()),
        ("terminationReason", word(&["SIP_TERMINATION_BUSY"]).boxed()),
    ]);
    let medium = (word(&["sip", "twilio", "webRtc"]), text())
        .prop_filter("a key", |(kind, _)| kind.is_string())
        .prop_map(|(kind, settings)| json!({ kind.as_str().unwrap(): { "password": settings } }));
    object(vec![
        ("callId", id().boxed()),
        ("created", time().boxed()),
        ("joined", time().boxed()),
        ("ended", time().boxed()),
        ("endReason", word(&["hangup", "completed"]).boxed()),
        ("duration", duration().boxed()),
        ("costUsd", amount().boxed()),
        ("billedDuration", duration().boxed()),
        ("billedSideInputTokens", any::<i64>().prop_map(Value::from).boxed()),
        ("billingStatus", word(&["BILLING_STATUS_BILLED"]).boxed()),
        ("joinUrl", text().boxed()),
        ("maxDuration", duration().boxed()),
        ("medium", medium.boxed()),
        ("recordingEnabled", any::<bool>().prop_map(Value::from).boxed()),
        ("systemPrompt", text().boxed()),
        ("temperature", (0.0_f64..2.0).prop_map(Value::from).boxed()),
        ("summary", text().boxed()),
        ("agent", agent.boxed()),
        ("agentId", id().boxed()),
        (
            "metadata",
            prop::collection::btree_map("[a-z]{1,5}", any::<String>(), 0..3).prop_map(|map| json!(map)).boxed(),
        ),
        ("sipDetails", sip.prop_map(value).boxed()),
    ])
    .prop_map(value)
    .boxed()
}

fn envelope(
    name: (&'static str, Vec<&'static str>),
    time_name: &'static str,
    data: (&'static str, BoxedStrategy<Value>),
    rest: Vec<(&'static str, BoxedStrategy<Value>)>,
) -> BoxedStrategy<String> {
    let (name_field, names) = name;
    let (data_field, data) = data;
    let mut optional = rest;
    optional.push((time_name, time().boxed()));
    (prop::sample::select(names), data, object(optional))
        .prop_flat_map(move |(name, data, mut fields)| {
            fields.push((name_field.to_owned(), name.into()));
            fields.push((data_field.to_owned(), data));
            Just(fields).prop_shuffle()
        })
        .prop_map(text_of)
        .boxed()
}

fn truedy() -> BoxedStrategy<String> {
    let data = object(vec![
        ("id", id().boxed()),
        ("eventId", id().boxed()),
        ("event", text().boxed()),
        ("status", word(&["running", "ended"]).boxed()),
        ("error_message", text().boxed()),
        ("call", prop_oneof![call(), Just(Value::Null)].boxed()),
        ("call_id", id().boxed()),
        ("callId", id().boxed()),
        ("agent_id", id().boxed()),
        ("duration_seconds", duration().boxed()),
        ("batch_id", id().boxed()),
        ("voiceId", id().boxed()),
    ]);
    let names = [&TRUEDY_CALL_EVENTS[..], &TRUEDY_BATCH_EVENTS, &TRUEDY_VOICE_EVENTS, &["brand.new"]].concat();
    let rest = vec![("id", id().boxed()), ("event_id", id().boxed())];
    envelope(("event", names), "timestamp", ("data", data.prop_map(value).boxed()), rest)
}

fn talkifai() -> BoxedStrategy<String> {
    let analysis = prop::collection::btree_map("[a-z]{1,5}", amount(), 0..3).prop_map(|map| json!(map));
    let data = object(vec![
        ("id", id().boxed()),
        ("callId", id().boxed()),
        ("agentId", id().boxed()),
        ("direction", word(&["inbound", "outbound"]).boxed()),
        ("from", text().boxed()),
        ("to", text().boxed()),
        ("duration", duration().boxed()),
        ("status", word(&["completed"]).boxed()),
        ("endReason", word(&["user_hangup"]).boxed()),
        ("recordingUrl", text().boxed()),
        ("transcriptUrl", text().boxed()),
        ("roomName", text().boxed()),
        ("analysisData", analysis.boxed()),
        ("createdAt", time().boxed()),
    ]);
    let others = ["transcript.ready", "analysis.completed", "brand.new"];
    let names = [&TALKIFAI_CALL_EVENTS[..], &TALKIFAI_CREDIT_EVENTS, &others].concat();
    envelope(("type", names), "created", ("data", data.prop_map(value).boxed()), vec![("id", id().boxed())])
}

fn salpre() -> BoxedStrategy<String> {
    let call = || {
        vec![
            ("from", text().boxed()),
            ("to", text().boxed()),
            ("direction", word(&["inbound", "outbound"]).boxed()),
            ("source", text().boxed()),
        ]
    };
    let mut nested = call();
    nested.push(("id", id().boxed()));
    let entry = object(vec![
        ("type", word(&["ai", "customer"]).boxed()),
        ("message", text().boxed()),
        ("utc_timestamp", id().boxed()),
    ]);
    let entries = prop::collection::vec(entry.prop_map(value), 0..3).prop_map(Value::from);
    let mut fields = call();
    fields.extend([
        ("call_id", id().boxed()),
        ("call", object(nested).prop_map(value).boxed()),
        ("type", word(&["ai", "customer"]).boxed()),
        ("timestamp_utc", id().boxed()),
        ("error_message", text().boxed()),
        ("transcript", prop_oneof![entries, text()].boxed()),
    ]);
    let names = [&SALPRE_CALL_EVENTS[..], &["transcript", "call_ended", "error", "brand_new"]].concat();
    let payload = object(fields).prop_map(value).boxed();
    let test = prop_oneof![any::<bool>().prop_map(Value::from), Just(Value::Null)].boxed();
    envelope(("event_type", names), "timestamp_utc", ("payload", payload), vec![("is_test", test)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_truedy_events_survive_a_round_trip(body in truedy()) {
        round::<offhook::truedy::Event>(&body);
    }

    #[test]
    fn random_talkifai_events_survive_a_round_trip(body in talkifai()) {
        let event = round::<offhook::talkifai::Event>(&body);
        prop_assert!(event.event().is_typed() || event.name() == "brand.new", "{body}");
    }

    #[test]
    fn random_salpre_events_survive_a_round_trip(body in salpre()) {
        round::<offhook::salpre::Event>(&body);
    }

    #[test]
    fn the_event_name_may_come_before_or_after_the_data(body in prop_oneof![truedy()]) {
        let fields: Map<String, Value> = serde_json::from_str(&body).unwrap();
        let data = fields["data"].clone();
        let first: Vec<_> = fields.iter().filter(|(name, _)| *name != "data").map(|(k, v)| (k.clone(), v.clone())).collect();
        let mut last = first.clone();
        last.insert(0, ("data".to_owned(), data.clone()));
        let mut name_first = first;
        name_first.sort_by_key(|(name, _)| name != "event");
        name_first.push(("data".to_owned(), data));
        let name_first = offhook::truedy::Event::parse(text_of(name_first).as_bytes()).unwrap();
        let last = offhook::truedy::Event::parse(text_of(last).as_bytes()).unwrap();
        if name_first.event().is_typed() {
            prop_assert_eq!(name_first, last);
        } else {
            prop_assert_eq!(name_first.name(), last.name());
        }
    }
}
