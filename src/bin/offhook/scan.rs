//! A scan of thousands of outputs for secrets, tokens and signatures.

use base64ct::{Base64, Encoding};
use chrono::{DateTime, TimeDelta, Utc};
use clap::ValueEnum;
use hyper::Uri;
use offhook::testing::{Layout, NearMiss, RawRequest, Sample, Signer, samples};
use offhook::verify::HmacKeys;
use offhook::{FixedClock, UnixTime};

use crate::commands::{explain, listen, sign, verify};
use crate::forms::written;
use crate::rust_test::{Fixture, RustTest};
use crate::vendors::{Endpoint, TokenHeader, Vendor};

/// It can be decoded as base64, as Standard Webhooks need it.
const SECRET: &str = "whsec_S3cretMarkerS3cretMarkerS3cretMa";
/// It is in the URL of every delivery.
const TOKEN: &str = "T0kenMarkerT0kenMarker";
const OLD_SECRET: &str = "whsec_0ldMarker0ldMarker0ldMarker0ldM";

fn time() -> DateTime<Utc> {
    UnixTime::from_seconds(1_773_844_200).to_datetime().unwrap()
}

fn signer(vendor: Vendor, secret: &'static str) -> Signer {
    match vendor.signing() {
        Some(signing) => Signer::of(&HmacKeys::new(signing.scheme, secret).unwrap().with_clock(FixedClock::at(time()))),
        None => Signer::bearer(secret).unwrap(),
    }
}

fn endpoint(vendor: Vendor, secret: &str) -> Endpoint {
    Endpoint::new(vendor, secret.to_owned().into()).unwrap()
}

/// The samples, and one of each vendor that has none.
fn all_samples() -> Vec<Sample> {
    let message = |vendor| Sample::new(vendor, "message", "{\"type\":\"message\",\"timestamp\":\"x\"}");
    samples::all().chain(["standard-webhooks", "svix"].map(message)).collect()
}

/// The delivery, and everything that may have happened to it.
fn damaged(signer: &Signer, sample: &Sample) -> Vec<RawRequest> {
    let target = format!("/webhooks/{}?token={TOKEN}&a=1&sig={TOKEN}", sample.vendor());
    let delivery = signer.request_at(time(), target, sample);
    let misses = NearMiss::ALL.iter().filter(|miss| **miss != NearMiss::OverTheLimit);
    let mut requests: Vec<_> = misses.filter_map(|miss| miss.of(signer, &delivery)).collect();
    for body in [Vec::new(), b"not JSON".to_vec(), [sample.body().as_bytes(), b"\r\n"].concat()] {
        requests.push(delivery.clone().with_body(body.clone()));
        // It is authentic, and may be no event.
        requests.push(signer.request_at(time(), delivery.target.as_str(), body));
    }
    requests.push(delivery.clone().with_body(sample.clone().with_layout(Layout::Spaced)));
    requests.push(delivery);
    requests
}

/// The delivery with a secret in its URL, where no name says that it is one.
fn with_secret_in_url(request: &RawRequest, secret: &str) -> RawRequest {
    let secret = encoded(secret);
    let (path, query) = request.target.split_once('?').unwrap();
    let target = format!("{path}/{secret}?{query}&x={secret}&{secret}");
    let mut request = request.clone();
    request.target = target;
    request
}

fn encoded(secret: &str) -> String {
    secret.replace('S', "%53").replace('"', "%22")
}

/// The texts that are secret: the secrets as text, in hexadecimal and in base64, and the keys.
fn secrets() -> Vec<String> {
    [SECRET, OLD_SECRET]
        .iter()
        .flat_map(|secret| forms(secret.as_bytes()))
        .chain([TOKEN.to_owned(), encoded(SECRET)])
        .chain([SECRET.trim_start_matches("whsec_").to_owned(), OLD_SECRET.trim_start_matches("whsec_").to_owned()])
        .collect()
}

fn forms(bytes: &[u8]) -> [String; 3] {
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [String::from_utf8(bytes.to_vec()).unwrap(), hex, Base64::encode_string(bytes).trim_end_matches('=').to_owned()]
}

/// The signatures that a receiver expects or expected of this body, and those that it received.
fn tags(vendor: Vendor, sample: &Sample, request: &RawRequest) -> Vec<String> {
    let Some(header) = vendor.signing().map(|signing| signing.signature) else { return Vec::new() };
    let signers = [signer(vendor, SECRET), signer(vendor, OLD_SECRET)];
    let times = [0, 360, -360].map(|seconds| time().checked_add_signed(TimeDelta::seconds(seconds)).unwrap());
    let bodies: [&[u8]; 2] = [sample.body().as_bytes(), &request.body];
    let expected = signers.iter().flat_map(|signer| {
        times.into_iter().flat_map(move |time| bodies.into_iter().flat_map(move |body| signer.sign(time, body)))
    });
    let expected = expected.filter(|(name, _)| *name == header).map(|(_, value)| value);
    let received = request.headers.iter().filter(|(name, _)| name.ends_with(header));
    let received = received.map(|(_, value)| String::from_utf8(value.clone()).unwrap());
    let tag = |value: String| value.trim_start_matches("sha256=").trim_start_matches("v1,").to_owned();
    expected.chain(received).map(tag).filter(|tag| tag.len() > 20).collect()
}

/// What `verify` and `explain` print.
fn judged(endpoint: &Endpoint, others: &[Endpoint], request: &RawRequest) -> Vec<String> {
    let verdict = endpoint.verdict(request, Some(time())).unwrap();
    let diagnosis = endpoint.explain(request, Some(time()), others).unwrap();
    vec![
        verify::text(&verdict),
        serde_json::to_string(&verdict).unwrap(),
        diagnosis.to_string(),
        serde_json::to_string(&explain::Explained::of(&diagnosis)).unwrap(),
    ]
}

/// What `sign`, `curl`, `captures` and `replay` print and write.
fn printed(endpoint: &Endpoint, request: &RawRequest) -> Vec<String> {
    let vendor = endpoint.vendor();
    let captured = endpoint.capture(request.clone());
    let signed = endpoint.masked(endpoint.resigned(request.clone()).unwrap());
    let base: Uri = format!("http://user:{TOKEN}@127.0.0.1:3000").parse().unwrap();
    let url = written::url(Some(&base), captured.request()).unwrap();
    vec![
        captured.to_json(),
        written::curl(&url, captured.request(), endpoint.token_header().map(TokenHeader::in_shell)).unwrap(),
        RustTest::of(vendor, TokenHeader::default(), &captured).unwrap().text("name", Fixture::Inline),
        written::curl(&url, &signed, endpoint.token_header().map(TokenHeader::in_shell)).unwrap(),
        String::from_utf8(written::http(&url, &signed)).unwrap(),
        String::from_utf8(written::headers(&signed)).unwrap(),
        sign::as_json(&url, &signed).to_string(),
        written::shown(&url),
    ]
}

#[test]
fn no_output_shows_a_secret_a_token_or_an_expected_signature() {
    let secrets = secrets();
    let others: Vec<_> = Vendor::value_variants().iter().map(|vendor| endpoint(*vendor, SECRET)).collect();
    let mut count = 0;
    for sample in all_samples() {
        let vendor = Vendor::from_str(sample.vendor(), false).unwrap();
        let signer = signer(vendor, SECRET).with_old_secret(signer(vendor, OLD_SECRET));
        for request in damaged(&signer, &sample) {
            let tags = tags(vendor, &sample, &request);
            // The right secret, that of another endpoint, and one that was pasted with quotation marks.
            let quoted = format!("\"{SECRET}\"");
            let configured = [SECRET, OLD_SECRET, &quoted];
            let new = |secret: &str| Endpoint::new(vendor, secret.to_owned().into());
            let usable = configured.iter().filter_map(|secret| Some((*secret, new(secret).ok()?)));
            for (secret, endpoint) in usable {
                let request = with_secret_in_url(&request, secret);
                let judged = judged(&endpoint, &others, &request);
                for text in &judged {
                    let shown = tags.iter().find(|tag| text.contains(tag.as_str()));
                    assert_eq!(shown, None, "a signature in {text}");
                }
                let printed = printed(&endpoint, &request);
                let listened = listen::tests::shown(new(secret).unwrap(), &request);
                for text in judged.iter().chain(&printed).chain(&listened) {
                    let shown = secrets.iter().find(|secret| text.contains(secret.as_str()));
                    assert_eq!(shown, None, "a secret in {text}");
                    count += 1;
                }
            }
        }
    }
    assert!(count >= 10_000, "{count} outputs were scanned");
}

/// The scan finds what it looks for.
#[test]
fn the_scan_knows_the_secrets_and_the_signatures() {
    let sample = samples::truedy::CALL_ENDED;
    let request = signer(Vendor::Truedy, SECRET).request_at(time(), "/", &sample);
    let text = String::from_utf8(written::headers(&request)).unwrap();
    assert!(tags(Vendor::Truedy, &sample, &request).iter().any(|tag| text.contains(tag.as_str())));
    let token = signer(Vendor::Salpre, SECRET).request_at(time(), "/", samples::salpre::CALL_ENDED);
    let text = String::from_utf8(written::headers(&token)).unwrap();
    assert!(secrets().iter().any(|secret| text.contains(secret.as_str())));
}
