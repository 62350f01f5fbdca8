//! Signatures: a scheme says how a vendor signs, keys check it.
//!
//! ```
//! use offhook::signature::{HmacKeys, HmacScheme, Part};
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
//! assert!(keys.verify(&headers, b"Hello, World!").is_ok());
//! assert!(keys.verify(&headers, b"Hello, World?").is_err());
//! # Ok::<(), offhook::ConfigError>(())
//! ```

mod keys;
mod scheme;
mod timestamp;

pub use keys::HmacKeys;
pub use scheme::{HmacScheme, HmacSchemeBuilder, Part, Separator};
pub use timestamp::TimestampFormat;

pub(crate) use scheme::{Encoding, SecretFormat, TimestampSource};
