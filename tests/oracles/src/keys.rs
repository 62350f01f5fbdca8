//! The key of an event: two events have one key only if vendor, endpoint and event key are equal.

use arbitrary::{Arbitrary, Unstructured};
use offhook::idempotency::{Key, PayloadDigest};

use crate::signing::sha256;

pub struct Subject {
    key: fn(vendor: &str, endpoint: &str, event_key: &str) -> Key,
}

pub const CRATE: Subject = Subject { key: Key::new };

/// Forgets that an endpoint may hold the separator.
pub const PLANTED: Subject =
    Subject { key: |vendor, endpoint, event_key| Key::new(vendor, "", &format!("{endpoint}:{event_key}")) };

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    vendor: &'a str,
    endpoint: &'a str,
    event_key: &'a str,
    /// Repeats the event key, so that it becomes longer than a store keeps.
    repeated: u8,
    payload: &'a [u8],
}

pub fn check(subject: &Subject, input: &[u8]) {
    let Ok(case) = Case::arbitrary(&mut Unstructured::new(input)) else { return };
    let event_key = case.event_key.repeat(usize::from(case.repeated % 8) + 1);
    let key = (subject.key)(case.vendor, case.endpoint, &event_key);

    let whole = written([case.vendor, case.endpoint, &event_key]);
    assert_eq!(parts(&whole), [case.vendor, case.endpoint, &event_key], "the naive form can be read back: {whole}");
    assert_eq!(key.as_str(), bounded(&whole), "{case:?}");

    let with_payload = key.with_payload(&PayloadDigest::of(case.payload));
    let expected = bounded(&format!("{key}%sha256:{}", sha256(case.payload)));
    assert_eq!(with_payload.as_str(), expected, "{case:?}");
    assert_ne!(with_payload, key);

    for key in [key, with_payload] {
        assert!(key.as_str().len() <= 255 && !key.as_str().contains(char::is_control), "{key}");
    }
}

fn bounded(key: &str) -> String {
    if key.len() > 255 { format!("sha256:{}", sha256(key.as_bytes())) } else { key.to_owned() }
}

/// Writes three parts so that [`parts`] can tell where each ends.
fn written(parts: [&str; 3]) -> String {
    let escape = |part: &str, also: &str| -> String {
        let escaped = |char: char| char == '%' || char.is_control() || also.contains(char);
        part.chars()
            .map(|char| match escaped(char) {
                true => char.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect(),
                false => char.to_string(),
            })
            .collect()
    };
    let [vendor, endpoint, event_key] = parts;
    format!("{}:{}:{}", escape(vendor, ":"), escape(endpoint, ":"), escape(event_key, ""))
}

/// The inverse of [`written`]. That there is one shows that no two triples have one text.
fn parts(key: &str) -> [String; 3] {
    let unescape = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, tail @ ..] = rest {
            match (first, tail) {
                (b'%', [high, low, tail @ ..]) => {
                    let digits = [*high, *low].map(char::from);
                    bytes.push(u8::from_str_radix(&String::from_iter(digits), 16).unwrap());
                    rest = tail;
                }
                _ => {
                    bytes.push(*first);
                    rest = tail;
                }
            }
        }
        String::from_utf8(bytes).unwrap()
    };
    let mut parts = key.splitn(3, ':').map(unescape);
    std::array::from_fn(|_| parts.next().expect("a key has three parts"))
}
