//! The setting for development: the first cause of each refusal is in the log.

use axum::Router;
use axum::routing::post;
use offhook::diagnose::{Explained, Explainer, Receiver};
use offhook::testing::{RawRequest, Sample, Signer, deliver_axum, samples};
use offhook::{Reply, Truedy, Webhook};

use crate::log::logged;

const SECRET: &str = "whsec_explained";

async fn handle(webhook: Webhook<Explained<Truedy>>) -> Reply {
    webhook.acknowledge()
}

/// Returns the status, and the lines that explain a refusal.
async fn send(request: &RawRequest) -> (u16, Vec<String>) {
    let truedy = Truedy::new(SECRET).unwrap();
    let explainer = Explainer::new(Receiver::signed(&truedy).with_secret(SECRET));
    let router = Router::new().route("/", post(handle)).with_state(Explained::new(truedy, explainer));
    let mut status = 0;
    let text = logged(async { status = deliver_axum(&router, request).await.status }).await;
    (status, text.lines().filter(|line| line.contains("why the delivery")).map(str::to_owned).collect())
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
