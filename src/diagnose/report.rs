use std::fmt;

use super::evidence::{Evidence, Work};
use crate::verify::VerifyError;

/// A possible cause of a refusal: a name, a test and a text.
///
/// The causes of this crate are [`CAUSES`](crate::diagnose::CAUSES).
/// [`Explainer::with_cause`](crate::diagnose::Explainer::with_cause) adds one of your own.
#[derive(Clone, Copy)]
pub struct Cause {
    /// A stable name for logs, such as `trailing_newline`.
    pub name: &'static str,
    /// Returns a finding if the evidence speaks for this cause.
    pub test: fn(&Evidence<'_>) -> Option<Finding>,
    /// What happened and what to do, in whole sentences.
    pub text: &'static str,
}

/// Shows the name.
impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cause").field(&self.name).finish()
    }
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It is so: the delivery is authentic once this is undone, or the refusal says it.
    Certain,
    /// Something that is visible in the request speaks for it, and little against it.
    Likely,
    /// Nothing speaks against it.
    Possible,
}

/// What the test of a cause found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    confidence: Confidence,
    detail: Option<String>,
}

impl Finding {
    /// Creates a finding.
    pub const fn new(confidence: Confidence) -> Self {
        Finding { confidence, detail: None }
    }

    /// Adds a detail, such as a number of seconds or the name of a header. It must not hold a
    /// value that was received.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Finding { detail: Some(detail.into()), ..self }
    }
}

/// A cause that was found, with the confidence and the details.
#[derive(Clone, Debug)]
pub struct Reason {
    pub(super) cause: Cause,
    pub(super) finding: Finding,
}

impl Reason {
    /// Returns the cause's name.
    pub fn name(&self) -> &'static str {
        self.cause.name
    }

    /// Returns how sure it is.
    pub fn confidence(&self) -> Confidence {
        self.finding.confidence
    }

    /// Returns the detail, such as `3600 s`.
    pub fn detail(&self) -> Option<&str> {
        self.finding.detail.as_deref()
    }

    /// Returns what happened and what to do.
    pub fn text(&self) -> &'static str {
        self.cause.text
    }
}

/// Why a delivery was refused: the causes that were found, the surest first.
///
/// It shows no secret, no signature and nothing of the body.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    pub(super) receiver: String,
    pub(super) refusal: Option<VerifyError>,
    pub(super) reasons: Vec<Reason>,
    pub(super) work: Work,
}

impl Diagnosis {
    /// Returns the receiver's name.
    pub fn receiver(&self) -> &str {
        &self.receiver
    }

    /// Returns why the verifier refuses the request; `None` if it accepts it.
    pub fn refusal(&self) -> Option<&VerifyError> {
        self.refusal.as_ref()
    }

    /// Returns the causes, the surest first. After one that is certain, no other is tested.
    /// The list is empty if the request is accepted, or if no known cause fits.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// Returns the surest cause.
    pub fn first(&self) -> Option<&Reason> {
        self.reasons.first()
    }

    /// Returns whether every cause was tested. A large body is examined up to a limit.
    pub fn is_complete(&self) -> bool {
        !self.work.cut_short
    }

    /// Returns what the examination cost.
    pub fn work(&self) -> Work {
        self.work
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.refusal {
            Some(refusal) => writeln!(f, "{}: refused, {}: {refusal}", self.receiver, refusal.code())?,
            None => writeln!(f, "{}: the signature is accepted", self.receiver)?,
        }
        for Reason { cause, finding } in &self.reasons {
            let detail = finding.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
            writeln!(f, "{}: {}{detail}: {}", finding.confidence, cause.name, cause.text)?;
        }
        if self.reasons.is_empty() && self.refusal.is_some() {
            writeln!(f, "no known cause")?;
        }
        if self.work.cut_short {
            writeln!(f, "the body is large, and not every cause was tested")?;
        }
        Ok(())
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Confidence::Certain => "certain",
            Confidence::Likely => "likely",
            Confidence::Possible => "possible",
        })
    }
}
