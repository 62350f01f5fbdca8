//! Signatures that vendors and libraries published, verified with the constants of the schemes.
//!
//! | row | source |
//! |---|---|
//! | GitHub | docs.github.com, "Validating webhook deliveries", the values for testing; octokit/webhooks-methods.js, test/verify.test.ts |
//! | Slack | docs.slack.dev, "Verifying requests from Slack", the worked example |
//! | Shopify | bold-commerce/go-shopify, oauth_test.go, `TestVerifyWebhookRequest` |
//! | Retell | RetellAI/retell-typescript-sdk, tests/webhook-auth.test.ts |
//!
//! No signature with its secret and body is published for these:
//!
//! - Stripe: its documentation shows a header without a secret, and the tests of its libraries sign
//!   when they run. `differential` does the same with Stripe's own two libraries.
//! - ElevenLabs and Twitch publish no signature. `every_scheme_verifies_its_vendors_recipe` checks
//!   them against their published recipe.
//!
//! The signatures of the crate's own vendors are in `tests/src/vendors`.

use offhook::Request;
use offhook::verify::HmacKeys;
use offhook::{FixedClock, Secret, VerifyError, truedy};

use offhook_tests::schemes;
use offhook_tests::vendors::{self, Published};

/// The published signatures of vendors that the crate does not have.
const OTHERS: &[Published] = &[
    Published {
        name: "GitHub's documentation",
        scheme: schemes::GITHUB,
        secret: "It's a Secret to Everybody",
        now: 0,
        headers: &[("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")],
        body: "Hello, World!",
    },
    Published {
        name: "octokit's tests",
        scheme: schemes::GITHUB,
        secret: "mysecret",
        now: 0,
        headers: &[("X-Hub-Signature-256", "sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3")],
        body: r#"{"foo":"bar"}"#,
    },
    Published {
        name: "Slack's documentation",
        scheme: schemes::SLACK,
        secret: "8f742231b10e8888abcd99yyyzzz85a5",
        now: 1_531_420_618,
        headers: &[
            ("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
            ("X-Slack-Request-Timestamp", "1531420618"),
        ],
        body: "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    },
    Published {
        name: "go-shopify's tests",
        scheme: schemes::SHOPIFY,
        secret: "hush",
        now: 0,
        headers: &[("X-Shopify-Hmac-Sha256", "hMTq0K2x7oyOjoBwGYeTj5oxfnaVYXzbanUG9aajpKI=")],
        body: "\"my secret message\"",
    },
    Published {
        name: "Retell's tests",
        scheme: schemes::RETELL,
        secret: "test-api-key",
        now: 1_700_000_000,
        headers: &[(
            "X-Retell-Signature",
            "v=1700000000000,d=07024cabe7dd8f6d1c6e4a8324ca92c812e6ad4a7ee506c04f7e462e3321823e",
        )],
        body: r#"{"event":"call_ended"}"#,
    },
];

/// Every published signature: those of the crate's vendors, then the others.
fn published() -> impl Iterator<Item = &'static Published> {
    vendors::ALL.into_iter().flat_map(|vendor| vendor.published).chain(OTHERS)
}

fn keys_of(of: &Published) -> HmacKeys {
    HmacKeys::new(of.scheme, Secret::danger_short(of.secret)).unwrap().with_clock(FixedClock::at_unix(of.now))
}

fn headers_of(of: &Published) -> Vec<(&'static str, Vec<u8>)> {
    of.headers.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect()
}

#[test]
fn published_signatures_verify() {
    for vector in published() {
        let verified = keys_of(vector).verify(&Request::new(&headers_of(vector), vector.body.as_bytes()));
        let verified = verified.unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(verified.secret_index(), Some(0));
        if let Some(signed) = verified.signed_at() {
            assert_eq!(signed.timestamp(), vector.now, "{}", vector.name);
        }
    }
}

/// Replaces every byte of the body and of every header by every other byte. Only a hex digit of the
/// signature may change its case.
#[test]
fn any_changed_byte_is_refused() {
    let mut changes = 0_usize;
    for vector in published() {
        let keys = keys_of(vector);
        let headers = headers_of(vector);
        let mut body = vector.body.as_bytes().to_vec();
        each_change(&mut body, |body, _, _| {
            changes += 1;
            assert!(
                keys.verify(&Request::new(&headers, body)).is_err(),
                "{}: {:?}",
                vector.name,
                String::from_utf8_lossy(body)
            );
        });
        for index in 0..headers.len() {
            let mut value = headers[index].1.clone();
            let mut changed = headers.clone();
            each_change(&mut value, |value, was, at| {
                let now = value[at];
                changed[index].1.copy_from_slice(value);
                let outcome = keys.verify(&Request::new(&changed, vector.body.as_bytes()));
                let twin = was.is_ascii_hexdigit() && was.eq_ignore_ascii_case(&now);
                let shown = || format!("{}: {}", vector.name, String::from_utf8_lossy(value));
                match outcome {
                    Ok(_) => assert!(twin && !vector.name.contains("Webhooks"), "{}", shown()),
                    Err(_) => changes += 1,
                }
            });
        }
    }
    println!("{changes} changes refused");
    let bytes = |of: &Published| of.body.len() + of.headers.iter().map(|(_, value)| value.len()).sum::<usize>();
    // Each byte has 255 others, and one of them may be the same hex digit.
    let least = 254 * published().map(bytes).sum::<usize>();
    assert!(changes >= least && least > 200_000, "{changes} of {least}");
}

#[test]
fn any_changed_byte_of_the_secret_is_refused() {
    for vector in published() {
        let mut secret = vector.secret.as_bytes().to_vec();
        let prefix = if vector.secret.starts_with("whsec_") && vector.scheme != truedy::SCHEME { 6 } else { 0 };
        each_change(&mut secret, |secret, _, at| {
            // HMAC pads a key with zero bytes, so a zero byte in the place of base64's padding gives
            // the same key.
            if at < prefix || secret.ends_with(b"Aj40cA") {
                return;
            }
            if let Ok(keys) = HmacKeys::new(vector.scheme, secret) {
                let keys = keys.with_clock(FixedClock::at_unix(vector.now));
                assert!(
                    keys.verify(&Request::new(&headers_of(vector), vector.body.as_bytes())).is_err(),
                    "{} {}",
                    vector.name,
                    String::from_utf8_lossy(secret)
                );
            }
        });
    }
}

#[test]
fn an_added_or_removed_byte_is_refused() {
    for vector in published() {
        let keys = keys_of(vector);
        let body = vector.body.as_bytes();
        for at in 0..body.len() {
            let shorter = [&body[..at], &body[at + 1..]].concat();
            assert!(keys.verify(&Request::new(&headers_of(vector), &shorter)).is_err(), "{}", vector.name);
            let longer = [&body[..at], b"\n", &body[at..]].concat();
            assert!(keys.verify(&Request::new(&headers_of(vector), &longer)).is_err(), "{}", vector.name);
        }
        for index in 0..vector.headers.len() {
            for at in 0..vector.headers[index].1.len() {
                let mut headers = headers_of(vector);
                headers[index].1.remove(at);
                assert!(keys.verify(&Request::new(&headers, body)).is_err(), "{}", vector.name);
                let mut headers = headers_of(vector);
                headers[index].1.insert(at, b'0');
                assert!(keys.verify(&Request::new(&headers, body)).is_err(), "{}: {headers:?}", vector.name);
            }
            let missing: Vec<_> = headers_of(vector).into_iter().enumerate().filter(|(at, _)| *at != index).collect();
            let missing: Vec<_> = missing.into_iter().map(|(_, header)| header).collect();
            assert!(
                matches!(keys.verify(&Request::new(&missing, body)), Err(VerifyError::MissingHeader { .. })),
                "{}",
                vector.name
            );
            let mut twice = headers_of(vector);
            twice.push(twice[index].clone());
            assert!(
                matches!(keys.verify(&Request::new(&twice, body)), Err(VerifyError::RepeatedHeader { .. })),
                "{}",
                vector.name
            );
        }
    }
}

#[test]
fn no_scheme_verifies_the_deliveries_of_another() {
    for vector in published() {
        for other in published().filter(|other| other.scheme != vector.scheme) {
            let Ok(keys) = HmacKeys::new(other.scheme, vector.secret) else { continue };
            let keys = keys.danger_accept_any_age();
            let body = vector.body.as_bytes();
            assert!(
                keys.verify(&Request::new(&headers_of(vector), body)).is_err(),
                "{} by {}",
                vector.name,
                other.name
            );
        }
    }
}

fn each_change(bytes: &mut [u8], mut check: impl FnMut(&[u8], u8, usize)) {
    for at in 0..bytes.len() {
        let was = bytes[at];
        for now in (0..=u8::MAX).filter(|now| *now != was) {
            bytes[at] = now;
            check(bytes, was, at);
        }
        bytes[at] = was;
    }
}
