//! A handler that receives Truedy's deliveries in Rocket 0.5: `Route::new(Method::Post, "/truedy", Receive(truedy))`.

use offhook::verify::Head;
use offhook::{Truedy, Verifier};
use rocket::data::ToByteUnit;
use rocket::http::Status;
use rocket::route::{Handler, Outcome};
use rocket::{Data, Request, Response};

use crate::handle;

#[derive(Clone)]
pub struct Receive(pub Truedy);

#[rocket::async_trait]
impl Handler for Receive {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        if request.headers().get("content-encoding").any(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return answer(415, None);
        }
        let body = match data.open(2.mebibytes()).into_bytes().await {
            Ok(body) if body.is_complete() => body.into_inner(),
            _ => return answer(413, None),
        };
        let headers: Vec<_> =
            request.headers().iter().map(|header| (header.name().to_string(), header.value().to_owned())).collect();
        let target = request.uri().to_string();
        let head = Head::new(&headers).with_method(request.method().as_str()).with_target(&target);
        match self.0.receive_request(&head, body) {
            Ok(delivery) => {
                let reply = handle(delivery).await;
                answer(reply.status(), reply.retry_after_secs())
            }
            Err(error) => answer(error.status(), None),
        }
    }
}

fn answer<'r>(status: u16, retry_after: Option<u64>) -> Outcome<'r> {
    let mut response = Response::new();
    response.set_status(Status::new(status));
    if let Some(seconds) = retry_after {
        response.set_raw_header("Retry-After", seconds.to_string());
    }
    Outcome::Success(response)
}
