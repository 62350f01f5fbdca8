//! Receives one delivery: judges it, forwards it and answers it.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::http::Extensions;
use hyper::{HeaderMap, Response, StatusCode};
use offhook::testing::RawRequest;
use offhook::{Clock, SystemClock};
use tokio::sync::mpsc;

use super::delivery::{Delivery, Forwarded, Handled};
use super::forward::Target;
use super::hints::hints;
use super::judge::{Judge, Judgement};
use crate::client::{Answer, SendError};
use crate::failure::Failure;

/// What a delivery meets.
#[derive(Debug)]
pub(super) struct Reception {
    pub(super) judge: Judge,
    pub(super) target: Option<Target>,
    /// The events that are received. An empty list stands for all.
    pub(super) events: Vec<String>,
    deliveries: mpsc::Sender<Result<Delivery, Failure>>,
    received: AtomicU64,
    left_out: AtomicU64,
    turned_away: AtomicU64,
}

impl Reception {
    /// Creates a reception that hands over its deliveries to `deliveries`.
    pub(super) fn new(
        judge: Judge,
        target: Option<Target>,
        events: Vec<String>,
        deliveries: mpsc::Sender<Result<Delivery, Failure>>,
    ) -> Self {
        let [received, left_out, turned_away] = [const { AtomicU64::new(0) }; 3];
        Reception { judge, target, events, deliveries, received, left_out, turned_away }
    }

    /// Returns how many deliveries of other events there were.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    /// Returns how many requests were no deliveries.
    pub(super) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// Answers a request that is no delivery.
    pub(super) fn turn_away(&self, status: StatusCode) -> Response<Full<Bytes>> {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
        answer(status, &HeaderMap::new(), Bytes::new())
    }

    /// Receives a delivery, and returns the answer for its sender.
    pub(super) async fn receive(&self, request: RawRequest, case: Extensions) -> Response<Full<Bytes>> {
        let received_at = SystemClock.now();
        // A large body is examined for tens of milliseconds.
        let judgement = match tokio::task::block_in_place(|| self.judge.judge(&request)) {
            Ok(judgement) => judgement,
            Err(failure) => {
                self.hand_over(Err(failure)).await;
                return answer(StatusCode::INTERNAL_SERVER_ERROR, &HeaderMap::new(), Bytes::new());
            }
        };
        if !self.is_wanted(&judgement) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return verdict(&judgement);
        }
        let number = self.received.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let forwarded = match &self.target {
            Some(target) => Some(target.forward(&request, &case).await),
            None => None,
        };
        let answer = match &forwarded {
            Some(forwarded) => relayed(forwarded),
            None => verdict(&judgement),
        };
        let handled = Handled {
            hints: self.hints(&judgement, forwarded.as_ref()),
            forwarded: forwarded.as_ref().map(Forwarded::of),
            answered: answer.status().as_u16(),
        };
        let received = (request, case);
        self.hand_over(Ok(Delivery::new(number, received_at, received, judgement, handled, &self.judge))).await;
        answer
    }

    /// Forwards a delivery once more, if there is a handler.
    pub(super) async fn send_again(&self, delivery: &Delivery) -> Option<(Forwarded, Vec<String>)> {
        let forwarded = self.target.as_ref()?.forward(&delivery.request, &delivery.case).await;
        Some((Forwarded::of(&forwarded), self.hints(&delivery.judgement, Some(&forwarded))))
    }

    /// Returns whether a delivery is to be shown. One that is refused has no event to choose by.
    fn is_wanted(&self, judgement: &Judgement) -> bool {
        let event = judgement.verdict.event.as_ref();
        self.events.is_empty() || event.is_none_or(|event| self.events.contains(event))
    }

    fn hints(&self, judgement: &Judgement, forwarded: Option<&Result<Answer, SendError>>) -> Vec<String> {
        match (forwarded, judgement.vendor) {
            (Some(forwarded), _) => hints(&self.judge, judgement, forwarded),
            (None, Some(vendor)) if !judgement.verdict.accepted => vec![vendor.sends_again()],
            (None, _) => Vec::new(),
        }
    }

    /// Hands over a delivery. After the end of the command nobody takes it.
    async fn hand_over(&self, delivery: Result<Delivery, Failure>) {
        let _ = self.deliveries.send(delivery).await;
    }
}

/// Answers as a receiver with these secrets does.
fn verdict(judgement: &Judgement) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(judgement.verdict.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(status, &HeaderMap::new(), Bytes::new())
}

/// Answers as the handler did.
fn relayed(forwarded: &Result<Answer, SendError>) -> Response<Full<Bytes>> {
    match forwarded {
        Ok(handler) => {
            let status = StatusCode::from_u16(handler.status).unwrap_or(StatusCode::BAD_GATEWAY);
            answer(status, &handler.headers, handler.body.clone())
        }
        Err(SendError::TimedOut(_)) => answer(StatusCode::GATEWAY_TIMEOUT, &HeaderMap::new(), Bytes::new()),
        Err(_) => answer(StatusCode::BAD_GATEWAY, &HeaderMap::new(), Bytes::new()),
    }
}

fn answer(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    for name in RELAYED {
        for value in headers.get_all(&name) {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    answer
}

/// The headers of a handler's answer that a sender may look at.
const RELAYED: [HeaderName; 5] = [CONTENT_TYPE, CONTENT_ENCODING, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE];
