//! Bodies of chosen sizes, and the headers of signed deliveries.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use offhook::testing::Signer;
use offhook::verify::HmacScheme;
use offhook::{Clock, SystemClock};

pub const SMALL: usize = 254;
pub const MEDIUM: usize = 4 << 10;
pub const LARGE: usize = 64 << 10;
pub const HUGE: usize = 1 << 20;
pub const SIZES: [usize; 4] = [SMALL, MEDIUM, LARGE, HUGE];
/// The sizes that have room for a list.
pub const LONG: [usize; 3] = [MEDIUM, LARGE, HUGE];

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Returns a `call.ended` of Truedy of exactly this size. Most of it is a summary of ordinary
/// sentences.
pub fn body(bytes: usize) -> &'static str {
    let head = r#"{"event":"call.ended","timestamp":"2026-03-18T14:32:00.000Z","data":{"id":"uv_evt_1","call":{"callId":"uv_call_abc123","agent":{"agentId":"uv_agent_xyz"},"duration":142,"costUsd":0.21,"endReason":"hangup","summary":""#;
    filled(bytes, head, r#""}}}"#)
}

/// Returns the same event with a transcript as a list. The list is in an undocumented field, so
/// nothing of it is kept.
pub fn body_with_list(bytes: usize) -> &'static str {
    let head = r#"{"event":"call.ended","timestamp":"2026-03-18T14:32:00.000Z","data":{"id":"uv_evt_1","call":{"callId":"uv_call_abc123","agent":{"agentId":"uv_agent_xyz"},"duration":142,"costUsd":0.21,"endReason":"hangup","summary":"A short call.","messages":["#;
    let message = r#"{"role":"MESSAGE_ROLE_USER","text":"I would like to ask about the price of the \"Pro\" plan.","callStageMessageIndex":3,"timespan":{"start":"12.5s","end":"15.25s"}},"#;
    let last = r#"{"role":"MESSAGE_ROLE_AGENT","text":""#;
    let tail = r#""}]}}}"#;
    let messages = bytes.saturating_sub(head.len() + last.len() + tail.len()) / message.len();
    filled(bytes, &format!("{head}{}{last}", message.repeat(messages)), tail)
}

/// Returns a `call_ended` of Salpre with the documented transcript, which is a list.
pub fn salpre_body(bytes: usize) -> &'static str {
    let head = r#"{"event_type":"call_ended","timestamp_utc":1760084597,"payload":{"from":"+905555555555","to":"+905555555554","direction":"outbound","source":"salprebox:SALPRE_AABBCCDD","call_id":1,"transcript":["#;
    let entry = r#"{"type":"customer","message":"I would like to ask about the price of the \"Pro\" plan.","utc_timestamp":"111111"},"#;
    let last = r#"{"type":"ai","message":""#;
    let tail = r#""}]}}"#;
    let entries = bytes.saturating_sub(head.len() + last.len() + tail.len()) / entry.len();
    filled(bytes, &format!("{head}{}{last}", entry.repeat(entries)), tail)
}

/// Returns a text of this size that has sentences between `head` and `tail`.
pub fn filled(bytes: usize, head: &str, tail: &str) -> &'static str {
    let sentence =
        r#"Agent: How can I help you today?\nCaller: I would like to ask about the price of the \"Pro\" plan. "#;
    let mut text = head.to_owned();
    while text.len() + sentence.len() + tail.len() <= bytes {
        text.push_str(sentence);
    }
    let rest = bytes.saturating_sub(tail.len() + text.len());
    text.push_str(&"x".repeat(rest));
    text.push_str(tail);
    text.leak()
}

/// Returns the headers of an ordinary request together with those of the vendor.
pub fn headers(of_vendor: &[(&'static str, String)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in [
        ("host", "hooks.example.com"),
        ("user-agent", "Truedy-Webhooks/1.0"),
        ("accept", "*/*"),
        ("content-type", "application/json"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "0f8fad5b-d9cb-469f-a165-70867728950e"),
    ] {
        map.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in of_vendor {
        map.insert(HeaderName::from_static(name), value.parse().unwrap());
    }
    map
}

pub fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

/// Returns the headers of a delivery that was signed `age` ago.
pub fn signed_before(age: Duration, scheme: HmacScheme, body: &str) -> HeaderMap {
    let signer = Signer::new(scheme, SECRET).unwrap().with_message_id("msg_p5jXN8AQM9LWM0D4loKWxJek");
    headers(&signer.sign(SystemClock.now() - age, body))
}

pub fn signed(scheme: HmacScheme, body: &str) -> HeaderMap {
    signed_before(Duration::ZERO, scheme, body)
}

/// Returns the headers with a signature that is well-formed and wrong.
pub fn forged(headers: &HeaderMap, signature: &'static str) -> HeaderMap {
    let mut forged = headers.clone();
    let mut text = headers[signature].to_str().unwrap().to_owned();
    // The last character is not changed, because in base64 some of its bits may not count.
    let place = text.len() - 10;
    text.replace_range(place..=place, if text.as_bytes()[place] == b'0' { "1" } else { "0" });
    forged.insert(signature, text.parse().unwrap());
    forged
}

pub fn bytes(body: &'static str) -> Bytes {
    // A clone shares the bytes, as it does in a server.
    Bytes::from(body.as_bytes().to_vec())
}
