use std::hint::black_box;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, header};
use offhook::verify::HmacKeys;
use offhook::{Request, Salpre, TalkifAi, Truedy, Ultravox, Verifier, standard_webhooks, talkifai, truedy, ultravox};
use sha2::{Digest, Sha256};

use super::OFFHOOK;
use crate::deliveries::{SECRET, body, forged, headers, pairs, signed, signed_before};
use crate::measure::Subject;

const FLOOR: &str = "floor: a keyed Hmac of the same bytes";
const WRONG: &str = "offhook, refused: a wrong signature";
const STALE: &str = "offhook, refused: signed an hour ago";
const HOUR: Duration = Duration::from_secs(3600);

pub fn truedy(bytes: usize) -> Vec<Subject> {
    let body = body(bytes);
    let genuine = signed(truedy::SCHEME, body);
    let wrong = forged(&genuine, truedy::SIGNATURE_HEADER);
    let stale = signed_before(HOUR, truedy::SCHEME, body);
    let time = value(&genuine, truedy::TIMESTAMP_HEADER);
    let tag = hex(value(&genuine, truedy::SIGNATURE_HEADER));
    let verifier = Truedy::new(SECRET).unwrap();
    vec![
        mac(SECRET.as_bytes(), [time, b".", body.as_bytes()], &tag),
        accepted(verifier.clone(), genuine, body),
        refused(WRONG, verifier.clone(), wrong, body),
        refused(STALE, verifier, stale, body),
    ]
}

pub fn ultravox(bytes: usize) -> Vec<Subject> {
    let body = body(bytes);
    let genuine = signed(ultravox::SCHEME, body);
    let wrong = forged(&genuine, ultravox::SIGNATURE_HEADER);
    let stale = signed_before(HOUR, ultravox::SCHEME, body);
    let time = value(&genuine, ultravox::TIMESTAMP_HEADER);
    let tag = hex(value(&genuine, ultravox::SIGNATURE_HEADER));
    let verifier = Ultravox::new(SECRET).unwrap();
    vec![
        mac(SECRET.as_bytes(), [body.as_bytes(), time], &tag),
        accepted(verifier.clone(), genuine, body),
        refused(WRONG, verifier.clone(), wrong, body),
        refused(STALE, verifier, stale, body),
    ]
}

pub fn github(bytes: usize) -> Vec<Subject> {
    let body = body(bytes);
    let genuine = signed(talkifai::SCHEME, body);
    let wrong = forged(&genuine, talkifai::SIGNATURE_HEADER);
    let signature = value(&genuine, talkifai::SIGNATURE_HEADER);
    let peer_headers = as_github(&genuine);
    let peer_pairs = pairs(&peer_headers);
    let verifier = TalkifAi::new(SECRET).unwrap();
    vec![
        mac(SECRET.as_bytes(), [body.as_bytes()], &hex(signature.strip_prefix(b"sha256=").unwrap())),
        accepted(verifier.clone(), genuine, body),
        refused(WRONG, verifier, wrong, body),
        Subject::new("webhook-verify 0.1 (GitHub)", webhook_verify(peer_headers, body)),
        Subject::new("webhook-verify 0.1 (GitHub), headers as pairs", webhook_verify(peer_pairs, body)),
    ]
}

/// The same request with GitHub's header name.
pub fn as_github(genuine: &HeaderMap) -> HeaderMap {
    let signature = genuine[talkifai::SIGNATURE_HEADER].to_str().unwrap().to_owned();
    headers(&[("x-hub-signature-256", signature)])
}

pub fn webhook_verify(headers: impl webhook_verify::HeaderMap, body: &'static str) -> impl FnMut() {
    let secret = webhook_verify::Secret::new(SECRET);
    move || {
        let (headers, body) = (black_box(&headers), black_box(body.as_bytes()));
        webhook_verify::verify(webhook_verify::Provider::GitHub, headers, body, &secret, Default::default()).unwrap()
    }
}

pub fn standard(bytes: usize) -> Vec<Subject> {
    let body = body(bytes);
    let genuine = signed(standard_webhooks::SCHEME, body);
    let wrong = forged(&genuine, standard_webhooks::SIGNATURE_HEADER);
    let stale = signed_before(HOUR, standard_webhooks::SCHEME, body);
    let [id, time, signature] =
        [standard_webhooks::ID_HEADER, standard_webhooks::TIMESTAMP_HEADER, standard_webhooks::SIGNATURE_HEADER]
            .map(|name| value(&genuine, name));
    let key = BASE64.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let tag = BASE64.decode(signature.strip_prefix(b"v1,").unwrap()).unwrap();
    let keys = HmacKeys::new(standard_webhooks::SCHEME, SECRET).unwrap();
    let [ours, ours_wrong, ours_stale] = [keys.clone(), keys.clone(), keys];
    let accepted_headers = genuine.clone();
    let peer_headers = genuine;
    let peer = standardwebhooks::Webhook::new(SECRET).unwrap();
    // The headers have svix's own names, because svix looks for these first.
    let svix_headers = signed(standard_webhooks::SVIX_SCHEME, body);
    let svix = svix::webhooks::Webhook::new(SECRET).unwrap();
    vec![
        mac(&key, [id, b".", time, b".", body.as_bytes()], &tag),
        Subject::new(OFFHOOK, move || {
            ours.verify(&Request::new(black_box(&accepted_headers), black_box(body.as_bytes()))).unwrap()
        }),
        Subject::new(WRONG, move || {
            ours_wrong.verify(&Request::new(black_box(&wrong), black_box(body.as_bytes()))).unwrap_err()
        }),
        Subject::new(STALE, move || {
            ours_stale.verify(&Request::new(black_box(&stale), black_box(body.as_bytes()))).unwrap_err()
        }),
        Subject::new("standardwebhooks 1.0.1", move || {
            peer.verify(black_box(body.as_bytes()), black_box(&peer_headers)).unwrap()
        }),
        Subject::new("svix 2.9.1", move || svix.verify(black_box(body.as_bytes()), black_box(&svix_headers)).unwrap()),
    ]
}

pub fn salpre(bytes: usize) -> Vec<Subject> {
    let body = body(bytes);
    let genuine = headers(&[("authorization", format!("Bearer {SECRET}"))]);
    let wrong = forged(&genuine, "authorization");
    let floor_headers = genuine.clone();
    let verifier = Salpre::bearer(SECRET).unwrap();
    vec![
        Subject::new("floor: SHA-256 of the header's value", move || {
            Sha256::digest(black_box(&floor_headers)[header::AUTHORIZATION].as_bytes())
        }),
        accepted(verifier.clone(), genuine, body),
        refused("offhook, refused: a wrong token", verifier, wrong, body),
    ]
}

fn accepted(verifier: impl Verifier + 'static, headers: HeaderMap, body: &'static str) -> Subject {
    Subject::new(OFFHOOK, move || {
        verifier.verify(&Request::new(black_box(&headers), black_box(body.as_bytes()))).unwrap()
    })
}

fn refused(name: &'static str, verifier: impl Verifier + 'static, headers: HeaderMap, body: &'static str) -> Subject {
    Subject::new(name, move || {
        verifier.verify(&Request::new(black_box(&headers), black_box(body.as_bytes()))).unwrap_err()
    })
}

/// Returns the floor, which computes the tag of the delivery and does nothing else.
fn mac<const PARTS: usize>(key: &[u8], parts: [&'static [u8]; PARTS], tag: &[u8]) -> Subject {
    let key: Hmac<Sha256> = Hmac::new_from_slice(key).unwrap();
    let work = move || {
        let mut mac = key.clone();
        for part in black_box(parts) {
            mac.update(part);
        }
        mac.finalize().into_bytes()
    };
    assert_eq!(work().as_slice(), tag, "the floor must hash the bytes that are signed");
    Subject::new(FLOOR, work)
}

fn value(headers: &HeaderMap, name: &str) -> &'static [u8] {
    headers[name].as_bytes().to_vec().leak()
}

fn hex(text: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    text.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
