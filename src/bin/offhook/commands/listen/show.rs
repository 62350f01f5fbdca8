//! Deliveries on standard output.

use serde_json::{Value, json};

use super::delivery::{Delivery, Forwarded, Shown};
use crate::failure::Failure;
use crate::output::{Output, printable};

/// Writes a delivery: as one line, or in full.
pub(super) fn show(delivery: &Delivery, verbose: bool, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(&json(delivery, verbose)?);
    }
    output.text(&text(delivery, verbose))
}

/// Returns a delivery as text: what is known of it in short and, if it is to be shown in full, the
/// request.
pub(super) fn text(delivery: &Delivery, verbose: bool) -> String {
    let mut text = line(&delivery.shown);
    if let Some(reason) = &delivery.shown.verdict.reason {
        text.push_str(&format!("    {}\n", printable(reason)));
    }
    if let Some(reason) = delivery.judgement.diagnosis.as_ref().and_then(|diagnosis| diagnosis.first()) {
        let detail = reason.detail().map(|detail| format!(" ({})", printable(detail))).unwrap_or_default();
        text.push_str(&format!("    {}: {}{detail}: {}\n", reason.confidence(), reason.name(), reason.text()));
    }
    for hint in &delivery.shown.hints {
        text.push_str(&format!("    {hint}\n"));
    }
    if verbose {
        text.push_str(&in_full(delivery));
    }
    text
}

/// Returns the time, the vendor, the event, the call, the verdict, the size, and the handler's
/// answer.
fn line(shown: &Shown) -> String {
    let time = shown.received_at.get(11..23).unwrap_or_default();
    let verdict = &shown.verdict;
    let judged = match verdict.accepted {
        true => "accepted".to_owned(),
        false => format!("refused {} {}", verdict.status, verdict.code),
    };
    let text = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), printable);
    let forwarded = shown.forwarded.as_ref().map(|forwarded| format!("  -> {}", answer(forwarded))).unwrap_or_default();
    format!(
        "{time}  {:<8}  {:<14}  {:<14}  {judged}  {} B{forwarded}\n",
        verdict.vendor,
        text(&verdict.event),
        text(&verdict.call_id),
        shown.bytes
    )
}

fn answer(forwarded: &Forwarded) -> String {
    match (forwarded.status, forwarded.milliseconds) {
        (Some(status), Some(milliseconds)) => format!("{status} in {milliseconds} ms"),
        _ => forwarded.reason.as_deref().map_or("-".to_owned(), printable),
    }
}

/// Writes the request as it was received, without tokens.
fn in_full(delivery: &Delivery) -> String {
    let request = delivery.capture.request();
    let mut text = format!("\n{} {}\n", printable(&delivery.shown.method), printable(&delivery.shown.target));
    for (name, value) in &request.headers {
        text.push_str(&format!("{}: {}\n", printable(name), printable(&String::from_utf8_lossy(value))));
    }
    match std::str::from_utf8(&request.body) {
        Ok(body) => text.push_str(&format!("\n{}\n\n", body.lines().map(printable).collect::<Vec<_>>().join("\n"))),
        Err(_) => text.push_str("\n(a body that is not text)\n\n"),
    }
    text
}

/// Returns a delivery as JSON: with its capture, if it is to be shown in full.
pub(super) fn json(delivery: &Delivery, in_full: bool) -> Result<Value, Failure> {
    let failure = |error| Failure::failed("a delivery", &error);
    let mut json = serde_json::to_value(&delivery.shown).map_err(failure)?;
    if let (true, Some(members)) = (in_full, json.as_object_mut()) {
        let capture: Value = serde_json::from_str(&delivery.capture.to_json()).map_err(failure)?;
        for member in ["headers", "body", "body_base64"] {
            members.insert(member.to_owned(), capture.get(member).cloned().unwrap_or(json!(null)));
        }
    }
    Ok(json)
}
