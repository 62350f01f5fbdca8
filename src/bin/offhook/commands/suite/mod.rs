//! `offhook suite`: sends honest and hostile deliveries to a receiver, and grades its answers.

mod check;
mod grade;
mod honest;
mod hostile;
mod junit;
mod report;
mod sender;
mod transport;

use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;

use crate::client::{Answer, SendError};
use crate::failure::{Failure, Outcome};
use crate::forms::written::{shown, target};
use crate::output::Output;
use crate::vendors::{SecretArguments, Vendor};
use check::{Check, Group};
use grade::{Graded, Rules};
use sender::Sender;
use transport::Transport;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The suite sends deliveries with a right signature, so the receiver acts on them: it may write to
its database, or send mails. Run it against a receiver in development or in CI.

Examples:
  offhook suite http://127.0.0.1:3000/webhooks/truedy --vendor truedy
  offhook suite http://127.0.0.1:3000/hooks --vendor talkifai --junit suite.xml
  offhook suite http://127.0.0.1:3000/hooks --vendor truedy --only stale --only redelivery --json")]
pub(crate) struct Arguments {
    /// The URL of the receiver
    url: Uri,

    /// The vendor whose deliveries it receives
    #[arg(long)]
    vendor: Vendor,

    /// Run this check only; it may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Write a report in JUnit XML to this file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// How many seconds to wait for an answer; one that is slower than the vendor waits fails in any case
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,

    #[command(flatten)]
    secrets: SecretArguments,
}

pub(super) async fn run(arguments: Arguments, output: &Output) -> Result<Outcome, Failure> {
    let Arguments { url, vendor, only, junit, timeout, secrets } = arguments;
    let endpoint = secrets.endpoint(vendor)?;
    let sender = Sender::new(&endpoint, target(&url))?;
    let checks = chosen(&sender, &only)?;
    let junit = junit.map(junit::Report::create).transpose()?;
    let rules = Rules::of(&endpoint)?;
    let transport = Transport::new(&url, Duration::from_secs(timeout))?;

    output.message(&format!(
        "sending {} deliveries of {vendor} to {}; some are signed with the real secret, so the receiver acts on them",
        checks.len(),
        shown(&url)
    ));
    let mut report = report::Report::new(output);
    let mut graded = Vec::new();
    for check in checks {
        let answer = send(&transport, &sender, &check).await;
        if let (true, Err(SendError::NoConnection(reason))) = (graded.is_empty(), &answer) {
            return Err(Failure::Failed(format!("{}: no connection: {reason}", shown(&url))));
        }
        let result = Graded::new(check, &rules, answer);
        report.add(&result)?;
        graded.push(result);
    }
    report.finish(&graded)?;
    if let Some(junit) = junit {
        junit.write(vendor, &graded)?;
    }
    Ok(if graded.iter().any(Graded::failed) { Outcome::Refused } else { Outcome::Done })
}

/// Returns the checks with these names, or all of them. After hostile ones, an honest one shows
/// that the receiver still works.
fn chosen(sender: &Sender<'_>, only: &[String]) -> Result<Vec<Check>, Failure> {
    let mut checks = honest::checks(sender.vendor());
    checks.extend(hostile::checks());
    checks.push(honest::after_hostile());
    checks.retain(|check| check.request(sender).is_some());
    let known: Vec<_> = checks.iter().map(|check| check.name.clone()).collect();
    if let Some(unknown) = only.iter().find(|name| !known.contains(name)) {
        return Err(Failure::Usage(format!(
            "there is no check {unknown} for {}: its checks are {}",
            sender.vendor(),
            known.join(", ")
        )));
    }
    if !only.is_empty() {
        let hostile = checks.iter().any(|check| check.group == Group::Hostile && only.contains(&check.name));
        checks.retain(|check| only.contains(&check.name) || (hostile && check.group == Group::After));
    }
    Ok(checks)
}

/// Sends a delivery as often as its check says. The answer that counts is the first one that is
/// not a success, or the last one.
async fn send(transport: &Transport, sender: &Sender<'_>, check: &Check) -> Result<Answer, SendError> {
    let request = check.request(sender);
    let request = request.ok_or_else(|| SendError::Unsendable("the delivery does not exist".to_owned()))?;
    for _ in 1..check.times {
        let answer = transport.send(&request, check.form).await?;
        if !answer.is_success() {
            return Ok(answer);
        }
    }
    transport.send(&request, check.form).await
}
