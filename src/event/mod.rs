//! What a body says: the envelope, the payload, and what identifies an event.
//!
//! Knows JSON. Must never know a header, a secret or a vendor.
//!
//! ```
//! use offhook::event::{Identity, Stage};
//! use offhook::talkifai;
//!
//! let parsed = talkifai::Event::parse(
//!     br#"{"id":"evt_1","type":"call.ended","created":"2024-01-15T10:34:05Z","data":{"callId":"c1"}}"#,
//! )?;
//! assert!(matches!(parsed.event(), talkifai::Event::CallEnded(_)));
//! assert_eq!(parsed.name(), "call.ended");
//! assert_eq!(parsed.identity(), Identity::Id("evt_1".into()));
//!
//! let call = parsed.call().unwrap();
//! assert_eq!((call.call_id, call.stage), (Some("c1"), Stage::Ended));
//! # Ok::<(), offhook::ParseError>(())
//! ```

pub(crate) mod error;
pub(crate) mod json;
pub(crate) mod body;
pub(crate) mod wire;
mod call;
pub(crate) mod model;
mod parsed;
pub(crate) mod envelope;

pub use call::{CallUpdate, Direction, Stage};
pub use model::{Envelope, Identity, Undecodable, Unknown};
pub use parsed::{Drift, Misfit, Parsed};

// These are public at the crate's root.
pub(crate) use error::ParseError;
pub(crate) use json::{Amount, RawJson};
pub(crate) use model::Event;
