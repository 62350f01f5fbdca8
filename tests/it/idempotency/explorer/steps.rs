//! The steps of a store, and the record of a key, in small numbers.

/// How long a step of the simulated time is: longer than the tests take, because the servers'
/// own time goes on as well.
pub const TICK_MILLIS: i64 = 1_000_000;

/// Both in ticks.
pub const LEASE: i8 = 2;
pub const RETENTION: i8 = 2;

/// Whose lease it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    Receiver(usize),
    /// That of a receiver which has died, or which never heard of it.
    Nobody,
}

/// A record. Its times are ticks from now, and zero once they are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    pub token: Token,
    pub payload: usize,
    pub done: bool,
    pub until: i8,
    pub kept: i8,
}

impl Row {
    pub fn after(self, ticks: i8) -> Self {
        Row { until: (self.until - ticks).max(0), kept: (self.kept - ticks).max(0), ..self }
    }

    pub fn left_by(self, receiver: usize) -> Self {
        let token = if self.token == Token::Receiver(receiver) { Token::Nobody } else { self.token };
        Row { token, ..self }
    }
}

/// A step of a store. The keys are that of the event, and the same with either payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Claim { key: usize, payload: usize, receiver: usize },
    Complete { key: usize, token: Token },
    Release { key: usize, token: Token },
    Extend { key: usize, token: Token },
    Purge { key: usize },
}

impl Call {
    pub fn key(self) -> usize {
        match self {
            Call::Claim { key, .. }
            | Call::Complete { key, .. }
            | Call::Release { key, .. }
            | Call::Extend { key, .. }
            | Call::Purge { key } => key,
        }
    }
}

/// The answer to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Fresh,
    InFlight {
        left: i8,
    },
    Done,
    /// The ticks that are left, if the other payload is in flight.
    Conflict {
        left: Option<i8>,
    },
    Changed,
    LeaseLost,
    Unavailable,
    Timeout,
}
