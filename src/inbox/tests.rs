//! Tests single steps of the inbox, and explores everything that two workers can do to the events
//! of one call: each order of steps, with crashes and lost answers between any two, until nothing
//! new is reached. The steps are those of the worker, and run the crate's own statements in SQLite.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sqlx::{Connection as _, SqlStr};
use tokio::sync::{Notify, mpsc};

use super::base::Kept;
use super::claims::{Found, Held, Owner, Wanted};
use super::dialect::{Dialect as _, Row, Value};
use super::entry::State;
use super::in_hand::InHand;
use super::operate::Filter;
use super::records::{Handled, Records};
use super::sqlite::{SqliteDialect, SqliteInbox};
use super::stock::Stock;
use super::work::Work;
use crate::event::Stage;
use crate::idempotency::StoreError;
use crate::{Salpre, Verifier as _};

const BODIES: [&str; 2] = [
    r#"{"event_type":"call_initiated","payload":{"call_id":1}}"#,
    r#"{"event_type":"call_ended","payload":{"call_id":1}}"#,
];
const SOURCES: &str = r#"[["salpre",""]]"#;
const LEASE: Duration = Duration::from_secs(1);
const MANY_ATTEMPTS: u32 = 1_000_000;
const WORKERS: [usize; 2] = [0, 1];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The handler's effect, then the record.
    Plain,
    /// Both in one transaction.
    Transact,
    /// As `Plain`, with a planted fault: the record does not ask who owns the event.
    PlantedFault,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Accept(usize),
    Claim {
        worker: usize,
        most: usize,
        answered: bool,
    },
    Handle(usize),
    Done {
        worker: usize,
        answered: bool,
    },
    Transact {
        worker: usize,
        committed: bool,
        answered: bool,
    },
    Fail(usize),
    Extend(usize),
    GiveBack(usize),
    Crash(usize),
    /// The time passes after which all leases have ended, and no event is put off.
    LeasesEnd,
    Expire,
}

/// What a worker is about.
#[derive(Clone, Copy, Debug)]
enum Place {
    Idle,
    Holds(usize, Owner),
    /// The handler has run.
    Handled(usize, Owner),
}

/// What must be true of the database, by the steps that were taken.
#[derive(Clone, Debug)]
struct World {
    time: i64,
    places: [Place; 2],
    accepted: [bool; 2],
    /// Whose claim counts: each has its number, also one whose answer was lost.
    owners: [Option<Option<Owner>>; 2],
    /// Effects outside of the database.
    effects: [u8; 2],
}

struct Explorer {
    mode: Mode,
    inbox: SqliteInbox,
    now: Arc<AtomicI64>,
    seen: HashSet<String>,
    snapshots: usize,
}

type Checked<T> = Result<T, String>;

impl Explorer {
    async fn new(mode: Mode) -> Self {
        let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
        let now = Arc::new(AtomicI64::new(0));
        let time = Arc::clone(&now);
        let inbox = SqliteInbox::new(pool).with_time(move || time.load(Ordering::Relaxed));
        inbox.migrate().await.unwrap();
        let explorer = Explorer { mode, inbox, now, seen: HashSet::new(), snapshots: 0 };
        explorer.run("CREATE TABLE effects (event TEXT)").await;
        explorer
    }

    fn pool(&self) -> &SqlitePool {
        self.inbox.pool()
    }

    async fn run(&self, statement: &str) -> u64 {
        let sql = sqlx::AssertSqlSafe(statement);
        sqlx::query(sql)
            .execute(self.pool())
            .await
            .unwrap_or_else(|error| panic!("{error}: {statement}"))
            .rows_affected()
    }

    async fn count(&self, statement: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(self.pool()).await.unwrap()
    }

    /// Returns how many different states there are, or what is wrong in one of them.
    async fn explore(mut self) -> Checked<usize> {
        let start =
            World { time: 0, places: [Place::Idle; 2], accepted: [false; 2], owners: [None; 2], effects: [0; 2] };
        let mut open = vec![(self.save().await, start, Vec::new())];
        while let Some((snapshot, world, path)) = open.pop() {
            for step in self.steps(&world) {
                self.restore(snapshot, &world).await;
                let mut after = world.clone();
                let mut path: Vec<Step> = path.clone();
                path.push(step);
                let wrong = |error: String| format!("{error}, after {path:?}");
                self.take(step, &mut after).await.map_err(wrong)?;
                self.check(&after).await.map_err(wrong)?;
                if self.seen.insert(self.fingerprint(&after).await) {
                    let snapshot = self.save().await;
                    self.check_recovery(&after).await.map_err(wrong)?;
                    open.push((snapshot, after, path));
                }
            }
        }
        Ok(self.seen.len())
    }

    async fn save(&mut self) -> usize {
        self.snapshots = self.snapshots.saturating_add(1);
        for table in ["offhook_inbox", "effects"] {
            self.run(&format!("CREATE TABLE {table}_{} AS SELECT * FROM {table}", self.snapshots)).await;
        }
        self.snapshots
    }

    async fn restore(&self, snapshot: usize, world: &World) {
        for table in ["offhook_inbox", "effects"] {
            self.run(&format!("DELETE FROM {table}")).await;
            self.run(&format!("INSERT INTO {table} SELECT * FROM {table}_{snapshot}")).await;
        }
        self.now.store(world.time, Ordering::Relaxed);
    }

    fn steps(&self, world: &World) -> Vec<Step> {
        let mut steps = vec![Step::LeasesEnd, Step::Expire];
        steps.extend([0, 1].map(Step::Accept));
        for worker in WORKERS {
            match world.places[worker] {
                Place::Idle => {
                    for most in [1, 2] {
                        steps.extend([true, false].map(|answered| Step::Claim { worker, most, answered }));
                    }
                }
                Place::Holds(..) => {
                    steps.extend([Step::Fail, Step::Extend, Step::GiveBack, Step::Crash].map(|step| step(worker)));
                    if self.mode == Mode::Transact {
                        steps.extend(
                            [(true, true), (true, false), (false, false)].map(|(committed, answered)| Step::Transact {
                                worker,
                                committed,
                                answered,
                            }),
                        );
                    } else {
                        steps.push(Step::Handle(worker));
                    }
                }
                Place::Handled(..) => {
                    steps.push(Step::Crash(worker));
                    steps.extend([true, false].map(|answered| Step::Done { worker, answered }));
                }
            }
        }
        steps
    }

    async fn take(&self, step: Step, world: &mut World) -> Checked<()> {
        match step {
            Step::Accept(event) => {
                let salpre = Salpre::bearer("s3cret-t0ken").unwrap();
                let delivery = salpre.receive(&[("authorization", "Bearer s3cret-t0ken")], BODIES[event]).unwrap();
                assert_eq!(delivery.accept(&self.inbox).await.status(), 200);
                world.accepted[event] = true;
            }
            Step::Claim { worker, most, answered } => {
                let wanted = Wanted { now: 1, ahead: most.saturating_sub(1) };
                let found = self.inbox.claim(SOURCES, LEASE, false, wanted).await.unwrap();
                let held = match &found.events[..] {
                    [] => return Ok(()),
                    [held] => held,
                    _ => return Err("one claim has two events of one call".to_owned()),
                };
                let event = usize::from(held.entry.event == "call_ended");
                let owner = held.owner();
                if world.owners.iter().any(Option::is_some) {
                    return Err("two claims in one call count at once".to_owned());
                }
                if event == 1 && self.count(&open("call_initiated")).await > 0 {
                    return Err("the second event of a call runs before the first".to_owned());
                }
                world.owners[event] = Some(answered.then_some(owner));
                if answered {
                    world.places[worker] = Place::Holds(event, owner);
                }
            }
            Step::Handle(worker) => {
                let Place::Holds(event, owner) = world.places[worker] else { return Ok(()) };
                world.effects[event] = world.effects[event].saturating_add(1).min(2);
                world.places[worker] = Place::Handled(event, owner);
            }
            Step::Done { worker, answered } => {
                let Place::Handled(event, owner) = world.places[worker] else { return Ok(()) };
                let answer = match self.mode {
                    Mode::PlantedFault => {
                        let name = ["call_initiated", "call_ended"][event];
                        let done = format!(
                            "UPDATE offhook_inbox SET state = 'done', finished_at = 0, token = NULL, lease_until = NULL
                             WHERE event = '{name}' AND state = 'running'"
                        );
                        if self.run(&done).await > 0 { Ok(()) } else { Err(StoreError::LeaseLost) }
                    }
                    _ => match self.inbox.done(&Kept::default(), &[owner]).await {
                        Ok(finished) if finished.is_empty() => Err(StoreError::LeaseLost),
                        answer => answer.map(drop),
                    },
                };
                ended(world, event, owner, answer)?;
                // A worker repeats the step until it has an answer.
                if answered {
                    world.places[worker] = Place::Idle;
                }
            }
            Step::Transact { worker, committed, answered } => {
                let Place::Holds(event, owner) = world.places[worker] else { return Ok(()) };
                let answer = self.transact(event, owner, committed).await;
                if committed {
                    ended(world, event, owner, answer)?;
                }
                // Without an answer, the worker records a failure, which must then change nothing.
                if committed && !answered {
                    let failed = self.inbox.fail(owner, Duration::ZERO, "no answer").await;
                    if failed.is_ok() {
                        return Err("a committed event is recorded as failed".to_owned());
                    }
                }
                world.places[worker] = Place::Idle;
            }
            Step::Fail(worker) => {
                let Place::Holds(event, owner) = world.places[worker] else { return Ok(()) };
                ended(world, event, owner, self.inbox.fail(owner, Duration::ZERO, "it failed").await)?;
                world.places[worker] = Place::Idle;
            }
            Step::Extend(worker) => {
                let Place::Holds(event, owner) = world.places[worker] else { return Ok(()) };
                let answer = self.inbox.extend(owner, LEASE).await;
                owned(world, event, owner, &answer)?;
                if answer.is_err() {
                    world.places[worker] = Place::Idle;
                }
            }
            Step::GiveBack(worker) => {
                let Place::Holds(event, owner) = world.places[worker] else { return Ok(()) };
                let running = "SELECT count(*) FROM offhook_inbox WHERE state = 'running'";
                let before = self.count(running).await;
                self.inbox.release(&[owner]).await.unwrap();
                let answer = if self.count(running).await < before { Ok(()) } else { Err(StoreError::LeaseLost) };
                ended(world, event, owner, answer)?;
                world.places[worker] = Place::Idle;
            }
            Step::Crash(worker) => world.places[worker] = Place::Idle,
            Step::LeasesEnd => {
                world.time = world.time.saturating_add(31_000);
                self.now.store(world.time, Ordering::Relaxed);
            }
            Step::Expire => {
                for entry in self.inbox.expire(SOURCES, MANY_ATTEMPTS).await.unwrap() {
                    world.owners[usize::from(entry.event == "call_ended")] = None;
                }
            }
        }
        Ok(())
    }

    /// Writes the effect and the record in one transaction, as the worker does.
    async fn transact(&self, event: usize, owner: Owner, committed: bool) -> Result<(), StoreError> {
        let mut connection = self.inbox.acquire().await?;
        let mut transaction = connection.begin_with(SqlStr::from_static(SqliteDialect::BEGIN)).await?;
        self.inbox.own_in(&mut transaction, owner).await?;
        sqlx::query("INSERT INTO effects VALUES ($1)")
            .bind(["call_initiated", "call_ended"][event])
            .execute(&mut *transaction)
            .await?;
        self.inbox.done_in(&mut transaction, owner).await?;
        if committed {
            transaction.commit().await?
        } else {
            transaction.rollback().await?
        }
        Ok(())
    }

    /// Checks what holds in every state.
    async fn check(&self, world: &World) -> Checked<()> {
        if self.count("SELECT count(*) FROM offhook_inbox WHERE state = 'running'").await > 1 {
            return Err("two events of one call run".to_owned());
        }
        for (event, name) in ["call_initiated", "call_ended"].into_iter().enumerate() {
            let rows = self.count(&format!("SELECT count(*) FROM offhook_inbox WHERE event = '{name}'")).await;
            if rows != i64::from(world.accepted[event]) {
                return Err(format!("{rows} rows of {name}"));
            }
            let done = self.count(&format!("{} AND state = 'done'", all(name))).await;
            let effects = match self.mode {
                Mode::Transact => self.count(&format!("SELECT count(*) FROM effects WHERE event = '{name}'")).await,
                _ => i64::from(world.effects[event]),
            };
            if done > 0 && effects == 0 {
                return Err(format!("{name} is done without its effect"));
            }
            if self.mode == Mode::Transact && done != effects {
                return Err(format!("{name} has {effects} effects, and is done {done} times"));
            }
        }
        Ok(())
    }

    /// Checks that a worker that lives finishes everything that was acknowledged.
    async fn check_recovery(&self, world: &World) -> Checked<()> {
        let mut world = World { places: [Place::Idle; 2], ..world.clone() };
        for step in [Step::LeasesEnd, Step::Expire] {
            self.take(step, &mut world).await?;
        }
        // An event that waits for the other one may be looked at first, and is then put off.
        for _ in 0..4 {
            self.take(Step::Claim { worker: 0, most: 1, answered: true }, &mut world).await?;
            if matches!(world.places[0], Place::Idle) {
                self.take(Step::LeasesEnd, &mut world).await?;
                continue;
            }
            self.take(Step::Handle(0), &mut world).await?;
            let end = match self.mode {
                Mode::Transact => Step::Transact { worker: 0, committed: true, answered: true },
                _ => Step::Done { worker: 0, answered: true },
            };
            if self.mode == Mode::Transact
                && let Place::Handled(event, owner) = world.places[0]
            {
                world.places[0] = Place::Holds(event, owner);
            }
            self.take(end, &mut world).await?;
        }
        self.check(&world).await?;
        match self.count("SELECT count(*) FROM offhook_inbox WHERE state <> 'done'").await {
            0 => Ok(()),
            left => Err(format!("{left} events are never done")),
        }
    }

    /// Returns what tells two states apart. Times and tokens differ in states that are the same.
    async fn fingerprint(&self, world: &World) -> String {
        let rows: Vec<(String, String, bool, bool, bool)> = sqlx::query_as(
            "SELECT event, state, token IS NOT NULL, coalesce(lease_until <= $1, 0), due <= $1
             FROM offhook_inbox ORDER BY event",
        )
        .bind(world.time)
        .fetch_all(self.pool())
        .await
        .unwrap();
        let effects = self.count("SELECT count(*) FROM effects").await;
        let place = |place: &Place| match place {
            Place::Idle => "idle".to_owned(),
            Place::Holds(event, owner) => format!("holds {event} {}", world.owners[*event] == Some(Some(*owner))),
            Place::Handled(event, owner) => format!("handled {event} {}", world.owners[*event] == Some(Some(*owner))),
        };
        let owners = world.owners.map(|owner| owner.map(|owner| owner.is_some()));
        format!(
            "{rows:?} {effects} {:?} {owners:?} {:?} {:?}",
            world.places.each_ref().map(place),
            world.effects,
            world.accepted
        )
    }
}

/// A change of an event must succeed exactly for the owner whose claim counts.
fn owned<T>(world: &World, event: usize, owner: Owner, answer: &Result<T, StoreError>) -> Checked<()> {
    let counts = world.owners[event] == Some(Some(owner));
    match answer {
        Ok(_) if counts => Ok(()),
        Err(StoreError::LeaseLost) if !counts => Ok(()),
        Ok(_) => Err("a worker that does not own the event changed it".to_owned()),
        Err(error) => Err(format!("the owner was refused: {error}")),
    }
}

/// The same, of a change that ends the claim.
fn ended<T>(world: &mut World, event: usize, owner: Owner, answer: Result<T, StoreError>) -> Checked<()> {
    owned(world, event, owner, &answer)?;
    if answer.is_ok() {
        world.owners[event] = None;
    }
    Ok(())
}

fn all(event: &str) -> String {
    format!("SELECT count(*) FROM offhook_inbox WHERE event = '{event}'")
}

fn open(event: &str) -> String {
    format!("{} AND finished_at IS NULL", all(event))
}

/// Accepts both events of each of three calls, and claims with a batch.
async fn three_calls(wanted: Wanted) -> (SqliteInbox, Found) {
    let Explorer { inbox, .. } = Explorer::new(Mode::Plain).await;
    let salpre = Salpre::bearer("s3cret-t0ken").unwrap();
    for body in BODIES {
        for call in 1..=3 {
            let body = body.replace(r#""call_id":1"#, &format!(r#""call_id":{call}"#));
            let delivery = salpre.receive(&[("authorization", "Bearer s3cret-t0ken")], body).unwrap();
            assert_eq!(delivery.accept(&inbox).await.status(), 200);
        }
    }
    let found = inbox.claim(SOURCES, LEASE, false, wanted).await.unwrap();
    (inbox, found)
}

fn owners(found: &Found) -> Vec<Owner> {
    found.events.iter().map(Held::owner).collect()
}

#[tokio::test]
async fn a_batch_has_the_first_event_of_each_call_and_puts_the_others_off() {
    let (_, found) = three_calls(Wanted { now: 1, ahead: 9 }).await;
    let events: Vec<_> = found.events.iter().map(|held| (held.entry.id, &*held.entry.event)).collect();
    assert_eq!(events, [1, 2, 3].map(|id| (id, "call_initiated")));
    assert_eq!((found.blocked, found.seen()), (3, 6));
    let stages: Vec<_> = found.events.iter().map(|held| held.stored.stage()).collect();
    assert_eq!(stages, [Some(Stage::Started); 3]);
}

#[test]
fn a_state_is_shown_and_read_as_the_table_has_it() {
    for (state, name) in
        [(State::Waiting, "waiting"), (State::Running, "running"), (State::Done, "done"), (State::Dead, "dead")]
    {
        assert_eq!((state.to_string().as_str(), State::of(name)), (name, Some(state)));
    }
    assert_eq!(State::of("DEAD"), None);
}

/// A driver may give a null the type of the column or another one.
#[test]
fn a_null_of_any_type_is_read_as_no_value() {
    let nulls = || Row::new(vec![Value::Int(None), Value::Text(None), Value::Bytes(None)]);
    let mut row = nulls();
    assert!([row.int(), row.int(), row.int()].iter().all(|value| matches!(value, Ok(None))));
    let mut row = nulls();
    let texts = [row.optional_text(), row.optional_text(), row.optional_text()];
    assert!(texts.iter().all(|value| matches!(value, Ok(None))));
    assert!(nulls().number().is_err());
}

#[tokio::test]
async fn the_next_look_is_due_when_the_first_lease_or_wait_ends() {
    let (inbox, found) = three_calls(Wanted { now: 3, ahead: 0 }).await;
    assert_eq!(inbox.until_next().await.unwrap(), Some(LEASE));
    for owner in owners(&found) {
        inbox.fail(owner, LEASE * 9, "it failed").await.unwrap();
    }
    assert_eq!(inbox.until_next().await.unwrap(), Some(LEASE * 9));
}

#[tokio::test]
async fn a_transaction_begins_for_the_owner_only() {
    let (inbox, found) = three_calls(Wanted { now: 3, ahead: 0 }).await;
    let owners = owners(&found);
    inbox.release(&owners[1..2]).await.unwrap();
    let mut transaction = inbox.pool().begin().await.unwrap();
    inbox.own_in(&mut transaction, owners[0]).await.unwrap();
    let released = inbox.own_in(&mut transaction, owners[1]).await;
    assert!(matches!(released, Err(StoreError::LeaseLost)), "{released:?}");
}

#[tokio::test]
async fn an_event_that_was_tried_before_is_not_claimed_ahead() {
    let all = Wanted { now: 1, ahead: 2 };
    let (inbox, found) = three_calls(all).await;
    for owner in owners(&found) {
        inbox.fail(owner, Duration::ZERO, "it failed").await.unwrap();
    }
    let again = inbox.claim(SOURCES, LEASE, false, all).await.unwrap();
    assert_eq!((found.events.len(), again.events.len()), (3, 1));
}

/// In PostgreSQL, two claims may take events of the same call at the same time, and the index
/// refuses the later one. Here, a trigger refuses any claim of the second event.
#[tokio::test]
async fn a_claim_that_meets_another_one_takes_a_single_event_or_looks_again() {
    let (inbox, _) = three_calls(Wanted { now: 0, ahead: 0 }).await;
    for statement in [
        "CREATE TABLE taken (id integer UNIQUE)",
        "INSERT INTO taken VALUES (2)",
        "CREATE TRIGGER meeting AFTER UPDATE ON offhook_inbox WHEN new.state = 'running'
            BEGIN INSERT INTO taken VALUES (new.id); END",
    ] {
        sqlx::query(statement).execute(inbox.pool()).await.unwrap();
    }
    let first = inbox.claim(SOURCES, LEASE, false, Wanted { now: 3, ahead: 0 }).await.unwrap();
    assert_eq!((first.events.iter().map(|held| held.entry.id).collect(), first.blocked), (vec![1], 0));
    let second = inbox.claim(SOURCES, LEASE, false, Wanted { now: 3, ahead: 0 }).await.unwrap();
    assert_eq!((second.events.len(), second.seen()), (0, 1));
}

#[tokio::test]
async fn a_lost_lease_in_a_group_does_not_affect_the_others() {
    let (inbox, found) = three_calls(Wanted { now: 3, ahead: 0 }).await;
    let owners = owners(&found);
    // Another worker has the second event now.
    inbox.release(&owners[1..2]).await.unwrap();
    let other = inbox.claim(SOURCES, LEASE, false, Wanted { now: 9, ahead: 0 }).await.unwrap();
    assert_eq!(other.events.iter().map(|held| held.entry.id).collect::<Vec<_>>(), [2]);
    let recorded = inbox.done(&Kept::default(), &owners).await.unwrap();
    let mut ids: Vec<_> = recorded.into_keys().collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 3]);
    let states: Vec<_> = inbox.list(&Filter::new()).await.unwrap().iter().take(3).map(|entry| entry.state).collect();
    assert_eq!(states, [State::Done, State::Running, State::Done]);
    // The next events of the calls that have ended were put off, and run now.
    inbox.call_up(&Kept::default(), &[1, 3]).await;
    let next = inbox.claim(SOURCES, LEASE, false, Wanted { now: 9, ahead: 0 }).await.unwrap();
    let mut ids: Vec<_> = next.events.iter().map(|held| held.entry.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [4, 6]);
}

/// The list would grow without end if events stayed in it.
#[tokio::test]
async fn what_has_ended_is_not_in_hand_and_a_later_claim_is() {
    let (inbox, found) = three_calls(Wanted { now: 3, ahead: 0 }).await;
    let [first, second, third] = owners(&found)[..] else { panic!() };
    let in_hand = InHand::new(inbox.clone());
    for owner in [first, second, third] {
        in_hand.add(owner);
    }
    in_hand.remove(first);
    assert_eq!([first, second, third].map(|owner| in_hand.has(owner)), [false, true, true]);
    // The lease of the second one ended, and the same worker claimed the event again.
    inbox.release(&[second]).await.unwrap();
    let again = inbox.claim(SOURCES, LEASE, false, Wanted { now: 1, ahead: 0 }).await.unwrap();
    let [again] = owners(&again)[..] else { panic!() };
    in_hand.add(again);
    in_hand.remove(second);
    assert_eq!([second, again].map(|owner| in_hand.has(owner)), [false, true]);
    in_hand.give_all_back().await;
    assert_eq!([again, third].map(|owner| in_hand.has(owner)), [false, false]);
    let states: Vec<_> = inbox.list(&Filter::new()).await.unwrap().iter().take(3).map(|entry| entry.state).collect();
    assert_eq!(states, [State::Running, State::Waiting, State::Waiting]);
}

#[tokio::test]
async fn what_waits_for_longer_than_a_third_of_its_lease_or_a_second_is_given_back() {
    for (lease, wait) in [(900, 300), (60_000, 1_000)] {
        let [lease, wait] = [lease, wait].map(Duration::from_millis);
        let wanted = Wanted { now: 1, ahead: 2 };
        let (_, found) = three_calls(wanted).await;
        let (mut stock, now) = (Stock::new(12), Instant::now());
        let owners = owners(&found);
        stock.fill(wanted, found, now);
        assert!(stock.take_old(lease, now + wait).is_empty());
        assert_eq!(stock.take_old(lease, now + wait + Duration::from_nanos(1)), owners);
        assert!(stock.take().is_none());
    }
}

/// A worker would look again by itself, but only after a second or more.
#[tokio::test]
async fn what_may_run_now_wakes_the_workers_at_once() {
    let (inbox, found) = three_calls(Wanted { now: 3, ahead: 0 }).await;
    let (heard, mut hear) = mpsc::unbounded_channel();
    let listener = tokio::spawn(inbox.clone().listen(move || heard.send(()).unwrap()));
    tokio::task::yield_now().await;
    let mut woken = async || {
        tokio::task::yield_now().await;
        std::iter::from_fn(|| hear.try_recv().ok()).count() > 0
    };
    let salpre = Salpre::bearer("s3cret-t0ken").unwrap();
    let body = BODIES[0].replace(r#""call_id":1"#, r#""call_id":9"#);
    for (status, wakes) in [("accepted", true), ("duplicate", false)] {
        let delivery = salpre.receive(&[("authorization", "Bearer s3cret-t0ken")], body.clone()).unwrap();
        assert_eq!(delivery.accept(&inbox).await.status(), 200);
        assert_eq!(woken().await, wakes, "{status}");
    }
    let owners = owners(&found);
    inbox.bury(owners[0], "it cannot be handled").await.unwrap();
    inbox.done(&Kept::default(), &owners[1..2]).await.unwrap();
    assert!(!woken().await);
    assert!(inbox.retry(owners[0].id).await.unwrap());
    assert!(woken().await);
    assert_eq!(inbox.replay(&Filter::new()).await.unwrap(), 1);
    assert!(woken().await);
    // This one still runs.
    assert!(!inbox.retry(owners[2].id).await.unwrap());
    assert!(!woken().await);
    listener.abort();
}

#[tokio::test]
async fn an_event_that_has_ended_lets_the_next_one_of_its_call_run_and_wakes_the_worker() {
    let (inbox, found) = three_calls(Wanted { now: 3, ahead: 0 }).await;
    // The later events of the calls are looked at, and put off.
    let blocked = inbox.claim(SOURCES, LEASE, false, Wanted { now: 3, ahead: 0 }).await.unwrap();
    assert_eq!((blocked.events.len(), blocked.blocked), (0, 3));
    let idle = Arc::new(Notify::new());
    let in_hand = InHand::new(inbox.clone());
    let records = Records { inbox: inbox.clone(), observer: None, in_hand, idle: Arc::clone(&idle) };
    let [first, second, _] = &found.events[..] else { panic!() };
    records.dead(first.owner(), &first.entry, "it cannot be handled".to_owned()).await;
    tokio::time::timeout(Duration::from_secs(20), idle.notified()).await.expect("the worker is woken");
    let (handled, receiver) = mpsc::channel(1);
    handled.send(Handled { owner: second.owner(), entry: second.entry.clone() }).await.unwrap_or_else(|_| panic!());
    records.in_hand.add(second.owner());
    drop(handled);
    records.in_groups(receiver).await;
    tokio::time::timeout(Duration::from_secs(20), idle.notified()).await.expect("the worker is woken");
    let next = inbox.claim(SOURCES, LEASE, false, Wanted { now: 3, ahead: 0 }).await.unwrap();
    assert_eq!(next.events.iter().map(|held| held.entry.id).collect::<Vec<_>>(), [4, 5]);
}

#[tokio::test]
async fn what_a_handler_gets_shows_its_delivery_and_its_attempt() {
    let (_, found) = three_calls(Wanted { now: 1, ahead: 0 }).await;
    let [Held { entry, stored, .. }] = &found.events[..] else { panic!() };
    let delivery = stored.open(&Salpre::bearer("s3cret-t0ken").unwrap()).unwrap();
    let shown = format!("{:?}", Work::new(delivery.clone(), entry));
    assert_eq!(shown, format!("Work {{ delivery: {delivery:?}, id: 1, attempt: 1, replay: false, .. }}"));
}

#[tokio::test]
async fn no_order_of_steps_loses_an_event_or_has_two_owners() {
    let states = Explorer::new(Mode::Plain).await.explore().await.unwrap();
    assert!(states > 200, "{states}");
}

#[tokio::test]
async fn in_a_transaction_an_event_is_done_exactly_if_it_has_its_effect() {
    let states = Explorer::new(Mode::Transact).await.explore().await.unwrap();
    assert!(states > 100, "{states}");
}

#[tokio::test]
async fn a_record_by_somebody_else_is_found() {
    let found = Explorer::new(Mode::PlantedFault).await.explore().await;
    assert!(found.unwrap_err().starts_with("a worker that does not own the event changed it"));
}
