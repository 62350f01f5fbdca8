//! Both extractors hand the whole request to the verifier: method, target, headers, body.

use actix_web::web;
use offhook::event::{Envelope, Identity, Parsed};
use offhook::verify::{Head, PublicUrl};
use offhook::{Event, ParseError, Profile, Reply, Request, Verified, Verifier, VerifyError, Webhook};
use offhook_tests::client::{exchange, sized};
use offhook_tests::servers::{serve_actix, serve_axum};

/// A verifier that accepts the request if the header `x-expected` describes it.
#[derive(Clone)]
struct Expecting {
    url: PublicUrl,
    profile: Profile,
}

struct Nothing;

impl Event for Nothing {
    fn name(&self) -> &str {
        "nothing"
    }

    fn identity<'a>(&'a self, _: &'a Envelope) -> Identity<'a> {
        Identity::Never
    }
}

impl Verifier for Expecting {
    type Event = Nothing;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn check_head(&self, head: &Head<'_>) -> Result<(), VerifyError> {
        let seen = format!("{} {}", head.method().unwrap_or("-"), self.url.of(head)?);
        match head.header("x-expected", 1_000)? == seen {
            true => Ok(()),
            false => Err(VerifyError::MalformedHeader { header: "x-expected".into() }),
        }
    }

    fn verify(&self, request: &Request<'_>) -> Result<Verified, VerifyError> {
        self.check_head(request.head())?;
        match request.body() == b"body" {
            true => Ok(Verified::by_own_check(0)),
            false => Err(VerifyError::SignatureMismatch),
        }
    }

    fn parse(&self, _: &Verified, _: &[u8]) -> Result<Parsed<Nothing>, ParseError> {
        Ok(Parsed::new(Envelope::default(), Nothing))
    }
}

async fn handle(webhook: Webhook<Expecting>) -> Reply {
    webhook.acknowledge()
}

#[test]
fn the_verifier_sees_method_target_headers_and_body() {
    let verifier =
        Expecting { url: PublicUrl::base("https://hooks.example.com").unwrap(), profile: Profile::new("expecting") };
    let route = axum::routing::any(handle).with_state(verifier.clone());
    let axum = serve_axum(axum::Router::new().route("/{*path}", route));
    let data = web::Data::new(verifier);
    let actix = serve_actix(move |app| {
        app.app_data(data.clone()).default_service(web::to(handle));
    });
    for (name, server) in [("axum", axum), ("actix-web", actix)] {
        let ask = |target: &str, expected: &str, body: &str| {
            exchange(server, &sized(target, &[("x-expected", expected.as_bytes())], body.as_bytes())).status
        };
        let url = "https://hooks.example.com";
        assert_eq!(ask("/a%20b?x=1&y=%2F", &format!("POST {url}/a%20b?x=1&y=%2F"), "body"), 200, "{name}");
        assert_eq!(ask("/a?x=1", &format!("POST {url}/a?x=2"), "body"), 401, "{name}: another query");
        assert_eq!(ask("/a", &format!("GET {url}/a"), "body"), 401, "{name}: another method");
        assert_eq!(ask("/a", &format!("POST {url}/a"), "other"), 401, "{name}: another body");
    }
}
