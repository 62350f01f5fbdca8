//! Causes that lie in the body. All of them but the header of its length are looked for only
//! if the signature does not match.

use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding as _};
use serde_json::value::RawValue;

use crate::diagnose::escapes::{Escapes, escape};
use crate::diagnose::evidence::Evidence;
use crate::diagnose::members::{orders, sorted_objects};
use crate::diagnose::report::{Confidence, Finding};
use crate::testing::relayout::{Layout, relayout};

pub(super) fn consumed(evidence: &Evidence<'_>) -> Option<Finding> {
    evidence.mismatched_body()?.is_empty().then(|| Finding::new(Confidence::Likely))
}

pub(super) fn trailing_newline(evidence: &Evidence<'_>) -> Option<Finding> {
    let body = evidence.mismatched_body()?;
    let added = ["\n", "\r\n"].iter().any(|end| evidence.accepts_body(&[body, end.as_bytes()].concat()));
    let lost = || ["\n", "\r\n"].iter().any(|end| accepts(evidence, body.strip_suffix(end.as_bytes())));
    certain(added || lost())
}

pub(super) fn byte_order_mark(evidence: &Evidence<'_>) -> Option<Finding> {
    let body = evidence.mismatched_body()?;
    match body.strip_prefix(BYTE_ORDER_MARK) {
        Some(body) => certain(evidence.accepts_body(body)),
        None => certain(evidence.accepts_body(&[BYTE_ORDER_MARK, body].concat())),
    }
}

pub(super) fn line_endings(evidence: &Evidence<'_>) -> Option<Finding> {
    let body = std::str::from_utf8(evidence.mismatched_body()?).ok()?;
    if !body.contains('\n') || !evidence.affords(body.len()) {
        return None;
    }
    let unix = body.replace("\r\n", "\n");
    let other = if unix == body { unix.replace('\n', "\r\n") } else { unix };
    certain(evidence.accepts_body(other.as_bytes()))
}

pub(super) fn base64(evidence: &Evidence<'_>) -> Option<Finding> {
    let text = std::str::from_utf8(evidence.mismatched_body()?).ok()?.trim_ascii().trim_end_matches('=');
    let decoded = Base64Unpadded::decode_vec(text).or_else(|_| Base64UrlUnpadded::decode_vec(text)).ok()?;
    if decoded.is_empty() {
        return None;
    }
    certain(evidence.accepts_body(&decoded)).or(likely(decoded.starts_with(b"{")))
}

pub(super) fn quoted(evidence: &Evidence<'_>) -> Option<Finding> {
    let body = evidence.mismatched_body()?;
    if !body.starts_with(b"\"") {
        return None;
    }
    let inner: String = serde_json::from_slice(body).ok()?;
    certain(evidence.accepts_body(inner.as_bytes())).or(likely(inner.starts_with('{')))
}

pub(super) fn recoded(evidence: &Evidence<'_>) -> Option<Finding> {
    let body = evidence.mismatched_body()?;
    let Ok(text) = std::str::from_utf8(body) else {
        // UTF-8 that was encoded as Latin-1: each byte is a character.
        let utf8: String = body.iter().copied().map(char::from).collect();
        return certain(evidence.accepts_body(utf8.as_bytes()));
    };
    if text.is_ascii() {
        return None;
    }
    // UTF-8 that was decoded as Latin-1: each character was a byte.
    let latin1: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(char).ok()).collect();
    certain(accepts(evidence, latin1.as_deref())).or(likely(text.contains(char::REPLACEMENT_CHARACTER)))
}

/// Tries the layouts of the common JSON writers, and their escapes.
pub(super) fn reserialised(evidence: &Evidence<'_>) -> Option<Finding> {
    let body = json_object(evidence)?;
    let escaped = |escapes: &Escapes| {
        let text = evidence.affords(body.len()).then(|| escape(body, *escapes))?;
        text.filter(|text| evidence.accepts_body(text) || any_layout(evidence, text))
    };
    certain(any_layout(evidence, body) || ESCAPES.iter().find_map(escaped).is_some())
}

fn any_layout(evidence: &Evidence<'_>, text: &[u8]) -> bool {
    LAYOUTS.iter().any(|layout| evidence.affords(text.len()) && evidence.accepts_body(&relayout(text, *layout)))
}

/// Tries the orders of the few members at the top. The order of the members below cannot be
/// found out; that all of them are sorted speaks for a writer that sorts.
pub(super) fn key_order(evidence: &Evidence<'_>) -> Option<Finding> {
    let body = json_object(evidence).filter(|body| evidence.affords(body.len()))?;
    let found = orders(body).into_iter().any(|other| evidence.accepts_body(other.as_bytes()));
    certain(found).or(likely(sorted_objects(body) >= MANY_SORTED))
}

pub(super) fn compressed(evidence: &Evidence<'_>) -> Option<Finding> {
    let body = evidence.mismatched_body()?;
    // gzip, and zlib with its usual levels of compression.
    let magic: [&[u8]; 5] = [&[0x1f, 0x8b, 8], &[0x78, 0x01], &[0x78, 0x5e], &[0x78, 0x9c], &[0x78, 0xda]];
    likely(magic.iter().any(|magic| body.starts_with(magic)))
}

pub(super) fn length(evidence: &Evidence<'_>) -> Option<Finding> {
    let body = evidence.mismatched_body()?;
    let stated: usize = std::str::from_utf8(evidence.header("content-length")?).ok()?.parse().ok()?;
    likely(stated != body.len())
}

/// Returns the body if it is JSON and an object.
fn json_object<'r>(evidence: &Evidence<'r>) -> Option<&'r [u8]> {
    let body = evidence.mismatched_body()?;
    let raw: &RawValue = serde_json::from_slice(body).ok()?;
    raw.get().starts_with('{').then_some(body)
}

fn accepts(evidence: &Evidence<'_>, body: Option<&[u8]>) -> bool {
    body.is_some_and(|body| evidence.accepts_body(body))
}

fn certain(found: bool) -> Option<Finding> {
    found.then(|| Finding::new(Confidence::Certain))
}

fn likely(found: bool) -> Option<Finding> {
    found.then(|| Finding::new(Confidence::Likely))
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The most frequent first: a large body is examined up to a limit.
const LAYOUTS: [Layout; 5] = [Layout::Compact, Layout::Spaced, Layout::Indented(2), Layout::Indented(4), Layout::Tabs];

const ESCAPES: [Escapes; 4] = [Escapes::None, Escapes::Ascii, Escapes::Html, Escapes::Php];

/// So many objects with three members or more are hardly sorted by chance: 1 of 36 pairs are.
const MANY_SORTED: usize = 2;
