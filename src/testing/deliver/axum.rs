use std::convert::Infallible;
use std::future::poll_fn;

use axum_core::body::Body;
use axum_core::response::Response;
use tower_service::Service;

use super::Answer;
use crate::testing::RawRequest;

/// Sends a request to an axum `Router`, or to another tower service, and returns the answer.
///
/// A request that cannot be written in HTTP, such as one with a line break in a header, is
/// answered with 400, as by a server.
///
/// ```
/// use axum::{Router, routing::post};
/// use offhook::testing::{Signer, deliver_axum, samples};
/// use offhook::{Reply, Truedy, Webhook};
///
/// async fn on_truedy(webhook: Webhook<Truedy>) -> Reply {
///     webhook.acknowledge()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), offhook::ConfigError> {
/// let truedy = Truedy::new("whsec_test")?;
/// let delivery = Signer::of(&truedy).request("/webhooks/truedy", samples::truedy::CALL_ENDED);
/// let router = Router::new().route("/webhooks/truedy", post(on_truedy)).with_state(truedy);
/// assert_eq!(deliver_axum(&router, &delivery).await.status, 204);
/// # Ok(()) }
/// ```
pub async fn deliver_axum<S>(app: &S, request: &RawRequest) -> Answer
where
    S: Service<http::Request<Body>, Response = Response, Error = Infallible> + Clone,
{
    let RawRequest { method, target, headers, body } = request;
    let builder = http::Request::builder().method(method.as_str()).uri(target);
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value.as_slice()));
    let Ok(request) = builder.body(Body::from(body.clone())) else { return Answer::new(400) };

    let mut app = app.clone();
    let response = match poll_fn(|context| app.poll_ready(context)).await {
        Ok(()) => app.call(request).await,
        Err(never) => match never {},
    };
    match response {
        Ok(response) => Answer::new(response.status().as_u16()).with_code(response.extensions().get()),
        Err(never) => match never {},
    }
}
