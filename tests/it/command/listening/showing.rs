//! What is shown and kept of a delivery, and how the command ends.

use offhook::testing::{Capture, NearMiss, RawRequest, Signer, samples};
use serde_json::json;

use super::{Listener, delivery, truedy};
use crate::command::{SALPRE_TOKEN, TRUEDY_SECRET, command, offhook, run};

#[test]
fn each_delivery_is_one_line_and_a_refused_one_has_its_cause() {
    let listener = Listener::start(&[]);
    assert_eq!(listener.send(&delivery()).status, 204);
    let line = listener.line();
    let columns: Vec<_> = line.split_whitespace().collect();
    let bytes = delivery().body.len().to_string();
    assert_eq!(columns[1..], ["truedy", "call.ended", "uv_call_abc123", "accepted", &bytes, "B"], "{line}");

    let tampered = NearMiss::ReserialisedBody.of(&truedy(), &delivery()).unwrap();
    assert_eq!(listener.send(&tampered).status, 401);
    assert!(listener.line().contains("refused 401 signature_mismatch"));
    assert!(listener.line().contains("does not match"));
    assert!(listener.line().starts_with("    certain: reserialised"));
    assert!(listener.line().contains("truedy may send it again"));
    let coded = NearMiss::ContentCoding.of(&truedy(), &delivery()).unwrap();
    assert_eq!(listener.send(&coded).status, 415);
    assert!(listener.line().contains("refused 415 content_coding"));
    listener.line();
    assert!(listener.line().starts_with("    certain: content_coding"));
    listener.signal("-INT");
    let (code, messages) = listener.end();
    assert_eq!((code, messages), (130, vec!["3 deliveries: 1 accepted, 2 refused".into(), "interrupted".into()]));
}

#[test]
fn the_vendor_is_recognised_and_one_without_a_secret_is_refused() {
    let listener = Listener::start(&["--json"]);
    let salpre = Signer::bearer(SALPRE_TOKEN).unwrap();
    let body = samples::salpre::CALL_ENDED;
    assert_eq!(listener.send(&salpre.request("/anything", body)).status, 200);
    assert_eq!(listener.json()["vendor"], "salpre");
    let unsigned = RawRequest::post("/webhooks/truedy", "{}");
    assert_eq!(listener.send(&unsigned).status, 401);
    assert_eq!(listener.json()["code"], "missing_header");
    for (request, code) in
        [(RawRequest::post("/webhooks/ultravox", "{}"), "no_secret"), (RawRequest::post("/", "{}"), "unknown_vendor")]
    {
        assert_eq!(listener.send(&request).status, 401);
        assert_eq!(listener.json()["code"], code);
    }
}

#[test]
fn json_tells_everything_and_no_token() {
    let listener = Listener::start(&["--json", "--verbose"]);
    let salpre = Signer::bearer(SALPRE_TOKEN).unwrap();
    let target = format!("/salpre?token=S3cretMarker-url&other={TRUEDY_SECRET}&a=1");
    let request = salpre.request(target, samples::salpre::CALL_ENDED).with_header("X-Other", TRUEDY_SECRET);
    listener.send(&request);
    let line = listener.line();
    assert!(!line.contains("S3cretMarker"), "{line}");
    let shown: serde_json::Value = serde_json::from_str(&line).unwrap();
    let headers = shown["headers"].as_array().unwrap();
    assert!(headers.contains(&json!(["authorization", "***"])), "{line}");
    assert!(headers.contains(&json!(["X-Other", "***"])), "{line}");
    assert_eq!(shown["target"], "/salpre?token=***&other=***&a=1");
    assert_eq!(shown["accepted"], true);
    assert_eq!(shown["answered"], 200);
    assert_eq!(shown["body"].as_str(), std::str::from_utf8(&request.body).ok());
    assert_eq!(shown["call_id"], "1");
}

#[test]
fn once_ends_after_the_first_delivery() {
    let listener = Listener::start(&["--once"]);
    assert_eq!(listener.send(&delivery()).status, 204);
    assert_eq!(listener.end().0, 0);
    let listener = Listener::start(&["--once"]);
    assert_eq!(listener.send(&NearMiss::WrongSecret.of(&truedy(), &delivery()).unwrap()).status, 401);
    assert_eq!(listener.end().0, 1);
}

#[test]
fn other_events_are_accepted_and_left_out() {
    let listener = Listener::start(&["--json", "--once", "--events", "call.failed,call.billed"]);
    assert_eq!(listener.send(&delivery()).status, 204);
    let billed = truedy().request("/", samples::truedy::CALL_BILLED);
    assert_eq!(listener.send(&billed).status, 204);
    assert_eq!(listener.json()["event"], "call.billed");
    let (code, messages) = listener.end();
    assert_eq!((code, messages), (0, vec!["1 deliveries: 1 accepted, 0 refused; 1 of other events".into()]));
}

#[test]
fn a_saved_delivery_can_be_verified_again() {
    let folder = std::env::temp_dir().join(format!("offhook-listen-{}", std::process::id()));
    let listener = Listener::start(&["--save", folder.to_str().unwrap()]);
    let hostile = r#"{"event":"../../../etc/passwd","data":{"call_id":"c"}}"#;
    let request = truedy().request("/?key=S3cretMarker-url", hostile).with_header("X-Case", "1");
    listener.send(&request);
    listener.line();
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(files[0].to_str().unwrap().ends_with("-truedy-..-..-..-etc-passwd.json"), "{files:?}");
    let capture = std::fs::read(&files[0]).unwrap();
    let capture = Capture::from_json(&capture).unwrap();
    assert_eq!(capture.verdict(), Some("accepted"));
    assert!(capture.request().headers.iter().any(|(name, _)| name == "X-Case"));
    assert_eq!(capture.request().target, "/?key=***");
    assert_eq!(offhook(&["verify", files[0].to_str().unwrap()]).code, 0);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_cannot_be_used_is_said_at_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, problem) in [
        (&["--port", port.as_str()][..], "in use"),
        (&["--forward-to", "localhost:3000"], "must begin with http:// or https://"),
        (&["--vendor", "ultravox"], "there is no secret for ultravox"),
        (&["--save", "/dev/null/captures"], "/dev/null/captures"),
    ] {
        let ended = offhook(&[&["listen"], arguments].concat());
        assert!(ended.code == 2 && ended.stderr.contains(problem), "{ended:?}");
    }
    let mut without = command(&["listen"]);
    without.env_clear();
    let ended = run(without, b"");
    assert!(ended.code == 2 && ended.stderr.contains("there is no secret"), "{ended:?}");
}
