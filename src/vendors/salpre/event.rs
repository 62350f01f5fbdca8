use chrono::{DateTime, Utc};

use crate::event::envelope::{Fields, Time, events};
use crate::event::wire::{Text, Whole, Word, open_enum, payload, reads, record, redacted_debug, writes};
use crate::event::{CallUpdate, Direction, Stage};
use crate::event::{DedupeKey, Envelope};

events! {
    fields: Fields {
        name: "event_type",
        data: "payload",
        time: Some(Time::Unix("timestamp_utc")),
        ids: [None, None],
        test: Some("is_test"),
    };
    /// An event of Salpre, by its page on
    /// [webhooks](https://documentation.salpre.com/docs/webhooks).
    pub enum Event {
        /// `call_initiated`: a call was placed or came in.
        CallInitiated(CallEvent) = "call_initiated",
        /// `call_ringing`: the phone rings.
        CallRinging(CallEvent) = "call_ringing",
        /// `call_answered`: somebody answered.
        CallAnswered(CallEvent) = "call_answered",
        /// `transcript`: somebody said something.
        Transcript(TranscriptEvent) = "transcript",
        /// `call_ended`: the call is over; this is what was said.
        CallEnded(CallEndedEvent) = "call_ended",
        /// `error`: something went wrong during the call.
        Error(ErrorEvent) = "error",
    }
}

impl crate::event::Event for Event {
    fn name(&self) -> &str {
        self.name()
    }

    fn occurred_at(&self) -> Option<DateTime<Utc>> {
        self.envelope().timestamp
    }

    fn is_test(&self) -> bool {
        self.envelope().test
    }

    /// The call's id, for what happens once in a call; the body for the rest.
    /// Test deliveries all carry the same id and are never duplicates.
    fn dedupe_key(&self) -> DedupeKey<'_> {
        if self.is_test() {
            return DedupeKey::Never;
        }
        match self {
            Event::CallInitiated(data) | Event::CallRinging(data) | Event::CallAnswered(data) => {
                DedupeKey::first([data.call.id.as_deref()])
            }
            Event::CallEnded(data) => DedupeKey::first([data.call.id.as_deref()]),
            Event::Transcript(_) | Event::Error(_) | Event::Unknown(_) | Event::Undecodable(_) => DedupeKey::Body,
        }
    }

    fn call_id(&self) -> Option<&str> {
        self.subject()?.1.id.as_deref()
    }

    fn call(&self) -> Option<CallUpdate<'_>> {
        let (stage, call) = self.subject()?;
        let mut update = CallUpdate::new(stage);
        update.call_id = call.id.as_deref();
        update.at = self.envelope().timestamp;
        update.direction = call.direction.as_ref();
        update.from = call.from.as_deref();
        update.to = call.to.as_deref();
        Some(update)
    }
}

impl Event {
    fn subject(&self) -> Option<(Stage, &Call)> {
        Some(match self {
            Event::CallInitiated(data) => (Stage::Started, &data.call),
            Event::CallRinging(data) => (Stage::Ringing, &data.call),
            Event::CallAnswered(data) => (Stage::Joined, &data.call),
            Event::Transcript(data) => (Stage::Transcript, &data.call),
            Event::CallEnded(data) => (Stage::Ended, &data.call),
            Event::Error(data) => (Stage::Other, &data.call),
            Event::Unknown(_) | Event::Undecodable(_) => return None,
        })
    }
}

/// The call of an event. Salpre writes it flat (`call_id`) or nested (`call.id`).
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The call's id, as text.
    pub id: Option<String>,
    /// The calling number, in E.164.
    pub from: Option<String>,
    /// The called number, in E.164.
    pub to: Option<String>,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The device, such as `salprebox:SALPRE_AABBCCDD`.
    pub source: Option<String>,
}

record!(Call {
    "id" | "call_id" => id: Text,
    "from" => from,
    "to" => to,
    "direction" => direction: Word,
    "source" => source,
});

redacted_debug!(Call { id, direction, source });

/// The payload of `call_initiated`, `call_ringing` and `call_answered`.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallEvent {
    /// What stands around the payload.
    pub envelope: Envelope,
    /// The call.
    pub call: Call,
}

payload!(CallEvent from WrittenCall { call });

/// The payload of `transcript`.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TranscriptEvent {
    /// What stands around the payload.
    pub envelope: Envelope,
    /// The call.
    pub call: Call,
    /// Who said it.
    pub speaker: Option<Speaker>,
    /// What was said.
    pub transcript: Option<String>,
    /// When it was said: text, in a unit that Salpre does not name.
    pub timestamp_utc: Option<String>,
}

payload!(TranscriptEvent from WrittenTranscript { call, speaker });

/// The payload of `call_ended`.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallEndedEvent {
    /// What stands around the payload.
    pub envelope: Envelope,
    /// The call.
    pub call: Call,
    /// What was said, in order.
    pub transcript: Option<Vec<TranscriptEntry>>,
}

payload!(CallEndedEvent from WrittenCallEnded { call });

/// Something said in a call.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TranscriptEntry {
    /// Who said it.
    pub speaker: Option<Speaker>,
    /// What was said.
    pub message: Option<String>,
    /// When it was said: text, in a unit that Salpre does not name. The greeting
    /// has none.
    pub utc_timestamp: Option<String>,
}

record!(TranscriptEntry {
    "type" => speaker: Word,
    "message" => message,
    "utc_timestamp" => utc_timestamp: Text,
});

redacted_debug!(TranscriptEntry { speaker });

/// The payload of `error`.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorEvent {
    /// What stands around the payload.
    pub envelope: Envelope,
    /// The call.
    pub call: Call,
    /// What went wrong.
    pub error_message: Option<String>,
}

payload!(ErrorEvent from WrittenError { call });

/// Payloads as they are written: the call flat, nested or both, and fields of
/// their own.
macro_rules! written {
    ($(
        struct $written:ident => $event:ident {
            $( $key:literal => $field:ident: $type:ty $(as $kind:ident)?, )*
        }
    )+) => { $(
        #[derive(Default)]
        struct $written {
            call: Option<Call>,
            call_id: Option<String>,
            from: Option<String>,
            to: Option<String>,
            direction: Option<Direction>,
            source: Option<String>,
            $( $field: Option<$type>, )*
        }

        reads!($written {
            "call" => call,
            "call_id" => call_id: Text,
            "from" => from,
            "to" => to,
            "direction" => direction: Word,
            "source" => source,
            $( $key => $field $(: $kind)?, )*
        });

        writes!($event {
            "call" => call: Whole,
            $( $key => $field, )*
        });

        impl From<$written> for $event {
            fn from(written: $written) -> Self {
                let nested = written.call.unwrap_or_default();
                $event {
                    envelope: Envelope::default(),
                    call: Call {
                        id: nested.id.or(written.call_id),
                        from: nested.from.or(written.from),
                        to: nested.to.or(written.to),
                        direction: nested.direction.or(written.direction),
                        source: nested.source.or(written.source),
                    },
                    $( $field: written.$field, )*
                }
            }
        }
    )+ };
}

written! {
    struct WrittenCall => CallEvent {}

    struct WrittenTranscript => TranscriptEvent {
        "type" => speaker: Speaker as Word,
        "transcript" => transcript: String,
        "timestamp_utc" => timestamp_utc: String as Text,
    }

    struct WrittenCallEnded => CallEndedEvent {
        "transcript" => transcript: Vec<TranscriptEntry>,
    }

    struct WrittenError => ErrorEvent {
        "error_message" => error_message: String,
    }
}

open_enum! {
    /// Who said something.
    pub enum Speaker {
        /// The agent.
        Ai = "ai",
        /// The customer.
        Customer = "customer",
    }
}
