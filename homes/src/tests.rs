//! Every home gives the same answers.

use std::convert::Infallible;

use ::hyper::body::Bytes;
use ::hyper::service::{Service as _, service_fn};
use ::poem::EndpointExt;
use ::rocket::http::{Header, Method};
use ::rocket::local::asynchronous::Client;
use ::salvo::test::{ResponseExt, TestClient};
use http_body_util::{BodyExt, Full};
use offhook::testing::Signer;
use offhook::{Clock, SystemClock, Truedy, truedy};

const SECRET: &str = "whsec_homes_test_secret";

struct Case {
    name: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
    status: u16,
    retry_after: Option<&'static str>,
}

impl Case {
    #[track_caller]
    fn check(&self, status: u16, retry_after: Option<&str>, body: &[u8]) {
        assert_eq!((status, retry_after, body), (self.status, self.retry_after, &b""[..]), "{}", self.name);
    }
}

fn verifier() -> Truedy {
    Truedy::new(SECRET).unwrap()
}

fn cases() -> Vec<Case> {
    let event = |name: &str| format!(r#"{{"event":"{name}","data":{{"call_id":"c1"}}}}"#);
    let (started, billed) = (event("call.started"), event("call.billed"));
    let padded = |bytes: usize| started.clone() + &" ".repeat(bytes - started.len());
    let signed = |body: &str| Signer::new(truedy::SCHEME, SECRET).unwrap().sign(SystemClock.now(), body);
    let encoded = |coding: &str| [signed(&started), vec![("content-encoding", coding.to_owned())]].concat();
    let case =
        |name, headers, body: &str, status| Case { name, headers, body: body.to_owned(), status, retry_after: None };
    vec![
        case("signed", signed(&started), &started, 204),
        case("forged", signed(&billed), &started, 401),
        case("not signed", Vec::new(), &started, 401),
        case("not an event", signed("[]"), "[]", 400),
        case("encoded", encoded("gzip"), &started, 415),
        case("encoded twice", [encoded("identity"), encoded("br")].concat(), &started, 415),
        case("identity", encoded("Identity"), &started, 204),
        case("at the limit", signed(&padded(2 << 20)), &padded(2 << 20), 204),
        case("over the limit", signed(&padded((2 << 20) + 1)), &padded((2 << 20) + 1), 413),
        Case { retry_after: Some("30"), ..case("to be sent again", signed(&billed), &billed, 503) },
    ]
}

#[tokio::test]
async fn hyper() {
    let truedy = verifier();
    let service = service_fn(|request: ::hyper::Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(crate::hyper::receive(&truedy, request).await)
    });
    for case in cases() {
        let mut request = ::hyper::Request::post("/truedy");
        for (name, value) in &case.headers {
            request = request.header(*name, value);
        }
        let response = service.call(request.body(Full::new(case.body.clone().into())).unwrap()).await.unwrap();
        let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        case.check(status, retry_after.as_deref(), &response.collect().await.unwrap().to_bytes());
    }
}

#[tokio::test]
async fn poem() {
    let app = ::poem::Route::new().at("/truedy", ::poem::post(crate::poem::receive)).data(verifier());
    let client = ::poem::test::TestClient::new(app);
    for case in cases() {
        let mut request = client.post("/truedy");
        for (name, value) in &case.headers {
            request = request.header(*name, value);
        }
        let mut response = request.body(case.body.clone()).send().await.0;
        let body = response.take_body().into_vec().await.unwrap();
        let retry_after = response.header("retry-after");
        case.check(response.status().as_u16(), retry_after, &body);
    }
}

#[tokio::test]
async fn salvo() {
    let service = ::salvo::Service::new(::salvo::Router::with_path("truedy").post(crate::salvo::Receive(verifier())));
    for case in cases() {
        let mut request = TestClient::post("http://localhost/truedy");
        for (name, value) in &case.headers {
            request = request.add_header(*name, value, false);
        }
        let mut response = request.body(case.body.clone()).send(&service).await;
        let body = response.take_bytes(None).await.unwrap();
        let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap());
        case.check(response.status_code.unwrap().as_u16(), retry_after, &body);
    }
}

#[tokio::test]
async fn rocket() {
    let route = ::rocket::Route::new(Method::Post, "/truedy", crate::rocket::Receive(verifier()));
    let client = Client::untracked(::rocket::build().mount("/", [route])).await.unwrap();
    for case in cases() {
        let mut request = client.post("/truedy").body(&case.body);
        for (name, value) in &case.headers {
            request.add_header(Header::new(*name, value.clone()));
        }
        let response = request.dispatch().await;
        let retry_after = response.headers().get_one("retry-after").map(ToOwned::to_owned);
        let status = response.status().code;
        case.check(status, retry_after.as_deref(), &response.into_bytes().await.unwrap_or_default());
    }
}

/// The requests are events of API Gateway, as Lambda hands them over.
#[tokio::test]
async fn lambda() {
    let truedy = verifier();
    for case in cases() {
        // API Gateway joins the values of a header that occurs more than once.
        let mut headers = serde_json::Map::new();
        for (name, value) in &case.headers {
            let joined =
                headers.get(*name).map_or(value.clone(), |first| format!("{},{value}", first.as_str().unwrap()));
            headers.insert((*name).to_owned(), joined.into());
        }
        let event = serde_json::json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/truedy",
            "rawQueryString": "",
            "headers": headers,
            "requestContext": {
                "stage": "$default",
                "http": {"method": "POST", "path": "/truedy"},
            },
            "body": case.body,
            "isBase64Encoded": false,
        });
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let response = crate::lambda::receive(&truedy, request).await.unwrap();
        let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap());
        case.check(response.status().as_u16(), retry_after, response.body());
    }
}
