//! Every path through `once`: claim, handle, complete or release, and answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use offhook::event::Parsed;
use offhook::idempotency::{
    BoxFuture, Claim, Handled, HandlerError, Key, Lease, MIN_RETENTION, MemoryStore, Once, Outcome, PayloadDigest,
    SettingsError, Store, StoreError, StoreSettings,
};
use offhook::{
    Delivery, ParseError, Reply, Salpre, StandardWebhooks, StaticHeaders, TalkifAi, Vendor, Verified, Verifier,
    Webhook, talkifai,
};

use super::common::delivery;

type Event = talkifai::Event;

async fn run(store: &dyn Store, delivery: &Delivery<Event>, runs: &AtomicUsize) -> (String, Reply) {
    let handled = Once::new(store)
        .run(delivery, async |_| {
            runs.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .await;
    (handled.outcome().code().to_owned(), handled.reply())
}

#[tokio::test]
async fn a_redelivery_is_acknowledged_and_not_handled_again() {
    let (store, runs) = (MemoryStore::new(), AtomicUsize::new(0));
    for (outcome, total) in [("handled", 1), ("duplicate", 1), ("duplicate", 1)] {
        let (code, reply) = run(&store, &delivery("1"), &runs).await;
        assert_eq!((code.as_str(), reply.status(), runs.load(Ordering::SeqCst)), (outcome, 200, total));
    }
    assert_eq!(run(&store, &delivery("2"), &runs).await.0, "handled");
}

#[tokio::test]
async fn an_error_releases_the_claim_and_asks_for_a_retry() {
    let (store, runs) = (MemoryStore::new(), AtomicUsize::new(0));
    let handled = Once::new(&store)
        .run(&delivery("1"), async |_| Err(std::io::Error::other("the database is down").into()))
        .await;
    assert_eq!(handled.reply(), Reply::retry());
    let Outcome::Failed(error) = handled.outcome() else { panic!("{handled:?}") };
    assert_eq!(error.to_string(), "the database is down");
    assert_eq!(run(&store, &delivery("1"), &runs).await.0, "handled");
}

/// Half of this test is that it compiles.
#[tokio::test]
async fn the_question_mark_accepts_any_error() {
    let store = MemoryStore::new();
    let delivery = delivery("1");
    let once = Once::new(&store);
    let io = || std::io::Error::other("the cause");
    let handled = [
        once.run(&delivery, async |_| Err(io())?).await,
        once.run(&delivery, async |_| Err(anyhow::Error::new(io()))?).await,
        once.run(&delivery, async |_| Err(Box::<dyn std::error::Error + Send + Sync>::from(io()))?).await,
        once.run(&delivery, async |_| Err("the cause")?).await,
        once.run(&delivery, async |_| Err(String::from("the cause"))?).await,
    ];
    for handled in handled {
        let Outcome::Failed(error) = handled.outcome() else { panic!("{handled:?}") };
        assert_eq!((error.error().to_string().as_str(), error.is_permanent()), ("the cause", false));
    }
}

#[tokio::test]
async fn a_permanent_error_is_acknowledged_and_recorded() {
    let (store, runs) = (MemoryStore::new(), AtomicUsize::new(0));
    let handled =
        Once::new(&store).run(&delivery("1"), async |_| Err(HandlerError::permanent("no such customer"))).await;
    assert_eq!((handled.outcome().code(), handled.reply().status()), ("rejected", 200));
    assert_eq!(run(&store, &delivery("1"), &runs).await.0, "duplicate");
}

#[tokio::test]
async fn a_panic_releases_the_claim_and_asks_for_a_retry() {
    let (store, runs) = (MemoryStore::new(), AtomicUsize::new(0));
    for late in [false, true] {
        let handled = Once::new(&store)
            .run(&delivery("1"), async |_| {
                if late {
                    tokio::task::yield_now().await;
                }
                panic!("a bug in a handler")
            })
            .await;
        assert_eq!((handled.outcome().code(), handled.reply()), ("panicked", Reply::retry()));
    }
    assert_eq!(run(&store, &delivery("1"), &runs).await.0, "handled");
}

#[tokio::test]
async fn a_cancelled_request_releases_the_claim() {
    let (store, runs) = (MemoryStore::new(), AtomicUsize::new(0));
    let delivery = delivery("1");
    let pending = delivery.once(&store, async |_| {
        std::future::pending::<()>().await;
        Ok(())
    });
    assert!(tokio::time::timeout(Duration::from_millis(20), pending).await.is_err());
    assert_eq!(run(&store, &delivery, &runs).await.0, "handled");
}

#[tokio::test]
async fn a_redelivery_in_flight_gets_503_with_the_time_to_wait() {
    let (store, runs) = (MemoryStore::new(), AtomicUsize::new(0));
    let first = delivery("1");
    let (started, start) = tokio::sync::oneshot::channel();
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let running = first.once(&store, async |_| {
        started.send(()).unwrap();
        finished.await.unwrap();
        Ok(())
    });
    let second = async {
        start.await.unwrap();
        let (code, reply) = run(&store, &delivery("1"), &runs).await;
        assert_eq!((code.as_str(), reply.status(), reply.retry_after_secs()), ("in_flight", 503, Some(60)));
        finish.send(()).unwrap();
    };
    let (handled, ()) = tokio::join!(running, second);
    assert_eq!((handled.reply().status(), runs.load(Ordering::SeqCst)), (200, 0));
}

#[tokio::test]
async fn a_test_delivery_is_always_handled_and_reaches_no_store() {
    let body = r#"{"event_type":"call_initiated","timestamp_utc":1,"payload":{"call_id":1},"is_test":true}"#;
    let delivery =
        Salpre::bearer("s3cret-t0ken").unwrap().receive(&[("authorization", "Bearer s3cret-t0ken")], body).unwrap();
    let (store, mut runs) = (Faulty::default(), 0);
    for _ in 0..3 {
        let handled = delivery
            .once(&store, async |_| {
                runs += 1;
                Ok(())
            })
            .await;
        assert_eq!(handled.reply().status(), 200);
    }
    assert_eq!((runs, store.steps.load(Ordering::SeqCst)), (3, 0));
}

#[tokio::test]
async fn a_handler_is_lent_the_lease_and_the_key_of_its_claim() {
    let (store, delivery) = (MemoryStore::new(), delivery("1"));
    let handled = Once::new(&store)
        .run_with(&delivery, async |_, held| {
            let lease = held.lease().expect("the event was claimed");
            assert_eq!(held.key(), Some(&Key::of(&delivery).unwrap()));
            assert_eq!(held.key(), Some(lease.key()));
            // It is the lease that the store gave: with it, the event can be completed.
            store.complete(lease).await?;
            assert_eq!(run(&store, &delivery, &AtomicUsize::new(0)).await.0, "duplicate");
            Ok(())
        })
        .await;
    assert_eq!(handled.outcome().code(), "handled");
}

#[tokio::test]
async fn a_handler_without_a_claim_is_lent_no_lease_and_no_key() {
    let store = Faulty { claim: true, ..Faulty::default() };
    let handled = Once::new(&store)
        .danger_fail_open()
        .run_with(&delivery("1"), async |_, held| {
            assert_eq!((held.lease(), held.key()), (None, None));
            Ok(held.extend().await?)
        })
        .await;
    assert_eq!(handled.outcome().code(), "failed_open");
}

/// A store whose steps fail as chosen.
#[derive(Default)]
struct Faulty {
    store: MemoryStore,
    claim: bool,
    complete: usize,
    release: bool,
    completes: AtomicUsize,
    steps: AtomicUsize,
}

fn down() -> StoreError {
    StoreError::unavailable("refused")
}

impl Store for Faulty {
    fn claim<'a>(&'a self, key: &'a Key, body: &'a PayloadDigest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        self.steps.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { if self.claim { Err(down()) } else { self.store.claim(key, body).await } })
    }

    fn complete<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        let fails = self.completes.fetch_add(1, Ordering::SeqCst) < self.complete;
        Box::pin(async move { if fails { Err(down()) } else { self.store.complete(lease).await } })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { if self.release { Err(down()) } else { self.store.release(lease).await } })
    }

    fn extend<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.extend(lease)
    }

    fn forget<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.store.forget(key)
    }
}

#[tokio::test]
async fn an_unavailable_store_gives_503_and_no_handler_runs() {
    let (store, runs) = (Faulty { claim: true, ..Faulty::default() }, AtomicUsize::new(0));
    let (code, reply) = run(&store, &delivery("1"), &runs).await;
    assert_eq!((code.as_str(), reply.status(), runs.load(Ordering::SeqCst)), ("unclaimed", 503, 0));
    assert_eq!(reply.retry_after_secs(), Some(10));
}

#[tokio::test]
async fn danger_fail_open_handles_without_a_claim() {
    let store = Faulty { claim: true, ..Faulty::default() };
    let open = Once::new(&store).danger_fail_open();
    let handled = open.run(&delivery("1"), async |_| Ok(())).await;
    assert_eq!((handled.outcome().code(), handled.reply().status()), ("failed_open", 200));
    assert_eq!(handled.outcome().store_error().unwrap().code(), "store_unavailable");
    let handled = open.run(&delivery("1"), async |_| Err(HandlerError::retry("no"))).await;
    assert_eq!((handled.outcome().code(), handled.reply().status()), ("failed", 500));
}

#[tokio::test]
async fn unrecorded_work_is_acknowledged_and_its_claim_is_kept() {
    let (store, runs) = (Faulty { complete: 2, ..Faulty::default() }, AtomicUsize::new(0));
    let (code, reply) = run(&store, &delivery("1"), &runs).await;
    assert_eq!((code.as_str(), reply.status(), reply.retry_after_secs()), ("unrecorded", 200, None));
    // A redelivery waits until the lease ends, instead of being handled at once.
    assert_eq!(run(&store, &delivery("1"), &runs).await.0, "in_flight");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_unrecorded_permanent_error_is_acknowledged_and_reported() {
    let store = Faulty { complete: 2, ..Faulty::default() };
    let handled =
        Once::new(&store).run(&delivery("1"), async |_| Err(HandlerError::permanent("no such customer"))).await;
    assert_eq!(handled.reply().status(), 200);
    let Outcome::Unrecorded { error, rejected: Some(rejected) } = handled.outcome() else { panic!("{handled:?}") };
    assert_eq!((error.code(), rejected.to_string().as_str()), ("store_unavailable", "no such customer"));
}

#[tokio::test]
async fn complete_is_repeated_if_its_answer_is_lost() {
    let (store, runs) = (Faulty { complete: 1, ..Faulty::default() }, AtomicUsize::new(0));
    assert_eq!(run(&store, &delivery("1"), &runs).await.0, "handled");
    assert_eq!(run(&store, &delivery("1"), &runs).await.0, "duplicate");
}

#[tokio::test]
async fn a_failed_release_still_answers_500() {
    let store = Faulty { release: true, ..Faulty::default() };
    let handled = delivery("1").once(&store, async |_| Err(HandlerError::retry("no"))).await;
    assert_eq!(handled.reply().status(), 500);
}

#[tokio::test]
async fn a_slow_handler_can_extend_its_lease_and_learns_when_it_is_lost() {
    let store = super::common::memory();
    let (delivery, runs) = (delivery("1"), AtomicUsize::new(0));
    let handled = Once::new(&store)
        .run_with(&delivery, async |_, held| {
            for _ in 0..3 {
                tokio::time::sleep(super::common::LEASE * 2 / 3).await;
                held.extend().await?;
                assert_eq!(run(&store, &delivery, &runs).await.0, "in_flight");
            }
            // After the lease has ended, a redelivery is handled.
            tokio::time::sleep(super::common::LEASE * 11 / 10).await;
            assert_eq!(run(&store, &delivery, &runs).await.0, "handled");
            assert_eq!(held.extend().await.unwrap_err().code(), "lease_lost");
            Ok(())
        })
        .await;
    assert_eq!((handled.outcome().code(), handled.reply().status()), ("unrecorded", 200));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

fn send<T: Send>(value: T) -> T {
    value
}

/// The test is that this compiles: axum requires futures that are `Send`.
#[tokio::test]
async fn the_future_is_send_if_the_handler_is() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let delivery = delivery("1");
    let text = String::from("owned");
    let handled = delivery.once(&store, async |event| {
        tokio::task::yield_now().await;
        assert!(!text.is_empty() && offhook::Event::call_id(event).is_some());
        Ok(())
    });
    assert_eq!(send(handled).await.reply().status(), 200);

    // In axum, with the extractor and a store chosen at run time.
    async fn handle(
        axum::extract::State(store): axum::extract::State<Arc<dyn Store>>,
        webhook: Webhook<TalkifAi>,
    ) -> Handled {
        webhook
            .once(&store, async |_event| {
                tokio::time::sleep(Duration::ZERO).await;
                Ok(())
            })
            .await
    }
    #[derive(Clone, axum::extract::FromRef)]
    struct App {
        talkifai: TalkifAi,
        store: Arc<dyn Store>,
    }
    let app = App { talkifai: TalkifAi::new("whsec_first").unwrap(), store };
    let _: axum::Router = axum::Router::new().route("/", axum::routing::post(handle)).with_state(app);
}

/// actix-web's handlers need no `Send`, and `once` does not ask for it.
#[tokio::test]
async fn a_handler_need_not_be_send() {
    let (store, delivery) = (MemoryStore::new(), delivery("1"));
    let local = std::rc::Rc::new(std::cell::Cell::new(0));
    let handled = delivery
        .once(&store, async |_| {
            tokio::task::yield_now().await;
            local.set(1);
            Ok(())
        })
        .await;
    assert_eq!((handled.reply().status(), local.get()), (200, 1));
}

#[test]
fn a_retention_shorter_than_the_vendors_retry_span_is_an_error() {
    let hours = |count: u64| Duration::from_secs(count * 3_600);
    let code = |settings: Result<StoreSettings, SettingsError>| settings.err().map(|error| error.code());
    assert!(code(StoreSettings::new().with_retention(MIN_RETENTION)).is_none());
    let short = StoreSettings::new().with_retention(MIN_RETENTION - Duration::from_millis(1));
    assert_eq!(code(short), Some("retention_too_short"));

    // One vendor does not say for how long it retries; the other retries for longer than the minimum.
    struct Silent;
    struct Stubborn;
    impl Vendor for Silent {
        type Event = offhook::salpre::Event;
        const NAME: &'static str = "silent";
        fn parse(_: &Verified, body: &[u8]) -> Result<Parsed<Self::Event>, ParseError> {
            Self::Event::parse(body)
        }
    }
    impl Vendor for Stubborn {
        type Event = offhook::salpre::Event;
        const NAME: &'static str = "stubborn";
        const RETRY_SPAN: Option<Duration> = Some(Duration::from_secs(73 * 3_600));
        fn parse(_: &Verified, body: &[u8]) -> Result<Parsed<Self::Event>, ParseError> {
            Self::Event::parse(body)
        }
    }
    let silent = StaticHeaders::<Silent>::bearer("s3cret-t0ken").unwrap();
    let vendor = StaticHeaders::<Stubborn>::bearer("s3cret-t0ken").unwrap();
    let standard = StandardWebhooks::<serde_json::Value>::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    assert_eq!(silent.profile().retry_span(), None);
    assert!(code(StoreSettings::new().for_vendor(&silent)).is_none());
    // This is the sum of the delays in the specification's example.
    assert_eq!(standard.profile().retry_span(), Some(hours(75) + Duration::from_secs(35 * 60 + 5)));
    assert_eq!(code(StoreSettings::new().for_vendor(&standard)), Some("retention_too_short"));
    let standard = standard.with_retry_span(hours(73));
    for settings in [StoreSettings::new().for_vendor(&vendor), StoreSettings::new().for_vendor(&standard)] {
        assert_eq!(code(settings), Some("retention_too_short"));
    }
    let long = StoreSettings::new().with_retention(hours(73)).unwrap().for_vendor(&vendor).unwrap();
    assert_eq!(code(long.for_vendor(&standard).unwrap().with_retention(hours(72))), Some("retention_too_short"));
    assert_eq!(long.retention(), hours(73));
    // The minimum covers the vendors of this crate.
    let talkifai = TalkifAi::new("whsec_first").unwrap();
    assert!(talkifai.profile().retry_span().unwrap() <= MIN_RETENTION);
    assert_eq!(long.for_vendor(&talkifai).unwrap(), long);
}
