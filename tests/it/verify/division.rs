//! A signed text can be divided into headers and body in one way only.

use offhook::testing::Signer;
use offhook::verify::{HmacKeys, HmacScheme, Part, Separator, TimestampFormat};
use offhook::{FixedClock, Request, standard_webhooks, truedy};
use offhook_tests::signing::{NOW, hex, mac};
use proptest::prelude::*;

const SECRET: &str = "whsec_bG9uZyBlbm91Z2g=";

/// A scheme that signs body and time without a separator.
const BODY_AND_TIME: HmacScheme = HmacScheme::in_header("x-signature")
    .list(Separator::Comma)
    .timestamp_header("x-time", TimestampFormat::Rfc3339)
    .signs(&[Part::Body, Part::Timestamp]);

/// Times of the same second, with and without a fraction and a zone.
const TIMES: [&str; 6] = [
    "2026-03-18T14:30:00",
    "2026-03-18T14:30:00.5",
    "2026-03-18T14:30:00.123456",
    "2026-03-18T14:30:00Z",
    "2026-03-18T14:30:00.123456Z",
    "2026-03-18T14:30:00.123456+00:00",
];

fn keys(scheme: HmacScheme) -> HmacKeys {
    HmacKeys::new(scheme, SECRET).unwrap().with_clock(FixedClock::at_unix(NOW))
}

/// The bodies and times into which a text that was signed by Truedy's scheme or by `BODY_AND_TIME` can be divided.
fn divisions(scheme: HmacScheme, text: &str) -> Vec<(String, String)> {
    let tag = hex(&mac(SECRET.as_bytes(), &[text.as_bytes()]));
    let keys = keys(scheme);
    let verifies = |time: &str, body: &str| {
        let (signature, timestamp) = match scheme == truedy::SCHEME {
            true => (truedy::SIGNATURE_HEADER, truedy::TIMESTAMP_HEADER),
            false => ("x-signature", "x-time"),
        };
        keys.verify(&Request::new(&[(signature, tag.as_str()), (timestamp, time)], body.as_bytes())).is_ok()
    };
    let mut found = Vec::new();
    for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
        let (left, right) = text.split_at(at);
        let split = match scheme == truedy::SCHEME {
            true => right.strip_prefix('.').map(|body| (left, body)),
            false => Some((right, left)),
        };
        if let Some((time, body)) = split.filter(|(time, body)| verifies(time, body)) {
            found.push((time.to_owned(), body.to_owned()));
        }
    }
    found
}

proptest! {
    #[test]
    fn a_signed_text_has_one_division_at_most(
        time in prop::sample::select(&TIMES[..]),
        piece in prop::sample::select(&[".", "5", "Z", "5Z.", "+00:00.", "-", "{}", "1773844200", "."][..]),
        body in "[0-9.Z+:{}-]{0,12}",
    ) {
        let truedy = [format!("{time}.{piece}{body}"), format!("{NOW}.{piece}{body}"), format!("{time}{piece}{body}")];
        for text in truedy {
            prop_assert!(divisions(truedy::SCHEME, &text).len() <= 1, "{text}");
        }
        for text in [format!("{body}{piece}{time}"), format!("{time}{piece}{time}")] {
            prop_assert!(divisions(BODY_AND_TIME, &text).len() <= 1, "{text}");
        }
    }
}

/// What vendors send: a body that is an object.
#[test]
fn a_genuine_delivery_is_divided_as_it_was_sent() {
    for time in TIMES {
        let sent = vec![(time.to_owned(), "{}".to_owned())];
        assert_eq!(divisions(truedy::SCHEME, &format!("{time}.{{}}")), sent);
        assert_eq!(divisions(BODY_AND_TIME, &format!("{{}}{time}")), sent);
    }
}

#[test]
fn an_id_that_holds_the_separator_is_refused() {
    let sign = |id: &str| {
        let signer = Signer::new(standard_webhooks::SCHEME, SECRET).unwrap().with_message_id(id);
        signer.sign(offhook::Clock::now(&FixedClock::at_unix(NOW)), b"{}")
    };
    let verify = |id: &str| {
        let verified = keys(standard_webhooks::SCHEME).verify(&Request::new(&sign(id), b"{}"));
        verified.map(drop).map_err(|error| error.code())
    };
    assert_eq!(verify("msg_1"), Ok(()));
    assert_eq!(verify(&format!("msg_1.{NOW}")), Err("malformed_header"));
}

#[test]
fn digits_do_not_move_between_time_and_body() {
    const AFTER: HmacScheme = HmacScheme::in_header("x-signature")
        .timestamp_header("x-time", TimestampFormat::UnixSeconds)
        .signs(&[Part::Body, Part::Timestamp]);
    const BEFORE: HmacScheme = HmacScheme::in_header("x-signature")
        .timestamp_header("x-time", TimestampFormat::UnixSeconds)
        .signs(&[Part::Timestamp, Part::Body]);
    let verify = |scheme, time: &str, body: &str, text: &str| {
        let tag = hex(&mac(SECRET.as_bytes(), &[text.as_bytes()]));
        let keys = keys(scheme).danger_accept_any_age();
        keys.verify(&Request::new(&[("x-signature", tag.as_str()), ("x-time", time)], body.as_bytes())).is_ok()
    };
    assert!(verify(AFTER, "1773844200", "{}", "{}1773844200"));
    assert!(!verify(AFTER, "773844200", "{}1", "{}1773844200"));
    assert!(verify(BEFORE, "1773844200", "{}", "1773844200{}"));
    assert!(!verify(BEFORE, "177384420", "0{}", "1773844200{}"));
}
