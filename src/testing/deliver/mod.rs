//! Sends a request to an application, without a network.

#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "actix-web")]
mod actix_web;

#[cfg(feature = "actix-web")]
pub use actix_web::deliver_actix;
#[cfg(feature = "axum")]
pub use axum::deliver_axum;

/// What an application answered to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
}

impl Answer {
    /// Creates an answer.
    pub const fn new(status: u16) -> Self {
        Answer { status }
    }

    /// Returns whether the vendor knows by it that the delivery was accepted.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}
