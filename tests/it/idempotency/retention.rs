//! The shortest retention that a store accepts, compared with the vendors' retry spans.

use std::time::Duration;

use offhook::Verifier;
use offhook::idempotency::{SettingsError, StoreSettings};
use offhook_tests::servers::Home;
use offhook_tests::vendors;

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
