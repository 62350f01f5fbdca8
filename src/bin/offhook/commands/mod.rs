//! The subcommands, one module each.

mod captures;
mod completions;
mod curl;
pub(crate) mod explain;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod inbox;
pub(crate) mod listen;
mod replay;
mod send;
pub(crate) mod sign;
mod suite;
pub(crate) mod verify;

use std::future::Future;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Subcommand;
use hyper::Uri;
use offhook::testing::{Capture, RawRequest};
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::forms::{BodyFiles, Input, written};
use crate::input;
use crate::interrupt;
use crate::output::{Output, printable};
use crate::vendors::{self, Endpoint, SecretArguments, TokenHeader, Vendor};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Sign a sample or a file, and print its headers, a curl command or a raw request
    Sign(sign::Arguments),
    /// Send a signed sample or file to a receiver
    Send(send::Arguments),
    /// Send deliveries from files again
    Replay(replay::Arguments),
    /// Verify a delivery as a receiver does
    Verify(verify::Arguments),
    /// Explain why a delivery is refused
    Explain(explain::Arguments),
    /// Send honest and hostile deliveries to a receiver in any language, and grade its answers
    Suite(suite::Arguments),
    /// Print a delivery as a curl command
    Curl(curl::Arguments),
    /// Use captured deliveries
    #[command(
        subcommand,
        after_help = "\
Examples:
  offhook captures to-test capture.json"
    )]
    Captures(captures::Command),
    /// Look after an inbox in a database
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    Inbox(inbox::Arguments),
    /// Print the completions for a shell
    Completions(completions::Arguments),
    /// Receive deliveries, show them, and forward them to a handler
    Listen(listen::Arguments),
}

impl Command {
    pub(crate) async fn run(self, output: &Output) -> Result<Outcome, Failure> {
        match self {
            Command::Sign(arguments) => until_interrupted(sign::run(arguments, output)).await,
            Command::Send(arguments) => send::run(arguments, output).await,
            Command::Replay(arguments) => until_interrupted(replay::run(arguments, output)).await,
            Command::Verify(arguments) => until_interrupted(verify::run(arguments, output)).await,
            Command::Explain(arguments) => until_interrupted(explain::run(arguments, output)).await,
            Command::Suite(arguments) => until_interrupted(suite::run(arguments, output)).await,
            Command::Curl(arguments) => until_interrupted(curl::run(arguments, output)).await,
            Command::Captures(command) => until_interrupted(captures::run(command, output)).await,
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            Command::Inbox(arguments) => until_interrupted(inbox::run(arguments, output)).await,
            Command::Completions(arguments) => completions::run(&arguments, output),
            Command::Listen(arguments) => listen::run(arguments, output).await,
        }
    }
}

/// Drops a command at Ctrl-C. One that has something to tell at its end waits for Ctrl-C itself.
async fn until_interrupted<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = interrupt::received() => Err(Failure::Interrupted),
        outcome = command => outcome,
    }
}

/// Says which parameters of the URL have another value than the delivery.
fn masked_parameters(capture: &Capture, output: &Output) {
    for name in capture.masked_parameters() {
        output.message(&format!("the value of `{}` in the URL is masked", printable(name)));
    }
}

/// Prints a curl command.
fn print_curl(url: &Uri, request: &RawRequest, token: Option<TokenHeader>, output: &Output) -> Result<(), Failure> {
    let command = written::curl(url, request, token.map(TokenHeader::in_shell))?;
    if output.is_json() { output.json(&json!({ "command": command })) } else { output.text(&command) }
}

/// A delivery in a file, and how to judge it.
#[derive(Debug, clap::Args)]
struct DeliveryArguments {
    /// A raw HTTP request, a capture, a HAR file or a curl command; `-` for standard input
    file: PathBuf,

    /// The vendor that sent it; otherwise it is recognised by its headers or its path
    #[arg(long)]
    vendor: Option<Vendor>,

    /// Judge it at this time (RFC 3339 or Unix seconds); otherwise at the time of a capture, or now
    #[arg(long, value_parser = time)]
    at: Option<DateTime<Utc>>,

    #[command(flatten)]
    secrets: SecretArguments,
}

/// A delivery with the endpoint that it is for.
struct Delivered {
    input: Input,
    endpoint: Endpoint,
    at: Option<DateTime<Utc>>,
}

impl DeliveryArguments {
    async fn read(&self) -> Result<Delivered, Failure> {
        let input = input::read(&self.file, BodyFiles::Read).await?;
        let vendor = sender(self.vendor, &self.secrets, &input.request)?;
        let endpoint = self.secrets.endpoint(vendor)?;
        let at = self.at.or(input.received_at);
        Ok(Delivered { input, endpoint, at })
    }
}

/// Returns the vendor that sent a delivery: the one that is asked for, or the one that the
/// delivery is recognised by, or else the only one that has a secret.
fn sender(asked: Option<Vendor>, secrets: &SecretArguments, request: &RawRequest) -> Result<Vendor, Failure> {
    if let Some(vendor) = asked.or_else(|| Vendor::recognise(request, secrets.token_header())) {
        return Ok(vendor);
    }
    vendors::only(&secrets.configured()?).ok_or_else(unrecognised)
}

/// Says that nothing tells which vendor sent a delivery.
fn unrecognised() -> Failure {
    Failure::Usage("neither the headers nor the path say which vendor sent this: name it with --vendor".to_owned())
}

impl Delivered {
    /// Fails if the file does not hold the token that would have to be judged.
    fn check_masked(&self) -> Result<(), Failure> {
        match self.endpoint.token_header().and_then(|token| token.masked_in(&self.input)) {
            Some(header) => Err(Failure::Usage(format!(
                "the value of `{header}` was masked when the delivery was captured, so it cannot be judged"
            ))),
            None => Ok(()),
        }
    }
}

/// Reads a time.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let seconds = text.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let written = || Some(DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc));
    seconds.or_else(written).ok_or_else(|| "a time is written as 2026-03-18T14:30:00Z or as Unix seconds".to_owned())
}
