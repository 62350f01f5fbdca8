//! The handlers of a worker, one for each vendor at an endpoint.

use std::error::Error;
use std::time::{Duration, Instant};

use sqlx::{Connection as _, SqlStr};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::base::Inbox;
use super::claims::{Finished, Held, Owner};
use super::dialect::{Connection, Dialect};
use super::work::Work;
use crate::idempotency::{HandlerError, StoreError, caught};
use crate::receive::Verifier;

/// A verifier, or an `Option` of one: the vendors that a [worker](super::Worker) handles may
/// depend on which secrets are configured.
pub trait OptionalVerifier {
    /// The verifier.
    type Verifier: Verifier;

    /// Returns the verifier, if there is one.
    fn into_option(self) -> Option<Self::Verifier>;
}

impl<V: Verifier> OptionalVerifier for V {
    type Verifier = V;

    fn into_option(self) -> Option<V> {
        Some(self)
    }
}

impl<V: Verifier> OptionalVerifier for Option<V> {
    type Verifier = V;

    fn into_option(self) -> Option<V> {
        self
    }
}

/// The handlers of a worker.
pub trait Handlers<D: Dialect> {
    /// Adds each vendor and endpoint that has a handler.
    #[doc(hidden)]
    fn sources(&self, list: &mut Vec<(String, String)>);

    /// Runs the handler of an event.
    #[doc(hidden)]
    fn attempt(&self, job: Job<'_, D>) -> impl Future<Output = Attempt>;
}

/// No handler.
#[derive(Clone, Copy, Debug)]
pub struct NoHandlers;

/// A handler, and the others.
#[derive(Clone, Copy, Debug)]
pub struct Plain<V, F, N> {
    pub(super) verifier: Option<V>,
    pub(super) handler: F,
    pub(super) others: N,
}

/// A handler that runs in a transaction, and the others.
#[derive(Clone, Copy, Debug)]
pub struct InTransaction<V, F, N> {
    pub(super) verifier: Option<V>,
    pub(super) handler: F,
    pub(super) others: N,
}

/// An event to handle.
#[derive(Debug)]
pub struct Job<'r, D: Dialect> {
    pub(super) inbox: &'r Inbox<D>,
    pub(super) held: &'r Held,
    pub(super) lease: Duration,
    pub(super) deadline: Duration,
    /// Held during a transaction, where only one can write.
    pub(super) writer: &'r Mutex<()>,
}

/// How an attempt ended.
#[derive(Debug)]
pub enum Attempt {
    /// The handler succeeded.
    Handled,
    /// The handler succeeded, and that is recorded.
    Committed(Finished),
    /// The next attempt may succeed.
    Failed(String),
    /// The next attempt would fail, too.
    Hopeless(String),
    /// The event belongs to another worker now.
    Lost,
}

impl<D: Dialect> Handlers<D> for NoHandlers {
    fn sources(&self, _: &mut Vec<(String, String)>) {}

    async fn attempt(&self, job: Job<'_, D>) -> Attempt {
        Attempt::Failed(format!("this worker has no handler for `{}`", job.held.stored.vendor()))
    }
}

impl<D, V, F, N> Handlers<D> for Plain<V, F, N>
where
    D: Dialect,
    V: Verifier,
    F: AsyncFn(&Work<V::Event>) -> Result<(), HandlerError>,
    N: Handlers<D>,
{
    fn sources(&self, list: &mut Vec<(String, String)>) {
        list.extend(self.verifier.as_ref().map(source));
        self.others.sources(list);
    }

    async fn attempt(&self, job: Job<'_, D>) -> Attempt {
        let Some(verifier) = self.verifier.as_ref().filter(|verifier| job.is_of(*verifier)) else {
            return self.others.attempt(job).await;
        };
        let work = match job.open(verifier) {
            Ok(work) => work,
            Err(hopeless) => return hopeless,
        };
        let extension = Extension::start(job.inbox.clone(), job.held.owner(), job.lease);
        match race(job.outcome((self.handler)(&work)), extension).await {
            Ok(Ok(())) => Attempt::Handled,
            Ok(Err(failure)) => failure,
            Err(()) => Attempt::Lost,
        }
    }
}

impl<D, V, F, N> Handlers<D> for InTransaction<V, F, N>
where
    D: Dialect,
    V: Verifier,
    F: AsyncFn(&Work<V::Event>, &mut Connection<D>) -> Result<(), HandlerError>,
    N: Handlers<D>,
{
    fn sources(&self, list: &mut Vec<(String, String)>) {
        list.extend(self.verifier.as_ref().map(source));
        self.others.sources(list);
    }

    async fn attempt(&self, job: Job<'_, D>) -> Attempt {
        let Some(verifier) = self.verifier.as_ref().filter(|verifier| job.is_of(*verifier)) else {
            return self.others.attempt(job).await;
        };
        let work = match job.open(verifier) {
            Ok(work) => work,
            Err(hopeless) => return hopeless,
        };
        let extension = Extension::start(job.inbox.clone(), job.held.owner(), job.lease);
        let _writer = if D::ONE_WRITER { Some(job.writer.lock().await) } else { None };
        // The row is locked from here on: nobody takes it, so its lease needs no extension.
        drop(extension);
        match self.transaction(&job, &work).await {
            Ok(attempt) => attempt,
            Err(StoreError::LeaseLost) => Attempt::Lost,
            Err(error) => Attempt::Failed(format!("the transaction failed: {error}")),
        }
    }
}

impl<V: Verifier, F, N> InTransaction<V, F, N> {
    /// Runs the handler and records that it succeeded in one transaction.
    async fn transaction<D: Dialect>(&self, job: &Job<'_, D>, work: &Work<V::Event>) -> Result<Attempt, StoreError>
    where
        F: AsyncFn(&Work<V::Event>, &mut Connection<D>) -> Result<(), HandlerError>,
    {
        let (inbox, owner) = (job.inbox, job.held.owner());
        let mut connection = inbox.acquire().await?;
        // Dropping the transaction rolls it back.
        let mut transaction = inbox.in_time(connection.begin_with(SqlStr::from_static(D::BEGIN))).await?;
        inbox.own_in(&mut transaction, owner).await?;
        if let Err(failure) = job.outcome((self.handler)(work, &mut transaction)).await {
            // Before the record of the failure, which would wait for this transaction.
            let _ = inbox.in_time(transaction.rollback()).await;
            return Ok(failure);
        }
        let finished = inbox.done_in(&mut transaction, owner).await?;
        inbox.in_time(transaction.commit()).await?;
        Ok(Attempt::Committed(finished))
    }
}

impl<D: Dialect> Job<'_, D> {
    fn is_of<V: Verifier>(&self, verifier: &V) -> bool {
        let profile = verifier.profile();
        (self.held.stored.vendor(), self.held.stored.endpoint()) == (profile.vendor(), profile.endpoint())
    }

    /// Makes the delivery again. The next attempt could not do it either.
    fn open<V: Verifier>(&self, verifier: &V) -> Result<Work<V::Event>, Attempt> {
        let delivery = self.held.stored.open(verifier).map_err(|error| Attempt::Hopeless(error.to_string()))?;
        Ok(Work::new(delivery, &self.held.entry))
    }

    /// Runs a handler to its end: a result, a panic or the deadline.
    async fn outcome(&self, handler: impl Future<Output = Result<(), HandlerError>>) -> Result<(), Attempt> {
        match tokio::time::timeout(self.deadline, caught(handler)).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) if error.is_permanent() => Err(Attempt::Hopeless(text(error.error()))),
            Ok(Ok(Err(error))) => Err(Attempt::Failed(text(error.error()))),
            Ok(Err(panic)) => Err(Attempt::Failed(panic_text(&*panic))),
            Err(_) => Err(Attempt::Failed(format!("the attempt took longer than {:?}", self.deadline))),
        }
    }
}

fn source<V: Verifier>(verifier: &V) -> (String, String) {
    (verifier.profile().vendor().to_owned(), verifier.profile().endpoint().to_owned())
}

/// Returns an error with its causes, each once.
fn text(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| (*cause).source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the handler panicked: {}", text.unwrap_or("no text"))
}

/// A task that extends a lease until it is dropped. It ends when the lease is lost.
struct Extension(JoinHandle<()>);

impl Extension {
    /// A task, so that a handler that blocks its thread keeps its lease.
    fn start<D: Dialect>(inbox: Inbox<D>, owner: Owner, lease: Duration) -> Self {
        Extension(tokio::spawn(async move {
            let mut extended = Instant::now();
            loop {
                tokio::time::sleep(lease.div_f64(3.0)).await;
                let start = Instant::now();
                match inbox.extend(owner, lease).await {
                    Ok(()) => extended = start,
                    Err(StoreError::LeaseLost) => return,
                    // Another worker may have it by now.
                    Err(_) if extended.elapsed() >= lease => return,
                    Err(_) => {}
                }
            }
        }))
    }
}

impl Drop for Extension {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Returns the future's output, or an error if the lease is lost before that.
async fn race<T>(future: impl Future<Output = T>, mut extension: Extension) -> Result<T, ()> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(move |context| {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(context) {
            return std::task::Poll::Ready(Ok(output));
        }
        std::pin::Pin::new(&mut extension.0).poll(context).map(|_| Err(()))
    })
    .await
}
