//! Signatures and static headers: the crate accepts a request exactly when a naive verifier does.

use arbitrary::{Arbitrary, Unstructured};
use base64ct::{Base64, Encoding as _};
use chrono::{DateTime, SecondsFormat};
use offhook::verify::{Head, HeaderTokens, HmacKeys, HmacScheme, TimestampFormat};
use offhook::{FixedClock, Request, Tolerance, Verified, VerifyError, standard_webhooks, talkifai, truedy, ultravox};
use std::time::Duration;

use crate::schemes;
use crate::signing::{hex, mac};
use crate::timestamps;

pub type Headers = Vec<(String, Vec<u8>)>;

pub struct Subject {
    verify: fn(&HmacKeys, &Headers, &[u8]) -> Result<Verified, VerifyError>,
    verify_tokens: fn(&HeaderTokens, &Headers) -> Result<Verified, VerifyError>,
}

pub const CRATE: Subject = Subject {
    verify: |keys, headers, body| keys.verify(&Request::new(headers, body)),
    verify_tokens: |tokens, headers| tokens.verify(&Head::new(headers)),
};

/// Reads the first of several headers, and does not see the others.
pub const PLANTED: Subject = Subject {
    verify: |keys, headers, body| (CRATE.verify)(keys, &first_of_each(headers), body),
    verify_tokens: |tokens, headers| (CRATE.verify_tokens)(tokens, &first_of_each(headers)),
};

fn first_of_each(headers: &Headers) -> Headers {
    let mut seen: Headers = Vec::new();
    for (name, value) in headers {
        if !seen.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            seen.push((name.clone(), value.clone()));
        }
    }
    seen
}

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    vendor: u8,
    /// Which secrets the verifier holds, and how many.
    held: [u8; 3],
    count: u8,
    signers: [u8; 2],
    /// How long before the present time of the verifier the delivery was signed.
    age: i16,
    tolerance: [u8; 2],
    time_form: u8,
    id: &'a str,
    body: &'a [u8],
    edits: Vec<Edit<'a>>,
}

/// A change that is made to the request after it was signed.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Edit<'a> {
    Insert { header: u8, at: u16, byte: u8 },
    Replace { header: u8, at: u16, byte: u8 },
    Delete { header: u8, at: u16 },
    Append { header: u8, text: &'a [u8] },
    Set { header: u8, text: &'a [u8] },
    Repeat { header: u8 },
    Drop { header: u8 },
    Rename { header: u8, name: &'a str },
    UpperCase { header: u8, value: bool },
    InsertIntoBody { at: u16, byte: u8 },
    DeleteFromBody { at: u16 },
}

pub fn check(subject: &Subject, input: &[u8]) {
    let Ok(case) = Case::arbitrary(&mut Unstructured::new(input)) else { return };
    match VENDORS.get(usize::from(case.vendor) % (VENDORS.len() + 1)) {
        Some(vendor) => check_signed(subject, vendor, &case),
        None => check_tokens(subject, &case),
    }
}

fn check_signed(subject: &Subject, vendor: &Vendor, case: &Case<'_>) {
    let held = held(case);
    let secrets = if vendor.base64_key { KEYS } else { SECRETS };
    let mut keys = HmacKeys::new(vendor.scheme, secrets[held[0]]).unwrap();
    for index in &held[1..] {
        keys = keys.with_secret(secrets[*index]).unwrap();
    }
    let [past, future] = case.tolerance.map(|seconds| u64::from(seconds) * 4);
    let tolerance = Tolerance { past: Duration::from_secs(past), future: Duration::from_secs(future) };
    let keys = keys.with_tolerance(tolerance).with_clock(FixedClock::at_unix(NOW));

    let (mut headers, mut body) = (vendor.sign(case), case.body.to_vec());
    for edit in case.edits.iter().take(6) {
        edit.apply(&mut headers, &mut body);
    }

    let key = |index: &usize| if vendor.base64_key { decoded(KEYS[*index]) } else { SECRETS[*index].into() };
    let keyring: Vec<Vec<u8>> = held.iter().map(key).collect();
    let expected = vendor.verify(&keyring, &headers, &body).filter(|facts| {
        let age = facts.signed_at.map_or(0, |signed| NOW - signed);
        if age < 0 { age.unsigned_abs() <= future } else { age.unsigned_abs() <= past }
    });
    let verified = (subject.verify)(&keys, &headers, &body);
    match (verified, expected) {
        (Ok(verified), Some(facts)) => {
            assert_eq!(verified.secret_index(), Some(facts.secret_index), "{case:?}");
            assert_eq!(verified.signed_at().map(|time| time.timestamp()), facts.signed_at, "{case:?}");
            assert_eq!(verified.message_id(), facts.id.as_deref(), "{case:?}");
            assert_eq!(keys.check_head(&Head::new(&headers)), Ok(()), "{case:?}");
        }
        // A text that could be divided in another way may be refused: `tests/it/verify/division.rs`.
        (Err(VerifyError::MalformedTimestamp), Some(facts)) => assert!(facts.may_be_divided, "{headers:?} {case:?}"),
        (Ok(_), None) => panic!("accepted, and must be refused: {headers:?} {case:?}"),
        (Err(error), Some(_)) => panic!("refused, and must be accepted: {error}: {headers:?} {case:?}"),
        (Err(_), None) => {}
    }
}

/// The verifier has up to three sets of the headers `x-key` and `x-tenant`.
fn check_tokens(subject: &Subject, case: &Case<'_>) {
    let held = held(case);
    let set = |index: usize| [("x-key", SECRETS[index]), ("x-tenant", KEYS[index])];
    let mut tokens = HeaderTokens::new(set(held[0])).unwrap();
    for index in &held[1..] {
        tokens = tokens.with_set(set(*index)).unwrap();
    }
    let sent = set(usize::from(case.signers[0]) % SECRETS.len());
    let mut headers: Headers = sent.map(|(name, value)| (name.to_owned(), value.into())).into();
    for edit in case.edits.iter().take(6) {
        edit.apply(&mut headers, &mut Vec::new());
    }

    let has = |(name, value): (&str, &str)| only(&headers, name, 8192).is_some_and(|sent| sent == value.as_bytes());
    let expected = held.iter().position(|index| set(*index).into_iter().all(has));
    let verified = (subject.verify_tokens)(&tokens, &headers);
    assert_eq!(verified.ok().and_then(|verified| verified.secret_index()), expected, "{headers:?} {case:?}");
}

fn held(case: &Case<'_>) -> Vec<usize> {
    let count = 1 + usize::from(case.count) % 3;
    case.held.iter().take(count).map(|index| usize::from(*index) % SECRETS.len()).collect()
}

impl Edit<'_> {
    fn apply(self, headers: &mut Headers, body: &mut Vec<u8>) {
        let (Edit::Insert { header, .. }
        | Edit::Replace { header, .. }
        | Edit::Delete { header, .. }
        | Edit::Append { header, .. }
        | Edit::Set { header, .. }
        | Edit::Repeat { header }
        | Edit::Drop { header }
        | Edit::Rename { header, .. }
        | Edit::UpperCase { header, .. }) = self
        else {
            return self.apply_to_body(body);
        };
        if headers.is_empty() {
            return;
        }
        let index = usize::from(header) % headers.len();
        let (name, value) = &mut headers[index];
        let place = |at: u16| usize::from(at) % value.len().max(1);
        match self {
            Edit::Insert { at, byte, .. } => value.insert(usize::from(at) % (value.len() + 1), byte),
            Edit::Replace { at, byte, .. } if !value.is_empty() => {
                let at = place(at);
                value[at] = byte;
            }
            Edit::Delete { at, .. } if !value.is_empty() => drop(value.remove(place(at))),
            Edit::Append { text, .. } => value.extend_from_slice(text),
            Edit::Set { text, .. } => *value = text.to_vec(),
            Edit::Repeat { .. } => {
                let again = headers[index].clone();
                headers.push(again);
            }
            Edit::Drop { .. } => drop(headers.remove(index)),
            Edit::Rename { name: new, .. } => *name = new.to_owned(),
            Edit::UpperCase { value: true, .. } => value.make_ascii_uppercase(),
            Edit::UpperCase { value: false, .. } => name.make_ascii_uppercase(),
            _ => {}
        }
    }

    fn apply_to_body(self, body: &mut Vec<u8>) {
        match self {
            Edit::InsertIntoBody { at, byte } => body.insert(usize::from(at) % (body.len() + 1), byte),
            Edit::DeleteFromBody { at } if !body.is_empty() => drop(body.remove(usize::from(at) % body.len())),
            _ => {}
        }
    }
}

/// How a vendor signs, written out by hand.
struct Vendor {
    scheme: HmacScheme,
    signature: &'static str,
    /// The separator, where the header is a list.
    list: Option<char>,
    prefix: &'static str,
    base64: bool,
    base64_key: bool,
    time: Option<(Place, TimestampFormat)>,
    id: Option<&'static str>,
    message: fn(time: &[u8], id: &[u8], body: &[u8]) -> Message,
}

/// The signed text: what is before the time, the time, and what is after it.
type Message = [Vec<u8>; 3];

#[derive(Clone, Copy)]
enum Place {
    Header(&'static str),
    /// An entry of the list, after this text.
    Entry(&'static str),
}

/// What a naive verifier found out about a genuine request.
struct Facts {
    secret_index: usize,
    signed_at: Option<i64>,
    id: Option<String>,
    /// Whether the time could go on in what is beside it.
    may_be_divided: bool,
}

impl Vendor {
    /// Makes the headers of a delivery that two secrets sign, where the header is a list.
    fn sign(&self, case: &Case<'_>) -> Headers {
        let signed_at = NOW - i64::from(case.age);
        let time = self.time.map_or(String::new(), |(_, format)| written(format, signed_at, case.time_form));
        let id = if self.id.is_some() { case.id } else { "" };
        let text = (self.message)(time.as_bytes(), id.as_bytes(), case.body).concat();
        let entry = |signer: u8| {
            let index = usize::from(signer) % SECRETS.len();
            let tag = match self.base64_key {
                true => mac(&decoded(KEYS[index]), &text),
                false => mac(SECRETS[index].as_bytes(), &text),
            };
            let tag = if self.base64 { Base64::encode_string(&tag) } else { hex(&tag) };
            format!("{}{tag}", self.prefix)
        };
        let mut value = entry(case.signers[0]);
        if let Some(separator) = self.list {
            value = format!("{value}{separator}{}", entry(case.signers[1]));
        }
        let mut headers = Vec::new();
        match self.time {
            Some((Place::Entry(prefix), _)) => {
                value = format!("{prefix}{time}{}{value}", self.list.expect("an entry is in a list"));
            }
            Some((Place::Header(name), _)) => headers.push((name.to_owned(), time.into_bytes())),
            None => {}
        }
        headers.push((self.signature.to_owned(), value.into_bytes()));
        headers.extend(self.id.map(|name| (name.to_owned(), id.as_bytes().to_vec())));
        headers
    }

    /// Verifies in the simplest way: everything that the vendor's page says, in any order.
    fn verify(&self, keys: &[Vec<u8>], headers: &Headers, body: &[u8]) -> Option<Facts> {
        let value = only(headers, self.signature, 8192)?;
        let entries: Vec<&str> = match self.list {
            Some(separator) => {
                value_text(value)?.split(separator).map(|entry| entry.trim_matches([' ', '\t'])).collect()
            }
            None => vec![value_text(value)?],
        };
        let (time, signed_at) = match self.time {
            None => (&[][..], None),
            Some((place, format)) => {
                let time = match place {
                    Place::Header(name) => only(headers, name, 64)?,
                    Place::Entry(prefix) => {
                        let mut times = entries.iter().filter_map(|entry| entry.strip_prefix(prefix));
                        let time = times.next()?;
                        if times.next().is_some() || time.len() > 64 {
                            return None;
                        }
                        time.as_bytes()
                    }
                };
                (time, Some(timestamps::seconds(format, value_text(time)?)?))
            }
        };
        let id = self.id.map(|name| only(headers, name, 256)).map_or(Some(&[][..]), |id| id)?;
        let [before, signed_time, after] = (self.message)(time, id, body);
        // An id that ends where a full stop is cannot hold one.
        if before.ends_with(b".") && id.contains(&b'.') {
            return None;
        }
        let text = [&before[..], &signed_time, &after].concat();
        let tags: Vec<[u8; 32]> = entries
            .iter()
            .filter_map(|entry| entry.strip_prefix(self.prefix))
            .filter_map(|tag| if self.base64 { decoded_tag(tag) } else { from_hex(tag) })
            .collect();
        let secret_index = keys.iter().position(|key| tags.contains(&mac(key, &text)))?;
        let id = (!id.is_empty()).then(|| String::from_utf8_lossy(id).into_owned());
        let may_be_divided = may_go_on(&before, time, &after);
        Some(Facts { secret_index, signed_at, id, may_be_divided })
    }
}

/// Returns whether a time may be part of a longer one. It says so more often than must be.
fn may_go_on(before: &[u8], time: &[u8], after: &[u8]) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    if time.iter().all(u8::is_ascii_digit) {
        return !time.is_empty() && (digit(before.last()) || digit(after.first()));
    }
    let zoned = time.ends_with(b"Z") || time.ends_with(b"z") || time.len() > 6 && time[time.len() - 3] == b':';
    !zoned && after.first().is_some_and(|byte| b".+-Zz0123456789".contains(byte))
}

/// Returns the value of a header that is there once, without the white space around it.
fn only<'h>(headers: &'h Headers, name: &str, max: usize) -> Option<&'h [u8]> {
    let mut values = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    let (_, value) = values.next()?;
    let mut value = &value[..];
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    let usable = values.next().is_none() && !value.is_empty() && value.len() <= max && value.is_ascii();
    usable.then_some(value)
}

fn value_text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()))
}

/// Decodes base64 that is written as RFC 4648 writes it.
fn decoded_tag(text: &str) -> Option<[u8; 32]> {
    let tag: [u8; 32] = Base64::decode_vec(text).ok()?.try_into().ok()?;
    (Base64::encode_string(&tag) == text).then_some(tag)
}

fn decoded(key: &str) -> Vec<u8> {
    Base64::decode_vec(key).expect("the keys of this file are base64")
}

/// Writes a time in one of the forms that a format has.
fn written(format: TimestampFormat, seconds: i64, form: u8) -> String {
    let time = DateTime::from_timestamp(seconds, 123_456_789).expect("the time is near the present");
    match format {
        TimestampFormat::UnixSeconds => seconds.to_string(),
        TimestampFormat::UnixMillis => format!("{seconds}123"),
        TimestampFormat::UnixSecondsOrRfc3339 if form.is_multiple_of(2) => seconds.to_string(),
        _ => match form % 5 {
            0 | 1 => time.to_rfc3339_opts(SecondsFormat::Micros, false),
            2 => time.to_rfc3339_opts(SecondsFormat::Secs, true),
            3 => time.format("%Y-%m-%dT%H:%M:%S").to_string(),
            _ => time.format("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
        },
    }
}

const NOW: i64 = 1_773_844_200;
const SECRETS: [&str; 4] = ["whsec_first", "whsec_second", "another secret", "bm90VGhlU2VjcmV0"];
const KEYS: [&str; 4] = [
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "bm90VGhlU2VjcmV0T2ZBbnk=",
    "c2Vjb25kIGtleSB0aGF0IGlzIGxvbmc=",
    "bG9uZyBlbm91Z2g=",
];

/// What most vendors do: the whole header is a signature of the body.
const PLAIN: Vendor = Vendor {
    scheme: talkifai::SCHEME,
    signature: "x-talkifai-signature",
    list: None,
    prefix: "sha256=",
    base64: false,
    base64_key: false,
    time: None,
    id: None,
    message: |_, _, body| [body.to_vec(), Vec::new(), Vec::new()],
};

const STANDARD_WEBHOOKS: Vendor = Vendor {
    scheme: standard_webhooks::SCHEME,
    signature: "webhook-signature",
    list: Some(' '),
    prefix: "v1,",
    base64: true,
    base64_key: true,
    time: Some((Place::Header("webhook-timestamp"), TimestampFormat::UnixSeconds)),
    id: Some("webhook-id"),
    message: |time, id, body| [[id, b"."].concat(), time.to_vec(), [b".", body].concat()],
};

const STRIPE: Vendor = Vendor {
    scheme: schemes::STRIPE,
    signature: "stripe-signature",
    list: Some(','),
    prefix: "v1=",
    time: Some((Place::Entry("t="), TimestampFormat::UnixSeconds)),
    message: |time, _, body| [Vec::new(), time.to_vec(), [b".", body].concat()],
    ..PLAIN
};

const VENDORS: [Vendor; 12] = [
    PLAIN,
    Vendor {
        scheme: truedy::SCHEME,
        signature: "x-truedy-signature",
        prefix: "",
        time: Some((Place::Header("x-truedy-timestamp"), TimestampFormat::UnixSecondsOrRfc3339)),
        message: |time, _, body| [Vec::new(), time.to_vec(), [b".", body].concat()],
        ..PLAIN
    },
    Vendor {
        scheme: ultravox::SCHEME,
        signature: "x-ultravox-webhook-signature",
        list: Some(','),
        prefix: "",
        time: Some((Place::Header("x-ultravox-webhook-timestamp"), TimestampFormat::Rfc3339)),
        message: |time, _, body| [body.to_vec(), time.to_vec(), Vec::new()],
        ..PLAIN
    },
    STANDARD_WEBHOOKS,
    Vendor {
        scheme: standard_webhooks::SVIX_SCHEME,
        signature: "svix-signature",
        time: Some((Place::Header("svix-timestamp"), TimestampFormat::UnixSeconds)),
        id: Some("svix-id"),
        ..STANDARD_WEBHOOKS
    },
    Vendor { scheme: schemes::GITHUB, signature: "x-hub-signature-256", ..PLAIN },
    Vendor {
        scheme: schemes::SLACK,
        signature: "x-slack-signature",
        prefix: "v0=",
        time: Some((Place::Header("x-slack-request-timestamp"), TimestampFormat::UnixSeconds)),
        message: |time, _, body| [b"v0:".to_vec(), time.to_vec(), [b":", body].concat()],
        ..PLAIN
    },
    STRIPE,
    Vendor { scheme: schemes::ELEVENLABS, signature: "elevenlabs-signature", prefix: "v0=", ..STRIPE },
    Vendor { scheme: schemes::SHOPIFY, signature: "x-shopify-hmac-sha256", prefix: "", base64: true, ..PLAIN },
    Vendor {
        scheme: schemes::RETELL,
        signature: "x-retell-signature",
        list: Some(','),
        prefix: "d=",
        time: Some((Place::Entry("v="), TimestampFormat::UnixMillis)),
        message: |time, _, body| [body.to_vec(), time.to_vec(), Vec::new()],
        ..PLAIN
    },
    Vendor {
        scheme: schemes::TWITCH,
        signature: "twitch-eventsub-message-signature",
        time: Some((Place::Header("twitch-eventsub-message-timestamp"), TimestampFormat::Rfc3339)),
        id: Some("twitch-eventsub-message-id"),
        message: |time, id, body| [id.to_vec(), time.to_vec(), body.to_vec()],
        ..PLAIN
    },
];
