//! A handler that receives Truedy's deliveries in salvo 1: `Router::with_path("truedy").post(Receive(truedy))`.

use offhook::verify::Head;
use offhook::{Truedy, Verifier};
use salvo::http::header::{CONTENT_ENCODING, RETRY_AFTER};
use salvo::http::{ResBody, StatusCode};
use salvo::{Request, Response, handler};

use crate::handle;

const LIMIT: usize = 2 << 20;

pub struct Receive(pub Truedy);

#[handler]
impl Receive {
    async fn handle(&self, request: &mut Request, response: &mut Response) {
        let mut codings = request.headers().get_all(CONTENT_ENCODING).iter();
        if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return answer(response, 415, None);
        }
        let Ok(body) = request.payload_with_max_size(LIMIT).await.cloned() else {
            return answer(response, 413, None);
        };
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        let head = Head::new(request.headers()).with_method(request.method().as_str()).with_target(target);
        match self.0.receive_request(&head, body) {
            Ok(delivery) => {
                let reply = handle(delivery).await;
                answer(response, reply.status(), reply.retry_after_secs())
            }
            Err(error) => answer(response, error.status(), None),
        }
    }
}

fn answer(response: &mut Response, status: u16, retry_after: Option<u64>) {
    response.status_code(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    response.headers_mut().extend(retry_after.map(|seconds| (RETRY_AFTER, seconds.into())));
    // Without a body, salvo would fill in a page that explains the error.
    response.body(ResBody::Once(Default::default()));
}
