//! Each event is handled once: the contract of a store, and the flow around a handler.
//!
//! Knows deliveries and their keys. Must never know a vendor or a framework.
//!
//! ```
//! use offhook::idempotency::MemoryStore;
//! use offhook::{Truedy, Verifier};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use offhook::{Clock, FixedClock};
//! # let clock = FixedClock::at_unix(1_773_844_200);
//! # let truedy = Truedy::new("whsec_test_secret")?.with_clock(clock);
//! # let headers = [
//! #     ("x-truedy-timestamp", "1773844200"),
//! #     ("x-truedy-signature", "96d85da17d136e52c8abc091357ff1d78bc4bf5a8021a408f22a7e9b03d0f408"),
//! # ];
//! # let body = r#"{"event":"call.ended","timestamp":"2026-03-18T14:30:00.000Z","data":{"event":"call.ended","call":{"callId":"uv_call_123","agent":{"agentId":"uv_agent_123"}},"id":"uv_evt_123"}}"#;
//! let store = MemoryStore::new();
//! let delivery = truedy.receive(&headers, body)?;
//! # let runs = std::sync::atomic::AtomicU32::new(0);
//! # pollster(async {
//! for _ in 0..2 {
//!     let handled = delivery
//!         .once(&store, async |_event| {
//!             // Runs for the first delivery only.
//! #           runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
//!             Ok(())
//!         })
//!         .await;
//!     assert_eq!(handled.reply().status(), 204);
//! }
//! # });
//! # assert_eq!(runs.into_inner(), 1);
//! # Ok(())
//! # }
//! # fn pollster<F: Future>(future: F) -> F::Output {
//! #     let mut future = std::pin::pin!(future);
//! #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! #     loop {
//! #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
//! #             return output;
//! #         }
//! #     }
//! # }
//! ```
//!
//! # What is promised
//!
//! | how the handler runs | promise |
//! |---|---|
//! | in one transaction with the record: `transact`, on the SQL stores | exactly once |
//! | by [`Once`], with a unique key in the table of the effect | exactly once |
//! | by [`Once`] alone | at least once, deduplicated |
//!
//! A lease alone cannot promise more. If a process dies after the effect and before the
//! record, the event is handled again when it is delivered again. If a handler outlives its
//! lease, it runs beside the next one. The unique key is [`Key::as_str`].
//!
//! # How a handler is run
//!
//! | call | use it |
//! |---|---|
//! | [`Delivery::once`](crate::Delivery::once) | with the default settings |
//! | [`Once::run`] | with settings |
//! | `HandlerTasks::run`, around one of these | to let the handler run on if the vendor hangs up |
//! | [`Once::run_with`] | to extend the lease in a slow handler |
//! | `transact`, on the SQL stores | to write the effects in one transaction with the record |
//!
//! # Which store
//!
//! | store | survives | machines | cost of an event |
//! |---|---|---|---|
//! | [`MemoryStore`] | nothing | one process | two locks; about 140 bytes per record |
//! | `SqliteStore` (feature `sqlite`) | a crash | one | two commits to a file, one at a time |
//! | `PostgresStore` (feature `postgres`) | a crash | any number | two statements; one transaction with `transact` |
//! | `RedisStore` (feature `redis`) | what its persistence keeps | any number | two scripts |
//!
//! If two accounts of one vendor share a store, give each verifier its own endpoint: it is a
//! part of the [`Key`].

mod claim;
mod key;
mod once;
mod outcome;
mod retention;
mod settings;
mod store;
mod stores;
#[cfg(any(feature = "axum", feature = "actix-web", feature = "sqlite", feature = "postgres", feature = "redis"))]
mod tasks;

pub use claim::{Claim, Lease, LeaseToken};
pub use key::{Key, PayloadDigest};
pub use once::{HeldClaim, Once};
pub use outcome::{Handled, HandlerError, Outcome};
pub use settings::{DEFAULT_LEASE, DEFAULT_RETENTION, MIN_RETENTION, SettingsError, StoreSettings};
pub use store::{BoxFuture, Store, StoreError};
#[cfg(feature = "postgres")]
pub use stores::PostgresStore;
#[cfg(feature = "redis")]
pub use stores::RedisStore;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use stores::SqlStore;
#[cfg(feature = "sqlite")]
pub use stores::SqliteStore;
pub use stores::{DEFAULT_CAPACITY, MemoryStore};
#[cfg(any(feature = "axum", feature = "actix-web", feature = "sqlite", feature = "postgres", feature = "redis"))]
pub use tasks::HandlerTasks;

/// sqlx 0.9, of which the SQL stores take their pools and lend their connections.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use sqlx;

// The inbox shares these.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use outcome::caught;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use retention::check_age;
#[cfg(feature = "postgres")]
pub(crate) use stores::connect_pool;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use stores::{DEFAULT_TIMEOUT, in_time, millis, within};
#[cfg(feature = "sqlite")]
pub(crate) use stores::{host_time, open_pool};
