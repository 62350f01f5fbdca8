//! The log of a test.

use std::sync::OnceLock;

use offhook_tests::log::Lines;

/// Returns what is logged while a future runs.
pub async fn logged(future: impl Future) -> String {
    // While there is only one subscriber in a process, `tracing` asks that of the thread that
    // first comes to a line, which another test's thread does not have.
    static SECOND: OnceLock<tracing::Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default()));
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    future.await;
    drop(guard);
    lines.take()
}
