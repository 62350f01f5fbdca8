//! The store of the examples that handle a delivery before they answer, and their output.

use std::error::Error;
use std::sync::Arc;

use offhook::event::Parsed;
use offhook::idempotency::{MemoryStore, Once, Outcome, Store, StoreError};
use offhook::{Delivery, Event, Reply};
use serde::Serialize;

use crate::common;

/// Opens the store that OFFHOOK_STORE names: `memory`, `sqlite:FILE`, `postgres://…` or `redis://…`.
/// The default is `memory`.
pub(crate) async fn from_env() -> Result<Arc<dyn Store>, Box<dyn Error>> {
    let name = std::env::var("OFFHOOK_STORE").unwrap_or_else(|_| "memory".to_owned());
    match open(&name).await {
        Ok(Some(store)) => Ok(store),
        // The message does not repeat the address, which may contain a password.
        Ok(None) => Err("OFFHOOK_STORE must be memory, sqlite:FILE, postgres://… or redis://… \
             (run the example with the feature of that store)"
            .into()),
        Err(error) => Err(common::unusable_store(&error)),
    }
}

/// Returns `None` if this example knows no such store.
async fn open(name: &str) -> Result<Option<Arc<dyn Store>>, StoreError> {
    match name.split_once(':').unwrap_or((name, "")) {
        ("memory", "") => Ok(Some(Arc::new(MemoryStore::new()))),
        #[cfg(feature = "sqlite")]
        ("sqlite", file) if !file.is_empty() => {
            let store = offhook::idempotency::SqliteStore::open(file).await?;
            store.migrate().await?;
            store.purge().await?;
            Ok(Some(Arc::new(store)))
        }
        #[cfg(feature = "postgres")]
        ("postgres" | "postgresql", address) if !address.is_empty() => {
            let store = offhook::idempotency::PostgresStore::connect(name).await?;
            store.migrate().await?;
            store.purge().await?;
            Ok(Some(Arc::new(store)))
        }
        #[cfg(feature = "redis")]
        ("redis" | "rediss", address) if !address.is_empty() => {
            Ok(Some(Arc::new(offhook::idempotency::RedisStore::connect(name).await?)))
        }
        _ => Ok(None),
    }
}

/// Prints a line for an accepted delivery, and returns the reply. The handler prints the line of a
/// fresh delivery, so each event is printed as fresh once.
pub(crate) async fn handle<E: Event>(store: &Arc<dyn Store>, delivery: &Delivery<E>) -> Reply
where
    Parsed<E>: Serialize,
{
    let handled = Once::new(store).run(delivery, async |_event| {
        print_accepted(delivery, "fresh");
        Ok(())
    });
    let handled = handled.await;
    match handled.outcome() {
        Outcome::Handled | Outcome::Unkeyed | Outcome::Conflict => {}
        Outcome::Duplicate => print_accepted(delivery, "duplicate"),
        Outcome::InFlight { .. } => print_accepted(delivery, "in_flight"),
        other => {
            let reason = other.store_error().map(ToString::to_string).unwrap_or_default();
            eprintln!("not handled: {} {reason}", other.code());
        }
    }
    handled.reply()
}

/// The line that is printed for an accepted delivery.
#[derive(Serialize)]
struct Line<'a, P> {
    vendor: &'a str,
    event: &'a str,
    delivery: &'a str,
    dedupe_key: Option<String>,
    call_id: Option<&'a str>,
    test: bool,
    /// The paths of the documented fields that did not fit; empty if all of them fit.
    drift: Vec<&'a str>,
    data: &'a P,
}

fn print_accepted<E: Event>(delivery: &Delivery<E>, what: &str)
where
    Parsed<E>: Serialize,
{
    let event = delivery.parsed();
    let line = Line {
        vendor: delivery.vendor(),
        event: event.name(),
        delivery: what,
        dedupe_key: delivery.dedupe_key(),
        call_id: event.call_id(),
        test: event.is_test(),
        drift: event.drift().iter().map(|misfit| misfit.path.as_str()).collect(),
        data: event,
    };
    match serde_json::to_string(&line) {
        Ok(line) => println!("{line}"),
        Err(error) => eprintln!("cannot print {}: {error}", event.name()),
    }
}
