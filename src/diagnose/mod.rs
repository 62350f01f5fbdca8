//! Why a delivery was refused: the causes that fit, with what to do about each.
//!
//! Knows how deliveries are damaged on their way. Must never know a framework or a store.
//!
//! A cause is tested by undoing it: if the delivery is authentic then, the cause is certain.
//! Where nothing fits, there is no known cause. No secret, no signature and no part of a body
//! is shown. A large body is examined up to a limit: see [`Diagnosis::is_complete`].
//!
//! ```
//! use offhook::Truedy;
//! use offhook::diagnose::{Confidence, Explainer, Receiver};
//! use offhook::testing::{Layout, Signer, samples};
//!
//! let truedy = Truedy::new("whsec_test")?;
//! let sample = samples::truedy::CALL_ENDED;
//! let sent = Signer::of(&truedy).request("/webhooks/truedy", &sample);
//! // Something parses the body and writes it again.
//! let received = sent.with_body(sample.with_layout(Layout::Spaced));
//!
//! let explainer = Explainer::new(Receiver::signed(&truedy));
//! let diagnosis = explainer.explain(&received.request());
//! let reason = diagnosis.first().expect("a known cause");
//! assert_eq!((reason.name(), reason.confidence()), ("reserialised", Confidence::Certain));
//! println!("{diagnosis}");
//! # Ok::<(), offhook::ConfigError>(())
//! ```

mod headers;
mod escapes;
mod members;
mod receiver;
mod evidence;
mod report;
mod causes;
mod explainer;
#[cfg(feature = "tracing")]
mod explained;

pub use causes::CAUSES;
pub use evidence::{Evidence, Work};
#[cfg(feature = "tracing")]
pub use explained::Explained;
pub use explainer::Explainer;
pub use receiver::Receiver;
pub use report::{Cause, Confidence, Diagnosis, Finding, Reason};
