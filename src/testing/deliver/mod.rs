//! Sends a request to an application, without a network.

#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "actix-web")]
mod actix_web;

#[cfg(feature = "actix-web")]
pub use actix_web::deliver_actix;
#[cfg(feature = "axum")]
pub use axum::deliver_axum;

use crate::web::Code;

/// What an application answered to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The code of a reply or a refusal of offhook, such as `signature_mismatch`. `None` if
    /// something else answered, such as the router.
    pub code: Option<&'static str>,
}

impl Answer {
    /// Creates an answer without a code.
    pub const fn new(status: u16) -> Self {
        Answer { status, code: None }
    }

    fn with_code(self, code: Option<&Code>) -> Self {
        Answer { code: code.map(|Code(code)| *code), ..self }
    }

    /// Returns whether the vendor knows by it that the delivery was accepted.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}
