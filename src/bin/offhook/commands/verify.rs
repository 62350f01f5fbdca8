//! `offhook verify`: judges a delivery as a receiver does.

use crate::commands::DeliveryArguments;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, printable};
use crate::vendors::Verdict;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  offhook verify delivery.http
  offhook verify capture.json --json
  pbpaste | offhook verify - --vendor truedy --at 2026-03-18T14:30:00Z")]
pub(crate) struct Arguments {
    #[command(flatten)]
    delivery: DeliveryArguments,
}

pub(super) async fn run(arguments: Arguments, output: &Output) -> Result<Outcome, Failure> {
    let delivered = arguments.delivery.read().await?;
    delivered.check_masked()?;
    let verdict = delivered.endpoint.verdict(&delivered.input.request, delivered.at)?;
    if output.is_json() {
        output.json(&verdict)?;
    } else {
        output.text(&text(&verdict))?;
    }
    if verdict.accepted {
        return Ok(Outcome::Done);
    }
    output.message("`offhook explain` says why a delivery is refused");
    Ok(Outcome::Refused)
}

pub(crate) fn text(verdict: &Verdict) -> String {
    let Verdict { vendor, status, code, .. } = verdict;
    if let Some(reason) = &verdict.reason {
        return format!("refused: {vendor} {status} {code}: {}\n", printable(reason));
    }
    let mut text = format!("accepted: {vendor} {status} {}\n", printable(verdict.event.as_deref().unwrap_or_default()));
    let mut line = |name: &str, value: &str| text.push_str(&format!("{name:<12}{}\n", printable(value)));
    if let Some(call_id) = &verdict.call_id {
        line("call", call_id);
    }
    if let Some(key) = &verdict.dedupe_key {
        line("dedupe key", key);
    }
    if verdict.test {
        line("test", "yes");
    }
    for path in &verdict.drift {
        line("misfit", path);
    }
    text
}
