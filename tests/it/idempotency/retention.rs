//! How long a store remembers, compared with how long a vendor may send an event again.

use std::sync::Arc;
use std::time::Duration;

use offhook::idempotency::{MemoryStore, Once, SettingsError, SqliteStore, Store, StoreSettings};
use offhook::testing::Signer;
use offhook::{Clock, Delivery, Event, StandardWebhooks, SystemClock, Verifier, standard_webhooks};
use offhook_tests::servers::Home;
use offhook_tests::vendors;

use super::common::logged;

/// The retry spans of the vendors of the crate.
struct Spans(Vec<Duration>);

impl Home for Spans {
    fn route<V>(&mut self, path: &'static str, verifier: V)
    where
        V: Verifier + Clone + 'static,
        V::Event: Send,
    {
        // A vendor that follows Standard Webhooks is the user's: `for_vendor` compares its span.
        if !path.ends_with("/standard-webhooks") {
            self.0.extend(verifier.profile().retry_span());
        }
    }
}

#[test]
fn the_shortest_retention_covers_every_vendor() {
    let refused = StoreSettings::new().with_retention(Duration::ZERO);
    let Err(SettingsError::RetentionTooShort { span: shortest, .. }) = refused else { panic!("{refused:?}") };
    let mut spans = Spans(Vec::new());
    vendors::add_routes(&mut spans);
    assert!(!spans.0.is_empty());
    for span in spans.0 {
        assert!(span <= shortest, "{span:?} is longer than {shortest:?}");
    }
}

fn delivery(endpoint: &str) -> Delivery<impl Event> {
    const SECRET: &str = "whsec_a2V5a2V5a2V5";
    let body = r#"{"type":"ping","data":{"n":1}}"#;
    let headers = Signer::new(standard_webhooks::SCHEME, SECRET).unwrap().sign(SystemClock.now(), body);
    let vendor = StandardWebhooks::<serde_json::Value>::new(SECRET).unwrap().with_endpoint(endpoint);
    vendor.receive(&headers, body).unwrap()
}

/// Returns the lines that warn about the retention while a future runs.
async fn warnings(future: impl Future) -> Vec<String> {
    let log = logged(future).await;
    log.lines().filter(|line| line.contains("retention_too_short")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_retention_below_the_retry_span_is_logged_once_and_refuses_nothing() {
    // 75 h 35 min 5 s, as long as the retry span.
    let long = StoreSettings::new().with_retention(Duration::from_secs(75 * 3_600 + 35 * 60 + 5)).unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new().with_settings(long));
    assert_eq!(store.retention(), Some(long.retention()));
    let lines = warnings(async {
        assert_eq!(Once::new(&store).run(&delivery("a"), async |_| Ok(())).await.outcome().code(), "handled");
    });
    assert_eq!(lines.await, [""; 0]);

    let store = MemoryStore::new();
    let lines = warnings(async {
        for code in ["handled", "duplicate"] {
            assert_eq!(Once::new(&store).run(&delivery("a"), async |_| Ok(())).await.outcome().code(), code);
        }
    });
    let lines = lines.await;
    let [line] = &lines[..] else { panic!("{lines:?}") };
    for part in ["WARN", "endpoint=\"a\"", "retention=24 h", "retry_span=75 h 35 min 5 s"] {
        assert!(line.contains(part), "{part}: {line}");
    }

    let store = SqliteStore::in_memory().await.unwrap();
    let lines = warnings(async {
        for code in ["handled", "duplicate"] {
            assert_eq!(store.transact(&delivery("b"), async |_, _| Ok(())).await.outcome().code(), code);
        }
    });
    assert_eq!(lines.await.len(), 1);
}
