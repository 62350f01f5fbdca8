//! Ctrl-C.

use std::future::{Future, poll_fn};
use std::sync::OnceLock;
use std::task::Poll;

use tokio::sync::watch;

static RECEIVED: OnceLock<watch::Receiver<bool>> = OnceLock::new();

/// Begins to catch Ctrl-C, and remembers it from then on. A future of `ctrl_c` alone would miss
/// one that is pressed before somebody waits for it.
pub(crate) async fn listen() {
    let (sender, receiver) = watch::channel(false);
    let mut pressed = Box::pin(tokio::signal::ctrl_c());
    // The handler is there once the future has been polled.
    poll_fn(|context| {
        let _ = pressed.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
    tokio::spawn(async move {
        if pressed.await.is_ok() {
            let _ = sender.send(true);
        }
    });
    let _ = RECEIVED.set(receiver);
}

/// Waits until the user has pressed Ctrl-C.
pub(crate) async fn received() {
    let Some(receiver) = RECEIVED.get() else { return std::future::pending().await };
    if receiver.clone().wait_for(|received| *received).await.is_err() {
        std::future::pending().await
    }
}
