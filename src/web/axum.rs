use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;

use axum_core::RequestExt;
use axum_core::body::Body;
use axum_core::extract::{FromRef, FromRequest, Request};
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use http_body::Body as _;
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::idempotency::Handled;
use crate::receive::observe;
use crate::receive::{Reply, Verifier};
use crate::vendors::talkifai::{FunctionReply, Functions};
use crate::verify::{Head, VerifyError};
use crate::web::limits::Buffered;
use crate::web::webhook::refuse_content_coding;
use crate::web::{Code, Function, FunctionRejection, ReadLimits, Rejection, Webhook};

impl<S, V> FromRequest<S> for Webhook<V>
where
    S: Send + Sync,
    V: Verifier + FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Rejection> {
        let verifier = V::from_ref(state);
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (headers, body) =
            read(request, |headers| verifier.check_head(&head(headers, &method, &uri))).await.inspect_err(
                |rejection| observe::Received::new(verifier.profile()).refused_early(rejection.code(), rejection),
            )?;
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
        call.inspect_err(|rejection| {
            observe::Received::new(functions.profile()).refused_early(rejection.code(), rejection)
        })
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
    let limits = request.extensions().get::<ReadLimits>().cloned().unwrap_or_default();
    let headers = std::mem::take(request.headers_mut());
    Ok((headers, limits.within(read_all(request.into_body(), &limits)).await?))
}

/// `Bytes` as an extractor would keep every piece of a body until the last one is there.
async fn read_all(mut body: Body, limits: &ReadLimits) -> Result<Bytes, Rejection> {
    let (mut share, mut received) = (limits.share(), Buffered::default());
    loop {
        let frame = poll_fn(|context| {
            let frame = Pin::new(&mut body).poll_frame(context);
            if frame.is_pending() {
                received.detach();
            }
            frame
        });
        let Some(frame) = frame.await else { return Ok(received.into_bytes()) };
        // Trailers are not read.
        let Ok(piece) = frame.map_err(unreadable)?.into_data() else { continue };
        if !share.admit(piece.len()) {
            return Err(limits.overloaded());
        }
        received.push(piece);
    }
}

fn unreadable(error: axum_core::Error) -> Rejection {
    let mut causes = std::iter::successors(Some(&error as &(dyn Error + 'static)), |error| (*error).source());
    match causes.any(|cause| cause.is::<LengthLimitError>()) {
        true => Rejection::BodyTooLarge,
        false => Rejection::BodyUnreadable(error.into()),
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        retry_after(respond(self.status(), self.code()), self.retry_after_secs())
    }
}

impl IntoResponse for Handled {
    fn into_response(self) -> Response {
        self.reply().into_response()
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        closing(retry_after(respond(self.status(), self.code()), self.retry_after_secs()), self.closes())
    }
}

impl IntoResponse for FunctionReply {
    fn into_response(self) -> Response {
        json(respond(200, "accepted"), self.body().clone())
    }
}

impl IntoResponse for FunctionRejection {
    fn into_response(self) -> Response {
        let response = retry_after(respond(self.status(), self.code()), self.retry_after_secs());
        closing(json(response, self.body()), self.closes())
    }
}

fn retry_after(mut response: Response, seconds: Option<u64>) -> Response {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn closing(mut response: Response, closes: bool) -> Response {
    if closes {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Adds a body, unless it is empty.
fn json(mut response: Response, body: Bytes) -> Response {
    if body.is_empty() {
        return response;
    }
    *response.body_mut() = body.into();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn respond(status: u16, code: &'static str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.extensions_mut().insert(Code(code));
    response
}
