use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use offhook_tests::databases::Folder;
use offhook_tests::servers::serve_axum;

use super::{Grades, suite};

/// Serves a receiver that answers each delivery like this.
fn answering(answer: impl Fn(&HeaderMap) -> u16 + Clone + Send + Sync + 'static) -> String {
    let handler = async move |headers: HeaderMap, _: axum::body::Bytes| StatusCode::from_u16(answer(&headers)).unwrap();
    let app = Router::new().route("/hooks", post(handler)).layer(DefaultBodyLimit::disable());
    format!("http://{}/hooks", serve_axum(app))
}

#[test]
fn a_receiver_that_accepts_everything_fails_at_every_forged_delivery() {
    let grades = Grades::of(&answering(|_| 204), "truedy", &[]);
    assert_eq!(grades.code, 1);
    assert!(grades.group("honest").iter().all(|check| check["grade"] == "pass"), "{grades:#?}");
    let harmless: Vec<_> = grades.group("hostile").into_iter().filter(|check| check["grade"] != "fail").collect();
    let names: Vec<_> = harmless.iter().map(|check| check["check"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "repeated",
            "content_coding",
            "over_the_limit",
            "signed_invalid_utf8",
            "signed_empty_body",
            "signed_truncated_json",
            "signed_null"
        ]
    );
    assert!(harmless.iter().all(|check| check["grade"] == "note"), "{harmless:#?}");
    assert_eq!(grades.check("stale")["came"], "204: accepted");
}

#[test]
fn a_receiver_that_refuses_everything_fails_at_every_honest_delivery() {
    let grades = Grades::of(&answering(|_| 403), "truedy", &[]);
    let failed: Vec<_> = grades.checks.iter().filter(|check| check["grade"] == "fail").collect();
    // One page of Truedy documents ISO 8601, and the other one does not.
    assert_eq!(failed.len() + 1, grades.group("honest").len() + grades.group("after").len());
    assert!(failed.iter().all(|check| check["accepts"] == true), "{failed:#?}");
    // Another status than 401 refuses as well.
    assert_eq!(grades.check("wrong_secret")["grade"], "note");
    assert_eq!(grades.check("wrong_secret")["refuses_with"], 401);
}

#[test]
fn a_receiver_that_answers_204_is_sent_everything_again_by_a_vendor_that_asks_for_200() {
    let grades = Grades::of(&answering(|_| 204), "talkifai", &["--only", "event_call.ended"]);
    assert_eq!(grades.names("fail"), ["event_call.ended"]);
    assert!(grades.checks[0]["came"].as_str().unwrap().contains("only 200"), "{grades:?}");
}

#[test]
fn a_receiver_that_a_hostile_delivery_stops_fails_at_the_end() {
    let stopped = Arc::new(AtomicBool::new(false));
    let url = answering(move |headers| {
        if stopped.load(Ordering::SeqCst) {
            return 503;
        }
        let missing = !headers.contains_key("x-truedy-signature");
        stopped.store(missing, Ordering::SeqCst);
        if missing { 401 } else { 204 }
    });
    // The honest delivery at the end is sent although only a hostile one is named.
    let grades = Grades::of(&url, "truedy", &["--only", "missing"]);
    assert_eq!((grades.names("pass"), grades.names("fail")), (vec!["missing"], vec!["after_hostile"]));
}

#[test]
fn a_receiver_that_does_not_answer_in_time_fails() {
    let handler = async || std::future::pending::<StatusCode>().await;
    let url = format!("http://{}/hooks", serve_axum(Router::new().route("/hooks", post(handler))));
    let grades = Grades::of(&url, "truedy", &["--only", "event_call.ended", "--timeout", "1"]);
    assert_eq!(grades.names("fail"), ["event_call.ended"]);
    assert_eq!(grades.checks[0]["error"], "timed_out");
}

#[test]
fn a_receiver_that_closes_connections_fails_and_one_that_does_not_exist_ends_the_suite() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    let closing = std::thread::spawn(move || {
        for _ in 0..2 {
            drop(listener.accept().unwrap());
        }
    });
    let grades = Grades::of(&url, "truedy", &["--only", "event_call.ended", "--only", "event_call.billed"]);
    assert_eq!(grades.names("fail"), ["event_call.ended", "event_call.billed"]);
    assert!(grades.checks.iter().all(|check| check["error"] == "broken_off"), "{grades:?}");
    closing.join().unwrap();

    let nobody = suite(&url, "truedy", &[]);
    assert_eq!((nobody.code, nobody.stdout.as_str()), (1, ""));
    assert!(nobody.stderr.contains("no connection"), "{nobody:?}");
}

#[test]
fn a_redelivery_is_sent_twice_and_must_be_accepted_twice() {
    let seen = Arc::new(AtomicBool::new(false));
    let url = answering(move |_| if seen.swap(true, Ordering::SeqCst) { 409 } else { 204 });
    let grades = Grades::of(&url, "truedy", &["--only", "redelivery"]);
    assert_eq!(grades.check("redelivery")["status"], 409);
    assert_eq!(grades.names("fail"), ["redelivery"]);
}

#[test]
fn the_report_for_people_says_what_was_sent_what_came_why_it_matters_and_how_to_fix_it() {
    let report = suite(&answering(|_| 204), "truedy", &["--only", "event_call.ended", "--only", "from_the_future"]);
    let lines: Vec<_> = report.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "",
            "Honest deliveries, which a right receiver accepts:",
            "  pass  event_call.ended              204: accepted",
            "",
            "Hostile deliveries, which a right receiver refuses:",
            "  FAIL  from_the_future               204: accepted",
            "        sent  a genuine delivery that was signed 360 s ahead of the clock",
            "        why   A delivery that is signed far ahead can be sent again until then.",
            "        fix   Compare the distance in both directions: abs(now - timestamp) <= 300.",
            "",
            "After the hostile deliveries:",
            "  pass  after_hostile                 204: accepted",
            "",
            "2 passed, 0 noted, 1 failed",
        ]
    );
    assert_eq!(report.code, 1);
    assert!(report.stderr.contains("the receiver acts on them"), "{report:?}");
    // What was explained once is not explained again.
    let twice = suite(&answering(|_| 500), "truedy", &["--only", "missing", "--only", "another_vendor"]);
    assert!(twice.stdout.contains("        why   see missing\n"), "{}", twice.stdout);
}

#[test]
fn a_report_in_junit_xml_has_a_case_for_each_check() {
    let folder = Folder::new();
    let file = folder.path().join("suite.xml");
    let url = answering(|_| 204);
    let only = ["--only", "event_call.ended", "--only", "from_the_future", "--only", "repeated"];
    let run = suite(&url, "truedy", &[&["--junit", file.to_str().unwrap()], &only[..]].concat());
    assert_eq!(run.code, 1, "{run:?}");
    let xml = std::fs::read_to_string(&file).unwrap();
    assert!(
        xml.contains(r#"<testsuite name="offhook suite truedy" tests="4" skipped="0" errors="0" failures="1">"#),
        "{xml}"
    );
    let case = r#"<testcase name="from_the_future" classname="offhook.suite.hostile" time=""#;
    let (_, rest) = xml.split_once(case).unwrap_or_else(|| panic!("{xml}"));
    let failure = rest.split_once("</testcase>").unwrap().0;
    assert!(failure.contains(r#"<failure message="204: accepted">"#), "{failure}");
    // What is special in XML is escaped.
    assert!(failure.contains("abs(now - timestamp) &lt;= 300"), "{failure}");
    assert!(xml.contains("<system-out>note: 204: accepted"), "{xml}");
    assert!(!xml.contains("S3cretMarker"));
}

#[test]
fn wrong_arguments_end_with_2_before_anything_is_sent() {
    let nobody = "http://127.0.0.1:9/hooks";
    for (url, arguments, message) in [
        (nobody, &["--only", "nothing"][..], "there is no check nothing for truedy: its checks are event_call.started"),
        (nobody, &["--only", "token_empty"], "there is no check token_empty for truedy"),
        (nobody, &["--junit", "/does/not/exist/suite.xml"], "/does/not/exist/suite.xml: No such file"),
        (nobody, &["--timeout", "0"], "invalid value '0'"),
        ("127.0.0.1:9", &[], "begins with http:// or https://"),
        ("/hooks", &[], "begins with http:// or https://"),
    ] {
        let refused = suite(url, "truedy", arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:?}");
        assert!(refused.stderr.contains(message), "{refused:?}");
    }
}

#[test]
fn the_forms_of_a_request_differ_on_the_wire() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    let heads = std::thread::spawn(move || std::array::from_fn(|_| answer_once(&listener)));
    let only = ["--only", "event_call.ended", "--only", "chunked_body", "--only", "header_case"];
    assert_eq!(Grades::of(&url, "truedy", &only).names("pass"), ["event_call.ended", "chunked_body", "header_case"]);
    let [plain, chunked, title_case]: [String; 3] = heads.join().unwrap();
    assert!(plain.contains("\r\nx-truedy-signature: ") && plain.contains("\r\ncontent-length: "), "{plain}");
    assert!(chunked.contains("\r\ntransfer-encoding: chunked") && !chunked.contains("content-length"), "{chunked}");
    assert!(title_case.contains("\r\nX-Truedy-Signature: "), "{title_case}");
}

/// Accepts one connection and the next request on it, and returns the head of the request.
fn answer_once(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    let ended = |received: &[u8]| received.ends_with(b"}") || received.ends_with(b"\r\n0\r\n\r\n");
    while !ended(&received) {
        let count = stream.read(&mut buffer).unwrap();
        received.extend_from_slice(&buffer[..count]);
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
    let text = String::from_utf8(received).unwrap();
    text.split_once("\r\n\r\n").unwrap().0.to_owned()
}

#[test]
fn a_delivery_is_signed_when_it_is_sent_and_not_when_the_suite_begins() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&times);
    let url = answering(move |headers| {
        let signed: i64 = headers["x-truedy-timestamp"].to_str().unwrap().parse().unwrap();
        seen.lock().unwrap().push(signed);
        std::thread::sleep(Duration::from_millis(1_100));
        204
    });
    suite(&url, "truedy", &["--only", "event_call.started", "--only", "event_call.ended"]);
    let times = times.lock().unwrap();
    assert!(times.len() == 2 && times[0] < times[1], "{times:?}");
}
