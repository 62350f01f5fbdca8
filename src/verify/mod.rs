//! Verification: request headers and body in, [`Verified`] out.
//!
//! Knows headers, secrets and signatures. Must never know JSON, an event or a vendor.
//!
//! ```
//! use offhook::Request;
//! use offhook::verify::{HmacKeys, HmacScheme, Part};
//!
//! // GitHub's: the hex HMAC-SHA256 of the body, after `sha256=`.
//! const GITHUB: HmacScheme = HmacScheme::in_header("x-hub-signature-256")
//!     .prefix("sha256=")
//!     .signs(&[Part::Body]);
//!
//! // The example of GitHub's documentation, "Testing the webhook payload validation".
//! let keys = HmacKeys::new(GITHUB, "It's a Secret to Everybody")?;
//! let headers = [(
//!     "X-Hub-Signature-256",
//!     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
//! )];
//! assert!(keys.verify(&Request::new(&headers, b"Hello, World!")).is_ok());
//! assert!(keys.verify(&Request::new(&headers, b"Hello, World?")).is_err());
//! # Ok::<(), offhook::ConfigError>(())
//! ```

pub(crate) mod error;
pub(crate) mod headers;
pub(crate) mod request;
pub(crate) mod secret;
pub(crate) mod tolerance;
pub(crate) mod verified;
mod scheme;
mod timestamp;
mod presented;
mod tag;
mod keys;
mod tokens;

pub use headers::Lookup;
pub use keys::HmacKeys;
pub use request::{Head, PublicUrl};
pub use scheme::{HmacScheme, HmacSchemeBuilder, Part, Separator};
pub use timestamp::TimestampFormat;
pub use tokens::HeaderTokens;

// These are public at the crate's root.
pub(crate) use error::{ConfigError, ConfigErrorKind, VerifyError};
pub(crate) use headers::Headers;
pub(crate) use request::Request;
pub(crate) use secret::Secret;
pub(crate) use tolerance::Tolerance;
pub(crate) use verified::Verified;

#[cfg(feature = "testing")]
pub(crate) use scheme::{Encoding, TimestampSource};
