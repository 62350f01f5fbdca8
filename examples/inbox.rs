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
//! | `{"done":KEY,"attempt":N}` | The handler is about to succeed. |
//! | `{"failed":KEY,"attempt":N,"error":TEXT}` | The handler is about to fail. |
//! | `{"dead":KEY}` | That was the last attempt. |
//!
//! The key is `null` if the delivery has none.
//!
//! | variable | meaning |
//! |---|---|
//! | `OFFHOOK_STORE` | `sqlite:FILE` or, with the feature `postgres`, `postgres://…` |
//! | `OFFHOOK_MODE` | `handle`, or `transact`: the effect is a row in the table `effects`, in one transaction with the record that the event is done |
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
use offhook::inbox::{Acceptance, Dialect, Inbox, SqliteInbox};
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
            run(settings, listener, &inbox, trial, |key, connection| {
                Box::pin(async move { inserted(sqlx::query(INSERT_EFFECT).bind(key).execute(connection).await) })
            })
            .await
        }
        #[cfg(feature = "postgres")]
        Some(("postgres" | "postgresql", _)) => {
            let inbox = offhook::inbox::PostgresInbox::connect(&store).await;
            let inbox = inbox.map_err(|error| common::unusable_store(&error))?;
            inbox.migrate().await.map_err(|error| common::unusable_store(&error))?;
            sqlx::query(CREATE_EFFECTS).execute(inbox.pool()).await?;
            run(settings, listener, &inbox, trial, |key, connection| {
                Box::pin(async move { inserted(sqlx::query(INSERT_EFFECT).bind(key).execute(connection).await) })
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

/// Without `ON CONFLICT`: a second effect of the same event would fail.
const INSERT_EFFECT: &str = "INSERT INTO effects (key) VALUES ($1)";

/// Inserts the effect of the event with this key.
type Effect<D> = for<'a> fn(&'a str, &'a mut Connection<D>) -> BoxFuture<'a, Result<(), HandlerError>>;
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
    tokio::join!(
        serving::serve(listener, app),
        work(inbox, truedy, trial, effect),
        work(inbox, talkifai, trial, effect),
        work(inbox, salpre, trial, effect),
    );
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

/// Handles the events of a vendor until Ctrl-C.
async fn work<D, V>(inbox: &Inbox<D>, verifier: Option<V>, trial: Trial, effect: Effect<D>)
where
    D: Dialect,
    V: Verifier<Event: Send + Sync>,
{
    let Some(verifier) = verifier else { return };
    let interrupted = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    let worker = inbox.worker().with_concurrency(CONCURRENCY).with_attempts(trial.attempts).with_lease(trial.lease);
    let worker = worker.with_backoff(FIRST_WAIT, LONGEST_WAIT);
    if trial.transact {
        let worker = worker.vendor_in_transaction(verifier, move |work, connection| {
            Box::pin(trial.attempt(work.key(), work.attempt(), effect(work.key(), connection)))
        });
        worker.run(interrupted).await;
    } else {
        let worker = worker
            .vendor(verifier, async move |work| trial.attempt(work.key(), work.attempt(), async { Ok(()) }).await);
        worker.run(interrupted).await;
    }
}

/// For each of the three workers: together, they leave connections of the pool for deliveries.
const CONCURRENCY: usize = 2;
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

    /// The effect happens in the middle of the work.
    async fn attempt(
        self,
        key: &str,
        attempt: u32,
        effect: impl Future<Output = Result<(), HandlerError>>,
    ) -> Result<(), HandlerError> {
        print(&Line::Started { started: key, attempt });
        tokio::time::sleep(self.half).await;
        let result = if attempt <= self.fail_first {
            Err(HandlerError::retry(format!("OFFHOOK_FAIL_FIRST is {}", self.fail_first)))
        } else {
            effect.await
        };
        tokio::time::sleep(self.half).await;
        match &result {
            Ok(()) => print(&Line::Done { done: key, attempt }),
            Err(error) => {
                print(&Line::Failed { failed: key, attempt, error: error.to_string() });
                if attempt >= self.attempts {
                    print(&Line::Dead { dead: key });
                }
            }
        }
        result
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
    Done { done: &'a str, attempt: u32 },
    Failed { failed: &'a str, attempt: u32, error: String },
    Dead { dead: &'a str },
}

fn print(line: &Line<'_>) {
    match serde_json::to_string(line) {
        Ok(line) => println!("{line}"),
        Err(error) => eprintln!("cannot print a line: {error}"),
    }
}
