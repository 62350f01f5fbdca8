//! Events of an inbox, as text and as JSON.

use base64ct::{Base64, Encoding};
use chrono::{DateTime, SecondsFormat, Utc};
use offhook::inbox::{Entry, Stats, Stored};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{Output, printable};

/// Writes a line for each vendor and endpoint.
pub(super) fn stats(stats: &Stats, output: &Output) -> Result<(), Failure> {
    if !output.is_json() {
        output.text("vendor             endpoint          waiting   running      dead    oldest\n")?;
    }
    for source in &stats.sources {
        let (vendor, endpoint) = (&source.vendor, &source.endpoint);
        if output.is_json() {
            output.json(&json!({
                "vendor": vendor,
                "endpoint": endpoint,
                "waiting": source.waiting,
                "running": source.running,
                "dead": source.dead,
                "oldest_seconds": source.oldest_age.map(|age| age.as_secs()),
            }))?;
            continue;
        }
        let oldest = source.oldest_age.map(|age| format!("{} s", age.as_secs())).unwrap_or_default();
        let (vendor, endpoint) = (printable(vendor), printable(endpoint));
        output.text(&format!(
            "{vendor:<18} {endpoint:<14} {:>10}{:>10}{:>10}{oldest:>10}\n",
            source.waiting, source.running, source.dead
        ))?;
    }
    Ok(())
}

/// Writes an event in one line.
pub(super) fn line(entry: &Entry, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(&as_json(entry));
    }
    let text = |value: &Option<String>| printable(value.as_deref().unwrap_or("-"));
    let Entry { id, state, vendor, event, attempts, .. } = entry;
    let received = time(entry.received_at);
    let (vendor, event) = (printable(vendor), printable(event));
    output.text(&format!(
        "{id:>8}  {state:<7}  {received}  {vendor:<12} {event:<22} {:<20} {attempts:>3}  {}\n",
        text(&entry.call_id),
        text(&entry.error)
    ))
}

/// Writes an event with everything that is known of it.
pub(super) fn whole(entry: &Entry, stored: &Stored, output: &Output) -> Result<(), Failure> {
    let body = stored.body();
    if output.is_json() {
        let mut json = as_json(entry);
        if let Value::Object(members) = &mut json {
            members.insert("body".to_owned(), json!(std::str::from_utf8(body).ok()));
            members.insert("body_base64".to_owned(), json!(Base64::encode_string(body)));
        }
        return output.json(&json);
    }
    for (name, value) in [
        ("state", Some(entry.state.to_string())),
        ("vendor", Some(entry.vendor.clone())),
        ("endpoint", Some(entry.endpoint.clone()).filter(|endpoint| !endpoint.is_empty())),
        ("event", Some(entry.event.clone())),
        ("key", entry.key.clone()),
        ("call", entry.call_id.clone()),
        ("attempts", Some(entry.attempts.to_string())),
        ("replays", Some(entry.replays.to_string())),
        ("received", Some(time(entry.received_at))),
        ("due", Some(time(entry.due_at))),
        ("finished", entry.finished_at.map(time)),
        ("error", entry.error.clone()),
    ] {
        if let Some(value) = value {
            output.text(&format!("{name:<10}{}\n", printable(&value)))?;
        }
    }
    let text = String::from_utf8_lossy(body);
    output.text(&format!("\n{}\n", text.lines().map(printable).collect::<Vec<_>>().join("\n")))
}

fn as_json(entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "state": entry.state.as_str(),
        "vendor": entry.vendor,
        "endpoint": entry.endpoint,
        "event": entry.event,
        "key": entry.key,
        "call_id": entry.call_id,
        "attempts": entry.attempts,
        "replays": entry.replays,
        "received_at": time(entry.received_at),
        "due_at": time(entry.due_at),
        "finished_at": entry.finished_at.map(time),
        "error": entry.error,
    })
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
