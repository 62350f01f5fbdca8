//! Explores everything that receivers of one event can do to a store: each order of their steps,
//! with crashes, cancelled requests, lost steps and lost answers between any two, until nothing
//! new is reached. Nothing here waits: time passes as a step, half a lease or a whole one at once.
//!
//! - `Once`: the receivers run the crate's own flow, and a store in SQLite takes the steps. A
//!   step depends only on the record of its key, so each is taken once from each record, and
//!   then remembered. Every step from every record is also taken in PostgreSQL and in Redis,
//!   and compared with the contract, so their states are the same.
//! - `transact`: the receivers' statements run in SQLite and in PostgreSQL. The flow itself runs
//!   on a connection that is cut at each message.
//!
//! A claim in an SQL database reads the record of another owner in a second statement. What
//! happens between the two is the same as if the whole claim came after it.

mod contract;
mod cut;
mod databases;
mod receiver;
mod steps;
mod subject;
mod transact;
mod world;

use contract::compare;
use databases::{Database, Postgres, Redis, Sqlite};
use receiver::Flow;
use steps::LEASE;
use subject::{Fault, Subject};
use world::Explorer;

/// The payload that each receiver gets, and the ticks by which time passes.
type Size = (&'static [usize], i8);

const SAME: Size = (&[0, 0], 1);
/// The second payload belongs to another event under the same key.
const CONFLICT: Size = (&[0, 1], LEASE);
const THREE: Size = (&[0, 0, 0], LEASE);

#[tokio::test]
async fn no_order_of_steps_has_two_owners_or_loses_an_event() {
    let sqlite = Sqlite::new().await;
    let subject = Subject::new(&sqlite);
    let mut explorer = Explorer::new(&subject, Flow::Once);
    for (receivers, ticks) in [SAME, CONFLICT, THREE] {
        let explored = explorer.explore(receivers, ticks).await.unwrap();
        println!("once {receivers:?}: {explored}");
        assert!(explored.states > 5_000, "{explored}");
    }
}

async fn keeps_the_contract(database: &dyn Database) {
    let steps = compare(&Subject::new(database)).await.unwrap();
    println!("{steps} steps");
    assert!(steps > 500, "{steps}");
}

#[tokio::test]
async fn every_step_from_every_record_in_sqlite_keeps_the_contract() {
    keeps_the_contract(&Sqlite::new().await).await;
}

#[tokio::test]
async fn every_step_from_every_record_in_postgres_keeps_the_contract() {
    keeps_the_contract(&Postgres::new().await).await;
}

#[tokio::test]
async fn every_step_from_every_record_in_redis_keeps_the_contract() {
    keeps_the_contract(&Redis::new().await).await;
}

/// Each fault is found by the contract of the steps. If it has consequences for an event, these
/// are found without the contract as well.
#[tokio::test]
async fn every_planted_fault_of_a_store_is_found() {
    const TWO: &str = "two receivers own one event";
    let sqlite = Sqlite::new().await;
    for (fault, (receivers, ticks), consequence) in [
        (Fault::CompletesForAnybody, SAME, None),
        (Fault::ReleasesForAnybody, SAME, Some(TWO)),
        (Fault::ExtendsForAnybody, SAME, Some(TWO)),
        (Fault::TakesOverLiveLeases, SAME, Some(TWO)),
        (Fault::TakesOverWhatIsDone, SAME, None),
        (Fault::OverwritesOtherPayloads, CONFLICT, Some(TWO)),
        (Fault::IgnoresThePayload, CONFLICT, Some("a delivery is acknowledged without its effect")),
        (Fault::KeepsWhatIsReleased, SAME, None),
        (Fault::KeepsEndedLeases, SAME, Some("an event is not handled although all leases have ended")),
        (Fault::RefusesLateCompletion, SAME, None),
        (Fault::PurgesWhatIsDone, SAME, None),
    ] {
        let subject = Subject::new(&sqlite).with(fault);
        assert!(compare(&subject).await.is_err(), "{fault:?}");
        let found = Explorer::new(&subject, Flow::Once).explore(receivers, ticks).await;
        let found = found.expect_err(&format!("{fault:?}"));
        assert!(found.contains("is answered by") || found.contains("leaves"), "{fault:?}: {found}");
        if let Some(consequence) = consequence {
            let found = Explorer::new(&subject, Flow::Once).without_contract().explore(receivers, ticks).await;
            let found = found.expect_err(&format!("{fault:?}"));
            assert!(found.starts_with(consequence), "{fault:?}: {found}");
        }
    }
    // The flow around a handler never releases an event that it has recorded.
    assert!(compare(&Subject::new(&sqlite).with(Fault::ReleasesWhatIsDone)).await.is_err());
}

#[tokio::test]
async fn an_acknowledgement_before_the_effect_is_found() {
    let sqlite = Sqlite::new().await;
    let subject = Subject::new(&sqlite);
    for flow in [Flow::RecordsFirst, Flow::AcknowledgesInFlight] {
        let found = Explorer::new(&subject, flow).explore(SAME.0, SAME.1).await.unwrap_err();
        assert!(found.starts_with("a delivery is acknowledged without its effect"), "{flow:?}: {found}");
    }
}
