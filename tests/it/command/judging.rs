use offhook::testing::{Capture, Layout, RawRequest, Signer, samples};
use offhook::{Clock, SystemClock, standard_webhooks, truedy};
use serde_json::json as value;

use super::{SALPRE_TOKEN, STANDARD_SECRET, TRUEDY_SECRET, command, json, offhook, run};

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

/// The extractors refuse it before they look at the signature.
#[test]
fn a_delivery_with_a_content_coding_is_refused_although_its_signature_is_right() {
    let request = signer().request("/hooks", samples::truedy::CALL_ENDED);
    let plain = capture(request.clone().with_header("Content-Encoding", "identity"));
    assert_eq!(judged(&["verify", "-"], &plain).code, 0);
    let coded = capture(request.with_header("Content-Encoding", "gzip"));
    let verified = judged(&["verify", "-"], &coded);
    assert!(verified.stdout.starts_with("refused: truedy 415 content_coding: "), "{verified:?}");
    let explained = judged(&["explain", "-"], &coded);
    assert!(explained.stdout.contains("\ncertain: content_coding: "), "{explained:?}");
    assert_eq!((verified.code, explained.code), (1, 1));
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
    named("salpre", "/", "X-Api-Key");
    named("salpre", "/webhooks/Salpre", "x");
    let unknown = judged(&["verify", "-"], "POST / HTTP/1.1\n\n");
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("name it with --vendor"), "{unknown:?}");
    let asked = judged(&["verify", "-", "--vendor", "salpre"], "POST / HTTP/1.1\n\n");
    assert!(asked.stdout.contains("missing_header"), "{asked:?}");
}

/// Svix and other senders by Standard Webhooks differ in the names of their headers only.
#[test]
fn the_header_names_of_svix_and_of_standard_webhooks_are_recognised() {
    let body = "{\"type\":\"user.created\"}";
    let one_secret = |arguments: &[&str], file: &str| {
        let mut command = command(arguments);
        command.env_remove("TRUEDY_WEBHOOK_SECRET").env_remove("SALPRE_WEBHOOK_TOKEN");
        command.env("STANDARD_WEBHOOKS_SECRET", STANDARD_SECRET);
        run(command, file.as_bytes())
    };
    for (vendor, scheme) in [("standard-webhooks", standard_webhooks::SCHEME), ("svix", standard_webhooks::SVIX_SCHEME)]
    {
        let request = Signer::new(scheme, STANDARD_SECRET).unwrap().request("/hooks", body);
        let verified = json(&one_secret(&["verify", "-", "--json"], &capture(request.clone())));
        assert_eq!((&verified["accepted"], &verified["vendor"]), (&true.into(), &vendor.into()), "{verified}");
        assert_eq!(
            (&verified["event"], &verified["dedupe_key"]),
            (&"user.created".into(), &"user.created:msg_test".into())
        );

        let file = capture(request.with_body(format!("{body}\n")));
        let explained = one_secret(&["explain", "-"], &file);
        let opening = format!("{vendor}: refused, signature_mismatch: ");
        assert!(explained.stdout.starts_with(&opening), "{explained:?}");
        assert!(explained.stdout.contains("\ncertain: trailing_newline: "), "{explained:?}");
    }
    // A route for the one that gets the other.
    let request = Signer::new(standard_webhooks::SVIX_SCHEME, STANDARD_SECRET).unwrap().request("/hooks", body);
    let explained = one_secret(&["explain", "-", "--vendor", "standard-webhooks"], &capture(request));
    assert!(explained.stdout.contains("\ncertain: another_vendor (svix): "), "{explained:?}");
    // One secret is one vendor, although it has two names.
    let unsigned = one_secret(&["verify", "-"], "POST / HTTP/1.1\n\n");
    assert!(unsigned.code == 1 && unsigned.stdout.contains("missing_header"), "{unsigned:?}");
}

/// The user chooses the name of the header in Salpre's form.
#[test]
fn salpre_sends_its_token_in_the_header_that_is_named() {
    let request = Signer::headers([("x-calls-pin", SALPRE_TOKEN)]).unwrap();
    let request = request.request("/hooks", samples::salpre::CALL_ENDED);
    let file: String =
        request.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.escape_ascii())).collect();
    let file = format!("POST /hooks HTTP/1.1\n{file}\n{}", samples::salpre::CALL_ENDED.body());
    let named = judged(&["verify", "-", "--salpre-header", "X-Calls-Pin"], &file);
    assert_eq!((named.code, named.stdout.starts_with("accepted: salpre 200 call_ended")), (0, true), "{named:?}");
    let mut by_variable = command(&["verify", "-"]);
    by_variable.env("SALPRE_WEBHOOK_HEADER", "x-calls-pin");
    assert_eq!(run(by_variable, file.as_bytes()).code, 0);
    // Without the name, nothing tells whose it is.
    assert_eq!(judged(&["verify", "-"], &file).code, 2);
    let refused = judged(&["verify", "-", "--salpre-header", "a b"], &file);
    assert!(refused.code == 2 && refused.stderr.contains("no name of a header"), "{refused:?}");

    // The diagnosis finds the token in a header with one of the usual names.
    let usual = file.replace("x-calls-pin", "X-Api-Key");
    let explained = judged(&["explain", "-"], &usual);
    assert!(explained.stdout.contains("\ncertain: token_header (x-api-key): "), "{explained:?}");
    assert_eq!(explained.stderr, "`--salpre-header x-api-key` makes this command read that header\n");

    // The value is in no output, and a written test has the header.
    let curl = judged(&["curl", "-", "--salpre-header", "x-calls-pin"], &file).stdout;
    assert!(curl.contains("-H \"x-calls-pin: $SALPRE_WEBHOOK_TOKEN\""), "{curl}");
    let signed = offhook(&["sign", "salpre", "call_ended", "--salpre-header", "X-Calls-Pin", "--http"]);
    assert!(signed.stdout.contains("\r\nx-calls-pin: ***\r\n"), "{signed:?}");
    let sent = signed.stdout.replace("***", SALPRE_TOKEN);
    assert_eq!(judged(&["verify", "-", "--salpre-header", "x-calls-pin"], &sent).code, 0, "{sent}");
}

/// Only the header of the token matters for a vendor that does not sign.
#[test]
fn a_capture_with_its_token_can_be_judged_although_another_header_is_masked() {
    let request = Signer::headers([("x-calls-pin", "S3cretMarker-other")]).unwrap();
    let request = request.request("/hooks", samples::salpre::CALL_ENDED).with_header("Cookie", "a=b");
    let refused = judged(&["verify", "-", "--salpre-header", "x-calls-pin"], &capture(request));
    assert!(refused.code == 1 && refused.stdout.contains("token_mismatch"), "{refused:?}");
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

/// A file that is named in a pasted command is judged, and goes nowhere.
#[test]
fn a_curl_command_may_name_the_file_of_its_body() {
    let folder = offhook_tests::databases::Folder::new();
    let body = format!("{}\n", samples::truedy::CALL_ENDED.body());
    std::fs::write(folder.path().join("body.json"), &body).unwrap();
    let request = signer().request("/hooks", body);
    let headers = request.headers.iter().map(|(name, value)| format!(" -H '{name}: {}'", value.escape_ascii()));
    let curl = format!("curl http://localhost/hooks{} ", headers.collect::<String>());
    let here = |arguments: &[&str], data: &str| {
        let mut command = command(arguments);
        command.current_dir(folder.path());
        run(command, format!("{curl}{data}").as_bytes())
    };
    let verified = here(&["verify", "-"], "--data-binary @body.json");
    assert!(verified.stdout.starts_with("accepted: truedy 204 call.ended"), "{verified:?}");
    let explained = here(&["explain", "-"], "-d @body.json");
    assert!(explained.stdout.contains("\ncertain: trailing_newline: "), "{explained:?}");
    for arguments in [&["replay", "-"][..], &["curl", "-"], &["captures", "to-test", "-"]] {
        let refused = here(arguments, "--data-binary @body.json");
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:?}");
        assert!(refused.stderr.contains("which only verify and explain read"), "{refused:?}");
    }
    let missing = here(&["verify", "-"], "--data-binary @other.json");
    assert!(missing.code == 2 && missing.stderr.contains("the file other.json: No such file"), "{missing:?}");
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
