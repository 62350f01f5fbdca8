//! A store that forgets an event while its vendor may still send it.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use offhook::idempotency::{MemoryStore, Once, SqliteStore, Store, StoreSettings};
use offhook::testing::Signer;
use offhook::{Clock, Delivery, Event, StandardWebhooks, SystemClock, Verifier, standard_webhooks};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Returns the lines that warn about the retention.
    fn warnings(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains("retention_too_short")).map(str::to_owned).collect()
    }
}

fn delivery(endpoint: &str) -> Delivery<impl Event> {
    const SECRET: &str = "whsec_a2V5a2V5a2V5";
    let body = r#"{"type":"ping","data":{"n":1}}"#;
    let headers = Signer::new(standard_webhooks::SCHEME, SECRET).unwrap().sign(SystemClock.now(), body);
    let vendor = StandardWebhooks::<serde_json::Value>::new(SECRET).unwrap().with_endpoint(endpoint);
    vendor.receive(&headers, body).unwrap()
}

#[tokio::test]
async fn a_retention_below_the_retry_span_is_logged_once_and_refuses_nothing() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let long = StoreSettings::new().with_retention(Duration::from_secs(76 * 3_600)).unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new().with_settings(long));
    assert_eq!(store.retention(), Some(long.retention()));
    assert_eq!(Once::new(&store).run(&delivery("a"), async |_| Ok(())).await.outcome().code(), "handled");
    assert!(lines.warnings().is_empty());

    let store = MemoryStore::new();
    for code in ["handled", "duplicate"] {
        assert_eq!(Once::new(&store).run(&delivery("a"), async |_| Ok(())).await.outcome().code(), code);
    }
    let [line] = &lines.warnings()[..] else { panic!("{:?}", lines.warnings()) };
    for part in ["WARN", "endpoint=\"a\"", "retention=72 h", "retry_span=75 h 35 min 5 s"] {
        assert!(line.contains(part), "{part}: {line}");
    }

    let store = SqliteStore::in_memory().await.unwrap();
    for code in ["handled", "duplicate"] {
        assert_eq!(store.transact(&delivery("b"), async |_, _| Ok(())).await.outcome().code(), code);
    }
    assert_eq!(lines.warnings().len(), 2);
}
