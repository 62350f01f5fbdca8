//! Grades an answer by what it would do to the user of the receiver.

use std::time::Duration;

use serde::Serialize;

use super::check::{Check, Expected};
use crate::client::{Answer, SendError};
use crate::failure::Failure;
use crate::vendors::{Endpoint, Vendor};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Grade {
    Pass,
    /// Another answer than offhook's, which harms nobody.
    Note,
    /// The receiver accepts what is forged, loses what is genuine, or breaks.
    Fail,
}

/// What a vendor takes for success.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    vendor: Vendor,
    waits: Duration,
}

impl Rules {
    pub(super) fn of(endpoint: &Endpoint) -> Result<Self, Failure> {
        Ok(Rules { vendor: endpoint.vendor(), waits: endpoint.profile()?.answers_within() })
    }

    fn acknowledges(self, answer: &Answer) -> bool {
        self.vendor.takes_for_accepted(answer.status)
    }
}

/// A check with its answer and its grade.
pub(super) struct Graded {
    pub(super) check: Check,
    pub(super) answer: Result<Answer, SendError>,
    pub(super) grade: Grade,
    /// What came, in words.
    pub(super) came: String,
    /// Why it matters.
    pub(super) why: &'static str,
}

impl Graded {
    pub(super) fn new(check: Check, rules: &Rules, answer: Result<Answer, SendError>) -> Self {
        let (grade, came) = match &answer {
            Ok(answer) => graded(check.expected, *rules, answer),
            Err(error) => unanswered(check.expected, error),
        };
        let broke = answer.as_ref().map_or(true, |answer| answer.status >= 500);
        // 401 is the answer to what anybody can send.
        let why = if broke && check.expected.refusal() == Some(401) { BROKE } else { check.why };
        Graded { check, answer, grade, came, why }
    }

    pub(super) fn failed(&self) -> bool {
        self.grade == Grade::Fail
    }
}

const BROKE: &str = "Anybody can send it. If it causes an exception, anybody can fill the log and raise alarms.";

fn graded(expected: Expected, rules: Rules, answer: &Answer) -> (Grade, String) {
    let Answer { status, elapsed, .. } = *answer;
    match expected {
        _ if status >= 500 && expected.refusal().is_none() => (Grade::Fail, format!("{status}: a server error")),
        _ if status >= 500 => (Grade::Fail, format!("{status}: a server error, and not a refusal")),
        Expected::MustAccept if rules.acknowledges(answer) => {
            if elapsed <= rules.waits {
                return (Grade::Pass, format!("{status}: accepted"));
            }
            let waits = rules.waits.as_secs_f64();
            (Grade::Fail, format!("{status} after {:.1} s: the vendor waits for {waits} s", elapsed.as_secs_f64()))
        }
        Expected::MustAccept if answer.is_success() => {
            (Grade::Fail, format!("{status}: the vendor takes only 200 for success, and sends it again"))
        }
        Expected::MustAccept => (Grade::Fail, format!("{status}: an honest delivery is refused")),
        Expected::ShouldAccept if rules.acknowledges(answer) => (Grade::Pass, format!("{status}: accepted")),
        Expected::ShouldAccept => (Grade::Note, format!("{status}: refused")),
        Expected::MustRefuse(_) if answer.is_success() => (Grade::Fail, format!("{status}: accepted")),
        Expected::ShouldRefuse(_) if answer.is_success() => (Grade::Note, format!("{status}: accepted")),
        Expected::MustRefuse(ours) | Expected::ShouldRefuse(ours) if status == ours => {
            (Grade::Pass, format!("{status}: refused"))
        }
        Expected::MustRefuse(ours) | Expected::ShouldRefuse(ours) => {
            (Grade::Note, format!("{status}: refused; offhook answers {ours}"))
        }
    }
}

fn unanswered(expected: Expected, error: &SendError) -> (Grade, String) {
    match (expected, error) {
        // It need not read a body that is too large, and an answer may be lost when it does not.
        (Expected::ShouldRefuse(413), SendError::BrokenOff(_)) => {
            (Grade::Note, "the connection was closed without an answer".to_owned())
        }
        _ => (Grade::Fail, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(vendor: Vendor, expected: Expected, status: u16, milliseconds: u64) -> (Grade, String) {
        let rules = Rules { vendor, waits: Duration::from_secs(5) };
        let (mut head, ()) = hyper::Response::new(()).into_parts();
        head.status = status.try_into().unwrap();
        graded(expected, rules, &Answer::new(head, bytes::Bytes::new(), Duration::from_millis(milliseconds)))
    }

    #[test]
    fn a_grade_says_whether_an_answer_harms_the_user() {
        use Expected::{MustAccept, MustRefuse, ShouldAccept, ShouldRefuse};
        use Grade::{Fail, Note, Pass};
        for (expected, grades) in [
            (MustAccept, [Pass, Pass, Fail, Fail, Fail, Fail, Fail]),
            (ShouldAccept, [Pass, Pass, Note, Note, Note, Note, Fail]),
            (MustRefuse(401), [Fail, Fail, Note, Note, Pass, Note, Fail]),
            (ShouldRefuse(400), [Note, Note, Note, Pass, Note, Note, Fail]),
        ] {
            let statuses = [200, 204, 302, 400, 401, 404, 500];
            assert_eq!(statuses.map(|status| came(Vendor::Truedy, expected, status, 1).0), grades, "{expected:?}");
        }
    }

    #[test]
    fn some_vendors_take_only_200_for_success() {
        for vendor in [Vendor::TalkifAi, Vendor::Salpre] {
            assert_eq!(came(vendor, Expected::MustAccept, 200, 1).0, Grade::Pass);
            let (grade, text) = came(vendor, Expected::MustAccept, 204, 1);
            assert!(grade == Grade::Fail && text.contains("only 200"), "{text}");
        }
    }

    #[test]
    fn an_honest_delivery_that_is_accepted_too_late_is_lost() {
        assert_eq!(came(Vendor::Truedy, Expected::MustAccept, 204, 5_000).0, Grade::Pass);
        let (grade, text) = came(Vendor::Truedy, Expected::MustAccept, 204, 5_100);
        assert_eq!((grade, text.as_str()), (Grade::Fail, "204 after 5.1 s: the vendor waits for 5 s"));
        assert_eq!(came(Vendor::Truedy, Expected::MustRefuse(401), 401, 5_100).0, Grade::Pass);
    }

    #[test]
    fn only_a_body_over_the_limit_needs_no_answer() {
        let closed = SendError::BrokenOff("the connection was closed".to_owned());
        assert_eq!(unanswered(Expected::ShouldRefuse(413), &closed).0, Grade::Note);
        assert_eq!(unanswered(Expected::ShouldRefuse(400), &closed).0, Grade::Fail);
        let silent = SendError::TimedOut(Duration::from_secs(1));
        for expected in [Expected::ShouldRefuse(413), Expected::MustAccept, Expected::MustRefuse(401)] {
            assert_eq!(unanswered(expected, &silent).0, Grade::Fail);
        }
    }
}
