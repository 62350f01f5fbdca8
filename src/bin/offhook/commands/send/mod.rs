//! `offhook send`: sends signed deliveries to a receiver.

mod identity;
mod many;
mod summary;

use std::time::Duration;

use clap::builder::PossibleValuesParser;
use hyper::Uri;
use offhook::testing::{NearMiss, RawRequest, Signer};
use offhook::{Clock, SystemClock};
use serde_json::json;

use crate::client::{Answer, Client, SendError};
use crate::commands::sign::Message;
use crate::commands::until_interrupted;
use crate::failure::{Failure, Outcome};
use crate::forms::written;
use crate::output::{Output, printable};
use crate::vendors::{Endpoint, SecretArguments};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  offhook send truedy call.ended --to http://127.0.0.1:3000/webhooks/truedy
  offhook send truedy call.ended --to http://127.0.0.1:3000/webhooks/truedy --fault tampered_body
  offhook send truedy call.ended --to http://127.0.0.1:3000/webhooks/truedy --times 1000 --concurrency 8 --rate 200")]
pub(crate) struct Arguments {
    #[command(flatten)]
    message: Message,

    /// The URL of the receiver
    #[arg(long, value_name = "URL")]
    to: Uri,

    /// Damage the delivery in this way
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(NearMiss::ALL.map(NearMiss::name)))]
    fault: Option<String>,

    /// Send so many deliveries, each of an event of its own, and end with a summary
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_TIMES))]
    times: Option<u64>,

    /// Have at most so many deliveries under way
    #[arg(long, value_name = "C", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000), requires = "times")]
    concurrency: u64,

    /// Begin at most so many deliveries a second
    #[arg(long, value_name = "R", value_parser = rate, requires = "times")]
    rate: Option<f64>,

    /// Send the same event each time, as a vendor that sends it again
    #[arg(long, requires = "times")]
    same: bool,

    /// How many seconds to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,

    #[command(flatten)]
    secrets: SecretArguments,
}

/// How many deliveries there are, and how fast they follow each other.
#[derive(Clone, Copy, Debug)]
struct Pace {
    times: u64,
    concurrency: u64,
    rate: Option<f64>,
}

impl Pace {
    /// Returns when the delivery with this index begins, counted from the first one.
    fn delay(&self, index: u64) -> Duration {
        let seconds = self.rate.map_or(0.0, |rate| index as f64 / rate);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

pub(super) async fn run(arguments: Arguments, output: &Output) -> Result<Outcome, Failure> {
    let deliveries = until_interrupted(Deliveries::prepare(&arguments)).await?;
    let client = Client::new(Duration::from_secs(arguments.timeout));
    match arguments.times {
        Some(times) => {
            deliveries.check()?;
            let pace = Pace { times, concurrency: arguments.concurrency, rate: arguments.rate };
            many::send(deliveries, &arguments.to, pace, &client, output).await
        }
        None => until_interrupted(send_one(&deliveries, &arguments.to, &client, output)).await,
    }
}

/// The deliveries of one run of the command.
struct Deliveries {
    endpoint: Endpoint,
    target: String,
    body: Vec<u8>,
    fault: Option<NearMiss>,
    /// Tells the ids of this run from those of others.
    run: u64,
    same: bool,
}

impl Deliveries {
    async fn prepare(arguments: &Arguments) -> Result<Self, Failure> {
        let Arguments { message, to, fault, same, secrets, .. } = arguments;
        Ok(Deliveries {
            body: message.body().await?,
            endpoint: secrets.endpoint(message.vendor)?,
            target: written::target(to).to_owned(),
            fault: NearMiss::ALL.into_iter().find(|near_miss| Some(near_miss.name()) == fault.as_deref()),
            run: run_number(),
            same: *same,
        })
    }

    /// Returns the delivery as it is in the sample or in the file.
    fn one(&self) -> Result<RawRequest, Failure> {
        self.damaged(&self.endpoint.signer()?, self.body.clone())
    }

    /// Returns the delivery with this number, which is of an event of its own unless all are to
    /// be the same.
    fn get(&self, number: u64) -> Result<RawRequest, Failure> {
        if self.same {
            return self.one();
        }
        let number = self.run.saturating_add(number);
        let signer = self.endpoint.signer()?.with_message_id(format!("msg_{number}"));
        let body = self.with_own_ids(number).unwrap_or_else(|| self.body.clone());
        self.damaged(&signer, body)
    }

    /// Fails if the deliveries cannot be made.
    fn check(&self) -> Result<(), Failure> {
        // A message id is outside the body.
        let has_id = self.endpoint.vendor().signing().is_some_and(|signing| signing.id.is_some());
        if !self.same && !has_id && self.with_own_ids(1).is_none() {
            return Err(Failure::Usage(
                "the body has no id, so all deliveries are the same event: add --same".to_owned(),
            ));
        }
        self.one().map(drop)
    }

    fn with_own_ids(&self, number: u64) -> Option<Vec<u8>> {
        identity::with_own_ids(std::str::from_utf8(&self.body).ok()?, number).map(String::into_bytes)
    }

    fn damaged(&self, signer: &Signer, body: Vec<u8>) -> Result<RawRequest, Failure> {
        let delivery = signer.request(self.target.as_str(), body);
        let Some(fault) = self.fault else { return Ok(delivery) };
        fault.of(signer, &delivery).ok_or_else(|| {
            Failure::Usage(format!("a delivery of {} cannot have the fault {}", self.endpoint.vendor(), fault.name()))
        })
    }
}

async fn send_one(deliveries: &Deliveries, url: &Uri, client: &Client, output: &Output) -> Result<Outcome, Failure> {
    let request = deliveries.one()?;
    let answer = client.send(url, &request).await.map_err(|error| unsent(url, &error))?;
    let endpoint = &deliveries.endpoint;
    report(&answer, endpoint, output)?;
    let waits = endpoint.profile()?.answers_within();
    if answer.elapsed > waits {
        output.message(&format!("{} waits for {} s only", endpoint.vendor(), waits.as_secs_f64()));
    }
    Ok(if answer.is_success() { Outcome::Done } else { Outcome::Refused })
}

/// Says that a request to this URL was not answered.
fn unsent(url: &Uri, error: &SendError) -> Failure {
    Failure::Failed(format!("{}: {error} ({})", written::shown(url), error.code()))
}

/// Writes an answer. A receiver may send back what it got.
fn report(answer: &Answer, endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let body = endpoint.masked_text(&answer.body);
    if output.is_json() {
        let headers = answer.headers.iter();
        let headers = headers.map(|(name, value)| json!([name.as_str(), endpoint.masked_text(value.as_bytes())]));
        return output.json(&json!({
            "status": answer.status,
            "headers": headers.collect::<Vec<_>>(),
            "body": body,
            "milliseconds": answer.milliseconds(),
        }));
    }
    output.text(&format!("{} in {} ms\n", answer.status, answer.milliseconds()))?;
    match body.trim_end() {
        "" => Ok(()),
        body => output.text(&format!("{}\n", body.lines().map(printable).collect::<Vec<_>>().join("\n"))),
    }
}

/// Returns a number that grows by a million each second, so that no two runs make the same ids.
fn run_number() -> u64 {
    u64::try_from(SystemClock.now().timestamp()).unwrap_or_default().saturating_mul(MAX_TIMES)
}

/// Reads how many deliveries begin in a second.
fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate| (0.001..=100_000.0).contains(rate))
        .ok_or_else(|| "a rate is a number from 0.001 to 100000".to_owned())
}

const MAX_TIMES: u64 = 1_000_000;
