//! Handlers that outlive their requests.

use std::fmt;

use tokio::sync::watch;

use super::outcome::Handled;

/// Runs the handling of a delivery in a task of its own, so that a vendor that hangs up
/// does not stop it.
///
/// The request waits for the task, and answers with what became of the delivery. If the
/// vendor hangs up, the task runs on to its end and to the record; a retry gets 503 while it
/// runs, and the success status after it. Give the store a lease that is longer than the
/// work.
///
/// The tasks end with the process. Wait for them after the server has stopped
/// ([`finished`](Self::finished)), with a limit. An event whose task was cut off is handled
/// again after its lease, if the vendor still sends it.
///
/// Clones share their tasks. It needs the runtime of tokio, which axum and actix-web have.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use offhook::idempotency::{Handled, HandlerTasks, Store};
/// use offhook::{Delivery, truedy};
///
/// async fn on_truedy(tasks: HandlerTasks, store: Arc<dyn Store>, delivery: Delivery<truedy::Event>) -> Handled {
///     tasks.run(async move { delivery.once(&store, transcribe).await }).await
/// }
///
/// async fn transcribe(_event: &truedy::Event) -> Result<(), offhook::idempotency::HandlerError> {
///     tokio::time::sleep(Duration::from_secs(20)).await;
///     Ok(())
/// }
///
/// async fn after_the_server(tasks: HandlerTasks) {
///     let _ = tokio::time::timeout(Duration::from_secs(30), tasks.finished()).await;
/// }
/// ```
#[derive(Clone)]
pub struct HandlerTasks {
    running: watch::Sender<usize>,
}

impl HandlerTasks {
    /// Creates a group of tasks, which is empty.
    pub fn new() -> Self {
        HandlerTasks { running: watch::Sender::new(0) }
    }

    /// Runs the handling of a delivery in a task: a call of [`Once::run`](super::Once::run)
    /// or `transact`, with everything that it needs moved into it.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime, and if the handling panics, which a panic of the
    /// handler is not.
    pub async fn run(&self, handling: impl Future<Output = Handled> + Send + 'static) -> Handled {
        let running = Running::new(self.running.clone());
        let task = tokio::spawn(async move {
            let _running = running;
            handling.await
        });
        match task.await {
            Ok(handled) => handled,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime of the task is shutting down, and this request with it.
                Err(_cancelled) => std::future::pending().await,
            },
        }
    }

    /// Returns how many tasks run.
    pub fn running(&self) -> usize {
        *self.running.borrow()
    }

    /// Waits until no task runs. Call it after the server has stopped, because it does not
    /// keep new tasks from starting.
    pub async fn finished(&self) {
        // The sender is held, so there is no error.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }
}

impl Default for HandlerTasks {
    fn default() -> Self {
        HandlerTasks::new()
    }
}

impl fmt::Debug for HandlerTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerTasks").field("running", &self.running()).finish()
    }
}

/// Counts a task until it is dropped, at its end or with its runtime.
struct Running(watch::Sender<usize>);

impl Running {
    fn new(running: watch::Sender<usize>) -> Self {
        running.send_modify(|running| *running = running.saturating_add(1));
        Running(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running = running.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_how_many_tasks_run() {
        assert_eq!(format!("{:?}", HandlerTasks::default()), "HandlerTasks { running: 0 }");
    }
}
