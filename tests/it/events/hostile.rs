//! Fields of the wrong type, and bodies that no vendor should send.

use std::collections::BTreeSet;

use offhook::event::Parsed;
use offhook::testing::samples;
use offhook::{Event, ParseError, salpre, talkifai, truedy, ultravox};
use proptest::prelude::*;
use serde_json::Value;

use super::roundtrip::{Parse, round};
use offhook_tests::places::places_of;
use offhook_tests::samples::*;

const MARKER: &str = "s3cr3t-marker";

/// Values of every JSON type. Those with text contain a marker that no message may show.
const VALUES: [&str; 9] = [
    r#"{"s3cr3t-marker":1}"#,
    r#"["s3cr3t-marker"]"#,
    r#""s3cr3t-marker""#,
    "true",
    "-1",
    "1.5",
    "1e999",
    "9223372036854775808",
    "1e30",
];

/// Returns whether a field of this kind accepts the value. The kinds are `t` for text or integers,
/// `s` for strings, `d` for times, `n` for durations, `a` for amounts, `i` for integers, `f` for
/// floats, `b` for booleans, `o` for objects, `l` for lists, `m` for maps of strings, `w` for a
/// medium and `*` for any value.
fn accepts(kind: char, value: &str) -> bool {
    let number = ["-1", "1.5", "1e30", "9223372036854775808"].contains(&value);
    match kind {
        't' => value.starts_with('"') || ["-1", "9223372036854775808"].contains(&value),
        's' => value.starts_with('"'),
        'd' => ["-1", "1.5"].contains(&value),
        'n' => ["-1", "1.5"].contains(&value),
        'a' | 'f' => number,
        'i' => value == "-1",
        'b' => value == "true",
        'o' => value.starts_with('{'),
        'w' => value.starts_with('{'),
        'l' | 'm' => false,
        '*' => value != "1e999",
        other => panic!("{other}"),
    }
}

fn check<E: Parse>(envelope: (&str, &str), names: &[&str], path: &[&str], fields: &[(&str, char)]) {
    let (name_field, data_field) = envelope;
    for name in names {
        for (field, kind) in fields {
            for value in VALUES {
                let mut data = format!(r#"{{"{field}":{value}}}"#);
                for outer in path.iter().rev() {
                    data = format!(r#"{{"{outer}":{data}}}"#);
                }
                for body in [
                    format!(r#"{{"{name_field}":"{name}","{data_field}":{data}}}"#),
                    format!(r#"{{"{data_field}":{data},"{name_field}":"{name}"}}"#),
                ] {
                    let event: Parsed<E> = round(&body);
                    assert!(event.event().is_typed(), "{field} = {value}: {body}");
                    assert_eq!(event.drift().is_empty(), accepts(*kind, value), "{field} = {value}: {body}");
                    assert_eq!(event.name(), if *name == "call.completed" { "call.ended" } else { name }, "{body}");
                    let drift = event.drift().to_string();
                    assert!(!drift.contains(MARKER), "{drift}: {body}");
                    let outer: String = path.iter().map(|step| format!(".{step}")).collect();
                    let place = format!("{data_field}{outer}.{field}");
                    assert!(event.drift().iter().all(|misfit| misfit.path.starts_with(&place)), "{drift}: {body}");
                }
            }
        }
    }
}

#[test]
fn a_truedy_field_of_the_wrong_type_is_drift() {
    let data = ("event", "data");
    let own = [
        ("id", 't'),
        ("eventId", 't'),
        ("event", 's'),
        ("status", 's'),
        ("error_message", 's'),
        ("call", 'o'),
        ("call_id", 't'),
        ("callId", 't'),
        ("agent_id", 't'),
        ("duration_seconds", 'n'),
    ];
    check::<truedy::Event>(data, &TRUEDY_CALL_EVENTS, &[], &own);
    let call = [
        ("callId", 't'),
        ("created", 'd'),
        ("joined", 'd'),
        ("ended", 'd'),
        ("endReason", 's'),
        ("duration", 'n'),
        ("costUsd", 'a'),
        ("billedDuration", 'n'),
        ("billedSideInputTokens", 'i'),
        ("billedSideOutputTokens", 'i'),
        ("billingStatus", 's'),
        ("joinUrl", 's'),
        ("languageHint", 's'),
        ("maxDuration", 'n'),
        ("joinTimeout", 'n'),
        ("medium", 'w'),
        ("model", 's'),
        ("voice", 's'),
        ("recordingEnabled", 'b'),
        ("systemPrompt", 's'),
        ("temperature", 'f'),
        ("shortSummary", 's'),
        ("summary", 's'),
        ("agent", 'o'),
        ("agentId", 't'),
        ("metadata", 'm'),
        ("sipDetails", 'o'),
    ];
    check::<truedy::Event>(data, &TRUEDY_CALL_EVENTS, &["call"], &call);
    let agent = [("agentId", 't'), ("name", 's')];
    check::<truedy::Event>(data, &TRUEDY_CALL_EVENTS, &["call", "agent"], &agent);
    let sip = [("billedDuration", 'n'), ("terminationReason", 's')];
    check::<truedy::Event>(data, &TRUEDY_CALL_EVENTS, &["call", "sipDetails"], &sip);
    let batch =
        [("id", 't'), ("eventId", 't'), ("batch_id", 't'), ("batchId", 't'), ("status", 's'), ("error_message", 's')];
    check::<truedy::Event>(data, &TRUEDY_BATCH_EVENTS, &[], &batch);
    let voice =
        [("id", 't'), ("eventId", 't'), ("voice_id", 't'), ("voiceId", 't'), ("status", 's'), ("error_message", 's')];
    check::<truedy::Event>(data, &TRUEDY_VOICE_EVENTS, &[], &voice);
}

#[test]
fn a_talkifai_field_of_the_wrong_type_is_drift() {
    let data = ("type", "data");
    let call = [
        ("callId", 't'),
        ("agentId", 't'),
        ("direction", 's'),
        ("from", 's'),
        ("to", 's'),
        ("duration", 'n'),
        ("status", 's'),
        ("endReason", 's'),
        ("recordingUrl", 's'),
    ];
    check::<talkifai::Event>(data, &TALKIFAI_CALL_EVENTS, &[], &call);
    let ready = [("callId", 't'), ("transcriptUrl", 's')];
    check::<talkifai::Event>(data, &["transcript.ready"], &[], &ready);
    let analysis = [("id", 't'), ("callId", 't'), ("roomName", 's'), ("createdAt", 'd')];
    check::<talkifai::Event>(data, &["analysis.completed"], &[], &analysis);
}

#[test]
fn a_salpre_field_of_the_wrong_type_is_drift() {
    let payload = ("event_type", "payload");
    let flat = [("call", 'o'), ("call_id", 't'), ("from", 's'), ("to", 's'), ("direction", 's'), ("source", 's')];
    let nested = [("id", 't'), ("from", 's'), ("to", 's'), ("direction", 's'), ("source", 's')];
    let all = [&SALPRE_CALL_EVENTS[..], &["transcript", "call_ended", "error"]].concat();
    check::<salpre::Event>(payload, &all, &[], &flat);
    check::<salpre::Event>(payload, &all, &["call"], &nested);
    let transcript = [("type", 's'), ("transcript", 's'), ("timestamp_utc", 't')];
    check::<salpre::Event>(payload, &["transcript"], &[], &transcript);
    check::<salpre::Event>(payload, &["error"], &[], &[("error_message", 's')]);
    check::<salpre::Event>(payload, &["call_ended"], &[], &[("transcript", 'l')]);
}

/// Replaces each member of the published deliveries, and of a full call, with a value of every
/// type, and collects the reasons of all misfits.
#[test]
fn a_misfit_says_what_was_expected() {
    let full = format!(r#"{{"event":"call.ended","call":{FULL_CALL}}}"#);
    let published = samples::all().map(|sample| (sample.vendor(), sample.body().to_owned()));
    let mut reasons = BTreeSet::new();
    for (vendor, body) in published.chain([("ultravox", full)]) {
        let body: Value = serde_json::from_str(&body).unwrap();
        let places = places_of(&body);
        for (place, wrong) in places.iter().flat_map(|place| VALUES.map(|value| (place, value))) {
            let Ok(wrong) = serde_json::from_str(wrong) else { continue };
            let mut damaged = body.clone();
            *damaged.pointer_mut(place).unwrap() = wrong;
            let damaged = damaged.to_string();
            match vendor {
                "truedy" => collect(truedy::Event::parse(damaged.as_bytes()), &mut reasons),
                "talkifai" => collect(talkifai::Event::parse(damaged.as_bytes()), &mut reasons),
                "salpre" => collect(salpre::Event::parse(damaged.as_bytes()), &mut reasons),
                _ => collect(ultravox::Event::parse(damaged.as_bytes()), &mut reasons),
            }
        }
    }
    let expected = [
        "expected a boolean",
        "expected a list of objects",
        "expected a number",
        r#"expected a number of seconds or a text such as "120s""#,
        "expected a string",
        "expected a string or an integer",
        "expected an RFC 3339 time or Unix seconds",
        "expected an integer",
        "expected an object",
        "expected an object of strings",
        "expected an object with one medium",
        "the body is not a JSON object",
        "the envelope has no usable `call`",
        "the envelope has no usable `event_type`",
        "the envelope has no usable `event`",
        "the envelope has no usable `type`",
    ];
    assert_eq!(reasons.iter().collect::<Vec<_>>(), expected);
}

/// Adds the reasons of the misfits in a body, or its error.
fn collect<E: Event>(parsed: Result<Parsed<E>, ParseError>, reasons: &mut BTreeSet<String>) {
    match parsed {
        Ok(parsed) => reasons.extend(parsed.drift().into_iter().map(|misfit| misfit.reason.clone())),
        Err(error) => drop(reasons.insert(format!("{error}"))),
    }
}

/// A field that belongs to another event of the vendor is skipped like any unknown field.
#[test]
fn fields_of_other_events_are_skipped() {
    for field in ["type", "transcript", "timestamp_utc", "error_message", "is_test", "new"] {
        let body = format!(r#"{{"event_type":"call_ringing","payload":{{"call_id":1,"{field}":[7]}}}}"#);
        assert!(round::<salpre::Event>(&body).event().is_typed(), "{body}");
    }
}

#[test]
fn an_envelope_field_of_the_wrong_type_is_drift() {
    let text = |body: &str| {
        let parsed = round::<truedy::Event>(body);
        format!("{} {:?} {} {}", parsed.name(), parsed.envelope().id, parsed.event().is_typed(), parsed.drift())
    };
    for (body, expected) in [
        (
            r#"{"event":"call.completed","data":{},"id":["s3cr3t-marker"]}"#,
            "call.ended None true id: expected a string or an integer",
        ),
        (r#"{"event":"call.ended","data":{},"id":1.5}"#, "call.ended None true id: expected a string or an integer"),
        (
            r#"{"event":"call.ended","id":"e","data":{},"timestamp":"s3cr3t-marker"}"#,
            r#"call.ended Some("e") true timestamp: expected an RFC 3339 time or Unix seconds"#,
        ),
        (r#"{"event":"call.ended","id":7,"data":"s3cr3t-marker"}"#, r#"call.ended Some("7") false "#),
    ] {
        let shown = text(body);
        assert!(shown.starts_with(expected), "{shown}");
        assert!(!shown.contains(MARKER), "{shown}");
    }
    let parsed = round::<salpre::Event>(r#"{"event_type":"error","payload":{},"is_test":"s3cr3t-marker"}"#);
    assert_eq!(parsed.drift().to_string(), "is_test: expected a boolean");
    assert!(parsed.event().is_typed() && !parsed.is_test());
}

#[test]
fn a_truncated_truedy_body_is_refused() {
    for (_, body) in TRUEDY {
        for end in 0..body.len() {
            assert!(matches!(truedy::Event::parse(&body.as_bytes()[..end]), Err(ParseError::NotJson { .. })), "{end}");
        }
    }
}

#[test]
fn a_json_error_names_line_and_column() {
    let error = truedy::Event::parse(b"{\"event\":\"call.ended\",\n\"data\": s3cr3t-marker}").unwrap_err();
    assert_eq!(error, ParseError::NotJson { line: 2, column: 9 });
    assert_eq!(error.to_string(), "the body is not JSON (line 2, column 9)");
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let bodies = [
        format!(r#"{{"event":"call.ended","data":{{"call":{{"callId":{}}}}}}}"#, deep(100_000)),
        format!(r#"{{"event":"call.ended","data":{{"call":{{"new":{}}}}}}}"#, deep(100_000)),
        format!(r#"{{"event":"call.ended","data":{{"call":{{"medium":{{"sip":{}}}}}}}}}"#, deep(100_000)),
        format!(r#"{{"event":"call.ended","data":{}}}"#, deep(100_000)),
        format!(r#"{{"event":"new","data":{}}}"#, deep(100_000)),
        format!(r#"{{"new":{},"event":"new","data":1}}"#, deep(100_000)),
    ];
    let parse = move || {
        for body in &bodies {
            round::<truedy::Event>(body);
        }
        assert_eq!(truedy::Event::parse(deep(100_000).as_bytes()), Err(ParseError::NotAnObject));
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(parse).unwrap().join().unwrap();
}

#[test]
fn debug_output_shows_no_payload_text() {
    let call = FULL_CALL
        .replace("You are helpful.", MARKER)
        .replace("wss://voice.example/join/secret", MARKER)
        .replace(r#""p""#, r#""s3cr3t-marker""#)
        .replace("Caller asked about pricing.", MARKER)
        .replace("Pricing.", MARKER)
        .replace("c-77", MARKER)
        .replace("Ada", MARKER);
    let body = format!(r#"{{"event":"call.ended","data":{{"call":{call},"error_message":"{MARKER}"}}}}"#);
    let mut shown = format!("{:?}", truedy::Event::parse(body.as_bytes()).unwrap());
    for body in [
        r#"{"event":"new","data":"s3cr3t-marker"}"#,
        r#"{"event":"call.ended","data":"s3cr3t-marker"}"#,
        r#"{"event":"voice.training.failed","data":{"status":"s3cr3t-marker","error_message":"s3cr3t-marker"}}"#,
        r#"{"event":"call.ended","data":{"status":"s3cr3t-marker","call":{"endReason":"s3cr3t-marker"}}}"#,
    ] {
        shown += &format!("{:?}", truedy::Event::parse(body.as_bytes()).unwrap());
    }
    for body in [
        r#"{"type":"call.started","data":{"from":"s3cr3t-marker","to":"s3cr3t-marker","recordingUrl":"s3cr3t-marker"}}"#,
        r#"{"type":"analysis.completed","data":{"analysisData":"s3cr3t-marker"}}"#,
        r#"{"type":"credit.low","data":"s3cr3t-marker"}"#,
    ] {
        shown += &format!("{:?}", talkifai::Event::parse(body.as_bytes()).unwrap());
    }
    for body in [
        r#"{"event_type":"transcript","payload":{"from":"s3cr3t-marker","transcript":"s3cr3t-marker"}}"#,
        r#"{"event_type":"call_ended","payload":{"transcript":[{"message":"s3cr3t-marker"}]}}"#,
        r#"{"event_type":"error","payload":{"error_message":"s3cr3t-marker"}}"#,
    ] {
        shown += &format!("{:?}", salpre::Event::parse(body.as_bytes()).unwrap());
    }
    assert!(!shown.contains(MARKER), "{shown}");
    assert!(shown.contains("call_id"), "{shown}");
}

fn parse_by_every_vendor(body: &[u8]) {
    fn parse_and_round_trip<E: Parse>(body: &[u8]) {
        if let Ok(event) = E::parse(body) {
            round::<E>(std::str::from_utf8(body).unwrap());
            let _shown = format!("{event:?}");
        }
    }
    parse_and_round_trip::<truedy::Event>(body);
    parse_and_round_trip::<talkifai::Event>(body);
    parse_and_round_trip::<salpre::Event>(body);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn random_bytes_cause_no_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        parse_by_every_vendor(&body);
    }

    #[test]
    fn mutated_published_deliveries_cause_no_panic(
        (_, body) in prop::sample::select([&TRUEDY[..], &TALKIFAI, &SALPRE].concat()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(b'"'), Just(b'{'), Just(b'}'), Just(b','), Just(b'1'), any::<u8>()]), 1..6),
        cut in any::<prop::sample::Index>(),
        paste in any::<prop::sample::Index>(),
        length in 0_usize..40,
    ) {
        let mut body = body.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        parse_by_every_vendor(&body);
        let from = cut.index(body.len());
        let piece = body[from..(from + length).min(body.len())].to_vec();
        let at = paste.index(body.len());
        body.splice(at..at, piece);
        parse_by_every_vendor(&body);
    }
}
