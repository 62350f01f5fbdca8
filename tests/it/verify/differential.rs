//! Compares offhook with the vendors' own libraries: npm `stripe`, `standardwebhooks` and
//! `@octokit/webhooks-methods`, PyPI `stripe` and `standardwebhooks`.
//!
//! `scripts/install-peers` installs them. Without them these tests say that they
//! did not run, or fail when `OFFHOOK_REQUIRE_PEERS=1`, as in CI.
//!
//! Every difference between a peer and this crate is deliberate. These are the differences:
//!
//! | peer | it accepts, we refuse |
//! |---|---|
//! | stripe, both | a delivery from the future, however far |
//! | stripe, npm | two `t`, of which it uses the last; `t=123abc` and `t=+123` as 123 |
//! | stripe, PyPI | two `t`, of which it uses the first; `t=+123`, `t=1_23` and `t= 123` as 123 |
//! | stripe, npm | a body that is not UTF-8, signed over its replacement characters |
//! | standardwebhooks, npm | the timestamps `123abc`, `+123`, `00123` and `123.9` as 123 |
//! | standardwebhooks, PyPI | the timestamps `+123`, `00123`, `1.23e2` and `123.9` as 123 |
//! | standardwebhooks, PyPI | a signature with characters that are not base64 in between, or with text after the padding |
//!
//! | peer | it refuses, we accept |
//! |---|---|
//! | stripe, octokit | hex in upper case |
//! | octokit | an empty body; that is refused when it is parsed |
//! | stripe, npm | a space after the comma |
//! | stripe, standardwebhooks | a body that is not UTF-8, signed over its bytes; that, too, is refused when it is parsed |
//! | standardwebhooks, PyPI | a list with an entry that has no comma |

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64ct::{Base64, Encoding};
use offhook::testing::Signer;
use offhook::verify::{HmacKeys, HmacScheme};
use offhook::{Clock, FixedClock, Secret};
use serde::{Deserialize, Serialize};

use offhook_tests::crate_root;
use offhook_tests::random::Random;
use offhook_tests::schemes;
use offhook_tests::signing::NOW;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Runtime {
    Node,
    Python,
}

#[derive(Clone, Serialize)]
struct Request {
    peer: &'static str,
    op: &'static str,
    secret: String,
    now: i64,
    timestamp: i64,
    timestamp_text: String,
    id: String,
    signature: String,
    body: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    value: serde_json::Value,
    error: Option<String>,
}

impl Answer {
    fn signature(&self) -> &str {
        self.value.as_str().unwrap_or_else(|| panic!("{self:?}"))
    }

    fn accepts(&self) -> bool {
        self.value == true
    }
}

/// A secret, a time and a body, with the headers that sign them.
#[derive(Clone)]
struct Case {
    secret: String,
    now: i64,
    timestamp: String,
    id: String,
    signature: String,
    body: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Peer {
    name: &'static str,
    runtime: Runtime,
    scheme: HmacScheme,
}

const STRIPE: Peer = Peer { name: "stripe", runtime: Runtime::Node, scheme: schemes::STRIPE };
const STRIPE_PYTHON: Peer = Peer { runtime: Runtime::Python, ..STRIPE };
const STANDARD: Peer =
    Peer { name: "standardwebhooks", runtime: Runtime::Node, scheme: offhook::standard_webhooks::SCHEME };
const STANDARD_PYTHON: Peer = Peer { runtime: Runtime::Python, ..STANDARD };
const OCTOKIT: Peer = Peer { name: "octokit", runtime: Runtime::Node, scheme: schemes::GITHUB };

impl Case {
    fn new(peer: Peer, secret: &str, body: impl Into<Vec<u8>>) -> Self {
        let case = Case {
            secret: secret.to_owned(),
            now: NOW,
            timestamp: NOW.to_string(),
            id: "msg_1".to_owned(),
            signature: String::new(),
            body: body.into(),
        };
        Case { signature: case.ours(peer), ..case }
    }

    /// Returns our signature header for this case.
    fn ours(&self, peer: Peer) -> String {
        let signer = Signer::new(peer.scheme, Secret::danger_short(&self.secret)).unwrap().with_message_id(&self.id);
        let headers = signer.sign(FixedClock::at_unix(self.timestamp.parse().unwrap()).now(), &self.body);
        headers.into_iter().find(|(name, _)| name.contains("signature")).unwrap().1
    }

    fn we_accept(&self, peer: Peer) -> bool {
        let header = if peer.name == "octokit" { "x-hub-signature-256" } else { "stripe-signature" };
        let headers = [
            (header, &self.signature),
            ("webhook-signature", &self.signature),
            ("webhook-id", &self.id),
            ("webhook-timestamp", &self.timestamp),
        ];
        let Ok(keys) = HmacKeys::new(peer.scheme, Secret::danger_short(&self.secret)) else { return false };
        keys.with_clock(FixedClock::at_unix(self.now)).verify(&offhook::Request::new(&headers, &self.body)).is_ok()
    }

    fn ask(&self, peer: Peer, op: &'static str) -> Request {
        Request {
            peer: peer.name,
            op,
            secret: self.secret.clone(),
            now: self.now,
            timestamp: self.timestamp.parse().unwrap_or_default(),
            timestamp_text: self.timestamp.clone(),
            id: self.id.clone(),
            signature: self.signature.clone(),
            body: Base64::encode_string(&self.body),
        }
    }
}

/// Returns the folder of the installed peers. Without them, the test is skipped or fails.
fn peers(runtime: Runtime) -> Option<PathBuf> {
    let root = crate_root().join("target/peers");
    let (dir, program) = match runtime {
        Runtime::Node => (root.join("node"), "node"),
        Runtime::Python => (root.join("python"), "python3"),
    };
    let runs = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if dir.is_dir() && runs.is_ok_and(|status| status.success()) {
        return Some(dir);
    }
    assert!(
        std::env::var_os("OFFHOOK_REQUIRE_PEERS").is_none_or(|value| value != "1"),
        "the peers of {runtime:?} are missing: run scripts/install-peers"
    );
    println!("NOT RUN: the peers of {runtime:?} are missing; scripts/install-peers installs them");
    None
}

/// Starts one process, which answers all requests.
fn ask(runtime: Runtime, requests: &[Request]) -> Option<Vec<Answer>> {
    let dir = peers(runtime)?;
    let mut command = match runtime {
        Runtime::Node => {
            // The script is passed as text, so that Node resolves its imports in the peers' folder.
            let mut command = Command::new("node");
            command.args(["--input-type=module", "--eval", include_str!("differential/peers.mjs")]);
            command
        }
        Runtime::Python => {
            let mut command = Command::new("python3");
            command.args(["-c", include_str!("differential/peers.py")]).env("PYTHONPATH", &dir);
            command
        }
    };
    let mut child = command.current_dir(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = requests.iter().map(|request| serde_json::to_string(request).unwrap() + "\n").collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Answer> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), requests.len());
    Some(answers)
}

const CASES: usize = 10_000;

fn random_case(peer: Peer, random: &mut Random) -> Case {
    let secret = match peer.name {
        "standardwebhooks" => {
            let length = random.between(24, 64);
            let key = Base64::encode_string(&random.bytes(length));
            if random.below(2) == 0 { key } else { format!("whsec_{key}") }
        }
        _ => {
            // No white space at either end: no verifier can be built with such a secret.
            let text = random.text(40);
            format!("s{}s", text.trim())
        }
    };
    let timestamp = random.between(1_000_000_000, 4_000_000_000);
    let timestamp = i64::try_from(timestamp).unwrap();
    let age = i64::try_from(random.below(600)).unwrap() - 300;
    Case {
        secret,
        now: timestamp + age,
        timestamp: timestamp.to_string(),
        id: format!("msg_{}", random.below(1 << 40)),
        signature: String::new(),
        body: random.json(4).into_bytes(),
    }
}

/// Asserts that each side verifies what the other side signs, and that both refuse a changed body.
fn assert_agreement(peer: Peer) {
    let mut random = Random::seeded(peer.name, peer.runtime == Runtime::Node);
    let cases: Vec<Case> = (0..CASES).map(|_| random_case(peer, &mut random)).collect();
    let mut requests = Vec::new();
    for case in &cases {
        requests.push(case.ask(peer, "sign"));
        let ours = Case { signature: case.ours(peer), ..case.clone() };
        requests.push(ours.ask(peer, "verify"));
        // The changed body is still JSON, so only the signature can be the reason to refuse it.
        let changed = Case { body: [&*ours.body, b" "].concat(), ..ours };
        requests.push(changed.ask(peer, "verify"));
    }
    let Some(answers) = ask(peer.runtime, &requests) else { return };
    for (case, answers) in cases.iter().zip(answers.chunks(3)) {
        let [signed, verified, refused] = answers else { unreachable!() };
        let theirs = Case { signature: signed.signature().to_owned(), ..case.clone() };
        let shown = || format!("{}: {:?} {}", peer.name, case.secret, String::from_utf8_lossy(&case.body));
        assert_eq!(theirs.signature, case.ours(peer), "{}", shown());
        assert!(theirs.we_accept(peer), "{}", shown());
        assert!(verified.accepts(), "{verified:?} {}", shown());
        assert!(!refused.accepts(), "{}", shown());
        let changed = Case { body: [&*case.body, b" "].concat(), ..theirs };
        assert!(!changed.we_accept(peer), "{}", shown());
    }
    println!("{} ({:?}): {CASES} cases agree in both directions", peer.name, peer.runtime);
}

#[test]
fn offhook_agrees_with_stripe_npm() {
    assert_agreement(STRIPE);
}

#[test]
fn offhook_agrees_with_stripe_pypi() {
    assert_agreement(STRIPE_PYTHON);
}

#[test]
fn offhook_agrees_with_standardwebhooks_npm() {
    assert_agreement(STANDARD);
}

#[test]
fn offhook_agrees_with_standardwebhooks_pypi() {
    assert_agreement(STANDARD_PYTHON);
}

#[test]
fn offhook_agrees_with_octokit_npm() {
    assert_agreement(OCTOKIT);
}

/// Asserts for each case whether the peer accepts it, and whether offhook accepts it.
fn assert_differences(peer: Peer, cases: &[(&str, Case, bool, bool)]) {
    let requests: Vec<_> = cases.iter().map(|(_, case, ..)| case.ask(peer, "verify")).collect();
    let answers = ask(peer.runtime, &requests);
    for (index, (name, case, peer_accepts, offhook_accepts)) in cases.iter().enumerate() {
        assert_eq!(case.we_accept(peer), *offhook_accepts, "{name}: offhook");
        if let Some(answers) = &answers {
            assert_eq!(answers[index].accepts(), *peer_accepts, "{name}: the peer: {:?}", answers[index]);
        }
    }
}

const BODY: &str = r#"{"a":1}"#;
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn stripe_case(header: impl Fn(&str) -> String) -> Case {
    let case = Case::new(STRIPE, "whsec_first", BODY);
    let tag = case.signature.split_once("v1=").unwrap().1;
    Case { signature: header(tag), ..case.clone() }
}

#[test]
fn offhook_differs_from_stripe_npm_where_listed() {
    let plain = stripe_case(|tag| format!("t={NOW},v1={tag}"));
    let lossy = Case::new(STRIPE, "whsec_first", "{\"a\":\"\u{fffd}\"}");
    let bytes = Case::new(STRIPE, "whsec_first", *b"{\"a\":\"\xff\"}");
    assert_differences(
        STRIPE,
        &[
            ("a valid delivery", plain.clone(), true, true),
            ("300 s ago", Case { now: NOW + 300, ..plain.clone() }, true, true),
            ("301 s ago", Case { now: NOW + 301, ..plain.clone() }, false, false),
            ("300 s ahead", Case { now: NOW - 300, ..plain.clone() }, true, true),
            ("301 s ahead", Case { now: NOW - 301, ..plain.clone() }, true, false),
            ("two t, the last right", stripe_case(|tag| format!("t=1,t={NOW},v1={tag}")), true, false),
            ("two t, the first right", stripe_case(|tag| format!("t={NOW},t=1,v1={tag}")), false, false),
            ("two equal t", stripe_case(|tag| format!("t={NOW},t={NOW},v1={tag}")), true, false),
            ("letters after t", stripe_case(|tag| format!("t={NOW}abc,v1={tag}")), true, false),
            ("a plus before t", stripe_case(|tag| format!("t=+{NOW},v1={tag}")), true, false),
            ("upper case", stripe_case(|tag| format!("t={NOW},v1={}", tag.to_uppercase())), false, true),
            ("spaces between", stripe_case(|tag| format!("t={NOW}, v1={tag}")), false, true),
            ("another scheme only", stripe_case(|tag| format!("t={NOW},v0={tag}")), false, false),
            ("a wrong signature, then the right one", stripe_case(|tag| format!("t={NOW},v1=00,v1={tag}")), true, true),
            ("unknown labels", stripe_case(|tag| format!("x=1,t={NOW},v1={tag},v9=z,,")), true, true),
            ("no t", stripe_case(|tag| format!("v1={tag}")), false, false),
            ("no v1", stripe_case(|_| format!("t={NOW}")), false, false),
            ("empty body", Case::new(STRIPE, "whsec_first", ""), true, true),
            ("replacement characters signed", Case { signature: lossy.signature, ..bytes.clone() }, true, false),
            ("bytes signed", bytes, false, true),
        ],
    );
}

#[test]
fn offhook_differs_from_stripe_pypi_where_listed() {
    let plain = stripe_case(|tag| format!("t={NOW},v1={tag}"));
    let grouped = format!("{}_{}", &NOW.to_string()[..1], &NOW.to_string()[1..]);
    assert_differences(
        STRIPE_PYTHON,
        &[
            ("a valid delivery", plain.clone(), true, true),
            ("301 s ago", Case { now: NOW + 301, ..plain.clone() }, false, false),
            ("301 s ahead", Case { now: NOW - 301, ..plain.clone() }, true, false),
            ("two t, the last right", stripe_case(|tag| format!("t=1,t={NOW},v1={tag}")), false, false),
            ("two t, the first right", stripe_case(|tag| format!("t={NOW},t=1,v1={tag}")), true, false),
            ("letters after t", stripe_case(|tag| format!("t={NOW}abc,v1={tag}")), false, false),
            ("a plus before t", stripe_case(|tag| format!("t=+{NOW},v1={tag}")), true, false),
            ("a group in t", stripe_case(|tag| format!("t={grouped},v1={tag}")), true, false),
            ("a space before t's value", stripe_case(|tag| format!("t= {NOW},v1={tag}")), true, false),
            ("upper case", stripe_case(|tag| format!("t={NOW},v1={}", tag.to_uppercase())), false, true),
            ("an entry without =", stripe_case(|tag| format!("t={NOW},v1={tag},x")), true, true),
            ("bytes signed", Case::new(STRIPE, "whsec_first", *b"{\"a\":\"\xff\"}"), false, true),
        ],
    );
}

fn standard_case(change: impl FnOnce(&mut Case)) -> Case {
    let mut case = Case::new(STANDARD, WHSEC, BODY);
    change(&mut case);
    case
}

fn standard_at(timestamp: &str) -> Case {
    standard_case(|case| case.timestamp = timestamp.to_owned())
}

#[test]
fn offhook_differs_from_standardwebhooks_npm_where_listed() {
    let valid = standard_case(|_| ()).signature;
    let with = |signature: String| standard_case(|case| case.signature = signature);
    let unpadded = Case::new(STANDARD, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg8", BODY);
    assert_differences(
        STANDARD,
        &[
            ("a valid delivery", standard_case(|_| ()), true, true),
            ("300 s ahead", standard_case(|case| case.now -= 300), true, true),
            ("301 s ahead", standard_case(|case| case.now -= 301), false, false),
            ("301 s ago", standard_case(|case| case.now += 301), false, false),
            ("letters", standard_at(&format!("{NOW}abc")), true, false),
            ("plus", standard_at(&format!("+{NOW}")), true, false),
            ("zeros", standard_at(&format!("00{NOW}")), true, false),
            ("a fraction", standard_at(&format!("{NOW}.9")), true, false),
            ("text after the padding", with(format!("{valid}x")), false, false),
            ("another version first", with(format!("v1a,AAAA {valid}")), true, true),
            ("a wrong signature first", with(format!("v1,AAAA {valid}")), true, true),
            ("no comma", with(format!("v1 {valid}")), true, true),
            ("another version only", with(valid.replace("v1,", "v2,")), false, false),
            ("a secret without padding", unpadded, true, true),
            ("bytes signed", Case::new(STANDARD, WHSEC, *b"{\"a\":\"\xff\"}"), false, true),
        ],
    );
}

#[test]
fn offhook_differs_from_standardwebhooks_pypi_where_listed() {
    let valid = standard_case(|_| ()).signature;
    let with = |signature: String| standard_case(|case| case.signature = signature);
    let unpadded = Case::new(STANDARD, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg8", BODY);
    let (version, tag) = valid.split_once(',').unwrap();
    assert_differences(
        STANDARD_PYTHON,
        &[
            ("a valid delivery", standard_case(|_| ()), true, true),
            ("301 s ahead", standard_case(|case| case.now -= 301), false, false),
            ("301 s ago", standard_case(|case| case.now += 301), false, false),
            ("letters", standard_at(&format!("{NOW}abc")), false, false),
            ("plus", standard_at(&format!("+{NOW}")), true, false),
            ("zeros", standard_at(&format!("00{NOW}")), true, false),
            ("an exponent", standard_at("1.7738442e9"), true, false),
            ("a fraction", standard_at(&format!("{NOW}.9")), true, false),
            ("not base64 in between", with(format!("{version},!{tag}")), true, false),
            ("text after the padding", with(format!("{valid}x")), true, false),
            ("another version first", with(format!("v1a,AAAA {valid}")), true, true),
            ("no comma", with(format!("v1 {valid}")), false, true),
            ("a secret without padding", unpadded, true, true),
            ("bytes signed", Case::new(STANDARD, WHSEC, *b"{\"a\":\"\xff\"}"), false, true),
        ],
    );
}

#[test]
fn offhook_differs_from_octokit_npm_where_listed() {
    let plain = Case::new(OCTOKIT, "secret", BODY);
    let upper = plain.signature.to_uppercase().replace("SHA256=", "sha256=");
    assert_differences(
        OCTOKIT,
        &[
            ("a valid delivery", plain.clone(), true, true),
            ("upper case", Case { signature: upper, ..plain.clone() }, false, true),
            (
                "another algorithm",
                Case { signature: plain.signature.replace("256", "1"), ..plain.clone() },
                false,
                false,
            ),
            ("one digit less", Case { signature: plain.signature[..70].to_owned(), ..plain }, false, false),
            ("empty body", Case::new(OCTOKIT, "secret", ""), false, true),
        ],
    );
}
