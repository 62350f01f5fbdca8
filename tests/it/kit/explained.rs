//! The setting for development: the first cause of each refusal is in the log.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use offhook::diagnose::{Explained, Explainer, Receiver};
use offhook::testing::{RawRequest, Sample, Signer, deliver_axum, samples};
use offhook::{Reply, Truedy, Webhook};

const SECRET: &str = "whsec_explained";

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn handle(webhook: Webhook<Explained<Truedy>>) -> Reply {
    webhook.acknowledge()
}

/// Returns the status, and the lines that explain a refusal.
async fn send(request: &RawRequest) -> (u16, Vec<String>) {
    let truedy = Truedy::new(SECRET).unwrap();
    let explainer = Explainer::new(Receiver::signed(&truedy).with_secret(SECRET));
    let router = Router::new().route("/", post(handle)).with_state(Explained::new(truedy, explainer));
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let answer = deliver_axum(&router, request).await;
    drop(guard);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    (answer.status, text.lines().filter(|line| line.contains("why the delivery")).map(str::to_owned).collect())
}

#[tokio::test]
async fn the_first_cause_of_each_refusal_is_logged_once() {
    let sent = |sample: Sample| Signer::of(&Truedy::new(SECRET).unwrap()).request("/", sample);
    let sample = samples::truedy::CALL_ENDED;
    let accepted = sent(sample.clone());
    assert_eq!(send(&accepted).await, (204, Vec::new()));

    for (request, parts) in [
        (
            accepted.clone().with_body(format!("{}\n", sample.body())),
            [r#"code="signature_mismatch""#, r#"cause="trailing_newline""#, "confidence=certain", "curl --data-binary"],
        ),
        (
            accepted.clone().without_header("x-truedy-timestamp"),
            [r#"code="missing_header""#, r#"cause="header_dropped""#, "confidence=likely", "x-truedy-timestamp"],
        ),
        (
            accepted.clone().with_body("{}"),
            [r#"code="signature_mismatch""#, r#"cause="no_known_cause""#, "WARN", r#"vendor="truedy""#],
        ),
    ] {
        let (status, lines) = send(&request).await;
        assert_eq!((status, lines.len()), (401, 1), "{lines:?}");
        assert!(parts.iter().all(|part| lines[0].contains(part)), "{lines:?}");
        assert!(!lines[0].contains("explained") && !lines[0].contains("uv_call"), "{lines:?}");
    }
}
