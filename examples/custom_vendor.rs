//! Two vendors of one's own, on one axum server: ElevenLabs and GitHub.
//!
//! ```sh
//! ELEVENLABS_WEBHOOK_SECRET=… GITHUB_WEBHOOK_SECRET=… \
//!     cargo run --example custom_vendor --features axum
//! ```
#![allow(clippy::print_stdout, reason = "an example")]

use axum::Router;
use axum::extract::FromRef;
use axum::routing::post;
use offhook::Success;
use offhook::event::{Envelope, Identity};
use offhook::verify::{HmacScheme, Part, Separator, TimestampFormat};
use offhook::{Event, HmacVendor, Reply, Webhook};
use serde::Deserialize;

/// [ElevenLabs](https://elevenlabs.io/docs/overview/administration/webhooks):
/// `ElevenLabs-Signature: t=<seconds>,v0=<hex>`.
const ELEVENLABS: HmacScheme = HmacScheme::in_header("elevenlabs-signature")
    .list(Separator::Comma)
    .prefix("v0=")
    .timestamp_entry("t=", TimestampFormat::UnixSeconds)
    .signs(&[Part::Timestamp, Part::Literal("."), Part::Body]);

#[derive(Deserialize)]
struct PostCall {
    r#type: String,
    data: Conversation,
}

/// Of the many documented fields, those that this service needs. Whatever else the
/// vendor sends, now or later, does no harm.
#[derive(Deserialize)]
struct Conversation {
    conversation_id: String,
    agent_id: Option<String>,
}

impl Event for PostCall {
    fn name(&self) -> &str {
        &self.r#type
    }

    /// One event of a name in a conversation.
    fn identity<'a>(&'a self, _envelope: &'a Envelope) -> Identity<'a> {
        Identity::Id(self.data.conversation_id.as_str().into())
    }

    fn call_id(&self) -> Option<&str> {
        Some(&self.data.conversation_id)
    }
}

/// [GitHub](https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries):
/// `X-Hub-Signature-256: sha256=<hex>`.
const GITHUB: HmacScheme = HmacScheme::in_header("x-hub-signature-256").prefix("sha256=").signs(&[Part::Body]);

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

/// GitHub names the event in a header that it does not sign, and so do we not ask
/// it: in the body, each kind of event has a field of its own.
#[derive(Deserialize)]
struct Activity {
    action: Option<String>,
    repository: Option<Repository>,
}

impl Event for Activity {
    fn name(&self) -> &str {
        self.action.as_deref().unwrap_or("activity")
    }

    /// `X-GitHub-Delivery` is not signed either: anyone could change it and have
    /// a captured delivery handled again.
    fn identity<'a>(&'a self, _envelope: &'a Envelope) -> Identity<'a> {
        Identity::Body
    }
}

#[derive(Clone, FromRef)]
struct Vendors {
    elevenlabs: HmacVendor<PostCall>,
    github: HmacVendor<Activity>,
}

async fn on_call(webhook: Webhook<HmacVendor<PostCall>>) -> Reply {
    match webhook.event() {
        Ok(call) => println!("{}: {} by {:?}", call.r#type, call.data.conversation_id, call.data.agent_id),
        // Authentic, and not what we know: taken, so that it is not sent for ever.
        Err(undecodable) => println!("{undecodable}"),
    }
    webhook.acknowledge()
}

async fn on_activity(webhook: Webhook<HmacVendor<Activity>>) -> Reply {
    match webhook.event() {
        Ok(activity) => println!("{} in {:?}", activity.name(), activity.repository.as_ref().map(|r| &r.full_name)),
        Err(undecodable) => println!("{undecodable}"),
    }
    webhook.acknowledge()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let vendors = Vendors {
        elevenlabs: HmacVendor::new("elevenlabs", ELEVENLABS, secret("ELEVENLABS_WEBHOOK_SECRET")?)?,
        github: HmacVendor::new("github", GITHUB, secret("GITHUB_WEBHOOK_SECRET")?)?.with_success(Success::Accepted),
    };
    let app = Router::new()
        .route("/webhooks/elevenlabs", post(on_call))
        .route("/webhooks/github", post(on_activity))
        .with_state(vendors);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 3000)).await?;
    // Behind a proxy that does not wait for slow senders: this has no timeout.
    axum::serve(listener, app).await?;
    Ok(())
}
