//! Three vendors that offhook does not know, on one axum server: Retell signs the body,
//! Vapi sends a static header, and Twilio signs the URL and the fields of a form.
//!
//! ```sh
//! RETELL_API_KEY=… VAPI_SECRET=… TWILIO_AUTH_TOKEN=… PUBLIC_URL=https://hooks.example.com \
//!     cargo run --example custom_vendor --features axum
//! ```
//!
//! `cargo test --example custom_vendor --features axum` checks them against published
//! signatures.
#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::post;
use offhook::verify::PublicUrl;
use offhook::{Event, Hmac, Reply, StaticHeaders, Verifier, Webhook};

use retell::Retell;
use twilio::Twilio;
use vapi::Vapi;

/// [Retell](https://docs.retellai.com/features/secure-webhook) signs the body and the time,
/// so it is a scheme and a type.
mod retell {
    use offhook::event::{Envelope, Identity, Parsed, Undecodable};
    use offhook::verify::{HmacScheme, Part, Separator, TimestampFormat};
    use offhook::{Event, ParseError, SignedVendor, Vendor, Verified};
    use serde::Deserialize;

    pub(crate) struct Retell;

    impl SignedVendor for Retell {
        /// `X-Retell-Signature: v=<milliseconds>,d=<hex>`.
        const SCHEME: HmacScheme = HmacScheme::in_header("x-retell-signature")
            .list(Separator::Comma)
            .prefix("d=")
            .timestamp_entry("v=", TimestampFormat::UnixMillis)
            .signs(&[Part::Body, Part::Timestamp]);
    }

    impl Vendor for Retell {
        type Event = Result<CallEvent, Undecodable>;
        const NAME: &'static str = "retell";

        fn parse(_: &Verified, body: &[u8]) -> Result<Parsed<Self::Event>, ParseError> {
            Parsed::decode("call_event", body)
        }
    }

    /// The fields that this service needs. Others, now or later, are ignored.
    #[derive(Deserialize)]
    pub(crate) struct CallEvent {
        event: String,
        call: Option<Call>,
    }

    #[derive(Deserialize)]
    struct Call {
        call_id: String,
    }

    impl Event for CallEvent {
        fn name(&self) -> &str {
            &self.event
        }

        /// Each event happens once in a call.
        fn identity<'a>(&'a self, _: &'a Envelope) -> Identity<'a> {
            self.call_id().map_or(Identity::Body, |id| Identity::Id(id.into()))
        }

        fn call_id(&self) -> Option<&str> {
            Some(&self.call.as_ref()?.call_id)
        }
    }
}

/// [Vapi](https://docs.vapi.ai/server-url/server-authentication) sends a static header and
/// puts everything into `message`.
mod vapi {
    use offhook::event::{Envelope, Identity, Parsed, Undecodable};
    use offhook::{Event, ParseError, Vendor, Verified};
    use serde::Deserialize;

    pub(crate) struct Vapi;

    impl Vendor for Vapi {
        type Event = Result<ServerMessage, Undecodable>;
        const NAME: &'static str = "vapi";

        fn parse(_: &Verified, body: &[u8]) -> Result<Parsed<Self::Event>, ParseError> {
            Parsed::decode("message", body)
        }
    }

    #[derive(Deserialize)]
    pub(crate) struct ServerMessage {
        message: Message,
    }

    #[derive(Deserialize)]
    struct Message {
        r#type: String,
        call: Option<Call>,
    }

    #[derive(Deserialize)]
    struct Call {
        id: String,
    }

    impl Event for ServerMessage {
        fn name(&self) -> &str {
            &self.message.r#type
        }

        /// A message of one type can occur several times in a call, so only the whole body
        /// tells two of them apart.
        fn identity<'a>(&'a self, _: &'a Envelope) -> Identity<'a> {
            Identity::Body
        }

        fn call_id(&self) -> Option<&str> {
            Some(&self.message.call.as_ref()?.id)
        }
    }
}

/// [Twilio](https://www.twilio.com/docs/usage/security#validating-requests) signs the URL and
/// the fields of a form with HMAC-SHA1, so it is a verifier of its own.
mod twilio {
    use std::collections::BTreeMap;

    use base64ct::{Base64, Encoding};
    use hmac::{Hmac, KeyInit, Mac};
    use offhook::event::{Envelope, Identity, Parsed};
    use offhook::verify::{Head, PublicUrl};
    use offhook::{Event, ParseError, Profile, Request, Verified, Verifier, VerifyError};
    use sha1::Sha1;

    const SIGNATURE_HEADER: &str = "x-twilio-signature";

    #[derive(Clone)]
    pub(crate) struct Twilio {
        mac: Hmac<Sha1>,
        url: PublicUrl,
        profile: Profile,
    }

    impl Twilio {
        pub(crate) fn new(token: &str, url: PublicUrl) -> Result<Self, hmac::digest::InvalidLength> {
            Ok(Twilio { mac: Hmac::new_from_slice(token.as_bytes())?, url, profile: Profile::new("twilio") })
        }

        fn signature(head: &Head<'_>) -> Result<Vec<u8>, VerifyError> {
            let malformed = |_| VerifyError::MalformedSignature { header: SIGNATURE_HEADER.into() };
            Base64::decode_vec(head.header(SIGNATURE_HEADER, 64)?).map_err(malformed)
        }
    }

    impl Verifier for Twilio {
        type Event = StatusCallback;

        fn profile(&self) -> &Profile {
            &self.profile
        }

        fn check_head(&self, head: &Head<'_>) -> Result<(), VerifyError> {
            Self::signature(head).map(drop)
        }

        fn verify(&self, request: &Request<'_>) -> Result<Verified, VerifyError> {
            let signature = Self::signature(request)?;
            let mut mac = self.mac.clone().chain_update(self.url.of(request)?);
            let mut fields: Vec<_> = form_urlencoded::parse(request.body()).collect();
            fields.sort();
            for (name, value) in fields {
                mac.update(name.as_bytes());
                mac.update(value.as_bytes());
            }
            mac.verify_slice(&signature).map_err(|_| VerifyError::SignatureMismatch)?;
            Ok(Verified::by_own_check(0))
        }

        fn parse(&self, _: &Verified, body: &[u8]) -> Result<Parsed<StatusCallback>, ParseError> {
            let fields = form_urlencoded::parse(body).into_owned().collect();
            Ok(Parsed::new(Envelope::default(), StatusCallback { fields }))
        }
    }

    pub(crate) struct StatusCallback {
        fields: BTreeMap<String, String>,
    }

    impl Event for StatusCallback {
        fn name(&self) -> &str {
            self.fields.get("CallStatus").map_or("callback", String::as_str)
        }

        fn identity<'a>(&'a self, _: &'a Envelope) -> Identity<'a> {
            Identity::Body
        }

        fn call_id(&self) -> Option<&str> {
            self.fields.get("CallSid").map(String::as_str)
        }
    }
}

#[derive(Clone, FromRef)]
struct Vendors {
    retell: Hmac<Retell>,
    vapi: StaticHeaders<Vapi>,
    twilio: Twilio,
}

/// One handler serves all three.
async fn on_event<V: Verifier>(webhook: Webhook<V>) -> Reply {
    println!("{}: {} of call {:?}", webhook.vendor(), webhook.event().name(), webhook.call_id());
    webhook.acknowledge()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let vendors = Vendors {
        retell: Hmac::new(setting("RETELL_API_KEY")?)?,
        vapi: StaticHeaders::header("x-vapi-secret", setting("VAPI_SECRET")?)?,
        twilio: Twilio::new(&setting("TWILIO_AUTH_TOKEN")?, PublicUrl::base(setting("PUBLIC_URL")?)?)?,
    };
    let app = Router::new()
        .route("/webhooks/retell", post(on_event::<Hmac<Retell>>))
        .route("/webhooks/vapi", post(on_event::<StaticHeaders<Vapi>>))
        .route("/webhooks/twilio", post(on_event::<Twilio>))
        .with_state(vendors);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 3000)).await?;
    // Run this behind a proxy that closes slow connections: this server has no timeout.
    axum::serve(listener, app).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use offhook::FixedClock;
    use offhook::verify::Head;

    /// The vector of Retell's own library.
    #[test]
    fn retell() {
        let verifier = Hmac::<Retell>::new("test-api-key").unwrap().with_clock(FixedClock::at_unix(1_700_000_000));
        let tag = "07024cabe7dd8f6d1c6e4a8324ca92c812e6ad4a7ee506c04f7e462e3321823e";
        let receive = |value: String| verifier.receive(&[("X-Retell-Signature", value)], r#"{"event":"call_ended"}"#);
        let delivery = receive(format!("v=1700000000000,d={tag}")).unwrap();
        assert_eq!(delivery.event().name(), "call_ended");
        assert_eq!(receive(format!("v=1700000000001,d={tag}")).unwrap_err().code(), "signature_mismatch");
    }

    #[test]
    fn vapi() {
        let verifier = StaticHeaders::<Vapi>::header("x-vapi-secret", "s3cret-t0ken").unwrap();
        let body = r#"{"message":{"type":"end-of-call-report","call":{"id":"c1"}}}"#;
        let delivery = verifier.receive(&[("X-Vapi-Secret", "s3cret-t0ken")], body).unwrap();
        assert_eq!((delivery.event().name(), delivery.call_id()), ("end-of-call-report", Some("c1")));
        assert_eq!(verifier.receive(&[("X-Vapi-Secret", "other")], body).unwrap_err().code(), "token_mismatch");
    }

    /// The example of Twilio's documentation.
    #[test]
    fn twilio() {
        let receive = |url: &str, target: &str, signature: &str| {
            let verifier = Twilio::new("12345", PublicUrl::base(url).unwrap()).unwrap();
            let headers = [("X-Twilio-Signature", signature)];
            let head = Head::new(&headers).with_method("POST").with_target(target);
            let body =
                "Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE";
            verifier.receive_request(&head, body).map_err(|error| error.code())
        };
        const SIGNATURE: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
        let delivery = receive("https://mycompany.com", "/myapp.php?foo=1&bar=2", SIGNATURE).unwrap();
        assert_eq!(delivery.call_id(), Some("CA1234567890ABCDE"));
        for (url, target, signature, code) in [
            ("https://mycompany.com", "/myapp.php?foo=1&bar=3", SIGNATURE, "signature_mismatch"),
            ("http://mycompany.com", "/myapp.php?foo=1&bar=2", SIGNATURE, "signature_mismatch"),
            ("https://mycompany.com", "/myapp.php?foo=1&bar=2", "RSOYDt4T1cUTdK1PDd93/VVr8B9=", "malformed_signature"),
            ("https://mycompany.com", "/myapp.php?foo=1&bar=2", "not base64", "malformed_signature"),
        ] {
            assert_eq!(receive(url, target, signature).unwrap_err(), code, "{url}{target} {signature}");
        }
    }
}
