//! Promises of SECURITY.md that no other test holds.

use chrono::DateTime;
use offhook::inbox::Stored;
use offhook::testing::{Signer, samples};
use offhook::{Salpre, TalkifAi, Truedy, Verifier, talkifai};
use offhook_tests::crate_root;

const SECRET: &str = "whsec_of_the_claims";

fn source(path: &str) -> String {
    let text = std::fs::read_to_string(crate_root().join(path)).unwrap();
    text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned()
}

/// This test cannot show that the time is constant. It shows that nothing else compares.
#[test]
fn signatures_and_tokens_are_compared_by_code_for_constant_time() {
    let tag = source("src/verify/tag.rs");
    let equals = tag.split("fn equals").nth(1).unwrap().split("\n    }\n").next().unwrap();
    assert_eq!(equals.matches(".ct_eq(").count(), 2, "{equals}");
    assert!(!equals.contains("=="), "{equals}");
    assert!(!tag.contains("PartialEq"), "a `Tag` that is compared with `==` is compared in variable time");
    let tokens = source("src/verify/tokens.rs");
    assert!(tokens.contains("digest: CtOutput<Sha256>") && tokens.contains("digest(value) == self.digest"));
}

#[test]
fn a_vendor_that_signs_no_time_verifies_for_ever() {
    let talkifai = TalkifAi::new(SECRET).unwrap();
    let long_ago = DateTime::from_timestamp(0, 0).unwrap();
    let request = Signer::of(&talkifai).request_at(long_ago, "/", samples::talkifai::CALL_ENDED);
    assert!(talkifai.receive(&request.headers, request.body.clone()).is_ok());
    let salpre = Salpre::bearer(SECRET).unwrap();
    let request = Signer::bearer(SECRET).unwrap().request_at(long_ago, "/", samples::salpre::CALL_ENDED);
    assert!(salpre.receive(&request.headers, request.body).is_ok());
    let truedy = Truedy::new(SECRET).unwrap();
    let request = Signer::of(&truedy).request_at(long_ago, "/", samples::truedy::CALL_ENDED);
    assert_eq!(truedy.receive(&request.headers, request.body).unwrap_err().code(), "timestamp_too_old");
}

#[test]
fn other_headers_the_path_and_the_query_are_not_signed() {
    let truedy = Truedy::new(SECRET).unwrap();
    let request = Signer::of(&truedy).request("/webhooks/truedy", samples::truedy::CALL_ENDED);
    let mut changed = request.clone().with_header("x-forwarded-for", "203.0.113.7");
    changed.target = "/elsewhere?tenant=2".to_owned();
    assert!(truedy.receive_request(&changed.head(), request.body).is_ok());
}

#[test]
fn a_verified_alone_is_bound_to_neither_body_nor_vendor() {
    let truedy = Truedy::new(SECRET).unwrap();
    let request = Signer::of(&truedy).request("/", samples::truedy::CALL_ENDED);
    let verified = truedy.verify(&request.request()).unwrap().clone();
    let talkifai = TalkifAi::new("whsec_another_one").unwrap();
    let forged = samples::talkifai::CREDIT_LOW;
    assert!(talkifai.parse(&verified, forged.body().as_bytes()).is_ok());
    // A `Delivery` is made only after the check of its own body.
    let headers = Signer::new(talkifai::SCHEME, SECRET).unwrap().request("/", forged.clone()).headers;
    assert_eq!(talkifai.receive(&headers, &forged).unwrap_err().code(), "signature_mismatch");
}

#[test]
fn whoever_can_write_a_record_can_make_up_a_delivery() {
    let talkifai = TalkifAi::new(SECRET).unwrap();
    let request = Signer::of(&talkifai).request("/", samples::talkifai::CALL_ENDED);
    let delivery = talkifai.receive(&request.headers, request.body).unwrap();
    let record = serde_json::to_string(&Stored::of(&delivery)).unwrap();
    let forged: Stored = serde_json::from_str(&record.replace("call_xyz", "call_made_up")).unwrap();
    assert_eq!(forged.open(&talkifai).unwrap().call_id(), Some("call_made_up"));
}

#[test]
fn unsafe_is_forbidden_and_the_lints_are_on() {
    let manifest = std::fs::read_to_string(crate_root().join("Cargo.toml")).unwrap();
    for line in [
        "unsafe_code = \"forbid\"",
        "unwrap_used = \"warn\"",
        "indexing_slicing = \"warn\"",
        "arithmetic_side_effects = \"warn\"",
    ] {
        assert!(manifest.lines().any(|found| found == line), "{line}");
    }
}
