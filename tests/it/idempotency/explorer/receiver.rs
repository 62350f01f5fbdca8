//! A receiver: the crate's own flow around a handler, up to its next step. Its state is what it
//! has heard so far, so that the explorer can take it up at any point.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use offhook::idempotency::{
    BoxFuture, Claim, HandlerError, HeldClaim, Key, Lease, LeaseToken, Once, PayloadDigest, Store, StoreError,
};
use offhook::{Delivery, talkifai};

use super::super::common::receive;
use super::steps::{Answer, Call, Token};

/// What a receiver hears at one of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Heard {
    Answer(Answer),
    Act(Act),
}

/// What a handler does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    Effect,
    Extend,
    Succeed,
    Fail,
    /// It fails permanently.
    Reject,
}

/// What a receiver waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The store. `left` is the step that the flow leaves to the store if the request is
    /// cancelled.
    Call {
        call: Call,
        left: Option<Call>,
    },
    Act {
        left: Option<Call>,
    },
    /// It has answered the vendor.
    Ended {
        status: u16,
    },
}

/// How a delivery is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flow {
    Once,
    /// A planted fault: the event is recorded before the handler runs.
    RecordsFirst,
    /// A planted fault: a delivery whose event is in flight is acknowledged.
    AcknowledgesInFlight,
}

/// Two payloads under one key.
pub struct Deliveries {
    deliveries: [Delivery<talkifai::Event>; 2],
    keys: [Key; 3],
    payloads: [PayloadDigest; 2],
}

impl Deliveries {
    pub fn new() -> Self {
        let deliveries = ["a", "b"].map(|call| {
            receive(&format!(
                r#"{{"id":"1","type":"call.started","created":"2026-01-15T10:30:00Z","data":{{"callId":"{call}"}}}}"#
            ))
        });
        let payloads = deliveries.each_ref().map(PayloadDigest::of_delivery);
        let [key, same] = deliveries.each_ref().map(|delivery| Key::of(delivery).unwrap());
        assert!(key == same && payloads[0] != payloads[1]);
        let keys = [key.clone(), key.with_payload(&payloads[0]), key.with_payload(&payloads[1])];
        Deliveries { deliveries, keys, payloads }
    }

    pub fn key(&self, number: usize) -> &Key {
        &self.keys[number]
    }

    pub fn payload(&self, number: usize) -> &PayloadDigest {
        &self.payloads[number]
    }

    pub fn delivery(&self, number: usize) -> &Delivery<talkifai::Event> {
        &self.deliveries[number]
    }

    /// Runs the flow with what it has heard, and returns what it waits for.
    pub fn next(&self, flow: Flow, receiver: usize, payload: usize, heard: &[Heard]) -> Next {
        let gate = Gate {
            deliveries: self,
            receiver,
            heard: Mutex::new(heard.iter().copied().collect()),
            asked: Mutex::default(),
            left: Mutex::default(),
        };
        let polled = {
            let mut handling = pin!(gate.handle(flow, &self.deliveries[payload]));
            handling.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            // Here it is cancelled.
        };
        let left = gate.left.into_inner().unwrap();
        match (polled, gate.asked.into_inner().unwrap()) {
            (Poll::Ready(status), None) => Next::Ended { status },
            (Poll::Pending, Some(Asked::Call(call))) => Next::Call { call, left },
            (Poll::Pending, Some(Asked::Act)) => Next::Act { left },
            other => panic!("{other:?} after {heard:?}"),
        }
    }
}

#[derive(Debug)]
enum Asked {
    Call(Call),
    Act,
}

/// A store that answers from a list, and waits for ever at its end.
struct Gate<'d> {
    deliveries: &'d Deliveries,
    receiver: usize,
    heard: Mutex<VecDeque<Heard>>,
    asked: Mutex<Option<Asked>>,
    left: Mutex<Option<Call>>,
}

impl Gate<'_> {
    async fn handle(&self, flow: Flow, delivery: &Delivery<talkifai::Event>) -> u16 {
        let handler = async |_: &_, held: &HeldClaim<'_>| {
            if flow == Flow::RecordsFirst
                && let Some(lease) = held.lease()
            {
                self.complete(lease).await?;
            }
            self.act(held).await
        };
        let handled = Once::new(self).run_with(delivery, handler).await;
        match (flow, handled.outcome().code()) {
            (Flow::AcknowledgesInFlight, "in_flight") => 200,
            _ => handled.reply().status(),
        }
    }

    async fn act(&self, held: &HeldClaim<'_>) -> Result<(), HandlerError> {
        loop {
            match self.hear(Asked::Act).await {
                Heard::Act(Act::Effect) => {}
                // A handler that has lost its lease stops, and one that cannot know goes on.
                Heard::Act(Act::Extend) => {
                    if let Err(error @ StoreError::LeaseLost) = held.extend().await {
                        return Err(error.into());
                    }
                }
                Heard::Act(Act::Succeed) => return Ok(()),
                Heard::Act(Act::Fail) => return Err(HandlerError::retry("not now")),
                Heard::Act(Act::Reject) => return Err(HandlerError::permanent("never")),
                Heard::Answer(answer) => panic!("{answer:?}"),
            }
        }
    }

    async fn hear(&self, asked: Asked) -> Heard {
        match self.heard.lock().unwrap().pop_front() {
            Some(heard) => return heard,
            None => *self.asked.lock().unwrap() = Some(asked),
        }
        std::future::pending().await
    }

    async fn ask(&self, call: Call) -> Result<Answer, StoreError> {
        match self.hear(Asked::Call(call)).await {
            Heard::Answer(Answer::Unavailable) => Err(StoreError::unavailable("no answer")),
            Heard::Answer(Answer::Timeout) => Err(StoreError::Timeout),
            Heard::Answer(Answer::LeaseLost) => Err(StoreError::LeaseLost),
            Heard::Answer(answer) => Ok(answer),
            Heard::Act(act) => panic!("{act:?}"),
        }
    }

    async fn changed(&self, call: Call) -> Result<(), StoreError> {
        self.ask(call).await.map(|answer| assert_eq!(answer, Answer::Changed))
    }

    fn key(&self, key: &Key) -> usize {
        self.deliveries.keys.iter().position(|known| known == key).unwrap()
    }

    fn own(&self) -> Token {
        Token::Receiver(self.receiver)
    }
}

const A_WHILE: Duration = Duration::from_secs(1);

impl Store for Gate<'_> {
    fn claim<'a>(&'a self, key: &'a Key, payload: &'a PayloadDigest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        let payload = self.deliveries.payloads.iter().position(|known| known == payload).unwrap();
        let call = Call::Claim { key: self.key(key), payload, receiver: self.receiver };
        Box::pin(async move {
            Ok(match self.ask(call).await? {
                Answer::Fresh => Claim::Fresh(Lease::new(key.clone(), LeaseToken::from_bytes([0; 16]), A_WHILE)),
                Answer::InFlight { .. } => Claim::InFlight { retry_after: A_WHILE },
                Answer::Done => Claim::Done,
                Answer::Conflict { left } => Claim::Conflict { retry_after: left.map(|_| A_WHILE) },
                other => panic!("{other:?}"),
            })
        })
    }

    fn complete<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.changed(Call::Complete { key: self.key(lease.key()), token: self.own() }))
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.changed(Call::Release { key: self.key(lease.key()), token: self.own() }))
    }

    fn extend<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.changed(Call::Extend { key: self.key(lease.key()), token: self.own() }))
    }

    fn forget<'a>(&'a self, _key: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>> {
        unreachable!("the flow forgets nothing")
    }

    fn abandon(&self, lease: Lease) {
        *self.left.lock().unwrap() = Some(Call::Release { key: self.key(lease.key()), token: self.own() });
    }

    fn complete_later(&self, lease: Lease) {
        *self.left.lock().unwrap() = Some(Call::Complete { key: self.key(lease.key()), token: self.own() });
    }
}
