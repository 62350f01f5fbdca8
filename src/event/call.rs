//! One view of a call, whichever vendor reports it.
//!
//! ```
//! use offhook::event::{CallUpdate, Parsed, Stage};
//! use offhook::{Event, salpre, talkifai};
//!
//! fn line<E: Event>(parsed: &Parsed<E>) -> Option<String> {
//!     let CallUpdate { stage, call_id, duration, .. } = parsed.call()?;
//!     Some(format!("{} {stage} after {:?} s", call_id?, duration.map(|span| span.num_seconds())))
//! }
//!
//! let ended = talkifai::Event::parse(
//!     br#"{"id":"e","type":"call.ended","data":{"callId":"c1","duration":245}}"#,
//! )?;
//! let ringing = salpre::Event::parse(br#"{"event_type":"call_ringing","payload":{"call_id":7}}"#)?;
//! assert_eq!(line(&ended).unwrap(), "c1 ended after Some(245) s");
//! assert_eq!(line(&ringing).unwrap(), "7 ringing after None s");
//! # Ok::<(), offhook::ParseError>(())
//! ```
//!
//! A vendor sends a delivery again if it was not acknowledged, minutes or hours later,
//! so the events of one call arrive in any order. [`Stage::is_older_than`] tells which
//! of them are late:
//!
//! ```
//! use std::collections::HashMap;
//!
//! use offhook::event::Stage;
//! # use offhook::{ParseError, truedy};
//! # let event = |name: &str| {
//! #     let body = format!(r#"{{"event":"{name}","data":{{"call_id":"c1"}}}}"#);
//! #     truedy::Event::parse(body.as_bytes())
//! # };
//!
//! let mut calls: HashMap<String, Stage> = HashMap::new();
//! // `call.joined` was not acknowledged at first and comes again after the end.
//! for event in [event("call.started")?, event("call.ended")?, event("call.joined")?] {
//!     let update = event.call().unwrap();
//!     let reached = calls.entry(update.call_id.unwrap().to_owned()).or_insert(update.stage);
//!     if update.stage.is_older_than(*reached) {
//!         continue; // Acknowledge it: it is true, but no news.
//!     }
//!     *reached = reached.furthest(update.stage);
//! }
//! assert_eq!(calls["c1"], Stage::Ended);
//! # Ok::<(), ParseError>(())
//! ```
//!
//! If several processes receive, the check belongs in the statement that writes: store
//! [`Stage::rank`], and update `where rank <= $new`.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::event::wire::open_enum;

/// What an event says about a call.
///
/// A field is `None` if the event does not say it. `Debug` shows neither the numbers nor
/// the reason, which may be any text.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallUpdate<'a> {
    /// How far the call has come.
    pub stage: Stage,
    /// The call's id.
    pub call_id: Option<&'a str>,
    /// When it happened, according to the vendor.
    pub at: Option<DateTime<Utc>>,
    /// Who called whom.
    pub direction: Option<&'a Direction>,
    /// The calling number.
    pub from: Option<&'a str>,
    /// The called number.
    pub to: Option<&'a str>,
    /// How long the call lasted, according to the vendor, or else from the time when it
    /// was joined to its end.
    pub duration: Option<TimeDelta>,
    /// Why the call ended, in the vendor's words.
    pub end_reason: Option<&'a str>,
}

impl CallUpdate<'_> {
    /// Creates an update that has a stage and nothing else. The other fields can be set
    /// one by one.
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

impl fmt::Debug for CallUpdate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallUpdate")
            .field("stage", &self.stage)
            .field("call_id", &self.call_id)
            .field("at", &self.at)
            .field("direction", &self.direction)
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Stage {
    /// It was placed, or came in.
    Started,
    /// The phone rings.
    Ringing,
    /// Someone joined or answered.
    Joined,
    /// It is over.
    Ended,
    /// It did not take place.
    Failed,
    /// Something was said, or the transcript is ready.
    Transcript,
    /// Its cost is known.
    Billed,
    /// Something else happened, such as an error or an analysis.
    Other,
}

impl Stage {
    /// Returns the place in a call's life, from 10 (started) to 50 (billed). Ended and
    /// failed have the same. A transcript and other news have none: they come during a
    /// call or after it.
    ///
    /// The numbers will not change, so they can be stored.
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

    /// Returns whether an event of this stage is late for a call that has reached
    /// `reached`. A stage without a rank is never late, and makes no other late.
    pub const fn is_older_than(self, reached: Stage) -> bool {
        matches!((self.rank(), reached.rank()), (Some(own), Some(reached)) if own < reached)
    }

    /// Returns the later stage of the two, or this one if neither is later. A stage with
    /// a rank is later than one without.
    #[must_use]
    pub const fn furthest(self, other: Stage) -> Stage {
        match (self.rank(), other.rank()) {
            (Some(own), Some(others)) if own < others => other,
            (None, Some(_)) => other,
            _ => self,
        }
    }

    /// Returns the stage's name, which serde writes, too.
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

open_enum! {
    /// Who called whom.
    pub enum Direction {
        /// Someone called the agent.
        Inbound = "inbound",
        /// The agent called someone.
        Outbound = "outbound",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn debug_shows_no_number_and_no_reason() {
        let mut update = CallUpdate::new(Stage::Ended);
        (update.from, update.to, update.end_reason) = (Some("+1202"), Some("+1888"), Some("4111"));
        let shown = format!("{update:?}");
        assert!(shown.contains("Ended") && !shown.contains("+1") && !shown.contains("4111"), "{shown}");
    }

    #[test]
    fn serde_writes_the_name() {
        for stage in ALL {
            let text = serde_json::to_string(&stage).unwrap();
            assert_eq!(text, format!("\"{stage}\""));
            assert_eq!(serde_json::from_str::<Stage>(&text).unwrap(), stage);
        }
    }

    #[test]
    fn stages_are_ordered_and_what_has_no_rank_disturbs_nothing() {
        for a in ALL {
            assert!(!a.is_older_than(a));
            assert_eq!(a.furthest(a), a);
            for b in ALL {
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
