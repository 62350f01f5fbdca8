//! The samples: one for every documented event, verified and typed as the vendor's own.

use std::collections::BTreeSet;
use std::fmt::Debug;

use offhook::testing::{Layout, RawRequest, Sample, Signer, samples};
use offhook::{Event, FixedClock, Salpre, TalkifAi, Truedy, Ultravox, Verifier};
use offhook_tests::crate_root;
use offhook_tests::signing::NOW;

const SECRET: &str = "whsec_kit_secret";

/// Takes a request through the real check and returns the event's name, whether it has a
/// type, and how many fields did not fit.
fn receive<V: Verifier<Event: Debug>>(verifier: &V, request: &RawRequest) -> (String, bool, usize) {
    let delivery = verifier.receive_request(&request.head(), request.body.clone()).unwrap();
    let shown = format!("{:?}", delivery.event());
    let typed = !shown.starts_with("Unknown") && !shown.starts_with("Undecodable");
    assert_eq!(delivery.event().documented_name(), typed.then(|| delivery.event().name()), "{shown}");
    (delivery.event().name().to_owned(), typed, delivery.drift().len())
}

fn through(sample: &Sample) -> (String, bool, usize) {
    let clock = FixedClock::at_unix(NOW);
    let request = |signer: Signer| signer.request("/webhooks", sample);
    match sample.vendor() {
        "truedy" => {
            let truedy = Truedy::new(SECRET).unwrap().with_clock(clock);
            receive(&truedy, &request(Signer::of(&truedy)))
        }
        "talkifai" => {
            let talkifai = TalkifAi::new(SECRET).unwrap();
            receive(&talkifai, &request(Signer::of(&talkifai)))
        }
        "ultravox" => {
            let ultravox = Ultravox::new(SECRET).unwrap().with_clock(clock);
            receive(&ultravox, &request(Signer::of(&ultravox)))
        }
        "salpre" => receive(&Salpre::bearer(SECRET).unwrap(), &request(Signer::bearer(SECRET).unwrap())),
        other => panic!("no verifier for {other}"),
    }
}

#[test]
fn every_sample_is_accepted_with_a_type_and_without_drift() {
    for sample in samples::all() {
        // The two names of one event are one.
        let name = if sample.event() == "call.completed" { "call.ended" } else { sample.event() };
        assert_eq!(through(&sample), (name.to_owned(), true, 0), "{sample:?}");
    }
}

/// The documented events are the variants of the vendors' `Event`, each with its name.
#[test]
fn every_documented_event_of_every_vendor_has_a_sample() {
    for vendor in ["truedy", "talkifai", "salpre", "ultravox"] {
        let source = std::fs::read_to_string(crate_root().join(format!("src/vendors/{vendor}/event.rs"))).unwrap();
        let documented: BTreeSet<_> = source
            .lines()
            .skip_while(|line| !line.contains("pub enum Event"))
            .take_while(|line| *line != "}")
            .filter_map(|line| line.split_once(" = \"")?.1.split_once('"'))
            .map(|(name, _)| name.to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        let sampled: BTreeSet<_> =
            samples::all().filter(|sample| sample.vendor() == vendor).map(|sample| sample.event().to_owned()).collect();
        assert!(documented.len() >= 4, "{vendor}: {documented:?}");
        let missing: Vec<_> = documented.difference(&sampled).collect();
        assert!(missing.is_empty(), "{vendor} has no sample of {missing:?}");
    }
}

#[test]
fn a_sample_says_whether_it_is_published_and_where() {
    let published = |vendor| samples::all().filter(|sample| sample.vendor() == vendor && sample.is_published()).count();
    assert_eq!(["truedy", "talkifai", "salpre", "ultravox"].map(published), [3, 3, 4, 0]);
    assert!(samples::all().all(|sample| sample.page().is_some_and(|page| page.starts_with("https://"))));
    for sample in samples::all() {
        let edits = [sample.clone().with("x", 1), sample.clone().without("x"), sample.with_layout(Layout::Spaced)];
        assert!(edits.iter().all(|edited| !edited.is_published()), "{edits:?}");
    }
    assert_eq!(samples::truedy::CALL_ENDED_UPSTREAM.body().len(), 176);
}

#[test]
fn an_edited_sample_keeps_everything_else() {
    let original = samples::truedy::CALL_ENDED;
    let edited = original.clone().with("data.call.duration", 30);
    assert_eq!(edited.body(), original.body().replace("\"duration\":142", "\"duration\":30"));
    let entry = samples::salpre::CALL_ENDED.with("payload.transcript.1.message", "Merhaba");
    assert_eq!(entry.body(), samples::salpre::CALL_ENDED.body().replace("customer message 1", "Merhaba"));
    assert_eq!(through(&edited), ("call.ended".to_owned(), true, 0));
    let shorter = Sample::new("acme", "x", r#"{"a":1,"b":[2],"c":3}"#).without("b");
    assert_eq!(shorter.body(), r#"{"a":1,"c":3}"#);
    let spaced = Sample::new("acme", "x", r#"{"a":1,"b":[2]}"#).with_layout(Layout::Spaced);
    assert_eq!(spaced.body(), r#"{"a": 1, "b": [2]}"#);
    assert_eq!(spaced.as_ref(), spaced.body().as_bytes());
}

#[test]
fn a_sample_is_found_by_its_names() {
    assert_eq!(samples::find("truedy", "call.ended"), Some(samples::truedy::CALL_ENDED));
    assert_eq!(samples::find("salpre", "call.ended"), None);
}

/// A signer shows nothing of what it signs with.
#[test]
fn a_signer_shows_no_secret() {
    let truedy = Truedy::new(SECRET).unwrap();
    for signer in [Signer::of(&truedy), Signer::bearer(SECRET).unwrap()] {
        let shown = format!("{signer:?} {:?}", signer.request("/", samples::truedy::CALL_ENDED));
        assert!(!shown.contains("kit_secret"), "{shown}");
    }
    assert!(format!("{:?}", Signer::of(&truedy)).contains("x-truedy-signature"));
    assert!(format!("{:?}", Signer::bearer(SECRET).unwrap()).contains("authorization"));
}

#[test]
fn a_sender_of_static_headers_is_refused_what_a_verifier_is_refused() {
    for (token, code) in
        [("", "empty_secret"), (" s3cret-t0ken", "secret_with_whitespace"), ("short", "secret_too_short")]
    {
        assert_eq!(Signer::bearer(token).unwrap_err().code(), code);
    }
    assert_eq!(Signer::headers([("x a", "long enough")]).unwrap_err().code(), "invalid_header_name");
    let signer = Signer::headers([("x-api-key", "long enough")]).unwrap();
    assert!(signer.scheme().is_none());
    assert_eq!(signer.sign(chrono::DateTime::UNIX_EPOCH, ""), [("x-api-key", "long enough".to_owned())]);
}
