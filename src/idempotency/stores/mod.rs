//! The stores of this crate.

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod claiming;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::{DEFAULT_CAPACITY, MemoryStore};
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(feature = "redis")]
pub use redis::RedisStore;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use sql::SqlStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

// The inbox shares these.
#[cfg(feature = "postgres")]
pub(crate) use postgres::connect_pool;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use sql::{DEFAULT_TIMEOUT, in_time, millis, within};
#[cfg(feature = "sqlite")]
pub(crate) use sqlite::{host_time, open_pool};
