//! Deliveries as text to copy: a curl command, and a Rust test.

use hyper::Uri;
use offhook::testing::RawRequest;

use super::super::delivery::Delivery;
use crate::client;
use crate::failure::Failure;
use crate::vendors::Vendor;
use crate::written;

/// Writes a curl command that sends the delivery to a URL.
pub(super) fn curl(delivery: &Delivery, url: &Uri) -> Result<String, Failure> {
    let mut request: RawRequest = delivery.capture.request().clone();
    // curl makes these anew, and a masked value is of no use.
    request.headers.retain(|(name, value)| {
        !client::is_of_a_connection(name) && (value != b"***" || name.eq_ignore_ascii_case("authorization"))
    });
    written::curl(url, &request, delivery.judgement.vendor)
}

/// Writes a test that judges the delivery as it was judged here, at the same time.
pub(super) fn test(delivery: &Delivery) -> Result<String, Failure> {
    let vendor = delivery.judgement.vendor.ok_or_else(|| Failure::Usage("the vendor is not known".to_owned()))?;
    let verdict = &delivery.shown.verdict;
    let capture = delivery.capture.to_json();
    let name = format!("{}_{}", vendor.name(), verdict.event.as_deref().unwrap_or(verdict.code));
    let name: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    // A token is not in the capture, so the test adds it.
    let request = match (vendor, verdict.accepted) {
        (Vendor::Salpre, true) => {
            "\n        .clone()\n        .without_header(\"authorization\")\n        \
             .with_header(\"Authorization\", format!(\"Bearer {secret}\"))"
        }
        _ => "",
    };
    let receive = "verifier.receive_request(&request.head(), request.body.clone())";
    let check = match verdict.accepted {
        true => format!(
            "    let delivery = {receive}.unwrap();\n    assert_eq!(delivery.parsed().name(), {:?});\n",
            verdict.event.as_deref().unwrap_or_default()
        ),
        false => {
            format!("    let refusal = {receive}.unwrap_err();\n    assert_eq!(refusal.code(), {:?});\n", verdict.code)
        }
    };
    Ok(format!(
        "#[test]\nfn {name}() {{\n    use offhook::Verifier;\n\n    \
         let capture = offhook::testing::Capture::from_json({}.as_bytes()).unwrap();\n    \
         let clock = offhook::FixedClock::at(capture.received_at().unwrap());\n    \
         let secret = std::env::var({:?}).unwrap();\n    \
         let verifier = {}(secret.as_str()).unwrap().with_clock(clock);\n    \
         let request = capture.request(){request};\n{check}}}\n",
        raw_string(&capture),
        vendor.variable(),
        constructor(vendor),
    ))
}

fn constructor(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Truedy => "offhook::Truedy::new",
        Vendor::TalkifAi => "offhook::TalkifAi::new",
        Vendor::Salpre => "offhook::Salpre::bearer",
        Vendor::Ultravox => "offhook::Ultravox::new",
        Vendor::StandardWebhooks => "offhook::StandardWebhooks::<serde_json::Value>::new",
    }
}

/// Writes a raw string literal. It has more `#` than follow any quotation mark in the text.
fn raw_string(text: &str) -> String {
    let after_mark = |rest: &str| rest.chars().take_while(|character| *character == '#').count();
    let longest = text.split('"').skip(1).map(after_mark).max().unwrap_or_default();
    let marks = "#".repeat(longest.saturating_add(1));
    format!("r{marks}\"{text}\"{marks}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_string_ends_where_the_text_ends() {
        assert_eq!(raw_string("a"), "r#\"a\"#");
        assert_eq!(raw_string("\"#\"##"), "r###\"\"#\"##\"###");
    }
}
