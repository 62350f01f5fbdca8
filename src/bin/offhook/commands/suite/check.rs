//! A check: what is sent, and what a right receiver answers.

use offhook::testing::RawRequest;

use super::sender::Sender;

/// One delivery to a receiver, with the answer that is expected.
pub(super) struct Check {
    pub(super) name: String,
    pub(super) group: Group,
    pub(super) expected: Expected,
    /// What is sent.
    pub(super) sent: String,
    /// Why it matters.
    pub(super) why: &'static str,
    /// What to do about another answer.
    pub(super) fix: &'static str,
    pub(super) form: Form,
    /// How often it is sent.
    pub(super) times: u8,
    pub(super) make: Make,
}

/// Makes the request when it is sent, so that a slow receiver does not let its signature age.
type Make = Box<dyn Fn(&Sender<'_>) -> Option<RawRequest>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// As the vendor sends it.
    Honest,
    /// As somebody else might send it.
    Hostile,
    /// An honest one, to show that the receiver survived the hostile ones.
    After,
}

impl Group {
    pub(super) fn name(self) -> &'static str {
        match self {
            Group::Honest => "honest",
            Group::Hostile => "hostile",
            Group::After => "after",
        }
    }
}

/// What a right receiver does. The status is the one that offhook answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// To refuse it loses an event.
    MustAccept,
    /// To refuse it harms nobody while the vendor does not send it.
    ShouldAccept,
    /// To accept it lets somebody in.
    MustRefuse(u16),
    /// To accept it harms nobody: it is signed, and the vendor does not send it.
    ShouldRefuse(u16),
}

impl Expected {
    /// Returns the status with which offhook refuses; `None` if it accepts.
    pub(super) fn refusal(self) -> Option<u16> {
        match self {
            Expected::MustAccept | Expected::ShouldAccept => None,
            Expected::MustRefuse(status) | Expected::ShouldRefuse(status) => Some(status),
        }
    }
}

/// How a request is written to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// In chunks, without a length.
    Chunked,
    /// With header names such as `X-Truedy-Signature`; the others are lower-case.
    TitleCase,
}

impl Check {
    pub(super) fn honest(
        name: impl Into<String>,
        sent: impl Into<String>,
        make: impl Fn(&Sender<'_>) -> Option<RawRequest> + 'static,
    ) -> Self {
        Check {
            name: name.into(),
            group: Group::Honest,
            expected: Expected::MustAccept,
            sent: sent.into(),
            why: "A receiver that refuses what the vendor sends loses the event.",
            fix: "Verify the bytes of the body as they arrived, before anything parses or changes them.",
            form: Form::Plain,
            times: 1,
            make: Box::new(make),
        }
    }

    pub(super) fn hostile(
        name: impl Into<String>,
        expected: Expected,
        sent: impl Into<String>,
        make: impl Fn(&Sender<'_>) -> Option<RawRequest> + 'static,
    ) -> Self {
        Check { group: Group::Hostile, expected, ..Check::honest(name, sent, make) }
    }

    pub(super) fn because(self, why: &'static str, fix: &'static str) -> Self {
        Check { why, fix, ..self }
    }

    pub(super) fn in_form(self, form: Form) -> Self {
        Check { form, ..self }
    }

    /// Returns the request; `None` if the vendor's scheme has nothing that could be wrong in this
    /// way.
    pub(super) fn request(&self, sender: &Sender<'_>) -> Option<RawRequest> {
        (self.make)(sender)
    }
}
