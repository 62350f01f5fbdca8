use actix_http::Request;
use actix_web::HttpResponse;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};
use actix_web::test::TestRequest;

use super::Answer;
use crate::testing::RawRequest;

/// Sends a request to an actix-web application, as `actix_web::test::init_service` makes it,
/// and returns the answer.
///
/// A request that cannot be written in HTTP, such as one with a line break in a header, is
/// answered with 400, as by a server.
///
/// ```
/// use actix_web::{App, test, web};
/// use offhook::testing::{Signer, deliver_actix, samples};
/// use offhook::{Reply, Truedy, Webhook};
///
/// async fn on_truedy(webhook: Webhook<Truedy>) -> Reply {
///     webhook.acknowledge()
/// }
///
/// # fn main() -> Result<(), offhook::ConfigError> {
/// # actix_web::rt::System::new().block_on(async {
/// let truedy = Truedy::new("whsec_test")?;
/// let delivery = Signer::of(&truedy).request("/webhooks/truedy", samples::truedy::CALL_ENDED);
/// let app = App::new().app_data(web::Data::new(truedy)).route("/webhooks/truedy", web::post().to(on_truedy));
/// assert_eq!(deliver_actix(&test::init_service(app).await, &delivery).await.status, 204);
/// # Ok(()) }) }
/// ```
pub async fn deliver_actix<S, B, E>(app: &S, request: &RawRequest) -> Answer
where
    S: Service<Request, Response = ServiceResponse<B>, Error = E>,
    E: Into<actix_web::Error>,
{
    let Some(request) = written(request) else { return Answer::new(400) };
    match app.call(request).await {
        Ok(response) => answer(response.response()),
        // What a middleware returns as an error is a response, too.
        Err(error) => answer(&error.into().error_response()),
    }
}

fn answer<B>(response: &HttpResponse<B>) -> Answer {
    Answer::new(response.status().as_u16()).with_code(response.extensions().get())
}

/// Writes the request in HTTP.
fn written(request: &RawRequest) -> Option<Request> {
    let RawRequest { method, target, headers, body } = request;
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let target: Uri = target.parse().ok()?;
    let mut test = TestRequest::with_uri(&target.to_string()).method(method).set_payload(body.clone());
    for (name, value) in headers {
        let header = (HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value).ok()?);
        test = test.append_header(header);
    }
    Some(test.to_request())
}
