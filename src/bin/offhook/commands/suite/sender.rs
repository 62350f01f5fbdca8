//! Makes deliveries with the secret of an endpoint, also such as the vendor never sends.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta};
use offhook::testing::{RawRequest, Sample, Signer, samples};
use offhook::verify::{HmacScheme, Part};
use offhook::{Clock, SystemClock, standard_webhooks, talkifai, truedy, ultravox};

use crate::failure::Failure;
use crate::vendors::{Endpoint, Vendor};

pub(super) struct Sender<'a> {
    vendor: Vendor,
    endpoint: &'a Endpoint,
    /// Signs any text; `None` for a vendor with a static header.
    text: Option<Signer>,
    target: String,
}

impl<'a> Sender<'a> {
    pub(super) fn new(endpoint: &'a Endpoint, target: &str) -> Result<Self, Failure> {
        let vendor = endpoint.vendor();
        let text = text_scheme(vendor).map(|scheme| endpoint.signer_of(scheme)).transpose()?;
        Ok(Sender { vendor, endpoint, text, target: target.to_owned() })
    }

    pub(super) fn vendor(&self) -> Vendor {
        self.vendor
    }

    /// Returns whether the vendor signs the body, and does not only send a static header.
    pub(super) fn signs(&self) -> bool {
        self.text.is_some()
    }

    /// Returns a sender of deliveries with this message id, for a vendor that sends ids.
    pub(super) fn signer(&self, id: &str) -> Option<Signer> {
        // A full stop in an id would let the signed text be divided in two ways.
        let id = format!("msg_offhook_suite_{}", id.replace('.', "_"));
        Some(self.endpoint.signer().ok()?.with_message_id(id))
    }

    /// Returns an honest delivery of this sample.
    pub(super) fn honest(&self, id: &str, sample: Sample) -> Option<RawRequest> {
        Some(self.signer(id)?.request(self.target.as_str(), timely(self.vendor, sample)))
    }

    /// Returns an honest delivery of an event with text.
    pub(super) fn ordinary(&self) -> Option<RawRequest> {
        self.honest("ordinary", event_with_text(self.vendor).0)
    }

    /// Returns an honest delivery of an event with this text.
    pub(super) fn with_text(&self, id: &str, text: &str) -> Option<RawRequest> {
        let (sample, path) = event_with_text(self.vendor);
        self.honest(id, sample.with(path, text))
    }

    /// Returns a delivery that was signed so many seconds ago; `None` if the vendor signs no time.
    pub(super) fn signed_ago(&self, seconds: i64) -> Option<RawRequest> {
        self.timestamp_header()?;
        let time = SystemClock.now().checked_sub_signed(TimeDelta::seconds(seconds))?;
        let sample = timely(self.vendor, event_with_text(self.vendor).0);
        Some(self.signer("ordinary")?.request_at(time, self.target.as_str(), sample))
    }

    /// Returns a delivery of any body with a right signature, or with the right static header.
    pub(super) fn signed(&self, body: impl Into<Bytes>) -> Option<RawRequest> {
        Some(self.signer("signed")?.request(self.target.as_str(), body))
    }

    /// Returns an ordinary delivery with another value of the header that authenticates it.
    pub(super) fn with_credential(&self, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Option<RawRequest> {
        let request = self.ordinary()?;
        let header = self.credential_header();
        let value = change(value_of(&request, header)?);
        Some(replaced(request, header, value))
    }

    /// Returns a delivery with this text as its timestamp, signed as it is sent; `None` if the
    /// vendor sends no timestamp in a header.
    pub(super) fn with_timestamp(&self, timestamp: &str) -> Option<RawRequest> {
        let request = replaced(self.ordinary()?, self.timestamp_header()?, timestamp);
        let message = self.message(&request, timestamp)?;
        self.with_signature_of(request, message)
    }

    /// Returns a delivery whose signature does not cover its timestamp; `None` if the vendor sends
    /// none.
    pub(super) fn with_unsigned_timestamp(&self) -> Option<RawRequest> {
        self.timestamp_header()?;
        let request = self.ordinary()?;
        let body = request.body.to_vec();
        self.with_signature_of(request, body)
    }

    /// Returns a genuine delivery whose signed text is divided in another way, so that the body
    /// begins later; `None` if nothing in the scheme could be divided like that.
    pub(super) fn divided_in_another_way(&self) -> Option<RawRequest> {
        if !matches!(self.vendor, Vendor::Truedy | Vendor::StandardWebhooks | Vendor::Svix) {
            return None;
        }
        let request = self.with_text("divided", "a.b")?;
        let at = request.body.iter().position(|byte| *byte == b'.')?;
        let (before, after) = (request.body.get(..at)?, request.body.get(at.checked_add(1)?..)?);
        let header = self.timestamp_header()?;
        let timestamp = [value_of(&request, header)?, b".", before].concat();
        let body = after.to_vec();
        Some(replaced(request, header, timestamp).with_body(body))
    }

    /// Returns the name of the header that authenticates a delivery.
    pub(super) fn credential_header(&self) -> &'static str {
        let token = || self.endpoint.token_header().unwrap_or_default().name();
        self.vendor.signing().map_or_else(token, |signing| signing.signature)
    }

    pub(super) fn timestamp_header(&self) -> Option<&'static str> {
        self.vendor.signing()?.timestamp
    }

    /// Returns the text that the vendor signs.
    fn message(&self, request: &RawRequest, timestamp: &str) -> Option<Vec<u8>> {
        let timestamp = timestamp.as_bytes();
        Some(match self.vendor {
            Vendor::Truedy => [timestamp, b".", &request.body].concat(),
            Vendor::Ultravox => [&request.body, timestamp].concat(),
            Vendor::StandardWebhooks | Vendor::Svix => {
                let id = value_of(request, self.vendor.signing()?.id?)?;
                [id, b".", timestamp, b".", &request.body].concat()
            }
            Vendor::TalkifAi => request.body.to_vec(),
            Vendor::Salpre => return None,
        })
    }

    fn with_signature_of(&self, request: RawRequest, message: Vec<u8>) -> Option<RawRequest> {
        let (header, signature) = self.text.as_ref()?.sign(DateTime::UNIX_EPOCH, message).into_iter().next()?;
        Some(replaced(request, header, signature))
    }
}

/// Returns the samples of a vendor's events.
pub(super) fn events(vendor: Vendor) -> Vec<Sample> {
    let samples: Vec<_> = samples::all().filter(|sample| sample.vendor() == vendor.name()).collect();
    if samples.is_empty() { vec![event_with_text(vendor).0] } else { samples }
}

/// Returns an event with the path of a text in it, which may be of any length.
fn event_with_text(vendor: Vendor) -> (Sample, &'static str) {
    match vendor {
        Vendor::Truedy => (samples::truedy::CALL_ENDED, "data.call.summary"),
        Vendor::TalkifAi => (samples::talkifai::ANALYSIS_COMPLETED, "data.analysisData.topic"),
        Vendor::Salpre => (samples::salpre::TRANSCRIPT, "payload.transcript"),
        Vendor::Ultravox => (samples::ultravox::CALL_ENDED, "call.summary"),
        // Each vendor of Standard Webhooks has events of its own. This one has the envelope of
        // the specification.
        Vendor::StandardWebhooks | Vendor::Svix => {
            let body = r#"{"type":"contact.created","timestamp":"2026-03-18T14:32:00.000Z","data":{"id":"contact_1","name":"Ada"}}"#;
            (Sample::new(vendor.name(), "contact.created", body), "data.name")
        }
    }
}

/// Returns the sample as an event of just now. Where nothing else is signed that says when a
/// delivery was sent, a receiver may refuse an old event as a replay.
fn timely(vendor: Vendor, sample: Sample) -> Sample {
    let now = SystemClock.now();
    match vendor {
        Vendor::TalkifAi => sample.with("created", now.to_rfc3339_opts(SecondsFormat::Millis, true)),
        Vendor::Salpre => sample.with("timestamp_utc", now.timestamp()),
        Vendor::Truedy | Vendor::Ultravox | Vendor::StandardWebhooks | Vendor::Svix => sample,
    }
}

/// Returns a scheme by which any text is signed as if it were a whole message of the vendor.
fn text_scheme(vendor: Vendor) -> Option<HmacScheme> {
    const TRUEDY: HmacScheme = HmacScheme::in_header(truedy::SIGNATURE_HEADER).signs(&[Part::Body]);
    const ULTRAVOX: HmacScheme = HmacScheme::in_header(ultravox::SIGNATURE_HEADER).signs(&[Part::Body]);
    const STANDARD_WEBHOOKS: HmacScheme = standard(standard_webhooks::SIGNATURE_HEADER);
    const SVIX: HmacScheme = standard("svix-signature");
    const fn standard(signature: &'static str) -> HmacScheme {
        let scheme = HmacScheme::in_header(signature).prefix("v1,").base64().base64_secret("whsec_");
        scheme.signs(&[Part::Body])
    }
    match vendor {
        Vendor::Truedy => Some(TRUEDY),
        Vendor::TalkifAi => Some(talkifai::SCHEME),
        Vendor::Salpre => None,
        Vendor::Ultravox => Some(ULTRAVOX),
        Vendor::StandardWebhooks => Some(STANDARD_WEBHOOKS),
        Vendor::Svix => Some(SVIX),
    }
}

fn value_of<'r>(request: &'r RawRequest, header: &str) -> Option<&'r [u8]> {
    let found = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(header));
    found.map(|(_, value)| value.as_slice())
}

fn replaced(request: RawRequest, header: &str, value: impl Into<Vec<u8>>) -> RawRequest {
    request.without_header(header).with_header(header, value)
}
