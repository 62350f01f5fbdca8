//! The deliveries that the page shows: those that are kept, and those that follow.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use serde::Serialize;
use tokio::sync::mpsc;

use super::super::delivery::Delivery;

/// The last deliveries, up to a number and a size.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    deliveries: VecDeque<Arc<Delivery>>,
    bytes: usize,
    readers: Vec<mpsc::Sender<Bytes>>,
}

impl History {
    /// Adds a delivery, and forgets the oldest ones if there are too many.
    pub(super) fn add(&self, delivery: Arc<Delivery>) {
        let mut kept = self.kept();
        let event = event("delivery", &delivery.shown);
        // A reader that has gone, or that is far behind, comes again by itself.
        kept.readers.retain(|reader| reader.try_send(event.clone()).is_ok());
        kept.bytes = kept.bytes.saturating_add(delivery.request.body.len());
        kept.deliveries.push_back(delivery);
        while kept.deliveries.len() > MOST || kept.bytes > MOST_BYTES {
            let Some(oldest) = kept.deliveries.pop_front() else { return };
            kept.bytes = kept.bytes.saturating_sub(oldest.request.body.len());
        }
    }

    /// Returns the delivery with this number, if it is kept.
    pub(super) fn get(&self, number: u64) -> Option<Arc<Delivery>> {
        self.kept().deliveries.iter().find(|delivery| delivery.shown.number == number).cloned()
    }

    /// Returns the stream of the deliveries that are kept and of those that follow, after a first
    /// event.
    pub(super) fn follow(&self, first: Bytes) -> Events {
        let mut kept = self.kept();
        let (sender, receiver) = mpsc::channel(MOST.saturating_mul(2));
        let past = kept.deliveries.iter().map(|delivery| event("delivery", &delivery.shown));
        for event in std::iter::once(first).chain(past) {
            // There is room for all.
            let _ = sender.try_send(event);
        }
        kept.readers.push(sender);
        Events(receiver)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a server-sent event. JSON in one line has no line break.
pub(super) fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// A body that is the stream of events.
#[derive(Debug)]
pub(super) struct Events(mpsc::Receiver<Bytes>);

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}

/// How many deliveries are kept.
const MOST: usize = 500;

/// How many bytes of bodies are kept.
const MOST_BYTES: usize = 64 * 1024 * 1024;
