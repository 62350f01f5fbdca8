use super::headers::is_header_name;
use super::timestamp::TimestampFormat;

/// Describes how a vendor signs: which headers it sends, what they look like, and what
/// is signed.
///
/// A scheme is data, meant for a `const`. It begins with the signature's header
/// and ends with the signed parts. A scheme that makes no sense, such as one that
/// reads a timestamp and does not sign it, does not compile.
///
/// ```
/// use offhook::verify::{HmacScheme, Part, Separator, TimestampFormat};
///
/// // Two headers: `v0=<hex>` and the time.
/// const SLACK: HmacScheme = HmacScheme::in_header("x-slack-signature")
///     .prefix("v0=")
///     .timestamp_header("x-slack-request-timestamp", TimestampFormat::UnixSeconds)
///     .signs(&[Part::Literal("v0:"), Part::Timestamp, Part::Literal(":"), Part::Body]);
///
/// // One header that is a list: `t=<time>,v1=<hex>,v1=<hex>`.
/// const STRIPE: HmacScheme = HmacScheme::in_header("stripe-signature")
///     .list(Separator::Comma)
///     .prefix("v1=")
///     .timestamp_entry("t=", TimestampFormat::UnixSeconds)
///     .signs(&[Part::Timestamp, Part::Literal("."), Part::Body]);
/// ```
///
/// ```compile_fail,E0080
/// use offhook::verify::{HmacScheme, Part, TimestampFormat};
///
/// // Anyone could change this timestamp.
/// const UNSIGNED_TIME: HmacScheme = HmacScheme::in_header("x-signature")
///     .timestamp_header("x-timestamp", TimestampFormat::UnixSeconds)
///     .signs(&[Part::Body]);
/// # assert_eq!(UNSIGNED_TIME, UNSIGNED_TIME);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HmacScheme {
    pub(crate) header: &'static str,
    /// The separator between the entries of a header that is a list.
    pub(crate) separator: Option<Separator>,
    pub(crate) prefix: &'static str,
    pub(crate) encoding: Encoding,
    pub(crate) timestamp: Option<(TimestampSource, TimestampFormat)>,
    pub(crate) id_header: Option<&'static str>,
    pub(crate) secret: SecretFormat,
    pub(crate) parts: &'static [Part],
}

impl HmacScheme {
    /// Begins a scheme whose signature is in the header `name`. By default the whole
    /// value is the hexadecimal form of an HMAC-SHA256.
    pub const fn in_header(name: &'static str) -> HmacSchemeBuilder {
        HmacSchemeBuilder(HmacScheme {
            header: name,
            separator: None,
            prefix: "",
            encoding: Encoding::Hex,
            timestamp: None,
            id_header: None,
            secret: SecretFormat::Raw,
            parts: &[],
        })
    }

    /// Returns the first byte of the text that ends the id where it is signed. An id that
    /// holds it could be divided in two ways.
    pub(super) fn byte_after_id(&self) -> Option<u8> {
        let after = self.parts.iter().skip_while(|part| **part != Part::Id).nth(1)?;
        match after {
            Part::Literal(text) => text.as_bytes().first().copied(),
            _ => None,
        }
    }
}

/// A scheme that is not complete yet: see [`HmacScheme::in_header`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a scheme is complete after `signs`"]
pub struct HmacSchemeBuilder(HmacScheme);

impl HmacSchemeBuilder {
    /// Sets the text before the signature, or before each signature of a list. It names
    /// the algorithm or its version, such as `sha256=` or `v1,`, and is compared whole.
    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.0.prefix = prefix;
        self
    }

    /// Makes the header a list of several signatures, one per active secret, and
    /// perhaps of other entries. Entries without the prefix belong to other versions of
    /// the scheme and are passed over.
    pub const fn list(mut self, separator: Separator) -> Self {
        self.0.separator = Some(separator);
        self
    }

    /// Makes the signature base64 (RFC 4648, section 4, with padding).
    pub const fn base64(mut self) -> Self {
        self.0.encoding = Encoding::Base64;
        self
    }

    /// Reads the signed time from the header `name`.
    pub const fn timestamp_header(mut self, name: &'static str, format: TimestampFormat) -> Self {
        assert!(self.0.timestamp.is_none(), "a scheme has one timestamp");
        self.0.timestamp = Some((TimestampSource::Header(name), format));
        self
    }

    /// Reads the signed time from the list, after a prefix such as `t=`. A delivery that
    /// holds two of them is refused.
    pub const fn timestamp_entry(mut self, prefix: &'static str, format: TimestampFormat) -> Self {
        assert!(self.0.timestamp.is_none(), "a scheme has one timestamp");
        self.0.timestamp = Some((TimestampSource::Entry(prefix), format));
        self
    }

    /// Reads the signed message id from the header `name`.
    pub const fn id_header(mut self, name: &'static str) -> Self {
        self.0.id_header = Some(name);
        self
    }

    /// Decodes secrets from base64, after a prefix that may be left out.
    pub const fn base64_secret(mut self, prefix: &'static str) -> Self {
        self.0.secret = SecretFormat::Base64 { prefix };
        self
    }

    /// Completes the scheme: these parts are signed, in this order, with nothing between.
    ///
    /// # Panics
    ///
    /// Panics on a scheme that makes no sense. In a `const`, that is a compile error.
    pub const fn signs(self, parts: &'static [Part]) -> HmacScheme {
        let mut scheme = self.0;
        scheme.parts = parts;
        let (mut bodies, mut timestamps, mut ids) = (0_u8, 0_u8, 0_u8);
        let mut rest = parts;
        while let [part, tail @ ..] = rest {
            let count = match part {
                Part::Body => &mut bodies,
                Part::Timestamp => &mut timestamps,
                Part::Id => &mut ids,
                Part::Literal(_) => &mut 0,
            };
            *count = count.saturating_add(1);
            rest = tail;
        }
        assert!(bodies == 1, "a scheme signs the body once");
        assert!(timestamps == scheme.timestamp.is_some() as u8, "a scheme signs the timestamp that it reads, once");
        assert!(ids == scheme.id_header.is_some() as u8, "a scheme signs the id that it reads, once");
        assert!(is_header_name(scheme.header), "the signature's header is not a header name");
        assert!(can_begin_entry(scheme.prefix, scheme.separator), "no entry of such a list begins with this prefix");
        match scheme.timestamp {
            Some((TimestampSource::Header(name), _)) => {
                assert!(is_header_name(name), "the timestamp's header is not a header name");
                assert!(!is_same_header(name, scheme.header), "two values cannot be one header");
            }
            Some((TimestampSource::Entry(prefix), _)) => {
                assert!(scheme.separator.is_some(), "a timestamp beside the signature needs a list");
                assert!(can_begin_entry(prefix, scheme.separator), "no entry of such a list begins with this prefix");
                assert!(
                    !starts_with(prefix, scheme.prefix) && !starts_with(scheme.prefix, prefix),
                    "one prefix begins with the other, so a timestamp could be taken for a signature"
                );
            }
            None => {}
        }
        if let Some(name) = scheme.id_header {
            assert!(is_header_name(name), "the id's header is not a header name");
            assert!(!is_same_header(name, scheme.header), "two values cannot be one header");
            if let Some((TimestampSource::Header(timestamp), _)) = scheme.timestamp {
                assert!(!is_same_header(name, timestamp), "two values cannot be one header");
            }
        }
        scheme
    }
}

/// One piece of the signed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The message id, as its header states it.
    Id,
    /// The signed time, as its header states it.
    Timestamp,
    /// The raw body.
    Body,
    /// A fixed text.
    Literal(&'static str),
}

impl Part {
    #[inline]
    pub(super) fn bytes<'b>(&self, timestamp: &'b [u8], id: &'b [u8], body: &'b [u8]) -> &'b [u8] {
        match self {
            Part::Body => body,
            Part::Timestamp => timestamp,
            Part::Id => id,
            Part::Literal(text) => text.as_bytes(),
        }
    }
}

/// The separator between the entries of a header that is a list. Spaces and tabs
/// around an entry are not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Separator {
    /// `a,b`.
    Comma,
    /// `a b`.
    Space,
}

impl Separator {
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Separator::Comma => b',',
            Separator::Space => b' ',
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Hex,
    Base64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimestampSource {
    Header(&'static str),
    Entry(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretFormat {
    Raw,
    Base64 { prefix: &'static str },
}

/// Returns whether an entry can begin with `prefix`: header values are trimmed ASCII, and
/// an entry ends at the separator.
const fn can_begin_entry(prefix: &str, separator: Option<Separator>) -> bool {
    let mut rest = prefix.as_bytes();
    while let [byte, tail @ ..] = rest {
        let separates = match separator {
            Some(separator) => *byte == separator.byte(),
            None => false,
        };
        if !byte.is_ascii_graphic() || separates {
            return false;
        }
        rest = tail;
    }
    true
}

const fn starts_with(text: &str, prefix: &str) -> bool {
    let (mut text, mut prefix) = (text.as_bytes(), prefix.as_bytes());
    while let [first, tail @ ..] = prefix {
        match text {
            [byte, rest @ ..] if *byte == *first => text = rest,
            _ => return false,
        }
        prefix = tail;
    }
    true
}

#[expect(clippy::manual_ignore_case_cmp, reason = "`eq_ignore_ascii_case` is const since Rust 1.89")]
const fn is_same_header(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let ([first, a_tail @ ..], [other, b_tail @ ..]) = (a, b) {
        if first.to_ascii_lowercase() != other.to_ascii_lowercase() {
            return false;
        }
        (a, b) = (a_tail, b_tail);
    }
    a.is_empty() && b.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: TimestampFormat = TimestampFormat::UnixSeconds;
    const BODY: &[Part] = &[Part::Body];
    const BOTH: &[Part] = &[Part::Timestamp, Part::Body];

    fn start() -> HmacSchemeBuilder {
        HmacScheme::in_header("x-signature")
    }

    /// The same assertions refuse a constant when it is compiled.
    #[test]
    fn a_scheme_that_makes_no_sense_is_refused() {
        type Senseless = (&'static str, fn() -> HmacScheme);
        let senseless: [Senseless; 22] = [
            ("nothing signed", || start().signs(&[])),
            ("no body", || start().signs(&[Part::Literal("x")])),
            ("two bodies", || start().signs(&[Part::Body, Part::Body])),
            ("a timestamp from nowhere", || start().signs(BOTH)),
            ("an unsigned timestamp", || start().timestamp_header("x-time", TIME).signs(BODY)),
            ("a timestamp signed twice", || {
                start().timestamp_header("x-time", TIME).signs(&[Part::Timestamp, Part::Body, Part::Timestamp])
            }),
            ("an id from nowhere", || start().signs(&[Part::Id, Part::Body])),
            ("an unsigned id", || start().id_header("x-id").signs(BODY)),
            ("no header name", || HmacScheme::in_header("").signs(BODY)),
            ("a wrong header name", || HmacScheme::in_header("x signature").signs(BODY)),
            ("a wrong timestamp header", || start().timestamp_header("x:time", TIME).signs(BOTH)),
            ("a wrong id header", || start().id_header("").signs(&[Part::Id, Part::Body])),
            ("one header for two", || start().timestamp_header("X-Signature", TIME).signs(BOTH)),
            ("one header for two again", || start().id_header("X-Signature").signs(&[Part::Id, Part::Body])),
            ("one header for id and time", || {
                start().timestamp_header("x-a", TIME).id_header("X-A").signs(&[Part::Id, Part::Timestamp, Part::Body])
            }),
            ("a separator in a prefix", || start().prefix("v1,").list(Separator::Comma).signs(BODY)),
            ("a space in a prefix", || start().prefix("HMAC ").signs(BODY)),
            ("a prefix that no header has", || start().prefix("é").signs(BODY)),
            ("an entry without a list", || start().prefix("v1=").timestamp_entry("t=", TIME).signs(BOTH)),
            ("a separator in a timestamp's prefix", || {
                start().prefix("v1=").list(Separator::Comma).timestamp_entry("t,", TIME).signs(BOTH)
            }),
            ("one prefix for two", || {
                start().prefix("v=").list(Separator::Comma).timestamp_entry("v=t", TIME).signs(BOTH)
            }),
            ("two timestamps", || {
                start().list(Separator::Comma).timestamp_header("x-t", TIME).timestamp_entry("t=", TIME).signs(BOTH)
            }),
        ];
        for (name, build) in senseless {
            assert!(std::panic::catch_unwind(build).is_err(), "{name}");
        }
        start().prefix("v1=").list(Separator::Comma).timestamp_entry("t=", TIME).signs(BOTH);
        // One name may begin with the other.
        HmacScheme::in_header("x-sign").timestamp_header("x-sign-time", TIME).signs(BOTH);
        HmacScheme::in_header("x-a").timestamp_header("x-b", TIME).id_header("x-c").signs(&[
            Part::Id,
            Part::Timestamp,
            Part::Body,
        ]);
    }
}
