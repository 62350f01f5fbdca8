//! `offhook inbox`: looks after an inbox.

mod arguments;
mod shown;

use offhook::idempotency::StoreError;
use offhook::inbox::{Dialect, Inbox};
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::output::Output;
use arguments::Action;
pub(super) use arguments::Arguments;

pub(super) async fn run(arguments: Arguments, output: &Output) -> Result<Outcome, Failure> {
    let Arguments { store, action } = arguments;
    match store.split_once(':').unwrap_or_default() {
        #[cfg(feature = "sqlite")]
        ("sqlite", file) if !file.is_empty() => {
            // To open a file creates it, which is no help against a wrong name.
            if !std::path::Path::new(file).is_file() {
                return Err(Failure::Usage(format!("there is no file {file}")));
            }
            act(&offhook::inbox::SqliteInbox::open(file).await.map_err(failed)?, action, output).await
        }
        #[cfg(feature = "postgres")]
        ("postgres" | "postgresql", _) => {
            // The pool itself tries for longer than a person waits.
            let connecting = tokio::time::timeout(PATIENCE, offhook::inbox::PostgresInbox::connect(&store)).await;
            act(&connecting.map_err(|_| Failure::Failed(UNREACHABLE.to_owned()))?.map_err(failed)?, action, output)
                .await
        }
        // The message does not repeat the address, which may contain a password.
        _ => Err(Failure::Usage(format!("the store must be {STORES}"))),
    }
}

#[cfg(feature = "postgres")]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
#[cfg(feature = "postgres")]
const UNREACHABLE: &str = "the inbox: no connection within 10 s";

#[cfg(all(feature = "sqlite", feature = "postgres"))]
const STORES: &str = "sqlite:FILE or postgres://…";
#[cfg(not(feature = "postgres"))]
const STORES: &str = "sqlite:FILE (offhook was installed without the feature postgres)";
#[cfg(not(feature = "sqlite"))]
const STORES: &str = "postgres://… (offhook was installed without the feature sqlite)";

fn failed(error: StoreError) -> Failure {
    Failure::failed("the inbox", &error)
}

async fn act<D: Dialect>(inbox: &Inbox<D>, action: Action, output: &Output) -> Result<Outcome, Failure> {
    match action {
        Action::Stats => shown::stats(&inbox.stats().await.map_err(failed)?, output)?,
        Action::List(selection) => {
            for entry in inbox.list(&selection.filter()).await.map_err(failed)? {
                shown::line(&entry, output)?;
            }
        }
        Action::Show { id } => match inbox.show(id).await.map_err(failed)? {
            Some((entry, stored)) => shown::whole(&entry, &stored, output)?,
            None => return Err(missing(id)),
        },
        Action::Retry { ids } => return retry(inbox, &ids, output).await,
        Action::RetryAll(changed) => {
            done(inbox.retry_all(&changed.filter()?).await.map_err(failed)?, "run now", output)?;
        }
        Action::Replay(changed) => {
            done(inbox.replay(&changed.filter()?).await.map_err(failed)?, "are handled again", output)?;
        }
        Action::Prune(ages) => {
            let pruned = inbox.clone().with_prune_policy(ages.policy()?).prune().await.map_err(failed)?;
            if output.is_json() {
                output.json(&json!({ "done": pruned.done, "dead": pruned.dead }))?;
            } else {
                output.text(&format!("deleted: {} done, {} dead\n", pruned.done, pruned.dead))?;
            }
        }
        Action::Erase { call_id } => {
            done(inbox.erase(&call_id).await.map_err(failed)?, "were deleted", output)?;
        }
    }
    Ok(Outcome::Done)
}

/// Lets events run now. One that cannot does not keep the others from it.
async fn retry<D: Dialect>(inbox: &Inbox<D>, ids: &[i64], output: &Output) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::Done;
    for id in ids {
        let retried = inbox.retry(*id).await.map_err(failed)?;
        if !retried {
            outcome = Outcome::Refused;
        }
        if output.is_json() {
            output.json(&json!({ "id": id, "retried": retried }))?;
        } else if retried {
            output.text(&format!("{id}: runs now\n"))?;
        } else {
            output.text(&format!("{id}: is neither dead nor waiting\n"))?;
        }
    }
    Ok(outcome)
}

fn missing(id: i64) -> Failure {
    Failure::Failed(format!("the inbox has no event {id}"))
}

fn done(count: u64, what: &str, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        output.json(&json!({ "events": count }))
    } else {
        output.text(&format!("events that {what}: {count}\n"))
    }
}
