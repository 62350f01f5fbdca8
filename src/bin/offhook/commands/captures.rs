//! `offhook captures`: uses captured deliveries.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use offhook::Headers;
use offhook::testing::Capture;
use offhook::verify::Lookup;
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::input::{self, Input};
use crate::output::Output;
use crate::vendors::{Endpoint, Vendor, Verdict};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Write a Rust test of a delivery, and the delivery as its fixture
    ToTest(ToTest),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  offhook captures to-test capture.json
  offhook captures to-test capture.json --name a_call_that_ended --folder tests

The test needs offhook with the feature `testing` in the dev-dependencies.")]
pub(crate) struct ToTest {
    /// A raw HTTP request, a capture, a HAR file or a curl command; `-` for standard input
    file: PathBuf,

    /// The name of the test and of its two files; otherwise the name of the event
    #[arg(long, value_parser = identifier)]
    name: Option<String>,

    /// The folder for the two files
    #[arg(long, default_value = "tests")]
    folder: PathBuf,

    /// The vendor that sent it; otherwise it is recognised by its headers or its path
    #[arg(long)]
    vendor: Option<Vendor>,
}

pub(super) async fn run(command: Command, output: &Output) -> Result<Outcome, Failure> {
    let Command::ToTest(arguments) = command;
    let input = input::read(&arguments.file).await?;
    let Some(vendor) = arguments.vendor.or_else(|| Vendor::recognise(&input.request)) else {
        return Err(Failure::Usage(
            "neither the headers nor the path say which vendor sent this: name it with --vendor".to_owned(),
        ));
    };
    let endpoint = Endpoint::new(vendor, SECRET.to_owned().into())?;
    let verdict = endpoint.verdict(&endpoint.resigned(input.request.clone())?, None)?;
    let name = arguments.name.unwrap_or_else(|| named(&verdict));
    let (test, fixture) = (file(&arguments.folder, &name, "rs"), file(&arguments.folder, &name, "json"));
    write_new(&fixture, &capture(&input).to_json())?;
    write_new(&test, &rust(vendor, &name, &input, &verdict))?;
    if output.is_json() {
        output.json(&json!({ "test": test.display().to_string(), "fixture": fixture.display().to_string() }))?;
    } else {
        output.text(&format!("{}\n{}\n", test.display(), fixture.display()))?;
    }
    Ok(Outcome::Done)
}

fn file(folder: &Path, name: &str, extension: &str) -> PathBuf {
    folder.join(format!("{name}.{extension}"))
}

fn capture(input: &Input) -> Capture {
    let capture = Capture::new(input.request.clone());
    match input.received_at {
        Some(time) => capture.with_received_at(time),
        None => capture,
    }
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let name = path.display().to_string();
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = file.map_err(|error| Failure::usage(&name, &error))?;
    file.write_all(text.as_bytes()).map_err(|error| Failure::failed(&name, &error))
}

/// Returns the name of the event as the name of a test.
fn named(verdict: &Verdict) -> String {
    let name = verdict.event.as_deref().unwrap_or(verdict.code).to_ascii_lowercase();
    let name: String =
        name.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '_' }).collect();
    identifier(&name).unwrap_or_else(|_| format!("delivery_{name}"))
}

/// Reads the name of a test.
fn identifier(text: &str) -> Result<String, String> {
    let starts = text.starts_with(|first: char| first.is_ascii_lowercase());
    let word = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_';
    if starts && text.chars().all(word) && text.len() <= 64 {
        Ok(text.to_owned())
    } else {
        Err("a name has lower-case letters, digits and underscores".to_owned())
    }
}

/// Writes the test: the delivery is signed again with a secret of the test's own, so that the
/// real one is not needed.
fn rust(vendor: Vendor, name: &str, input: &Input, verdict: &Verdict) -> String {
    let (kind, verifier, signer) = match vendor {
        Vendor::Truedy => ("Truedy", "Truedy::new(SECRET)", "Signer::of(&verifier)"),
        Vendor::TalkifAi => ("TalkifAi", "TalkifAi::new(SECRET)", "Signer::of(&verifier)"),
        Vendor::Salpre => ("Salpre", "Salpre::bearer(SECRET)", "Signer::bearer(SECRET)?"),
        Vendor::Ultravox => ("Ultravox", "Ultravox::new(SECRET)", "Signer::of(&verifier)"),
        Vendor::StandardWebhooks => {
            ("StandardWebhooks", "StandardWebhooks::<serde_json::Value>::new(SECRET)", "Signer::of(&verifier)")
        }
    };
    let message_id = match input.request.headers.lookup("webhook-id") {
        Lookup::One(id) => format!(".with_message_id({:?})", String::from_utf8_lossy(id)),
        Lookup::Missing | Lookup::Repeated => String::new(),
    };
    let mut test = format!(
        "//! A captured delivery of {vendor}. It is signed again with the secret of this test.\n\n\
         use offhook::testing::{{Capture, Signer}};\n\
         use offhook::{{{kind}, Verifier}};\n\n\
         const SECRET: &str = {SECRET:?};\n\n\
         #[test]\n\
         fn {name}() -> Result<(), Box<dyn std::error::Error>> {{\n    \
             let capture = Capture::from_json(include_bytes!(\"{name}.json\"))?;\n    \
             let verifier = {verifier}?;\n    \
             let signer = {signer}{message_id};\n    \
             let request = signer.request(capture.request().target.as_str(), capture.request().body.clone());\n    \
             let received = verifier.receive_request(&request.head(), request.body.clone());\n"
    );
    // Writing to a text cannot fail.
    let _ = write_assertions(&mut test, verdict);
    test.push_str("    Ok(())\n}\n");
    test
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

/// The secret of a written test. It can be decoded as base64, as Standard Webhooks need it.
const SECRET: &str = "whsec_b25seUZvclRoaXNUZXN0";
