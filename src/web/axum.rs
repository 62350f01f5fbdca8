//! axum (feature `axum`): [`Webhook`] is an extractor, [`Reply`] and [`Rejection`] are responses.
//!
//! ```
//! use axum::extract::FromRef;
//! use axum::routing::post;
//! use offhook::{Reply, Salpre, Truedy, Webhook, truedy};
//!
//! #[derive(Clone, FromRef)]
//! struct App {
//!     truedy: Truedy,
//!     salpre: Salpre,
//! }
//!
//! async fn on_truedy(webhook: Webhook<Truedy>) -> Reply {
//!     if let truedy::Event::CallEnded(ended) = webhook.event() {
//!         println!("{:?} lasted {:?}", ended.call.call_id, ended.call.duration);
//!     }
//!     webhook.acknowledge()
//! }
//!
//! let app = App { truedy: Truedy::new("whsec_1")?, salpre: Salpre::bearer("s3cret")? };
//! let router: axum::Router = axum::Router::new().route("/webhooks/truedy", post(on_truedy)).with_state(app);
//! # Ok::<(), offhook::ConfigError>(())
//! ```
//!
//! `axum::serve` has no timeout for slow senders; put a proxy with one before it,
//! or serve with hyper and a header timeout.

use axum_core::RequestExt;
use axum_core::body::Body;
use axum_core::extract::{FromRef, FromRequest, Request};
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body::Body as _;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::receive::Reply;
use crate::receive::Verifier;
use crate::receive::log;
use crate::vendors::talkifai::{Function, FunctionError, FunctionReply, Functions};
use crate::web::{Rejection, Webhook, is_coded};

impl<S, V> FromRequest<S> for Webhook<V>
where
    S: Send + Sync,
    V: Verifier + FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Rejection> {
        let verifier = V::from_ref(state);
        let (headers, body) = match read(request).await {
            Ok(read) => read,
            Err(rejection) => {
                log::refused(verifier.vendor(), rejection.code());
                return Err(rejection);
            }
        };
        Ok(Webhook(verifier.receive(&headers, body)?))
    }
}

impl<S, A> FromRequest<S> for Function<A>
where
    S: Send + Sync,
    Functions: FromRef<S>,
    A: DeserializeOwned,
{
    type Rejection = FunctionError;

    async fn from_request(request: Request, state: &S) -> Result<Self, FunctionError> {
        let arrived = Instant::now();
        let call = match read(request).await {
            Ok((headers, body)) => Function::receive(&Functions::from_ref(state), arrived, &headers, &body),
            Err(rejection) => Err(rejection.into()),
        };
        call.inspect_err(|error| log::refused("talkifai", error.code()))
    }
}

async fn read(request: Request) -> Result<(http::HeaderMap, Bytes), Rejection> {
    if is_coded(request.headers().get_all(header::CONTENT_ENCODING).iter().map(HeaderValue::as_bytes)) {
        return Err(Rejection::ContentCoding);
    }
    // A declared length over the limit is refused before its bytes arrive: a
    // limited body hints at no more than the limit.
    let declared = request.body().size_hint().lower();
    let mut request = request.with_limited_body();
    if request.body().size_hint().upper().is_some_and(|limit| declared > limit) {
        return Err(Rejection::BodyTooLarge);
    }
    let headers = std::mem::take(request.headers_mut());
    let body = Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Rejection::BodyTooLarge,
        _ => Rejection::BodyUnreadable(rejection.into()),
    })?;
    Ok((headers, body))
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = respond(self.status());
        if let Some(seconds) = self.retry_after_secs() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        respond(self.status())
    }
}

impl IntoResponse for FunctionReply {
    fn into_response(self) -> Response {
        json(200, self.body().clone())
    }
}

impl IntoResponse for FunctionError {
    fn into_response(self) -> Response {
        let body = self.body();
        if body.is_empty() { respond(self.status()) } else { json(self.status(), body) }
    }
}

fn json(status: u16, body: Bytes) -> Response {
    let mut response = respond(status);
    *response.body_mut() = body.into();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn respond(status: u16) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}
