use axum_core::RequestExt;
use axum_core::body::Body;
use axum_core::extract::{FromRef, FromRequest, Request};
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use http_body::Body as _;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::idempotency::Handled;
use crate::receive::observe::Received;
use crate::receive::{Reply, Verifier};
use crate::vendors::talkifai::{FunctionReply, Functions};
use crate::verify::{Head, VerifyError};
use crate::web::webhook::refuse_content_coding;
use crate::web::{Function, FunctionRejection, Rejection, Webhook};

impl<S, V> FromRequest<S> for Webhook<V>
where
    S: Send + Sync,
    V: Verifier + FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Rejection> {
        let verifier = V::from_ref(state);
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (headers, body) = read(request, |headers| verifier.check_head(&head(headers, &method, &uri)))
            .await
            .inspect_err(|rejection| Received::new(verifier.profile()).refused_early(rejection.code(), rejection))?;
        Ok(Webhook(verifier.receive_request(&head(&headers, &method, &uri), body)?))
    }
}

fn head<'r>(headers: &'r HeaderMap, method: &'r Method, uri: &'r Uri) -> Head<'r> {
    let target = uri.path_and_query().map_or("", PathAndQuery::as_str);
    Head::new(headers).with_method(method.as_str()).with_target(target)
}

impl<S, A> FromRequest<S> for Function<A>
where
    S: Send + Sync,
    Functions: FromRef<S>,
    A: DeserializeOwned,
{
    type Rejection = FunctionRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, FunctionRejection> {
        let arrived = Instant::now();
        let functions = Functions::from_ref(state);
        let call = match read(request, |headers| functions.check_head(headers)).await {
            Ok((headers, body)) => Function::receive(&functions, arrived, &headers, &body),
            Err(rejection) => Err(rejection.into()),
        };
        call.inspect_err(|rejection| Received::new(functions.profile()).refused_early(rejection.code(), rejection))
    }
}

/// Reads the body, after everything that can be checked before it was checked.
async fn read(
    request: Request,
    check: impl FnOnce(&HeaderMap) -> Result<(), VerifyError>,
) -> Result<(HeaderMap, Bytes), Rejection> {
    let encodings = request.headers().get_all(header::CONTENT_ENCODING);
    refuse_content_coding(encodings.iter().map(HeaderValue::as_bytes))?;
    check(request.headers())?;
    // A declared length over the limit is refused before its bytes arrive: a
    // limited body never hints at more than the limit.
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

impl IntoResponse for Handled {
    fn into_response(self) -> Response {
        self.reply().into_response()
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

impl IntoResponse for FunctionRejection {
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
