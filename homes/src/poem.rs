//! A handler that receives Truedy's deliveries in poem 3; the verifier is added with `.data(truedy)`.

use offhook::verify::Head;
use offhook::{Truedy, Verifier};
use poem::http::StatusCode;
use poem::http::header::{CONTENT_ENCODING, RETRY_AFTER};
use poem::web::Data;
use poem::{Body, Request, Response, handler};

use crate::handle;

const LIMIT: usize = 2 << 20;

#[handler]
pub async fn receive(request: &Request, body: Body, Data(truedy): Data<&Truedy>) -> Response {
    let mut codings = request.headers().get_all(CONTENT_ENCODING).iter();
    if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return answer(415, None);
    }
    let Ok(body) = body.into_bytes_limit(LIMIT).await else {
        return answer(413, None);
    };
    let target = request.original_uri().path_and_query().map_or("", |target| target.as_str());
    let head = Head::new(request.headers()).with_method(request.method().as_str()).with_target(target);
    match truedy.receive_request(&head, body) {
        Ok(delivery) => {
            let reply = handle(delivery).await;
            answer(reply.status(), reply.retry_after_secs())
        }
        Err(error) => answer(error.status(), None),
    }
}

fn answer(status: u16, retry_after: Option<u64>) -> Response {
    let mut response = Response::default();
    response.set_status(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    response.headers_mut().extend(retry_after.map(|seconds| (RETRY_AFTER, seconds.into())));
    response
}
