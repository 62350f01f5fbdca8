//! `offhook replay`: sends deliveries from files again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Uri;
use offhook::testing::RawRequest;
use serde_json::json;

use crate::client::{Answer, Client, SendError};
use crate::commands::sender;
use crate::failure::{Failure, Outcome};
use crate::forms::{BodyFiles, Input, written};
use crate::input;
use crate::output::{Output, printable};
use crate::vendors::{SecretArguments, Vendor};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  offhook replay capture.json
  offhook replay captures/ --to http://127.0.0.1:3000/webhooks/truedy
  offhook replay capture.json --as-received --to http://127.0.0.1:3000")]
pub(crate) struct Arguments {
    /// Raw HTTP requests, captures, HAR files, curl commands, or folders of captures
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// Where they go; without a path, each goes to its own path
    #[arg(long, value_name = "URL")]
    to: Option<Uri>,

    /// Sign them again, because receivers refuse an old signature (the default)
    #[arg(long, conflicts_with = "as_received")]
    resign: bool,

    /// Send them with the signatures with which they were received
    #[arg(long)]
    as_received: bool,

    /// The vendor that sent them; otherwise it is recognised by their headers or their path
    #[arg(long)]
    vendor: Option<Vendor>,

    /// How many seconds to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,

    #[command(flatten)]
    secrets: SecretArguments,
}

pub(super) async fn run(arguments: Arguments, output: &Output) -> Result<Outcome, Failure> {
    let mut inputs = Vec::new();
    // A file that cannot be used is found before anything is sent.
    for file in files(&arguments.files)? {
        let input = input::read(&file, BodyFiles::Refuse).await?;
        arguments.prepare(input.clone()).map_err(|failure| failure.of(&file))?;
        inputs.push((file, input));
    }
    let client = Client::new(Duration::from_secs(arguments.timeout));
    let mut outcome = Outcome::Done;
    for (file, input) in inputs {
        // A signature has the time at which it is sent.
        let (request, url) = arguments.prepare(input).map_err(|failure| failure.of(&file))?;
        let answer = client.send(&url, &request).await;
        if !answer.as_ref().is_ok_and(Answer::is_success) {
            outcome = Outcome::Refused;
        }
        report(&file, &url, &answer, output)?;
    }
    Ok(outcome)
}

impl Arguments {
    /// Returns the request as it is to be sent, and where it goes.
    fn prepare(&self, input: Input) -> Result<(RawRequest, Uri), Failure> {
        let url = written::url(self.to.as_ref(), &input.request)?;
        let has_own_path = written::target(&url) == input.request.target;
        match input.masked_parameters.first() {
            Some(name) if has_own_path => Err(Failure::Usage(format!(
                "the value of `{}` in the URL was masked when the delivery was captured: name the whole URL with --to",
                printable(name)
            ))),
            _ => Ok((self.signed(input)?, url)),
        }
    }

    /// Returns the request with the signature that is asked for. A header whose value is not known is
    /// left out.
    fn signed(&self, input: Input) -> Result<RawRequest, Failure> {
        let token_header = self.secrets.token_header();
        let vendor = self.vendor.or_else(|| Vendor::recognise(&input.request, token_header));
        let masked = token_header.masked_in(&input).map(str::to_owned);
        let request = input.masked.iter().fold(input.request, |request, name| request.without_header(name));
        if !self.as_received {
            let vendor = sender(vendor, &self.secrets, &request)?;
            return self.secrets.endpoint(vendor)?.resigned(request);
        }
        match masked {
            Some(header) if !vendor.is_some_and(Vendor::signs) => Err(Failure::Usage(format!(
                "the value of `{header}` was masked when the delivery was captured: use --resign"
            ))),
            _ => Ok(request),
        }
    }
}

/// Returns the files, and instead of a folder the captures in it in the order of their names.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut captures = captures(path).map_err(|error| Failure::usage(&path.display().to_string(), &error))?;
            captures.sort();
            if captures.is_empty() {
                return Err(Failure::Usage(format!("{}: the folder has no .json files", path.display())));
            }
            files.append(&mut captures);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn captures(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let paths = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let is_capture = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    paths.filter(|path| path.as_ref().map_or(true, is_capture)).collect()
}

fn report(file: &Path, url: &Uri, answer: &Result<Answer, SendError>, output: &Output) -> Result<(), Failure> {
    let file = file.display().to_string();
    if output.is_json() {
        return output.json(&match answer {
            Ok(answer) => json!({
                "file": file,
                "url": written::shown(url),
                "status": answer.status,
                "milliseconds": answer.milliseconds(),
            }),
            Err(error) => json!({ "file": file, "url": written::shown(url), "error": error.code() }),
        });
    }
    output.text(&match answer {
        Ok(answer) => format!("{}: {} in {} ms\n", printable(&file), answer.status, answer.milliseconds()),
        Err(error) => format!("{}: {error} ({})\n", printable(&file), error.code()),
    })
}
