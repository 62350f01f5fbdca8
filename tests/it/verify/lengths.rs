//! The longest values of headers and tokens: a value of that length is accepted, and one that is a
//! byte longer is refused.

use base64ct::{Base64, Encoding};
use offhook::verify::{Head, HeaderTokens, HmacKeys, HmacScheme, Part, Separator, TimestampFormat};
use offhook::{ConfigErrorKind, FixedClock, Request, VerifyError, standard_webhooks};

use offhook_tests::signing::{NOW, hex, mac};

const SECRET: &str = "long enough";

fn too_long(header: &'static str, max_bytes: usize) -> Result<(), VerifyError> {
    Err(VerifyError::HeaderTooLong { header: header.into(), max_bytes })
}

/// Verifies a delivery of Standard Webhooks with this id. What `padding` returns for the signature
/// precedes it in its header.
fn standard(id: &str, padding: impl Fn(&str) -> String) -> Result<(), VerifyError> {
    let now = NOW.to_string();
    let tag = Base64::encode_string(&mac(SECRET, &[id.as_bytes(), b".", now.as_bytes(), b".{}"]));
    let signature = format!("v1,{tag}");
    let signature = format!("{}{signature}", padding(&signature));
    let headers = [("webhook-id", id), ("webhook-timestamp", &now), ("webhook-signature", &signature)];
    let secret = format!("whsec_{}", Base64::encode_string(SECRET.as_bytes()));
    let keys = HmacKeys::new(standard_webhooks::SCHEME, secret).unwrap().with_clock(FixedClock::at_unix(NOW));
    keys.verify(&Request::new(&headers, b"{}")).map(drop)
}

#[test]
fn a_signature_header_has_at_most_8192_bytes() {
    let of_length = |bytes: usize| move |signature: &str| format!("{} ", "v".repeat(bytes - signature.len() - 1));
    assert_eq!(standard("msg_1", of_length(8192)), Ok(()));
    assert_eq!(standard("msg_1", of_length(8193)), too_long("webhook-signature", 8192));
}

#[test]
fn a_message_id_has_at_most_256_bytes() {
    let none = |_: &str| String::new();
    assert_eq!(standard(&"m".repeat(256), none), Ok(()));
    assert_eq!(standard(&"m".repeat(257), none), too_long("webhook-id", 256));
}

#[test]
fn a_timestamp_has_at_most_64_bytes_in_a_header_of_its_own_and_in_a_list() {
    const HEADER: HmacScheme = HmacScheme::in_header("x-signature")
        .timestamp_header("x-time", TimestampFormat::Rfc3339)
        .signs(&[Part::Timestamp, Part::Literal("."), Part::Body]);
    const LIST: HmacScheme = HmacScheme::in_header("x-signature")
        .list(Separator::Comma)
        .prefix("v=")
        .timestamp_entry("t=", TimestampFormat::Rfc3339)
        .signs(&[Part::Timestamp, Part::Literal("."), Part::Body]);
    let verify = |scheme, bytes: usize, list: bool| {
        let time = format!("2026-03-18T14:30:00.{}Z", "0".repeat(bytes - 21));
        let tag = hex(&mac(SECRET, &[time.as_bytes(), b".{}"]));
        let headers = match list {
            true => vec![("x-signature", format!("t={time},v={tag}"))],
            false => vec![("x-signature", tag), ("x-time", time)],
        };
        let keys = HmacKeys::new(scheme, SECRET).unwrap().with_clock(FixedClock::at_unix(NOW));
        keys.verify(&Request::new(&headers, b"{}")).map(drop)
    };
    assert_eq!(verify(HEADER, 64, false), Ok(()));
    assert_eq!(verify(HEADER, 65, false), too_long("x-time", 64));
    assert_eq!(verify(LIST, 64, true), Ok(()));
    let malformed = VerifyError::MalformedSignature { header: "x-signature".into() };
    assert_eq!(verify(LIST, 65, true), Err(malformed));
}

#[test]
fn a_token_has_at_most_8192_bytes_in_the_configuration_and_in_a_request() {
    let longest = "t".repeat(8192);
    let longer = "t".repeat(8193);
    let tokens = HeaderTokens::new([("x-token", longest.as_str())]).unwrap();
    let verify = |value: &str| tokens.verify(&Head::new(&[("x-token", value)])).map(drop);
    assert_eq!(verify(&longest), Ok(()));
    assert_eq!(verify(&longer), too_long("x-token", 8192));
    let refused = HeaderTokens::new([("x-token", longer.as_str())]).unwrap_err();
    assert_eq!(refused.kind(), &ConfigErrorKind::HeaderValueTooLong { max_bytes: 8192 });
}
