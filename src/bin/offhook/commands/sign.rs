//! `offhook sign`: signs a sample or a file.

use std::path::PathBuf;

use base64ct::{Base64, Encoding};
use chrono::{DateTime, Utc};
use hyper::Uri;
use offhook::testing::{RawRequest, Sample, samples};
use serde_json::{Value, json};

use crate::commands::{masked_parameters, print_curl, time};
use crate::failure::{Failure, Outcome};
use crate::forms::written;
use crate::input;
use crate::output::Output;
use crate::vendors::{SecretArguments, Vendor};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  offhook sign truedy call.ended
  offhook sign truedy call.ended --set data.call.duration=142 --curl
  offhook sign talkifai --body body.json --http | nc localhost 3000
  offhook sign standard-webhooks --body body.json --at 2026-03-18T14:30:00Z --json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    message: Message,

    /// Print a curl command
    #[arg(long, conflicts_with = "http")]
    curl: bool,

    /// Print a raw HTTP request
    #[arg(long)]
    http: bool,

    /// Sign with this time (RFC 3339 or Unix seconds), not with the present one
    #[arg(long, value_parser = time)]
    at: Option<DateTime<Utc>>,

    /// Where the delivery goes, for --curl and --http: http://127.0.0.1:3000/webhooks/VENDOR by default
    #[arg(long, value_name = "URL")]
    to: Option<Uri>,

    #[command(flatten)]
    secrets: SecretArguments,
}

pub(super) async fn run(arguments: Arguments, output: &Output) -> Result<Outcome, Failure> {
    let Message { vendor, .. } = arguments.message;
    let target = format!("/webhooks/{vendor}");
    let url = written::url(arguments.to.as_ref(), &RawRequest::post(target, ""))?;
    let body = arguments.message.body().await?;
    let endpoint = arguments.secrets.endpoint(vendor)?;
    let signer = endpoint.signer()?;
    let target = written::target(&url);
    let request = match arguments.at {
        Some(time) => signer.request_at(time, target, body),
        None => signer.request(target, body),
    };
    let capture = endpoint.capture(request);
    let request = capture.request().clone();
    if !vendor.signs() && !arguments.curl {
        output.message(&format!("the token is masked; --curl takes it from {}", vendor.variable()));
    }
    masked_parameters(&capture, output);
    if arguments.curl {
        print_curl(&url, &request, endpoint.token_header(), output)?;
    } else if output.is_json() {
        output.json(&as_json(&url, &request))?;
    } else if arguments.http {
        output.bytes(&written::http(&url, &request))?;
    } else {
        output.bytes(&written::headers(&request))?;
    }
    Ok(Outcome::Done)
}

pub(crate) fn as_json(url: &Uri, request: &RawRequest) -> Value {
    let headers = request.headers.iter().map(|(name, value)| json!([name, String::from_utf8_lossy(value)]));
    json!({
        "method": request.method,
        "url": written::shown(url),
        "headers": headers.collect::<Vec<_>>(),
        "body": std::str::from_utf8(&request.body).ok(),
        "body_base64": Base64::encode_string(&request.body),
    })
}

/// What is signed: a sample or the contents of a file.
#[derive(Debug, clap::Args)]
pub(crate) struct Message {
    /// The vendor that sends it
    pub(crate) vendor: Vendor,

    /// The name of the event, whose sample is signed
    #[arg(required_unless_present = "body", conflicts_with = "body")]
    event: Option<String>,

    /// Sign the contents of this file; `-` for standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,

    /// Change a value of the sample, such as `data.call.duration=142`
    #[arg(long, value_name = "PATH=VALUE", value_parser = change, conflicts_with = "body")]
    set: Vec<(String, Value)>,
}

impl Message {
    pub(crate) async fn body(&self) -> Result<Vec<u8>, Failure> {
        match (&self.body, &self.event) {
            (Some(file), _) => input::read_bytes(file).await,
            (None, event) => self.sample(event.as_deref().unwrap_or_default()).map(|sample| sample.body().into()),
        }
    }

    fn sample(&self, event: &str) -> Result<Sample, Failure> {
        let vendor = self.vendor.name();
        let sample = samples::find(vendor, event).ok_or_else(|| {
            let mut known: Vec<_> =
                samples::all().filter(|sample| sample.vendor() == vendor).map(|sample| sample.event()).collect();
            // An event may have several samples.
            known.dedup();
            Failure::Usage(match known.as_slice() {
                [] => format!("there are no samples of {vendor}: name a file with --body"),
                known => format!("{vendor} has no event {event}: its events are {}", known.join(", ")),
            })
        })?;
        Ok(self.set.iter().fold(sample, |sample, (path, value)| sample.with(path, value.clone())))
    }
}

/// Reads `PATH=VALUE`. A value that is not JSON is text.
fn change(argument: &str) -> Result<(String, Value), String> {
    let (path, value) = argument.split_once('=').ok_or("a change is written as PATH=VALUE")?;
    Ok((path.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))))
}
