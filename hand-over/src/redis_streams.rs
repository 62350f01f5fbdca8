//! Hand-over to Redis streams.

use std::time::Duration;

use axum::Router;
use axum::routing::post;
use offhook::inbox::Stored;
use offhook::{Reply, Truedy, Webhook};
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use redis::streams::{StreamReadOptions, StreamReadReply};

use crate::Application;

/// A receiver that pushes each event once in [`DEDUPE_WINDOW`].
pub fn receiver(redis: ConnectionManager, truedy: Truedy) -> Router {
    let receive = async move |webhook: Webhook<Truedy>| -> Reply {
        match push(redis, &Stored::of(&webhook)).await {
            Ok(()) => webhook.acknowledge(),
            // The vendor sends it again.
            Err(_) => Reply::unavailable(Duration::from_secs(1)),
        }
    };
    Router::new().route("/webhooks/truedy", post(receive)).with_state(truedy)
}

/// Adds a delivery to the stream of its call.
pub async fn push(mut redis: ConnectionManager, stored: &Stored) -> anyhow::Result<()> {
    let record = serde_json::to_string(stored)?;
    let stream = stream(stored);
    let Some(key) = stored.job_key() else {
        let _: String = redis.xadd(stream, "*", &[("record", record)]).await?;
        return Ok(());
    };
    let push = redis::Script::new(PUSH);
    let mut push = push.prepare_invoke();
    push.key(format!("delivered:{key}")).key(stream).arg(DEDUPE_WINDOW.as_secs()).arg(record);
    Ok(push.invoke_async(&mut redis).await?)
}

/// The record of the key and the entry are written together, or not at all.
const PUSH: &str = "if redis.call('SET', KEYS[1], '', 'NX', 'EX', ARGV[1]) then \
    redis.call('XADD', KEYS[2], '*', 'record', ARGV[2]) end";

/// How long a redelivery is recognised: longer than every vendor repeats a delivery.
pub const DEDUPE_WINDOW: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How many streams share the calls. To change it, let the consumers empty the streams first.
pub const STREAMS: u64 = 4;

/// All events of a call are in one stream. The hash is the same in every process and version.
fn stream(stored: &Stored) -> String {
    let call = stored.call_group().unwrap_or_default();
    let hash = call.bytes().fold(0_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    stream_name(hash % STREAMS)
}

/// Returns the name of a stream.
pub fn stream_name(number: u64) -> String {
    format!("deliveries:{number}")
}

/// Handles the entries of one stream, one after the other, until one fails. Then call it
/// again: it begins with that entry. At most one process may do so for each stream, with a
/// connection of its own, because its reads wait.
pub async fn consume(application: &Application, mut redis: ConnectionManager, number: u64) -> anyhow::Result<()> {
    let stream = stream_name(number);
    let created: redis::RedisResult<()> = redis.xgroup_create_mkstream(&stream, GROUP, "0").await;
    if let Err(error) = created
        && error.code() != Some("BUSYGROUP")
    {
        return Err(error.into());
    }
    // What the last consumer of this name has read and not acknowledged comes first.
    let mut from = "0";
    loop {
        // The wait is shorter than the client's own limit for an answer.
        let options = StreamReadOptions::default().group(GROUP, CONSUMER).count(10).block(200);
        let read: Option<StreamReadReply> = redis.xread_options(&[&stream], &[from], &options).await?;
        let entries: Vec<_> = read.into_iter().flat_map(|read| read.keys).flat_map(|stream| stream.ids).collect();
        if entries.is_empty() {
            from = ">";
        }
        for entry in entries {
            let record: String = entry.get("record").ok_or_else(|| anyhow::anyhow!("an entry without a record"))?;
            application.handle(&serde_json::from_str(&record)?).await?;
            let mut end = redis::pipe();
            end.atomic().xack(&stream, GROUP, &[&entry.id]).ignore().xdel(&stream, &[&entry.id]).ignore();
            let () = end.query_async(&mut redis).await?;
        }
    }
}

const GROUP: &str = "handlers";
const CONSUMER: &str = "handler";
