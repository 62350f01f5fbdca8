//! Bodies without a valid envelope, and valid envelopes of an unusual form.

use offhook::event::{Identity, Parsed};
use offhook::{ParseError, salpre, talkifai, truedy};
use serde_json::value::RawValue;

use super::roundtrip::{Parse, round};
use offhook_tests::samples::*;

fn refused<E: Parse>(body: &[u8]) -> ParseError {
    E::parse(body).expect_err(&String::from_utf8_lossy(body))
}

/// For each vendor: the field of the event's name, the field of the data, one event, and all
/// fields of the envelope.
const ENVELOPES: [(&str, &str, &str, &[&str]); 3] = [
    ("event", "data", "call.ended", &["event", "data", "timestamp", "id", "event_id"]),
    ("type", "data", "call.ended", &["type", "data", "created", "id"]),
    ("event_type", "payload", "call_ended", &["event_type", "payload", "timestamp_utc", "is_test"]),
];

fn each(check: impl Fn(fn(&[u8]) -> ParseError, (&str, &str, &str, &[&str]))) {
    let parsers = [refused::<truedy::Event>, refused::<talkifai::Event>, refused::<salpre::Event>];
    for (refused, envelope) in parsers.into_iter().zip(ENVELOPES) {
        check(refused, envelope);
    }
}

#[test]
fn a_body_that_is_not_a_json_object_is_refused() {
    each(|refused, (name, data, event, _)| {
        let good = format!(r#"{{"{name}":"{event}","{data}":{{}}}}"#);
        let not_json = |body: &[u8]| assert!(matches!(refused(body), ParseError::NotJson { .. }), "{body:?}");
        for body in ["", " ", "\0", "nul", "{", "{'a':1}", "{\"a\":1,}", "NaN", "\u{feff}{}"] {
            not_json(body.as_bytes());
        }
        not_json(format!("\u{feff}{good}").as_bytes());
        not_json(format!("{good}\0").as_bytes());
        not_json(format!("{good}{good}").as_bytes());
        not_json(good.replace("{}", "{\"a\":\"\0\"}").as_bytes());
        not_json(good.replace("{}", "1e").as_bytes());
        for body in ["null", "[]", "7", "1e999", "true", "\"text\"", "[{}]"] {
            assert_eq!(refused(body.as_bytes()), ParseError::NotAnObject, "{body}");
        }
        for bytes in [&b"\xff"[..], b"\xff\xfe{\0}\0", b"{\"a\":\"\xc3\x28\"}", b"{\"a\":\"\xed\xa0\x80\"}"] {
            assert_eq!(refused(bytes), ParseError::NotUtf8, "{bytes:?}");
        }
        let mut bytes = good.clone().into_bytes();
        bytes.extend(b" \xf0\x9f");
        assert_eq!(refused(&bytes), ParseError::NotUtf8);
    });
}

#[test]
fn missing_and_repeated_envelope_fields_are_refused() {
    each(|refused, (name, data, event, fields)| {
        let error = |body: &str| match refused(body.as_bytes()) {
            ParseError::MissingField { field } => format!("no {field}"),
            ParseError::RepeatedField { field } => format!("two {field}"),
            other => panic!("{other:?}: {body}"),
        };
        assert_eq!(error("{}"), format!("no {name}"));
        assert_eq!(error(&format!(r#"{{"{data}":{{}}}}"#)), format!("no {name}"));
        for no_name in ["null", "7", "\"\"", "{}", "[]", "true"] {
            assert_eq!(error(&format!(r#"{{"{name}":{no_name},"{data}":{{}}}}"#)), format!("no {name}"));
        }
        for event in [event, "brand_new"] {
            assert_eq!(error(&format!(r#"{{"{name}":"{event}"}}"#)), format!("no {data}"));
            for field in fields {
                let value = |field: &str| match field {
                    field if field == name => format!("\"{event}\""),
                    field if field == data => "{}".to_owned(),
                    _ => "null".to_owned(),
                };
                // A repeated field is refused at either end, and also if its key contains an escape.
                let all: Vec<_> = fields.iter().map(|field| format!("\"{field}\":{}", value(field))).collect();
                let again = format!("\"{field}\":{}", value(field));
                let escaped = format!("\"\\u{:04x}{}\":{}", field.as_bytes()[0], &field[1..], value(field));
                for more in [again, escaped] {
                    assert_eq!(error(&format!("{{{},{more}}}", all.join(","))), format!("two {field}"));
                    assert_eq!(error(&format!("{{{more},{}}}", all.join(","))), format!("two {field}"));
                }
            }
        }
    });
}

fn assert_every_truncation_is_refused<E: Parse>(body: &str) {
    round::<E>(body);
    for end in 0..body.len() {
        assert!(
            matches!(E::parse(&body.as_bytes()[..end]), Err(ParseError::NotJson { .. } | ParseError::NotUtf8)),
            "{end}"
        );
    }
}

#[test]
fn a_truncated_body_is_refused() {
    TRUEDY.iter().for_each(|(_, body)| assert_every_truncation_is_refused::<truedy::Event>(body));
    TALKIFAI.iter().for_each(|(_, body)| assert_every_truncation_is_refused::<talkifai::Event>(body));
    SALPRE.iter().for_each(|(_, body)| assert_every_truncation_is_refused::<salpre::Event>(body));
    assert_every_truncation_is_refused::<truedy::Event>(&format!(
        r#"{{"event":"call.billed","data":{{"call":{FULL_CALL},"ü":"😀"}}}}"#
    ));
}

/// Asserts that every order of the envelope's fields gives the same event.
fn assert_order_does_not_matter<E: Parse>(body: &str) {
    let fields: std::collections::BTreeMap<&str, &RawValue> = serde_json::from_str(body).unwrap();
    let fields: Vec<_> = fields.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    let expected: Parsed<E> = round(body);
    let mut orders = vec![Vec::new()];
    for _ in &fields {
        let longer = |order: Vec<usize>| {
            (0..fields.len())
                .filter(|at| !order.contains(at))
                .map(|at| [&order[..], &[at]].concat())
                .collect::<Vec<_>>()
        };
        orders = orders.into_iter().flat_map(longer).collect();
    }
    assert_eq!(orders.len(), (1..=fields.len()).product::<usize>());
    for order in orders {
        let body: Vec<_> = order.into_iter().map(|at| fields[at].as_str()).collect();
        let body = format!("{{ {} }}", body.join(" , "));
        assert_eq!(round::<E>(&body), expected, "{body}");
    }
}

#[test]
fn the_order_of_envelope_fields_does_not_matter() {
    TRUEDY.iter().for_each(|(_, body)| assert_order_does_not_matter::<truedy::Event>(body));
    TALKIFAI.iter().for_each(|(_, body)| assert_order_does_not_matter::<talkifai::Event>(body));
    SALPRE.iter().for_each(|(_, body)| assert_order_does_not_matter::<salpre::Event>(body));
    assert_order_does_not_matter::<truedy::Event>(
        r#"{"event":"new","data":[1, 2],"timestamp":1,"id":5,"event_id":"e"}"#,
    );
}

#[test]
fn null_fields_are_absent_and_unknown_fields_are_skipped_at_every_level() {
    let odd = r#""__proto__":{"x":1},"constructor":null,"":[],"\u0000":1"#;
    let nulls = |fields: &str| fields.split(' ').map(|field| format!("\"{field}\":null,")).collect::<String>();
    let call = nulls(
        "callId created joined ended endReason duration costUsd billedDuration billedSideInputTokens \
         billedSideOutputTokens billingStatus joinUrl languageHint maxDuration joinTimeout medium model voice \
         recordingEnabled systemPrompt temperature shortSummary summary agent agentId metadata sipDetails",
    );
    let data = nulls("id eventId event status error_message call_id callId agent_id duration_seconds");
    let subject = nulls("id eventId batch_id batchId voice_id voiceId status error_message");
    let top = nulls("timestamp id event_id");
    for name in TRUEDY_CALL_EVENTS {
        let empty: Parsed<truedy::Event> = round(&format!(r#"{{"event":"{name}","data":{{}}}}"#));
        for data in [format!("{data}\"call\":null,{odd}"), format!(r#"{data}"call":{{{call}{odd}}},{odd}"#)] {
            let body = format!(r#"{{{top}"event":"{name}","data":{{{data}}},{odd}}}"#);
            assert_eq!(round::<truedy::Event>(&body), empty, "{body}");
        }
    }
    for name in [TRUEDY_BATCH_EVENTS, TRUEDY_VOICE_EVENTS].concat() {
        let empty: Parsed<truedy::Event> = round(&format!(r#"{{"event":"{name}","data":{{}}}}"#));
        let body = format!(r#"{{{top}"event":"{name}","data":{{{subject}{odd}}},{odd}}}"#);
        assert_eq!(round::<truedy::Event>(&body), empty, "{body}");
    }
    let data = nulls(
        "callId agentId direction from to duration status endReason recordingUrl transcriptUrl id roomName createdAt",
    );
    for name in [&TALKIFAI_CALL_EVENTS[..], &["transcript.ready", "analysis.completed"]].concat() {
        let empty: Parsed<talkifai::Event> = round(&format!(r#"{{"type":"{name}","data":{{}}}}"#));
        let body =
            format!(r#"{{"type":"{name}","id":null,"created":null,"data":{{{data}"analysisData":null,{odd}}},{odd}}}"#);
        assert_eq!(round::<talkifai::Event>(&body), empty, "{body}");
    }
    let flat = nulls("call_id from to direction source type transcript timestamp_utc error_message");
    let nested = nulls("id from to direction source");
    for name in [&SALPRE_CALL_EVENTS[..], &["transcript", "call_ended", "error"]].concat() {
        let empty: Parsed<salpre::Event> = round(&format!(r#"{{"event_type":"{name}","payload":{{}}}}"#));
        for call in ["null".to_owned(), format!("{{{nested}{odd}}}")] {
            let body = format!(
                r#"{{"event_type":"{name}","timestamp_utc":null,"is_test":null,"payload":{{{flat}"call":{call},{odd}}},{odd}}}"#
            );
            assert_eq!(round::<salpre::Event>(&body), empty, "{body}");
        }
    }
    let entry = nulls("type message utc_timestamp");
    let body = format!(r#"{{"event_type":"call_ended","payload":{{"transcript":[{{{entry}{odd}}},{{}}]}}}}"#);
    let salpre::Event::CallEnded(ended) = round(&body).into_event() else { panic!("{body}") };
    assert_eq!(ended.transcript, Some(vec![salpre::TranscriptEntry::default(); 2]));
}

/// Drift is also reported inside lists and maps, and no message quotes the value.
#[test]
fn wrong_values_inside_lists_and_maps_are_drift() {
    let quoted = r#""x, expected s3cr3t-marker""#;
    for value in [quoted, r#"["s3cr3t-marker"]"#, r#"{"s3cr3t-marker":"s3cr3t-marker"}"#, "true", "1e999", "null", "7"]
    {
        for payload in [
            format!(r#"{{"transcript":[{{}},{value}]}}"#),
            format!(r#"{{"transcript":[{{"type":{value}}}]}}"#),
            format!(r#"{{"transcript":[{{"message":{value}}}]}}"#),
            format!(r#"{{"transcript":[{{"utc_timestamp":{value}}}]}}"#),
            format!(r#"{{"call":{value}}}"#),
        ] {
            let fits = match value {
                "null" => true,
                "7" => payload.contains("utc_timestamp"),
                _ if value == quoted => !payload.contains("{},") && !payload.contains("call"),
                _ => payload.contains(r#""call":{"#) || payload.contains("{},{"),
            };
            let body = format!(r#"{{"is_test":true,"event_type":"call_ended","payload":{payload}}}"#);
            let event: Parsed<salpre::Event> = round(&body);
            assert!(event.event().is_typed(), "{body}");
            assert_eq!(event.drift().is_empty(), fits, "{body}");
            // A test delivery stays a test delivery if its payload has drift.
            assert_eq!((event.is_test(), event.identity()), (true, Identity::Never), "{body}");
            assert!(!event.drift().to_string().contains("s3cr3t"), "{}", event.drift());
        }
        let body = format!(r#"{{"event":"call.ended","data":{{"call":{{"metadata":{{"k":{value}}}}}}}}}"#);
        let event: Parsed<truedy::Event> = round(&body);
        assert!(event.event().is_typed(), "{body}");
        assert_eq!(event.drift().is_empty(), value == quoted || value == "null", "{body}");
        assert!(!event.drift().to_string().contains("s3cr3t"), "{}", event.drift());
        for field in ["duration", "created", "costUsd", "medium", "agent"] {
            let body = format!(r#"{{"event":"call.ended","data":{{"call":{{"{field}":{quoted}}}}}}}"#);
            let event: Parsed<truedy::Event> = round(&body);
            let drift = event.drift().to_string();
            assert!(drift.starts_with(&format!("data.call.{field}: expected ")), "{drift}");
            assert!(event.event().is_typed() && !drift.contains("s3cr3t"), "{drift}");
        }
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack_for_any_vendor() {
    let parse = || {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let open = "[".repeat(100_000);
        each(|refused, (name, data, event, _)| {
            assert_eq!(refused(deep.as_bytes()), ParseError::NotAnObject);
            assert!(matches!(refused(format!(r#"{{"{name}":{open}"#).as_bytes()), ParseError::NotJson { .. }));
            let body = format!(r#"{{"{name}":"{event}","{data}":{{"new":{open}}}}}"#);
            assert!(matches!(refused(body.as_bytes()), ParseError::NotJson { .. }));
            let body = format!(r#"{{"{name}":{deep},"{data}":{{}}}}"#);
            assert!(matches!(refused(body.as_bytes()), ParseError::MissingField { .. }));
        });
        for field in ["callId", "new", "duration"] {
            let body = format!(r#"{{"type":"call.ended","data":{{"{field}":{deep}}}}}"#);
            assert_eq!(round::<talkifai::Event>(&body).drift().is_empty(), field == "new");
        }
        for data in [format!(r#"{{"analysisData":{deep}}}"#), format!(r#"{{"new":{deep}}}"#)] {
            assert!(
                round::<talkifai::Event>(&format!(r#"{{"type":"analysis.completed","data":{data}}}"#))
                    .event()
                    .is_typed()
            );
        }
        assert!(round::<talkifai::Event>(&format!(r#"{{"type":"credit.low","data":{deep}}}"#)).event().is_typed());
        for field in ["call", "call_id", "transcript", "new"] {
            let body = format!(r#"{{"event_type":"call_ended","payload":{{"{field}":{deep}}}}}"#);
            assert_eq!(round::<salpre::Event>(&body).drift().is_empty(), field == "new");
        }
        let body = format!(r#"{{"event_type":"call_ended","payload":{{}},"is_test":{deep},"timestamp_utc":{deep}}}"#);
        assert_eq!(round::<salpre::Event>(&body).drift().len(), 2);
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(parse).unwrap().join().unwrap();
}
