use crate::headers::is_header_name;
use crate::signature::TimestampFormat;

/// How a vendor signs: which headers, what they look like, what is signed.
///
/// A scheme is data, meant for a `const`. It begins with the signature's header
/// and ends with the signed parts; a scheme that makes no sense, such as one that
/// reads a timestamp and does not sign it, does not compile.
///
/// ```
/// use offhook::signature::{HmacScheme, Part, TimestampFormat};
///
/// const SLACK: HmacScheme = HmacScheme::in_header("x-slack-signature")
///     .prefix("v0=")
///     .timestamp_header("x-slack-request-timestamp", TimestampFormat::UnixSeconds)
///     .signs(&[Part::Literal("v0:"), Part::Timestamp, Part::Literal(":"), Part::Body]);
/// ```
///
/// ```compile_fail
/// use offhook::signature::{HmacScheme, Part, TimestampFormat};
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
    pub(crate) layout: Layout,
    pub(crate) encoding: Encoding,
    pub(crate) timestamp: Option<(TimestampSource, TimestampFormat)>,
    pub(crate) id_header: Option<&'static str>,
    pub(crate) secret: SecretFormat,
    pub(crate) parts: &'static [Part],
}

impl HmacScheme {
    /// Begins a scheme whose signature stands in the header `name`: the whole
    /// value is the hex of an HMAC-SHA256, unless the next steps say otherwise.
    pub const fn in_header(name: &'static str) -> HmacSchemeBuilder {
        HmacSchemeBuilder(HmacScheme {
            header: name,
            layout: Layout::Single { prefix: "" },
            encoding: Encoding::Hex,
            timestamp: None,
            id_header: None,
            secret: SecretFormat::Raw,
            parts: &[],
        })
    }
}

/// A scheme that does not say yet what is signed: see [`HmacScheme::in_header`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a scheme is complete after `signs`"]
pub struct HmacSchemeBuilder(HmacScheme);

#[expect(clippy::panic, reason = "a scheme is a constant: this is how one that makes no sense does not compile")]
impl HmacSchemeBuilder {
    /// A fixed text before the signature, or before each of a list. It names
    /// the algorithm or its version, and is compared whole: `sha256=`, `v1,`.
    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.0.layout = match self.0.layout {
            Layout::Single { .. } => Layout::Single { prefix },
            Layout::List { separator, .. } => Layout::List { separator, prefix },
            Layout::Labelled { .. } => panic!("a labelled header has labels instead of a prefix"),
        };
        self
    }

    /// The header may hold several signatures, one per active secret. Entries
    /// without the prefix belong to other versions and are passed over.
    pub const fn list(mut self, separator: Separator) -> Self {
        self.0.layout = match self.0.layout {
            Layout::Single { prefix } | Layout::List { prefix, .. } => Layout::List { separator, prefix },
            Layout::Labelled { .. } => panic!("a labelled header is a list already"),
        };
        self
    }

    /// The header is a list of `label=value`, separated by commas; the
    /// signatures stand under `label`. Other labels are passed over.
    pub const fn labelled(mut self, label: &'static str) -> Self {
        assert!(is_label(label), "a label is not empty and has neither `=` nor `,`");
        self.0.layout = Layout::Labelled { signature: label };
        self
    }

    /// The signature is base64 (RFC 4648, section 4, with padding).
    pub const fn base64(mut self) -> Self {
        self.0.encoding = Encoding::Base64;
        self
    }

    /// The signed time stands in the header `name`.
    pub const fn timestamp_header(mut self, name: &'static str, format: TimestampFormat) -> Self {
        self.0.timestamp = Some((TimestampSource::Header(name), format));
        self
    }

    /// The signed time stands in the signature's own header, under `label`,
    /// exactly once.
    pub const fn timestamp_label(mut self, label: &'static str, format: TimestampFormat) -> Self {
        assert!(is_label(label), "a label is not empty and has neither `=` nor `,`");
        self.0.timestamp = Some((TimestampSource::Label(label), format));
        self
    }

    /// The signed message id stands in the header `name`.
    pub const fn id_header(mut self, name: &'static str) -> Self {
        self.0.id_header = Some(name);
        self
    }

    /// Secrets are handed out as base64, after a prefix that may be left out.
    pub const fn base64_secret(mut self, prefix: &'static str) -> Self {
        self.0.secret = SecretFormat::Base64 { prefix };
        self
    }

    /// Ends the scheme: what is signed, in order, with nothing between the parts.
    ///
    /// # Panics
    ///
    /// On a scheme that makes no sense. In a `const` that is a compile error.
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
        match scheme.timestamp {
            Some((TimestampSource::Header(name), _)) => {
                assert!(is_header_name(name), "the timestamp's header is not a header name");
                assert!(!same(name, scheme.header), "two values cannot be one header");
            }
            Some((TimestampSource::Label(label), _)) => match scheme.layout {
                Layout::Labelled { signature } => {
                    assert!(!same(label, signature), "two values cannot have one label")
                }
                _ => panic!("a timestamp label needs a labelled header"),
            },
            None => {}
        }
        if let Some(name) = scheme.id_header {
            assert!(is_header_name(name), "the id's header is not a header name");
            assert!(!same(name, scheme.header), "two values cannot be one header");
            if let Some((TimestampSource::Header(timestamp), _)) = scheme.timestamp {
                assert!(!same(name, timestamp), "two values cannot be one header");
            }
        }
        scheme
    }
}

/// One piece of the signed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The message id, as its header has it.
    Id,
    /// The signed time, as its header has it.
    Timestamp,
    /// The raw body.
    Body,
    /// A fixed text.
    Literal(&'static str),
}

/// What stands between several signatures in one header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Separator {
    /// `a,b`, with spaces allowed around the comma.
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
pub(crate) enum Layout {
    Single { prefix: &'static str },
    List { separator: Separator, prefix: &'static str },
    Labelled { signature: &'static str },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Hex,
    Base64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimestampSource {
    Header(&'static str),
    Label(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretFormat {
    Raw,
    Base64 { prefix: &'static str },
}

const fn is_label(label: &str) -> bool {
    let mut rest = label.as_bytes();
    let empty = rest.is_empty();
    while let [byte, tail @ ..] = rest {
        if matches!(byte, b'=' | b',') {
            return false;
        }
        rest = tail;
    }
    !empty
}

const fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}
