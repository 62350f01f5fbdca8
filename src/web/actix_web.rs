use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use actix_web::body::{BodyStream, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, PayloadConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder, ResponseError};
use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::idempotency::Handled;
use crate::receive::observe::{Received, misconfigured};
use crate::receive::{Reply, Verifier};
use crate::vendors::talkifai::{FunctionReply, Functions};
use crate::verify::headers::headers_from_pairs;
use crate::verify::{Head, VerifyError};
use crate::web::webhook::{DEFAULT_BODY_LIMIT, refuse_content_coding};
use crate::web::{Function, FunctionRejection, Rejection, Webhook};

headers_from_pairs!([] header::HeaderMap,
    headers => headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));

impl<V: Verifier + 'static> FromRequest for Webhook<V> {
    type Error = Rejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Rejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let verifier = configured::<V>(&request)?;
            let target = request.uri().path_and_query().map_or("", |target| target.as_str());
            let head = Head::new(request.headers()).with_method(request.method().as_str()).with_target(target);
            let body = read(&request, payload, || verifier.check_head(&head)).await.inspect_err(|rejection| {
                Received::new(verifier.profile()).refused_early(rejection.code(), rejection)
            })?;
            Ok(Webhook(verifier.receive_request(&head, body)?))
        })
    }
}

impl<A: DeserializeOwned + 'static> FromRequest for Function<A> {
    type Error = FunctionRejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, FunctionRejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let arrived = Instant::now();
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let functions = configured::<Functions>(&request)?;
            let call = match read(&request, payload, || functions.check_head(request.headers())).await {
                Ok(body) => Function::receive(functions, arrived, request.headers(), &body),
                Err(rejection) => Err(rejection.into()),
            };
            call.inspect_err(|rejection| Received::new(functions.profile()).refused_early(rejection.code(), rejection))
        })
    }
}

fn configured<T: 'static>(request: &HttpRequest) -> Result<&web::Data<T>, Rejection> {
    let rejection = Rejection::NoVerifier { verifier: std::any::type_name::<T>() };
    request.app_data::<web::Data<T>>().ok_or(rejection).inspect_err(|error| misconfigured(error.code(), error))
}

/// Reads the body, after everything that can be checked before it was checked.
async fn read(
    request: &HttpRequest,
    mut payload: Payload,
    check: impl FnOnce() -> Result<(), VerifyError>,
) -> Result<Bytes, Rejection> {
    refuse_content_coding(request.headers().get_all(header::CONTENT_ENCODING).map(header::HeaderValue::as_bytes))?;
    check()?;
    // `web::Bytes` honours the application's limit. It is not used without one, because its
    // default of 256 KiB is too small. Bodies that it would decode were refused above.
    let configured =
        request.app_data::<PayloadConfig>().is_some() || request.app_data::<web::Data<PayloadConfig>>().is_some();
    if configured {
        return Bytes::from_request(request, &mut payload).await.map_err(unreadable);
    }
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > DEFAULT_BODY_LIMIT as u64) {
        return Err(Rejection::BodyTooLarge);
    }
    let mut chunks = pin!(BodyStream::new(payload));
    let (mut body, mut longer) = (Bytes::new(), BytesMut::new());
    while let Some(chunk) = poll_fn(|context| chunks.as_mut().poll_next(context)).await {
        let chunk = chunk.map_err(|error| unreadable(error.into()))?;
        if chunk.len().saturating_add(body.len()).saturating_add(longer.len()) > DEFAULT_BODY_LIMIT {
            return Err(Rejection::BodyTooLarge);
        }
        // A body in one piece, as most are, is not copied.
        if body.is_empty() && longer.is_empty() {
            body = chunk;
        } else {
            longer.extend_from_slice(&std::mem::take(&mut body));
            longer.extend_from_slice(&chunk);
        }
    }
    Ok(if longer.is_empty() { body } else { longer.freeze() })
}

fn unreadable(error: actix_web::Error) -> Rejection {
    match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => Rejection::BodyTooLarge,
        // The error itself is bound to its thread.
        _ => Rejection::BodyUnreadable(error.to_string().into()),
    }
}

impl Responder for Reply {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::new(status(self.status()));
        if let Some(seconds) = self.retry_after_secs() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl Responder for Handled {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        self.reply().respond_to(request)
    }
}

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        status(self.status())
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

impl Responder for FunctionReply {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        json(200, self.body().clone())
    }
}

impl ResponseError for FunctionRejection {
    fn status_code(&self) -> StatusCode {
        status(self.status())
    }

    fn error_response(&self) -> HttpResponse {
        let body = self.body();
        if body.is_empty() { HttpResponse::new(self.status_code()) } else { json(self.status(), body) }
    }
}

fn json(code: u16, body: Bytes) -> HttpResponse {
    HttpResponse::build(status(code)).content_type("application/json").body(body)
}

fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use crate::verify::{Headers, Lookup};

    #[test]
    fn names_have_no_case_and_repeats_are_seen() {
        let mut map = HeaderMap::new();
        map.append(HeaderName::from_static("x-a"), HeaderValue::from_static("1"));
        assert_eq!(map.lookup("X-A"), Lookup::One(b"1"));
        map.append(HeaderName::from_static("x-a"), HeaderValue::from_static("1"));
        assert_eq!(map.lookup("X-A"), Lookup::Repeated);
    }
}
