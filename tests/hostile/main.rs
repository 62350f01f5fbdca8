//! Runs the table of hostile deliveries through the core, axum and actix-web, and
//! reads every log line of it. A binary of its own, since it counts those lines.

mod common;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use offhook_tests::hostile::run;
use offhook_tests::vendors;
use tracing_subscriber::fmt::MakeWriter;

#[test]
fn the_core_and_both_frameworks_give_the_same_answers() {
    let lines = Lines::default();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone()).init();
    let mut cases: Vec<_> = vendors::ALL.into_iter().flat_map(common::cases).collect();
    cases.extend(vendors::ALL.into_iter().flat_map(|vendor| (vendor.rows)()));
    let deliveries = run(&cases);
    eprintln!("{} cases, {deliveries} deliveries", cases.len());
    assert!(cases.len() > 1000, "{} cases", cases.len());

    let lines = lines.take();
    let ours = lines.lines().filter(|line| line.contains(" offhook: ")).count();
    assert_eq!(ours, deliveries, "one event per delivery");
    let of_vendors = vendors::ALL.into_iter().flat_map(|vendor| vendor.secrets);
    // Every body has this word.
    let mut secrets: BTreeSet<String> = of_vendors.chain(&["zebra-marker"]).map(|s| (*s).to_owned()).collect();
    for (_, value) in cases.iter().flat_map(|case| &case.headers) {
        // Shorter ones are timestamps and words.
        if value.len() >= 30 && value.is_ascii() {
            secrets.insert(String::from_utf8(value.clone()).unwrap());
        }
    }
    for secret in &secrets {
        if lines.contains(secret.as_str()) {
            let line = lines.lines().find(|line| line.contains(secret.as_str()));
            panic!("{secret} in the log line {line:?}");
        }
    }
    assert!(
        lines.contains(r#"vendor="truedy" endpoint="" outcome="accepted" code="accepted" event="call.started" key="#),
        "{lines}"
    );
    assert!(lines.contains("secret_index=1"));
    assert!(lines.contains("drift=id: expected a string or an integer; timestamp: expected"));
    assert!(lines.contains(r#"vendor="talkifai" endpoint="" outcome="refused" code="malformed_signature""#));
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
