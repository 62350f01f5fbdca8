use std::time::Duration;

/// The answer to a delivery: a status, perhaps `Retry-After`, and no body.
///
/// It is a response in axum (`IntoResponse`) and in actix-web (`Responder`).
///
/// ```
/// use std::time::Duration;
/// use offhook::{Reply, Success};
///
/// assert_eq!(Reply::success(Success::NoContent).status(), 204);
/// assert_eq!(Reply::retry().status(), 500);
/// assert_eq!(Reply::unavailable(Duration::from_millis(1500)).retry_after_secs(), Some(2));
/// ```
///
/// Replies are equal if the vendor gets the same answer, whatever their codes are.
#[derive(Clone, Copy, Debug)]
#[must_use = "the vendor waits for its answer"]
pub struct Reply {
    status: u16,
    retry_after: Option<Duration>,
    code: &'static str,
}

impl Reply {
    /// Accepts the delivery: the vendor does not send it again.
    pub const fn success(success: Success) -> Self {
        Reply { status: success.status(), retry_after: None, code: "accepted" }
    }

    /// Reports a failure (500): the vendor sends the delivery again.
    pub const fn retry() -> Self {
        Reply { status: 500, retry_after: None, code: "retry" }
    }

    /// Reports that the delivery cannot be accepted now (503): the vendor sends it again,
    /// and is asked to wait for `wait`, rounded up to whole seconds.
    pub const fn unavailable(wait: Duration) -> Self {
        Reply { status: 503, retry_after: Some(wait), code: "unavailable" }
    }

    /// Refuses a delivery that is authentic and too old (401), as a verifier does.
    pub(crate) const fn refused() -> Self {
        Reply { status: 401, retry_after: None, code: "refused" }
    }

    /// Names the outcome that this is the reply to.
    pub(crate) const fn with_code(self, code: &'static str) -> Self {
        Reply { code, ..self }
    }

    /// Returns a stable name for logs and metrics: the code of the
    /// [`Outcome`](crate::idempotency::Outcome) that this is the reply to, or `accepted`,
    /// `retry` or `unavailable`, after the function that made it. The vendor does not see
    /// it. It is in the extensions of the response, as `Code`.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the HTTP status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the value of `Retry-After`, in seconds, where there is one.
    pub fn retry_after_secs(&self) -> Option<u64> {
        let wait = self.retry_after?;
        Some(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)))
    }
}

impl PartialEq for Reply {
    fn eq(&self, other: &Self) -> bool {
        (self.status, self.retry_after) == (other.status, other.retry_after)
    }
}

impl Eq for Reply {}

/// The status by which a vendor knows that its delivery was accepted.
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
    /// Returns the HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Success::Ok => 200,
            Success::Accepted => 202,
            Success::NoContent => 204,
        }
    }
}
