//! Ultravox.

use offhook::{FixedClock, Ultravox, ultravox};

use super::drift::{Ended, NO_SECONDS, SECONDS};
use super::{DAY, Published, Recipe, Vendor, member};
use crate::hostile::{Case, Table, refused};
use crate::servers::Home;
use crate::signing::{NOW, hex, iso, mac};

const SECRET: &str = "uv_test_secret";

pub const VENDOR: Vendor = Vendor {
    route: "/ultravox",
    sign: |timestamp, body| hex(&mac(SECRET, &[body, timestamp])),
    credential: ultravox::SIGNATURE_HEADER,
    timestamp: Some(ultravox::TIMESTAMP_HEADER),
    id: None,
    now: "2026-03-18T14:30:00Z",
    event: "call.started",
    body: r#"{"event":"call.started","call":{"callId":"c1","note":"zebra-marker"}}"#,
    mismatch: "signature_mismatch",
    timed: |at| format!(r#"{{"event":"call.ended","call":{{{}"callId":"c"}}}}"#, member("ended", at)),
    both_run: &[&[
        r#"{"event":"call.billed","call":{"callId":"c1","billedDuration":"60s"}}"#,
        r#"{"event":"call.billed","call":{"callId":"c1","billedDuration":"0s"}}"#,
    ]],
    one_runs: &[&[
        r#"{"event":"call.ended","call":{"callId":"x1"}}"#,
        r#"{"sent":2,"call":{"callId":"x1"},"event":"call.ended"}"#,
    ]],
    success: 204,
    secrets: &[SECRET],
    rows: || [own_rows(), drift()].concat(),
    recipes: &[Recipe {
        name: "Ultravox",
        scheme: ultravox::SCHEME,
        key_is_base64: false,
        sign: |s| {
            let ts = iso(s.seconds);
            let tag = hex(&mac(s.key, &[s.body, ts.as_bytes()]));
            vec![("X-Ultravox-Webhook-Signature", tag), ("X-Ultravox-Webhook-Timestamp", ts)]
        },
    }],
    // The vendor publishes no signature. This one was made with OpenSSL, by its published recipe.
    published: &[Published {
        name: "Ultravox",
        scheme: ultravox::SCHEME,
        secret: "uv_test_secret",
        now: NOW,
        headers: &[
            ("X-Ultravox-Webhook-Signature", "f300deb20d9106b15b498eaa79e341ceff9b9d7ff9512d50909c541960b86009"),
            ("X-Ultravox-Webhook-Timestamp", "2026-03-18T14:30:00.000000+00:00"),
        ],
        body: r#"{"event":"call.started","call":{"callId":"3c90c3cc-0d44-4b50-8888-8dd25736052a"}}"#,
    }],
};

pub fn add_routes(home: &mut impl Home) {
    let ultravox = Ultravox::new(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW));
    home.route("/ultravox", ultravox.clone());
    home.route("/tenant/ultravox", ultravox.with_max_age(DAY).with_endpoint("tenant-7"));
}

fn own_rows() -> Vec<Case> {
    let mut table = Table::new(&VENDOR);
    for (time, answer) in [
        ("2026-03-18T14:25:00Z", Ok("call.started")),
        ("2026-03-18T14:24:59Z", refused("timestamp_too_old")),
        ("2026-03-18T14:35:00.000000+00:00", Ok("call.started")),
        ("2026-03-18T14:35:01Z", refused("timestamp_too_new")),
        ("2026-03-18T17:30:00+03:00", Ok("call.started")),
        ("2026-03-18T14:30:00", Ok("call.started")),
        ("2026-03-18T14:30:00.123456789Z", Ok("call.started")),
        ("1970-01-01T00:00:00Z", refused("timestamp_too_old")),
        ("9999-12-31T23:59:59Z", refused("timestamp_too_new")),
        ("1773844200", refused("malformed_timestamp")),
        ("2026-03-18T14:30:00Zabc", refused("malformed_timestamp")),
        ("2026-03-18 14:30:00Z", refused("malformed_timestamp")),
        ("2026-02-30T00:00:00Z", refused("malformed_timestamp")),
        ("2026-03-18T25:00:00Z", refused("malformed_timestamp")),
        ("+999999999-01-01T00:00:00Z", refused("malformed_timestamp")),
        ("Wed, 18 Mar 2026 14:30:00 GMT", refused("malformed_timestamp")),
        ("2026-03-18T14:30:00Z, 2026-03-18T14:30:00Z", refused("malformed_timestamp")),
    ] {
        table.time(time, answer);
    }
    for (timestamp, answer) in [
        ("2026-03-18T14:30:00.000Z", refused("signature_mismatch")),
        ("2026-03-18T14:30:00+00:00", refused("signature_mismatch")),
        ("2026-03-18T14:30:00Zabc", refused("malformed_timestamp")),
    ] {
        table.time_signed_over(timestamp, VENDOR.now, answer);
    }
    table.time_signed_over(VENDOR.now, "1773844200", refused("signature_mismatch"));
    table.time_signed_over(VENDOR.now, "", refused("signature_mismatch"));
    for time in ["1773844200000", "-1", "NaN", "9223372036854775807", "2026-03-18T14:30:00+25:00", "2026-03-18"] {
        table.time(time, refused("malformed_timestamp"));
    }
    let good = (VENDOR.sign)(VENDOR.now.as_bytes(), VENDOR.body.as_bytes());
    let bad = "0".repeat(64);
    let tag = |parts: &[&[u8]]| hex(&mac(b"uv_test_secret", parts));
    let (now, body) = (VENDOR.now.as_bytes(), VENDOR.body.as_bytes());
    for (signature, answer) in [
        (good.to_uppercase(), Ok("call.started")),
        (format!("{bad},{good}"), Ok("call.started")),
        (format!("{good},{bad}"), Ok("call.started")),
        (format!("{bad}, {good}, x"), Ok("call.started")),
        (format!("{bad},{bad}"), refused("signature_mismatch")),
        (tag(&[body]), refused("signature_mismatch")),
        (tag(&[now, body]), refused("signature_mismatch")),
        (tag(&[body, b".", now]), refused("signature_mismatch")),
        (tag(&[now, b".", body]), refused("signature_mismatch")),
        (hex(&mac(b"another", &[body, now])), refused("signature_mismatch")),
        (hex(&mac(b"", &[body, now])), refused("signature_mismatch")),
        (good[..63].to_owned(), refused("malformed_signature")),
        (format!("{good}0"), refused("malformed_signature")),
        (format!("{good}zz"), refused("malformed_signature")),
        (format!("sha256={good}"), refused("malformed_signature")),
        (format!("{good};{good}"), refused("malformed_signature")),
        ("g".repeat(64), refused("malformed_signature")),
        (",,,".to_owned(), refused("malformed_signature")),
    ] {
        table.signature(signature, answer);
    }
    let call = |call: &str| format!(r#"{{"event":"call.ended","call":{call}}}"#);
    for (body, name) in [
        (VENDOR.body.replace(":", " :\n"), "call.started"),
        (r#"{"event":"call.parked","call":{"x":1}}"#.to_owned(), "call.parked"),
        (r#"{"call":{"callId":"c1"}}"#.to_owned(), ""),
        (call("{}"), "call.ended"),
        (call(r#"{"callId":7,"__proto__":{"x":1},"new":[1]}"#), "call.ended"),
        (
            call(r#"{"callId":null,"ended":null,"endReason":null,"agent":null,"metadata":null,"medium":null}"#),
            "call.ended",
        ),
        (call(r#"{"endReason":"bored"}"#), "call.ended"),
        (call(&format!(r#"{{"new":{}{}}}"#, "[".repeat(100), "]".repeat(100))), "call.ended"),
        (call(&format!(r#"{{"medium":{{"sip":{}1{}}}}}"#, "[".repeat(100_000), "]".repeat(100_000))), "call.ended"),
    ] {
        table.body(body, Ok(name));
    }
    for (body, path) in [
        ("null", "call"),
        (r#"{"callId":["c1"]}"#, "call.callId"),
        (r#"{"temperature":1e999}"#, "call.temperature"),
        (r#"{"billedSideInputTokens":9223372036854775808}"#, "call.billedSideInputTokens"),
    ] {
        table.body(call(body), Ok("call.ended")).drift = vec![path];
    }
    for (body, code) in [
        ("{}", "missing_field"),
        (r#"{"event":"call.ended"}"#, "missing_field"),
        (r#"{"event":"","call":{}}"#, "missing_field"),
        (r#"{"event":"call.ended","event":"call.ended","call":{}}"#, "repeated_field"),
        (r#"{"event":"call.ended","call":{},"call":{}}"#, "repeated_field"),
    ] {
        table.body(body, Err((400, code)));
    }
    table.cases
}

fn drift() -> Vec<Case> {
    let mut ended = Ended { table: Table::new(&VENDOR), answer: Ok("call.ended"), call_id: "c1" };
    let body = |call: &str| format!(r#"{{"event":"call.ended","call":{{"callId":"c1"{call}}}}}"#);
    for seconds in SECONDS {
        ended.row(body(&format!(r#","billedDuration":{seconds},"maxDuration":{seconds}"#)), &[]);
        ended.row(body(&format!(r#","sipDetails":{{"billedDuration":{seconds}}}"#)), &[]);
    }
    for value in NO_SECONDS {
        ended.row(body(&format!(r#","maxDuration":{value},"summary":"zebra-marker""#)), &["call.maxDuration"]);
        ended.row(body(&format!(r#","sipDetails":{{"billedDuration":{value}}}"#)), &["call.sipDetails.billedDuration"]);
    }
    for (call, paths) in [
        (r#","ended":"zebra-marker","created":[]"#, &["call.ended", "call.created"][..]),
        (r#","agent":"zebra-marker""#, &["call.agent"]),
        (r#","medium":"zebra-marker""#, &["call.medium"]),
        (r#","metadata":["zebra-marker"]"#, &["call.metadata"]),
    ] {
        ended.row(body(call), paths);
    }
    let mut table = ended.table;
    table.body(r#"{"event":"call.ended","call":"zebra-marker"}"#, Ok("call.ended")).drift = vec!["call"];
    table.cases
}
