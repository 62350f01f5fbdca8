use offhook::testing::{Capture, RawRequest, Sample, Signer, samples};
use offhook::{UnixTime, standard_webhooks, truedy};
use offhook_tests::databases::Folder;

use super::package::Package;
use super::sending::recorder;
use super::{SALPRE_TOKEN, STANDARD_SECRET, TRUEDY_SECRET, command, offhook, run};

/// A delivery that is too old to be accepted as it was received.
fn old(sample: Sample) -> RawRequest {
    let time = UnixTime::from_seconds(1_773_844_200).to_datetime().unwrap();
    let signer = match sample.vendor() {
        "salpre" => Signer::bearer(SALPRE_TOKEN).unwrap(),
        "truedy" => Signer::new(truedy::SCHEME, TRUEDY_SECRET).unwrap(),
        "svix" => Signer::new(standard_webhooks::SVIX_SCHEME, STANDARD_SECRET).unwrap().with_message_id("msg_8"),
        _ => Signer::new(standard_webhooks::SCHEME, STANDARD_SECRET).unwrap().with_message_id("msg_7"),
    };
    signer.request_at(time, format!("/hooks?of={}", sample.vendor()), sample)
}

fn write(folder: &Folder, name: &str, request: RawRequest) -> String {
    let file = folder.path().join(name);
    std::fs::write(&file, Capture::new(request).to_json()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn captures_are_sent_again_with_new_signatures_or_as_they_were_received() {
    let (url, keys) = recorder();
    let folder = Folder::new();
    let first = write(&folder, "1.json", old(samples::truedy::CALL_ENDED));
    write(&folder, "2.json", old(samples::truedy::CALL_STARTED));
    let base = url.strip_suffix("/hooks").unwrap();

    let replayed = offhook(&["replay", folder.path().to_str().unwrap(), "--to", base]);
    assert_eq!((replayed.code, replayed.stderr.as_str()), (0, ""), "{replayed:?}");
    let statuses: Vec<_> = replayed.stdout.lines().map(|line| line.split(" in ").next().unwrap()).collect();
    let file = |name| format!("{}: 204", folder.path().join(name).display());
    assert_eq!(statuses, [file("1.json"), file("2.json")]);
    assert_eq!(keys.lock().unwrap().len(), 2);

    let replayed = offhook(&["replay", &first, "--as-received", "--to", &url, "--json"]);
    assert_eq!((replayed.code, &super::json(&replayed)["status"]), (1, &401.into()), "{replayed:?}");
}

#[test]
fn nothing_is_sent_if_one_of_the_files_cannot_be_used() {
    let (url, keys) = recorder();
    let folder = Folder::new();
    write(&folder, "1.json", old(samples::truedy::CALL_ENDED));
    let second = folder.path().join("2.json");
    let unknown = RawRequest::post("/hooks", "{}");
    for (content, problem) in [
        ("{".to_owned(), "2.json: "),
        (Capture::new(unknown).to_json(), "neither the headers nor the path say which vendor sent this"),
    ] {
        std::fs::write(&second, content).unwrap();
        let refused = offhook(&["replay", folder.path().to_str().unwrap(), "--to", &url]);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:?}");
        assert!(refused.stderr.contains(problem) && refused.stderr.contains("2.json"), "{refused:?}");
    }
    assert!(keys.lock().unwrap().is_empty());
    std::fs::remove_file(second).unwrap();
    assert_eq!(offhook(&["replay", folder.path().to_str().unwrap(), "--to", &url]).code, 0);
    assert_eq!(keys.lock().unwrap().len(), 1);
}

#[test]
fn a_masked_token_is_filled_in_and_never_sent_as_it_is() {
    let folder = Folder::new();
    let file = write(&folder, "1.json", old(samples::salpre::CALL_ENDED));
    let refused = offhook(&["replay", &file, "--as-received", "--to", "http://127.0.0.1:1"]);
    assert!(refused.code == 2 && refused.stderr.contains("`authorization` was masked"), "{refused:?}");
    let unreachable = offhook(&["replay", &file, "--to", "http://127.0.0.1:1"]);
    assert!(unreachable.code == 1 && unreachable.stdout.contains("(no_connection)"), "{unreachable:?}");
    // Where the vendor signs, the delivery is accepted without the header.
    let (url, keys) = recorder();
    let file = write(&folder, "2.json", old(samples::truedy::CALL_ENDED).with_header("X-Api-Token", "s3cret"));
    assert_eq!(offhook(&["replay", &file, "--to", &url]).code, 0);
    assert_eq!(keys.lock().unwrap().len(), 1);
    let file = write(&folder, "1.json", old(samples::salpre::CALL_ENDED));
    let curl = offhook(&["curl", &file, "--resign"]);
    assert!(curl.stdout.contains("\"authorization: Bearer $SALPRE_WEBHOOK_TOKEN\""), "{curl:?}");
    assert!(!curl.stdout.contains(SALPRE_TOKEN));
}

#[test]
fn a_curl_command_of_a_capture_is_accepted_once_it_is_signed_again() {
    let folder = Folder::new();
    let file = write(&folder, "1.json", old(samples::truedy::CALL_ENDED));
    for (arguments, code) in [(&["curl", &file, "--resign"][..], 0), (&["curl", &file], 1)] {
        let curl = offhook(arguments);
        assert!(curl.stdout.starts_with("curl -i 'http://127.0.0.1:3000/hooks?of=truedy' "), "{curl:?}");
        assert_eq!(run(command(&["verify", "-"]), curl.stdout.as_bytes()).code, code, "{curl:?}");
    }
}

#[test]
fn a_token_in_the_url_is_masked_and_never_sent_as_it_is() {
    let folder = Folder::new();
    let mut request = old(samples::truedy::CALL_ENDED);
    request.target = "/hooks?token=S3cretMarker-url&a=1".to_owned();
    let body = samples::truedy::CALL_ENDED.body().to_owned();
    let raw = format!("POST {} HTTP/1.1\nX-Truedy-Signature: ab\n\n{body}", request.target);
    let file = write(&folder, "1.json", request);
    assert!(!std::fs::read_to_string(&file).unwrap().contains("S3cretMarker"));

    let curl = run(command(&["curl", "-"]), raw.as_bytes());
    assert!(curl.stdout.starts_with("curl -i 'http://127.0.0.1:3000/hooks?token=***&a=1'"), "{curl:?}");
    assert_eq!(curl.stderr, "the value of `token` in the URL is masked\n");

    let (url, keys) = recorder();
    let base = url.strip_suffix("/hooks").unwrap();
    let refused = offhook(&["replay", &file, "--to", base]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:?}");
    assert!(refused.stderr.contains("the value of `token` in the URL was masked"), "{refused:?}");
    assert!(keys.lock().unwrap().is_empty());
    let replayed = offhook(&["replay", &file, "--to", &format!("{url}?token=S3cretMarker-url"), "--json"]);
    assert_eq!(super::json(&replayed)["url"], format!("{url}?token=***"));
    assert_eq!((replayed.code, keys.lock().unwrap().len()), (0, 1), "{replayed:?}");
    // What is not a capture holds the value, which is sent and not shown.
    let sent = run(command(&["replay", "-", "--to", base]), raw.as_bytes());
    assert!(sent.code == 0 && !sent.stdout.contains("S3cretMarker"), "{sent:?}");
}

/// A retry keeps the id of its message, by which receivers recognise it.
#[test]
fn a_message_that_is_signed_again_keeps_its_id() {
    let folder = Folder::new();
    for (vendor, line) in [("standard-webhooks", "'webhook-id: msg_7'"), ("svix", "'svix-id: msg_8'")] {
        let file = write(&folder, "1.json", old(Sample::new(vendor, "", "{\"type\":\"a.b\"}")));
        let mut curl = command(&["curl", &file, "--resign"]);
        curl.env("STANDARD_WEBHOOKS_SECRET", STANDARD_SECRET);
        let curl = run(curl, b"");
        assert_eq!(curl.stdout.matches(line).count(), 1, "{curl:?}");
        let mut verify = command(&["verify", "-"]);
        verify.env("STANDARD_WEBHOOKS_SECRET", STANDARD_SECRET);
        assert_eq!(run(verify, curl.stdout.as_bytes()).code, 0, "{curl:?}");
    }
}

/// Compiles the tests that the command wrote, in a package of its own, and runs them.
#[test]
fn a_written_test_compiles_and_passes() {
    let package = Package::new();
    let folder = Folder::new();
    let tests = package.tests();
    let to_test = |name: &str, vendor: &str, request: RawRequest| {
        let file = write(&folder, "capture.json", request);
        let folder = tests.to_str().unwrap();
        let mut written =
            command(&["captures", "to-test", &file, "--vendor", vendor, "--name", name, "--folder", folder]);
        if name == "a_named_header" {
            written.env("SALPRE_WEBHOOK_HEADER", "x-calls-pin");
        }
        let written = run(written, b"");
        let path = |extension: &str| format!("{}\n", tests.join(format!("{name}.{extension}")).display());
        assert_eq!((written.code, written.stdout), (0, [path("rs"), path("json")].concat()), "{}", written.stderr);
    };
    to_test("an_event", "truedy", old(samples::truedy::CALL_ENDED.with("data.id", "\"quoted\"\\ é")));
    to_test("a_refusal", "truedy", old(Sample::new("truedy", "", "[]")));
    to_test("a_token", "salpre", old(samples::salpre::CALL_ENDED));
    to_test("a_named_header", "salpre", old(samples::salpre::CALL_ENDED));
    for (name, vendor) in [("a_message", "standard-webhooks"), ("a_message_of_svix", "svix")] {
        to_test(name, vendor, old(Sample::new(vendor, "", "{\"type\":\"a.b\"}")));
    }
    let again = offhook(&[
        "captures",
        "to-test",
        "-",
        "--vendor",
        "truedy",
        "--name",
        "an_event",
        "--folder",
        tests.to_str().unwrap(),
    ]);
    assert_eq!(again.code, 2, "{again:?}");

    package.assert_passed(6);
}

#[test]
fn a_file_is_never_overwritten_and_the_name_of_the_event_is_the_default() {
    let folder = Folder::new();
    let file = write(&folder, "capture.json", old(samples::truedy::CALL_ENDED));
    let arguments = ["captures", "to-test", &file, "--vendor", "truedy", "--folder", folder.path().to_str().unwrap()];
    assert_eq!(offhook(&arguments).code, 0);
    let test = std::fs::read_to_string(folder.path().join("call_ended.rs")).unwrap();
    assert!(test.contains("fn call_ended() ") && !test.contains(TRUEDY_SECRET), "{test}");
    let again = offhook(&arguments);
    assert!(again.code == 2 && again.stderr.contains("call_ended.json: File exists"), "{again:?}");
}

#[test]
fn completions_are_written_for_every_shell() {
    for (shell, piece) in [("bash", "_offhook()"), ("zsh", "#compdef offhook"), ("fish", "complete -c offhook")] {
        let written = offhook(&["completions", shell]);
        assert!(written.code == 0 && written.stdout.contains(piece), "{shell}");
    }
}
