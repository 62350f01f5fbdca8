//! Truedy.

use offhook::truedy;

use super::drift::{Ended, NO_SECONDS, SECONDS};
use super::{Published, Recipe, Vendor};
use crate::hostile::{Case, Table};
use crate::servers::{self, Home, TRUEDY_OLD_SECRET, TRUEDY_SECRET};
use crate::signing::{NOW, hex, mac};

pub const VENDOR: Vendor = Vendor {
    route: "/truedy",
    sign: |timestamp, body| hex(&mac(TRUEDY_SECRET, &[timestamp, b".", body])),
    credential: truedy::SIGNATURE_HEADER,
    timestamp: Some(truedy::TIMESTAMP_HEADER),
    id: None,
    now: "1773844200",
    event: "call.started",
    body: r#"{"event":"call.started","data":{"call_id":"c1","note":"zebra-marker"}}"#,
    mismatch: "signature_mismatch",
    success: 204,
    secrets: &[TRUEDY_SECRET, TRUEDY_OLD_SECRET],
    rows: drift,
    recipes: &[Recipe {
        name: "Truedy",
        scheme: truedy::SCHEME,
        key_is_base64: false,
        sign: |s| {
            let ts = s.seconds.to_string();
            let tag = hex(&mac(s.key, &[ts.as_bytes(), b".", s.body]));
            vec![("X-Truedy-Signature", tag), ("X-Truedy-Timestamp", ts)]
        },
    }],
    // The vendor publishes no signature. This one was made with OpenSSL, by its published recipe.
    published: &[Published {
        name: "Truedy",
        scheme: truedy::SCHEME,
        secret: "whsec_test_secret",
        now: NOW,
        headers: &[
            ("X-Truedy-Signature", "96d85da17d136e52c8abc091357ff1d78bc4bf5a8021a408f22a7e9b03d0f408"),
            ("X-Truedy-Timestamp", "1773844200"),
        ],
        body: r#"{"event":"call.ended","timestamp":"2026-03-18T14:30:00.000Z","data":{"event":"call.ended","call":{"callId":"uv_call_123","agent":{"agentId":"uv_agent_123"}},"id":"uv_evt_123"}}"#,
    }],
};

pub fn add_routes(home: &mut impl Home) {
    home.route("/truedy", servers::truedy());
    home.route("/rotated/truedy", servers::rotated_truedy());
    home.route("/early/truedy", servers::early_truedy());
}

fn drift() -> Vec<Case> {
    let mut ended = Ended { table: Table::new(&VENDOR), answer: Ok("call.ended"), call_id: "c1" };
    let body = |rest: &str, data: &str| format!(r#"{{"event":"call.ended"{rest},"data":{{"call_id":"c1"{data}}}}}"#);
    for seconds in SECONDS {
        ended.row(body("", &format!(r#","duration_seconds":{seconds}"#)), &[]);
        ended.row(body("", &format!(r#","call":{{"duration":{seconds},"billedDuration":{seconds}}}"#)), &[]);
    }
    for value in NO_SECONDS {
        ended.row(body("", &format!(r#","duration_seconds":{value}"#)), &["data.duration_seconds"]);
        ended.row(body("", &format!(r#","call":{{"duration":{value},"summary":"s"}}"#)), &["data.call.duration"]);
    }
    for (rest, data, paths) in [
        (r#","id":["zebra-marker"]"#, "", &["id"][..]),
        (r#","timestamp":"zebra-marker""#, "", &["timestamp"]),
        (r#","id":true,"timestamp":[]"#, r#","status":7"#, &["id", "timestamp", "data.status"]),
        ("", r#","call":"zebra-marker""#, &["data.call"]),
        ("", r#","call":["zebra-marker"]"#, &["data.call"]),
        ("", r#","status":["zebra-marker"],"error_message":{}"#, &["data.status", "data.error_message"]),
        (
            "",
            r#","call":{"costUsd":"0.21","created":"2025-02-30T00:00:00Z"}"#,
            &["data.call.costUsd", "data.call.created"],
        ),
        (
            "",
            r#","call":{"recordingEnabled":"yes","temperature":"0.4"}"#,
            &["data.call.recordingEnabled", "data.call.temperature"],
        ),
        ("", r#","call":{"agent":{"name":7,"agentId":[]}}"#, &["data.call.agent.name", "data.call.agent.agentId"]),
        ("", r#","call":{"metadata":{"zebra-marker":7}}"#, &["data.call.metadata.*"]),
        ("", r#","agent_id":"a","agentId":"b""#, &["data.agentId"]),
        ("", r#","agent_id":"a","agent_id":"b""#, &["data.agent_id"]),
    ] {
        ended.row(body(rest, data), paths);
    }
    let mut table = ended.table;
    for data in ["[]", "null", "7", r#""zebra-marker""#] {
        let body = format!(r#"{{"event":"call.ended","id":"e1","data":{data}}}"#);
        table.body(body, Ok("call.ended")).drift = vec!["data"];
    }
    table.cases
}
