//! The worker: it claims events, runs their handlers and records how that ended.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::backoff::backoff;
use super::base::Inbox;
use super::claims::{Finished, Found, Held, Owner};
use super::dialect::{Connection, Dialect};
use super::ended::Ended;
use super::entry::Entry;
use super::handlers::{Attempt, Handlers, InTransaction, Job, NoHandlers, OptionalVerifier, Plain};
use super::observe;
use super::work::Work;
use crate::idempotency::{HandlerError, LeaseToken, StoreError};
use crate::receive::Verifier;

impl<D: Dialect> Inbox<D> {
    /// Creates a worker without handlers.
    pub fn worker(&self) -> Worker<D, NoHandlers> {
        Worker { inbox: self.clone(), handlers: NoHandlers, settings: Settings::default(), observer: None }
    }
}

/// Handles the events of an inbox. Any number of workers, in any number of processes, share
/// the work.
///
/// Events of one call (vendor, endpoint and call id) are never handled at the same time, and
/// run in the order of [`Stage::rank`](crate::event::Stage::rank), and then of their arrival.
/// One that waits for its next attempt holds up the later ones of its call; a dead one does
/// not. Events of different calls run side by side.
///
/// | the handler | the event is then |
/// |---|---|
/// | succeeds | done |
/// | fails or panics, or takes longer than the deadline | waiting; dead after the last attempt |
/// | fails permanently ([`HandlerError::permanent`]) | dead |
/// | does not run, because the body cannot be parsed | dead, with the reason |
/// | is cut off, because the process dies | waiting, when the lease ends; the attempt counts |
///
/// Rows of a vendor or endpoint without a handler are left alone.
///
/// All handlers of one [`run`](Self::run) share its task: they wait side by side, and compute
/// one after the other. Handlers that compute for long should run in several tasks. A clone of
/// a worker is another worker with the same handlers:
///
/// ```no_run
/// # use offhook::inbox::{SqliteInbox, Work};
/// # use offhook::{Truedy, truedy};
/// # fn start(inbox: SqliteInbox, truedy: Truedy) {
/// let worker = inbox.worker().vendor(truedy, async |work: &Work<truedy::Event>| Ok(()));
/// for _ in 0..4 {
///     tokio::spawn(worker.clone().run(std::future::pending()));
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Worker<D: Dialect, H> {
    inbox: Inbox<D>,
    handlers: H,
    settings: Settings,
    observer: Option<Observer>,
}

/// The type of the events of a verifier.
type EventOf<V> = <<V as OptionalVerifier>::Verifier as Verifier>::Event;

/// What is called when an attempt has ended.
type Observer = Arc<dyn Fn(&Entry, &Ended) + Send + Sync>;

#[derive(Clone, Copy, Debug)]
struct Settings {
    concurrency: usize,
    lease: Duration,
    attempts: u32,
    first_wait: Duration,
    longest_wait: Duration,
    deadline: Duration,
    grace: Duration,
    dead_blocks: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            concurrency: 8,
            lease: Duration::from_secs(60),
            attempts: 12,
            first_wait: Duration::from_secs(10),
            longest_wait: Duration::from_secs(3_600),
            deadline: Duration::from_secs(600),
            grace: Duration::from_secs(20),
            dead_blocks: false,
        }
    }
}

impl<D: Dialect, H: Handlers<D>> Worker<D, H> {
    /// Handles the events of this vendor at its endpoint: at least once each. An effect happens
    /// once if its table has a unique constraint on [`Work::key`].
    ///
    /// An `Option` of a verifier leaves the vendor out if it is `None`. A later handler for the
    /// same vendor and endpoint replaces an earlier one.
    pub fn vendor<V, F>(self, verifier: V, handler: F) -> Worker<D, Plain<V::Verifier, F, H>>
    where
        V: OptionalVerifier,
        F: AsyncFn(&Work<EventOf<V>>) -> Result<(), HandlerError>,
    {
        let verifier = verifier.into_option();
        self.with_handlers(|others| Plain { verifier, handler, others })
    }

    /// Handles the events of this vendor at its endpoint in a transaction, which also records
    /// that they are done: the effects that go through its connection happen **exactly once**.
    ///
    /// ```no_run
    /// # use offhook::inbox::SqliteInbox;
    /// # use offhook::idempotency::sqlx;
    /// # async fn start(inbox: SqliteInbox, truedy: offhook::Truedy) {
    /// let worker = inbox.worker().vendor_in_transaction(truedy, async |work, transaction| {
    ///     let insert = sqlx::query("INSERT INTO calls (id) VALUES ($1)");
    ///     insert.bind(work.call_id()).execute(transaction).await?;
    ///     Ok(())
    /// });
    /// tokio::spawn(worker.run(std::future::pending()));
    /// # }
    /// ```
    ///
    /// In SQLite, the transaction holds the file's write lock for as long as the handler runs.
    pub fn vendor_in_transaction<V, F>(self, verifier: V, handler: F) -> Worker<D, InTransaction<V::Verifier, F, H>>
    where
        V: OptionalVerifier,
        F: AsyncFn(&Work<EventOf<V>>, &mut Connection<D>) -> Result<(), HandlerError>,
    {
        let verifier = verifier.into_option();
        self.with_handlers(|others| InTransaction { verifier, handler, others })
    }

    fn with_handlers<N>(self, add: impl FnOnce(H) -> N) -> Worker<D, N> {
        Worker { inbox: self.inbox, handlers: add(self.handlers), settings: self.settings, observer: self.observer }
    }

    /// Sets how many events are handled at the same time: 8 by default.
    #[must_use]
    pub fn with_concurrency(mut self, events: usize) -> Self {
        self.settings.concurrency = events.max(1);
        self
    }

    /// Sets the lease: 60 s by default. It is extended while the handler runs, so it is the
    /// time after which the events of a process that died run again.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease.max(SHORTEST_LEASE);
        self
    }

    /// Sets after how many attempts an event is dead: 12 by default.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.settings.attempts = attempts.max(1);
        self
    }

    /// Sets how long an event waits after its first failed attempt, and at most: 10 s and
    /// 1 h by default. The wait doubles with each attempt, and up to half of it is taken off
    /// at random.
    #[must_use]
    pub fn with_backoff(mut self, first: Duration, longest: Duration) -> Self {
        (self.settings.first_wait, self.settings.longest_wait) = (first, longest);
        self
    }

    /// Sets how long one attempt may take: 10 min by default.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// Sets how long the handlers that run at the shutdown may still take: 20 s by default.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// Holds up the later events of a call behind a dead one, until that is retried or gone.
    #[must_use]
    pub fn dead_blocks_its_call(mut self) -> Self {
        self.settings.dead_blocks = true;
        self
    }

    /// Calls this function when an attempt has ended and that is recorded: for a log, metrics
    /// or a screen of your own. The entry is the event as it was when the attempt began. If the
    /// process of an attempt died, the worker that takes the event back calls its own function.
    ///
    /// It should return soon, because the worker waits for it. There is one such function: a
    /// later one replaces an earlier one.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Fn(&Entry, &Ended) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Works until `shutdown` is ready. Then it claims nothing more, waits for the handlers
    /// that run, and gives back what is not finished in time, without counting the attempt.
    ///
    /// While the database cannot be reached, it keeps trying.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let mut sources = Vec::new();
        self.handlers.sources(&mut sources);
        let run = Arc::new(Run {
            inbox: self.inbox,
            handlers: self.handlers,
            settings: self.settings,
            observer: self.observer,
            sources: serde_json::to_string(&sources).unwrap_or_default(),
            idle: Arc::new(Notify::new()),
            replan: Notify::new(),
            writer: tokio::sync::Mutex::new(()),
            stopping: AtomicBool::new(false),
            unreachable: AtomicBool::new(false),
            in_hand: InHand::default(),
        });
        let mut lanes: Vec<_> =
            (0..run.settings.concurrency).map(|_| Some(Box::pin(Arc::clone(&run).lane()))).collect();
        {
            let mut shutdown = pin!(shutdown);
            let mut planner = pin!(Arc::clone(&run).plan());
            let mut gauges = pin!(observe::keep_gauges(run.inbox.clone(), sources));
            let mut local = pin!(run.inbox.clone().listen(run.heard()));
            let mut remote = pin!(D::listen(run.inbox.pool().clone(), run.heard()));
            let mut remote_ended = false;
            std::future::poll_fn(|context| {
                if shutdown.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
                let _ = planner.as_mut().poll(context);
                let _ = gauges.as_mut().poll(context);
                let _ = local.as_mut().poll(context);
                remote_ended = remote_ended || remote.as_mut().poll(context).is_ready();
                let _ = poll_all(&mut lanes, context);
                Poll::Pending
            })
            .await;
        }
        run.stopping.store(true, Ordering::Release);
        run.idle.notify_waiters();
        let finish = std::future::poll_fn(|context| poll_all(&mut lanes, context));
        let _ = tokio::time::timeout(run.settings.grace, finish).await;
        drop(lanes);
        for owner in run.in_hand.take() {
            let _ = run.inbox.release(owner).await;
        }
    }
}

/// Polls every future that is not done yet.
fn poll_all<F: Future>(futures: &mut [Option<Pin<Box<F>>>], context: &mut std::task::Context<'_>) -> Poll<()> {
    let mut pending = false;
    for place in futures {
        if let Some(future) = place {
            match future.as_mut().poll(context) {
                Poll::Ready(_) => *place = None,
                Poll::Pending => pending = true,
            }
        }
    }
    if pending { Poll::Pending } else { Poll::Ready(()) }
}

/// A worker that runs.
struct Run<D: Dialect, H> {
    inbox: Inbox<D>,
    handlers: H,
    settings: Settings,
    observer: Option<Observer>,
    sources: String,
    /// Wakes one lane that has nothing to do.
    idle: Arc<Notify>,
    /// Wakes the planner, because something falls due earlier than it knows.
    replan: Notify,
    writer: tokio::sync::Mutex<()>,
    stopping: AtomicBool,
    unreachable: AtomicBool,
    in_hand: InHand,
}

impl<D: Dialect, H: Handlers<D>> Run<D, H> {
    /// Handles one event after the other.
    async fn lane(self: Arc<Self>) {
        while !self.is_stopping() {
            match self.reached(self.inbox.claim(&self.sources, self.settings.lease, self.settings.dead_blocks).await) {
                Some(Found::Event(held)) => self.work(*held).await,
                Some(Found::Blocked) => {}
                // The shutdown has woken the lanes that waited then, and nobody wakes another.
                _ if self.is_stopping() => return,
                Some(Found::Nothing) => self.idle.notified().await,
                None => drop(tokio::time::timeout(RECOVERY, self.idle.notified()).await),
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Returns what to call when there may be something to do.
    fn heard(&self) -> impl Fn() + Send + use<D, H> {
        let idle = Arc::clone(&self.idle);
        move || idle.notify_one()
    }

    async fn work(&self, held: Held) {
        let owner = held.owner();
        self.in_hand.add(owner);
        if self.is_stopping() {
            // `run` gives it back.
            return;
        }
        // There may be more: another lane looks.
        self.idle.notify_one();
        let job = Job {
            inbox: &self.inbox,
            held: &held,
            lease: self.settings.lease,
            deadline: self.settings.deadline,
            writer: &self.writer,
        };
        let attempt = self.handlers.attempt(job).await;
        self.record(&held, attempt).await;
        self.in_hand.remove(owner);
    }

    /// Records how an attempt ended. If that fails, the lease ends, and the event runs again.
    async fn record(&self, held: &Held, attempt: Attempt) {
        let (owner, entry) = (held.owner(), &held.entry);
        let (end, error) = match attempt {
            Attempt::Handled => (End::Done, String::new()),
            Attempt::Committed(finished) => {
                return self.finished(entry, finished, Ended::Done { after: finished.after }).await;
            }
            Attempt::Lost => return self.tell(entry, &Ended::LeaseLost),
            Attempt::Failed(error) if entry.attempts < self.settings.attempts => {
                (End::Retry(self.wait_after(entry.attempts)), bounded(error))
            }
            Attempt::Failed(error) | Attempt::Hopeless(error) => (End::Dead, bounded(error)),
        };
        match (self.end(owner, end, &error).await, end) {
            (Ok(finished), End::Done) => self.finished(entry, finished, Ended::Done { after: finished.after }).await,
            (Ok(finished), End::Dead) => self.finished(entry, finished, Ended::Dead { error }).await,
            (Ok(_), End::Retry(_)) => {
                self.tell(entry, &Ended::Retry { error });
                self.replan.notify_one();
            }
            (Err(StoreError::LeaseLost), End::Done) => self.tell(entry, &Ended::LeaseLost),
            (Err(store), End::Done) => self.tell(entry, &Ended::Unrecorded { error: store.to_string() }),
            (Err(store), _) => self.tell(entry, &Ended::Unrecorded { error: format!("{error}; {store}") }),
        }
    }

    /// Tells that an event is done or dead, and lets the next one of its call run.
    async fn finished(&self, entry: &Entry, finished: Finished, ended: Ended) {
        self.tell(entry, &ended);
        if finished.is_followed {
            self.inbox.call_up(entry.id).await;
        }
    }

    fn wait_after(&self, attempts: u32) -> Duration {
        let [high, low, ..] = *LeaseToken::unique().as_bytes();
        let Settings { first_wait, longest_wait, .. } = self.settings;
        backoff(attempts, first_wait, longest_wait, u16::from_be_bytes([high, low]))
    }

    /// Tells the log, the metrics and the observer how an attempt ended.
    fn tell(&self, entry: &Entry, ended: &Ended) {
        observe::ended(entry, ended);
        if let Some(observer) = &self.observer {
            // The hook has printed a panic, and the worker works on.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| observer(entry, ended)));
        }
    }

    /// Records the end of an attempt. If the database does not answer, it tries again for a
    /// while.
    async fn end(&self, owner: Owner, end: End, error: &str) -> Result<Finished, StoreError> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let answer = match end {
                End::Done => self.inbox.done(owner).await,
                End::Retry(wait) => self.inbox.fail(owner, wait, error).await.map(|()| Finished::default()),
                End::Dead => self.inbox.bury(owner, error).await,
            };
            let Err(StoreError::Unavailable(_) | StoreError::Timeout | StoreError::Contended(_)) = answer else {
                return answer;
            };
            let Some(pause) = pauses.next() else { return answer };
            tokio::time::sleep(pause).await;
        }
    }

    /// Takes back what other workers left behind, and wakes a lane when something falls due.
    async fn plan(self: Arc<Self>) {
        let mut reset: Option<Instant> = None;
        loop {
            let planned = async {
                if reset.is_none_or(|reset| reset.elapsed() > RESET) {
                    self.inbox.reset_due().await?;
                    reset = Some(Instant::now());
                }
                for entry in self.inbox.expire(&self.sources, self.settings.attempts).await? {
                    let error = entry.error.clone().unwrap_or_default();
                    let is_dead = entry.finished_at.is_some();
                    self.tell(&entry, &if is_dead { Ended::Dead { error } } else { Ended::Retry { error } });
                    if is_dead {
                        self.inbox.call_up(entry.id).await;
                    }
                }
                self.inbox.until_next().await
            };
            let wait = self.reached(planned.await).flatten().unwrap_or(D::poll()).clamp(SHORTEST_SLEEP, D::poll());
            self.idle.notify_one();
            drop(tokio::time::timeout(wait, self.replan.notified()).await);
        }
    }

    /// Returns the answer of the database. The first of several failures is logged.
    fn reached<T>(&self, answer: Result<T, StoreError>) -> Option<T> {
        let failed_before = self.unreachable.swap(answer.is_err(), Ordering::AcqRel);
        if let Err(error) = &answer
            && !failed_before
        {
            observe::unreachable(error);
        }
        answer.ok()
    }
}

impl<D: Dialect, H> Drop for Run<D, H> {
    /// Gives back what is in hand if `run` is dropped.
    fn drop(&mut self) {
        let owners = self.in_hand.take();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !owners.is_empty() {
            let inbox = self.inbox.clone();
            runtime.spawn(async move {
                for owner in owners {
                    let _ = inbox.release(owner).await;
                }
            });
        }
    }
}

/// The events that are being handled.
#[derive(Default)]
struct InHand(Mutex<Vec<Owner>>);

impl InHand {
    fn add(&self, owner: Owner) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(owner);
    }

    fn remove(&self, owner: Owner) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| *other != owner);
    }

    fn take(&self) -> Vec<Owner> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is recorded of an attempt that ended.
#[derive(Clone, Copy)]
enum End {
    Done,
    /// The event waits for this long.
    Retry(Duration),
    Dead,
}

/// Cuts the text of an error.
fn bounded(mut text: String) -> String {
    let end = (0..=ERROR_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    if text.len() > ERROR_BYTES {
        text.truncate(end);
    }
    text
}

impl<D: Dialect, H> fmt::Debug for Worker<D, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("inbox", &self.inbox).field("settings", &self.settings).finish_non_exhaustive()
    }
}

const ERROR_BYTES: usize = 2_048;
const SHORTEST_LEASE: Duration = Duration::from_millis(100);
const SHORTEST_SLEEP: Duration = Duration::from_millis(5);
/// How often a worker looks whether the clock was set back.
const RESET: Duration = Duration::from_secs(60);
const RECOVERY: Duration = Duration::from_secs(1);
const PAUSES: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(2)];
