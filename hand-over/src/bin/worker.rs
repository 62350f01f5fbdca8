//! A worker of graphile_worker that handles what the receiver pushed.
//!
//! | variable | meaning |
//! |---|---|
//! | `WORK_MS` | how long the effect of an event takes |
//! | `SILENCE_MS` | after how long without a heartbeat a worker is dead |

use std::env::var;
use std::time::Duration;

use hand_over::{Application, graphile};
use offhook::Truedy;
use sqlx::PgPool;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let application = Application {
        pool: PgPool::connect(&var("DATABASE_URL")?).await?,
        truedy: Truedy::new(var("TRUEDY_WEBHOOK_SECRET")?)?,
        work: millis("WORK_MS")?,
    };
    application.migrate().await?;
    let worker = graphile::worker(application, millis("SILENCE_MS")?).await?;
    println!("ready");
    Ok(worker.run().await?)
}

fn millis(name: &str) -> anyhow::Result<Duration> {
    Ok(Duration::from_millis(var(name)?.parse()?))
}
