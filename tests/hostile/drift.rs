//! Documented fields of another type: the delivery is accepted, the field is absent and
//! listed with its path, and everything else stays typed.

use offhook::event::Stage;
use offhook_tests::hostile::{Answer, Case};

use crate::common::{SALPRE, STANDARD, TALKIFAI, TRUEDY, Table, ULTRAVOX};

/// What one vendor does with an event of a call that has ended.
struct Ended {
    table: Table,
    answer: Answer,
    call_id: &'static str,
}

impl Ended {
    /// Adds an event in which everything but the fields at `paths` fits.
    fn row(&mut self, body: impl AsRef<[u8]>, paths: &[&'static str]) {
        let case = self.table.body(body, self.answer);
        *case = case.clone().with_drift(paths).with_call(self.call_id, Stage::Ended);
    }
}

pub fn cases() -> Vec<Case> {
    [truedy(), talkifai(), salpre(), ultravox(), standard_webhooks()].concat()
}

/// Values that are no number of seconds.
const NO_SECONDS: [&str; 9] = [
    "1e999",
    "9223372036854775808",
    "-9223372036854775809",
    "true",
    "[142]",
    r#"{"zebra-marker":142}"#,
    r#""zebra-marker""#,
    r#""2 min""#,
    r#""""#,
];

/// Numbers of seconds, as a number and as text.
const SECONDS: [&str; 8] = ["142", "142.5", "null", r#""142""#, r#""142.5""#, r#""-142""#, r#""120s""#, r#""30.5s""#];

fn truedy() -> Vec<Case> {
    let mut ended = Ended { table: Table::new(&TRUEDY), answer: Ok("call.ended"), call_id: "c1" };
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

fn talkifai() -> Vec<Case> {
    let mut ended = Ended { table: Table::new(&TALKIFAI), answer: Ok("call.ended"), call_id: "c1" };
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

fn salpre() -> Vec<Case> {
    let mut ended = Ended { table: Table::new(&SALPRE), answer: Ok("call_ended"), call_id: "1" };
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

fn ultravox() -> Vec<Case> {
    let mut ended = Ended { table: Table::new(&ULTRAVOX), answer: Ok("call.ended"), call_id: "c1" };
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

/// The type is the user's, so the crate cannot say which field does not fit: the body is
/// listed as a whole.
fn standard_webhooks() -> Vec<Case> {
    let mut table = Table::new(&STANDARD);
    for body in [
        r#"{"type":"user.created","data":"zebra-marker"}"#,
        r#"{"type":"user.created","data":{"id":["zebra-marker"]}}"#,
        r#"{"type":"user.created","data":[],"timestamp":["zebra-marker"]}"#,
    ] {
        table.body(body, Ok("user.created")).drift = vec!["body"];
    }
    table.cases
}
