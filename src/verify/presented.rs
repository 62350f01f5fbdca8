use memchr::memchr;

use crate::time::UnixTime;
use crate::verify::headers::trim;
use crate::verify::scheme::{HmacScheme, Part, TimestampSource};
use crate::verify::timestamp::TimestampFormat;
use crate::verify::{Headers, VerifyError};

/// What a delivery presents in its headers: everything that can be read, and
/// refused, before the body.
pub(super) struct Presented<'h> {
    scheme: &'h HmacScheme,
    /// The value of the signature header, which may be a list.
    signatures: &'h [u8],
    /// The text of the timestamp as it is signed; empty if the scheme signs none.
    pub(super) timestamp: &'h [u8],
    pub(super) signed_at: Option<UnixTime>,
    /// The message id; empty if the scheme signs none.
    pub(super) id: &'h [u8],
}

impl<'h> Presented<'h> {
    /// Reads the headers of a scheme. Each must be there exactly once and well formed.
    pub(super) fn read(scheme: &'h HmacScheme, headers: &'h dyn Headers) -> Result<Self, VerifyError> {
        let timestamp_header = match scheme.timestamp {
            Some((TimestampSource::Header(name), _)) => Some(name),
            _ => None,
        };
        let [signatures, timestamp, id] = headers.lookup3([Some(scheme.header), timestamp_header, scheme.id_header]);

        let signatures = signatures.required(MAX_SIGNATURE_BYTES, || scheme.header.into())?;
        let (timestamp, signed_at) = match scheme.timestamp {
            None => (&[][..], None),
            Some((source, format)) => {
                let text = match source {
                    TimestampSource::Header(name) => timestamp.required(MAX_TIMESTAMP_BYTES, || name.into())?,
                    TimestampSource::Entry(prefix) => timestamp_entry(scheme, signatures, prefix)?,
                };
                (text, Some(format.parse_bytes(text)?))
            }
        };
        let id = match scheme.id_header {
            None => &[],
            Some(name) => {
                let id = id.required(MAX_ID_BYTES, || name.into())?;
                if scheme.byte_after_id().is_some_and(|end| id.contains(&end)) {
                    return Err(VerifyError::MalformedHeader { header: name.into() });
                }
                id
            }
        };
        let presented = Presented { scheme, signatures, timestamp, signed_at, id };
        if !presented.any(|tag| scheme.encoding.is_well_formed(tag)) {
            return Err(malformed(scheme));
        }
        Ok(presented)
    }

    /// Checks that the signed text can be divided into its parts in this way only.
    /// Otherwise whoever captured a delivery could move the border between the time and
    /// the body, and the signature would still match. The id is checked when it is read.
    pub(super) fn check_division(&self, body: &[u8]) -> Result<(), VerifyError> {
        let parts = self.scheme.parts;
        let Some(at) = parts.iter().position(|part| *part == Part::Timestamp) else { return Ok(()) };
        let (before, after) = parts.split_at(at);
        let next = after.iter().skip(1).flat_map(|part| part.bytes(self.timestamp, self.id, body)).copied();
        let last = before.iter().rev().flat_map(|part| part.bytes(self.timestamp, self.id, body).iter().rev()).next();
        // RFC 3339 begins in one way only, but digits may begin earlier.
        let began = self.timestamp.iter().all(u8::is_ascii_digit) && last.is_some_and(u8::is_ascii_digit);
        if began || TimestampFormat::may_go_on(self.timestamp, next) {
            return Err(VerifyError::MalformedTimestamp);
        }
        Ok(())
    }

    /// Returns whether `check` holds for one of the presented signatures. It is called
    /// for every one. Entries without the scheme's prefix belong to other versions of
    /// the scheme and are passed over.
    #[inline]
    pub(super) fn any(&self, mut check: impl FnMut(&[u8]) -> bool) -> bool {
        let mut found = false;
        each_entry(self.scheme, self.signatures, self.scheme.prefix, |tag| found |= check(tag));
        found
    }
}

/// Finds the timestamp in a header that is a list, where it must occur exactly once.
fn timestamp_entry<'h>(scheme: &HmacScheme, signatures: &'h [u8], prefix: &str) -> Result<&'h [u8], VerifyError> {
    let (mut text, mut count) = (&[][..], 0_usize);
    each_entry(scheme, signatures, prefix, |entry| (text, count) = (entry, count.saturating_add(1)));
    if count == 1 && text.len() <= MAX_TIMESTAMP_BYTES { Ok(text) } else { Err(malformed(scheme)) }
}

/// Calls `take` with what follows the prefix, in each entry of a list or in the
/// whole value.
#[inline]
fn each_entry<'h>(scheme: &HmacScheme, value: &'h [u8], prefix: &str, mut take: impl FnMut(&'h [u8])) {
    let mut strip = |entry: &'h [u8]| {
        // An empty prefix always matches. To compare it would cost more than 200 ns where
        // the C library reads its dangling address with a masked instruction.
        if prefix.is_empty() {
            take(entry);
        } else if let Some(rest) = entry.strip_prefix(prefix.as_bytes()) {
            take(rest);
        }
    };
    let Some(separator) = scheme.separator else { return strip(value) };
    let mut rest = value;
    while let Some((entry, [_, tail @ ..])) = memchr(separator.byte(), rest).and_then(|at| rest.split_at_checked(at)) {
        strip(trim(entry));
        rest = tail;
    }
    strip(trim(rest));
}

fn malformed(scheme: &HmacScheme) -> VerifyError {
    VerifyError::MalformedSignature { header: scheme.header.into() }
}

/// Room for dozens of signatures; genuine headers hold a handful.
const MAX_SIGNATURE_BYTES: usize = 8192;
const MAX_TIMESTAMP_BYTES: usize = 64;
const MAX_ID_BYTES: usize = 256;
