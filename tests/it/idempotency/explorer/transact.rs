//! Receivers that write the effect and the record in one transaction, statement by statement:
//! every order, with crashes and lost commits, on real databases. A path is taken again from its
//! start for each step after it, because an open transaction cannot be copied.

use std::collections::{HashSet, VecDeque};

use offhook::idempotency::{Claim, PostgresStore, SqliteStore, sqlx};
use offhook_tests::databases::{Folder, PgServer};

use super::contract::Checked;
use super::receiver::Deliveries;

/// A planted fault of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    AcknowledgesBeforeCommit,
    RecordsInItsOwnTransaction,
    IgnoresTheClaim,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Begin(usize),
    Claim(usize),
    Effect(usize),
    /// The handler fails.
    Fail(usize),
    Commit(usize),
    /// The transaction is committed, and the receiver does not hear of it.
    CommitUnheard(usize),
    /// The receiver dies or loses its connection, and the database has not noticed yet.
    Break(usize),
    /// The database notices.
    Notice,
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Begun,
    /// The key belongs to another payload, so it is claimed together with its own.
    Conflict,
    Claimed,
    Written,
}

/// A database with a store and a table of effects.
trait Site {
    type Transaction;

    /// Returns `None` if the database lets only one transaction write.
    async fn begin(&self) -> Option<Self::Transaction>;
    async fn claim(&self, transaction: &mut Self::Transaction, conflict: bool, payload: usize) -> Claim;
    async fn effect(&self, transaction: &mut Self::Transaction, payload: usize);
    async fn commit(&self, transaction: Self::Transaction);
    async fn rollback(&self, transaction: Self::Transaction);
    /// Returns how many effects and how many records there are of each payload.
    async fn committed(&self) -> [(i64, i64); 2];
    async fn reset(&self);
    /// Handles a delivery with the crate's own flow, and returns the status.
    async fn transact(&self, payload: usize) -> u16;
}

struct World<T> {
    open: [Option<(Place, T)>; 2],
    broken: Option<(Place, T)>,
    /// Whether the vendor has been told that a payload was handled.
    acknowledged: [bool; 2],
}

struct Explorer<'s, S> {
    site: &'s S,
    payloads: [usize; 2],
    fault: Fault,
}

impl<S: Site> Explorer<'_, S> {
    /// Returns how many different states there are, or what is wrong in one of them.
    async fn explore(&self) -> Checked<usize> {
        let mut seen = HashSet::new();
        let mut paths = VecDeque::from([Vec::new()]);
        while let Some(path) = paths.pop_front() {
            let mut next = 0;
            loop {
                let mut world = World { open: [None, None], broken: None, acknowledged: [false; 2] };
                self.site.reset().await;
                for step in &path {
                    self.take(*step, &mut world).await?;
                }
                let steps = self.steps(&world);
                let Some(step) = steps.get(next).copied() else {
                    self.end(world).await;
                    break;
                };
                next += 1;
                let mut path = path.clone();
                path.push(step);
                let wrong = |error: String| format!("{error}, after {path:?}");
                let taken = self.take(step, &mut world).await;
                let state = match taken {
                    Ok(()) => self.check(&world).await,
                    Err(error) => Err(error),
                };
                let places = (world.open.each_ref().map(place), place(&world.broken));
                let acknowledged = world.acknowledged;
                self.end(world).await;
                if seen.insert((places, acknowledged, state.map_err(wrong)?)) {
                    self.check_recovery().await.map_err(wrong)?;
                    paths.push_back(path);
                }
            }
        }
        Ok(seen.len())
    }

    fn steps(&self, world: &World<S::Transaction>) -> Vec<Step> {
        let mut steps = Vec::new();
        for (receiver, open) in world.open.iter().enumerate() {
            let Some((place, _)) = open else {
                steps.push(Step::Begin(receiver));
                continue;
            };
            match place {
                Place::Begun | Place::Conflict => steps.push(Step::Claim(receiver)),
                Place::Claimed => steps.extend([Step::Effect(receiver), Step::Fail(receiver)]),
                Place::Written => {
                    steps.extend([Step::Fail, Step::Commit, Step::CommitUnheard].map(|step| step(receiver)));
                }
            }
            if world.broken.is_none() {
                steps.push(Step::Break(receiver));
            }
        }
        steps.extend(world.broken.is_some().then_some(Step::Notice));
        steps
    }

    async fn take(&self, step: Step, world: &mut World<S::Transaction>) -> Checked<()> {
        match step {
            Step::Begin(receiver) => {
                world.open[receiver] = self.site.begin().await.map(|transaction| (Place::Begun, transaction));
            }
            Step::Claim(receiver) => {
                let payload = self.payloads[receiver];
                let (place, mut transaction) = world.open[receiver].take().unwrap();
                match self.site.claim(&mut transaction, place == Place::Conflict, payload).await {
                    Claim::Fresh(_) if self.fault == Fault::RecordsInItsOwnTransaction => {
                        self.site.commit(transaction).await;
                        world.open[receiver] = Some((Place::Claimed, self.site.begin().await.unwrap()));
                    }
                    Claim::Fresh(_) => world.open[receiver] = Some((Place::Claimed, transaction)),
                    Claim::Conflict { .. } if place == Place::Begun => {
                        world.open[receiver] = Some((Place::Conflict, transaction));
                    }
                    _ if self.fault == Fault::IgnoresTheClaim => {
                        world.open[receiver] = Some((Place::Claimed, transaction));
                    }
                    claim @ (Claim::Done | Claim::InFlight { .. }) => {
                        self.site.rollback(transaction).await;
                        world.acknowledged[payload] |= claim == Claim::Done;
                    }
                    other => return Err(format!("a claim is answered by {other:?}")),
                }
            }
            Step::Effect(receiver) => {
                let payload = self.payloads[receiver];
                let (place, transaction) = world.open[receiver].as_mut().unwrap();
                self.site.effect(transaction, payload).await;
                *place = Place::Written;
                world.acknowledged[payload] |= self.fault == Fault::AcknowledgesBeforeCommit;
            }
            Step::Fail(receiver) => self.site.rollback(world.open[receiver].take().unwrap().1).await,
            Step::Commit(receiver) | Step::CommitUnheard(receiver) => {
                self.site.commit(world.open[receiver].take().unwrap().1).await;
                world.acknowledged[self.payloads[receiver]] |= step == Step::Commit(receiver);
            }
            Step::Break(receiver) => world.broken = world.open[receiver].take(),
            Step::Notice => self.site.rollback(world.broken.take().unwrap().1).await,
        }
        Ok(())
    }

    /// Checks what holds in every state, and returns which payloads have their effect.
    async fn check(&self, world: &World<S::Transaction>) -> Checked<[bool; 2]> {
        let committed = self.site.committed().await;
        for ((effects, records), acknowledged) in committed.into_iter().zip(world.acknowledged) {
            match (effects, records) {
                (2.., _) => return Err("an event has two effects".to_owned()),
                (0, 1..) => return Err("an event is recorded without its effect".to_owned()),
                (1, 1) => {}
                (0, 0) if acknowledged => return Err("an event is acknowledged without its effect".to_owned()),
                (0, 0) => {}
                (_, 0) => return Err("an effect is committed without its record".to_owned()),
                other => return Err(format!("there are {other:?} effects and records")),
            }
        }
        Ok(committed.map(|(effects, _)| effects > 0))
    }

    /// Checks that the next delivery of each payload is acknowledged, with exactly one effect.
    async fn check_recovery(&self) -> Checked<()> {
        for payload in self.payloads {
            let status = self.site.transact(payload).await;
            let (effects, records) = self.site.committed().await[payload];
            if (status, effects, records) != (200, 1, 1) {
                return Err(format!("the next delivery gets {status}, with {effects} effects and {records} records"));
            }
        }
        Ok(())
    }

    /// The database notices that all receivers are gone.
    async fn end(&self, world: World<S::Transaction>) {
        for (_, transaction) in world.open.into_iter().chain([world.broken]).flatten() {
            self.site.rollback(transaction).await;
        }
    }
}

fn place<T>(open: &Option<(Place, T)>) -> Option<Place> {
    open.as_ref().map(|(place, _)| *place)
}

macro_rules! site {
    ($site:ident, $store:ty, $db:ty, $server:ty, $begin:literal, $only_one:expr) => {
        struct $site {
            _server: $server,
            store: $store,
            deliveries: Deliveries,
        }

        impl $site {
            async fn with(server: $server, store: $store) -> Self {
                store.migrate().await.unwrap();
                sqlx::query("CREATE TABLE effects (payload BIGINT)").execute(store.pool()).await.unwrap();
                $site { _server: server, store, deliveries: Deliveries::new() }
            }
        }

        impl Site for $site {
            type Transaction = sqlx::Transaction<'static, $db>;

            async fn begin(&self) -> Option<Self::Transaction> {
                match self.store.pool().begin_with($begin).await {
                    Ok(transaction) => Some(transaction),
                    Err(error) => {
                        assert!($only_one(&error), "{error}");
                        None
                    }
                }
            }

            async fn claim(&self, transaction: &mut Self::Transaction, conflict: bool, payload: usize) -> Claim {
                let key = self.deliveries.key(if conflict { payload + 1 } else { 0 });
                self.store.claim_in(transaction, key, self.deliveries.payload(payload)).await.unwrap()
            }

            async fn effect(&self, transaction: &mut Self::Transaction, payload: usize) {
                let insert = sqlx::query("INSERT INTO effects VALUES ($1)").bind(i64::try_from(payload).unwrap());
                insert.execute(&mut **transaction).await.unwrap();
            }

            async fn commit(&self, transaction: Self::Transaction) {
                transaction.commit().await.unwrap();
            }

            async fn rollback(&self, transaction: Self::Transaction) {
                transaction.rollback().await.unwrap();
            }

            async fn committed(&self) -> [(i64, i64); 2] {
                let mut committed = [(0, 0); 2];
                for (payload, counts) in committed.iter_mut().enumerate() {
                    *counts = sqlx::query_as(
                        "SELECT (SELECT count(*) FROM effects WHERE payload = $1),
                                (SELECT count(*) FROM offhook_deliveries WHERE body = $2 AND done)",
                    )
                    .bind(i64::try_from(payload).unwrap())
                    .bind(&self.deliveries.payload(payload).as_bytes()[..])
                    .fetch_one(self.store.pool())
                    .await
                    .unwrap();
                }
                committed
            }

            async fn reset(&self) {
                for table in ["DELETE FROM offhook_deliveries", "DELETE FROM effects"] {
                    sqlx::query(table).execute(self.store.pool()).await.unwrap();
                }
            }

            async fn transact(&self, payload: usize) -> u16 {
                let handled = self.store.transact(self.deliveries.delivery(payload), async |_, connection| {
                    let insert = sqlx::query("INSERT INTO effects VALUES ($1)");
                    insert.bind(i64::try_from(payload).unwrap()).execute(connection).await?;
                    Ok(())
                });
                handled.await.reply().status()
            }
        }
    };
}

site!(Sqlite, SqliteStore, sqlx::Sqlite, Folder, "BEGIN IMMEDIATE", |error: &sqlx::Error| {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("5"))
});
site!(Postgres, PostgresStore, sqlx::Postgres, PgServer, "BEGIN", |_: &sqlx::Error| false);

async fn sqlite() -> Sqlite {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
    let folder = Folder::new();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("offhook.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off)
        .busy_timeout(std::time::Duration::ZERO);
    let pool = SqlitePoolOptions::new().max_connections(4).test_before_acquire(false);
    let store = SqliteStore::new(pool.connect_with(options).await.unwrap());
    Sqlite::with(folder, store).await
}

async fn postgres() -> Postgres {
    use sqlx::postgres::PgPoolOptions;
    let server = PgServer::start(&["fsync=off", "synchronous_commit=off"]);
    let pool = PgPoolOptions::new().max_connections(4).test_before_acquire(false);
    let store = PostgresStore::new(pool.connect(&server.url()).await.unwrap());
    Postgres::with(server, store).await
}

/// Receivers of one event, and of two events under one key.
const PAYLOADS: [[usize; 2]; 2] = [[0, 0], [0, 1]];

async fn explore(site: &impl Site) {
    for payloads in PAYLOADS {
        let states = Explorer { site, payloads, fault: Fault::None }.explore().await.unwrap();
        println!("transact {payloads:?}: {states} states");
        assert!(states > 10, "{states}");
    }
}

async fn find_faults(site: &impl Site, ignored_claim: &str) {
    for (fault, expected) in [
        (Fault::AcknowledgesBeforeCommit, "an event is acknowledged without its effect"),
        (Fault::RecordsInItsOwnTransaction, "an event is recorded without its effect"),
        (Fault::IgnoresTheClaim, ignored_claim),
    ] {
        let found = Explorer { site, payloads: PAYLOADS[0], fault }.explore().await;
        assert!(found.as_ref().is_err_and(|error| error.contains(expected)), "{fault:?}: {found:?}");
    }
}

#[tokio::test]
async fn an_event_is_done_in_sqlite_exactly_if_it_has_its_effect() {
    let site = sqlite().await;
    explore(&site).await;
    find_faults(&site, "an event has two effects").await;
}

#[tokio::test]
async fn an_event_is_done_in_postgres_exactly_if_it_has_its_effect() {
    let site = postgres().await;
    explore(&site).await;
    find_faults(&site, "an effect is committed without its record").await;
}
