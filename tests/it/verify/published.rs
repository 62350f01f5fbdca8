//! Signatures that vendors and libraries published, verified with the constants of the schemes.
//!
//! | row | source |
//! |---|---|
//! | GitHub | docs.github.com, "Validating webhook deliveries", the values for testing; octokit/webhooks-methods.js, test/verify.test.ts |
//! | Slack | docs.slack.dev, "Verifying requests from Slack", the worked example |
//! | Standard Webhooks | standard-webhooks/standard-webhooks, the test vector of its libraries (which was Svix's first); openai/openai-python, tests/lib/test_webhooks.py |
//! | Svix | docs.svix.com, "Verifying webhooks manually", the worked example |
//! | Shopify | bold-commerce/go-shopify, oauth_test.go, `TestVerifyWebhookRequest` |
//! | Retell | RetellAI/retell-typescript-sdk, tests/webhook-auth.test.ts |
//!
//! No signature with its secret and body is published for these:
//!
//! - Stripe: its documentation shows a header without a secret, and the tests of its libraries sign
//!   when they run. `differential` does the same with Stripe's own two libraries.
//! - Standard Webhooks: the specification shows headers without a secret. `recipes` tests their form.
//! - Truedy, TalkifAI, Ultravox, ElevenLabs and Twitch publish no signature. For the first three,
//!   this file has signatures that were made with OpenSSL. `every_scheme_verifies_its_vendors_recipe`
//!   checks the others against their published recipe.

use offhook::Request;
use offhook::verify::{HmacKeys, HmacScheme};
use offhook::{FixedClock, Secret, VerifyError};

use offhook_tests::schemes;
use offhook_tests::signing::NOW;

struct Vector {
    name: &'static str,
    scheme: HmacScheme,
    secret: &'static str,
    now: i64,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
}

const VECTORS: &[Vector] = &[
    Vector {
        name: "GitHub's documentation",
        scheme: schemes::GITHUB,
        secret: "It's a Secret to Everybody",
        now: 0,
        headers: &[("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")],
        body: "Hello, World!",
    },
    Vector {
        name: "octokit's tests",
        scheme: schemes::GITHUB,
        secret: "mysecret",
        now: 0,
        headers: &[("X-Hub-Signature-256", "sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3")],
        body: r#"{"foo":"bar"}"#,
    },
    Vector {
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
    Vector {
        name: "the Standard Webhooks libraries",
        scheme: schemes::STANDARD_WEBHOOKS,
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        now: 1_614_265_330,
        headers: &[
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ],
        body: r#"{"test": 2432232314}"#,
    },
    Vector {
        name: "OpenAI's libraries",
        scheme: schemes::STANDARD_WEBHOOKS,
        secret: "whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c=",
        now: 1_750_861_210,
        headers: &[
            ("webhook-id", "wh_685c059ae39c8190af8c71ed1022a24d"),
            ("webhook-timestamp", "1750861210"),
            ("webhook-signature", "v1,gUAg4R2hWouRZqRQG4uJypNS8YK885G838+EHb4nKBY="),
        ],
        body: r#"{"id": "evt_685c059ae3a481909bdc86819b066fb6", "object": "event", "created_at": 1750861210, "type": "response.completed", "data": {"id": "resp_123"}}"#,
    },
    Vector {
        name: "Svix's documentation",
        scheme: schemes::SVIX,
        secret: "whsec_plJ3nmyCDGBKInavdOK15jsl",
        now: 1_731_705_121,
        headers: &[
            ("svix-id", "msg_loFOjxBNrRLzqYUf"),
            ("svix-timestamp", "1731705121"),
            ("svix-signature", "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="),
        ],
        body: r#"{"event_type":"ping","data":{"success":true}}"#,
    },
    Vector {
        name: "go-shopify's tests",
        scheme: schemes::SHOPIFY,
        secret: "hush",
        now: 0,
        headers: &[("X-Shopify-Hmac-Sha256", "hMTq0K2x7oyOjoBwGYeTj5oxfnaVYXzbanUG9aajpKI=")],
        body: "\"my secret message\"",
    },
    Vector {
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
    // The following signatures were made with OpenSSL, by the vendors' published recipes.
    Vector {
        name: "Truedy",
        scheme: schemes::TRUEDY,
        secret: "whsec_test_secret",
        now: NOW,
        headers: &[
            ("X-Truedy-Signature", "96d85da17d136e52c8abc091357ff1d78bc4bf5a8021a408f22a7e9b03d0f408"),
            ("X-Truedy-Timestamp", "1773844200"),
        ],
        body: r#"{"event":"call.ended","timestamp":"2026-03-18T14:30:00.000Z","data":{"event":"call.ended","call":{"callId":"uv_call_123","agent":{"agentId":"uv_agent_123"}},"id":"uv_evt_123"}}"#,
    },
    Vector {
        name: "TalkifAI",
        scheme: schemes::TALKIFAI,
        secret: "talkifai_test_secret",
        now: 0,
        headers: &[("X-TalkifAI-Signature", "sha256=7ac6aa7b15c7500dfe223e06ea2b01b34f1f564a295da582a1a9700e53de9af4")],
        body: r#"{"id":"evt_abc123","type":"call.started","created":"2024-01-15T10:30:00Z","data":{"callId":"call_xyz","agentId":"agent_abc","direction":"inbound","from":"+12025550123","to":"+18885550100"}}"#,
    },
    Vector {
        name: "Ultravox",
        scheme: schemes::ULTRAVOX,
        secret: "uv_test_secret",
        now: NOW,
        headers: &[
            ("X-Ultravox-Webhook-Signature", "f300deb20d9106b15b498eaa79e341ceff9b9d7ff9512d50909c541960b86009"),
            ("X-Ultravox-Webhook-Timestamp", "2026-03-18T14:30:00.000000+00:00"),
        ],
        body: r#"{"event":"call.started","call":{"callId":"3c90c3cc-0d44-4b50-8888-8dd25736052a"}}"#,
    },
];

impl Vector {
    fn keys(&self) -> HmacKeys {
        HmacKeys::new(self.scheme, Secret::danger_short(self.secret)).unwrap().with_clock(FixedClock::at_unix(self.now))
    }

    fn headers(&self) -> Vec<(&'static str, Vec<u8>)> {
        self.headers.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect()
    }
}

#[test]
fn published_signatures_verify() {
    for vector in VECTORS {
        let verified = vector.keys().verify(&Request::new(&vector.headers(), vector.body.as_bytes()));
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
    let mut changes = 0_u32;
    for vector in VECTORS {
        let keys = vector.keys();
        let headers = vector.headers();
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
    assert!(changes > 490_000, "{changes}");
}

#[test]
fn any_changed_byte_of_the_secret_is_refused() {
    for vector in VECTORS {
        let mut secret = vector.secret.as_bytes().to_vec();
        let prefix = if vector.secret.starts_with("whsec_") && vector.name != "Truedy" { 6 } else { 0 };
        each_change(&mut secret, |secret, _, at| {
            // HMAC pads a key with zero bytes, so a zero byte in the place of base64's padding gives
            // the same key.
            if at < prefix || secret.ends_with(b"Aj40cA") {
                return;
            }
            if let Ok(keys) = HmacKeys::new(vector.scheme, secret) {
                let keys = keys.with_clock(FixedClock::at_unix(vector.now));
                assert!(
                    keys.verify(&Request::new(&vector.headers(), vector.body.as_bytes())).is_err(),
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
    for vector in VECTORS {
        let keys = vector.keys();
        let body = vector.body.as_bytes();
        for at in 0..body.len() {
            let shorter = [&body[..at], &body[at + 1..]].concat();
            assert!(keys.verify(&Request::new(&vector.headers(), &shorter)).is_err(), "{}", vector.name);
            let longer = [&body[..at], b"\n", &body[at..]].concat();
            assert!(keys.verify(&Request::new(&vector.headers(), &longer)).is_err(), "{}", vector.name);
        }
        for index in 0..vector.headers.len() {
            for at in 0..vector.headers[index].1.len() {
                let mut headers = vector.headers();
                headers[index].1.remove(at);
                assert!(keys.verify(&Request::new(&headers, body)).is_err(), "{}", vector.name);
                let mut headers = vector.headers();
                headers[index].1.insert(at, b'0');
                assert!(keys.verify(&Request::new(&headers, body)).is_err(), "{}: {headers:?}", vector.name);
            }
            let missing: Vec<_> = vector.headers().into_iter().enumerate().filter(|(at, _)| *at != index).collect();
            let missing: Vec<_> = missing.into_iter().map(|(_, header)| header).collect();
            assert!(
                matches!(keys.verify(&Request::new(&missing, body)), Err(VerifyError::MissingHeader { .. })),
                "{}",
                vector.name
            );
            let mut twice = vector.headers();
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
    for vector in VECTORS {
        for other in VECTORS.iter().filter(|other| other.scheme != vector.scheme) {
            let Ok(keys) = HmacKeys::new(other.scheme, vector.secret) else { continue };
            let keys = keys.danger_accept_any_age();
            let body = vector.body.as_bytes();
            assert!(keys.verify(&Request::new(&vector.headers(), body)).is_err(), "{} by {}", vector.name, other.name);
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
