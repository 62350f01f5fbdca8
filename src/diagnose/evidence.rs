use std::cell::Cell;
use std::fmt;

use super::headers::Replaced;
use super::receiver::{Check, Receiver};
use crate::verify::{Head, Headers, HmacKeys, HmacScheme, Lookup, Request, VerifyError};

/// What a cause is tested on: the request, the refusal, and the question whether another
/// request would have been authentic.
///
/// The questions are counted. When the limit is reached, every further answer is no, and
/// [`Diagnosis::is_complete`](crate::diagnose::Diagnosis::is_complete) says so.
pub struct Evidence<'r> {
    pub(super) head: Head<'r>,
    /// `None` if the request was refused before its body was read.
    pub(super) body: Option<&'r [u8]>,
    pub(super) receiver: &'r Receiver,
    pub(super) others: &'r [Receiver],
    /// `None` if the receiver accepts the request.
    pub(super) refusal: Option<VerifyError>,
    pub(super) work: Cell<Work>,
}

/// What an examination cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Work {
    /// How many times a request was verified.
    pub checks: usize,
    /// How many bytes were hashed for that, and written in another way, about.
    pub bytes: usize,
    /// Whether the limit was reached, so that not every cause was tested.
    pub cut_short: bool,
}

impl<'r> Evidence<'r> {
    /// Returns the request without its body.
    pub fn head(&self) -> &Head<'r> {
        &self.head
    }

    /// Returns the body, if the request was refused after it was read.
    pub fn body(&self) -> Option<&'r [u8]> {
        self.body
    }

    /// Returns why the receiver refuses the request, if it does.
    pub fn refusal(&self) -> Option<&VerifyError> {
        self.refusal.as_ref()
    }

    /// Returns whether the request would be authentic with this body.
    pub fn accepts_body(&self, body: &[u8]) -> bool {
        self.accepts(self.receiver.check(), &self.head.with_body(body))
    }

    /// Returns whether the request would be authentic with this value of the header `name`.
    pub fn accepts_header(&self, name: &str, value: &[u8]) -> bool {
        self.accepts_headers(&Replaced { headers: self.head.headers(), name, value })
    }

    pub(super) fn accepts_headers(&self, headers: &dyn Headers) -> bool {
        self.accepts(self.receiver.check(), &Request::new(headers, self.body.unwrap_or_default()))
    }

    /// Returns whether the request would be authentic by this scheme, with the same keys.
    pub(super) fn accepts_scheme(&self, change: impl FnOnce(HmacScheme) -> HmacScheme) -> bool {
        self.keys().is_some_and(|keys| self.accepts_keys(keys.under(change(*keys.scheme()))))
    }

    /// Returns whether the request would be authentic with these bytes as the key.
    pub(super) fn accepts_key(&self, key: &[u8]) -> bool {
        let keys = self.scheme().and_then(|scheme| HmacKeys::with_raw_key(*scheme, key));
        keys.is_some_and(|keys| self.accepts_keys(keys))
    }

    pub(super) fn accepts_keys(&self, keys: HmacKeys) -> bool {
        self.accepts(&Check::Keys(keys), &self.request())
    }

    pub(super) fn accepts(&self, check: &Check, request: &Request<'_>) -> bool {
        let keys = match check {
            Check::Keys(keys) => keys.count(),
            Check::Tokens(_) => 0,
        };
        let cost = request.body().len().saturating_mul(keys).saturating_add(MIN_COST);
        if !self.affords(cost) {
            return false;
        }
        let work = self.work.get();
        self.work.set(Work { checks: work.checks.saturating_add(1), ..work });
        check.is_authentic(request)
    }

    /// Returns whether so many more bytes may be hashed or written, and counts them.
    pub(super) fn affords(&self, cost: usize) -> bool {
        let work = self.work.get();
        let bytes = work.bytes.saturating_add(cost);
        let affords = bytes <= MAX_BYTES;
        self.work.set(if affords { Work { bytes, ..work } } else { Work { cut_short: true, ..work } });
        affords
    }

    pub(super) fn request(&self) -> Request<'r> {
        self.head.with_body(self.body.unwrap_or_default())
    }

    pub(super) fn keys(&self) -> Option<&'r HmacKeys> {
        match self.receiver.check() {
            Check::Keys(keys) => Some(keys),
            Check::Tokens(_) => None,
        }
    }

    pub(super) fn scheme(&self) -> Option<&'r HmacScheme> {
        self.keys().map(HmacKeys::scheme)
    }

    /// Returns the body of a request whose headers are well formed and whose signature does
    /// not match.
    pub(super) fn mismatched_body(&self) -> Option<&'r [u8]> {
        if self.refusal == Some(VerifyError::SignatureMismatch) { self.body } else { None }
    }

    /// Returns the value of a header that is there once.
    pub(super) fn header(&self, name: &str) -> Option<&'r [u8]> {
        match self.head.headers().lookup(name) {
            Lookup::One(value) => Some(value.trim_ascii()),
            Lookup::Missing | Lookup::Repeated => None,
        }
    }

    pub(super) fn has_header(&self, name: &str) -> bool {
        self.head.headers().lookup(name) != Lookup::Missing
    }
}

/// Shows the receiver and the refusal.
impl fmt::Debug for Evidence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence")
            .field("receiver", &self.receiver.name())
            .field("refusal", &self.refusal)
            .finish_non_exhaustive()
    }
}

/// Twenty bodies of 1 MiB: a few dozen milliseconds.
const MAX_BYTES: usize = 20 * 1024 * 1024;

/// An HMAC hashes two blocks more than the text.
const MIN_COST: usize = 128;
