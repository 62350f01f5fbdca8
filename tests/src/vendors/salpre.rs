//! Salpre.

mod hostile;

use offhook::FixedClock;

use super::drift::Ended;
use super::{DAY, Vendor};
use crate::hostile::{Case, Table};
use crate::servers::{self, Home, SALPRE_TOKEN};
use crate::signing::NOW;

pub const VENDOR: Vendor = Vendor {
    route: "/salpre",
    sign: |_, _| format!("Bearer {SALPRE_TOKEN}"),
    credential: "authorization",
    timestamp: None,
    id: None,
    now: "",
    event: "call_initiated",
    body: r#"{"event_type":"call_initiated","payload":{"call_id":1,"note":"zebra-marker"}}"#,
    mismatch: "token_mismatch",
    timed: |at| {
        let time = at.map_or(String::new(), |at| format!(r#""timestamp_utc":{at},"#));
        format!(r#"{{{time}"event_type":"call_ended","payload":{{"call_id":1}}}}"#)
    },
    both_run: &[
        &[
            r#"{"event_type":"call_ended","timestamp_utc":1,"payload":{"call_id":7,"source":"salprebox:SALPRE_A"}}"#,
            r#"{"event_type":"call_ended","timestamp_utc":1,"payload":{"call_id":7,"source":"salprebox:SALPRE_B"}}"#,
        ],
        &[
            r#"{"event_type":"call_ringing","timestamp_utc":1,"payload":{"call_id":8,"to":"+905555555555"}}"#,
            r#"{"event_type":"call_ringing","timestamp_utc":1,"payload":{"call_id":8,"to":"+905555555554"}}"#,
        ],
        &[
            r#"{"event_type":"transcript","payload":{"call":{"id":9},"transcript":"yes"},"timestamp_utc":1}"#,
            r#"{"event_type":"transcript","payload":{"call":{"id":9},"transcript":"yes"},"timestamp_utc":2}"#,
        ],
    ],
    one_runs: &[&[
        r#"{"event_type":"call_ended","timestamp_utc":1,"payload":{"call_id":101}}"#,
        r#"{"event_type":"call_ended","timestamp_utc":2,"payload":{"call_id":101},"is_test":false}"#,
    ]],
    success: 200,
    secrets: &[SALPRE_TOKEN, "k3y-zebra", "t0ken-zebra", "old-zebra"],
    rows: || [hostile::rows(), drift()].concat(),
    recipes: &[],
    published: &[],
};

pub fn add_routes(home: &mut impl Home) {
    home.route("/salpre", servers::salpre());
    home.route("/headers/salpre", servers::headers_salpre());
    let tenant = servers::salpre().with_clock(FixedClock::at_unix(NOW)).with_max_age(DAY).with_endpoint("tenant-7");
    home.route("/tenant/salpre", tenant);
}

fn drift() -> Vec<Case> {
    let mut ended = Ended { table: Table::new(&VENDOR), answer: Ok("call_ended"), call_id: "1" };
    let body =
        |rest: &str, data: &str| format!(r#"{{"event_type":"call_ended"{rest},"payload":{{"call_id":1{data}}}}}"#);
    for (rest, data, paths) in [
        (r#","is_test":"zebra-marker""#, "", &["is_test"][..]),
        (r#","timestamp_utc":"zebra-marker""#, "", &["timestamp_utc"]),
        ("", r#","call":"zebra-marker""#, &["payload.call"]),
        ("", r#","call":{"from":7,"direction":[]}"#, &["payload.call.from", "payload.call.direction"]),
        ("", r#","from":7,"to":{"zebra-marker":1}"#, &["payload.from", "payload.to"]),
        ("", r#","transcript":"zebra-marker""#, &["payload.transcript"]),
        ("", r#","transcript":[{"message":7},null,{"message":"zebra-marker"}]"#, &["payload.transcript[0].message"]),
        ("", r#","transcript":["zebra-marker"]"#, &["payload.transcript[0]"]),
    ] {
        ended.row(body(rest, data), paths);
    }
    let mut table = ended.table;
    for data in ["[]", "null", r#""zebra-marker""#] {
        let body = format!(r#"{{"event_type":"call_ended","payload":{data}}}"#);
        table.body(body, Ok("call_ended")).drift = vec!["payload"];
    }
    table.body(r#"{"event_type":"error","event_type":"error","payload":{}}"#, Err((400, "repeated_field")));
    table.body(r#"{"event_type":"error","payload":{},"payload":{}}"#, Err((400, "repeated_field")));
    table.body(r#"{"event_type":"call_parked","payload":["zebra-marker"]}"#, Ok("call_parked"));
    table.cases
}
