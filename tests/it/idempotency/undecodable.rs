//! An event whose data does not fit its type is handled, or by a setting asked for again.

use std::cell::Cell;

use offhook::idempotency::{Handled, HandlerError, MemoryStore, Once, SqliteStore};
use offhook::{Delivery, Event, Salpre, StandardWebhooks, Verifier, talkifai};
use offhook_tests::databases::Folder;

use super::common::{logged, receive};

fn undecodable() -> Delivery<talkifai::Event> {
    receive(r#"{"id":"1","type":"call.started","created":"2026-01-15T10:30:00Z","data":[]}"#)
}

fn decodable() -> Delivery<talkifai::Event> {
    receive(r#"{"id":"1","type":"call.started","created":"2026-01-15T10:30:00Z","data":{"callId":7,"duration":[]}}"#)
}

fn run(runs: &Cell<u32>) -> Result<(), HandlerError> {
    runs.set(runs.get() + 1);
    Ok(())
}

fn shown(handled: &Handled, runs: &Cell<u32>) -> (&'static str, u16, u32) {
    (handled.outcome().code(), handled.reply().status(), runs.get())
}

#[tokio::test]
async fn by_default_it_is_handled_like_any_other_event() {
    let (store, runs) = (MemoryStore::new(), Cell::new(0));
    for code in ["handled", "duplicate"] {
        let handled = undecodable().once(&store, async |_| run(&runs)).await;
        assert_eq!(shown(&handled, &runs), (code, 200, 1));
    }
}

#[tokio::test]
async fn by_the_setting_it_gets_500_at_every_attempt_and_claims_no_key() {
    let (store, runs) = (MemoryStore::new(), Cell::new(0));
    let handler = async |_: &talkifai::Event| run(&runs);
    for _ in 0..2 {
        let lines = logged(async {
            let handled = Once::new(&store).retry_undecodable().run(&undecodable(), handler).await;
            assert_eq!(shown(&handled, &runs), ("undecodable", 500, 0));
        })
        .await;
        assert!(lines.contains(r#"WARN offhook: delivery handled"#), "{lines}");
        assert!(lines.contains(r#"outcome="retry" code="undecodable" event="call.started" key="call.started:1""#));
    }
    // The version that understands the event finds the key free.
    let handled = Once::new(&store).run(&undecodable(), handler).await;
    assert_eq!(shown(&handled, &runs), ("handled", 200, 1));
}

#[tokio::test]
async fn the_setting_changes_nothing_for_an_event_of_which_a_field_does_not_fit() {
    let (store, runs) = (MemoryStore::new(), Cell::new(0));
    let delivery = decodable();
    assert!(!delivery.drift().is_empty());
    let handled = Once::new(&store).retry_undecodable().run(&delivery, async |_| run(&runs)).await;
    assert_eq!(shown(&handled, &runs), ("handled", 200, 1));
}

#[tokio::test]
async fn transact_has_the_same_setting() {
    let folder = Folder::new();
    let store = SqliteStore::open(folder.path().join("offhook.db")).await.unwrap();
    store.migrate().await.unwrap();
    let runs = Cell::new(0);
    let strict = store.clone().retry_undecodable();
    let handled = strict.transact(&undecodable(), async |_, _| run(&runs)).await;
    assert_eq!(shown(&handled, &runs), ("undecodable", 500, 0));
    let handled = store.transact(&undecodable(), async |_, _| run(&runs)).await;
    assert_eq!(shown(&handled, &runs), ("handled", 200, 1));
}

/// What tells these cases apart, for a vendor's events and for types of the user's own.
#[test]
fn every_kind_of_event_says_whether_it_is_undecodable_and_documented() {
    let says = |event: &dyn Event| (event.documented_name(), event.undecodable().is_some());
    assert_eq!(says(undecodable().event()), (Some("call.started"), true));
    assert_eq!(says(decodable().event()), (Some("call.started"), false));
    let bearer = [("authorization", "Bearer s3cret-t0ken")];
    let body = r#"{"event_type":"new_event","payload":{"call_id":7}}"#;
    let unknown = Salpre::bearer("s3cret-t0ken").unwrap().receive(&bearer, body).unwrap();
    assert_eq!(says(unknown.event()), (None, false));

    #[derive(serde::Deserialize)]
    struct User {
        #[expect(dead_code, reason = "only its type matters")]
        name: String,
    }
    let message = |body: &str| {
        let verifier = StandardWebhooks::<User>::new("whsec_bG9uZyBlbm91Z2g=").unwrap();
        let verified = offhook::Verified::by_own_check(0).with_message_id("msg_1");
        let parsed = verifier.parse(&verified, body.as_bytes()).unwrap();
        says(parsed.event())
    };
    assert_eq!(message(r#"{"type":"user.created","name":"x"}"#), (None, false));
    assert_eq!(message(r#"{"type":"user.created","name":7}"#), (None, true));
    let own: Result<talkifai::Event, _> = Ok(decodable().into_event());
    assert_eq!(says(&own), (Some("call.started"), false));
    let own: Result<talkifai::Event, _> = Err(offhook::event::Undecodable::new("x", b"{}", "no").unwrap());
    assert_eq!(says(&own), (None, true));
}
