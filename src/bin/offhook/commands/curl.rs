//! `offhook curl`: prints a delivery as a curl command.

use std::path::PathBuf;

use hyper::Uri;

use crate::commands::{masked_parameters, print_curl, sender};
use crate::failure::{Failure, Outcome};
use crate::forms::{BodyFiles, written};
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
    let request = input::read(&file, BodyFiles::Refuse).await?.request;
    let (capture, vendor) = if resign {
        let vendor = sender(vendor, &secrets, &request)?;
        let endpoint = secrets.endpoint(vendor)?;
        (endpoint.capture(endpoint.resigned(request)?), Some(vendor))
    } else {
        let vendor = vendor.or_else(|| Vendor::recognise(&request, secrets.token_header()));
        (secrets.capture(request)?, vendor)
    };
    let url = written::url(to.as_ref(), capture.request())?;
    masked_parameters(&capture, output);
    let token = vendor.filter(|vendor| !vendor.signs()).map(|_| secrets.token_header());
    print_curl(&url, capture.request(), token, output)?;
    Ok(Outcome::Done)
}
