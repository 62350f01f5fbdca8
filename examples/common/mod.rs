//! What the two example servers share: their settings, and the lines they print.

use std::error::Error;
use std::sync::Arc;

use offhook::event::Parsed;
use offhook::idempotency::{MemoryStore, Once, Outcome, Store};
use offhook::testing::Signer;
use offhook::{Clock, Delivery, Event, Rejection, Reply, Salpre, SystemClock, TalkifAi, Truedy, talkifai, truedy};
use serde::Serialize;

/// The vendors that have a secret, and where to listen.
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
    /// Reads the environment. With no secret at all, demo secrets are used; with
    /// some, the vendors without one are not served.
    pub(crate) fn from_env() -> Result<Self, Box<dyn Error>> {
        let secret = |name: &str| std::env::var(name).ok();
        let demo = [TRUEDY_SECRET, TALKIFAI_SECRET, SALPRE_TOKEN].iter().all(|name| secret(name).is_none());
        let secret = |name: &str, demo_secret: &str| if demo { Some(demo_secret.to_owned()) } else { secret(name) };
        Ok(Settings {
            port: match std::env::var("PORT") {
                Ok(port) => port.parse().map_err(|_| format!("PORT is not a port: {port}"))?,
                Err(_) => 3000,
            },
            truedy: secret(TRUEDY_SECRET, DEMO_TRUEDY_SECRET).map(Truedy::new).transpose()?,
            talkifai: secret(TALKIFAI_SECRET, DEMO_TALKIFAI_SECRET).map(TalkifAi::new).transpose()?,
            salpre: secret(SALPRE_TOKEN, DEMO_SALPRE_TOKEN).map(Salpre::bearer).transpose()?,
            demo,
        })
    }

    /// Says where the server listens and how to try it.
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
                    eprintln!("{name} is not set: that vendor is not served");
                }
            }
            return Ok(());
        }
        eprintln!("no secret is set, so these demo secrets are used; never in production:");
        eprintln!("  {TRUEDY_SECRET}={DEMO_TRUEDY_SECRET}");
        eprintln!("  {TALKIFAI_SECRET}={DEMO_TALKIFAI_SECRET}");
        eprintln!("  {SALPRE_TOKEN}={DEMO_SALPRE_TOKEN}");
        eprintln!("try it, within five minutes (each prints a line here):");
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

/// The store that OFFHOOK_STORE names: `memory`, `sqlite:FILE`, `postgres://…` or
/// `redis://…`; memory when unset.
pub(crate) async fn store() -> Result<Arc<dyn Store>, Box<dyn Error>> {
    let name = std::env::var("OFFHOOK_STORE").unwrap_or_else(|_| "memory".to_owned());
    open(&name).await.map_err(|error| {
        let mut told = format!("OFFHOOK_STORE: {error}");
        let mut source = error.source();
        while let Some(error) = source {
            told.push_str(&format!(": {error}"));
            source = error.source();
        }
        told.into()
    })
}

async fn open(name: &str) -> Result<Arc<dyn Store>, Box<dyn Error>> {
    match name.split_once(':').unwrap_or((name, "")) {
        ("memory", "") => Ok(Arc::new(MemoryStore::new())),
        #[cfg(feature = "sqlite")]
        ("sqlite", file) if !file.is_empty() => {
            let store = offhook::idempotency::SqliteStore::open(file).await?;
            store.migrate().await?;
            store.purge().await?;
            Ok(Arc::new(store))
        }
        #[cfg(feature = "postgres")]
        ("postgres" | "postgresql", address) if !address.is_empty() => {
            let store = offhook::idempotency::PostgresStore::connect(name).await?;
            store.migrate().await?;
            store.purge().await?;
            Ok(Arc::new(store))
        }
        #[cfg(feature = "redis")]
        ("redis" | "rediss", address) if !address.is_empty() => {
            Ok(Arc::new(offhook::idempotency::RedisStore::connect(name).await?))
        }
        // The rest of an address may be a password.
        (kind @ ("sqlite" | "postgres" | "postgresql" | "redis" | "rediss"), address) if !address.is_empty() => {
            Err(format!("{kind} wants the example to be run with that feature as well").into())
        }
        _ => Err("it is none of memory, sqlite:FILE, postgres://…, redis://…".into()),
    }
}

/// Prints the line of an accepted delivery, and says what to answer: the handler
/// prints the fresh ones, so each event once.
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

/// The line of an accepted delivery.
#[derive(Serialize)]
struct Line<'a, P> {
    vendor: &'a str,
    event: &'a str,
    delivery: &'a str,
    dedupe_key: Option<String>,
    call_id: Option<&'a str>,
    test: bool,
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
        data: event,
    };
    match serde_json::to_string(&line) {
        Ok(line) => println!("{line}"),
        Err(error) => eprintln!("cannot print {}: {error}", event.name()),
    }
}

/// The line of a refused delivery.
pub(crate) fn print_refused(path: &str, rejection: &Rejection) {
    eprintln!("refused {path}: {} ({})", rejection.code(), rejection.status());
}
