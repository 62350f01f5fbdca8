//! A wrapper that forwards only the required methods of `Verifier` keeps every check and every
//! property of the verifier inside.

use std::time::Duration;

use chrono::{DateTime, Utc};
use offhook::event::Parsed;
use offhook::testing::Signer;
use offhook::verify::Head;
use offhook::{Event, FixedClock, ParseError, Profile, Request, Truedy, Verified, Verifier, VerifyError, truedy};
use offhook_tests::hostile::{Headers, Table};
use offhook_tests::servers::Home;
use offhook_tests::signing::NOW;
use offhook_tests::vendors;

struct Wrapper<V>(V);

impl<V: Verifier> Verifier for Wrapper<V> {
    type Event = V::Event;

    fn profile(&self) -> &Profile {
        self.0.profile()
    }

    fn check_head(&self, head: &Head<'_>) -> Result<(), VerifyError> {
        self.0.check_head(head)
    }

    fn verify(&self, request: &Request<'_>) -> Result<Verified, VerifyError> {
        self.0.verify(request)
    }

    fn parse(&self, verified: &Verified, body: &[u8]) -> Result<Parsed<V::Event>, ParseError> {
        self.0.parse(verified, body)
    }
}

const DAY: i64 = 86_400;

fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

/// Asserts that the verifier and a wrapper around it agree on a fresh delivery, an old one, one
/// without a time and a forged one. The maximum age of the verifier is a day.
fn assert_wrapper_agrees<V: Verifier>(
    verifier: V,
    sign: impl Fn(&str) -> Headers,
    body: impl Fn(Option<i64>) -> String,
) {
    let wrapper = Wrapper(verifier);
    let verifier = &wrapper.0;
    let vendor = verifier.profile().vendor();
    let receive = |headers: &[(&'static str, Vec<u8>)], body: &str| {
        let inner = verifier.receive(&headers, body.to_owned()).map(|delivery| delivery.dedupe_key());
        let outer = wrapper.receive(&headers, body.to_owned());
        assert_eq!(outer.as_ref().map(|delivery| delivery.dedupe_key()).map_err(Clone::clone), inner, "{vendor}");
        if let Ok(delivery) = &outer {
            let properties = (delivery.vendor(), delivery.endpoint(), delivery.acknowledge());
            assert_eq!(properties, (vendor, "tenant-7", offhook::Reply::success(verifier.profile().success())));
            assert_eq!(delivery.profile().retry_span(), verifier.profile().retry_span());
            assert_eq!(delivery.profile().answers_within(), verifier.profile().answers_within());
        }
        outer.map(|_| ()).map_err(|error| error.code())
    };
    let fresh = body(Some(NOW - DAY));
    assert_eq!(receive(&sign(&fresh), &fresh), Ok(()), "{vendor}");
    let old = body(Some(NOW - DAY - 1));
    assert_eq!(receive(&sign(&old), &old), Err("timestamp_too_old"), "{vendor}");
    let timeless = body(None);
    assert_eq!(receive(&sign(&timeless), &timeless), Err("missing_timestamp"), "{vendor}");
    let mut forged = sign(&fresh);
    for (_, value) in &mut forged {
        value.push(b'0');
    }
    assert!(receive(&forged, &fresh).is_err(), "{vendor}");
    assert_eq!(receive(&[], &fresh), Err("missing_header"), "{vendor}");
    assert!(wrapper.check_head(&Head::new(&sign(&fresh))).is_ok(), "{vendor}");
    assert!(wrapper.check_head(&Head::new(&[("x-other", "1")])).is_err(), "{vendor}");
}

/// Counts the vendors whose verifier was wrapped.
struct Wrap(usize);

impl Home for Wrap {
    fn route<V>(&mut self, path: &'static str, verifier: V)
    where
        V: Verifier + Clone + 'static,
        V::Event: Send,
    {
        let Some(route) = path.strip_prefix("/tenant") else { return };
        let vendor = vendors::ALL.into_iter().find(|vendor| vendor.route == route).unwrap();
        assert_wrapper_agrees(verifier, |body| Table::new(vendor).signed(body), vendor.timed);
        self.0 += 1;
    }
}

#[test]
fn a_wrapper_keeps_every_check_and_property() {
    let mut wrap = Wrap(0);
    vendors::add_routes(&mut wrap);
    assert_eq!(wrap.0, vendors::ALL.len());
}

#[test]
fn an_arc_of_dyn_verifier_keeps_every_check() {
    let truedy =
        Truedy::new("whsec_first").unwrap().with_clock(FixedClock::at_unix(NOW)).with_max_age(Duration::from_secs(60));
    let shared: std::sync::Arc<dyn Verifier<Event = truedy::Event>> = std::sync::Arc::new(truedy);
    let body = r#"{"event":"call.ended","timestamp":"2020-01-01T00:00:00Z","data":{"call_id":"c"}}"#;
    let headers = Signer::new(truedy::SCHEME, "whsec_first").unwrap().sign(time(NOW), body);
    assert_eq!(shared.receive(&headers, body).unwrap_err().code(), "timestamp_too_old");
    let fresh = body.replace("2020-01-01T00:00:00Z", &time(NOW).to_rfc3339());
    let headers = Signer::new(truedy::SCHEME, "whsec_first").unwrap().sign(time(NOW), &fresh);
    assert_eq!(shared.receive(&headers, fresh).unwrap().event().name(), "call.ended");
}
