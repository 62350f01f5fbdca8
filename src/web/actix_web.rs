use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::{ConnectionType, StatusCode, header};
use actix_web::web::{self, PayloadConfig};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, Responder, ResponseError};
use bytes::Bytes;
use futures_core::Stream;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::idempotency::Handled;
use crate::receive::observe;
use crate::receive::{Reply, Verifier};
use crate::vendors::talkifai::{FunctionReply, Functions};
use crate::verify::headers::headers_from_pairs;
use crate::verify::{Head, VerifyError};
use crate::web::limits::{Buffered, Share};
use crate::web::webhook::{DEFAULT_BODY_LIMIT, refuse_content_coding};
use crate::web::{Code, Function, FunctionRejection, ReadLimits, Rejection, Webhook};

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
                observe::Received::new(verifier.profile()).refused_early(rejection.code(), rejection)
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
            call.inspect_err(|rejection| {
                observe::Received::new(functions.profile()).refused_early(rejection.code(), rejection)
            })
        })
    }
}

fn configured<T: 'static>(request: &HttpRequest) -> Result<&web::Data<T>, Rejection> {
    let verifier = std::any::type_name::<T>();
    request.app_data::<web::Data<T>>().ok_or_else(|| {
        observe::no_verifier(verifier);
        Rejection::NoVerifier { verifier }
    })
}

/// Reads the body, after everything that can be checked before it was checked.
async fn read(
    request: &HttpRequest,
    payload: Payload,
    check: impl FnOnce() -> Result<(), VerifyError>,
) -> Result<Bytes, Rejection> {
    let payload = Rc::new(RefCell::new(payload));
    let unread = Unread(Some(Rc::clone(&payload)));
    let body = async {
        refuse_content_coding(request.headers().get_all(header::CONTENT_ENCODING).map(header::HeaderValue::as_bytes))?;
        check()?;
        let limits = request.app_data::<ReadLimits>().cloned().unwrap_or_default();
        limits.within(read_all(request, payload, &limits)).await
    };
    body.await.inspect_err(|_| drop(request.extensions_mut().insert(unread)))
}

/// What is left of a body that was refused.
///
/// actix-web closes the connection after a response to a request whose body is not read to
/// its end, but it drains a chunked body that the application has dropped, and without a
/// limit. So the body is kept until the response has been written. The request is dropped
/// just before that; this is why each thread keeps the last body for longer.
struct Unread(Option<Rc<RefCell<Payload>>>);

thread_local! {
    static LAST_UNREAD: Cell<Option<Rc<RefCell<Payload>>>> = const { Cell::new(None) };
}

impl Drop for Unread {
    fn drop(&mut self) {
        let payload = self.0.take();
        // A thread that ends has no place for it any more, and no connection either.
        let _ = LAST_UNREAD.try_with(|last| last.replace(payload));
    }
}

async fn read_all(
    request: &HttpRequest,
    payload: Rc<RefCell<Payload>>,
    limits: &ReadLimits,
) -> Result<Bytes, Rejection> {
    let overloaded = Rc::new(Cell::new(false));
    let pieces = Pieces { payload, share: limits.share(), overloaded: Rc::clone(&overloaded) };
    // `web::Bytes` honours the application's limit. It is not used without one, because its
    // default of 256 KiB is too small. Bodies that it would decode were refused before.
    let configured =
        request.app_data::<PayloadConfig>().is_some() || request.app_data::<web::Data<PayloadConfig>>().is_some();
    let body = if configured {
        let mut payload: Payload = Payload::Stream { payload: Box::pin(pieces) };
        Bytes::from_request(request, &mut payload).await.map_err(unreadable)
    } else {
        read_to_default_limit(request, pieces).await
    };
    body.map_err(|rejection| if overloaded.get() { limits.overloaded() } else { rejection })
}

async fn read_to_default_limit(request: &HttpRequest, mut pieces: Pieces) -> Result<Bytes, Rejection> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > DEFAULT_BODY_LIMIT as u64) {
        return Err(Rejection::BodyTooLarge);
    }
    let mut received = Buffered::default();
    loop {
        let piece = poll_fn(|context| {
            let piece = Pin::new(&mut pieces).poll_next(context);
            if piece.is_pending() {
                received.detach();
            }
            piece
        });
        let Some(piece) = piece.await else { return Ok(received.into_bytes()) };
        let piece = piece.map_err(|error| unreadable(error.into()))?;
        if received.len().saturating_add(piece.len()) > DEFAULT_BODY_LIMIT {
            return Err(Rejection::BodyTooLarge);
        }
        received.push(piece);
    }
}

/// The pieces of a body as they arrive. It ends with an error if the budget has no room.
struct Pieces {
    payload: Rc<RefCell<Payload>>,
    share: Share,
    overloaded: Rc<Cell<bool>>,
}

impl Stream for Pieces {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = Pin::new(&mut *self.payload.borrow_mut()).poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &piece
            && !self.share.admit(bytes.len())
        {
            self.overloaded.set(true);
            return Poll::Ready(Some(Err(PayloadError::Overflow)));
        }
        piece
    }
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
        retry_after(respond(self.status(), self.code()), self.retry_after_secs())
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
        closing(retry_after(respond(self.status(), self.code()), self.retry_after_secs()), self.closes())
    }
}

impl Responder for FunctionReply {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        json(respond(200, "accepted"), self.body().clone())
    }
}

impl ResponseError for FunctionRejection {
    fn status_code(&self) -> StatusCode {
        status(self.status())
    }

    fn error_response(&self) -> HttpResponse {
        let response = retry_after(respond(self.status(), self.code()), self.retry_after_secs());
        closing(json(response, self.body()), self.closes())
    }
}

fn retry_after(mut response: HttpResponse, seconds: Option<u64>) -> HttpResponse {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn closing(mut response: HttpResponse, closes: bool) -> HttpResponse {
    if closes {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    response
}

/// Adds a body, unless it is empty.
fn json(mut response: HttpResponse, body: Bytes) -> HttpResponse {
    if body.is_empty() {
        return response;
    }
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response.set_body(BoxBody::new(body))
}

fn respond(sent: u16, code: &'static str) -> HttpResponse {
    let mut response = HttpResponse::new(status(sent));
    response.extensions_mut().insert(Code(code));
    response
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
