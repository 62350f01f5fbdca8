//! A store under test, which may have a planted fault.

use super::databases::{Database, take};
use super::receiver::Deliveries;
use super::steps::{Answer, Call, Row};

/// A planted fault of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    CompletesForAnybody,
    ReleasesForAnybody,
    ExtendsForAnybody,
    ReleasesWhatIsDone,
    TakesOverLiveLeases,
    TakesOverWhatIsDone,
    OverwritesOtherPayloads,
    IgnoresThePayload,
    KeepsWhatIsReleased,
    KeepsEndedLeases,
    RefusesLateCompletion,
    PurgesWhatIsDone,
}

/// What a store with a planted fault does.
enum Planted {
    Step(Option<Row>, Call),
    Answer(Answer, Option<Row>),
}

pub struct Subject<'d> {
    database: &'d dyn Database,
    pub deliveries: Deliveries,
    fault: Fault,
}

impl<'d> Subject<'d> {
    pub fn new(database: &'d dyn Database) -> Self {
        Subject { database, deliveries: Deliveries::new(), fault: Fault::None }
    }

    pub fn with(self, fault: Fault) -> Self {
        Subject { fault, ..self }
    }

    /// Takes a step from this record on, and returns the answer and the record after it.
    pub async fn take(&self, before: Option<Row>, call: Call) -> (Answer, Option<Row>) {
        match self.plant(before, call) {
            Planted::Step(before, call) => take(self.database, &self.deliveries, before, call).await,
            Planted::Answer(answer, after) => (answer, after),
        }
    }

    /// Returns what a faulty store does instead.
    fn plant(&self, before: Option<Row>, call: Call) -> Planted {
        let Some(row) = before else { return Planted::Step(before, call) };
        let live = row.until > 0;
        let own = |token| row.token == token;
        match (self.fault, call) {
            (Fault::CompletesForAnybody, Call::Complete { key, .. }) => {
                Planted::Step(before, Call::Complete { key, token: row.token })
            }
            (Fault::ReleasesForAnybody, Call::Release { key, .. }) => {
                Planted::Step(before, Call::Release { key, token: row.token })
            }
            (Fault::ExtendsForAnybody, Call::Extend { key, .. }) => {
                Planted::Step(before, Call::Extend { key, token: row.token })
            }
            (Fault::ReleasesWhatIsDone, Call::Release { token, .. }) if row.done && own(token) => {
                Planted::Answer(Answer::Changed, None)
            }
            (Fault::TakesOverLiveLeases, Call::Claim { .. }) if live && !row.done => Planted::Step(None, call),
            (Fault::TakesOverWhatIsDone, Call::Claim { .. }) if live && row.done => Planted::Step(None, call),
            (Fault::OverwritesOtherPayloads, Call::Claim { payload, .. }) if payload != row.payload => {
                Planted::Step(None, call)
            }
            (Fault::IgnoresThePayload, Call::Claim { key, receiver, .. }) => {
                Planted::Step(before, Call::Claim { key, payload: row.payload, receiver })
            }
            (Fault::KeepsWhatIsReleased, Call::Release { token, .. }) if own(token) && !row.done => {
                Planted::Answer(Answer::Changed, before)
            }
            (Fault::KeepsEndedLeases, Call::Claim { .. }) if !live && !row.done => {
                Planted::Answer(Answer::InFlight { left: 0 }, before)
            }
            (Fault::RefusesLateCompletion, Call::Complete { .. }) if !live => {
                Planted::Answer(Answer::LeaseLost, before)
            }
            (Fault::PurgesWhatIsDone, Call::Purge { .. }) if row.done => Planted::Answer(Answer::Changed, None),
            _ => Planted::Step(before, call),
        }
    }
}
