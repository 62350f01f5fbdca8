//! Hand-over to graphile_worker, a job queue in PostgreSQL.

use std::time::Duration;

use axum::Router;
use axum::routing::post;
use graphile_worker::{
    IntoTaskHandlerResult, JobKeyMode, JobRecovery, JobRecoveryResult, JobSpec, TaskHandler, Worker, WorkerBuildError,
    WorkerContext, WorkerOptions, WorkerUtils,
};
use offhook::idempotency::{HandlerError, PayloadDigest, PostgresStore};
use offhook::inbox::Stored;
use offhook::{Delivery, Reply, Truedy, Webhook, truedy};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};

use crate::Application;

/// A delivery as a job.
#[derive(Serialize, Deserialize)]
pub struct HandleDelivery(pub Stored);

impl TaskHandler for HandleDelivery {
    const IDENTIFIER: &'static str = "handle_delivery";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let application = context.get_ext::<Application>().ok_or("the worker has no application")?;
        application.handle(&self.0).await.map_err(|error| format!("{error:#}"))
    }
}

/// A receiver that pushes each event once: `transact` records its key and adds its job in one
/// transaction.
pub fn receiver(store: PostgresStore, truedy: Truedy) -> Router {
    let jobs = jobs(store.pool());
    let receive = async move |webhook: Webhook<Truedy>| -> Reply {
        store.transact(&webhook, async |_, transaction| add_job(jobs, transaction, &webhook).await).await.reply()
    };
    Router::new().route("/webhooks/truedy", post(receive)).with_state(truedy)
}

/// The jobs in this database.
pub fn jobs(pool: &PgPool) -> WorkerUtils {
    WorkerUtils::new(pool, "graphile_worker")
}

/// Adds the job of a delivery in this transaction.
pub async fn add_job(
    jobs: WorkerUtils,
    transaction: &mut PgConnection,
    delivery: &Delivery<truedy::Event>,
) -> Result<(), HandlerError> {
    let stored = Stored::of(delivery);
    let job = JobSpec {
        job_key: stored.job_key().map(|key| key.to_string()),
        // An existing job stays as it is.
        job_key_mode: Some(JobKeyMode::UnsafeDedupe),
        queue_name: queue(&stored),
        ..JobSpec::default()
    };
    jobs.with_executor(transaction).add_job(HandleDelivery(stored), job).await?;
    Ok(())
}

/// Returns the serial queue of the call. graphile_worker refuses names of more than 128
/// characters.
pub fn queue(stored: &Stored) -> Option<String> {
    let call = stored.call_group()?;
    if call.len() <= 128 {
        return Some(call);
    }
    Some(PayloadDigest::of(call.as_bytes()).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A worker that handles the jobs. If a worker dies, another one takes its jobs over as soon
/// as it has sent no heartbeat for `silence`.
pub async fn worker(application: Application, silence: Duration) -> Result<Worker, WorkerBuildError> {
    let options = WorkerOptions::default()
        .pg_pool(application.pool.clone())
        .concurrency(8)
        .add_extension(application)
        .heartbeat_interval(silence / 8)
        .sweep_interval(silence / 8)
        .sweep_threshold(silence)
        // Otherwise a job that is taken over would lose its place before the later ones of its call.
        .on(JobRecovery, async |interrupted| JobRecoveryResult::Reschedule {
            run_at: *interrupted.job.run_at(),
            attempts: None,
        });
    options.define_job::<HandleDelivery>().init().await
}
