use std::cell::Cell;

use super::causes::CAUSES;
use super::evidence::{Evidence, Work};
use super::receiver::Receiver;
use super::report::{Cause, Confidence, Diagnosis, Reason};
use crate::verify::{Head, Request, VerifyError};

/// Finds out why a receiver refuses a request. It does nothing until it is called.
#[derive(Debug)]
pub struct Explainer {
    receiver: Receiver,
    others: Vec<Receiver>,
    causes: Vec<Cause>,
}

impl Explainer {
    /// Explains the refusals of this receiver, with the causes that this crate knows.
    pub fn new(receiver: Receiver) -> Self {
        Explainer { receiver, others: Vec::new(), causes: CAUSES.to_vec() }
    }

    /// Adds another receiver of the application, whose secret or whose route the delivery
    /// may belong to.
    #[must_use]
    pub fn beside(mut self, other: Receiver) -> Self {
        self.others.push(other);
        self
    }

    /// Adds a cause of your own. It comes before others of the same confidence.
    #[must_use]
    pub fn with_cause(mut self, cause: Cause) -> Self {
        self.causes.insert(0, cause);
        self
    }

    /// Explains why a request is refused.
    pub fn explain(&self, request: &Request<'_>) -> Diagnosis {
        let refusal = self.receiver.check().verify(request).err();
        self.examine(*request.head(), Some(request.body()), refusal)
    }

    /// Explains why a request was refused before its body was read. Causes that lie in the
    /// body are not found.
    pub fn explain_head(&self, head: &Head<'_>, refusal: VerifyError) -> Diagnosis {
        self.examine(*head, None, Some(refusal))
    }

    fn examine(&self, head: Head<'_>, body: Option<&[u8]>, refusal: Option<VerifyError>) -> Diagnosis {
        let work = Cell::new(Work::default());
        let evidence = Evidence { head, body, receiver: &self.receiver, others: &self.others, refusal, work };
        let mut reasons = Vec::new();
        for cause in &self.causes {
            let Some(finding) = (cause.test)(&evidence) else { continue };
            reasons.push(Reason { cause: *cause, finding });
            // One change explains the refusal. To go on would only find other words for it.
            if reasons.last().is_some_and(|reason| reason.confidence() == Confidence::Certain) {
                break;
            }
        }
        reasons.sort_by_key(Reason::confidence);
        let Evidence { refusal, work, .. } = evidence;
        Diagnosis { receiver: self.receiver.name().to_owned(), refusal, reasons, work: work.get() }
    }
}
