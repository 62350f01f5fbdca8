//! The routes that are compared, in axum and in actix-web: one with the extractor, one with the same
//! work written inline, and one that reads the raw bytes and answers.

use offhook::Truedy;

use crate::deliveries::SECRET;

pub const BARE: &str = "/bare";
pub const INLINE: &str = "/inline";
pub const EXTRACTOR: &str = "/extractor";

fn truedy() -> Truedy {
    Truedy::new(SECRET).unwrap()
}

pub mod axum {
    use ::axum::Router;
    use ::axum::extract::State;
    use ::axum::routing::post;
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use offhook::{Reply, Truedy, Verifier, Webhook};

    use super::{BARE, EXTRACTOR, INLINE};

    async fn bare(_body: Bytes) -> StatusCode {
        StatusCode::NO_CONTENT
    }

    async fn inline(State(truedy): State<Truedy>, headers: HeaderMap, body: Bytes) -> StatusCode {
        match truedy.receive(&headers, body) {
            Ok(delivery) => StatusCode::from_u16(delivery.acknowledge().status()).unwrap(),
            Err(error) => StatusCode::from_u16(error.status()).unwrap(),
        }
    }

    async fn extractor<V: Verifier>(webhook: Webhook<V>) -> Reply {
        webhook.acknowledge()
    }

    /// Returns a route with the extractor of any vendor.
    pub fn of<V: Verifier<Event: Send> + Clone + 'static>(verifier: V) -> Router {
        Router::new().route(EXTRACTOR, post(extractor::<V>)).with_state(verifier)
    }

    pub fn router() -> Router {
        Router::new()
            .route(BARE, post(bare))
            .route(INLINE, post(inline))
            .route(EXTRACTOR, post(extractor::<Truedy>))
            .with_state(super::truedy())
    }
}

pub mod actix {
    use actix_web::http::StatusCode;
    use actix_web::web::{self, Bytes, ServiceConfig};
    use actix_web::{HttpRequest, HttpResponse};
    use offhook::{Reply, Truedy, Verifier, Webhook};

    use super::{BARE, EXTRACTOR, INLINE};

    async fn bare(_body: Bytes) -> HttpResponse {
        HttpResponse::new(StatusCode::NO_CONTENT)
    }

    async fn inline(truedy: web::Data<Truedy>, request: HttpRequest, body: Bytes) -> HttpResponse {
        let status = match truedy.receive(request.headers(), body) {
            Ok(delivery) => delivery.acknowledge().status(),
            Err(error) => error.status(),
        };
        HttpResponse::new(StatusCode::from_u16(status).unwrap())
    }

    async fn extractor<V: Verifier>(webhook: Webhook<V>) -> Reply {
        webhook.acknowledge()
    }

    /// Returns a route with the extractor of any vendor.
    pub fn of<V: Verifier + 'static>(verifier: V) -> impl FnOnce(&mut ServiceConfig) {
        |config| {
            config.app_data(web::Data::new(verifier)).route(EXTRACTOR, web::post().to(extractor::<V>));
        }
    }

    pub fn configure(config: &mut ServiceConfig) {
        config
            .app_data(web::Data::new(super::truedy()))
            .route(BARE, web::post().to(bare))
            .route(INLINE, web::post().to(inline))
            .route(EXTRACTOR, web::post().to(extractor::<Truedy>));
    }
}
