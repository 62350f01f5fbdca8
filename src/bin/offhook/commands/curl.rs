//! `offhook curl`: prints a delivery as a curl command.

use std::path::PathBuf;

use hyper::Uri;
use offhook::testing::Capture;

use crate::commands::sender;
use crate::failure::{Failure, Outcome};
use crate::forms::written;
use crate::input;
use crate::output::Output;
use crate::vendors::{SecretArguments, Vendor};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  offhook curl capture.json --resign
  offhook curl capture.json --resign --to http://127.0.0.1:3000/webhooks/truedy | sh")]
pub(crate) struct Arguments {
    /// A raw HTTP request, a capture, a HAR file or a curl command; `-` for standard input
    file: PathBuf,

    /// Where it goes: to the path of the delivery at http://127.0.0.1:3000 by default
    #[arg(long, value_name = "URL")]
    to: Option<Uri>,

    /// Sign it again, because receivers refuse an old signature
    #[arg(long)]
    resign: bool,

    /// The vendor that sent it; otherwise it is recognised by its headers or its path
    #[arg(long)]
    vendor: Option<Vendor>,

    #[command(flatten)]
    secrets: SecretArguments,
}

pub(super) async fn run(arguments: Arguments, output: &Output) -> Result<Outcome, Failure> {
    let Arguments { file, to, resign, vendor, secrets } = arguments;
    let request = input::read(&file).await?.request;
    let url = written::url(to.as_ref(), &request)?;
    let (request, vendor) = if resign {
        let vendor = sender(vendor, &secrets, &request)?;
        let endpoint = secrets.endpoint(vendor)?;
        (endpoint.masked(endpoint.resigned(request)?).0, Some(vendor))
    } else {
        let vendor = vendor.or_else(|| Vendor::recognise(&request));
        (Capture::new(request).request().clone(), vendor)
    };
    let command = written::curl(&url, &request, vendor.map(Vendor::variable))?;
    if output.is_json() {
        output.json(&serde_json::json!({ "command": command }))?;
    } else {
        output.text(&command)?;
    }
    Ok(Outcome::Done)
}
