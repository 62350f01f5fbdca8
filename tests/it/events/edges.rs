//! Values at the limits of what a field can hold.

use offhook::event::Parsed;
use offhook::{salpre, talkifai, truedy};
use proptest::prelude::*;

use super::roundtrip::{Parse, round};

fn call(fields: &str) -> Parsed<truedy::Event> {
    round(&format!(r#"{{"event":"call.ended","data":{{"call":{{{fields}}}}}}}"#))
}

#[test]
fn extreme_times_survive_a_round_trip() {
    for time in [
        "1773844200000",
        "1773844200000.5",
        "-99999999999",
        "253402300800.5",
        "-62167219200.5",
        r#""0000-01-01T00:00:00Z""#,
        r#""9999-12-31T23:59:59.999999999Z""#,
        r#""2016-12-31T23:59:60Z""#,
    ] {
        let body = format!(r#"{{"event":"call.ended","timestamp":{time},"data":{{"call":{{"ended":{time}}}}}}}"#);
        assert!(round::<truedy::Event>(&body).event().is_typed(), "{time}");
        let body = format!(r#"{{"event_type":"error","timestamp_utc":{time},"payload":{{}}}}"#);
        assert!(round::<salpre::Event>(&body).event().is_typed(), "{time}");
    }
}

#[test]
fn long_durations_survive_a_round_trip() {
    for span in [
        r#""99999999.123456789s""#,
        r#""-999999999999.999999999s""#,
        "1234567890123",
        "4503599627370495.5",
        "1000000000000.5",
        "-999999999999.5",
        "-0.0",
    ] {
        for field in ["duration", "billedDuration", "maxDuration"] {
            assert!(call(&format!(r#""{field}":{span}"#)).event().is_typed(), "{field} {span}");
        }
        let body = format!(r#"{{"type":"call.ended","data":{{"duration":{span}}}}}"#);
        assert!(round::<talkifai::Event>(&body).event().is_typed(), "{span}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30_000))]

    #[test]
    fn floats_survive_a_round_trip(temperature in -10.0_f64..10.0, span in -1e9_f64..1e9) {
        call(&format!(r#""temperature":{temperature},"duration":{span}"#));
        call(&format!(r#""temperature":{temperature:.17},"created":{span}"#));
    }
}

/// If the vendor documents an order of precedence, the first spelling wins. Otherwise the two
/// spellings could hold two different ids, so the field is reported as drift.
#[test]
fn two_spellings_of_one_field_are_drift_unless_the_vendor_gives_an_order() {
    for body in [
        r#"{"event":"call.ended","data":{"id":"i","eventId":"e","callId":"c","call_id":"d"}}"#,
        r#"{"event":"batch.completed","data":{"batchId":"b","batch_id":"c"}}"#,
        r#"{"event":"voice.training.failed","data":{"voiceId":"v","voice_id":"w"}}"#,
    ] {
        assert!(round::<truedy::Event>(body).drift().is_empty(), "{body}");
    }
    for body in [
        r#"{"event":"call.ended","data":{"agentId":"s3cr3t-marker","agent_id":"s3cr3t-marker"}}"#,
        r#"{"event":"call.ended","data":{"call":{"callId":"s3cr3t-marker","call_id":"s3cr3t-marker"}}}"#,
        r#"{"event":"call.ended","data":{"call":{"agent":{"agentId":"s3cr3t-marker","agent_id":"s3cr3t-marker"}}}}"#,
    ] {
        let parsed: Parsed<truedy::Event> = round(body);
        assert!(parsed.event().is_typed() && parsed.drift().len() == 1, "{body}");
        assert!(!parsed.drift().to_string().contains("s3cr3t-marker"), "{}", parsed.drift());
    }
}

/// If an empty id counted, two events would share a key and the second would be dropped.
#[test]
fn an_empty_id_counts_as_missing() {
    use offhook::event::Identity;
    for (body, key) in [
        (r#"{"event":"call.ended","id":"","data":{"id":"","call_id":"c"}}"#, Identity::Id("c".into())),
        (r#"{"event":"call.ended","id":"","event_id":"e","data":{}}"#, Identity::Id("e".into())),
        (r#"{"event":"call.ended","data":{"id":"","eventId":"e"}}"#, Identity::Id("e".into())),
        (r#"{"event":"call.ended","data":{"call":{"callId":""},"call_id":"c"}}"#, Identity::Id("c".into())),
        (r#"{"event":"call.ended","data":{"call":{"callId":""}}}"#, Identity::Body),
        (r#"{"event":"batch.completed","data":{"batch_id":"","batchId":"b"}}"#, Identity::Id("b".into())),
        (r#"{"event":"batch.status.changed","timestamp":1,"data":{"id":"","batch_id":""}}"#, Identity::Body),
        (r#"{"event":"new","id":"","data":{"id":""}}"#, Identity::Body),
    ] {
        assert_eq!(round::<truedy::Event>(body).identity(), key, "{body}");
    }
    let body = r#"{"type":"call.ended","id":"","data":{"callId":"c"}}"#;
    assert_eq!(round::<talkifai::Event>(body).identity(), Identity::Body);
    let body = r#"{"event_type":"call_ended","payload":{"call_id":""}}"#;
    assert_eq!(round::<salpre::Event>(body).identity(), Identity::Body);
}
