//! Causes that lie in the headers.

use crate::diagnose::evidence::Evidence;
use crate::diagnose::headers::Renamed;
use crate::diagnose::receiver::Check;
use crate::diagnose::report::{Confidence, Finding};
use crate::vendors::{standard_webhooks, talkifai, truedy, ultravox};
use crate::verify::{Encoding, Headers, HmacScheme, Lookup, Separator, TimestampSource, VerifyError};

pub(super) fn content_coding(evidence: &Evidence<'_>) -> Option<Finding> {
    let coding = evidence.header("content-encoding")?;
    let plain = coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
    (!plain).then(|| Finding::new(Confidence::Certain))
}

pub(super) fn another_vendor(evidence: &Evidence<'_>) -> Option<Finding> {
    let refusal = evidence.refusal()?;
    // Under the same scheme it is another secret.
    let differs = |check: &Check| match check {
        Check::Keys(keys) => evidence.scheme() != Some(keys.scheme()),
        Check::Tokens(_) => true,
    };
    let authentic = |check: &Check| evidence.body.is_some() && evidence.accepts(check, &evidence.request());
    if let Some(other) = evidence.others.iter().find(|other| differs(other.check()) && authentic(other.check())) {
        return Some(Finding::new(Confidence::Certain).with_detail(other.name()));
    }
    let VerifyError::MissingHeader { header } = refusal else { return None };
    let ours = evidence.scheme().map_or(header.as_ref(), |scheme| scheme.header);
    let theirs = |scheme: &HmacScheme| !scheme.header.eq_ignore_ascii_case(ours) && evidence.has_header(scheme.header);
    let (name, _) = SCHEMES.iter().find(|(_, scheme)| theirs(scheme))?;
    Some(Finding::new(Confidence::Likely).with_detail(*name))
}

pub(super) fn header_renamed(evidence: &Evidence<'_>) -> Option<Finding> {
    let VerifyError::MissingHeader { header } = evidence.refusal()? else { return None };
    let renamed = Renamed(evidence.head.headers());
    if renamed.lookup(header) == Lookup::Missing {
        return None;
    }
    let confidence = if evidence.accepts_headers(&renamed) { Confidence::Certain } else { Confidence::Likely };
    Some(Finding::new(confidence).with_detail(header.as_ref()))
}

pub(super) fn header_repeated(evidence: &Evidence<'_>) -> Option<Finding> {
    let VerifyError::RepeatedHeader { header } = evidence.refusal()? else { return None };
    Some(Finding::new(Confidence::Certain).with_detail(header.as_ref()))
}

pub(super) fn header_dropped(evidence: &Evidence<'_>) -> Option<Finding> {
    let VerifyError::MissingHeader { header } = evidence.refusal()? else { return None };
    let others = evidence.scheme().map(names).unwrap_or_default();
    let confidence = if others.iter().flatten().any(|name| evidence.has_header(name)) {
        Confidence::Likely
    } else if PROXIES.iter().any(|name| evidence.has_header(name)) {
        Confidence::Possible
    } else {
        return None;
    };
    Some(Finding::new(confidence).with_detail(header.as_ref()))
}

pub(super) fn tag_encoding(evidence: &Evidence<'_>) -> Option<Finding> {
    let VerifyError::MalformedSignature { .. } = evidence.refusal()? else { return None };
    let other = |scheme: HmacScheme| HmacScheme {
        encoding: match scheme.encoding {
            Encoding::Hex => Encoding::Base64,
            Encoding::Base64 => Encoding::Hex,
        },
        ..scheme
    };
    evidence.accepts_scheme(other).then(|| Finding::new(Confidence::Certain))
}

pub(super) fn tag_prefix(evidence: &Evidence<'_>) -> Option<Finding> {
    let VerifyError::MalformedSignature { .. } = evidence.refusal()? else { return None };
    let ours = evidence.scheme()?.prefix;
    // A prefix with a comma cannot begin an entry of a list that commas divide.
    let fits = |prefix: &str, scheme: &HmacScheme| {
        scheme.separator.is_none_or(|separator| !prefix.as_bytes().contains(&Separator::byte(separator)))
    };
    let is_theirs = |prefix: &&&'static str| {
        **prefix != ours
            && evidence.scheme().is_some_and(|scheme| fits(prefix, scheme))
            && evidence.accepts_scheme(|scheme| HmacScheme { prefix, ..scheme })
    };
    PREFIXES.iter().find(|prefix| is_theirs(prefix)).map(|_| Finding::new(Confidence::Certain))
}

pub(super) fn token_form(evidence: &Evidence<'_>) -> Option<Finding> {
    let VerifyError::TokenMismatch { header } = evidence.refusal()? else { return None };
    let found = accepts_token(evidence, header, evidence.header(header)?);
    found.then(|| Finding::new(Confidence::Certain).with_detail(header.as_ref()))
}

pub(super) fn token_header(evidence: &Evidence<'_>) -> Option<Finding> {
    let (Check::Tokens(_), VerifyError::MissingHeader { header }) = (evidence.receiver.check(), evidence.refusal()?)
    else {
        return None;
    };
    let has_token = |name: &&&str| evidence.header(name).is_some_and(|value| accepts_token(evidence, header, value));
    let name = TOKEN_HEADERS.iter().find(has_token)?;
    Some(Finding::new(Confidence::Certain).with_detail(*name))
}

/// Returns whether the request would be authentic with this value in the header, or with another
/// form of it.
fn accepts_token(evidence: &Evidence<'_>, header: &str, value: &[u8]) -> bool {
    let bare = ["Bearer ", "bearer ", "Token "].iter().find_map(|scheme| value.strip_prefix(scheme.as_bytes()));
    let inner = bare.unwrap_or(value);
    let unquoted = unquote(inner);
    let forms = [
        Some(value.to_vec()),
        bare.map(<[u8]>::to_vec),
        Some([b"Bearer ", inner].concat()),
        unquoted.map(<[u8]>::to_vec),
        unquoted.map(|value| [b"Bearer ", value].concat()),
        unquote(value).map(<[u8]>::to_vec),
    ];
    forms.iter().flatten().any(|form| evidence.accepts_header(header, form))
}

/// Removes a pair of quotation marks.
pub(super) fn unquote(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] | [b'`', inner @ .., b'`'] => Some(inner),
        _ => None,
    }
}

/// Returns the names of a scheme's headers.
fn names(scheme: &HmacScheme) -> [Option<&'static str>; 3] {
    let timestamp = match scheme.timestamp {
        Some((TimestampSource::Header(name), _)) => Some(name),
        _ => None,
    };
    [Some(scheme.header), timestamp, scheme.id_header]
}

/// The vendors that the crate knows, by the header of the signature.
const SCHEMES: [(&str, HmacScheme); 5] = [
    ("truedy", truedy::SCHEME),
    ("talkifai", talkifai::SCHEME),
    ("ultravox", ultravox::SCHEME),
    ("standard-webhooks", standard_webhooks::SCHEME),
    ("svix", standard_webhooks::SVIX_SCHEME),
];

/// Headers in which senders put a token.
const TOKEN_HEADERS: [&str; 8] = [
    "authorization",
    "x-api-key",
    "api-key",
    "apikey",
    "x-api-token",
    "x-auth-token",
    "x-webhook-token",
    "x-webhook-secret",
];

/// Headers that proxies add.
const PROXIES: [&str; 7] =
    ["via", "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-real-ip", "x-amzn-trace-id", "cf-ray"];

const PREFIXES: [&str; 8] = ["", "sha256=", "hmac-sha256=", "SHA256=", "v0=", "v1=", "v1,", "s="];
