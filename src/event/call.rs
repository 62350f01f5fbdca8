//! One view of a call, whichever vendor reports it.
//!
//! ```
//! use offhook::event::{CallUpdate, Stage};
//! use offhook::{Event, salpre, talkifai};
//!
//! fn line(event: &impl Event) -> Option<String> {
//!     let CallUpdate { stage, call_id, duration, .. } = event.call()?;
//!     Some(format!("{} {stage} after {:?} s", call_id?, duration.map(|span| span.num_seconds())))
//! }
//!
//! let ended = talkifai::Event::from_json(
//!     br#"{"id":"e","type":"call.ended","data":{"callId":"c1","duration":245}}"#,
//! )?;
//! let ringing = salpre::Event::from_json(br#"{"event_type":"call_ringing","payload":{"call_id":7}}"#)?;
//! assert_eq!(line(&ended).unwrap(), "c1 ended after Some(245) s");
//! assert_eq!(line(&ringing).unwrap(), "7 ringing after None s");
//! # Ok::<(), offhook::ParseError>(())
//! ```
//!
//! Vendors send again what was not taken, minutes or hours later, so events of one
//! call arrive in any order. [`Stage::is_older_than`] says which of them are late:
//!
//! ```
//! use std::collections::HashMap;
//!
//! use offhook::event::Stage;
//! # use offhook::{Event, ParseError, truedy};
//! # let event = |name: &str| {
//! #     let body = format!(r#"{{"event":"{name}","data":{{"call_id":"c1"}}}}"#);
//! #     truedy::Event::from_json(body.as_bytes())
//! # };
//!
//! let mut calls: HashMap<String, Stage> = HashMap::new();
//! // `call.joined` was not taken at first and comes again when all is over.
//! for event in [event("call.started")?, event("call.ended")?, event("call.joined")?] {
//!     let update = event.call().unwrap();
//!     let reached = calls.entry(update.call_id.unwrap().to_owned()).or_insert(update.stage);
//!     if update.stage.is_older_than(*reached) {
//!         continue; // Acknowledge it: it is true, and no news.
//!     }
//!     *reached = reached.furthest(update.stage);
//! }
//! assert_eq!(calls["c1"], Stage::Ended);
//! # Ok::<(), ParseError>(())
//! ```
//!
//! Where several processes receive, the check belongs into the statement that
//! writes: store [`Stage::rank`], and update `where rank <= $new`.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::wire::open_enum;

/// What an event says about a call.
///
/// A field is `None` where the vendor does not say it in this event.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallUpdate<'a> {
    /// How far the call is.
    pub stage: Stage,
    /// The call's id.
    pub call_id: Option<&'a str>,
    /// When it happened, by the vendor's word.
    pub at: Option<DateTime<Utc>>,
    /// Who called whom.
    pub direction: Option<&'a Direction>,
    /// The calling number.
    pub from: Option<&'a str>,
    /// The called number.
    pub to: Option<&'a str>,
    /// How long the call lasted: as the vendor says, or from its being joined to
    /// its end.
    pub duration: Option<TimeDelta>,
    /// Why the call ended, in the vendor's word.
    pub end_reason: Option<&'a str>,
}

impl CallUpdate<'_> {
    /// Says the stage and nothing else: the rest can be set field by field.
    pub const fn new(stage: Stage) -> Self {
        CallUpdate {
            stage,
            call_id: None,
            at: None,
            direction: None,
            from: None,
            to: None,
            duration: None,
            end_reason: None,
        }
    }
}

/// Shows no number: it is somebody's.
impl fmt::Debug for CallUpdate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallUpdate")
            .field("stage", &self.stage)
            .field("call_id", &self.call_id)
            .field("at", &self.at)
            .field("direction", &self.direction)
            .field("duration", &self.duration)
            .field("end_reason", &self.end_reason)
            .finish_non_exhaustive()
    }
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// It was placed, or came in.
    Started,
    /// The phone rings.
    Ringing,
    /// Somebody joined or answered.
    Joined,
    /// It is over.
    Ended,
    /// It did not come about.
    Failed,
    /// Something was said, or the transcript is ready.
    Transcript,
    /// Its cost is known.
    Billed,
    /// Something else happened, such as an error or an analysis.
    Other,
}

impl Stage {
    const ALL: [Stage; 8] = [
        Stage::Started,
        Stage::Ringing,
        Stage::Joined,
        Stage::Ended,
        Stage::Failed,
        Stage::Transcript,
        Stage::Billed,
        Stage::Other,
    ];

    /// The place in a call's life, from 10 (started) to 50 (billed). Ended and
    /// failed share one. A transcript and other news have none: they come during
    /// a call or after it.
    ///
    /// The numbers stay as they are, so that they can be stored.
    pub const fn rank(self) -> Option<u8> {
        match self {
            Stage::Started => Some(10),
            Stage::Ringing => Some(20),
            Stage::Joined => Some(30),
            Stage::Ended | Stage::Failed => Some(40),
            Stage::Billed => Some(50),
            Stage::Transcript | Stage::Other => None,
        }
    }

    /// Whether an event of this stage comes late for a call that has reached
    /// `reached`. What has no rank is never late, and makes nothing late.
    pub const fn is_older_than(self, reached: Stage) -> bool {
        matches!((self.rank(), reached.rank()), (Some(own), Some(reached)) if own < reached)
    }

    /// The further of both; this one, if neither is, and never what has no rank
    /// if the other has one.
    #[must_use]
    pub const fn furthest(self, other: Stage) -> Stage {
        match (self.rank(), other.rank()) {
            (Some(own), Some(others)) if own < others => other,
            (None, Some(_)) => other,
            _ => self,
        }
    }

    /// The stage's name, as serde writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::Started => "started",
            Stage::Ringing => "ringing",
            Stage::Joined => "joined",
            Stage::Ended => "ended",
            Stage::Failed => "failed",
            Stage::Transcript => "transcript",
            Stage::Billed => "billed",
            Stage::Other => "other",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Stage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Stage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Stage;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a stage")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Stage, E> {
                let stage = Stage::ALL.into_iter().find(|stage| stage.as_str() == name);
                stage.ok_or_else(|| E::invalid_value(Unexpected::Str(name), &self))
            }
        }

        deserializer.deserialize_str(Name)
    }
}

open_enum! {
    /// Who called whom.
    pub enum Direction {
        /// Somebody called the agent.
        Inbound = "inbound",
        /// The agent called somebody.
        Outbound = "outbound",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_writes_the_name() {
        for stage in Stage::ALL {
            let text = serde_json::to_string(&stage).unwrap();
            assert_eq!(text, format!("\"{stage}\""));
            assert_eq!(serde_json::from_str::<Stage>(&text).unwrap(), stage);
        }
    }

    #[test]
    fn stages_are_ordered_and_what_has_no_rank_disturbs_nothing() {
        for a in Stage::ALL {
            assert!(!a.is_older_than(a));
            assert_eq!(a.furthest(a), a);
            for b in Stage::ALL {
                assert!(!(a.is_older_than(b) && b.is_older_than(a)), "{a} {b}");
                let furthest = a.furthest(b);
                assert!(furthest == a || furthest == b);
                assert!(!furthest.is_older_than(a) && !furthest.is_older_than(b), "{a} {b}");
                assert_eq!(furthest.rank(), a.rank().max(b.rank()), "{a} {b}");
            }
            for odd in [Stage::Transcript, Stage::Other] {
                assert!(!a.is_older_than(odd) && !odd.is_older_than(a));
            }
        }
        assert!(Stage::Joined.is_older_than(Stage::Failed));
        assert!(!Stage::Ended.is_older_than(Stage::Failed));
        assert_eq!(Stage::Ended.furthest(Stage::Failed), Stage::Ended);
    }
}
