//! Every field of every published delivery.

use chrono::{DateTime, TimeDelta, Utc};
use offhook::event::{Direction, Parsed};
use offhook::{salpre, talkifai, truedy};

use offhook_tests::samples::*;

fn time(text: &str) -> Option<DateTime<Utc>> {
    Some(text.parse().unwrap())
}

fn seconds(count: i64) -> Option<TimeDelta> {
    TimeDelta::try_seconds(count)
}

fn truedy(body: &str) -> Parsed<truedy::Event> {
    truedy::Event::parse(body.as_bytes()).unwrap()
}

fn talkifai(body: &str) -> Parsed<talkifai::Event> {
    talkifai::Event::parse(body.as_bytes()).unwrap()
}

fn salpre(body: &str) -> Parsed<salpre::Event> {
    salpre::Event::parse(body.as_bytes()).unwrap()
}

macro_rules! payload {
    ($event:expr, $variant:path) => {
        match $event.into_event() {
            $variant(payload) => payload,
            other => panic!("the wrong event: {other:?}"),
        }
    };
}

#[test]
fn every_field_of_truedys_upstream_delivery_is_read() {
    assert_eq!(TRUEDY[0].1.len(), 176);
    let event = truedy(TRUEDY[0].1);
    assert_eq!((event.name(), event.call_id()), ("call.ended", Some("uv_call_123")));
    assert_eq!(event.occurred_at(), time("2026-03-18T14:30:00Z"));
    assert!(!event.is_test());
    let envelope = event.envelope().clone();
    let ended = payload!(event, truedy::Event::CallEnded);
    assert_eq!(envelope.id, None);
    assert_eq!(ended.event_id.as_deref(), Some("uv_evt_123"));
    assert_eq!(ended.upstream_event.as_deref(), Some("call.ended"));
    assert_eq!(ended.call.agent_id(), Some("uv_agent_123"));
    assert_eq!((ended.status, ended.error_message), (None, None));
}

#[test]
fn every_field_of_truedys_full_delivery_is_read() {
    let parsed = truedy(TRUEDY[1].1);
    let envelope = parsed.envelope().clone();
    let ended = payload!(parsed, truedy::Event::CallEnded);
    assert_eq!(envelope.timestamp, time("2026-03-18T14:32:00Z"));
    assert_eq!((ended.event_id, ended.upstream_event), (None, None));
    let call = ended.call;
    assert_eq!(call.call_id.as_deref(), Some("uv_call_abc123"));
    assert_eq!(call.agent_id(), Some("uv_agent_xyz"));
    assert_eq!(call.duration, seconds(142));
    assert_eq!(call.cost_usd.as_ref().unwrap().as_str(), "0.21");
    assert_eq!(call.summary.as_deref(), Some("Caller asked about pricing, shown the Pro plan."));
    assert_eq!(call.end_reason, Some(offhook::call::EndReason::Completed));
}

#[test]
fn every_field_of_truedys_flat_delivery_is_read() {
    let parsed = truedy(TRUEDY[2].1);
    let envelope = parsed.envelope().clone();
    let ended = payload!(parsed, truedy::Event::CallEnded);
    assert_eq!(envelope.id.as_deref(), Some("evt_abc123"));
    assert_eq!(envelope.timestamp, time("2026-03-03T12:00:00Z"));
    assert_eq!(ended.status, Some(truedy::CallStatus::Completed));
    assert_eq!(ended.call.call_id.as_deref(), Some("uuid"));
    assert_eq!(ended.call.agent_id(), Some("uuid"));
    assert_eq!(ended.call.duration, seconds(120));
}

#[test]
fn nested_and_flat_truedy_deliveries_give_the_same_event() {
    let nested = r#"{"event":"call.ended","data":{"id":"e","status":"ended","call":{"callId":"c","agent":{"agentId":"a"},"duration":9}}}"#;
    let outer_agent_id = r#"{"event":"call.ended","data":{"eventId":"e","status":"ended","call":{"call_id":"c","agentId":"a","duration":9}}}"#;
    let flat = r#"{"event":"call.ended","data":{"event_id":"e","status":"ended","call_id":"c","agent_id":"a","duration_seconds":9}}"#;
    let camel =
        r#"{"event":"call.ended","data":{"id":"e","status":"ended","callId":"c","agentId":"a","durationSeconds":9}}"#;
    let numbers =
        r#"{"event":"call.ended","data":{"id":"e","status":"ended","callId":"c","agentId":"a","durationSeconds":9.0}}"#;
    for other in [outer_agent_id, flat, camel, numbers] {
        assert_eq!(truedy(nested), truedy(other), "{other}");
    }
}

#[test]
fn every_field_of_a_call_is_read() {
    let body = format!(r#"{{"event":"call.billed","data":{{"event":"call.billed","call":{FULL_CALL}}}}}"#);
    let call = payload!(truedy(&body), truedy::Event::CallBilled).call;
    assert_eq!(call.call_id.as_deref(), Some("3c90c3cc-0d44-4b50-8888-8dd25736052a"));
    assert_eq!(call.created, time("2026-03-18T14:30:00Z"));
    assert_eq!(call.joined, time("2026-03-18T14:30:05.5Z"));
    assert_eq!(call.ended, time("2026-03-18T14:32:27.123456Z"));
    assert_eq!(call.end_reason, Some(offhook::call::EndReason::AgentHangup));
    assert_eq!(call.duration, seconds(142));
    assert_eq!(call.cost_usd.as_ref().unwrap().as_str(), "0.210");
    assert_eq!(call.billed_duration, seconds(120));
    assert_eq!((call.billed_side_input_tokens, call.billed_side_output_tokens), (Some(11), Some(22)));
    assert_eq!(call.billing_status, Some(offhook::call::BillingStatus::Billed));
    assert_eq!(call.join_url.as_deref(), Some("wss://voice.example/join/secret"));
    assert_eq!(call.language_hint.as_deref(), Some("de-DE"));
    assert_eq!(call.max_duration, seconds(3600));
    assert_eq!(call.join_timeout, TimeDelta::try_milliseconds(30_500));
    let medium = call.medium.as_ref().unwrap();
    assert_eq!(medium.kind, offhook::call::MediumKind::Sip);
    assert!(medium.settings.get().contains(r#""password": "p""#));
    assert_eq!((call.model.as_deref(), call.voice.as_deref()), (Some("model-7"), Some("Mark")));
    assert_eq!((call.recording_enabled, call.temperature), (Some(true), Some(0.4)));
    assert_eq!(call.system_prompt.as_deref(), Some("You are helpful."));
    assert_eq!(call.short_summary.as_deref(), Some("Pricing."));
    assert_eq!(call.summary.as_deref(), Some("Caller asked about pricing."));
    let agent = call.agent.as_ref().unwrap();
    assert_eq!((agent.agent_id.as_deref(), agent.name.as_deref()), (Some("agent-1"), Some("Ada")));
    assert_eq!(call.metadata["customer"], "c-77");
    assert_eq!(call.metadata["ticket"], "T1");
    let sip = call.sip_details.as_ref().unwrap();
    assert_eq!(sip.billed_duration, TimeDelta::try_milliseconds(119_250));
    assert_eq!(sip.termination_reason, Some(offhook::call::SipTerminationReason::Normal));
}

#[test]
fn truedy_batch_and_voice_ids_are_read_in_both_casings() {
    for name in TRUEDY_BATCH_EVENTS {
        for id in ["batch_id", "batchId"] {
            let body = format!(r#"{{"event":"{name}","data":{{"{id}":7,"status":"running","error_message":"no"}}}}"#);
            let batch = match truedy(&body).into_event() {
                truedy::Event::BatchStatusChanged(batch) if name == "batch.status.changed" => batch,
                truedy::Event::BatchCompleted(batch) if name == "batch.completed" => batch,
                other => panic!("{other:?}"),
            };
            assert_eq!(batch.batch_id.as_deref(), Some("7"));
            assert_eq!(batch.status, Some(truedy::BatchStatus::Running));
            assert_eq!(batch.error_message.as_deref(), Some("no"));
        }
    }
    for name in TRUEDY_VOICE_EVENTS {
        for id in ["voice_id", "voiceId"] {
            let body = format!(r#"{{"event":"{name}","data":{{"{id}":"v1","error_message":"no"}}}}"#);
            let voice = match truedy(&body).into_event() {
                truedy::Event::VoiceTrainingCompleted(voice) if name == "voice.training.completed" => voice,
                truedy::Event::VoiceTrainingFailed(voice) if name == "voice.training.failed" => voice,
                other => panic!("{other:?}"),
            };
            assert_eq!(voice.voice_id.as_deref(), Some("v1"));
            assert_eq!(voice.error_message.as_deref(), Some("no"));
        }
    }
}

#[test]
fn truedy_times_are_read_in_every_documented_form() {
    for (written, expected) in [
        (r#""2026-03-18T14:32:00.000Z""#, "2026-03-18T14:32:00Z"),
        (r#""2026-03-03T12:00:00Z""#, "2026-03-03T12:00:00Z"),
        (r#""2026-01-31T08:35:41.123456""#, "2026-01-31T08:35:41.123456Z"),
        ("1773844200", "2026-03-18T14:30:00Z"),
        ("1773844200.5", "2026-03-18T14:30:00.5Z"),
    ] {
        let body = format!(r#"{{"event":"call.started","timestamp":{written},"data":{{}}}}"#);
        assert_eq!(truedy(&body).occurred_at(), time(expected), "{written}");
    }
}

#[test]
fn every_field_of_talkifais_call_started_is_read() {
    assert_eq!(TALKIFAI[0].1.len(), 189);
    let event = talkifai(TALKIFAI[0].1);
    assert_eq!((event.name(), event.call_id()), ("call.started", Some("call_xyz")));
    let envelope = event.envelope().clone();
    let started = payload!(event, talkifai::Event::CallStarted);
    assert_eq!(envelope.id.as_deref(), Some("evt_abc123"));
    assert_eq!(envelope.timestamp, time("2024-01-15T10:30:00Z"));
    assert_eq!(started.call_id.as_deref(), Some("call_xyz"));
    assert_eq!(started.agent_id.as_deref(), Some("agent_abc"));
    assert_eq!(started.direction, Some(Direction::Inbound));
    assert_eq!((started.from.as_deref(), started.to.as_deref()), (Some("+12025550123"), Some("+18885550100")));
    assert_eq!((started.duration, started.status, started.end_reason, started.recording_url), (None, None, None, None));
}

#[test]
fn every_field_of_talkifais_call_ended_is_read() {
    let parsed = talkifai(TALKIFAI[1].1);
    let envelope = parsed.envelope().clone();
    let ended = payload!(parsed, talkifai::Event::CallEnded);
    assert_eq!(envelope.id.as_deref(), Some("evt_def456"));
    assert_eq!(envelope.timestamp, time("2024-01-15T10:34:05Z"));
    assert_eq!((ended.call_id.as_deref(), ended.agent_id.as_deref()), (Some("call_xyz"), Some("agent_abc")));
    assert_eq!(ended.duration, seconds(245));
    assert_eq!(ended.status, Some(talkifai::CallStatus::Completed));
    assert_eq!(ended.end_reason, Some(talkifai::EndReason::UserHangup));
    let url = "https://storage.talkifai.dev/recordings/call_xyz.mp3";
    assert_eq!(ended.recording_url.as_deref(), Some(url));
}

#[test]
fn every_field_of_talkifais_transcript_ready_is_read() {
    let parsed = talkifai(TALKIFAI[2].1);
    let envelope = parsed.envelope().clone();
    let ready = payload!(parsed, talkifai::Event::TranscriptReady);
    assert_eq!(envelope.id.as_deref(), Some("evt_ghi789"));
    assert_eq!(envelope.timestamp, time("2024-01-15T10:34:30Z"));
    assert_eq!(ready.call_id.as_deref(), Some("call_xyz"));
    let url = "https://api.talkifai.dev/v1/calls/call_xyz/transcript";
    assert_eq!(ready.transcript_url.as_deref(), Some(url));
}

#[test]
fn talkifai_events_without_a_published_example_are_read() {
    let failed = r#"{"id":"e","type":"call.failed","created":"2024-01-15T10:30:00Z","data":{"callId":"c","agentId":"a","direction":"outbound","from":"+1","to":"+2","status":"failed","endReason":"busy"}}"#;
    let failed = payload!(talkifai(failed), talkifai::Event::CallFailed);
    assert_eq!((failed.call_id.as_deref(), failed.agent_id.as_deref()), (Some("c"), Some("a")));
    assert_eq!(failed.direction, Some(Direction::Outbound));
    assert_eq!((failed.from.as_deref(), failed.to.as_deref()), (Some("+1"), Some("+2")));
    assert_eq!(failed.status, Some(talkifai::CallStatus::Other("failed".into())));
    assert_eq!(failed.end_reason, Some(talkifai::EndReason::Other("busy".into())));

    let analysis = r#"{"id":"e","type":"analysis.completed","created":"2024-01-15T10:30:00Z","data":{"id":"an1","callId":"c","roomName":"r","analysisData":{"satisfied":true,"score":9.5,"topic":"price"},"createdAt":"2024-01-15T10:35:00Z"}}"#;
    let event = talkifai(analysis);
    assert_eq!(event.call_id(), Some("c"));
    let analysis = payload!(event, talkifai::Event::AnalysisCompleted);
    assert_eq!((analysis.id.as_deref(), analysis.room_name.as_deref()), (Some("an1"), Some("r")));
    assert_eq!(analysis.created_at, time("2024-01-15T10:35:00Z"));
    #[derive(serde::Deserialize, PartialEq, Debug)]
    struct Mine {
        satisfied: bool,
        score: f64,
        topic: String,
    }
    let mine: Mine = analysis.analysis_data.unwrap().decode().unwrap();
    assert_eq!(mine, Mine { satisfied: true, score: 9.5, topic: "price".into() });

    for name in TALKIFAI_CREDIT_EVENTS {
        let body =
            format!(r#"{{"id":"e","type":"{name}","created":"2024-01-15T10:30:00Z","data":{{"balance":1.50}}}}"#);
        let credit = match talkifai(&body).into_event() {
            talkifai::Event::CreditLow(credit) if name == "credit.low" => credit,
            talkifai::Event::CreditDepleted(credit) if name == "credit.depleted" => credit,
            other => panic!("{other:?}"),
        };
        assert_eq!(credit.data.get(), r#"{"balance":1.50}"#);
    }
}

fn assert_published_salpre_call(call: &salpre::Call) {
    assert_eq!(call.id.as_deref(), Some("1"));
    assert_eq!((call.from.as_deref(), call.to.as_deref()), (Some("+905555555555"), Some("+905555555554")));
    assert_eq!(call.direction, Some(Direction::Outbound));
    assert_eq!(call.source.as_deref(), Some("salprebox:SALPRE_AABBCCDD"));
}

#[test]
fn every_field_of_salpres_call_events_is_read() {
    for name in SALPRE_CALL_EVENTS {
        let event = salpre(&SALPRE[0].1.replace("call_initiated", name));
        assert_eq!((event.name(), event.call_id(), event.is_test()), (name, Some("1"), true));
        assert_eq!(event.occurred_at(), DateTime::from_timestamp(1_760_084_505, 0));
        let call = match event.event() {
            salpre::Event::CallInitiated(data) if name == "call_initiated" => &data.call,
            salpre::Event::CallRinging(data) if name == "call_ringing" => &data.call,
            salpre::Event::CallAnswered(data) if name == "call_answered" => &data.call,
            other => panic!("{other:?}"),
        };
        assert_published_salpre_call(call);
    }
}

#[test]
fn every_field_of_salpres_transcript_is_read() {
    let event = salpre(SALPRE[1].1);
    assert_eq!((event.call_id(), event.is_test()), (Some("1"), true));
    let envelope = event.envelope().clone();
    let transcript = payload!(event, salpre::Event::Transcript);
    assert_eq!(envelope.timestamp, DateTime::from_timestamp(1_760_084_622, 0));
    assert_published_salpre_call(&transcript.call);
    assert_eq!(transcript.speaker, Some(salpre::Speaker::Customer));
    assert_eq!(transcript.transcript.as_deref(), Some("Hello, how are you?"));
    assert_eq!(transcript.timestamp_utc.as_deref(), Some("111111"));
}

#[test]
fn every_field_of_salpres_call_ended_is_read() {
    let event = salpre(SALPRE[2].1);
    assert_eq!((event.call_id(), event.is_test()), (Some("1"), true));
    let envelope = event.envelope().clone();
    let ended = payload!(event, salpre::Event::CallEnded);
    assert_eq!(envelope.timestamp, DateTime::from_timestamp(1_760_084_597, 0));
    assert_published_salpre_call(&ended.call);
    let entries: Vec<_> = ended
        .transcript
        .as_ref()
        .unwrap()
        .iter()
        .map(|entry| {
            (entry.speaker.clone().unwrap(), entry.message.as_deref().unwrap(), entry.utc_timestamp.as_deref())
        })
        .collect();
    assert_eq!(
        entries,
        [
            (salpre::Speaker::Ai, "Greeting message", None),
            (salpre::Speaker::Customer, "customer message 1", Some("111111")),
            (salpre::Speaker::Ai, "Ai response 1", Some("111111")),
        ]
    );
}

#[test]
fn every_field_of_salpres_error_is_read() {
    let event = salpre(SALPRE[3].1);
    assert_eq!((event.call_id(), event.is_test()), (Some("1"), true));
    let envelope = event.envelope().clone();
    let error = payload!(event, salpre::Event::Error);
    assert_eq!(envelope.timestamp, DateTime::from_timestamp(1_760_084_656, 0));
    assert_published_salpre_call(&error.call);
    assert_eq!(error.error_message.as_deref(), Some("Error message"));
}

#[test]
fn nested_and_flat_salpre_calls_give_the_same_event() {
    let flat =
        r#"{"event_type":"error","payload":{"call_id":"12","from":"+1","to":"+2","direction":"inbound","source":"s"}}"#;
    let nested = r#"{"event_type":"error","payload":{"call":{"id":12,"from":"+1","to":"+2","direction":"inbound","source":"s"}}}"#;
    assert_eq!(salpre(flat), salpre(nested));
    assert!(!salpre(flat).is_test());
}

#[test]
fn every_documented_event_has_its_variant_even_without_data() {
    for name in [&TRUEDY_CALL_EVENTS[..], &TRUEDY_BATCH_EVENTS, &TRUEDY_VOICE_EVENTS].concat() {
        let event = truedy(&format!(r#"{{"event":"{name}","data":{{}}}}"#));
        assert!(!matches!(event.event(), truedy::Event::Unknown(_) | truedy::Event::Undecodable(_)), "{name}");
        assert_eq!(event.name(), if name == "call.completed" { "call.ended" } else { name });
    }
    let others = ["transcript.ready", "analysis.completed"];
    for name in [&TALKIFAI_CALL_EVENTS[..], &TALKIFAI_CREDIT_EVENTS, &others].concat() {
        let event = talkifai(&format!(r#"{{"type":"{name}","data":{{}}}}"#));
        assert!(!matches!(event.event(), talkifai::Event::Unknown(_) | talkifai::Event::Undecodable(_)), "{name}");
        assert_eq!(event.name(), name);
    }
    for name in [&SALPRE_CALL_EVENTS[..], &["transcript", "call_ended", "error"]].concat() {
        let event = salpre(&format!(r#"{{"event_type":"{name}","payload":{{}}}}"#));
        assert!(!matches!(event.event(), salpre::Event::Unknown(_) | salpre::Event::Undecodable(_)), "{name}");
        assert_eq!(event.name(), name);
    }
}

#[test]
fn documented_words_have_variants_and_other_words_are_kept() {
    macro_rules! words {
        ($type:ty: $($word:literal)+) => {
            for word in [$($word),+] {
                let value: $type = serde_json::from_value(word.into()).unwrap();
                assert_ne!(value, <$type>::Other(word.to_owned()), "{word}");
                assert_eq!((value.as_str(), value.to_string()), (word, word.to_owned()));
                assert_eq!(serde_json::to_value(&value).unwrap(), word);
                assert!(!format!("{value:?}").contains("Other("));
            }
            let value: $type = serde_json::from_value("brand-new".into()).unwrap();
            assert_eq!(value, <$type>::Other("brand-new".to_owned()));
            assert_eq!(serde_json::to_value(&value).unwrap(), "brand-new");
            assert_eq!(format!("{value:?}"), "Other(..)");
        };
    }
    words!(truedy::CallStatus: "queued" "ringing" "in-progress" "ended" "completed" "failed" "cancelled");
    words!(truedy::BatchStatus: "draft" "scheduled" "active" "running" "paused" "completed" "failed" "cancelled");
    words!(offhook::call::EndReason: "unjoined" "hangup" "agent_hangup" "timeout" "connection_error" "system_error" "completed");
    words!(offhook::call::BillingStatus:
        "BILLING_STATUS_PENDING" "BILLING_STATUS_FREE_CONSOLE" "BILLING_STATUS_FREE_ZERO_EFFECTIVE_DURATION"
        "BILLING_STATUS_FREE_MINUTES" "BILLING_STATUS_FREE_SYSTEM_ERROR" "BILLING_STATUS_FREE_OTHER"
        "BILLING_STATUS_BILLED" "BILLING_STATUS_REFUNDED" "BILLING_STATUS_UNSPECIFIED");
    words!(offhook::call::SipTerminationReason:
        "SIP_TERMINATION_NORMAL" "SIP_TERMINATION_INVALID_NUMBER" "SIP_TERMINATION_TIMEOUT"
        "SIP_TERMINATION_DESTINATION_UNAVAILABLE" "SIP_TERMINATION_BUSY" "SIP_TERMINATION_CANCELED"
        "SIP_TERMINATION_REJECTED" "SIP_TERMINATION_UNKNOWN");
    words!(offhook::call::MediumKind: "webRtc" "twilio" "serverWebSocket" "telnyx" "plivo" "exotel" "sip");
    words!(Direction: "inbound" "outbound");
    words!(talkifai::CallStatus: "completed");
    words!(talkifai::EndReason: "user_hangup");
    words!(Direction: "inbound" "outbound");
    words!(salpre::Speaker: "ai" "customer");
}

#[test]
fn published_deliveries_have_their_name_time_and_identity() {
    use offhook::event::Identity;

    #[track_caller]
    fn assert_event<E: offhook::Event>(
        event: &Parsed<E>,
        name: &str,
        call: &str,
        time_: &str,
        test: bool,
        key: Identity<'_>,
    ) {
        assert_eq!((event.name(), event.call_id(), event.is_test()), (name, Some(call), test));
        assert_eq!(event.occurred_at(), time(time_));
        assert_eq!(event.identity(), key);
    }
    let id = |id: &'static str| Identity::Id(id.into());
    assert_event(&truedy(TRUEDY[0].1), "call.ended", "uv_call_123", "2026-03-18T14:30:00Z", false, id("uv_evt_123"));
    assert_event(
        &truedy(TRUEDY[1].1),
        "call.ended",
        "uv_call_abc123",
        "2026-03-18T14:32:00Z",
        false,
        id("uv_call_abc123"),
    );
    assert_event(&truedy(TRUEDY[2].1), "call.ended", "uuid", "2026-03-03T12:00:00Z", false, id("evt_abc123"));
    assert_event(&talkifai(TALKIFAI[0].1), "call.started", "call_xyz", "2024-01-15T10:30:00Z", false, id("evt_abc123"));
    assert_event(&talkifai(TALKIFAI[1].1), "call.ended", "call_xyz", "2024-01-15T10:34:05Z", false, id("evt_def456"));
    assert_event(
        &talkifai(TALKIFAI[2].1),
        "transcript.ready",
        "call_xyz",
        "2024-01-15T10:34:30Z",
        false,
        id("evt_ghi789"),
    );
    for (at, name, time) in [
        (0, "call_initiated", "2025-10-10T08:21:45Z"),
        (1, "transcript", "2025-10-10T08:23:42Z"),
        (2, "call_ended", "2025-10-10T08:23:17Z"),
        (3, "error", "2025-10-10T08:24:16Z"),
    ] {
        assert_event(&salpre(SALPRE[at].1), name, "1", time, true, Identity::Never);
        let real = SALPRE[at].1.replace("true", "false");
        let key = if ["call_initiated", "call_ended"].contains(&name) { id("1") } else { Identity::Body };
        assert_event(&salpre(&real), name, "1", time, false, key);
    }
    for (_, body) in [&TRUEDY[..], &TALKIFAI, &SALPRE].concat() {
        assert!(body.starts_with('{') && body.ends_with('}') && !body.contains(['\n', '\r']), "{body}");
    }
}

#[test]
fn published_deliveries_leave_all_other_fields_empty() {
    let call = |event: Parsed<truedy::Event>| payload!(event, truedy::Event::CallEnded);
    let mut upstream = call(truedy(TRUEDY[0].1));
    assert_eq!(upstream.call.call_id.take().as_deref(), Some("uv_call_123"));
    assert_eq!(upstream.call.agent.take().unwrap().agent_id.as_deref(), Some("uv_agent_123"));
    assert_eq!(*upstream.call, offhook::call::Call::default());
    let mut full = call(truedy(TRUEDY[1].1));
    assert_eq!((full.status, full.error_message), (None, None));
    let agent = full.call.agent.take().unwrap();
    assert_eq!((agent.agent_id.as_deref(), agent.name), (Some("uv_agent_xyz"), None));
    full.call.call_id = None;
    full.call.duration = None;
    full.call.cost_usd = None;
    full.call.summary = None;
    full.call.end_reason = None;
    assert_eq!(*full.call, offhook::call::Call::default());
    let mut flat = call(truedy(TRUEDY[2].1));
    assert_eq!((flat.event_id, flat.upstream_event, flat.error_message), (None, None, None));
    flat.call.call_id = None;
    flat.call.duration = None;
    flat.call.agent = None;
    assert_eq!(*flat.call, offhook::call::Call::default());
    let ended = payload!(talkifai(TALKIFAI[1].1), talkifai::Event::CallEnded);
    assert_eq!((ended.direction, ended.from, ended.to), (None, None, None));
}
