use offhook::testing::samples;
use offhook_tests::databases::Folder;

use super::{SALPRE_TOKEN, TRUEDY_SECRET, command, json, offhook, run};

#[test]
fn what_sign_prints_is_accepted_by_verify_in_every_form() {
    for vendor in ["truedy", "salpre"] {
        let event = samples::all().find(|sample| sample.vendor() == vendor).unwrap().event();
        for form in ["--curl", "--http"] {
            let signed = offhook(&["sign", vendor, event, form]);
            assert_eq!((signed.code, signed.stdout.is_empty()), (0, false), "{signed:?}");
            // What is masked is what the shell or the user puts in.
            let text = signed.stdout.replace("$SALPRE_WEBHOOK_TOKEN", SALPRE_TOKEN);
            let text = text.replace("***", &format!("Bearer {SALPRE_TOKEN}"));
            let verified = run(command(&["verify", "-"]), text.as_bytes());
            assert_eq!(verified.code, 0, "{text}\n{verified:?}");
            assert!(verified.stdout.starts_with("accepted: "), "{verified:?}");
        }
    }
}

#[test]
fn every_form_is_a_line_of_json_if_it_is_asked_for() {
    let form = |arguments: &[&str]| json(&offhook(&[arguments, &["--json"]].concat()));
    let sign = ["sign", "truedy", "call.ended"];
    assert!(form(&[&sign[..], &["--curl"]].concat())["command"].as_str().unwrap().starts_with("curl -i "));
    for arguments in [&sign[..], &[&sign[..], &["--http"]].concat()] {
        assert_eq!(form(arguments)["method"], "POST", "{arguments:?}");
    }
    let completions = form(&["completions", "fish"]);
    assert_eq!(completions["shell"], "fish");
    assert!(completions["script"].as_str().unwrap().contains("complete -c offhook"));
}

#[test]
fn the_headers_alone_are_printed_by_default() {
    let signed = offhook(&["sign", "truedy", "call.ended", "--at", "2026-03-18T14:30:00Z"]);
    let names: Vec<_> = signed.stdout.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(names, ["content-type", "x-truedy-signature", "x-truedy-timestamp"]);
    assert!(signed.stdout.contains("x-truedy-timestamp: 1773844200\n"), "{signed:?}");
    assert_eq!((signed.code, signed.stderr.as_str()), (0, ""));
}

#[test]
fn a_sample_can_be_changed_and_a_file_signed() {
    let signed =
        offhook(&["sign", "truedy", "call.ended", "--json", "--set", "data.call.duration=31", "--set", "data.x=y z"]);
    let body: serde_json::Value = serde_json::from_str(json(&signed)["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["data"]["call"]["duration"], &body["data"]["x"]), (&31.into(), &"y z".into()));

    let folder = Folder::new();
    let file = folder.path().join("body.json");
    std::fs::write(&file, "{\"it's\": 1}\n").unwrap();
    let signed = offhook(&["sign", "truedy", "--body", file.to_str().unwrap(), "--json"]);
    assert_eq!(json(&signed)["body"], "{\"it's\": 1}\n");
    // A shell gives curl the same bytes.
    let curl = offhook(&["sign", "truedy", "--body", file.to_str().unwrap(), "--curl"]).stdout;
    let script = format!("curl() {{ shift $(($# - 1)); printf %s \"$1\"; }}; {curl}");
    let printed = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(printed.stdout, b"{\"it's\": 1}\n", "{curl}");
}

#[test]
fn a_secret_comes_from_a_file_too_and_never_from_the_output() {
    let folder = Folder::new();
    let file = folder.path().join("secret");
    std::fs::write(&file, format!("{TRUEDY_SECRET}\n")).unwrap();
    let arguments = ["sign", "truedy", "call.ended", "--at", "1773844200"];
    let from_environment = offhook(&arguments).stdout;
    for named in [format!("{}", file.display()), format!("truedy={}", file.display())] {
        let mut command = command(&[&arguments[..], &["--secret-file", &named]].concat());
        command.env_remove("TRUEDY_WEBHOOK_SECRET");
        assert_eq!(run(command, b"").stdout, from_environment);
    }
    for form in ["--curl", "--http", "--json"] {
        let signed = offhook(&["sign", "salpre", "call_ended", form]);
        assert!(!signed.stdout.contains(SALPRE_TOKEN) && !signed.stderr.contains(SALPRE_TOKEN), "{signed:?}");
    }
}

#[test]
fn wrong_arguments_end_with_2_and_say_what_is_right() {
    for (arguments, message) in [
        (&["sign", "truedy", "nothing"][..], "its events are call.started"),
        (&["sign", "nobody", "call.ended"], "invalid value 'nobody'"),
        (&["sign", "truedy"], "required arguments"),
        (&["sign", "standard-webhooks", "x"], "name a file with --body"),
        (&["sign", "truedy", "--body", "/does/not/exist"], "/does/not/exist: No such file"),
        (&["sign", "truedy", "call.ended", "--at", "noon"], "a time is written as"),
        (&["sign", "truedy", "call.ended", "--set", "a"], "PATH=VALUE"),
        (&["sign", "ultravox", "call.ended"], "set ULTRAVOX_WEBHOOK_SECRET, or name a file with --secret-file"),
        (&["sign", "truedy", "call.ended", "--secret-file", "/does/not/exist"], "/does/not/exist: No such file"),
    ] {
        let refused = offhook(arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains(message), "{arguments:?}: {refused:?}");
    }
    let mut short = command(&["sign", "truedy", "call.ended"]);
    short.env("TRUEDY_WEBHOOK_SECRET", "k3y");
    let refused = run(short, b"");
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("the secret for truedy: "), "{refused:?}");
}

#[test]
fn a_reader_that_closes_the_output_is_no_failure() {
    let script = format!("{} sign truedy call.ended | true", super::program().display());
    let output = std::process::Command::new("bash")
        .args(["-c", &format!("set -o pipefail; sleep 0.1 && {script}")])
        .env("TRUEDY_WEBHOOK_SECRET", TRUEDY_SECRET)
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
