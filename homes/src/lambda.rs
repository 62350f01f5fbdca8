//! A function that receives Truedy's deliveries in AWS Lambda, with lambda_http.

use lambda_http::http::StatusCode;
use lambda_http::http::header::{CONTENT_ENCODING, RETRY_AFTER};
use lambda_http::{Body, Error, Request, Response};
use offhook::verify::Head;
use offhook::{Truedy, Verifier};

use crate::handle;

const LIMIT: usize = 2 << 20;

pub async fn receive(truedy: &Truedy, request: Request) -> Result<Response<Body>, Error> {
    let (parts, body) = request.into_parts();
    let mut codings = parts.headers.get_all(CONTENT_ENCODING).iter();
    if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return answer(415, None);
    }
    if body.len() > LIMIT {
        return answer(413, None);
    }
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let head = Head::new(&parts.headers).with_method(parts.method.as_str()).with_target(target);
    match truedy.receive_request(&head, body.to_vec()) {
        Ok(delivery) => {
            let reply = handle(delivery).await;
            answer(reply.status(), reply.retry_after_secs())
        }
        Err(error) => answer(error.status(), None),
    }
}

fn answer(status: u16, retry_after: Option<u64>) -> Result<Response<Body>, Error> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::from_u16(status)?;
    response.headers_mut().extend(retry_after.map(|seconds| (RETRY_AFTER, seconds.into())));
    Ok(response)
}
