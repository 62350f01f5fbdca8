//! Ultravox, whose call object Truedy forwards.
//!
//! ```
//! use offhook::truedy;
//! use offhook::ultravox::EndReason;
//!
//! let event = truedy::Event::from_json(
//!     br#"{"event":"call.ended","data":{"call":{"callId":"c","endReason":"hangup"}}}"#,
//! )?;
//! let truedy::Event::CallEnded(ended) = event else { unreachable!() };
//! assert_eq!(ended.call.end_reason, Some(EndReason::Hangup));
//! # Ok::<(), offhook::ParseError>(())
//! ```

mod call;

pub use call::{Agent, BillingStatus, Call, EndReason, Medium, MediumKind, SipDetails, SipTerminationReason};
