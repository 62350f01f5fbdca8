//! Deliveries that offhook verifies, and that a queue of yours handles: one file for each queue.
//!
//! | file | a delivery is pushed | the events of a call run |
//! |---|---|---|
//! | [`graphile`] | in one transaction with the record of its key | in order |
//! | [`apalis`] | in one transaction with the record of its key | in any order |
//! | [`redis_streams`] | by a script, which also records its key | in order, with one consumer for each stream |
//! | [`nats`] | with its key as `Nats-Msg-Id` | in order, with one message in hand |

pub mod apalis;
pub mod graphile;
pub mod nats;
pub mod redis_streams;

// The servers and the client of offhook's own tests.
#[path = "../../tests/src/client.rs"]
pub mod client;
#[path = "../../tests/src/databases.rs"]
pub mod databases;
#[path = "../../tests/src/random.rs"]
pub mod random;

use std::time::Duration;

use offhook::inbox::Stored;
use offhook::{Delivery, Truedy, truedy};
use sqlx::PgPool;

/// The application, which is the same for every queue.
#[derive(Clone, Debug)]
pub struct Application {
    pub pool: PgPool,
    pub truedy: Truedy,
    /// How long the effect of an event takes.
    pub work: Duration,
}

impl Application {
    /// Handles an event. Every queue hands an event over at least once, so the table of the
    /// effects has a unique key.
    pub async fn handle(&self, stored: &Stored) -> anyhow::Result<()> {
        let delivery: Delivery<truedy::Event> = stored.open(&self.truedy)?;
        let key = stored.job_key();
        let key = key.as_ref().map(|key| key.as_str());
        sqlx::query(RUN).bind(key).bind(delivery.call_id()).execute(&self.pool).await?;
        tokio::time::sleep(self.work).await;
        sqlx::query(EFFECT).bind(key).bind(delivery.call_id()).execute(&self.pool).await?;
        Ok(())
    }

    /// Creates the tables.
    pub async fn migrate(&self) -> sqlx::Result<()> {
        // `runs` is there for the tests: it counts how often an event was handled.
        let runs = "CREATE TABLE IF NOT EXISTS runs (id bigserial PRIMARY KEY, key text, call_id text)";
        let effects = "CREATE TABLE IF NOT EXISTS effects (key text UNIQUE, call_id text)";
        for statement in [runs, effects] {
            sqlx::query(statement).execute(&self.pool).await?;
        }
        Ok(())
    }
}

const RUN: &str = "INSERT INTO runs (key, call_id) VALUES ($1, $2)";
const EFFECT: &str = "INSERT INTO effects (key, call_id) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
