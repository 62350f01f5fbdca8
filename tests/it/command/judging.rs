use offhook::testing::{Capture, Layout, RawRequest, Signer, samples};
use offhook::{Clock, SystemClock, truedy};
use serde_json::json as value;

use super::{SALPRE_TOKEN, TRUEDY_SECRET, command, json, offhook, run};

fn signer() -> Signer {
    Signer::new(truedy::SCHEME, TRUEDY_SECRET).unwrap()
}

fn capture(request: RawRequest) -> String {
    Capture::new(request).with_received_at(SystemClock.now()).to_json()
}

fn judged(arguments: &[&str], file: &str) -> super::Run {
    run(command(arguments), file.as_bytes())
}

#[test]
fn verify_judges_every_form_of_file() {
    let sample = samples::truedy::CALL_ENDED;
    let request = signer().request("/hooks?a=1", &sample);
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect();
    let har = value!({"log": {"entries": [{"request": {
        "method": "POST",
        "url": "https://example.com/hooks?a=1",
        "headers": headers.iter().map(|(name, value)| value!({"name": name, "value": value})).collect::<Vec<_>>(),
        "postData": {"text": sample.body()},
    }}]}});
    let raw: String = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let raw = format!("POST /hooks?a=1 HTTP/1.1\n{raw}\n{}", sample.body());
    let curl: String = headers.iter().map(|(name, value)| format!(" -H '{name}: {value}'")).collect();
    let curl = format!("curl https://example.com/hooks?a=1{curl} --data-raw '{}'", sample.body());
    for file in [capture(request.clone()), har.to_string(), raw, curl] {
        let verified = judged(&["verify", "-", "--json"], &file);
        assert_eq!((verified.code, verified.stderr.as_str()), (0, ""), "{file}\n{verified:?}");
        let verdict = json(&verified);
        assert_eq!(verdict["event"], "call.ended");
        assert_eq!((&verdict["accepted"], &verdict["status"]), (&true.into(), &204.into()));
    }
}

#[test]
fn a_refused_delivery_ends_with_1_and_its_code() {
    let sample = samples::truedy::CALL_ENDED;
    let damaged = signer().request("/hooks", &sample).with_body(sample.with_layout(Layout::Spaced));
    let file = capture(damaged);
    let verified = judged(&["verify", "-"], &file);
    assert_eq!(verified.code, 1);
    assert!(verified.stdout.starts_with("refused: truedy 401 signature_mismatch: "), "{verified:?}");

    let explained = judged(&["explain", "-"], &file);
    assert_eq!((explained.code, explained.stderr.as_str()), (1, ""));
    assert!(explained.stdout.contains("\ncertain: reserialised: "), "{explained:?}");
    let explained = json(&judged(&["explain", "-", "--json"], &file));
    assert_eq!(explained["code"], "signature_mismatch");
    assert_eq!(
        (&explained["reasons"][0]["name"], &explained["reasons"][0]["confidence"]),
        (&"reserialised".into(), &"certain".into())
    );
}

#[test]
fn a_delivery_is_judged_at_the_time_of_its_capture_or_at_the_time_that_is_asked_for() {
    let time = offhook::UnixTime::from_seconds(1_773_844_200).to_datetime().unwrap();
    let request = signer().request_at(time, "/hooks", samples::truedy::CALL_ENDED);
    let captured = Capture::new(request.clone()).with_received_at(time).to_json();
    assert_eq!(judged(&["verify", "-"], &captured).code, 0);
    let old = Capture::new(request).to_json();
    let verified = judged(&["verify", "-"], &old);
    assert!(verified.code == 1 && verified.stdout.contains("timestamp_too_old"), "{verified:?}");
    for at in ["1773844200", "2026-03-18T14:30:00Z"] {
        assert_eq!(judged(&["verify", "-", "--at", at], &old).code, 0, "{at}");
    }
    let explained = judged(&["explain", "-", "--at", "1773844100000"], &old);
    assert_eq!(explained.code, 1, "{explained:?}");
}

#[test]
fn the_vendor_is_recognised_by_header_or_path_or_asked_for() {
    let body = samples::salpre::CALL_ENDED;
    let named = |vendor: &str, target: &str, header: &str| {
        let request = RawRequest::post(target, &body).with_header(header, "x");
        let file = format!("POST {} HTTP/1.1\n{}: x\n\n", request.target, request.headers[0].0);
        let judged = judged(&["verify", "-", "--json"], &file);
        assert_eq!(json(&judged)["vendor"], vendor, "{judged:?}");
    };
    named("truedy", "/", "X-Truedy-Signature");
    named("truedy", "/webhooks/truedy?a=salpre", "x");
    named("salpre", "/", "Authorization");
    named("salpre", "/webhooks/Salpre", "x");
    let unknown = judged(&["verify", "-"], "POST / HTTP/1.1\n\n");
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("name it with --vendor"), "{unknown:?}");
    let asked = judged(&["verify", "-", "--vendor", "salpre"], "POST / HTTP/1.1\n\n");
    assert!(asked.stdout.contains("missing_header"), "{asked:?}");
}

#[test]
fn a_capture_without_its_token_cannot_be_judged() {
    // Where the vendor signs, a masked header does not matter.
    let signed = signer().request("/hooks", samples::truedy::CALL_ENDED).with_header("Cookie", "a=b");
    let signed = capture(signed);
    assert!(signed.contains("***") && judged(&["verify", "-"], &signed).code == 0, "{signed}");

    let request = Signer::bearer(SALPRE_TOKEN).unwrap().request("/hooks", samples::salpre::CALL_ENDED);
    let file = capture(request);
    assert!(!file.contains(SALPRE_TOKEN));
    for command in ["verify", "explain"] {
        let judged = judged(&[command, "-"], &file);
        assert_eq!(judged.code, 2);
        assert!(judged.stderr.contains("`authorization` was masked"), "{judged:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_ends_with_2() {
    for (file, message) in
        [("", "the file is empty"), ("hello", "the empty line after the headers is missing"), ("{\"a\":1}", "HAR")]
    {
        let judged = judged(&["verify", "-"], file);
        assert_eq!((judged.code, judged.stdout.as_str()), (2, ""), "{judged:?}");
        assert!(judged.stderr.contains("error: standard input: ") && judged.stderr.contains(message), "{judged:?}");
    }
    let missing = offhook(&["verify", "/does/not/exist"]);
    assert!(missing.code == 2 && missing.stderr.contains("/does/not/exist: No such file"), "{missing:?}");
}
