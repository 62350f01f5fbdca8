//! The worker: it claims events, runs their handlers and records how that ended.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use super::backoff::backoff;
use super::base::{Inbox, Kept};
use super::claims::Held;
use super::dialect::{Connection, Dialect};
use super::ended::Ended;
use super::entry::Entry;
use super::handlers::{Attempt, Handlers, InTransaction, Job, NoHandlers, OptionalVerifier, Plain};
use super::in_hand::InHand;
use super::observe;
use super::records::{Handled, LARGEST_GROUP, Observer, Records};
use super::stock::Stock;
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
/// # While handlers are fast
///
/// Each statement costs a commit, so one claims events for all handlers that are free, and one
/// records the ends of several. While the handlers begin with everything that was claimed
/// within 50 ms, a worker claims up to 128 events ahead of them. It gives back what it has not
/// begun with after a second, or when it shuts down.
///
/// If the process dies, up to 128 events that no handler had begun with have counted an
/// attempt. That happens to an event once at most: one that was tried before is not claimed
/// ahead, nor is any if [`with_attempts`](Self::with_attempts) is 1. So an event that kills its
/// process uses up no attempts of others. Of the events whose handlers have just succeeded, up
/// to 128 in addition to those that run may not be recorded yet, and run again.
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
        let idle = Arc::new(Notify::new());
        let run = Arc::new(Run {
            records: Records {
                inbox: self.inbox.clone(),
                observer: self.observer,
                in_hand: InHand::new(self.inbox.clone()),
                idle: Arc::clone(&idle),
            },
            inbox: self.inbox,
            handlers: self.handlers,
            settings: self.settings,
            sources: serde_json::to_string(&sources).unwrap_or_default(),
            stock: tokio::sync::Mutex::new(Stock::new(self.settings.attempts)),
            busy: AtomicUsize::new(0),
            idle,
            replan: Notify::new(),
            writer: tokio::sync::Mutex::new(()),
            stopping: AtomicBool::new(false),
            unreachable: AtomicBool::new(false),
        });
        let (handled, to_record) = mpsc::channel(LARGEST_GROUP);
        let mut lanes: Vec<_> =
            (0..run.settings.concurrency).map(|_| Some(Box::pin(Arc::clone(&run).lane(handled.clone())))).collect();
        drop(handled);
        // It ends when the lanes have.
        let mut recorder = Box::pin(run.records.in_groups(to_record));
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
                poll_all(&mut lanes, context);
                let _ = recorder.as_mut().poll(context);
                Poll::Pending
            })
            .await;
        }
        run.stopping.store(true, Ordering::Release);
        run.idle.notify_waiters();
        // If a lane holds the stock, it does this.
        if let Ok(mut stock) = run.stock.try_lock() {
            run.records.in_hand.give_back(stock.take_all()).await;
        }
        let finish = std::future::poll_fn(|context| {
            poll_all(&mut lanes, context);
            recorder.as_mut().poll(context)
        });
        let _ = tokio::time::timeout(run.settings.grace, finish).await;
        drop((lanes, recorder));
        run.records.in_hand.give_all_back().await;
    }
}

/// Polls every future that is not done yet.
fn poll_all<F: Future>(futures: &mut [Option<Pin<Box<F>>>], context: &mut std::task::Context<'_>) {
    for place in futures {
        if place.as_mut().is_some_and(|future| future.as_mut().poll(context).is_ready()) {
            *place = None;
        }
    }
}

/// A worker that runs.
struct Run<D: Dialect, H> {
    inbox: Inbox<D>,
    handlers: H,
    settings: Settings,
    sources: String,
    records: Records<D>,
    /// Held by the lane that looks for events, while the others that have nothing to do wait
    /// for it.
    stock: tokio::sync::Mutex<Stock>,
    /// How many lanes handle an event.
    busy: AtomicUsize,
    /// Wakes the lane that looks for events.
    idle: Arc<Notify>,
    /// Wakes the planner, because something falls due earlier than it knows.
    replan: Notify,
    writer: tokio::sync::Mutex<()>,
    stopping: AtomicBool,
    unreachable: AtomicBool,
}

impl<D: Dialect, H: Handlers<D>> Run<D, H> {
    /// Handles one event after the other.
    async fn lane(self: Arc<Self>, handled: mpsc::Sender<Handled>) {
        while let Some(held) = self.next().await {
            self.busy.fetch_add(1, Ordering::AcqRel);
            self.work(held, &handled).await;
            self.busy.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Returns the next event, or `None` at the shutdown.
    async fn next(&self) -> Option<Held> {
        let mut stock = self.stock.lock().await;
        loop {
            if self.is_stopping() {
                self.records.in_hand.give_back(stock.take_all()).await;
                return None;
            }
            self.records.in_hand.give_back(stock.take_old(self.settings.lease, Instant::now())).await;
            if let Some(held) = stock.take() {
                return Some(held);
            }
            match self.reached(self.fill(&mut stock).await) {
                Some(seen) if seen > 0 => {}
                // The shutdown has woken the lane that waited then, and nobody wakes another.
                _ if self.is_stopping() => {}
                Some(_) => self.idle.notified().await,
                None => drop(tokio::time::timeout(RECOVERY, self.idle.notified()).await),
            }
        }
    }

    /// Claims events for all lanes that have nothing to do. Returns how many it has seen.
    async fn fill(&self, stock: &mut Stock) -> Result<usize, StoreError> {
        let Settings { concurrency, lease, dead_blocks, .. } = self.settings;
        let idle = concurrency.saturating_sub(self.busy.load(Ordering::Acquire));
        let wanted = stock.wanted(idle, Instant::now());
        let found = self.inbox.claim(&self.sources, lease, dead_blocks, wanted).await?;
        for held in &found.events {
            self.records.in_hand.add(held.owner());
        }
        let seen = found.seen();
        stock.fill(wanted, found, Instant::now());
        Ok(seen)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Returns what to call when there may be something to do.
    fn heard(&self) -> impl Fn() + Send + use<D, H> {
        let idle = Arc::clone(&self.idle);
        move || idle.notify_one()
    }

    /// Handles an event, and records how that ended. If that fails, the lease ends, and the
    /// event runs again.
    async fn work(&self, held: Held, handled: &mpsc::Sender<Handled>) {
        let job = Job {
            inbox: &self.inbox,
            held: &held,
            lease: self.settings.lease,
            deadline: self.settings.deadline,
            writer: &self.writer,
        };
        let attempt = self.handlers.attempt(job).await;
        let (owner, entry) = (held.owner(), held.entry);
        match attempt {
            // Nobody receives it after the shutdown, which gives it back.
            Attempt::Handled => drop(handled.send(Handled { owner, entry }).await),
            Attempt::Committed(finished) => {
                self.records.finished(owner, &entry, finished, &Ended::Done { after: finished.after }).await;
            }
            Attempt::Lost => self.records.lost(owner, &entry),
            Attempt::Failed(error) if entry.attempts < self.settings.attempts => {
                self.records.retry(owner, &entry, self.wait_after(entry.attempts), bounded(error)).await;
                self.replan.notify_one();
            }
            Attempt::Failed(error) | Attempt::Hopeless(error) => {
                self.records.dead(owner, &entry, bounded(error)).await;
            }
        }
    }

    fn wait_after(&self, attempts: u32) -> Duration {
        let [high, low, ..] = *LeaseToken::unique().as_bytes();
        let Settings { first_wait, longest_wait, .. } = self.settings;
        backoff(attempts, first_wait, longest_wait, u16::from_be_bytes([high, low]))
    }

    /// Takes back what other workers left behind, gives back what waits for long, and wakes a
    /// lane when something falls due.
    async fn plan(self: Arc<Self>) {
        let mut reset: Option<Instant> = None;
        loop {
            // A lane that holds the stock has found it empty.
            if let Ok(mut stock) = self.stock.try_lock() {
                self.records.in_hand.give_back(stock.take_old(self.settings.lease, Instant::now())).await;
            }
            let planned = async {
                if reset.is_none_or(|reset| reset.elapsed() > RESET) {
                    self.inbox.reset_due().await?;
                    reset = Some(Instant::now());
                }
                for entry in self.inbox.expire(&self.sources, self.settings.attempts).await? {
                    let error = entry.error.clone().unwrap_or_default();
                    let is_dead = entry.finished_at.is_some();
                    self.records.tell(&entry, &if is_dead { Ended::Dead { error } } else { Ended::Retry { error } });
                    if is_dead {
                        self.records.call_up(&Kept::default(), &[entry.id]).await;
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
