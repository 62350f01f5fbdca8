//! Deliveries, and stores with a short lease and a short retention, for the tests in this folder.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use offhook::idempotency::{Key, MemoryStore, PayloadDigest, StoreSettings};
use offhook::testing::Signer;
use offhook::testing::store::ConformanceSuite;
use offhook::{Clock, Delivery, FixedClock, SystemClock, TalkifAi, Verifier, talkifai};

pub use crate::log::logged;

pub const SECRET: &str = "talkifai_store_test_secret";
pub const LEASE: Duration = Duration::from_millis(600);
pub const RETENTION: Duration = Duration::from_millis(1_500);

/// Returns settings with a short lease and a short retention, because the suite waits for their ends.
pub fn short() -> StoreSettings {
    StoreSettings::new().danger_with_short_retention(RETENTION).with_lease(LEASE).unwrap()
}

pub fn suite() -> ConformanceSuite {
    ConformanceSuite::new(LEASE, RETENTION, tokio::time::sleep)
}

pub fn memory() -> MemoryStore {
    MemoryStore::new().with_settings(short())
}

pub fn body(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"call.started","created":"2026-01-15T10:30:00Z","data":{{"callId":"call_{id}","agentId":"a"}}}}"#
    )
}

pub fn sign(body: &str) -> Vec<(&'static str, String)> {
    Signer::new(talkifai::SCHEME, SECRET).unwrap().sign(SystemClock.now(), body)
}

/// Returns a verifier whose clock shows the time of [`body`], so that no store with a short
/// retention takes it for one that was forgotten.
pub fn verifier() -> TalkifAi {
    TalkifAi::new(SECRET).unwrap().with_clock(FixedClock::at_unix(1_768_473_000))
}

pub fn receive(body: &str) -> Delivery<talkifai::Event> {
    verifier().receive(&sign(body), body.to_owned()).unwrap()
}

pub fn delivery(id: &str) -> Delivery<talkifai::Event> {
    receive(&body(id))
}

/// Returns a key that nothing else uses.
pub fn new_key() -> Key {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    Key::new("test", "", &format!("{}:{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)))
}

pub fn digest() -> PayloadDigest {
    PayloadDigest::of(b"body")
}
