//! The near misses: each is refused as it says, by every scheme for which it exists.

use offhook::testing::{NearMiss, RawRequest, Signer, samples};
use offhook::verify::HmacKeys;
use offhook::{FixedClock, Salpre, Verifier, talkifai, truedy};
use offhook_tests::signing::NOW;
use offhook_tests::vendors::Recipe;

use crate::verify::recipes::recipes;

/// Near misses that a verifier can see. The others are the edge's.
fn seen_by_a_verifier() -> impl Iterator<Item = NearMiss> {
    NearMiss::ALL.into_iter().filter(|miss| !matches!(miss, NearMiss::ContentCoding | NearMiss::OverTheLimit))
}

fn keys(scheme: offhook::verify::HmacScheme, secret: &str) -> HmacKeys {
    HmacKeys::new(scheme, secret).unwrap().with_clock(FixedClock::at_unix(NOW))
}

#[test]
fn every_scheme_refuses_each_near_miss_as_it_says() {
    for &Recipe { name, scheme, .. } in recipes() {
        let receiver = keys(scheme, "c2VjcmV0IG9mIHRoZSByZWNlaXZlcg");
        let signer = Signer::of(&receiver).with_old_secret(Signer::of(&keys(scheme, "dGhlIHNlY3JldCBiZWZvcmUgaXQ")));
        let delivery = signer.request("/webhooks", samples::truedy::CALL_ENDED);
        assert!(receiver.verify(&delivery.request()).is_ok(), "{name}");
        assert!(NearMiss::OldSecret.of(&signer, &delivery).is_some(), "{name}");
        for miss in seen_by_a_verifier() {
            let request = miss.of(&signer, &delivery);
            let found = request.map(|request| receiver.verify(&request.request()).unwrap_err());
            let found = found.as_ref().map(|error| (error.status(), error.code()));
            let expected = miss.code(&signer).map(|code| (miss.status(), code));
            assert_eq!(found, expected, "{name}: {}", miss.name());
        }
    }
}

#[test]
fn static_headers_refuse_each_near_miss_as_it_says() {
    let salpre = Salpre::bearer("s3cret-t0ken").unwrap();
    let signer = Signer::bearer("s3cret-t0ken").unwrap().with_old_secret(Signer::bearer("old-s3cret-t0ken").unwrap());
    let delivery = signer.request("/webhooks", samples::salpre::CALL_ENDED);
    assert!(salpre.verify(&delivery.request()).is_ok());
    let mut seen = Vec::new();
    for miss in seen_by_a_verifier() {
        let Some(request) = miss.of(&signer, &delivery) else { continue };
        let error = salpre.verify(&request.request()).unwrap_err();
        assert_eq!((error.status(), Some(error.code())), (miss.status(), miss.code(&signer)), "{}", miss.name());
        seen.push(miss.name());
    }
    assert_eq!(seen, ["wrong_secret", "old_secret", "missing", "repeated", "another_vendor"]);
}

/// What a scheme does not sign cannot be wrong.
#[test]
fn a_near_miss_that_does_not_exist_for_a_scheme_is_not_made() {
    let of = |scheme| {
        let signer = Signer::of(&keys(scheme, "c2VjcmV0IG9mIHRoZSByZWNlaXZlcg"));
        let delivery = signer.request("/webhooks", "{}");
        let missing = NearMiss::ALL.into_iter().filter(move |miss| miss.of(&signer, &delivery).is_none());
        missing.map(NearMiss::name).collect::<Vec<_>>()
    };
    assert_eq!(of(truedy::SCHEME), ["old_secret"]);
    assert_eq!(of(talkifai::SCHEME), ["stale", "from_the_future", "old_secret"]);
}

/// The body of each near miss is what it says, so that a receiver is refused for one reason.
#[test]
fn a_near_miss_differs_in_one_thing() {
    let signer = Signer::of(&keys(truedy::SCHEME, "whsec_receiver"));
    let delivery = signer.request("/webhooks", samples::truedy::CALL_ENDED);
    let of = |miss: NearMiss| miss.of(&signer, &delivery).unwrap();
    let headers = |request: &RawRequest| request.headers.clone();
    for miss in [NearMiss::TamperedBody, NearMiss::ReserialisedBody] {
        assert_eq!(headers(&of(miss)), headers(&delivery));
        assert_ne!(of(miss).body, delivery.body);
    }
    let json = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).unwrap();
    assert_eq!(json(&of(NearMiss::ReserialisedBody).body), json(&delivery.body));
    for miss in [NearMiss::Stale, NearMiss::FromTheFuture, NearMiss::WrongSecret, NearMiss::Missing] {
        assert_eq!(of(miss).body, delivery.body, "{}", miss.name());
    }
    let large = of(NearMiss::OverTheLimit);
    assert_eq!((large.body.len(), json(&large.body)), (2 * 1024 * 1024 + 1, json(&delivery.body)));
    assert!(keys(truedy::SCHEME, "whsec_receiver").verify(&large.request()).is_ok());
    assert_eq!(of(NearMiss::ContentCoding).without_header("content-encoding"), delivery);
}
