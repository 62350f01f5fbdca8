//! A receiver that answers now and processes later:
//! `cargo run --example inbox --features axum,sqlite,testing`.
//!
//! Serves the same routes as the example `axum`, and handles what it has accepted in the same
//! process. See `examples/common` for the port and the secrets. Each step is a line of JSON:
//!
//! | line | meaning |
//! |---|---|
//! | `{"accepted":KEY}` | It is stored, and about to be acknowledged. |
//! | `{"duplicate":KEY}` | It was stored before. |
//! | `{"started":KEY,"attempt":N}` | The handler runs. |
//! | `{"effect":KEY,"attempt":N}` | The row in the table `effects` is written. |
//! | `{"done":KEY,"attempt":N}` | It is recorded that the event is done. |
//! | `{"failed":KEY,"attempt":N,"error":TEXT}` | It is recorded that the attempt failed. |
//! | `{"dead":KEY}` | That was the last attempt. |
//!
//! The key is `null` if the delivery has none.
//!
//! | variable | meaning |
//! |---|---|
//! | `OFFHOOK_STORE` | `sqlite:FILE` or, with the feature `postgres`, `postgres://…` |
//! | `OFFHOOK_MODE` | `handle`: the effect is a row in the table `effects`, whose unique key keeps it single; `transact`: it is written in one transaction with the record that the event is done |
//! | `OFFHOOK_WORK_MS` | how long the handler takes, in milliseconds |
//! | `OFFHOOK_FAIL_FIRST` | how many attempts of each event fail |
//! | `OFFHOOK_ATTEMPTS` | after how many attempts an event is dead: 12 unless set |
//! | `OFFHOOK_LEASE_MS` | how soon the events of a killed process run again, in milliseconds |
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

mod common;
#[path = "common/serving.rs"]
mod serving;

use std::error::Error;
use std::str::FromStr;
use std::time::Duration;

use axum::Router;
use axum::http::Uri;
use axum::routing::{MethodRouter, post};
use offhook::idempotency::{BoxFuture, HandlerError, Key, PayloadDigest, sqlx};
use offhook::inbox::{Acceptance, Dialect, Ended, Entry, Inbox, SqliteInbox, Work};
use offhook::{Delivery, Event, Rejection, Reply, Verifier, Webhook};
use serde::Serialize;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (settings, trial) = (common::Settings::from_env()?, Trial::from_env()?);
    let listener = TcpListener::bind(("127.0.0.1", settings.port)).await?;
    let store = std::env::var("OFFHOOK_STORE").unwrap_or_else(|_| {
        let file = format!("sqlite:{}", std::env::temp_dir().join("offhook-inbox.db").display());
        eprintln!("the inbox is {file}");
        file
    });
    match store.split_once(':') {
        Some(("sqlite", file)) if !file.is_empty() => {
            let inbox = SqliteInbox::open(file).await.map_err(|error| common::unusable_store(&error))?;
            inbox.migrate().await.map_err(|error| common::unusable_store(&error))?;
            sqlx::query(CREATE_EFFECTS).execute(inbox.pool()).await?;
            run(settings, listener, &inbox, trial, |statement, key, connection| {
                Box::pin(async move { inserted(sqlx::query(statement).bind(key).execute(connection).await) })
            })
            .await
        }
        #[cfg(feature = "postgres")]
        Some(("postgres" | "postgresql", _)) => {
            let inbox = offhook::inbox::PostgresInbox::connect(&store).await;
            let inbox = inbox.map_err(|error| common::unusable_store(&error))?;
            inbox.migrate().await.map_err(|error| common::unusable_store(&error))?;
            sqlx::query(CREATE_EFFECTS).execute(inbox.pool()).await?;
            run(settings, listener, &inbox, trial, |statement, key, connection| {
                Box::pin(async move { inserted(sqlx::query(statement).bind(key).execute(connection).await) })
            })
            .await
        }
        // The message does not repeat the address, which may contain a password.
        _ => {
            Err("OFFHOOK_STORE must be sqlite:FILE or postgres://… (run the example with the feature postgres)".into())
        }
    }
}

const CREATE_EFFECTS: &str =
    "CREATE TABLE IF NOT EXISTS effects (key text PRIMARY KEY, at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)";

/// In a transaction, a second effect of the same event would be a bug, and fail.
const INSERT_EFFECT: &str = "INSERT INTO effects (key) VALUES ($1)";

/// A handler runs again if its process dies after the effect, and finds it there.
const INSERT_EFFECT_ONCE: &str = "INSERT INTO effects (key) VALUES ($1) ON CONFLICT (key) DO NOTHING";

/// Inserts the effect of the event with this key by this statement.
type Effect<D> = for<'a> fn(&'static str, &'a str, &'a mut Connection<D>) -> BoxFuture<'a, Result<(), HandlerError>>;
type Connection<D> = <<D as Dialect>::Db as sqlx::Database>::Connection;

fn inserted<R>(answer: Result<R, sqlx::Error>) -> Result<(), HandlerError> {
    answer?;
    Ok(())
}

/// Serves and works until Ctrl-C. What is accepted, but not handled by then, waits in the inbox.
async fn run<D: Dialect>(
    settings: common::Settings,
    listener: TcpListener,
    inbox: &Inbox<D>,
    trial: Trial,
    effect: Effect<D>,
) -> Result<(), Box<dyn Error>> {
    settings.announce(listener.local_addr()?.port())?;
    let common::Settings { truedy, talkifai, salpre, .. } = settings;
    let mut app = Router::new();
    if let Some(truedy) = &truedy {
        app = app.route("/webhooks/truedy", route(inbox, truedy));
    }
    if let Some(talkifai) = &talkifai {
        app = app.route("/webhooks/talkifai", route(inbox, talkifai));
    }
    if let Some(salpre) = &salpre {
        app = app.route("/webhooks/salpre", route(inbox, salpre));
    }
    let interrupted = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    let worker = inbox.worker().with_concurrency(CONCURRENCY).with_attempts(trial.attempts).with_lease(trial.lease);
    let worker = worker.with_backoff(FIRST_WAIT, LONGEST_WAIT).with_observer(print_ended);
    // A vendor without a secret is left out.
    if trial.transact {
        let worker = worker
            .vendor_in_transaction(truedy, async |work, connection| {
                trial.transact::<D, _>(work, connection, effect).await
            })
            .vendor_in_transaction(talkifai, async |work, connection| {
                trial.transact::<D, _>(work, connection, effect).await
            })
            .vendor_in_transaction(salpre, async |work, connection| {
                trial.transact::<D, _>(work, connection, effect).await
            });
        tokio::join!(serving::serve(listener, app), worker.run(interrupted));
    } else {
        let worker = worker
            .vendor(truedy, async |work| trial.handle(work, inbox, effect).await)
            .vendor(talkifai, async |work| trial.handle(work, inbox, effect).await)
            .vendor(salpre, async |work| trial.handle(work, inbox, effect).await);
        tokio::join!(serving::serve(listener, app), worker.run(interrupted));
    }
    Ok(())
}

fn route<D, V>(inbox: &Inbox<D>, verifier: &V) -> MethodRouter
where
    D: Dialect,
    V: Verifier<Event: Send + Sync> + Clone + 'static,
{
    let inbox = inbox.clone();
    let deliver = async move |uri: Uri, webhook: Result<Webhook<V>, Rejection>| -> Result<Reply, Rejection> {
        let webhook = webhook.inspect_err(|rejection| common::print_refused(uri.path(), rejection))?;
        Ok(accept(&inbox, &webhook).await)
    };
    post(deliver).with_state(verifier.clone())
}

/// Stores a delivery, and returns the answer for the vendor.
async fn accept<D: Dialect, E: Event>(inbox: &Inbox<D>, delivery: &Delivery<E>) -> Reply {
    let key = Key::of(delivery);
    let accepted = inbox.accept(delivery).await;
    match accepted.acceptance() {
        Acceptance::Stored { .. } => print(&Line::Accepted { accepted: key.as_ref().map(Key::as_str) }),
        Acceptance::Conflict { .. } => {
            let key = key.map(|key| key.with_payload(&PayloadDigest::of_delivery(delivery)));
            print(&Line::Accepted { accepted: key.as_ref().map(Key::as_str) });
        }
        Acceptance::Duplicate => print(&Line::Duplicate { duplicate: key.as_ref().map(Key::as_str) }),
        other => eprintln!("not accepted: {other:?}"),
    }
    accepted.reply()
}

/// Prints how an attempt ended, when that is recorded.
fn print_ended(entry: &Entry, ended: &Ended) {
    let key = entry.key.as_deref();
    let attempt = entry.attempts;
    match ended {
        Ended::Done { .. } => print(&Line::Done { done: key, attempt }),
        Ended::Retry { error } => print(&Line::Failed { failed: key, attempt, error }),
        Ended::Dead { error } => {
            print(&Line::Failed { failed: key, attempt, error });
            print(&Line::Dead { dead: key });
        }
        other => eprintln!("attempt {attempt} of {key:?} was not recorded: {other:?}"),
    }
}

/// It leaves connections of the pool for deliveries.
const CONCURRENCY: usize = 6;
/// Short, because somebody watches.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What the handler does, for trying the inbox.
#[derive(Clone, Copy)]
struct Trial {
    transact: bool,
    /// Half of the time that the handler takes.
    half: Duration,
    fail_first: u32,
    attempts: u32,
    lease: Duration,
}

impl Trial {
    fn from_env() -> Result<Self, Box<dyn Error>> {
        Ok(Trial {
            transact: match std::env::var("OFFHOOK_MODE").as_deref() {
                Ok("transact") => true,
                Ok("handle") | Err(_) => false,
                Ok(other) => return Err(format!("OFFHOOK_MODE must be handle or transact, not {other}").into()),
            },
            half: Duration::from_micros(number::<u64>("OFFHOOK_WORK_MS", 0)?.saturating_mul(500)),
            fail_first: number("OFFHOOK_FAIL_FIRST", 0)?,
            attempts: number("OFFHOOK_ATTEMPTS", 12)?,
            lease: Duration::from_millis(number("OFFHOOK_LEASE_MS", 60_000)?),
        })
    }

    async fn handle<D: Dialect, E>(
        self,
        work: &Work<E>,
        inbox: &Inbox<D>,
        effect: Effect<D>,
    ) -> Result<(), HandlerError> {
        self.attempt(work, async {
            let mut connection = inbox.pool().acquire().await?;
            effect(INSERT_EFFECT_ONCE, work.key(), &mut connection).await
        })
        .await
    }

    async fn transact<D: Dialect, E>(
        self,
        work: &Work<E>,
        connection: &mut Connection<D>,
        effect: Effect<D>,
    ) -> Result<(), HandlerError> {
        self.attempt(work, effect(INSERT_EFFECT, work.key(), connection)).await
    }

    /// The effect happens in the middle of the work.
    async fn attempt<E>(
        self,
        work: &Work<E>,
        effect: impl Future<Output = Result<(), HandlerError>>,
    ) -> Result<(), HandlerError> {
        let (key, attempt) = (work.key(), work.attempt());
        print(&Line::Started { started: key, attempt });
        tokio::time::sleep(self.half).await;
        if attempt <= self.fail_first {
            return Err(HandlerError::retry(format!("OFFHOOK_FAIL_FIRST is {}", self.fail_first)));
        }
        effect.await?;
        print(&Line::Effect { effect: key, attempt });
        tokio::time::sleep(self.half).await;
        Ok(())
    }
}

fn number<N: FromStr>(name: &str, default: N) -> Result<N, Box<dyn Error>> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name} must be a number, not {text}").into()),
        Err(_) => Ok(default),
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Accepted { accepted: Option<&'a str> },
    Duplicate { duplicate: Option<&'a str> },
    Started { started: &'a str, attempt: u32 },
    Effect { effect: &'a str, attempt: u32 },
    Done { done: Option<&'a str>, attempt: u32 },
    Failed { failed: Option<&'a str>, attempt: u32, error: &'a str },
    Dead { dead: Option<&'a str> },
}

fn print(line: &Line<'_>) {
    match serde_json::to_string(line) {
        Ok(line) => println!("{line}"),
        Err(error) => eprintln!("cannot print a line: {error}"),
    }
}
