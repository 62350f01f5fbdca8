//! Events of user-defined types: Standard Webhooks, and vendors that are defined outside the crate.

use offhook::event::{CallUpdate, Envelope, Identity, Parsed, Stage, Undecodable};
use offhook::testing::Signer;
use offhook::verify::HmacScheme;
use offhook::{
    Clock, Delivery, Event, FixedClock, Hmac, ParseError, SignedVendor, StandardWebhooks, Success, Vendor, Verified,
    Verifier,
};
use serde::Deserialize;

use offhook_tests::schemes;
use offhook_tests::signing::NOW;

const SECRET: &str = "whsec_bG9uZyBlbm91Z2g=";

#[derive(Debug, Deserialize, PartialEq)]
struct User {
    data: Id,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Id {
    id: String,
}

fn standard() -> StandardWebhooks<User> {
    StandardWebhooks::new(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW))
}

fn receive<V: Verifier>(verifier: &V, scheme: offhook::verify::HmacScheme, body: &str) -> Delivery<V::Event> {
    let signer = Signer::new(scheme, SECRET).unwrap().with_message_id("msg_1");
    let headers = signer.sign(FixedClock::at_unix(NOW).now(), body);
    verifier.receive(&headers, body.to_owned()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_message_has_an_id_its_times_and_the_users_data() {
    let body = r#"{"type":"user.created","timestamp":"2026-03-18T14:00:00Z","data":{"id":"u1"}}"#;
    let delivery = receive(&standard(), offhook::standard_webhooks::SCHEME, body);
    let message = delivery.event();
    assert_eq!((delivery.envelope().id.as_deref(), message.name.as_str()), (Some("msg_1"), "user.created"));
    assert_eq!(delivery.verified().signed_at().map(|time| time.timestamp()), Some(NOW));
    assert_eq!(delivery.parsed().occurred_at().map(|time| time.timestamp()), Some(NOW - 1800));
    assert_eq!(message.data, Ok(User { data: Id { id: "u1".to_owned() } }));
    assert_eq!(delivery.verified().message_id(), Some("msg_1"));
    assert_eq!(delivery.dedupe_key().as_deref(), Some("user.created:msg_1"));
    assert_eq!((delivery.vendor(), delivery.acknowledge().status()), ("standard-webhooks", 204));
    assert_eq!(receive(&standard().with_vendor("openai"), offhook::standard_webhooks::SCHEME, body).vendor(), "openai");

    let svix = StandardWebhooks::<User>::svix(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW));
    assert_eq!(receive(&svix, offhook::standard_webhooks::SVIX_SCHEME, body).event(), message);
}

#[test]
fn a_message_of_the_wrong_type_is_delivered_with_the_reason() {
    let body = r#"{"type":"user.created","data":{"id":4711}}"#;
    let delivery = receive(&standard(), offhook::standard_webhooks::SCHEME, body);
    let undecodable = delivery.event().data.as_ref().unwrap_err();
    assert_eq!(delivery.event().undecodable(), Some(undecodable));
    assert_eq!(undecodable.name, "user.created");
    assert_eq!(undecodable.data.get(), body);
    assert_eq!(undecodable.reason, "it does not fit its type (line 1, column 40)");
    assert_eq!(delivery.dedupe_key().as_deref(), Some("user.created:msg_1"));
    let error: &dyn std::error::Error = undecodable;
    assert!(error.to_string().starts_with("the event `user.created` is not understood: it does not fit its type"));

    // A type that accepts any JSON accepts an empty message too.
    let any = StandardWebhooks::<serde_json::Value>::new(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW));
    let delivery = receive(&any, offhook::standard_webhooks::SCHEME, "{}");
    assert_eq!((delivery.event().name(), delivery.event().data.is_ok()), ("", true));
}

#[test]
fn parsing_a_message_requires_a_verified_message_id() {
    let proof = Verified::danger_without_check();
    let outcome = standard().parse(&proof, b"{}").map(|_| ());
    assert_eq!(outcome, Err(ParseError::MissingField { field: "webhook-id" }));
}

#[test]
fn the_old_secret_verifies_during_rotation() {
    let rotated = StandardWebhooks::<User>::new("whsec_YW5vdGhlciBzZWNyZXQ=").unwrap().with_secret(SECRET).unwrap();
    let rotated = rotated.with_clock(FixedClock::at_unix(NOW));
    let delivery = receive(&rotated, offhook::standard_webhooks::SCHEME, r#"{"data":{"id":"u"}}"#);
    assert_eq!(delivery.verified().secret_index(), Some(1));
    let shown = format!("{rotated:?}");
    assert!(shown.contains("secrets: 2") && !shown.contains("YW5vdGhlc"), "{shown}");
}

#[derive(Debug, Deserialize)]
struct PostCall {
    r#type: String,
    data: Conversation,
}

#[derive(Debug, Deserialize)]
struct Conversation {
    conversation_id: String,
}

impl Event for PostCall {
    fn name(&self) -> &str {
        &self.r#type
    }

    fn identity<'a>(&'a self, _envelope: &'a Envelope) -> Identity<'a> {
        Identity::Id(self.data.conversation_id.as_str().into())
    }

    fn call_id(&self) -> Option<&str> {
        Some(&self.data.conversation_id)
    }

    fn call(&self) -> Option<CallUpdate<'_>> {
        Some(CallUpdate::new(Stage::Ended))
    }
}

/// Defines a vendor with this scheme whose whole body is deserialized into this type.
macro_rules! vendor {
    ($name:ident, $scheme:expr, $event:ty, $success:expr) => {
        struct $name;

        impl SignedVendor for $name {
            const SCHEME: HmacScheme = $scheme;
        }

        impl Vendor for $name {
            type Event = Result<$event, Undecodable>;
            const NAME: &'static str = "elevenlabs";
            const SUCCESS: Success = $success;

            fn parse(_: &Verified, body: &[u8]) -> Result<Parsed<Self::Event>, ParseError> {
                Parsed::decode("", body)
            }
        }
    };
}

vendor!(ElevenLabs, schemes::ELEVENLABS, PostCall, Success::Accepted);
vendor!(Twitch, schemes::TWITCH, Anything, Success::Ok);
vendor!(GitHub, schemes::GITHUB, Anything, Success::Ok);

#[test]
fn a_user_defined_vendor_receives_typed_events() {
    let vendor = Hmac::<ElevenLabs>::new(SECRET).unwrap();
    let vendor = vendor.with_clock(FixedClock::at_unix(NOW));
    let delivery = receive(&vendor, schemes::ELEVENLABS, r#"{"type":"test","data":{"conversation_id":"c1","x":1}}"#);
    assert_eq!(delivery.event().as_ref().unwrap().data.conversation_id, "c1");
    assert_eq!((delivery.vendor(), delivery.acknowledge().status()), ("elevenlabs", 202));
    assert_eq!(delivery.dedupe_key().as_deref(), Some("test:c1"));
    assert_eq!((delivery.call_id(), delivery.call().map(|call| call.stage)), (Some("c1"), Some(Stage::Ended)));

    let body = r#"{"type":"test","data":{}}"#;
    let delivery = receive(&vendor, schemes::ELEVENLABS, body);
    let undecodable = delivery.event().as_ref().unwrap_err();
    assert_eq!(undecodable.reason, "it does not fit its type (line 1, column 24)");
    assert_eq!(undecodable.body.get(), body);
    assert_eq!((delivery.call_id(), delivery.call(), delivery.is_test()), (None, None, false));
    assert!(delivery.dedupe_key().unwrap().starts_with(":sha256:"));
}

#[derive(Deserialize)]
struct Anything {}

impl Event for Anything {
    fn name(&self) -> &str {
        "anything"
    }

    fn identity<'a>(&'a self, _envelope: &'a Envelope) -> Identity<'a> {
        Identity::Message
    }
}

#[test]
fn the_signed_message_id_can_be_the_dedupe_key() {
    let twitch = Hmac::<Twitch>::new(SECRET).unwrap();
    let twitch = twitch.with_clock(FixedClock::at_unix(NOW));
    assert_eq!(receive(&twitch, schemes::TWITCH, "{}").dedupe_key().as_deref(), Some("anything:msg_1"));
    // GitHub signs no id, so the key is a hash of the body.
    let github = Hmac::<GitHub>::new(SECRET).unwrap();
    let key = receive(&github, schemes::GITHUB, "{}").dedupe_key().unwrap();
    assert!(key.starts_with("anything:sha256:"), "{key}");
}

#[test]
fn a_user_defined_vendor_refuses_a_body_that_is_not_an_object() {
    let github = Hmac::<GitHub>::new(SECRET).unwrap();
    for (body, code) in [
        ("", "body_not_json"),
        ("[]", "body_not_an_object"),
        ("null", "body_not_an_object"),
        ("{", "body_not_json"),
        ("{}x", "body_not_json"),
    ] {
        let headers = Signer::new(schemes::GITHUB, SECRET).unwrap().sign(FixedClock::at_unix(NOW).now(), body);
        let outcome = github.receive(&headers, body).map(|_| ()).map_err(|error| (error.status(), error.code()));
        assert_eq!(outcome, Err((400, code)), "{body}");
    }
}
