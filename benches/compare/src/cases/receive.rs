use std::hint::black_box;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use livekit_api::access_token::{AccessToken, TokenVerifier};
use livekit_api::webhooks::WebhookReceiver;
use offhook::event::Parsed;
use offhook::verify::{Head, HmacKeys, HmacScheme};
use offhook::{
    ParseError, Profile, Request, Truedy, Verified, Verifier, VerifyError, standard_webhooks, talkifai, truedy,
};
use sha2::{Digest, Sha256};

use super::parse::{Plain, flattened};
use super::verify::{as_github, webhook_verify};
use crate::deliveries::{self, SECRET, body, body_with_list, filled, forged, signed, signed_before};
use crate::measure::Subject;

/// Verifies Truedy's events by another vendor's scheme, so that offhook and a peer do the same work.
struct Signed {
    keys: HmacKeys,
    profile: Profile,
}

impl Signed {
    fn by(scheme: HmacScheme) -> Self {
        Signed { keys: HmacKeys::new(scheme, SECRET).unwrap(), profile: Profile::new("signed") }
    }
}

impl Verifier for Signed {
    type Event = truedy::Event;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn check_head(&self, head: &Head<'_>) -> Result<(), VerifyError> {
        self.keys.check_head(head)
    }

    fn verify(&self, request: &Request<'_>) -> Result<Verified, VerifyError> {
        self.keys.verify(request)
    }

    fn parse(&self, _: &Verified, body: &[u8]) -> Result<Parsed<truedy::Event>, ParseError> {
        truedy::Event::parse(body)
    }
}

pub fn one_string(bytes: usize) -> Vec<Subject> {
    subjects(body(bytes))
}

pub fn a_list(bytes: usize) -> Vec<Subject> {
    subjects(body_with_list(bytes))
}

fn subjects(body: &'static str) -> Vec<Subject> {
    let genuine = signed(truedy::SCHEME, body);
    let wrong = forged(&genuine, truedy::SIGNATURE_HEADER);
    let stale = signed_before(Duration::from_secs(3600), truedy::SCHEME, body);
    let key: Hmac<Sha256> = Hmac::new_from_slice(SECRET.as_bytes()).unwrap();
    let time = genuine[truedy::TIMESTAMP_HEADER].clone();
    let svix_headers = signed(standard_webhooks::SVIX_SCHEME, body);
    let svix = svix::webhooks::Webhook::new(SECRET).unwrap();
    let github = signed(talkifai::SCHEME, body);
    let mut webhook_verify = webhook_verify(as_github(&github), body);
    let truedy = Truedy::new(SECRET).unwrap();
    vec![
        Subject::new("floor: a keyed Hmac, and plain structs", move || {
            let mut mac = key.clone();
            mac.update(black_box(&time).as_bytes());
            mac.update(b".");
            mac.update(black_box(body.as_bytes()));
            black_box(mac.finalize());
            serde_json::from_slice::<Plain>(black_box(body.as_bytes())).unwrap()
        }),
        accepted("offhook", truedy.clone(), genuine, body),
        refused("offhook, refused: a wrong signature", truedy.clone(), wrong, body),
        refused("offhook, refused: signed an hour ago", truedy, stale, body),
        accepted("offhook, svix's scheme", Signed::by(standard_webhooks::SVIX_SCHEME), svix_headers.clone(), body),
        Subject::new("svix 2.9.1 and a flattened enum", move || {
            svix.verify(black_box(body.as_bytes()), black_box(&svix_headers)).unwrap();
            flattened(body)
        }),
        accepted("offhook, GitHub's scheme", Signed::by(talkifai::SCHEME), github, body),
        Subject::new("webhook-verify 0.1 (GitHub) and a flattened enum", move || {
            webhook_verify();
            flattened(body)
        }),
    ]
}

fn accepted(name: &'static str, verifier: impl Verifier + 'static, headers: HeaderMap, body: &'static str) -> Subject {
    let body = deliveries::bytes(body);
    Subject::new(name, move || verifier.receive(black_box(&headers), black_box(&body).clone()).unwrap())
}

fn refused(name: &'static str, verifier: impl Verifier + 'static, headers: HeaderMap, body: &'static str) -> Subject {
    let body = deliveries::bytes(body);
    Subject::new(name, move || verifier.receive(black_box(&headers), black_box(&body).clone()).unwrap_err())
}

/// Receivers that can parse only their own vendor's bodies. async-stripe prepares the key of its MAC
/// for each delivery. LiveKit's signature is a JWT over the body's SHA-256.
pub fn unlike(bytes: usize) -> Vec<Subject> {
    let truedy_body = body(bytes);
    let truedy_headers = signed(truedy::SCHEME, truedy_body);

    let stripe_head = r#"{"id":"evt_1","object":"event","api_version":"2025-09-30.clover","created":1773844200,"livemode":false,"pending_webhooks":1,"type":"account.external_account.created","data":{"object":{"object":"bank_account","country":"us","currency":"usd","id":"ba_1","last4":"6789","status":"verified","metadata":{"note":""#;
    let stripe_body = filled(bytes, stripe_head, r#""}}}}"#);
    let stripe_signature = stripe_webhook::Webhook::generate_test_header(stripe_body, SECRET, None);

    let livekit_head = r#"{"event":"room_finished","id":"EV_1","createdAt":"1773844200","room":{"sid":"RM_abc123","name":"support","emptyTimeout":300,"creationTime":"1773844058","enabledCodecs":[{"mime":"audio/opus"}],"metadata":""#;
    let livekit_body = filled(bytes, livekit_head, r#""}}"#);
    let token = AccessToken::with_api_key("key", SECRET)
        .with_sha256(&BASE64.encode(Sha256::digest(livekit_body)))
        .to_jwt()
        .unwrap();
    let livekit = WebhookReceiver::new(TokenVerifier::with_api_key("key", SECRET));

    vec![
        accepted("offhook (Truedy)", Truedy::new(SECRET).unwrap(), truedy_headers, truedy_body),
        Subject::new("async-stripe-webhook 1.0.0-rc.10 (Stripe)", move || {
            let signature = black_box(&stripe_signature);
            stripe_webhook::Webhook::construct_event(black_box(stripe_body), signature, SECRET).unwrap()
        }),
        Subject::new("livekit-api 0.10 (LiveKit)", move || {
            livekit.receive(black_box(livekit_body), black_box(&token)).unwrap()
        }),
    ]
}
