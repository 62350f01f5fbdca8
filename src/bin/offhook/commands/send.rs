//! `offhook send`: sends signed deliveries to a receiver.

use std::time::Duration;

use clap::builder::PossibleValuesParser;
use hyper::Uri;
use offhook::testing::{NearMiss, RawRequest};
use serde_json::json;

use crate::client::{Answer, Client, SendError};
use crate::commands::sign::Message;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, printable};
use crate::vendors::SecretArguments;
use crate::written;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  offhook send truedy call.ended --to http://127.0.0.1:3000/webhooks/truedy
  offhook send truedy call.ended --to http://127.0.0.1:3000/webhooks/truedy --fault tampered_body")]
pub(crate) struct Arguments {
    #[command(flatten)]
    message: Message,

    /// The URL of the receiver
    #[arg(long, value_name = "URL")]
    to: Uri,

    /// Damage the delivery in this way
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(NearMiss::ALL.map(NearMiss::name)))]
    fault: Option<String>,

    /// How many seconds to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,

    #[command(flatten)]
    secrets: SecretArguments,
}

pub(super) async fn run(arguments: Arguments, output: &Output) -> Result<Outcome, Failure> {
    let body = arguments.message.body().await?;
    let endpoint = arguments.secrets.endpoint(arguments.message.vendor)?;
    let signer = endpoint.signer()?;
    let delivery = signer.request(written::target(&arguments.to), body);
    let request = match arguments.fault.as_deref() {
        Some(name) => damaged(name, &signer, &delivery)?,
        None => delivery,
    };
    let answer = Client::new(Duration::from_secs(arguments.timeout)).send(&arguments.to, &request).await;
    let answer = answer.map_err(|error| Failure::Failed(unsent(&arguments.to, &error)))?;
    report(&answer, output)?;
    let waits = endpoint.profile()?.answers_within();
    if answer.elapsed > waits {
        output.message(&format!("{} waits for {} s only", endpoint.vendor(), waits.as_secs_f64()));
    }
    Ok(if (200..300).contains(&answer.status) { Outcome::Done } else { Outcome::Refused })
}

fn damaged(name: &str, signer: &offhook::testing::Signer, delivery: &RawRequest) -> Result<RawRequest, Failure> {
    let fault = NearMiss::ALL.into_iter().find(|fault| fault.name() == name);
    let damaged = fault.and_then(|fault| fault.of(signer, delivery));
    damaged.ok_or_else(|| Failure::Usage(format!("the vendor's deliveries cannot have the fault {name}")))
}

fn unsent(url: &Uri, error: &SendError) -> String {
    format!("{url}: {error} ({})", error.code())
}

fn report(answer: &Answer, output: &Output) -> Result<(), Failure> {
    let body = String::from_utf8_lossy(&answer.body);
    let milliseconds = answer.elapsed.as_millis();
    if output.is_json() {
        let headers = answer
            .headers
            .iter()
            .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]));
        return output.json(&json!({
            "status": answer.status,
            "headers": headers.collect::<Vec<_>>(),
            "body": body,
            "milliseconds": u64::try_from(milliseconds).ok(),
        }));
    }
    output.text(&format!("{} in {milliseconds} ms\n", answer.status))?;
    match body.trim_end() {
        "" => Ok(()),
        body => output.text(&format!("{}\n", body.lines().map(printable).collect::<Vec<_>>().join("\n"))),
    }
}
