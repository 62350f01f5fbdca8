//! Checks every scheme with random deliveries, which are signed by the vendor's recipe, written by
//! hand. Also checks the strict rules for headers that are lists.

use base64ct::{Base64, Encoding};
use offhook::Request;
use offhook::standard_webhooks;
use offhook::verify::HmacKeys;
use offhook::{ConfigErrorKind, FixedClock, Secret, VerifyError};

use offhook_tests::random::Random;
use offhook_tests::schemes;
use offhook_tests::signing::{NOW, hex, iso, mac};
use offhook_tests::vendors::{self, Recipe, Signed};

type Headers = Vec<(&'static str, String)>;

/// The recipes of vendors that the crate does not have.
const OTHERS: [Recipe; 7] = [
    Recipe {
        name: "GitHub",
        scheme: schemes::GITHUB,
        key_is_base64: false,
        sign: |s| vec![("X-Hub-Signature-256", format!("sha256={}", hex(&mac(s.key, &[s.body]))))],
    },
    Recipe {
        name: "Slack",
        scheme: schemes::SLACK,
        key_is_base64: false,
        sign: |s| {
            let ts = s.seconds.to_string();
            let tag = hex(&mac(s.key, &[b"v0:", ts.as_bytes(), b":", s.body]));
            vec![("X-Slack-Signature", format!("v0={tag}")), ("X-Slack-Request-Timestamp", ts)]
        },
    },
    Recipe {
        name: "Stripe",
        scheme: schemes::STRIPE,
        key_is_base64: false,
        sign: |s| {
            let tag = hex(&mac(s.key, &[s.seconds.to_string().as_bytes(), b".", s.body]));
            vec![("Stripe-Signature", format!("t={},v1={tag}", s.seconds))]
        },
    },
    Recipe {
        name: "ElevenLabs",
        scheme: schemes::ELEVENLABS,
        key_is_base64: false,
        sign: |s| {
            let tag = hex(&mac(s.key, &[s.seconds.to_string().as_bytes(), b".", s.body]));
            vec![("ElevenLabs-Signature", format!("t={},v0={tag}", s.seconds))]
        },
    },
    Recipe {
        name: "Shopify",
        scheme: schemes::SHOPIFY,
        key_is_base64: false,
        sign: |s| vec![("X-Shopify-Hmac-Sha256", Base64::encode_string(&mac(s.key, &[s.body])))],
    },
    Recipe {
        name: "Retell",
        scheme: schemes::RETELL,
        key_is_base64: false,
        sign: |s| {
            let ts = format!("{}000", s.seconds);
            let tag = hex(&mac(s.key, &[s.body, ts.as_bytes()]));
            vec![("X-Retell-Signature", format!("v={ts},d={tag}"))]
        },
    },
    Recipe {
        name: "Twitch",
        scheme: schemes::TWITCH,
        key_is_base64: false,
        sign: |s| {
            let ts = iso(s.seconds);
            let tag = hex(&mac(s.key, &[s.id.as_bytes(), ts.as_bytes(), s.body]));
            vec![
                ("Twitch-Eventsub-Message-Id", s.id.to_owned()),
                ("Twitch-Eventsub-Message-Timestamp", ts),
                ("Twitch-Eventsub-Message-Signature", format!("sha256={tag}")),
            ]
        },
    },
];

/// Every recipe: those of the crate's vendors, then the others.
pub fn recipes() -> impl Iterator<Item = &'static Recipe> {
    vendors::ALL.into_iter().flat_map(|vendor| vendor.recipes).chain(&OTHERS)
}

/// Returns a random delivery of a recipe: the secret in the vendor's form, the headers, the body and
/// the time.
fn delivery(recipe: &Recipe, random: &mut Random) -> (String, Headers, Vec<u8>, i64) {
    let length = random.between(1, 70);
    let (secret, key) = if recipe.key_is_base64 {
        let key = random.bytes(length);
        (format!("whsec_{}", Base64::encode_string(&key)), key)
    } else {
        let secret = format!("s{}", hex(&random.bytes(length)));
        (secret.clone(), secret.into_bytes())
    };
    let length = random.below(300);
    let mut body = random.bytes(length);
    // A digit at the end could belong to a time that follows.
    body.push(b'}');
    let seconds = i64::try_from(random.between(1_000_000_000, 4_000_000_000)).unwrap();
    let id = format!("msg_{}", random.below(1 << 40));
    let headers = (recipe.sign)(&Signed { key: &key, id: &id, seconds, body: &body });
    (secret, headers, body, seconds)
}

#[test]
fn every_scheme_verifies_its_vendors_recipe() {
    let mut random = Random::seeded("recipes", false);
    for recipe in recipes() {
        let (name, scheme) = (recipe.name, recipe.scheme);
        for _ in 0..500 {
            let (secret, headers, body, seconds) = delivery(recipe, &mut random);
            let keys =
                HmacKeys::new(scheme, Secret::danger_short(&secret)).unwrap().with_clock(FixedClock::at_unix(seconds));
            let verified = keys.verify(&Request::new(&headers, &body));
            let verified = verified.unwrap_or_else(|error| panic!("{name}: {error}: {headers:?}"));
            assert!(verified.signed_at().is_none_or(|time| time.timestamp() == seconds), "{name}");

            let mut other = body.clone();
            let at = random.below(body.len() as u64 + 1) as usize;
            other.insert(at, b'x');
            assert_eq!(keys.verify(&Request::new(&headers, &other)), Err(VerifyError::SignatureMismatch), "{name}");
            let stranger = HmacKeys::new(scheme, "whsec_c3RyYW5nZXI=").unwrap().danger_accept_any_age();
            assert_eq!(stranger.verify(&Request::new(&headers, &body)), Err(VerifyError::SignatureMismatch), "{name}");
            let both = stranger
                .with_secret(Secret::danger_short(&secret))
                .unwrap()
                .verify(&Request::new(&headers, &body))
                .unwrap();
            assert_eq!(both.secret_index(), Some(1), "{name}");
            if verified.signed_at().is_some() {
                let late = keys.with_clock(FixedClock::at_unix(seconds + 301)).verify(&Request::new(&headers, &body));
                assert_eq!(late, Err(VerifyError::TimestampTooOld { seconds: 301, limit: 300 }), "{name}");
            }
        }
    }
}

#[test]
fn random_headers_never_verify_and_never_panic() {
    let mut random = Random::seeded("headers", false);
    for recipe in recipes() {
        for _ in 0..500 {
            let (secret, headers, body, _) = delivery(recipe, &mut random);
            let keys = HmacKeys::new(recipe.scheme, Secret::danger_short(&secret)).unwrap().danger_accept_any_age();
            let mut headers: Vec<_> = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
            let at = random.below(headers.len() as u64) as usize;
            headers[at].1 = match random.below(3) {
                0 => {
                    let length = random.below(100);
                    random.bytes(length)
                }
                1 => random.text(100).into_bytes(),
                _ => {
                    let end = random.below(headers[at].1.len() as u64) as usize;
                    headers[at].1[..end].to_vec()
                }
            };
            assert!(keys.verify(&Request::new(&headers, &body)).is_err(), "{headers:?}");
        }
    }
}

#[test]
fn a_header_that_is_a_list_is_parsed_strictly() {
    let keys = HmacKeys::new(schemes::STRIPE, "whsec_first").unwrap().with_clock(FixedClock::at_unix(NOW));
    let tag = hex(&mac(b"whsec_first", &[NOW.to_string().as_bytes(), b".{}"]));
    let bad = "0".repeat(64);
    let verify = |header: String| {
        let outcome = keys.verify(&Request::new(&[("stripe-signature", &header)], b"{}"));
        outcome.map(|_| ()).map_err(|error| error.code())
    };
    for good in [
        format!("t={NOW},v1={tag}"),
        format!("v1={tag},t={NOW}"),
        format!("t={NOW}, v1={tag}"),
        format!("t={NOW},v1={bad},v1={tag}"),
        format!("t={NOW},v1={tag},v1={bad}"),
        format!("t={NOW},v1=,v1={tag}"),
        format!("t={NOW},v0={bad},v1={tag},x,y=,=z,,"),
        format!("T=1,V1={bad},tt=1,t={NOW},v1={tag},v11={bad}"),
    ] {
        assert_eq!(verify(good.clone()), Ok(()), "{good}");
    }
    for malformed in [
        String::from(","),
        format!("t={NOW}"),
        format!("t={NOW},v1="),
        format!("t={NOW},v1={}", &tag[1..]),
        format!("t={NOW},v0={tag}"),
        format!("t={NOW},V1={tag}"),
        format!("t={NOW};v1={tag}"),
        format!("v1={tag}"),
        format!("T={NOW},v1={tag}"),
        format!("t={NOW},t={NOW},v1={tag}"),
        format!("t={NOW},v1={tag},t=1"),
        format!("t=1, t={NOW},v1={tag}"),
        format!("t={NOW},\tt=,v1={tag}"),
        format!("t={:0>65},v1={tag}", NOW),
    ] {
        assert_eq!(verify(malformed.clone()), Err("malformed_signature"), "{malformed}");
    }
    for mismatch in [format!("t={NOW},v1={bad}"), format!("t={},v1={tag}", NOW - 1)] {
        assert_eq!(verify(mismatch.clone()), Err("signature_mismatch"), "{mismatch}");
    }
    // Malformed timestamps are refused before the signature is compared.
    for odd in [format!("t=,v1={tag}"), format!("t=+{NOW},v1={tag}"), format!("t= {NOW},v1={tag}")] {
        assert_eq!(verify(odd.clone()), Err("malformed_timestamp"), "{odd}");
    }
    // They are refused even if they are signed exactly as sent.
    for odd in ["", "+1773844200", "01773844200", "1773844200abc", "-1", "9223372036854775808"] {
        let tag = hex(&mac(b"whsec_first", &[odd.as_bytes(), b".{}"]));
        assert_eq!(verify(format!("t={odd},v1={tag}")), Err("malformed_timestamp"), "{odd}");
    }
}

/// The specification shows a header with one symmetric and one asymmetric signature.
#[test]
fn asymmetric_signatures_of_standard_webhooks_are_skipped() {
    const OTHERS: &str = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
    let tag = Base64::encode_string(&mac(b"long enough", &[b"msg_1.1674087231.{}"]));
    let verify = |signature: &str| {
        let headers = [("webhook-id", "msg_1"), ("webhook-timestamp", "1674087231"), ("webhook-signature", signature)];
        let keys = HmacKeys::new(standard_webhooks::SCHEME, "whsec_bG9uZyBlbm91Z2g=").unwrap();
        let keys = keys.with_clock(FixedClock::at_unix(1_674_087_231));
        keys.verify(&Request::new(&headers, b"{}"))
            .map(|verified| verified.message_id().map(str::to_owned))
            .map_err(|e| e.code())
    };
    let id = Ok(Some("msg_1".to_owned()));
    assert_eq!(verify(&format!("v1,{tag}")), id);
    assert_eq!(verify(&format!("v1,{tag} {OTHERS}")), id);
    assert_eq!(verify(&format!("{OTHERS} v1,{tag}")), id);
    assert_eq!(verify(&format!("v1,{}  v1,{tag}", "A".repeat(44))), id);
    for malformed in [OTHERS, &tag, "v1", "v1,", " v1, ", &format!("v1, {tag}"), &format!("v1,{tag}=")] {
        assert_eq!(verify(malformed), Err("malformed_signature"), "{malformed}");
    }
    // Several base64 texts decode to the same value. Only the canonical text of RFC 4648 is accepted.
    let last = tag.len() - 2;
    let twin = |c: u8| char::from(if c == b'/' { b'+' } else { c + 1 });
    let loose = format!("v1,{}{}=", &tag[..last], twin(tag.as_bytes()[last]));
    assert!(verify(&loose).is_err(), "{loose}");
    assert!(verify(&format!("v1,{}", tag.trim_end_matches('='))).is_err());
}

#[test]
fn the_secret_of_a_base64_scheme_must_be_base64() {
    let new =
        |secret: &str| HmacKeys::new(standard_webhooks::SCHEME, secret).map(drop).map_err(|error| error.kind().clone());
    for fine in ["whsec_bG9uZyBlbm91Z2g=", "bG9uZyBlbm91Z2g", "whsec_MTIzNDU2Nzg=", "MTIzNDU2Nzg"] {
        assert_eq!(new(fine), Ok(()), "{fine}");
    }
    for wrong in ["whsec_a2V5*", "whsec_a2V_", "whsec_whsec_a2V5", "whsec_a", "WHSEC_a2V5", "wh sec"] {
        assert_eq!(new(wrong), Err(ConfigErrorKind::SecretNotBase64), "{wrong}");
    }
    for empty in ["", "  ", "whsec_", "whsec_==", "="] {
        assert_eq!(new(empty), Err(ConfigErrorKind::EmptySecret), "{empty}");
    }
    // Seven bytes, however they are written.
    for short in ["whsec_MTIzNDU2Nw==", "MTIzNDU2Nw", "whsec_a2V5"] {
        assert_eq!(new(short), Err(ConfigErrorKind::SecretTooShort { min_bytes: 8 }), "{short}");
    }
    assert_eq!(new("whsec_a2V5\n"), Err(ConfigErrorKind::SecretWithWhitespace));
}
