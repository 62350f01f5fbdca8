//! `offhook explain`: says why a delivery is refused, and what to do.

use offhook::diagnose::{Diagnosis, Reason};
use serde::Serialize;

use crate::commands::DeliveryArguments;
use crate::failure::{Failure, Outcome};
use crate::output::Output;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  offhook explain delivery.http
  offhook explain capture.json --json
  pbpaste | offhook explain - --vendor truedy --at 2026-03-18T14:30:00Z")]
pub(crate) struct Arguments {
    #[command(flatten)]
    delivery: DeliveryArguments,
}

pub(super) async fn run(arguments: Arguments, output: &Output) -> Result<Outcome, Failure> {
    let delivered = arguments.delivery.read().await?;
    delivered.check_masked()?;
    let others = arguments.delivery.secrets.configured()?;
    let diagnosis = delivered.endpoint.explain(&delivered.input.request, delivered.at, &others)?;
    if output.is_json() {
        output.json(&Explained::of(&diagnosis))?;
    } else {
        output.text(&diagnosis.to_string())?;
    }
    if let Some(header) = diagnosis.first().filter(|first| first.name() == "token_header").and_then(Reason::detail) {
        output.message(&format!("`--salpre-header {header}` makes this command read that header"));
    }
    // A body that is compressed is refused although its signature may be right.
    let nothing = diagnosis.refusal().is_none() && diagnosis.first().is_none();
    Ok(if nothing { Outcome::Done } else { Outcome::Refused })
}

/// A diagnosis as JSON.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Explained {
    receiver: String,
    accepted: bool,
    code: Option<&'static str>,
    reasons: Vec<ExplainedReason>,
    /// Whether every cause was tested.
    complete: bool,
}

#[derive(Clone, Debug, Serialize)]
struct ExplainedReason {
    name: &'static str,
    confidence: String,
    detail: Option<String>,
    text: &'static str,
}

impl Explained {
    pub(crate) fn of(diagnosis: &Diagnosis) -> Self {
        let reason = |reason: &Reason| ExplainedReason {
            name: reason.name(),
            confidence: reason.confidence().to_string(),
            detail: reason.detail().map(str::to_owned),
            text: reason.text(),
        };
        Explained {
            receiver: diagnosis.receiver().to_owned(),
            accepted: diagnosis.refusal().is_none(),
            code: diagnosis.refusal().map(|refusal| refusal.code()),
            reasons: diagnosis.reasons().iter().map(reason).collect(),
            complete: diagnosis.is_complete(),
        }
    }
}
