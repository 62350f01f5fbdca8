//! A stored delivery opens again.

use super::common::{delivery, talkifai};
use offhook::inbox::{OpenError, Stored};

/// As version 1 wrote it. It must open for ever.
const VERSION_1: &str = r#"{"version":1,"vendor":"talkifai","endpoint":"","event":"call.started",
    "key":"talkifai::call.started:1","call_id":"c1","stage":"started",
    "body":"{\"id\":\"1\",\"type\":\"call.started\",\"data\":{\"callId\":\"c1\"}}",
    "payload_sha256":"1111111111111111111111111111111111111111111111111111111111111111",
    "secret_index":1,"signed_at":"2026-01-15T10:30:00+00:00","message_id":"m1",
    "received_at":"2026-01-15T10:30:01+00:00"}"#;

#[test]
fn a_record_survives_json_and_opens() {
    let one = delivery("1");
    let text = serde_json::to_string(&Stored::of(&one)).unwrap();
    let stored: Stored = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&stored).unwrap(), text);
    let opened = stored.open(&talkifai()).unwrap();
    assert_eq!((opened.body(), opened.verified()), (one.body(), one.verified()));
    assert_eq!(opened.dedupe_key(), one.dedupe_key());
    assert_eq!(stored.call_group().as_deref(), Some("talkifai::call_1"));
}

#[test]
fn a_record_of_version_1_opens() {
    let stored: Stored = serde_json::from_str(VERSION_1).unwrap();
    let opened = stored.open(&talkifai()).unwrap();
    assert_eq!(opened.call_id(), Some("c1"));
    let proof = opened.verified();
    assert_eq!((proof.secret_index(), proof.message_id()), (Some(1), Some("m1")));
    assert_eq!(proof.signed_at().unwrap().to_rfc3339(), "2026-01-15T10:30:00+00:00");
}

#[test]
fn a_record_opens_only_for_its_own_verifier() {
    let stored: Stored = serde_json::from_str(VERSION_1).unwrap();
    let other = offhook::Truedy::new("whsec_first").unwrap();
    assert!(matches!(stored.open(&other), Err(OpenError::OtherVendor { .. })));
    let tenant = talkifai().with_endpoint("tenant");
    assert!(matches!(stored.open(&tenant), Err(OpenError::OtherVendor { .. })));
    let newer: Stored = serde_json::from_str(&VERSION_1.replace("\"version\":1", "\"version\":2")).unwrap();
    assert_eq!(newer.open(&talkifai()).unwrap_err(), OpenError::NewerVersion { version: 2 });
}

#[test]
fn a_redelivery_has_the_job_key_of_its_event_and_another_payload_has_not() {
    let stored: Stored = serde_json::from_str(VERSION_1).unwrap();
    let payload = "11".repeat(32);
    assert_eq!(stored.job_key().unwrap().as_str(), format!("talkifai::call.started:1%sha256:{payload}"));
    let (first, again) = (delivery("1"), delivery("1"));
    assert_eq!(Stored::of(&first).job_key(), Stored::of(&again).job_key());
    let other: Stored = serde_json::from_str(&VERSION_1.replace(&payload, &"22".repeat(32))).unwrap();
    assert_eq!(other.key(), stored.key());
    assert_ne!(other.job_key(), stored.job_key());
    let unkeyed = VERSION_1.replace(r#""talkifai::call.started:1""#, "null");
    assert_eq!(serde_json::from_str::<Stored>(&unkeyed).unwrap().job_key(), None);
}

#[test]
fn a_body_that_is_no_text_is_base64() {
    let text = VERSION_1.replace("\"body\"", "\"ignored\"").replace("\"payload", "\"body_base64\":\"/w==\",\"payload");
    let stored: Stored = serde_json::from_str(&text).unwrap();
    assert_eq!(&stored.body()[..], b"\xff");
    assert!(serde_json::to_string(&stored).unwrap().contains(r#""body_base64":"/w==""#));
    assert!(matches!(stored.open(&talkifai()), Err(OpenError::Parse(_))));
}
