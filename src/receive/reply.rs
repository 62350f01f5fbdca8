//! What the vendor is told.
//!
//! ```
//! use std::time::Duration;
//! use offhook::Reply;
//! use offhook::Success;
//!
//! assert_eq!(Reply::success(Success::NoContent).status(), 204);
//! assert_eq!(Reply::retry().status(), 500);
//! assert_eq!(Reply::unavailable(Duration::from_millis(1500)).retry_after_secs(), Some(2));
//! ```

use std::time::Duration;

/// The answer to a delivery: a status, perhaps `Retry-After`, and no body.
///
/// It is a response in axum (`IntoResponse`) and in actix-web (`Responder`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the vendor waits for its answer"]
pub struct Reply {
    status: u16,
    retry_after: Option<Duration>,
}

impl Reply {
    /// Taken: the vendor does not send this delivery again.
    pub const fn success(success: Success) -> Self {
        Reply { status: success.status(), retry_after: None }
    }

    /// Not taken (500): the vendor sends this delivery again.
    pub const fn retry() -> Self {
        Reply { status: 500, retry_after: None }
    }

    /// Cannot be taken now (503): the vendor sends this delivery again, and is
    /// asked to wait for `wait`, rounded up to whole seconds.
    pub const fn unavailable(wait: Duration) -> Self {
        Reply { status: 503, retry_after: Some(wait) }
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The value of `Retry-After`, in seconds, where there is one.
    pub fn retry_after_secs(&self) -> Option<u64> {
        let wait = self.retry_after?;
        Some(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)))
    }
}

/// The status by which a vendor knows that its delivery was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Success {
    /// 200.
    Ok,
    /// 202.
    Accepted,
    /// 204.
    NoContent,
}

impl Success {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Success::Ok => 200,
            Success::Accepted => 202,
            Success::NoContent => 204,
        }
    }
}
