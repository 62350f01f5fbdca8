//! The diagnosis: what it says, what it costs, and causes of your own.

use offhook::diagnose::{Cause, Confidence, Explainer, Finding, Receiver};
use offhook::testing::{Signer, samples};
use offhook::verify::HeaderTokens;
use offhook::{Clock, FixedClock, Salpre, Truedy};
use offhook_tests::signing::NOW;

fn truedy(secret: &str) -> Truedy {
    Truedy::new(secret).unwrap().with_clock(FixedClock::at_unix(NOW))
}

#[test]
fn the_seconds_between_the_clocks_are_named() {
    let truedy = truedy("whsec_first");
    let explainer = Explainer::new(Receiver::signed(&truedy));
    for (signed_at, expected) in [
        (NOW + 400, [("clock_behind", "400 s")].as_slice()),
        (NOW - 400, &[("delayed", "400 s"), ("clock_ahead", "400 s")]),
        (NOW - 3_602, &[("time_zone", "3602 s"), ("delayed", "3602 s"), ("clock_ahead", "3602 s")]),
    ] {
        let time = FixedClock::at_unix(signed_at).now();
        let request = Signer::of(&truedy).request_at(time, "/", samples::truedy::CALL_ENDED);
        let diagnosis = explainer.explain(&request.request());
        let found: Vec<_> =
            diagnosis.reasons().iter().map(|reason| (reason.name(), reason.detail().unwrap())).collect();
        assert_eq!(found, expected);
    }
}

/// What is read to the end once costs a fixed number of bytes at most, however large the body.
#[test]
fn a_large_body_costs_a_bounded_number_of_checks() {
    let explainer = Explainer::new(Receiver::signed(&truedy("whsec_first")).with_secret("whsec_first"))
        .beside(Receiver::signed(&truedy("whsec_third")));
    let text = format!("é{}", "x y/".repeat(256 * 1024));
    let sample = samples::truedy::CALL_ENDED.with("data.call.summary", text);
    let request = Signer::of(&truedy("whsec_other")).request("/", &sample);
    let diagnosis = explainer.explain(&request.request());
    assert!(diagnosis.first().is_none(), "{diagnosis}");
    assert!(!diagnosis.is_complete() && diagnosis.to_string().contains("not every cause was tested"));
    assert!(diagnosis.work().bytes <= 20 * 1024 * 1024, "{:?}", diagnosis.work());
    assert!((12..=20).contains(&diagnosis.work().checks), "{:?}", diagnosis.work());

    let small = Signer::of(&truedy("whsec_other")).request("/", samples::truedy::CALL_ENDED);
    let diagnosis = explainer.explain(&small.request());
    assert!(diagnosis.is_complete() && diagnosis.first().is_none(), "{diagnosis}");
    assert!(diagnosis.work().checks <= 60, "{:?}", diagnosis.work());
}

/// JSON that is nested as deeply as a body can be is an unknown cause, not a stack overflow.
#[test]
fn hostile_bodies_are_examined_without_a_panic() {
    let explainer = Explainer::new(Receiver::signed(&truedy("whsec_first")).with_secret("whsec_first"));
    let bodies: [Vec<u8>; 8] = [
        "[".repeat(1 << 20).into(),
        format!("{{\"a\":{}", "{\"a\":".repeat(100_000)).into(),
        "{\"".into(),
        "{\"a\":\"\\".into(),
        "\"\\ud83d\"".into(),
        vec![0xff; 1000],
        "{}}}}]]]]".into(),
        "==".into(),
    ];
    for body in bodies {
        let request = Signer::of(&truedy("whsec_other")).request("/", body);
        let diagnosis = explainer.explain(&request.request());
        assert!(diagnosis.reasons().iter().all(|reason| reason.confidence() != Confidence::Certain), "{diagnosis}");
    }
}

#[test]
fn a_cause_of_your_own_comes_first() {
    const TUNNEL: Cause = Cause {
        name: "tunnel",
        test: |evidence| {
            let stripped = evidence.body()?.strip_prefix(b"tunnel:")?;
            evidence.accepts_body(stripped).then(|| Finding::new(Confidence::Certain).with_detail("ours"))
        },
        text: "Our tunnel puts its name before the body.",
    };
    let truedy = truedy("whsec_first");
    let explainer = Explainer::new(Receiver::signed(&truedy)).with_cause(TUNNEL);
    let sample = samples::truedy::CALL_ENDED;
    let sent = Signer::of(&truedy).request("/", &sample);
    let damaged = sent.clone().with_body(format!("tunnel:{}", sample.body()));
    let diagnosis = explainer.explain(&damaged.request());
    let first = diagnosis.first().unwrap();
    assert_eq!((first.name(), first.detail(), first.text()), ("tunnel", Some("ours"), TUNNEL.text));
    assert_eq!(
        diagnosis.to_string().lines().last(),
        Some("certain: tunnel (ours): Our tunnel puts its name before the body.")
    );
    assert!(explainer.explain(&sent.request()).first().is_none());

    // Of two that are equally sure, it is the first.
    const GUESS: Cause =
        Cause { name: "guess", test: |_| Some(Finding::new(Confidence::Likely)), text: "It is likely." };
    let empty = sent.with_body("");
    let names = |explainer: Explainer| {
        let diagnosis = explainer.explain(&empty.request());
        diagnosis.reasons().iter().map(|reason| reason.name()).collect::<Vec<_>>()
    };
    assert_eq!(names(explainer.with_cause(GUESS)), ["guess", "body_consumed"]);
}

/// A receiver that accepts everything proves nothing about where a delivery belongs.
#[test]
fn an_open_route_is_no_cause() {
    let open = Salpre::new(HeaderTokens::danger_accept_unauthenticated());
    let explainer = Explainer::new(Receiver::signed(&truedy("whsec_first"))).beside(Receiver::static_headers(&open));
    let request = Signer::of(&truedy("whsec_other")).request("/", samples::truedy::CALL_ENDED);
    let diagnosis = explainer.explain(&request.request());
    assert!(diagnosis.first().is_none() && diagnosis.to_string().ends_with("no known cause\n"), "{diagnosis}");
}

#[test]
fn an_endpoint_is_named_beside_its_vendor() {
    let berlin = truedy("whsec_other").with_endpoint("berlin");
    let explainer = Explainer::new(Receiver::signed(&truedy("whsec_first"))).beside(Receiver::signed(&berlin));
    let request = Signer::of(&berlin).request("/", samples::truedy::CALL_ENDED);
    let diagnosis = explainer.explain(&request.request());
    let first = diagnosis.first().unwrap();
    assert_eq!((first.name(), first.detail()), ("other_secret", Some("truedy (berlin)")));
}
