use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use super::deliver::Answer;
use super::raw::RawRequest;

/// Counts what a handler does, in a test: it stands where the database or the mail server
/// stands in production. [`assert_idempotent`] makes it panic once.
///
/// Cloning shares the count.
#[derive(Clone, Debug, Default)]
pub struct Effects(Arc<State>);

#[derive(Debug, Default)]
struct State {
    count: AtomicUsize,
    crash: AtomicBool,
}

impl Effects {
    /// Creates a counter that shows 0.
    pub fn new() -> Self {
        Effects::default()
    }

    /// Counts one effect. The handler calls it where it would do its work.
    pub fn record(&self) {
        if self.0.crash.swap(false, Ordering::SeqCst) {
            // Unlike `panic!`, it writes nothing to the output of the test.
            resume_unwind(Box::new("a crash for assert_idempotent"));
        }
        self.0.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns how many effects there were.
    pub fn count(&self) -> usize {
        self.0.count.load(Ordering::SeqCst)
    }
}

/// Asserts that an application handles a delivery once, however often it arrives.
///
/// The handler crashes at the first delivery. Then the delivery arrives 32 times at once,
/// again until it is accepted, as a vendor does, and twice more. `app` sends a request, for
/// example with [`deliver_axum`](crate::testing::deliver_axum). The delivery must be new to
/// the store, and not one that is never a duplicate, such as a test delivery.
///
/// ```
/// # #[cfg(feature = "axum")]
/// # mod example {
/// use std::sync::Arc;
/// use axum::extract::{FromRef, State};
/// use axum::{Router, routing::post};
/// use offhook::idempotency::{Handled, MemoryStore};
/// use offhook::testing::{Effects, Signer, assert_idempotent, deliver_axum, samples};
/// use offhook::{Truedy, Webhook};
///
/// #[derive(Clone, FromRef)]
/// struct App { truedy: Truedy, store: Arc<MemoryStore>, mails: Effects }
///
/// async fn on_truedy(State(app): State<App>, webhook: Webhook<Truedy>) -> Handled {
///     webhook.once(&*app.store, async |_| { app.mails.record(); Ok(()) }).await
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), offhook::ConfigError> {
/// let (truedy, mails) = (Truedy::new("whsec_test")?, Effects::new());
/// let delivery = Signer::of(&truedy).request("/truedy", samples::truedy::CALL_ENDED);
/// let app = App { truedy, store: Arc::new(MemoryStore::new()), mails: mails.clone() };
/// let router = Router::new().route("/truedy", post(on_truedy)).with_state(app);
/// assert_idempotent(async |delivery| deliver_axum(&router, delivery).await, &delivery, &mails).await;
/// # Ok(()) }
/// # }
/// ```
///
/// # Panics
///
/// Panics if the handler ran to its end more than once or not at all, or if the delivery is not
/// accepted within 5 s.
pub async fn assert_idempotent(app: impl AsyncFn(&RawRequest) -> Answer, delivery: &RawRequest, effects: &Effects) {
    let before = effects.count();
    let done = || effects.count().saturating_sub(before);

    effects.0.crash.store(true, Ordering::SeqCst);
    let crashed = until_a_panic(app(delivery)).await;
    let ran = !effects.0.crash.swap(false, Ordering::SeqCst);
    assert!(ran, "the handler did not reach `Effects::record`; the answer was {crashed:?}");
    let acknowledged = crashed.is_some_and(|answer| answer.is_success());
    assert!(!acknowledged, "the handler crashed, and the delivery was acknowledged: {crashed:?}");

    at_once(&app, delivery).await;
    assert!(done() <= 1, "of 32 deliveries at once, {} were handled", done());

    let mut last = app(delivery).await;
    for _ in 0..MOST_RETRIES {
        if last.is_success() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        last = app(delivery).await;
    }
    assert!(last.is_success(), "after a crash of the handler, the delivery is not accepted: {last:?}");

    for _ in 0..2 {
        let again = app(delivery).await;
        assert!(again.is_success(), "a delivery that was handled before is not acknowledged: {again:?}");
    }
    assert!(done() == 1, "the delivery was handled {} times", done());
}

/// Waits for an answer; `None` if the application panics.
async fn until_a_panic(answer: impl Future<Output = Answer>) -> Option<Answer> {
    let mut answer = pin!(answer);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// Sends the delivery many times before the first answer.
async fn at_once(app: &impl AsyncFn(&RawRequest) -> Answer, delivery: &RawRequest) {
    let mut open: Vec<_> = (0..AT_ONCE).map(|_| Box::pin(app(delivery))).collect();
    poll_fn(|context| {
        open.retain_mut(|answer| answer.as_mut().poll(context).is_pending());
        if open.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

const AT_ONCE: usize = 32;
const PAUSE: Duration = Duration::from_millis(10);
const MOST_RETRIES: usize = 500;
