//! Deduplication keys: each vendor's rule for which deliveries carry the same event.

use offhook::testing::Signer;
use offhook::{Clock, Salpre, SystemClock, TalkifAi, Truedy, Verifier, talkifai, truedy};

use offhook_tests::signing::hex;

const SECRET: &str = "whsec_first";

fn truedy(body: &str) -> String {
    let headers = Signer::new(truedy::SCHEME, SECRET).unwrap().sign(SystemClock.now(), body);
    let delivery = Truedy::new(SECRET).unwrap().receive(&headers, body.to_owned()).unwrap();
    delivery.dedupe_key().unwrap()
}

fn talkifai(body: &str) -> String {
    let headers = Signer::new(talkifai::SCHEME, SECRET).unwrap().sign(SystemClock.now(), body);
    let delivery = TalkifAi::new(SECRET).unwrap().receive(&headers, body.to_owned()).unwrap();
    delivery.dedupe_key().unwrap()
}

fn salpre(body: &str) -> Option<String> {
    let salpre = Salpre::bearer("s3cret-t0ken").unwrap();
    salpre.receive(&[("authorization", "Bearer s3cret-t0ken")], body.to_owned()).unwrap().dedupe_key()
}

fn hashed(name: &str, body: &str) -> String {
    format!("{name}:sha256:{}", hex(&hmac_sha256::Hash::hash(body.as_bytes())))
}

#[test]
fn the_key_of_a_truedy_event_is_the_first_id_that_is_present() {
    for (data, key) in [
        (r#"{"id":"i","eventId":"e","call":{"callId":"c"},"call_id":"f","callId":"g"}"#, "call.ended:i"),
        (r#"{"eventId":"e","call":{"callId":"c"},"call_id":"f"}"#, "call.ended:e"),
        (r#"{"call":{"callId":"c"},"call_id":"f","callId":"g"}"#, "call.ended:c"),
        (r#"{"call_id":"f","callId":"g"}"#, "call.ended:f"),
        (r#"{"callId":"g"}"#, "call.ended:g"),
        (r#"{"callId":5}"#, "call.ended:5"),
    ] {
        for name in ["call.ended", "call.completed"] {
            assert_eq!(truedy(&format!(r#"{{"event":"{name}","data":{data}}}"#)), key);
            let top = format!(r#"{{"event":"{name}","data":{data},"event_id":"E","id":"I"}}"#);
            assert_eq!(truedy(&top), "call.ended:I");
            let top = format!(r#"{{"event":"{name}","event_id":"E","data":{data}}}"#);
            assert_eq!(truedy(&top), "call.ended:E");
        }
    }
    let none = r#"{"event":"call.ended","data":{"status":"ended"}}"#;
    assert_eq!(truedy(none), hashed("call.ended", none));
    let batch = r#"{"event":"batch.completed","data":{"batchId":"b"}}"#;
    assert_eq!(truedy(batch), "batch.completed:b");
    let voice = r#"{"event":"voice.training.failed","data":{"voice_id":"v"}}"#;
    assert_eq!(truedy(voice), "voice.training.failed:v");
}

#[test]
fn each_status_change_of_a_truedy_batch_has_its_own_key() {
    let change = |status: &str, time: &str| {
        truedy(&format!(
            r#"{{"event":"batch.status.changed","timestamp":"{time}","data":{{"batch_id":"b","status":"{status}"}}}}"#
        ))
    };
    let first = change("running", "2026-03-18T14:30:00Z");
    assert_eq!(first, "batch.status.changed:b:running:2026-03-18T14:30:00Z");
    assert_ne!(first, change("paused", "2026-03-18T14:30:00Z"));
    assert_ne!(first, change("running", "2026-03-18T14:31:00Z"));
    assert_eq!(first, change("running", "2026-03-18T14:30:00.000Z"));
    let with_id = r#"{"event":"batch.status.changed","data":{"id":"e","batch_id":"b","status":"running"}}"#;
    assert_eq!(truedy(with_id), "batch.status.changed:e");
    let its_own = |status: &str| {
        truedy(&format!(
            r#"{{"event":"batch.status.changed","timestamp":7,"data":{{"id":"b","batch_id":"b","status":"{status}"}}}}"#
        ))
    };
    assert_eq!(its_own("running"), "batch.status.changed:b:running:1970-01-01T00:00:07Z");
    assert_ne!(its_own("running"), its_own("paused"));
    let without_time = r#"{"event":"batch.status.changed","data":{"batch_id":"b","status":"running"}}"#;
    assert_eq!(truedy(without_time), hashed("batch.status.changed", without_time));
}

#[test]
fn unknown_and_undecodable_events_of_truedy_have_keys_too() {
    assert_eq!(truedy(r#"{"event":"call.exploded","data":{"id":"e"}}"#), "call.exploded:e");
    let call_only = r#"{"event":"call.exploded","data":{"call_id":"c"}}"#;
    assert_eq!(truedy(call_only), hashed("call.exploded", call_only));
    assert_eq!(truedy(r#"{"event":"call.completed","data":{"id":"e","call":7}}"#), "call.ended:e");
    let nothing = r#"{"event":"call.ended","data":7}"#;
    assert_eq!(truedy(nothing), hashed("call.ended", nothing));
}

#[test]
fn the_key_of_a_talkifai_event_is_its_id_or_the_body_hash() {
    for name in ["call.started", "credit.low", "brand.new"] {
        assert_eq!(talkifai(&format!(r#"{{"id":"e","type":"{name}","data":{{}}}}"#)), format!("{name}:e"));
    }
    let none = r#"{"type":"call.started","data":{}}"#;
    assert_eq!(talkifai(none), hashed("call.started", none));
}

#[test]
fn the_key_of_a_salpre_event_is_the_call_id_or_the_body_hash() {
    for name in ["call_initiated", "call_ringing", "call_answered", "call_ended"] {
        let body = format!(r#"{{"event_type":"{name}","payload":{{"call_id":41}}}}"#);
        assert_eq!(salpre(&body).unwrap(), format!("{name}:41"));
    }
    for name in ["transcript", "error", "brand_new"] {
        let body = format!(r#"{{"event_type":"{name}","payload":{{"call":{{"id":41}}}}}}"#);
        assert_eq!(salpre(&body).unwrap(), hashed(name, &body));
    }
    let none = r#"{"event_type":"call_ended","payload":{}}"#;
    assert_eq!(salpre(none).unwrap(), hashed("call_ended", none));
}

#[test]
fn test_deliveries_of_salpre_have_no_key() {
    for (name, body) in offhook_tests::samples::SALPRE {
        assert_eq!(salpre(body), None, "{name}");
        assert!(salpre(&body.replace("true", "false")).is_some(), "{name}");
    }
}

#[test]
fn a_key_longer_than_200_bytes_is_hashed() {
    let body = |length: usize| format!(r#"{{"event":"call.ended","data":{{"id":"{}"}}}}"#, "x".repeat(length));
    let longest = 200 - "call.ended:".len();
    assert_eq!(truedy(&body(longest)).len(), 200);
    let hashed = truedy(&body(longest + 1));
    assert!(hashed.starts_with("sha256:") && hashed.len() == 71, "{hashed}");
    assert_ne!(hashed, truedy(&body(longest + 2)));
}
