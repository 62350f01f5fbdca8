//! A captured delivery as a Rust test.

use std::fmt::Write as _;

use offhook::testing::Capture;

use crate::failure::Failure;
use crate::vendors::{Endpoint, TokenHeader, Vendor, Verdict};

/// Where the capture of a test is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fixture {
    /// In a file beside the test, with the test's name.
    File,
    /// In the test itself.
    Inline,
}

/// A test that signs a captured delivery again, with a secret of its own, so that the real one
/// is not needed.
#[derive(Debug)]
pub(crate) struct RustTest<'a> {
    vendor: Vendor,
    token_header: TokenHeader,
    capture: &'a Capture,
    verdict: Verdict,
}

impl<'a> RustTest<'a> {
    pub(crate) fn of(vendor: Vendor, token_header: TokenHeader, capture: &'a Capture) -> Result<Self, Failure> {
        let endpoint = Endpoint::new(vendor, SECRET.to_owned().into())?;
        // The test hands the body to the verifier, which does not look at its coding.
        let request = capture.request().clone().without_header("content-encoding");
        let verdict = endpoint.verdict(&endpoint.resigned(request)?, None)?;
        Ok(RustTest { vendor, token_header, capture, verdict })
    }

    /// Returns the name of the event as the name of a test.
    pub(crate) fn default_name(&self) -> String {
        let name = self.verdict.event.as_deref().unwrap_or(self.verdict.code).to_ascii_lowercase();
        let name: String =
            name.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '_' }).collect();
        identifier(&name).unwrap_or_else(|_| format!("delivery_{name}"))
    }

    /// Writes the test.
    pub(crate) fn text(&self, name: &str, fixture: Fixture) -> String {
        let verifier = match (self.vendor, self.token_header.configured()) {
            (Vendor::Truedy, _) => "Truedy::new(SECRET)".to_owned(),
            (Vendor::TalkifAi, _) => "TalkifAi::new(SECRET)".to_owned(),
            (Vendor::Salpre, None) => "Salpre::bearer(SECRET)".to_owned(),
            (Vendor::Salpre, Some(name)) => format!("Salpre::header({name:?}, SECRET)"),
            (Vendor::Ultravox, _) => "Ultravox::new(SECRET)".to_owned(),
            (Vendor::StandardWebhooks, _) => "StandardWebhooks::<serde_json::Value>::new(SECRET)".to_owned(),
            (Vendor::Svix, _) => "StandardWebhooks::<serde_json::Value>::svix(SECRET)".to_owned(),
        };
        let signer = match (self.vendor.signs(), self.token_header.configured()) {
            (true, _) => "Signer::of(&verifier)".to_owned(),
            (false, None) => "Signer::bearer(SECRET)?".to_owned(),
            (false, Some(name)) => format!("Signer::headers([({name:?}, SECRET)])?"),
        };
        let message_id = self.vendor.message_id(self.capture.request());
        let message_id = message_id.map(|id| format!(".with_message_id({id:?})")).unwrap_or_default();
        let capture = match fixture {
            Fixture::File => format!("include_bytes!(\"{name}.json\")"),
            Fixture::Inline => format!("{}.as_bytes()", raw_string(&self.capture.to_json())),
        };
        let vendor = self.vendor;
        let mut test = format!(
            "// A captured delivery of {vendor}. It is signed again with the secret of this test.\n\
             #[test]\n\
             fn {name}() -> Result<(), Box<dyn std::error::Error>> {{\n    \
                 use offhook::Verifier;\n    \
                 use offhook::testing::{{Capture, Signer}};\n\n    \
                 const SECRET: &str = {SECRET:?};\n    \
                 let capture = Capture::from_json({capture})?;\n    \
                 let verifier = offhook::{verifier}?;\n    \
                 let signer = {signer}{message_id};\n    \
                 let request = signer.request(capture.request().target.as_str(), capture.request().body.clone());\n    \
                 let received = verifier.receive_request(&request.head(), request.body.clone());\n"
        );
        // Writing to a text cannot fail.
        let _ = write_assertions(&mut test, &self.verdict);
        test.push_str("    Ok(())\n}\n");
        test
    }
}

/// Reads the name of a test.
pub(crate) fn identifier(text: &str) -> Result<String, String> {
    let starts = text.starts_with(|first: char| first.is_ascii_lowercase());
    let word = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_';
    if starts && text.chars().all(word) && text.len() <= 64 {
        Ok(text.to_owned())
    } else {
        Err("a name has lower-case letters, digits and underscores".to_owned())
    }
}

fn write_assertions(test: &mut String, verdict: &Verdict) -> std::fmt::Result {
    let Some(event) = &verdict.event else {
        writeln!(test, "    let refused = received.unwrap_err();")?;
        return writeln!(
            test,
            "    assert_eq!((refused.status(), refused.code()), ({}, {:?}));",
            verdict.status, verdict.code
        );
    };
    writeln!(test, "    let delivery = received?;")?;
    writeln!(test, "    assert_eq!(delivery.parsed().name(), {event:?});")?;
    writeln!(test, "    assert_eq!(delivery.call_id(), {:?});", verdict.call_id)?;
    writeln!(test, "    assert_eq!(delivery.dedupe_key().as_deref(), {:?});", verdict.dedupe_key)?;
    writeln!(test, "    assert_eq!(delivery.drift().len(), {});", verdict.drift.len())
}

/// Writes a raw string literal. It has more `#` than follow any quotation mark in the text.
fn raw_string(text: &str) -> String {
    let after_mark = |rest: &str| rest.chars().take_while(|character| *character == '#').count();
    let longest = text.split('"').skip(1).map(after_mark).max().unwrap_or_default();
    let marks = "#".repeat(longest.saturating_add(1));
    format!("r{marks}\"{text}\"{marks}")
}

/// The secret of a written test. It can be decoded as base64, as Standard Webhooks need it.
const SECRET: &str = "whsec_b25seUZvclRoaXNUZXN0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_string_ends_where_the_text_ends() {
        assert_eq!(raw_string("a"), "r#\"a\"#");
        assert_eq!(raw_string("\"#\"##"), "r###\"\"#\"##\"###");
    }
}
