//! The text of every error of the check and of the configuration: the header's name and the
//! numbers are in it, and no value that was sent or configured.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use offhook::testing::Signer;
use offhook::verify::Head;
use offhook::verify::{HeaderTokens, PublicUrl};
use offhook::{
    ConfigError, FixedClock, ReceiveError, Salpre, StandardWebhooks, Truedy, UnixTime, Verifier, VerifyError, truedy,
};
use offhook_tests::crate_root;

const NOW: i64 = 1_773_844_200;
const SECRET: &str = "whsec_bWFyazNyIGlzIGluIGhlcmU=";

/// Is in every value that is sent or configured here.
const MARKER: &str = "mark3r";

/// Returns the codes that the source gives the variants of an error.
fn codes_of(error: &str) -> BTreeSet<String> {
    let source = std::fs::read_to_string(crate_root().join("src/verify/error.rs")).unwrap();
    let codes = source.lines().filter_map(|line| {
        let code = line.trim().strip_prefix(error)?.split_once("=> \"")?.1.strip_suffix("\",")?;
        Some(code.to_owned())
    });
    codes.collect()
}

fn refused(headers: &[(&str, &str)]) -> VerifyError {
    let truedy = Truedy::new(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW));
    verify_error(truedy.receive(&headers, MARKER))
}

fn signed_at(age: i64) -> VerifyError {
    let signed_at = UnixTime::from_seconds(NOW - age).to_datetime().unwrap();
    let headers = Signer::new(truedy::SCHEME, SECRET).unwrap().sign(signed_at, MARKER);
    let truedy = Truedy::new(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW));
    verify_error(truedy.receive(&headers, MARKER))
}

fn verify_error<T: Debug>(received: Result<T, ReceiveError>) -> VerifyError {
    match received {
        Err(ReceiveError::Verify(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn every_verify_error() -> Vec<(VerifyError, &'static str)> {
    let (signature, time) = (truedy::SIGNATURE_HEADER, truedy::TIMESTAMP_HEADER);
    let now = NOW.to_string();
    let at = |value| refused(&[(time, &now), (signature, value)]);
    let long = MARKER.repeat(8_192);
    let forged = "0".repeat(64);
    let salpre = || Salpre::header("x-key", "mark3r-of-the-vendor").unwrap();
    let without_time = r#"{"event_type":"call_ended","payload":{"call_id":"mark3r"}}"#;
    let aged = salpre().with_max_age(Duration::from_secs(60));
    let webhooks = StandardWebhooks::<serde_json::Value>::new(SECRET).unwrap();
    let divided = [("webhook-id", "mark3r."), ("webhook-timestamp", &now), ("webhook-signature", MARKER)];
    let url = PublicUrl::base("https://mark3r.example.com").unwrap();
    vec![
        (refused(&[(time, &now)]), "the header `x-truedy-signature` is missing"),
        (
            refused(&[(signature, MARKER), (time, &now), (signature, MARKER)]),
            "the header `x-truedy-signature` is repeated",
        ),
        (at(" "), "the header `x-truedy-signature` is empty"),
        (at(&long), "the header `x-truedy-signature` is longer than 8192 bytes"),
        (at("mark3r é"), "the header `x-truedy-signature` is not ASCII"),
        (verify_error(webhooks.receive(&divided, MARKER)), "the header `webhook-id` is malformed"),
        (at(MARKER), "the header `x-truedy-signature` does not hold a signature of this scheme"),
        (
            at(&forged),
            "the signature does not match; check that the secret is the one of this vendor and this endpoint, and that \
             nothing before offhook changes the body",
        ),
        (
            verify_error(salpre().receive(&[("x-key", "mark3r-of-another")], MARKER)),
            "the header `x-key` does not hold the configured value",
        ),
        (refused(&[(time, MARKER), (signature, &forged)]), "the signed time is not written as this scheme writes it"),
        (
            refused(&[(time, "1773844200000"), (signature, &forged)]),
            "the signed time looks like milliseconds; this scheme signs seconds",
        ),
        (signed_at(301), "signed 301 s ago, which is more than the 300 s that are allowed"),
        (signed_at(-302), "signed 302 s in the future, which is more than the 300 s that are allowed"),
        (
            verify_error(aged.receive(&[("x-key", "mark3r-of-the-vendor")], without_time)),
            "a maximum age is set, and the event does not say when it happened",
        ),
        (
            url.of(&Head::new(&[("x-key", MARKER)]).with_target(MARKER)).unwrap_err(),
            "the scheme signs the URL, and the request's target is not known; hand over the whole request",
        ),
    ]
}

#[test]
fn every_error_of_the_check_names_the_header_and_the_numbers_and_no_value() {
    let mut seen = BTreeSet::new();
    for (error, text) in every_verify_error() {
        assert_eq!(error.to_string(), text);
        let shown = format!("{error} {error:?}");
        for value in [MARKER, SECRET, "0000"] {
            assert!(!shown.contains(value), "{value}: {shown}");
        }
        seen.insert(error.code().to_owned());
    }
    assert_eq!(seen, codes_of("VerifyError::"));

    let config = truedy::verify(" mark3r", "1", "2", "").unwrap_err();
    let VerifyError::Config(inner) = &config else { panic!("{config:?}") };
    assert_eq!((config.to_string(), config.code()), (inner.to_string(), "secret_with_whitespace"));
}

fn every_config_error() -> Vec<(ConfigError, &'static str)> {
    let truedy = |secret: &str| Truedy::new(secret).unwrap_err();
    let salpre = |name: &'static str, value: &str| Salpre::header(name, value).unwrap_err();
    let twice = [("x-key", "mark3r-one"), ("X-Key", "mark3r-two")];
    vec![
        (truedy(""), "truedy: the first secret is empty"),
        (
            truedy("mark3r-secret\n"),
            "truedy: the first secret begins or ends with white space; remove it (is it the newline of an environment \
             file?)",
        ),
        (
            StandardWebhooks::<()>::new("whsec_mark3r?").unwrap_err(),
            "standard-webhooks: the first secret is not base64, which this scheme needs after the secret's prefix",
        ),
        (truedy("mark3r"), "truedy: the first secret is shorter than 8 bytes, and could be guessed"),
        (
            salpre("x-key", "mark3r-é"),
            "salpre: the value of the header `x-key` holds characters outside ASCII, so that no request could match it",
        ),
        (
            salpre("x-key", "mark3r\u{1}mark3r"),
            "salpre: the value of the header `x-key` holds control characters, which HTTP does not allow, so that no \
             request could match it",
        ),
        (
            salpre("x-key", &MARKER.repeat(8_192)),
            "salpre: the value of the header `x-key` is longer than the 8192 bytes that are accepted in a request",
        ),
        (salpre("x key", "mark3r-value"), "salpre: `x key` is not a header name"),
        (HeaderTokens::new(twice).unwrap_err(), "the header `X-Key` is required twice in one set"),
        (HeaderTokens::new::<&str, &str>([]).unwrap_err(), "no header is configured; at least one is needed"),
        (
            PublicUrl::base("ftp://hooks").unwrap_err(),
            "`ftp://hooks` is not a public URL such as `https://hooks.example.com`, without a slash at its end",
        ),
    ]
}

#[test]
fn every_error_of_the_configuration_says_what_is_wrong_and_shows_no_secret() {
    let mut seen = BTreeSet::new();
    for (error, text) in every_config_error() {
        assert_eq!(error.to_string(), text);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(MARKER), "{shown}");
        seen.insert(error.code().to_owned());
    }
    assert_eq!(seen, codes_of("ConfigErrorKind::"));
}
