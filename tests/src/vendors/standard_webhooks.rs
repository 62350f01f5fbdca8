//! Standard Webhooks, and Svix, which has headers of its own.
//!
//! | row | source |
//! |---|---|
//! | Standard Webhooks | standard-webhooks/standard-webhooks, the test vector of its libraries (which was Svix's first); openai/openai-python, tests/lib/test_webhooks.py |
//! | Svix | docs.svix.com, "Verifying webhooks manually", the worked example |
//!
//! The specification shows headers without a secret. `verify::recipes` tests their form.

use base64ct::{Base64, Encoding};
use offhook::{FixedClock, StandardWebhooks, standard_webhooks};

use super::{DAY, Published, Recipe, Vendor, member};
use crate::hostile::{Case, Table, refused};
use crate::servers::Home;
use crate::signing::{NOW, hex, mac};

/// Its key is `long enough`.
const SECRET: &str = "whsec_bG9uZyBlbm91Z2g=";

/// The event that arrives by Standard Webhooks.
#[derive(Clone, serde::Deserialize)]
struct User {
    #[expect(dead_code, reason = "it is read from the body, to see what does not fit")]
    data: Option<Id>,
}

#[derive(Clone, serde::Deserialize)]
struct Id {
    #[expect(dead_code, reason = "it is read from the body, to see what does not fit")]
    id: String,
}

pub const VENDOR: Vendor = Vendor {
    route: "/standard-webhooks",
    sign: |timestamp, body| {
        format!("v1,{}", Base64::encode_string(&mac(b"long enough", &[b"msg_1.", timestamp, b".", body])))
    },
    credential: standard_webhooks::SIGNATURE_HEADER,
    timestamp: Some(standard_webhooks::TIMESTAMP_HEADER),
    id: Some(standard_webhooks::ID_HEADER),
    now: "1773844200",
    event: "user.created",
    body: r#"{"type":"user.created","data":{"id":"u1","note":"zebra-marker"}}"#,
    mismatch: "signature_mismatch",
    timed: |at| format!(r#"{{{}"type":"user.created","data":{{}}}}"#, member("timestamp", at)),
    both_run: &[&[r#"{"type":"user.updated","data":{"n":1}}"#, r#"{"type":"user.updated","data":{"n":2}}"#]],
    one_runs: &[&[r#"{"type":"ping","data":{"n":1}}"#, r#"{"type":"ping","data":{"n":1}}"#]],
    success: 204,
    secrets: &[SECRET],
    rows: || [own_rows(), drift()].concat(),
    recipes: &[
        Recipe {
            name: "Standard Webhooks",
            scheme: standard_webhooks::SCHEME,
            key_is_base64: true,
            sign: |s| {
                let ts = s.seconds.to_string();
                let tag = mac(s.key, &[s.id.as_bytes(), b".", ts.as_bytes(), b".", s.body]);
                let tag = format!("v1,{}", Base64::encode_string(&tag));
                vec![("webhook-id", s.id.to_owned()), ("webhook-timestamp", ts), ("webhook-signature", tag)]
            },
        },
        Recipe {
            name: "Svix",
            scheme: standard_webhooks::SVIX_SCHEME,
            key_is_base64: true,
            sign: |s| {
                let ts = s.seconds.to_string();
                let tag = mac(s.key, &[s.id.as_bytes(), b".", ts.as_bytes(), b".", s.body]);
                let tag = format!("v1,{}", Base64::encode_string(&tag));
                vec![("svix-id", s.id.to_owned()), ("svix-timestamp", ts), ("svix-signature", tag)]
            },
        },
    ],
    published: &[
        Published {
            name: "the Standard Webhooks libraries",
            scheme: standard_webhooks::SCHEME,
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            now: 1_614_265_330,
            headers: &[
                ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                ("webhook-timestamp", "1614265330"),
                ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
            ],
            body: r#"{"test": 2432232314}"#,
        },
        Published {
            name: "OpenAI's libraries",
            scheme: standard_webhooks::SCHEME,
            secret: "whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c=",
            now: 1_750_861_210,
            headers: &[
                ("webhook-id", "wh_685c059ae39c8190af8c71ed1022a24d"),
                ("webhook-timestamp", "1750861210"),
                ("webhook-signature", "v1,gUAg4R2hWouRZqRQG4uJypNS8YK885G838+EHb4nKBY="),
            ],
            body: r#"{"id": "evt_685c059ae3a481909bdc86819b066fb6", "object": "event", "created_at": 1750861210, "type": "response.completed", "data": {"id": "resp_123"}}"#,
        },
        Published {
            name: "Svix's documentation",
            scheme: standard_webhooks::SVIX_SCHEME,
            secret: "whsec_plJ3nmyCDGBKInavdOK15jsl",
            now: 1_731_705_121,
            headers: &[
                ("svix-id", "msg_loFOjxBNrRLzqYUf"),
                ("svix-timestamp", "1731705121"),
                ("svix-signature", "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="),
            ],
            body: r#"{"event_type":"ping","data":{"success":true}}"#,
        },
    ],
};

pub fn add_routes(home: &mut impl Home) {
    let standard = StandardWebhooks::<User>::new(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW));
    home.route("/standard-webhooks", standard.clone());
    home.route("/tenant/standard-webhooks", standard.with_max_age(DAY).with_endpoint("tenant-7"));
}

fn own_rows() -> Vec<Case> {
    let mut table = Table::new(&VENDOR);
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
    table.time_signed_over("1773844200abc", VENDOR.now, refused("malformed_timestamp"));
    table.time_signed_over("1773844201", VENDOR.now, refused("signature_mismatch"));
    table.time_signed_over(VENDOR.now, "", refused("signature_mismatch"));
    for time in ["NaN", "1773844200.", "01773844200", "9999999999999999999999999999999999999999"] {
        table.time(time, refused("malformed_timestamp"));
    }
    let good = (VENDOR.sign)(VENDOR.now.as_bytes(), VENDOR.body.as_bytes());
    let bad = format!("v1,{}=", "A".repeat(43));
    let tag = |key: &[u8], parts: &[&[u8]]| format!("v1,{}", Base64::encode_string(&mac(key, parts)));
    let (now, body) = (VENDOR.now.as_bytes(), VENDOR.body.as_bytes());
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

/// The type is the user's, so the crate cannot say which field does not fit: the body is
/// listed as a whole.
fn drift() -> Vec<Case> {
    let mut table = Table::new(&VENDOR);
    for body in [
        r#"{"type":"user.created","data":"zebra-marker"}"#,
        r#"{"type":"user.created","data":{"id":["zebra-marker"]}}"#,
        r#"{"type":"user.created","data":[],"timestamp":["zebra-marker"]}"#,
    ] {
        table.body(body, Ok("user.created")).drift = vec!["body"];
    }
    table.cases
}
