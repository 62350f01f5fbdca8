use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding as _};
use offhook::verify::{Head, HeaderTokens, HmacKeys, HmacScheme};
use offhook::{FixedClock, Request, Verified, VerifyError, salpre, standard_webhooks, talkifai, truedy, ultravox};

use crate::secrecy::{public, secret};

/// What is run, with its name.
pub const CASES: &[(&str, fn())] = &[
    ("Truedy", || one_secret(&TRUEDY)),
    ("Truedy, three secrets", || three_secrets(&TRUEDY)),
    ("Truedy, the plain function", || {
        let at = now().to_string();
        let headers = (TRUEDY.sign)(SECRETS[0].as_bytes(), &at);
        accepted(truedy::verify(secret(SECRETS[0]), &at, &headers[0].1, BODY), 0);
    }),
    ("TalkifAI", || one_secret(&TALKIFAI)),
    ("TalkifAI, three secrets", || three_secrets(&TALKIFAI)),
    ("TalkifAI, the plain function", || {
        let headers = (TALKIFAI.sign)(SECRETS[0].as_bytes(), "");
        accepted(talkifai::verify(secret(SECRETS[0]), &headers[0].1, BODY), 0);
    }),
    ("Ultravox", || one_secret(&ULTRAVOX)),
    ("Ultravox, three secrets", || three_secrets(&ULTRAVOX)),
    ("Standard Webhooks", || one_secret(&STANDARD_WEBHOOKS)),
    ("Standard Webhooks, three secrets", || three_secrets(&STANDARD_WEBHOOKS)),
    ("Standard Webhooks, the plain function", || {
        let at = now().to_string();
        let key = Base64::decode_vec(KEYS[0]).unwrap();
        let headers = (STANDARD_WEBHOOKS.sign)(&key, &at);
        accepted(standard_webhooks::verify(secret(KEYS[0]), ID, &at, &headers[0].1, BODY), 0);
    }),
    ("Salpre, a bearer token", || {
        let tokens = HeaderTokens::bearer(secret(SECRETS[0])).unwrap();
        verify_tokens(&tokens, &[("authorization", "Bearer ")]);
    }),
    ("Salpre, three sets of two static headers", || {
        let set = |text| [("x-key", secret(text)), ("x-other", secret(text))];
        let tokens = HeaderTokens::new(set(SECRETS[0])).unwrap();
        let tokens = tokens.with_set(set(SECRETS[1])).unwrap().with_set(set(SECRETS[2])).unwrap();
        verify_tokens(&tokens, &[("x-key", ""), ("x-other", "")]);
    }),
    ("Salpre, the plain function", || {
        accepted(salpre::verify(secret(SECRETS[0]), SECRETS[0]), 0);
        refused(salpre::verify(secret(SECRETS[0]), SECRETS[1]));
    }),
];

/// Compares as code must not. Every run must report it: if it does not, the marks of the
/// secrets have no effect, and the silence about the other cases says nothing.
pub fn leaky_control() {
    let ours = hmac_sha256::HMAC::mac(BODY, secret(SECRETS[0]));
    let theirs = hmac_sha256::HMAC::mac(BODY, SECRETS[0]);
    assert!(public(ours.iter().zip(&theirs).all(|(our, their)| our == their)));
}

type Headers = Vec<(&'static str, String)>;

/// How a vendor signs, written out by hand.
struct Vendor {
    scheme: HmacScheme,
    secrets: [&'static str; 3],
    key: fn(&str) -> Vec<u8>,
    /// Makes the headers of a delivery. The first holds the signature.
    sign: fn(key: &[u8], time: &str) -> Headers,
    time: &'static str,
    /// The text before the signature.
    prefix: &'static str,
}

const TRUEDY: Vendor = Vendor {
    scheme: truedy::SCHEME,
    secrets: SECRETS,
    key: raw_key,
    sign: |key, time| {
        let tag = hex(&mac(key, &[time, ".", BODY]));
        vec![(truedy::SIGNATURE_HEADER, tag), (truedy::TIMESTAMP_HEADER, time.to_owned())]
    },
    time: "1773844200",
    prefix: "",
};

const TALKIFAI: Vendor = Vendor {
    scheme: talkifai::SCHEME,
    secrets: SECRETS,
    key: raw_key,
    sign: |key, _| vec![(talkifai::SIGNATURE_HEADER, format!("sha256={}", hex(&mac(key, &[BODY]))))],
    time: "",
    prefix: "sha256=",
};

const ULTRAVOX: Vendor = Vendor {
    scheme: ultravox::SCHEME,
    secrets: SECRETS,
    key: raw_key,
    sign: |key, time| {
        let tag = hex(&mac(key, &[BODY, time]));
        vec![(ultravox::SIGNATURE_HEADER, tag), (ultravox::TIMESTAMP_HEADER, time.to_owned())]
    },
    time: "2026-03-18T14:30:00Z",
    prefix: "",
};

const STANDARD_WEBHOOKS: Vendor = Vendor {
    scheme: standard_webhooks::SCHEME,
    secrets: KEYS,
    key: |text| Base64::decode_vec(text).unwrap(),
    sign: |key, time| {
        let tag = Base64::encode_string(&mac(key, &[ID, ".", time, ".", BODY]));
        vec![
            (standard_webhooks::SIGNATURE_HEADER, format!("v1,{tag}")),
            (standard_webhooks::TIMESTAMP_HEADER, time.to_owned()),
            (standard_webhooks::ID_HEADER, ID.to_owned()),
        ]
    },
    time: "1773844200",
    prefix: "v1,",
};

fn one_secret(vendor: &Vendor) {
    let keys = HmacKeys::new(vendor.scheme, secret(vendor.secrets[0])).unwrap();
    verify_all(vendor, keys, 1);
}

fn three_secrets(vendor: &Vendor) {
    let [first, second, third] = vendor.secrets.map(secret);
    let keys = HmacKeys::new(vendor.scheme, first).unwrap();
    verify_all(vendor, keys.with_secret(second).unwrap().with_secret(third).unwrap(), 3);
}

/// Verifies a genuine delivery of each secret, and forged ones that are nearly right.
fn verify_all(vendor: &Vendor, keys: HmacKeys, count: usize) {
    let keys = keys.with_clock(FixedClock::at_unix(1_773_844_200));
    let sign = |text: &str| (vendor.sign)(&(vendor.key)(text), vendor.time);
    for (index, text) in vendor.secrets.into_iter().enumerate().take(count) {
        accepted(keys.verify(&Request::new(&sign(text), BODY.as_bytes())), index);

        let begin = vendor.prefix.len();
        // Behind it stand the last digit and the padding of base64, which have a form of their own.
        let end = sign(text)[0].1.len() - 3;
        for at in [begin, (begin + end) / 2, end] {
            let mut headers = sign(text);
            let value = &mut headers[0].1;
            value.replace_range(at..=at, if &value[at..=at] == "a" { "b" } else { "a" });
            refused(keys.verify(&Request::new(&headers, BODY.as_bytes())));
        }
    }
}

/// Verifies the headers of each secret, after these prefixes, and forged ones.
fn verify_tokens(tokens: &HeaderTokens, names: &[(&'static str, &str)]) {
    let headers =
        |text: &str| -> Headers { names.iter().map(|(name, prefix)| (*name, format!("{prefix}{text}"))).collect() };
    accepted(tokens.verify(&Head::new(&headers(SECRETS[0]))), 0);
    for forged in ["z2b7e1516-first", "2b7e1516-firsz", "2b7e1516", "2b7e1516-first-and-more"] {
        refused(tokens.verify(&Head::new(&headers(forged))));
    }
}

fn accepted(answer: Result<Verified, VerifyError>, index: usize) {
    let verified = answer.expect("a genuine delivery is accepted");
    assert_eq!(public(verified.secret_index()), Some(index));
}

fn refused(answer: Result<Verified, VerifyError>) {
    assert!(answer.is_err(), "a forged delivery is refused");
}

fn raw_key(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn mac(key: &[u8], parts: &[&str]) -> [u8; 32] {
    hmac_sha256::HMAC::mac(parts.concat(), key)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970").as_secs()
}

const SECRETS: [&str; 3] = ["2b7e1516-first", "28aed2a6-second", "abf71588-third"];
const KEYS: [&str; 3] =
    ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "bm90VGhlU2VjcmV0T2ZBbnk=", "c2Vjb25kIGtleSB0aGF0IGlzIGxvbmc="];
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
/// More than one block of SHA-256.
const BODY: &str =
    r#"{"event":"call.ended","timestamp":"2026-03-18T14:30:00.000Z","data":{"call":{"callId":"uv_call_123"}}}"#;
