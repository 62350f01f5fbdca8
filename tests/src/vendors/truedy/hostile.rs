//! Times, signatures and bodies that Truedy never sends.

use base64ct::{Base64, Encoding};
use offhook::truedy::{SIGNATURE_HEADER as SIGNATURE, TIMESTAMP_HEADER as TIMESTAMP};

use super::VENDOR;
use crate::hostile::{Answer, Case, Table};
use crate::servers::{TRUEDY_OLD_SECRET, TRUEDY_SECRET};
use crate::signing::{NOW, hex, mac};

const STARTED: &str =
    r#"{"event":"call.started","timestamp":"2025-03-18T14:30:00Z","data":{"call_id":"c1","note":"zebra-marker"}}"#;

pub fn rows() -> Vec<Case> {
    let mut table = Table::new(&VENDOR);
    times(&mut table);
    signatures(&mut table);
    bodies(&mut table);
    table.cases
}

fn tag(timestamp: &[u8], body: &[u8]) -> String {
    (VENDOR.sign)(timestamp, body)
}

fn now() -> String {
    NOW.to_string()
}

/// A signature over what is sent, with this timestamp.
fn time(table: &mut Table, timestamp: impl AsRef<[u8]>, answer: Answer) {
    let timestamp = timestamp.as_ref();
    let headers = vec![(SIGNATURE, tag(timestamp, STARTED.as_bytes()).into()), (TIMESTAMP, timestamp.into())];
    let name = format!("timestamp {:?}", String::from_utf8_lossy(timestamp));
    table.add_at(name, "/truedy", headers, STARTED, answer);
}

/// A signature header with the right timestamp.
fn signature(table: &mut Table, name: impl Into<String>, signature: impl Into<Vec<u8>>, answer: Answer) {
    let headers = vec![(SIGNATURE, signature.into()), (TIMESTAMP, now().into())];
    table.add_at(name, "/truedy", headers, STARTED, answer);
}

/// A body under a good signature.
fn signed<'t>(table: &'t mut Table, name: &str, body: impl AsRef<[u8]>, answer: Answer) -> &'t mut Case {
    let body = body.as_ref();
    let headers = vec![(SIGNATURE, tag(now().as_bytes(), body).into()), (TIMESTAMP, now().into())];
    table.add_at(name, "/truedy", headers, body, answer)
}

fn times(table: &mut Table) {
    let taken = Ok("call.started");
    for seconds in [NOW, NOW - 299, NOW - 300, NOW + 299, NOW + 300] {
        time(table, seconds.to_string(), taken);
    }
    for seconds in [NOW - 301, NOW - 86_400, 1, 0] {
        time(table, seconds.to_string(), Err((401, "timestamp_too_old")));
    }
    for seconds in [NOW + 301, NOW + 86_400, 99_999_999_999] {
        time(table, seconds.to_string(), Err((401, "timestamp_too_new")));
    }
    time(table, format!("{NOW}000"), Err((401, "timestamp_in_milliseconds")));
    time(table, format!("{NOW}123"), Err((401, "timestamp_in_milliseconds")));
    let malformed = Err((401, "malformed_timestamp"));
    for text in [
        i64::MAX.to_string(),
        i64::MIN.to_string(),
        "9".repeat(40),
        "-1".to_owned(),
        format!("{NOW}abc"),
        format!("+{NOW}"),
        format!("0{NOW}"),
        format!("00{NOW}"),
        format!("{NOW}.5"),
        format!("{NOW}."),
        format!("{NOW},{NOW}"),
        format!("{NOW}, {NOW}"),
        format!("{NOW} {NOW}"),
        "1.7e9".to_owned(),
        "0x6553F100".to_owned(),
        "Wed, 18 Mar 2026 14:30:00 GMT".to_owned(),
        "2026-02-30T14:30:00Z".to_owned(),
        "2026-03-18T25:00:00Z".to_owned(),
        "2026-03-18 14:30:00Z".to_owned(),
        "2026-03-18T14:30:00+25:00".to_owned(),
        "+999999999-01-01T00:00:00Z".to_owned(),
        "NaN".to_owned(),
        "true".to_owned(),
    ] {
        time(table, text, malformed);
    }
    time(table, "1".repeat(65), Err((401, "header_too_long")));
    for text in ["\u{661}\u{667}\u{667}\u{663}", "１７７３８４４２００"] {
        time(table, text, Err((401, "header_not_ascii")));
    }
    for text in [
        "2026-03-18T14:30:00Z",
        "2026-03-18T14:30:00.000Z",
        "2026-03-18T16:30:00+02:00",
        "2026-03-18T14:30:00.123456+00:00",
        "2026-03-18T14:30:00",
        "2026-03-18T14:30:00.5",
    ] {
        time(table, text, taken);
    }
    time(table, "2026-03-18T13:30:00Z", Err((401, "timestamp_too_old")));

    let body = STARTED.as_bytes();
    let good = |timestamp: &str| tag(timestamp.as_bytes(), body).into_bytes();
    let seconds = good(&now());
    table.add_at("no timestamp", "/truedy", vec![(SIGNATURE, seconds.clone())], STARTED, Err((401, "missing_header")));
    for empty in ["", " ", "\t"] {
        let headers = vec![(SIGNATURE, good(empty)), (TIMESTAMP, empty.into())];
        table.add_at(format!("empty timestamp {empty:?}"), "/truedy", headers, STARTED, Err((401, "empty_header")));
    }
    let headers = vec![(SIGNATURE, seconds.clone()), (TIMESTAMP, format!("{NOW}abc").into())];
    table.add_at("the parseInt trap", "/truedy", headers, STARTED, Err((401, "malformed_timestamp")));
    let headers = vec![(SIGNATURE, seconds.clone()), (TIMESTAMP, "2026-03-18T14:30:00Z".into())];
    table.add_at("ISO time, signed over Unix seconds", "/truedy", headers, STARTED, Err((401, "signature_mismatch")));
    for (name, first, second) in [("equal", NOW, NOW), ("good then bad", NOW, 1), ("bad then good", 1, NOW)] {
        let headers = vec![
            (SIGNATURE, seconds.clone()),
            (TIMESTAMP, first.to_string().into()),
            (TIMESTAMP, second.to_string().into()),
        ];
        table.add_at(format!("two timestamps, {name}"), "/truedy", headers, STARTED, Err((401, "repeated_header")));
    }
    let headers = vec![(SIGNATURE, seconds.clone()), (TIMESTAMP, format!(" \t{NOW}\t ").into())];
    table.add_at("spaces around the timestamp", "/truedy", headers, STARTED, taken);
    for old in ["1970-01-01T00:00:00Z", "2025-03-18T14:30:00Z", "2099-01-01T00:00:00Z"] {
        let body = STARTED.replace("2025-03-18T14:30:00Z", old);
        signed(table, &format!("a fresh header, the body's own time {old}"), body, taken);
    }
    let headers = vec![(SIGNATURE, seconds), (TIMESTAMP, now().into())];
    table.add_at("a clock before 1970", "/early/truedy", headers, STARTED, Err((401, "timestamp_too_new")));
}

fn signatures(table: &mut Table) {
    let body = STARTED.as_bytes();
    let good = tag(now().as_bytes(), body);
    let taken = Ok("call.started");
    let malformed = Err((401, "malformed_signature"));
    let mismatch = Err((401, "signature_mismatch"));
    signature(table, "a good signature", good.clone(), taken);
    signature(table, "upper-case hex", good.to_uppercase(), taken);
    let mixed: String = good
        .chars()
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { digit.to_ascii_uppercase() } else { digit })
        .collect();
    signature(table, "mixed-case hex", mixed, taken);
    signature(table, "spaces around the signature", format!(" \t{good} \t"), taken);
    let headers = vec![("X-TRUEDY-SIGNATURE", good.clone().into()), ("X-Truedy-TimeStamp", now().into())];
    table.add_at("header names in another case", "/truedy", headers, STARTED, taken);

    let headers = vec![(TIMESTAMP, now().into())];
    table.add_at("no signature", "/truedy", headers, STARTED, Err((401, "missing_header")));
    signature(table, "an empty signature", "", Err((401, "empty_header")));
    signature(table, "a blank signature", " \t ", Err((401, "empty_header")));
    for length in [1, 2, 32, 62, 63] {
        signature(table, format!("the first {length} digits"), &good[..length], malformed);
    }
    for (name, text) in [
        ("zz after it", format!("{good}zz")),
        ("00 after it", format!("{good}00")),
        ("one digit after it", format!("{good}0")),
        ("twice", format!("{good}{good}")),
        ("sha256= before it", format!("sha256={good}")),
        ("0x before it", format!("0x{good}")),
        ("v1= before it", format!("v1={good}")),
        ("quoted", format!("\"{good}\"")),
        ("a list", format!("{},{good}", "0".repeat(64))),
        ("a list with a space", format!("{}, {good}", "0".repeat(64))),
        ("a good list", format!("{good},{good}")),
        ("letters", "g".repeat(64)),
        ("64 spaces within", format!("a{}b", " ".repeat(62))),
        ("base64 of the MAC", Base64::encode_string(&mac(TRUEDY_SECRET, &[now().as_bytes(), b".", body]))),
        ("base64 of the hex", Base64::encode_string(good.as_bytes())),
    ] {
        signature(table, name, text, malformed);
    }
    signature(table, "100 KiB of a", "a".repeat(100 << 10), Err((401, "header_too_long")));
    signature(table, "not ASCII", [0xe4; 64], Err((401, "header_not_ascii")));
    let full_width: String = good.chars().map(|digit| char::from_u32(u32::from(digit) + 0xfee0).unwrap()).collect();
    signature(table, "full-width digits", full_width, Err((401, "header_not_ascii")));
    for bit in 0..256 {
        let mut tag = mac(TRUEDY_SECRET, &[now().as_bytes(), b".", body]);
        tag[bit / 8] ^= 1 << (bit % 8);
        signature(table, format!("bit {bit} flipped"), hex(&tag), mismatch);
    }
    let bad = "0".repeat(64);
    for (name, first, second) in
        [("good then bad", &good, &bad), ("bad then good", &bad, &good), ("equal", &good, &good)]
    {
        let headers =
            vec![(SIGNATURE, first.clone().into()), (TIMESTAMP, now().into()), (SIGNATURE, second.clone().into())];
        table.add_at(format!("two signatures, {name}"), "/truedy", headers, STARTED, Err((401, "repeated_header")));
    }
    let time = now();
    for (name, parts) in [
        ("body.time", [body, b".", time.as_bytes()]),
        ("time:body", [time.as_bytes(), b":", body]),
        ("timebody", [time.as_bytes(), b"", body]),
        ("time.", [time.as_bytes(), b".", b""]),
        ("body only", [b"", b"", body]),
        ("time..body", [time.as_bytes(), b"..", body]),
        ("time.body and a newline", [time.as_bytes(), b".", &[body, b"\n"].concat()]),
    ] {
        signature(table, format!("signed over {name}"), hex(&mac(TRUEDY_SECRET, &parts)), mismatch);
    }
    signature(table, "under an empty key", hex(&mac("", &[time.as_bytes(), b".", body])), mismatch);
    signature(
        table,
        "under another tenant's secret",
        hex(&mac("whsec_another_tenant", &[time.as_bytes(), b".", body])),
        mismatch,
    );
    let stripped = TRUEDY_SECRET.trim_start_matches("whsec_");
    signature(
        table,
        "under the secret without its prefix",
        hex(&mac(stripped, &[time.as_bytes(), b".", body])),
        mismatch,
    );
    let plain = hmac_sha256::Hash::hash(&[TRUEDY_SECRET.as_bytes(), time.as_bytes(), b".", body].concat());
    signature(table, "a plain SHA-256 of secret and message", hex(&plain), mismatch);
    let plain = hmac_sha256::Hash::hash(&[TRUEDY_SECRET.as_bytes(), body].concat());
    signature(table, "a plain SHA-256 of secret and body", hex(&plain), mismatch);
    let plain = hmac_sha256::Hash::hash(&[time.as_bytes(), b".", body].concat());
    signature(table, "a plain SHA-256 of the message", hex(&plain), mismatch);

    for (name, signature, timestamp) in [
        ("underscores", "x_truedy_signature", "x_truedy_timestamp"),
        ("a missing letter", "x-trudy-signature", "x-trudy-timestamp"),
        ("another ending", "x-truedy-signatures", "x-truedy-timestamps"),
        ("without x-", "truedy-signature", "truedy-timestamp"),
        ("a cookie", "cookie", "x-truedy-timestamp"),
    ] {
        let headers = vec![(signature, good.clone().into()), (timestamp, now().into())];
        table.add_at(
            format!("near-miss header names: {name}"),
            "/truedy",
            headers,
            STARTED,
            Err((401, "missing_header")),
        );
    }
    let case = Case::new("in the query", "/truedy", vec![], STARTED, Err((401, "missing_header")));
    table.cases.push(case.with_query(format!("?{SIGNATURE}={good}&{TIMESTAMP}={NOW}")));
    let inside = format!(r#"{{"{SIGNATURE}":"{good}","{TIMESTAMP}":"{NOW}","event":"call.started","data":{{}}}}"#);
    table.add_at("in the body", "/truedy", vec![], inside, Err((401, "missing_header")));

    let old = hex(&mac(TRUEDY_OLD_SECRET, &[time.as_bytes(), b".", body]));
    let headers = vec![(SIGNATURE, old.clone().into()), (TIMESTAMP, now().into())];
    table.add_at("an old secret that is still listed", "/rotated/truedy", headers, STARTED, taken);
    let headers = vec![(SIGNATURE, good.into()), (TIMESTAMP, now().into())];
    table.add_at("the new secret beside an old one", "/rotated/truedy", headers, STARTED, taken);
    signature(table, "an old secret that is not listed", old, mismatch);
    let headers = vec![("x-api-key", TRUEDY_SECRET.into())];
    table.add_at("the secret itself as a key", "/truedy", headers, STARTED, Err((401, "missing_header")));
}

fn bodies(table: &mut Table) {
    let taken = Ok("call.started");
    let good = tag(now().as_bytes(), STARTED.as_bytes());
    let escaped = r#"{"event":"call.started","data":{"a":"\u001B","b":1.0,"note":"zebra-marker"}}"#;
    let escaped_tag = tag(now().as_bytes(), escaped.as_bytes());
    for (name, tag, body) in [
        ("spaces", &good, STARTED.replace(':', ": ")),
        ("a newline at the end", &good, format!("{STARTED}\n")),
        ("another order of keys", &good, {
            STARTED.replace(
                r#""event":"call.started","timestamp":"2025-03-18T14:30:00Z""#,
                r#""timestamp":"2025-03-18T14:30:00Z","event":"call.started""#,
            )
        }),
        ("another case of an escape", &escaped_tag, escaped.replace("001B", "001b")),
        ("1 for 1.0", &escaped_tag, escaped.replace("1.0", "1")),
        ("one byte less", &good, STARTED[..STARTED.len() - 1].to_owned()),
        ("nothing", &good, String::new()),
    ] {
        let headers = vec![(SIGNATURE, tag.clone().into()), (TIMESTAMP, now().into())];
        let name = format!("another body under the signature: {name}");
        table.add_at(name, "/truedy", headers, body, Err((401, "signature_mismatch")));
    }
    signed(table, "the escapes as signed", escaped, taken);

    for (name, body) in [
        ("not UTF-8", b"{\"event\":\"call.started\",\"data\":{\"a\":\"\xff\"}}".to_vec()),
        ("not UTF-8 in a name", b"{\"event\":\"call.started\",\"data\":{},\"\xc3\x28\":1}".to_vec()),
        ("UTF-16", STARTED.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("a lone surrogate in UTF-8", b"{\"event\":\"\xed\xa0\x80\",\"data\":{}}".to_vec()),
    ] {
        let answer = if name == "UTF-16" { Err((400, "body_not_json")) } else { Err((400, "body_not_utf8")) };
        signed(table, name, body, answer);
    }
    for (name, body) in [
        ("empty", String::new()),
        ("blank", " \n".to_owned()),
        ("a BOM", format!("\u{feff}{STARTED}")),
        ("a NUL", "\0".to_owned()),
        ("a NUL after it", format!("{STARTED}\0")),
        ("truncated", STARTED[..STARTED.len() - 2].to_owned()),
        ("two values", format!("{STARTED}{STARTED}")),
        ("a comment", format!("/* zebra-marker */{STARTED}")),
        ("a trailing comma", r#"{"event":"call.started","data":{},}"#.to_owned()),
        ("single quotes", STARTED.replace('"', "'")),
        ("a control character", "{\"event\":\"call.started\",\"data\":{\"a\":\"\n\"}}".to_owned()),
        ("form data", "event=call.started&note=zebra-marker".to_owned()),
    ] {
        signed(table, name, body, Err((400, "body_not_json")));
    }
    for body in ["null", "true", "[]", "1", "1e999", "\"zebra-marker\"", "[{}]"] {
        signed(table, &format!("body {body}"), body, Err((400, "body_not_an_object")));
    }
    for body in [
        "{}",
        r#"{"event":"call.started"}"#,
        r#"{"data":{}}"#,
        r#"{"event":null,"data":{}}"#,
        r#"{"event":"","data":{}}"#,
        r#"{"event":1,"data":{}}"#,
        r#"{"event":["call.started"],"data":{}}"#,
        r#"{"Event":"call.started","data":{}}"#,
    ] {
        signed(table, &format!("an envelope without its parts: {body}"), body, Err((400, "missing_field")));
    }
    for body in [
        r#"{"event":"call.ended","event":"call.started","data":{}}"#,
        r#"{"event":"call.started","data":{},"data":{"a":1}}"#,
        r#"{"data":{},"event":"call.started","data":{"a":1}}"#,
        r#"{"event":"call.started","id":"a","data":{},"id":"b"}"#,
        r#"{"event":"call.started","timestamp":1,"data":{},"timestamp":1}"#,
        r#"{"event":"call.started","data":{},"\u0065vent":"call.ended"}"#,
    ] {
        signed(table, &format!("repeated keys: {body}"), body, Err((400, "repeated_field")));
    }
    for body in [
        r#"{"event":"call.started","data":{}}"#,
        r#"{"data":{"call_id":"c"},"event":"call.started"}"#,
        r#"{"event":"call.started","data":{"call":null,"call_id":null,"status":null,"id":null},"timestamp":null,"id":null}"#,
        r#"{"event":"call.started","data":{"call_id":7,"agent_id":8,"id":9},"id":10}"#,
        r#"{"event":"call.started","data":{"__proto__":{"admin":true},"constructor":1},"__proto__":1,"new":[{}]}"#,
        r#"{"\u0065vent":"call\u002estarted","data":{}}"#,
        r#"{"event":"call.started","data":{"call":{"callId":"c","newField":{"a":[1,2]}}}}"#,
    ] {
        signed(table, &format!("taken: {body}"), body, taken);
    }
    for (body, path) in [
        (r#"{"event":"call.started","data":{"call":{"duration":1e999}}}"#, "data.call.duration"),
        (r#"{"event":"call.started","data":{"call":{"duration":9223372036854775808}}}"#, "data.call.duration"),
        (r#"{"event":"call.started","data":{"call":"c"}}"#, "data.call"),
        (r#"{"event":"call.started","data":[]}"#, "data"),
        (r#"{"event":"call.started","data":null}"#, "data"),
        (r#"{"event":"call.started","data":{},"timestamp":{}}"#, "timestamp"),
        (r#"{"event":"call.started","data":{"call_id":"a","call_id":"b"}}"#, "data.call_id"),
    ] {
        signed(table, &format!("taken: {body}"), body, taken).drift = vec![path];
    }
    signed(
        table,
        "an unknown event",
        r#"{"event":"call.exploded","data":{"note":"zebra-marker"}}"#,
        Ok("call.exploded"),
    );
    signed(table, "an alias", r#"{"event":"call.completed","data":{}}"#, Ok("call.ended"));

    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    signed(table, "100 000 arrays at the top", deep(100_000), Err((400, "body_not_an_object")));
    for (name, body, answer, drift) in [
        (
            "in an unknown field",
            format!(r#"{{"event":"call.started","data":{{}},"x":{}}}"#, deep(100_000)),
            taken,
            None,
        ),
        (
            "in an unknown field of the data",
            format!(r#"{{"event":"call.started","data":{{"x":{}}}}}"#, deep(100_000)),
            taken,
            None,
        ),
        (
            "in a known field of the data",
            format!(r#"{{"event":"call.started","data":{{"call_id":{}}}}}"#, deep(100_000)),
            taken,
            Some("data.call_id"),
        ),
        ("as the data", format!(r#"{{"event":"call.started","data":{}}}"#, deep(100_000)), taken, Some("data")),
        ("as the data, first", format!(r#"{{"data":{},"event":"call.started"}}"#, deep(100_000)), taken, Some("data")),
        ("as the name", format!(r#"{{"event":{},"data":{{}}}}"#, deep(100_000)), Err((400, "missing_field")), None),
        ("as the id", format!(r#"{{"event":"call.started","id":{},"data":{{}}}}"#, deep(100_000)), taken, Some("id")),
        ("in an unknown event", format!(r#"{{"event":"x","data":{}}}"#, deep(100_000)), Ok("x"), None),
        (
            "unclosed",
            format!(r#"{{"event":"call.started","data":{}"#, "[".repeat(100_000)),
            Err((400, "body_not_json")),
            None,
        ),
    ] {
        signed(table, &format!("100 000 arrays {name}"), body, answer).drift.extend(drift);
    }
    let many = "[[[[[]]]]],".repeat((1 << 20) / 11);
    signed(table, "1 MiB of [[[[[]]]]],", format!(r#"{{"event":"call.started","data":{{"x":[{many}1]}}}}"#), taken);
    let keys: String = (0..100_000).map(|key| format!(r#""{key}":0,"#)).collect();
    let empty_keys = r#""":0,"#.repeat(400_000);
    signed(table, "400 000 empty keys", format!(r#"{{"event":"call.started",{empty_keys}"data":{{}}}}"#), taken);
    signed(table, "100 000 keys", format!(r#"{{"event":"call.started",{keys}"data":{{}}}}"#), taken);
}
