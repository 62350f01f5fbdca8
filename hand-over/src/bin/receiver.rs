//! A receiver that pushes what it verifies into graphile_worker.

use std::env::var;

use hand_over::graphile;
use offhook::Truedy;
use offhook::idempotency::PostgresStore;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = PostgresStore::connect(&var("DATABASE_URL")?).await?;
    store.migrate().await?;
    graphile::jobs(store.pool()).migrate().await?;
    let app = graphile::receiver(store, Truedy::new(var("TRUEDY_WEBHOOK_SECRET")?)?);
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", var("PORT")?)).await?;
    println!("ready");
    Ok(axum::serve(listener, app).await?)
}
