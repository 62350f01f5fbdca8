//! The inbox: answer now, process later (features `sqlite` and `postgres`).
//!
//! Knows deliveries, their keys and the SQL databases. Must never know a vendor or a framework.
//!
//! ```no_run
//! use offhook::inbox::{SqliteInbox, Work};
//! use offhook::{Delivery, Reply, Truedy, truedy};
//!
//! async fn on_truedy(inbox: &SqliteInbox, delivery: Delivery<truedy::Event>) -> Reply {
//!     delivery.accept(inbox).await
//! }
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let inbox = SqliteInbox::open("inbox.db").await?;
//! inbox.migrate().await?;
//! let worker = inbox.worker().vendor(Truedy::new("whsec_first")?, async |work: &Work<truedy::Event>| {
//!     println!("{} of call {:?}, attempt {}", work.key(), work.call_id(), work.attempt());
//!     Ok(())
//! });
//! tokio::spawn(worker.run(std::future::pending()));
//! # Ok(()) }
//! ```
//!
//! # What is promised
//!
//! What is acknowledged is stored, and what is stored is handled until it is done or dead.
//! Nothing that was not verified is stored, and a redelivery is a duplicate.
//!
//! | handler | promise |
//! |---|---|
//! | [`Worker::vendor_in_transaction`] | exactly once |
//! | [`Worker::vendor`], with a unique constraint on [`Work::key`] | exactly once |
//! | [`Worker::vendor`] alone | at least once |
//!
//! # The states
//!
//! ```text
//! accept ──▶ waiting ──claim──▶ running ──success──▶ done ──prune──▶ (gone)
//!               ▲  ▲               │ │                 │
//!               │  └─fails, lease──┘ └─last attempt,   │ replay
//!               │    ends, shutdown      permanent,    │
//!               │                        unparsable    │
//!               │                            ▼         │
//!               ├───────────retry────────── dead ──prune──▶ (gone)
//!               └──────────────────────────────────────┘
//! ```
//!
//! It is no general job queue: there is no timetable, no priority and no chain. An engine of
//! yours can take over the [`Stored`] delivery.

mod accept;
mod acceptance;
mod backlog;
mod base;
mod backoff;
mod claims;
mod dialect;
mod ended;
mod entry;
mod handlers;
mod in_hand;
#[cfg(feature = "tracing")]
mod log;
#[cfg(feature = "metrics")]
mod metrics;
mod observe;
mod operate;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod records;
mod statements;
mod stock;
mod stored;
mod work;
mod worker;
#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;

pub use acceptance::{Acceptance, Accepted};
pub use base::{DEFAULT_BACKLOG_LIMIT, DEFAULT_SIZE_LIMIT, Inbox};
pub use dialect::Dialect;
pub use ended::Ended;
pub use entry::{Entry, State};
pub use handlers::OptionalVerifier;
pub use operate::{Filter, PrunePolicy, Pruned, SourceStats, Stats};
#[cfg(feature = "postgres")]
pub use postgres::PostgresInbox;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteInbox;
pub use stored::{OpenError, Stored};
pub use work::Work;
pub use worker::Worker;
