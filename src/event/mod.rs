//! What a body says: the envelope, the payload, and what identifies an event.
//!
//! Knows JSON. Must never know a header, a secret or a vendor.
//!
//! ```
//! use offhook::Event;
//! use offhook::event::DedupeKey;
//! use offhook::talkifai;
//!
//! let event = talkifai::Event::from_json(
//!     br#"{"id":"evt_1","type":"call.ended","created":"2024-01-15T10:34:05Z","data":{"callId":"c1"}}"#,
//! )?;
//! assert_eq!(event.name(), "call.ended");
//! assert_eq!(event.call_id(), Some("c1"));
//! assert_eq!(event.dedupe_key(), DedupeKey::Id("evt_1".into()));
//! # Ok::<(), offhook::ParseError>(())
//! ```

mod call;
pub(crate) mod envelope;
pub(crate) mod error;
#[expect(clippy::module_inception, reason = "the trait `Event` and what belongs to it")]
pub(crate) mod event;
pub(crate) mod json;
pub(crate) mod wire;

pub use call::{CallUpdate, Direction, Stage};
pub use event::{DedupeKey, Envelope, Undecodable, Unknown};

// These are public at the crate's root.
pub(crate) use error::ParseError;
pub(crate) use event::Event;
pub(crate) use json::{Amount, RawJson};
