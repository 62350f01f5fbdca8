//! Hand-over to apalis, with its storage in PostgreSQL.

use std::time::Duration;

use apalis::prelude::*;
use apalis_postgres::{Config, PgTask, PostgresStorage, queries};
use axum::Router;
use axum::routing::post;
use offhook::idempotency::{HandlerError, PostgresStore};
use offhook::inbox::Stored;
use offhook::{Delivery, Reply, Truedy, Webhook, truedy};
use sqlx::PgConnection;

use crate::Application;

/// A receiver that pushes each event once: `transact` records its key and adds its task in one
/// transaction.
pub fn receiver(store: PostgresStore, truedy: Truedy) -> Router {
    let receive = async move |webhook: Webhook<Truedy>| -> Reply {
        store.transact(&webhook, async |_, transaction| push(transaction, &webhook).await).await.reply()
    };
    Router::new().route("/webhooks/truedy", post(receive)).with_state(truedy)
}

/// Adds the task of a delivery in this transaction.
pub async fn push(transaction: &mut PgConnection, delivery: &Delivery<truedy::Event>) -> Result<(), HandlerError> {
    let stored = Stored::of(delivery);
    let mut task: TaskBuilder<Vec<u8>> = TaskBuilder::new(serde_json::to_vec(&stored)?);
    if let Some(key) = stored.job_key() {
        task = task.idempotency_key(key.as_str());
    }
    let task: PgTask = task.build();
    queries::push_tasks(transaction, QUEUE, vec![task]).await?;
    Ok(())
}

/// Handles the tasks. The name must differ from that of every other
/// worker that runs. If a worker dies, another one takes its tasks over as soon as it has sent
/// no heartbeat for `silence`.
pub async fn work(application: Application, name: &str, silence: Duration) -> Result<(), WorkerError> {
    let config = Config::default().queue(QUEUE).heartbeat_interval(silence / 8).missed_heartbeats(8);
    let tasks: PostgresStorage<Stored> = PostgresStorage::new(&application.pool).with_config(config);
    let worker = WorkerBuilder::new(name).backend(tasks.with_pubsub()).concurrency(8).data(application).build(handle);
    worker.run().await
}

async fn handle(stored: Stored, application: Data<Application>) -> Result<(), BoxDynError> {
    Ok(application.handle(&stored).await?)
}

const QUEUE: &str = "deliveries";
