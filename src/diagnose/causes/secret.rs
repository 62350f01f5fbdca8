//! Causes that lie in the secret, or in what is signed with it. They are looked for only if the
//! signature does not match.

use base64ct::{Base64, Base64Unpadded, Base64UrlUnpadded, Encoding as _};

use super::head::unquote;
use crate::diagnose::evidence::Evidence;
use crate::diagnose::receiver::Check;
use crate::diagnose::report::{Confidence, Finding};
use crate::verify::{HmacScheme, Part};

pub(super) fn other_receiver(evidence: &Evidence<'_>) -> Option<Finding> {
    evidence.mismatched_body()?;
    let scheme = *evidence.scheme()?;
    let signed = evidence.others.iter().find(|other| match other.check() {
        Check::Keys(keys) => evidence.accepts_keys(keys.under(scheme)),
        Check::Tokens(_) => false,
    })?;
    Some(Finding::new(Confidence::Certain).with_detail(signed.name()))
}

pub(super) fn quoted(evidence: &Evidence<'_>) -> Option<Finding> {
    any_key(evidence, |secret| unquote(secret).map(|inner| vec![inner.to_vec()]).unwrap_or_default())
}

pub(super) fn whitespace(evidence: &Evidence<'_>) -> Option<Finding> {
    any_key(evidence, |secret| {
        [(" ", ""), ("", "\n"), ("", "\r\n"), ("", " ")]
            .map(|(before, after)| [before.as_bytes(), secret, after.as_bytes()].concat())
            .to_vec()
    })
}

pub(super) fn prefix(evidence: &Evidence<'_>) -> Option<Finding> {
    any_key(evidence, |secret| {
        let stripped = bare(secret).filter(|bare| !bare.is_empty()).map(<[u8]>::to_vec);
        stripped.into_iter().chain([[b"whsec_", secret].concat()]).collect()
    })
}

pub(super) fn encoding(evidence: &Evidence<'_>) -> Option<Finding> {
    any_key(evidence, |secret| {
        let forms = [Some(secret), bare(secret)];
        let mut keys: Vec<_> =
            forms.iter().flatten().flat_map(|text| [decoded(text), encoded(text)].concat()).collect();
        // A scheme that decodes its secrets, and a sender that does not.
        keys.push(secret.to_vec());
        keys
    })
}

pub(super) fn signed_parts(evidence: &Evidence<'_>) -> Option<Finding> {
    evidence.mismatched_body()?;
    let scheme = *evidence.scheme()?;
    let fits = |parts: &[Part]| {
        let needs = |part: Part| parts.contains(&part);
        parts != scheme.parts
            && (!needs(Part::Timestamp) || scheme.timestamp.is_some())
            && (!needs(Part::Id) || scheme.id_header.is_some())
    };
    let signs =
        |parts: &&&'static [Part]| fits(parts) && evidence.accepts_scheme(|scheme| HmacScheme { parts, ..scheme });
    PARTS.iter().find(|parts| signs(parts)).map(|_| Finding::new(Confidence::Certain))
}

/// Tries keys that are made of each configured secret.
fn any_key(evidence: &Evidence<'_>, keys: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Option<Finding> {
    evidence.mismatched_body()?;
    let secrets = evidence.receiver.secrets().iter().filter_map(|secret| secret.bytes().ok());
    let mut candidates = secrets.flat_map(keys);
    candidates.any(|key| evidence.accepts_key(&key)).then(|| Finding::new(Confidence::Certain))
}

/// Returns what follows a prefix such as `whsec_` or `sk_live_`.
fn bare(secret: &[u8]) -> Option<&[u8]> {
    let end = secret.iter().position(|byte| *byte == b'_')?;
    secret.get(end.saturating_add(1)..)
}

fn decoded(text: &[u8]) -> Vec<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(text) else { return Vec::new() };
    let unpadded = text.trim_end_matches('=');
    let base64 = Base64Unpadded::decode_vec(unpadded).or_else(|_| Base64UrlUnpadded::decode_vec(unpadded)).ok();
    [base16ct::mixed::decode_vec(text).ok(), base64].into_iter().flatten().collect()
}

fn encoded(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hex = base16ct::lower::encode_string(bytes);
    [hex, Base64::encode_string(bytes)].map(String::into_bytes).to_vec()
}

/// What senders sign: the time before the body or after it, with the usual separators.
const PARTS: &[&[Part]] = &[
    &[Part::Body],
    &[Part::Timestamp, Part::Literal("."), Part::Body],
    &[Part::Timestamp, Part::Body],
    &[Part::Body, Part::Timestamp],
    &[Part::Body, Part::Literal("."), Part::Timestamp],
    &[Part::Timestamp, Part::Literal(":"), Part::Body],
    &[Part::Timestamp, Part::Literal("\n"), Part::Body],
    &[Part::Timestamp, Part::Literal("|"), Part::Body],
    &[Part::Literal("v0:"), Part::Timestamp, Part::Literal(":"), Part::Body],
    &[Part::Id, Part::Literal("."), Part::Timestamp, Part::Literal("."), Part::Body],
    &[Part::Timestamp, Part::Literal("."), Part::Id, Part::Literal("."), Part::Body],
    &[Part::Id, Part::Timestamp, Part::Body],
    &[Part::Id, Part::Literal("."), Part::Body],
];
