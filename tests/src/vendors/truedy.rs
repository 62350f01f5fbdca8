//! Truedy.

mod hostile;

use offhook::truedy;

use super::drift::{Ended, NO_SECONDS, SECONDS};
use super::{DAY, Published, Recipe, Vendor, member};
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
    timed: |at| format!(r#"{{{}"event":"call.ended","data":{{"call_id":"c"}}}}"#, member("timestamp", at)),
    both_run: &[
        &[
            r#"{"event":"batch.status.changed","timestamp":"2026-03-18T14:00:00Z","data":{"id":"b1","batchId":"b1","status":"running"}}"#,
            r#"{"event":"batch.status.changed","timestamp":"2026-03-18T14:01:00Z","data":{"id":"b1","batchId":"b1","status":"paused"}}"#,
            r#"{"event":"batch.status.changed","timestamp":"2026-03-18T14:02:00Z","data":{"id":"b1","batchId":"b1","status":"running"}}"#,
        ],
        &[
            r#"{"event":"batch.status.changed","data":{"id":"b2","status":"running"}}"#,
            r#"{"event":"batch.status.changed","data":{"id":"b2","status":"paused"}}"#,
            r#"{"event":"batch.status.changed","data":{"id":"b2","status":"completed"}}"#,
        ],
        &[
            r#"{"event":"agent.updated","data":{"id":"a1","name":"one"}}"#,
            r#"{"event":"agent.updated","data":{"id":"a1","name":"two"}}"#,
        ],
        &[
            r#"{"event":"voice.training.completed","data":{"voice_id":"v1","version":1}}"#,
            r#"{"event":"voice.training.completed","data":{"voice_id":"v1","version":2}}"#,
        ],
        &[
            r#"{"event":"voice.training.failed","data":{"voice_id":"v1","error_message":"noise"}}"#,
            r#"{"event":"voice.training.failed","data":{"voice_id":"v1","error_message":"silence"}}"#,
        ],
        &[
            r#"{"event":"call.ended","data":{"call":{"callId":"c1"}}}"#,
            r#"{"event":"call.completed","data":{"call":{"callId":"c1","summary":"Pricing","costUsd":0.21}}}"#,
        ],
        &[
            r#"{"event":"call.billed","data":{"call":{"callId":"c2","billingStatus":"BILLING_STATUS_BILLED"}}}"#,
            r#"{"event":"call.billed","data":{"call":{"callId":"c2","billingStatus":"BILLING_STATUS_REFUNDED"}}}"#,
        ],
        // Undecodable.
        &[r#"{"event":"call.ended","id":"e1","data":[1]}"#, r#"{"event":"call.ended","id":"e1","data":[2]}"#],
        // Without an id, the body is the key.
        &[r#"{"event":"call.ended","data":{"n":1}}"#, r#"{"event":"call.ended","data":{"n":2}}"#],
    ],
    one_runs: &[
        &[
            r#"{"event":"call.ended","timestamp":"2026-03-18T14:30:00Z","data":{"id":"x1","call":{"callId":"c"}}}"#,
            r#"{"event":"call.ended","timestamp":"2026-03-18T14:31:00Z","data":{"id":"x1","call":{"callId":"c"}}}"#,
        ],
        &[
            r#"{"event":"call.ended","timestamp":"2026-03-18T14:30:00Z","data":{"call_id":"x2"},"id":"e"}"#,
            r#"{ "id":"e", "data": {"call_id":"x2"}, "timestamp":1773844260, "event":"call.completed", "attempt":2}"#,
        ],
        &[
            r#"{"event":"batch.status.changed","timestamp":1,"data":{"id":"x3","batch_id":"b","status":"running"}}"#,
            r#"{"event":"batch.status.changed","timestamp":2,"data":{"id":"x3","batch_id":"b","status":"running"}}"#,
        ],
        &[
            r#"{"event":"agent.updated","timestamp":1,"data":{"id":"x4"}}"#,
            r#"{"event":"agent.updated","timestamp":2,"data":{"id":"x4"}}"#,
        ],
        &[
            r#"{"event":"call.ended","id":"x5","timestamp":1,"data":[1]}"#,
            r#"{"event":"call.ended","id":"x5","timestamp":2,"data":[1]}"#,
        ],
    ],
    success: 204,
    secrets: &[TRUEDY_SECRET, TRUEDY_OLD_SECRET],
    rows: || [hostile::rows(), drift()].concat(),
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
    let tenant = servers::truedy().with_max_age(DAY).with_endpoint("tenant-7");
    home.route("/tenant/truedy", tenant);
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
