//! `Event::call` gives the same view of a call for every vendor.

use chrono::{DateTime, TimeDelta, Utc};
use offhook::call::Call;
use offhook::event::{CallUpdate, Direction, Parsed, Stage};
use offhook::{Event, salpre, talkifai, truedy};

/// The methods that the tests need from the events of all vendors, usable as `dyn`.
trait AnyEvent {
    fn call(&self) -> Option<CallUpdate<'_>>;
    fn call_id(&self) -> Option<&str>;
}

impl<E: Event> AnyEvent for Parsed<E> {
    fn call(&self) -> Option<CallUpdate<'_>> {
        self.call()
    }

    fn call_id(&self) -> Option<&str> {
        self.call_id()
    }
}

type Parse = fn(&[u8]) -> Box<dyn AnyEvent>;

const TRUEDY: Parse = |body| Box::new(truedy::Event::parse(body).unwrap());
const TALKIFAI: Parse = |body| Box::new(talkifai::Event::parse(body).unwrap());
const SALPRE: Parse = |body| Box::new(salpre::Event::parse(body).unwrap());

#[test]
fn every_call_event_maps_to_its_stage() {
    let truedy = |name: &str| format!(r#"{{"event":"{name}","data":{{"call_id":"c1"}}}}"#);
    let talkifai = |name: &str| format!(r#"{{"id":"e","type":"{name}","data":{{"callId":"c1"}}}}"#);
    let salpre = |name: &str| format!(r#"{{"event_type":"{name}","payload":{{"call":{{"id":"c1"}}}}}}"#);
    for (parse, body, stage) in [
        (TRUEDY, truedy("call.started"), Stage::Started),
        (TRUEDY, truedy("call.joined"), Stage::Joined),
        (TRUEDY, truedy("call.ended"), Stage::Ended),
        (TRUEDY, truedy("call.completed"), Stage::Ended),
        (TRUEDY, truedy("call.billed"), Stage::Billed),
        (TRUEDY, truedy("call.failed"), Stage::Failed),
        (TRUEDY, truedy("call.analyzed"), Stage::Transcript),
        (TALKIFAI, talkifai("call.started"), Stage::Started),
        (TALKIFAI, talkifai("call.ended"), Stage::Ended),
        (TALKIFAI, talkifai("call.failed"), Stage::Failed),
        (TALKIFAI, talkifai("transcript.ready"), Stage::Transcript),
        (TALKIFAI, talkifai("analysis.completed"), Stage::Other),
        (SALPRE, salpre("call_initiated"), Stage::Started),
        (SALPRE, salpre("call_ringing"), Stage::Ringing),
        (SALPRE, salpre("call_answered"), Stage::Joined),
        (SALPRE, salpre("transcript"), Stage::Transcript),
        (SALPRE, salpre("call_ended"), Stage::Ended),
        (SALPRE, salpre("error"), Stage::Other),
    ] {
        let event = parse(body.as_bytes());
        let update = event.call().unwrap_or_else(|| panic!("{body}"));
        assert_eq!((update.stage, update.call_id), (stage, Some("c1")), "{body}");
        assert_eq!(event.call_id(), update.call_id, "{body}");
    }
    for (parse, body) in [
        (TRUEDY, truedy("batch.completed")),
        (TRUEDY, truedy("voice.training.failed")),
        (TRUEDY, truedy("call.parked")),
        (TRUEDY, r#"{"event":"call.ended","data":7}"#.to_owned()),
        (TALKIFAI, talkifai("credit.low")),
        (SALPRE, salpre("call_parked")),
    ] {
        assert_eq!(parse(body.as_bytes()).call(), None, "{body}");
    }
}

fn at(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}

#[test]
fn a_call_update_has_the_fields_that_the_vendor_sent() {
    let talkifai = br#"{"id":"e","type":"call.ended","created":"2024-01-15T10:34:05Z","data":{"callId":"c1",
        "direction":"inbound","from":"+12025550123","to":"+18885550100","duration":245,"endReason":"user_hangup"}}"#;
    let event = TALKIFAI(talkifai);
    let update = event.call().unwrap();
    assert_eq!(update.at, at("2024-01-15T10:34:05Z"));
    assert_eq!(update.direction, Some(&Direction::Inbound));
    assert_eq!((update.from, update.to), (Some("+12025550123"), Some("+18885550100")));
    assert_eq!((update.duration, update.end_reason), (TimeDelta::try_seconds(245), Some("user_hangup")));
    let shown = format!("{update:?}");
    assert!(!shown.contains("+1202") && !shown.contains("+1888"), "{shown}");

    let event = SALPRE(
        br#"{"event_type":"call_ended","timestamp_utc":1760084597,"payload":{"call_id":1,"from":"+9051","to":"+9052",
        "direction":"outbound"}}"#,
    );
    let update = event.call().unwrap();
    assert_eq!((update.call_id, update.at), (Some("1"), DateTime::from_timestamp(1_760_084_597, 0)));
    assert_eq!(update.direction, Some(&Direction::Outbound));
    assert_eq!((update.from, update.to), (Some("+9051"), Some("+9052")));
    assert_eq!((update.duration, update.end_reason), (None, None));

    let event = TRUEDY(
        br#"{"event":"call.ended","timestamp":"2026-03-18T14:32:00Z","data":{"call":{"callId":"c1","duration":142,
        "endReason":"completed"}}}"#,
    );
    let update = event.call().unwrap();
    assert_eq!((update.call_id, update.at), (Some("c1"), at("2026-03-18T14:32:00Z")));
    assert_eq!((update.duration, update.end_reason), (TimeDelta::try_seconds(142), Some("completed")));
}

/// Events that arrive in any order leave the call at the furthest stage.
#[test]
fn a_late_event_never_moves_a_call_to_an_earlier_stage() {
    let stages =
        [Stage::Started, Stage::Ringing, Stage::Joined, Stage::Transcript, Stage::Ended, Stage::Billed, Stage::Other];
    let mut random = offhook_tests::random::Random::seeded("order", true);
    for _ in 0..2000 {
        let mut order = stages;
        for at in (1..order.len()).rev() {
            order.swap(at, usize::try_from(random.below(at as u64 + 1)).unwrap());
        }
        let mut reached = order[0];
        for stage in order {
            let before = reached;
            if !stage.is_older_than(reached) {
                reached = reached.furthest(stage);
            }
            assert!(!reached.is_older_than(before), "{order:?}");
        }
        assert_eq!(reached, Stage::Billed, "{order:?}");
    }
}

#[test]
fn a_call_event_of_truedy_that_is_not_understood_belongs_to_its_call() {
    // More fields that do not fit than are left out one by one.
    let wrong: Vec<_> = (0..33).map(|number| format!(r#""k{number}":[]"#)).collect();
    let data = format!(r#"{{"call_id":"c","call":{{"metadata":{{{}}}}}}}"#, wrong.join(","));
    let parsed = truedy::Event::parse(format!(r#"{{"event":"call.ended","data":{data}}}"#).as_bytes()).unwrap();
    assert!(parsed.event().undecodable().is_some());
    assert_eq!((parsed.call_id(), parsed.call()), (Some("c"), None));
}

#[test]
fn a_call_is_read_by_itself() {
    let call: Call = serde_json::from_str(r#"{"callId":"c","duration":"5s"}"#).unwrap();
    assert_eq!((call.call_id.as_deref(), call.duration), (Some("c"), TimeDelta::try_seconds(5)));
}
