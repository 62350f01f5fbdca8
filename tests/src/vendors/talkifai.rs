//! TalkifAI.

mod hostile;

use offhook::talkifai;

use super::drift::{Ended, NO_SECONDS, SECONDS};
use super::{DAY, Published, Recipe, Vendor, member};
use crate::hostile::{Case, Table};
use crate::servers::{self, Home, TALKIFAI_SECRET};
use crate::signing::{hex, mac};

pub const VENDOR: Vendor = Vendor {
    route: "/talkifai",
    sign: |_, body| format!("sha256={}", hex(&mac(TALKIFAI_SECRET, &[body]))),
    credential: talkifai::SIGNATURE_HEADER,
    timestamp: None,
    id: None,
    now: "",
    event: "call.started",
    body: r#"{"id":"evt_1","type":"call.started","data":{"callId":"c1","note":"zebra-marker"}}"#,
    mismatch: "signature_mismatch",
    timed: |at| format!(r#"{{{}"id":"e","type":"call.ended","data":{{"callId":"c"}}}}"#, member("created", at)),
    both_run: &[&[
        r#"{"id":"e1","type":"credit.low","data":{"balance":5}}"#,
        r#"{"id":"e1","type":"credit.low","data":{"balance":4}}"#,
    ]],
    one_runs: &[&[
        r#"{"id":"x1","type":"call.started","created":1,"data":{"callId":"c"}}"#,
        r#"{"id":"x1","type":"call.started","created":2,"data":{"callId":"c"}}"#,
    ]],
    success: 200,
    secrets: &[TALKIFAI_SECRET],
    rows: || [hostile::rows(), drift()].concat(),
    recipes: &[Recipe {
        name: "TalkifAI",
        scheme: talkifai::SCHEME,
        key_is_base64: false,
        sign: |s| vec![("X-TalkifAI-Signature", format!("sha256={}", hex(&mac(s.key, &[s.body]))))],
    }],
    // The vendor publishes no signature. This one was made with OpenSSL, by its published recipe.
    published: &[Published {
        name: "TalkifAI",
        scheme: talkifai::SCHEME,
        secret: "talkifai_test_secret",
        now: 0,
        headers: &[("X-TalkifAI-Signature", "sha256=7ac6aa7b15c7500dfe223e06ea2b01b34f1f564a295da582a1a9700e53de9af4")],
        body: r#"{"id":"evt_abc123","type":"call.started","created":"2024-01-15T10:30:00Z","data":{"callId":"call_xyz","agentId":"agent_abc","direction":"inbound","from":"+12025550123","to":"+18885550100"}}"#,
    }],
};

pub fn add_routes(home: &mut impl Home) {
    home.route("/talkifai", servers::talkifai());
    home.route("/aged/talkifai", servers::aged_talkifai());
    let tenant = servers::talkifai().with_max_age(DAY).with_endpoint("tenant-7");
    home.route("/tenant/talkifai", tenant);
}

fn drift() -> Vec<Case> {
    let mut ended = Ended { table: Table::new(&VENDOR), answer: Ok("call.ended"), call_id: "c1" };
    let body = |rest: &str, data: &str| format!(r#"{{"type":"call.ended"{rest},"data":{{"callId":"c1"{data}}}}}"#);
    for seconds in SECONDS {
        ended.row(body("", &format!(r#","duration":{seconds}"#)), &[]);
    }
    for value in NO_SECONDS {
        ended.row(body("", &format!(r#","duration":{value},"from":"zebra-marker""#)), &["data.duration"]);
    }
    for (rest, data, paths) in [
        (r#","id":{"zebra-marker":1}"#, "", &["id"][..]),
        (r#","created":"zebra-marker""#, "", &["created"]),
        ("", r#","from":7,"to":["zebra-marker"]"#, &["data.from", "data.to"]),
        ("", r#","direction":7,"status":{},"endReason":[]"#, &["data.direction", "data.status", "data.endReason"]),
        ("", r#","call_id":"c2""#, &["data.call_id"]),
    ] {
        ended.row(body(rest, data), paths);
    }
    let mut table = ended.table;
    for data in ["[]", "null", r#""zebra-marker""#] {
        table.body(format!(r#"{{"type":"call.ended","data":{data}}}"#), Ok("call.ended")).drift = vec!["data"];
    }
    table.body(r#"{"type":"call.ended","type":"call.ended","data":{}}"#, Err((400, "repeated_field")));
    table.body(r#"{"type":"call.ended","data":{},"data":{}}"#, Err((400, "repeated_field")));
    table.body(r#"{"type":"call.exploded","data":["zebra-marker"]}"#, Ok("call.exploded"));
    table.cases
}
