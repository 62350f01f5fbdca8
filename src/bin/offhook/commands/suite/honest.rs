//! Deliveries as the vendor sends them, which a right receiver accepts.

use std::collections::HashMap;

use chrono::SecondsFormat;
use offhook::testing::{Layout, RawRequest, Sample};
use offhook::{Clock, SystemClock};

use super::check::{Check, Expected, Form, Group};
use super::sender::{Sender, events};
use crate::vendors::Vendor;

pub(super) fn checks(vendor: Vendor) -> Vec<Check> {
    let mut checks = each_event(vendor);
    checks.extend([
        Check::honest("multi_byte_text", "an event with text in several scripts, written as UTF-8", |sender| {
            sender.with_text("multi_byte_text", "Grüße, 你好, مرحبا, 🙂 — “quoted”\\\u{1f}")
        }),
        Check::honest("json_layout", "JSON with spaces after colons and commas, and with escapes", json_layout).because(
            "The receiver verifies what it has parsed and written again. Genuine deliveries fail as soon as the vendor \
             writes its JSON differently.",
            "Verify the bytes of the body as they arrived, before anything parses them.",
        ),
        Check::honest("large_body", "an event of 256 KiB, such as a long call with its transcript", |sender| {
            sender.with_text("large_body", &"Hello, how are you? ".repeat(LARGE / 20))
        })
        .because(
            "The event of a long call is lost.",
            "Raise the body limit of the framework for this route. It is 100 KiB in express.raw(), for example.",
        ),
        Check {
            times: 2,
            ..Check::honest("redelivery", "the same delivery twice", |sender| sender.ordinary()).because(
                "Vendors deliver at least once. A redelivery that is refused is sent again and again.",
                "Acknowledge a delivery that was handled before, and do not handle it again.",
            )
        },
        Check::honest("chunked_body", "a body in chunks, without Content-Length", |sender| sender.ordinary())
            .in_form(Form::Chunked)
            .because(
                "HTTP allows it, and proxies send it.",
                "Read the body to its end, and do not rely on Content-Length.",
            ),
        Check::honest("header_case", "header names in title case; the others are lower-case", |sender| {
            sender.ordinary()
        })
        .in_form(Form::TitleCase)
        .because(
            "Header names are case-insensitive, and proxies change their case.",
            "Look headers up without regard to case.",
        ),
        Check::honest("signed_earlier", "a delivery that was signed 45 s ago", |sender| sender.signed_ago(45)).because(
            "A delivery takes time on its way, and clocks differ.",
            "Accept a signed time of up to 300 s ago, and check the clock of the receiver.",
        ),
        Check::honest("signed_ahead", "a delivery that was signed by a clock that is 5 s ahead", |sender| {
            sender.signed_ago(-5)
        })
        .because(
            "The clocks of two machines are never equal.",
            "Allow a signed time that is some seconds ahead, and check the clock of the receiver.",
        ),
        Check {
            expected: Expected::ShouldAccept,
            ..Check::honest("iso_timestamp", "a timestamp in ISO 8601, signed as it is sent", iso_timestamp).because(
                "One page of Truedy documents Unix seconds, and another one ISO 8601 as well.",
                "Accept both forms in the timestamp header.",
            )
        },
    ]);
    checks
}

/// Returns the delivery that shows whether the receiver survived the hostile ones.
pub(super) fn after_hostile() -> Check {
    Check {
        group: Group::After,
        ..Check::honest("after_hostile", "an honest delivery, after all hostile ones", |sender| sender.ordinary())
            .because(
                "A receiver that hostile deliveries stop does not receive the genuine ones either.",
                "Handle each error where one delivery is handled, so that it ends that delivery only.",
            )
    }
}

/// Returns a check for each documented event. One of several samples of an event has a number.
fn each_event(vendor: Vendor) -> Vec<Check> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let check = |sample: Sample| {
        let event = sample.event();
        let count = seen.entry(event).or_default();
        *count = count.saturating_add(1);
        let name = if *count == 1 { format!("event_{event}") } else { format!("event_{event}_{count}") };
        let id = name.clone();
        Check::honest(name, format!("the event {event}"), move |sender| sender.honest(&id, sample.clone())).because(
            "A receiver that refuses a documented event loses it.",
            "Verify the bytes of the body as they arrived, and accept events and fields that you do not know.",
        )
    };
    events(vendor).into_iter().map(check).collect()
}

/// Returns an event as Python's `json.dumps` writes it.
fn json_layout(sender: &Sender<'_>) -> Option<RawRequest> {
    let request = sender.with_text("json_layout", "naive cafe")?;
    let body = String::from_utf8(request.body.to_vec()).ok()?.replace("naive cafe", r"na\u00efve caf\u00e9");
    let sample = Sample::new(sender.vendor().name(), "json_layout", body).with_layout(Layout::Spaced);
    sender.signed(sample)
}

fn iso_timestamp(sender: &Sender<'_>) -> Option<RawRequest> {
    // The others document one form only.
    let timestamp = SystemClock.now().to_rfc3339_opts(SecondsFormat::Millis, true);
    (sender.vendor() == Vendor::Truedy).then(|| sender.with_timestamp(&timestamp))?
}

/// The length of a large text, in bytes.
const LARGE: usize = 256 * 1024;
