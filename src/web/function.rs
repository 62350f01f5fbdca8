use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::vendors::talkifai::{FunctionError, FunctionReply, Functions};
use crate::verify::Headers;
use crate::web::Rejection;

/// The extractor of a call of TalkifAI's
/// [custom functions](https://docs.talkifai.dev/guides/custom-functions), with arguments of
/// the type `A`.
///
/// In axum [`Functions`] comes from the state, through `FromRef`. In actix-web it comes from
/// `web::Data<Functions>`. What [`Webhook`](crate::Webhook) says about bodies holds
/// here.
///
/// ```
/// use offhook::Function;
/// use offhook::talkifai::FunctionReply;
///
/// #[derive(serde::Deserialize)]
/// struct Order { order_id: String }
///
/// async fn order_status(call: Function<Order>) -> FunctionReply {
///     let late = FunctionReply::message("I cannot find that out right now. Shall we call you back?");
///     call.answer(late, async |order| {
///         let status = look_up(&order.order_id).await;
///         FunctionReply::result(format!("Your order is {status}."))
///     })
///     .await
/// }
/// # async fn look_up(_id: &str) -> &'static str { "on its way" }
/// ```
pub struct Function<A> {
    /// The arguments.
    pub args: A,
    arrived: Instant,
    limit: Duration,
}

impl<A> Function<A> {
    pub(super) fn receive(
        functions: &Functions,
        arrived: Instant,
        headers: &dyn Headers,
        body: &[u8],
    ) -> Result<Self, FunctionRejection>
    where
        A: DeserializeOwned,
    {
        Ok(Function { args: functions.receive(headers, body)?, arrived, limit: functions.limit() })
    }

    /// Answers with the handler's reply, or with `late` if the handler takes longer than
    /// [`Functions::with_limit`] allows. Choose words for `late` that the caller can hear.
    ///
    /// A late handler is dropped where it waits, so work that must be finished belongs in
    /// a task of its own. A handler that blocks its thread cannot be cut off. The
    /// runtime needs its timer, which `#[tokio::main]` and actix-web switch on.
    pub async fn answer(self, late: FunctionReply, handler: impl AsyncFnOnce(A) -> FunctionReply) -> FunctionReply {
        let left = self.limit.saturating_sub(self.arrived.elapsed());
        tokio::time::timeout(left, handler(self.args)).await.unwrap_or(late)
    }
}

/// Leaves the arguments out.
impl<A> fmt::Debug for Function<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Why the extractor [`Function`] refused a request. It is a response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionRejection {
    /// The call is not authentic, or its arguments do not fit.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// The request was refused, as for [`Webhook`](crate::Webhook).
    #[error(transparent)]
    Request(#[from] Rejection),
}

impl FunctionRejection {
    /// Returns the HTTP status for the sender.
    pub fn status(&self) -> u16 {
        match self {
            FunctionRejection::Function(error) => error.status(),
            FunctionRejection::Request(rejection) => rejection.status(),
        }
    }

    /// Returns a stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            FunctionRejection::Function(error) => error.code(),
            FunctionRejection::Request(rejection) => rejection.code(),
        }
    }

    /// Returns the value of `Retry-After`, in seconds, where there is one.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self {
            FunctionRejection::Function(_) => None,
            FunctionRejection::Request(rejection) => rejection.retry_after_secs(),
        }
    }

    /// Returns whether the response closes the connection, as for [`Rejection`].
    pub(super) fn closes(&self) -> bool {
        match self {
            FunctionRejection::Function(error) => matches!(error, FunctionError::Verify(_)),
            FunctionRejection::Request(rejection) => rejection.closes(),
        }
    }

    /// Returns the JSON for the sender, as for [`FunctionError::body`].
    pub fn body(&self) -> Bytes {
        match self {
            FunctionRejection::Function(error) => error.body(),
            FunctionRejection::Request(_) => Bytes::new(),
        }
    }
}
