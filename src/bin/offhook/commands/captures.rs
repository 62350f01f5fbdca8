//! `offhook captures`: uses captured deliveries.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use offhook::testing::Capture;
use serde_json::json;

use crate::commands::unrecognised;
use crate::failure::{Failure, Outcome};
use crate::forms::BodyFiles;
use crate::input;
use crate::output::Output;
use crate::rust_test::{Fixture, RustTest, identifier};
use crate::vendors::{SecretArguments, Vendor};

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

    #[command(flatten)]
    secrets: SecretArguments,
}

pub(super) async fn run(command: Command, output: &Output) -> Result<Outcome, Failure> {
    let Command::ToTest(arguments) = command;
    let input = input::read(&arguments.file, BodyFiles::Refuse).await?;
    let token_header = arguments.secrets.token_header();
    let recognised = || Vendor::recognise(&input.request, token_header);
    let vendor = arguments.vendor.or_else(recognised).ok_or_else(unrecognised)?;
    let capture = arguments.secrets.capture(input.request)?;
    let capture = input.received_at.into_iter().fold(capture, Capture::with_received_at);
    let rust_test = RustTest::of(vendor, token_header, &capture)?;
    let name = arguments.name.unwrap_or_else(|| rust_test.default_name());
    let (test, fixture) = (file(&arguments.folder, &name, "rs"), file(&arguments.folder, &name, "json"));
    write_new(&fixture, &capture.to_json())?;
    write_new(&test, &rust_test.text(&name, Fixture::File))?;
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

/// Writes a file that is not there yet.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let name = path.display().to_string();
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = file.map_err(|error| Failure::usage(&name, &error))?;
    file.write_all(text.as_bytes()).map_err(|error| Failure::failed(&name, &error))
}
