//! The settings and the output of the two example servers.

use std::error::Error;
use std::sync::Arc;

use offhook::event::Parsed;
use offhook::idempotency::{MemoryStore, Once, Outcome, Store, StoreError};
use offhook::testing::Signer;
use offhook::{Clock, Delivery, Event, Rejection, Reply, Salpre, SystemClock, TalkifAi, Truedy, talkifai, truedy};
use serde::Serialize;

/// The port to listen on, and a verifier for each vendor that has a secret.
pub(crate) struct Settings {
    pub(crate) port: u16,
    pub(crate) truedy: Option<Truedy>,
    pub(crate) talkifai: Option<TalkifAi>,
    pub(crate) salpre: Option<Salpre>,
    demo: bool,
}

const TRUEDY_SECRET: &str = "TRUEDY_WEBHOOK_SECRET";
const TALKIFAI_SECRET: &str = "TALKIFAI_WEBHOOK_SECRET";
const SALPRE_TOKEN: &str = "SALPRE_WEBHOOK_TOKEN";

const DEMO_TRUEDY_SECRET: &str = "whsec_truedy_demo_secret";
const DEMO_TALKIFAI_SECRET: &str = "talkifai_demo_secret";
const DEMO_SALPRE_TOKEN: &str = "salpre_demo_token";

impl Settings {
    /// Reads the environment. If no secret is set, demo secrets are used. Otherwise there is no route
    /// for a vendor without a secret.
    pub(crate) fn from_env() -> Result<Self, Box<dyn Error>> {
        let secret = |name: &str| std::env::var(name).ok();
        let demo = [TRUEDY_SECRET, TALKIFAI_SECRET, SALPRE_TOKEN].iter().all(|name| secret(name).is_none());
        let secret = |name: &str, demo_secret: &str| if demo { Some(demo_secret.to_owned()) } else { secret(name) };
        Ok(Settings {
            port: match std::env::var("PORT") {
                Ok(port) => port.parse().map_err(|_| format!("PORT must be a number from 0 to 65535, not {port}"))?,
                Err(_) => 3000,
            },
            truedy: secret(TRUEDY_SECRET, DEMO_TRUEDY_SECRET).map(Truedy::new).transpose()?,
            talkifai: secret(TALKIFAI_SECRET, DEMO_TALKIFAI_SECRET).map(TalkifAi::new).transpose()?,
            salpre: secret(SALPRE_TOKEN, DEMO_SALPRE_TOKEN).map(Salpre::bearer).transpose()?,
            demo,
        })
    }

    /// Prints the address of the server, and commands to try it.
    pub(crate) fn announce(&self, port: u16) -> Result<(), Box<dyn Error>> {
        let url = format!("http://127.0.0.1:{port}");
        eprintln!("listening on {url}");
        if !self.demo {
            for (name, served) in [
                (TRUEDY_SECRET, self.truedy.is_some()),
                (TALKIFAI_SECRET, self.talkifai.is_some()),
                (SALPRE_TOKEN, self.salpre.is_some()),
            ] {
                if !served {
                    eprintln!("{name} is not set, so there is no route for that vendor");
                }
            }
            return Ok(());
        }
        eprintln!("no secret is set, so the server uses these demo secrets; never use them in production:");
        eprintln!("  {TRUEDY_SECRET}={DEMO_TRUEDY_SECRET}");
        eprintln!("  {TALKIFAI_SECRET}={DEMO_TALKIFAI_SECRET}");
        eprintln!("  {SALPRE_TOKEN}={DEMO_SALPRE_TOKEN}");
        eprintln!("try these commands within five minutes; each makes the server print a line:");
        let now = SystemClock.now();
        let id = now.timestamp();
        let time = now.format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let body = format!(
            r#"{{"event":"call.ended","timestamp":"{time}","data":{{"id":"evt_demo_{id}","call":{{"callId":"call_demo_{id}","duration":142,"costUsd":0.21,"endReason":"hangup"}}}}}}"#
        );
        let headers = Signer::new(truedy::SCHEME, DEMO_TRUEDY_SECRET)?.sign(now, &body);
        eprintln!("{}", curl(&format!("{url}/webhooks/truedy"), headers, &body));
        let body = format!(
            r#"{{"id":"evt_demo_{id}","type":"call.started","created":"{time}","data":{{"callId":"call_demo_{id}","agentId":"agent_demo","direction":"inbound","from":"+12025550123","to":"+18885550100"}}}}"#
        );
        let headers = Signer::new(talkifai::SCHEME, DEMO_TALKIFAI_SECRET)?.sign(now, &body);
        eprintln!("{}", curl(&format!("{url}/webhooks/talkifai"), headers, &body));
        let body = format!(
            r#"{{"event_type":"call_answered","timestamp_utc":{id},"payload":{{"call_id":{id},"from":"+905555555555","to":"+905555555554","direction":"outbound","source":"salprebox:SALPRE_AABBCCDD"}}}}"#
        );
        let headers = vec![("authorization", format!("Bearer {DEMO_SALPRE_TOKEN}"))];
        eprintln!("{}", curl(&format!("{url}/webhooks/salpre"), headers, &body));
        Ok(())
    }
}

fn curl(url: &str, headers: Vec<(&str, String)>, body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!(" -H '{name}: {value}'")).collect();
    format!("curl -i {url} -H 'content-type: application/json'{headers} --data-binary '{body}'")
}

/// Opens the store that OFFHOOK_STORE names: `memory`, `sqlite:FILE`, `postgres://…` or `redis://…`.
/// The default is `memory`.
pub(crate) async fn store() -> Result<Arc<dyn Store>, Box<dyn Error>> {
    let name = std::env::var("OFFHOOK_STORE").unwrap_or_else(|_| "memory".to_owned());
    match open(&name).await {
        Ok(Some(store)) => Ok(store),
        // The message does not repeat the address, which may contain a password.
        Ok(None) => Err("OFFHOOK_STORE must be memory, sqlite:FILE, postgres://… or redis://… \
             (run the example with the feature of that store)"
            .into()),
        Err(error) => {
            let causes = std::iter::successors(Some(&error as &dyn Error), |error| (*error).source());
            let causes: Vec<_> = causes.map(ToString::to_string).collect();
            Err(format!("OFFHOOK_STORE: {}", causes.join(": ")).into())
        }
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

/// Prints a line for a refused delivery.
pub(crate) fn print_refused(path: &str, rejection: &Rejection) {
    eprintln!("refused {path}: {} ({})", rejection.code(), rejection.status());
}
