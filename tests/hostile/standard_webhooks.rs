//! The rows of Standard Webhooks alone.

use base64ct::{Base64, Encoding};
use offhook_tests::hostile::Case;
use offhook_tests::signing::{hex, mac};

use crate::common::{STANDARD, Table, refused};

pub fn cases() -> Vec<Case> {
    let mut table = Table::new(&STANDARD);
    for (time, answer) in [
        ("1773843900", Ok("user.created")),
        ("1773843899", refused("timestamp_too_old")),
        ("1773844500", Ok("user.created")),
        ("1773844501", refused("timestamp_too_new")),
        ("0", refused("timestamp_too_old")),
        ("253402300799", refused("timestamp_too_new")),
        ("9223372036854775807", refused("malformed_timestamp")),
        ("-9223372036854775808", refused("malformed_timestamp")),
        ("-1", refused("malformed_timestamp")),
        ("1773844200abc", refused("malformed_timestamp")),
        ("+1773844200", refused("malformed_timestamp")),
        ("001773844200", refused("malformed_timestamp")),
        ("1773844200.5", refused("malformed_timestamp")),
        ("1.7738442e9", refused("malformed_timestamp")),
        ("0x69BAB628", refused("malformed_timestamp")),
        ("1773844200, 1773844200", refused("malformed_timestamp")),
        ("1773844200000", refused("timestamp_in_milliseconds")),
        ("2026-03-18T14:30:00Z", refused("malformed_timestamp")),
    ] {
        table.time(time, answer);
    }
    table.time_signed_over("1773844200abc", STANDARD.now, refused("malformed_timestamp"));
    table.time_signed_over("1773844201", STANDARD.now, refused("signature_mismatch"));
    table.time_signed_over(STANDARD.now, "", refused("signature_mismatch"));
    for time in ["NaN", "1773844200.", "01773844200", "9999999999999999999999999999999999999999"] {
        table.time(time, refused("malformed_timestamp"));
    }
    let good = (STANDARD.sign)(STANDARD.now.as_bytes(), STANDARD.body.as_bytes());
    let bad = format!("v1,{}=", "A".repeat(43));
    let tag = |key: &[u8], parts: &[&[u8]]| format!("v1,{}", Base64::encode_string(&mac(key, parts)));
    let (now, body) = (STANDARD.now.as_bytes(), STANDARD.body.as_bytes());
    let hexed = hex(&mac(b"long enough", &[b"msg_1.", now, b".", body]));
    for (signature, answer) in [
        (format!("{bad} {good}"), Ok("user.created")),
        (format!("{good} {bad}"), Ok("user.created")),
        (format!("v1a,x v2,y {bad}  {good}"), Ok("user.created")),
        (format!("{bad} {bad}"), refused("signature_mismatch")),
        (tag(b"long enough", &[b"msg_2.", now, b".", body]), refused("signature_mismatch")),
        (tag(b"long enough", &[now, b".", body]), refused("signature_mismatch")),
        (tag(b"bG9uZyBlbm91Z2g=", &[b"msg_1.", now, b".", body]), refused("signature_mismatch")),
        (tag(b"", &[b"msg_1.", now, b".", body]), refused("signature_mismatch")),
        (good.replace("v1,", "v2,"), refused("malformed_signature")),
        (good.replace("v1,", "V1,"), refused("malformed_signature")),
        (good.replace("v1,", ""), refused("malformed_signature")),
        (good.replace("v1,", "v1="), refused("malformed_signature")),
        (good.replace(' ', ","), Ok("user.created")),
        (format!("{good},{good}"), refused("malformed_signature")),
        (good.trim_end_matches('=').to_owned(), refused("malformed_signature")),
        (format!("v1,{hexed}"), refused("malformed_signature")),
        ("v1,".to_owned(), refused("malformed_signature")),
        ("v1".to_owned(), refused("malformed_signature")),
    ] {
        table.signature(signature, answer);
    }
    for (body, name) in [
        ("{}", ""),
        (r#"{"type":null}"#, ""),
        (r#"{"type":7,"data":null}"#, ""),
        (r#"{"type":"user.created","__proto__":{},"timestamp":"yesterday"}"#, "user.created"),
        (&format!(r#"{{"type":"user.created","new":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000)), "user.created"),
    ] {
        table.body(body, Ok(name));
    }
    // A body that does not fit the user's type is delivered with its JSON, and is a drift.
    for (body, name) in [
        (r#"{"type":"user.created","data":{"id":7}}"#, "user.created"),
        (r#"{"type":"new","data":[1e999]}"#, "new"),
        (r#"{"type":"user.created","data":{"id":"u1"},"data":{"id":"u2"}}"#, "user.created"),
        (
            &format!(r#"{{"type":"user.created","data":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000)),
            "user.created",
        ),
    ] {
        table.body(body, Ok(name)).drift = vec!["body"];
    }
    for body in [r#"{"type":"a","type":"a"}"#, r#"{"timestamp":1,"timestamp":2}"#] {
        table.body(body, Err((400, "repeated_field")));
    }
    table.body("{} {}", Err((400, "body_not_json")));
    table.cases
}
