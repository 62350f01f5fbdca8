//! Hand-over to NATS JetStream.

use std::time::Duration;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::{Config, RetentionPolicy, Stream};
use async_nats::jetstream::{AckKind, Context};
use axum::Router;
use axum::routing::post;
use futures_util::StreamExt as _;
use offhook::inbox::Stored;
use offhook::{Reply, Truedy, Webhook};

use crate::Application;

/// How long the server recognises a redelivery: longer than every vendor repeats a delivery.
/// It keeps the keys of this time in memory.
pub const DEDUPE_WINDOW: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Creates the stream. A message leaves it when it is acknowledged.
pub async fn create_stream(jetstream: &Context) -> anyhow::Result<Stream> {
    let stream = Config {
        name: "DELIVERIES".to_owned(),
        subjects: vec![SUBJECT.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        duplicate_window: DEDUPE_WINDOW,
        ..Config::default()
    };
    Ok(jetstream.get_or_create_stream(stream).await?)
}

/// A receiver that pushes each event once in [`DEDUPE_WINDOW`].
pub fn receiver(jetstream: Context, truedy: Truedy) -> Router {
    let receive = async move |webhook: Webhook<Truedy>| -> Reply {
        match push(&jetstream, &Stored::of(&webhook)).await {
            Ok(()) => webhook.acknowledge(),
            // The vendor sends it again.
            Err(_) => Reply::unavailable(Duration::from_secs(1)),
        }
    };
    Router::new().route("/webhooks/truedy", post(receive)).with_state(truedy)
}

/// Publishes a delivery, and waits until the stream has stored it.
pub async fn push(jetstream: &Context, stored: &Stored) -> anyhow::Result<()> {
    let mut headers = async_nats::HeaderMap::new();
    if let Some(key) = stored.job_key() {
        headers.insert(NATS_MESSAGE_ID, key.as_str());
    }
    let stored = serde_json::to_vec(stored)?;
    jetstream.publish_with_headers(SUBJECT, headers, stored.into()).await?.await?;
    Ok(())
}

/// Handles the messages, one after the other, in the order in which they were stored.
pub async fn consume(application: &Application, stream: &Stream) -> anyhow::Result<()> {
    let consumer = pull::Config {
        durable_name: Some("handlers".to_owned()),
        ack_policy: AckPolicy::Explicit,
        // After this time without an acknowledgement, a message is delivered again.
        ack_wait: ACK_WAIT,
        // A second message in hand could overtake the first.
        max_ack_pending: 1,
        ..pull::Config::default()
    };
    let consumer = stream.get_or_create_consumer("handlers", consumer).await?;
    let mut messages = consumer.messages().await?;
    while let Some(message) = messages.next().await {
        let message = message?;
        match application.handle(&serde_json::from_slice(&message.payload)?).await {
            Ok(()) => message.double_ack().await,
            Err(_) => message.ack_with(AckKind::Nak(Some(Duration::from_secs(1)))).await,
        }
        .map_err(anyhow::Error::from_boxed)?;
    }
    Ok(())
}

/// Longer than a handler may take.
const ACK_WAIT: Duration = Duration::from_secs(2);
const SUBJECT: &str = "deliveries";
