use std::process::Command;

use axum::Router;
use axum::routing::post;
use offhook::{Rejection, Reply, StandardWebhooks, Ultravox, Verifier, Webhook};
use offhook_tests::examples::build;
use offhook_tests::servers::serve_axum;

use super::{Grades, Server, secret};

#[test]
fn the_example_servers_pass_every_check_of_every_vendor_that_they_serve() {
    for example in ["axum", "actix"] {
        let mut program = Command::new(build(example));
        program.env("PORT", "0");
        let server = Server::start(program, "listening on ");
        for (vendor, at_least) in [("truedy", 50), ("talkifai", 30), ("salpre", 25)] {
            let grades = Grades::of(&format!("{}/webhooks/{vendor}", server.url), vendor, &[]);
            assert_passes(&grades, at_least);
        }
    }
}

#[test]
fn receivers_of_ultravox_and_standard_webhooks_pass_every_check() {
    type Standard = StandardWebhooks<serde_json::Value>;
    let ultravox = Ultravox::new(secret("ultravox")).unwrap();
    let standard = Standard::new(secret("standard-webhooks")).unwrap();
    let svix = Standard::svix(secret("svix")).unwrap();
    let app = Router::new()
        .route("/ultravox", post(acknowledge::<Ultravox>).with_state(ultravox))
        .route("/standard-webhooks", post(acknowledge::<Standard>).with_state(standard))
        .route("/svix", post(acknowledge::<Standard>).with_state(svix));
    let address = serve_axum(app);
    for (vendor, at_least) in [("ultravox", 40), ("standard-webhooks", 38), ("svix", 38)] {
        assert_passes(&Grades::of(&format!("http://{address}/{vendor}"), vendor, &[]), at_least);
    }
}

async fn acknowledge<V: Verifier>(webhook: Result<Webhook<V>, Rejection>) -> Result<Reply, Rejection> {
    Ok(webhook?.acknowledge())
}

fn assert_passes(grades: &Grades, at_least: usize) {
    let failed: Vec<_> = grades.checks.iter().filter(|check| check["grade"] == "fail").collect();
    assert!(failed.is_empty() && grades.code == 0, "{failed:#?}");
    // A server that closes the connection while a body over the limit is sent may lose its answer.
    let noted: Vec<_> = grades.names("note").into_iter().filter(|name| *name != "over_the_limit").collect();
    assert!(noted.is_empty(), "{noted:?}");
    assert!(grades.checks.len() >= at_least, "{} checks", grades.checks.len());
    assert_eq!(grades.checks.last().unwrap()["check"], "after_hostile");
}
