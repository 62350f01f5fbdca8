//! actix-web (feature `actix-web`): [`Webhook`] is an extractor, [`Reply`] and [`Rejection`] are responses.
//!
//! ```
//! use actix_web::{App, web};
//! use offhook::{Reply, Truedy, Webhook, truedy};
//!
//! async fn on_truedy(webhook: Webhook<Truedy>) -> Reply {
//!     if let truedy::Event::CallEnded(ended) = webhook.event() {
//!         println!("{:?} lasted {:?}", ended.call.call_id, ended.call.duration);
//!     }
//!     webhook.acknowledge()
//! }
//!
//! let truedy = web::Data::new(Truedy::new("whsec_1")?);
//! let app = App::new().app_data(truedy).route("/webhooks/truedy", web::post().to(on_truedy));
//! # Ok::<(), offhook::ConfigError>(())
//! ```

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

use crate::receive::Reply;
use crate::receive::Verifier;
use crate::receive::log;
use crate::vendors::talkifai::{Function, FunctionError, FunctionReply, Functions};
use crate::web::{Rejection, Webhook, is_coded};

impl<V: Verifier + 'static> FromRequest for Webhook<V> {
    type Error = Rejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Rejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let verifier = request
                .app_data::<web::Data<V>>()
                .ok_or(Rejection::NoVerifier { verifier: std::any::type_name::<V>() })?;
            let body = read(&request, payload).await.inspect_err(|rejection| {
                log::refused(verifier.vendor(), rejection.code());
            })?;
            Ok(Webhook(verifier.receive(request.headers(), body)?))
        })
    }
}

impl<A: DeserializeOwned + 'static> FromRequest for Function<A> {
    type Error = FunctionError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, FunctionError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let arrived = Instant::now();
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let functions = request
                .app_data::<web::Data<Functions>>()
                .ok_or(Rejection::NoVerifier { verifier: std::any::type_name::<Functions>() })?;
            let call = match read(&request, payload).await {
                Ok(body) => Function::receive(functions, arrived, request.headers(), &body),
                Err(rejection) => Err(rejection.into()),
            };
            call.inspect_err(|error| log::refused("talkifai", error.code()))
        })
    }
}

async fn read(request: &HttpRequest, mut payload: Payload) -> Result<Bytes, Rejection> {
    if is_coded(request.headers().get_all(header::CONTENT_ENCODING).map(header::HeaderValue::as_bytes)) {
        return Err(Rejection::ContentCoding);
    }
    // `web::Bytes` undoes content codings, of which there is none here, and
    // honours the application's limit; without one, its default is 256 KiB.
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

impl ResponseError for FunctionError {
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

/// 2 MiB, as in axum.
const DEFAULT_BODY_LIMIT: usize = 2 * 1024 * 1024;
