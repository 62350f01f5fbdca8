//! A delivery with everything that is known of it.

use chrono::{DateTime, SecondsFormat, Utc};
use hyper::http::Extensions;
use offhook::testing::{Capture, RawRequest};
use serde::Serialize;

use super::judge::{Judge, Judgement};
use crate::client::{Answer, SendError};
use crate::commands::explain::Explained;
use crate::vendors::Verdict;

/// A delivery that was received and answered.
#[derive(Debug)]
pub(super) struct Delivery {
    /// The request as it was received, to be sent again. It may hold a token.
    pub(super) request: RawRequest,
    /// The case of the names of the headers, in the form in which hyper hands it on.
    pub(super) case: Extensions,
    pub(super) judgement: Judgement,
    pub(super) shown: Shown,
    /// The request without tokens.
    pub(super) capture: Capture,
}

/// What is shown of a delivery. It holds no secret.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Shown {
    pub(super) number: u64,
    pub(super) received_at: String,
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) bytes: usize,
    /// Why the signature was refused.
    pub(super) diagnosis: Option<Explained>,
    /// The answer of the handler.
    pub(super) forwarded: Option<Forwarded>,
    /// The status that the sender got.
    pub(super) answered: u16,
    pub(super) hints: Vec<String>,
}

/// How a delivery was forwarded.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Forwarded {
    pub(super) status: Option<u16>,
    pub(super) milliseconds: Option<u64>,
    /// The name of the error if there was no answer.
    pub(super) error: Option<&'static str>,
    pub(super) reason: Option<String>,
}

impl Forwarded {
    pub(super) fn of(forwarded: &Result<Answer, SendError>) -> Self {
        match forwarded {
            Ok(answer) => Forwarded {
                status: Some(answer.status),
                milliseconds: Some(answer.milliseconds()),
                error: None,
                reason: None,
            },
            Err(error) => Forwarded {
                status: None,
                milliseconds: None,
                error: Some(error.code()),
                reason: Some(error.to_string()),
            },
        }
    }
}

/// What became of a delivery.
#[derive(Debug)]
pub(super) struct Handled {
    pub(super) forwarded: Option<Forwarded>,
    pub(super) answered: u16,
    pub(super) hints: Vec<String>,
}

impl Delivery {
    pub(super) fn new(
        number: u64,
        received_at: DateTime<Utc>,
        (request, case): (RawRequest, Extensions),
        judgement: Judgement,
        handled: Handled,
        judge: &Judge,
    ) -> Self {
        let capture = Capture::new(judge.masked(request.clone()))
            .with_received_at(received_at)
            .with_verdict(judgement.verdict.code);
        let shown = Shown {
            number,
            received_at: received_at.to_rfc3339_opts(SecondsFormat::Millis, true),
            verdict: judgement.verdict.clone(),
            method: request.method.clone(),
            target: capture.request().target.clone(),
            bytes: request.body.len(),
            diagnosis: judgement.diagnosis.as_ref().map(Explained::of),
            forwarded: handled.forwarded,
            answered: handled.answered,
            hints: handled.hints,
        };
        Delivery { request, case, judgement, shown, capture }
    }
}
