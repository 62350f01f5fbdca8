//! A function that receives Truedy's deliveries in hyper 1.

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Body, Bytes};
use hyper::header::{CONTENT_ENCODING, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use offhook::verify::Head;
use offhook::{Truedy, Verifier};

use crate::handle;

const LIMIT: usize = 2 << 20;

pub async fn receive<B>(truedy: &Truedy, request: Request<B>) -> Response<Empty<Bytes>>
where
    B: Body<Error: std::error::Error + Send + Sync + 'static>,
{
    let (parts, body) = request.into_parts();
    let mut codings = parts.headers.get_all(CONTENT_ENCODING).iter();
    if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return answer(415, None);
    }
    let Ok(body) = Limited::new(body, LIMIT).collect().await else {
        return answer(413, None);
    };
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let head = Head::new(&parts.headers).with_method(parts.method.as_str()).with_target(target);
    match truedy.receive_request(&head, body.to_bytes()) {
        Ok(delivery) => {
            let reply = handle(delivery).await;
            answer(reply.status(), reply.retry_after_secs())
        }
        Err(error) => answer(error.status(), None),
    }
}

fn answer(status: u16, retry_after: Option<u64>) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().extend(retry_after.map(|seconds| (RETRY_AFTER, seconds.into())));
    response
}
