//! Request headers, as any framework holds them.
//!
//! ```
//! use offhook::Headers;
//! use offhook::verify::Lookup;
//!
//! let headers = [("X-Truedy-Timestamp", "1773844200")];
//! assert_eq!(headers.lookup("x-truedy-timestamp"), Lookup::One(b"1773844200"));
//! assert_eq!(headers.lookup("x-truedy-signature"), Lookup::Missing);
//! ```

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::verify::VerifyError;

/// Looks up request headers by name.
///
/// Implemented for slices, arrays and vectors of pairs, for `HashMap` and
/// `BTreeMap`, for `http::HeaderMap` (feature `http`, part of `axum`) and for
/// actix-web's `HeaderMap` (feature `actix-web`). It is `Sync`, so that a
/// [`Head`](crate::verify::Head) can be held across an `await`.
pub trait Headers: Sync {
    /// Finds the header whose name equals `name`, without regard to ASCII case
    /// ([RFC 9110, section 5.1](https://www.rfc-editor.org/rfc/rfc9110#section-5.1)).
    ///
    /// A header that occurs more than once is [`Lookup::Repeated`], even if the
    /// values are equal: a security check must not guess which one a proxy would
    /// have picked.
    fn lookup(&self, name: &str) -> Lookup<'_>;

    /// Finds up to three headers; a name that is `None` is [`Lookup::Missing`]. A
    /// collection that has to be searched from one end to the other can do it in one
    /// pass.
    fn lookup3(&self, names: [Option<&str>; 3]) -> [Lookup<'_>; 3] {
        names.map(|name| name.map_or(Lookup::Missing, |name| self.lookup(name)))
    }
}

impl<H: Headers + ?Sized> Headers for &H {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        (**self).lookup(name)
    }

    fn lookup3(&self, names: [Option<&str>; 3]) -> [Lookup<'_>; 3] {
        (**self).lookup3(names)
    }
}

/// What [`Headers::lookup`] found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// There is no header of that name.
    Missing,
    /// There is exactly one, with this value as received.
    One(&'a [u8]),
    /// There is more than one.
    Repeated,
}

impl<'a> Lookup<'a> {
    /// Adds a value that was found under the same name.
    #[must_use]
    pub fn and(self, value: &'a [u8]) -> Self {
        match self {
            Lookup::Missing => Lookup::One(value),
            Lookup::One(_) | Lookup::Repeated => Lookup::Repeated,
        }
    }

    /// Returns the value of a header that must be there exactly once, without the
    /// spaces and tabs around it, which are no part of a value in HTTP
    /// ([RFC 9110, section 5.5](https://www.rfc-editor.org/rfc/rfc9110#section-5.5)).
    #[inline]
    pub(super) fn required(
        self,
        max_bytes: usize,
        name: impl Fn() -> Cow<'static, str>,
    ) -> Result<&'a [u8], VerifyError> {
        let value = match self {
            Lookup::Missing => return Err(VerifyError::MissingHeader { header: name() }),
            Lookup::Repeated => return Err(VerifyError::RepeatedHeader { header: name() }),
            Lookup::One(value) => trim(value),
        };
        if value.is_empty() {
            return Err(VerifyError::EmptyHeader { header: name() });
        }
        if value.len() > max_bytes {
            return Err(VerifyError::HeaderTooLong { header: name(), max_bytes });
        }
        if !value.is_ascii() {
            return Err(VerifyError::HeaderNotAscii { header: name() });
        }
        Ok(value)
    }
}

/// Combines all the values that occur under one name.
impl<'a> FromIterator<&'a [u8]> for Lookup<'a> {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(values: I) -> Self {
        values.into_iter().take(2).fold(Lookup::Missing, Lookup::and)
    }
}

/// Leaves the value out: it may be a credential.
impl fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lookup::Missing => "Missing",
            Lookup::One(_) => "One(..)",
            Lookup::Repeated => "Repeated",
        })
    }
}

/// Implements [`Headers`] for a collection, given an iterator over its pairs of
/// name and value. A blanket implementation would overlap the one for references.
macro_rules! headers_from_pairs {
    ([$($generics:tt)*] $collection:ty, $headers:ident => $pairs:expr) => {
        impl<$($generics)*> $crate::verify::Headers for $collection {
            fn lookup(&self, name: &str) -> $crate::verify::Lookup<'_> {
                let [found, ..] = self.lookup3([Some(name), None, None]);
                found
            }

            fn lookup3(&self, names: [Option<&str>; 3]) -> [$crate::verify::Lookup<'_>; 3] {
                let $headers = self;
                $crate::verify::headers::find($pairs, names)
            }
        }
    };
}
#[cfg(any(feature = "http", feature = "actix-web"))]
pub(crate) use headers_from_pairs;

headers_from_pairs!([K: AsRef<str> + Sync, V: AsRef<[u8]> + Sync] [(K, V)],
    headers => headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
headers_from_pairs!([K: AsRef<str> + Sync, V: AsRef<[u8]> + Sync, const N: usize] [(K, V); N],
    headers => headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
headers_from_pairs!([K: AsRef<str> + Sync, V: AsRef<[u8]> + Sync] Vec<(K, V)>,
    headers => headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
headers_from_pairs!([K: AsRef<str> + Sync, V: AsRef<[u8]> + Sync, S: Sync] HashMap<K, V, S>,
    headers => headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
headers_from_pairs!([K: AsRef<str> + Sync, V: AsRef<[u8]> + Sync] BTreeMap<K, V>,
    headers => headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));

/// Finds headers among all that there are. A request has few, so one pass that
/// compares names is cheaper than to validate and hash the names that are looked up.
#[inline(always)]
pub(crate) fn find<'h>(pairs: impl Iterator<Item = (&'h str, &'h [u8])>, names: [Option<&str>; 3]) -> [Lookup<'h>; 3] {
    // A bit set of the names' lengths skips most headers without comparing a byte.
    let bit = |name: &str| 1_u64 << (name.len() % 64);
    let lengths = names.iter().flatten().fold(0, |lengths, name| lengths | bit(name));
    let mut found = [Lookup::Missing; 3];
    for (key, value) in pairs {
        if lengths & bit(key) == 0 {
            continue;
        }
        for (name, found) in names.iter().zip(&mut found) {
            if name.is_some_and(|name| is_name(key, name)) {
                *found = found.and(value);
            }
        }
    }
    found
}

/// Returns whether two names are equal, without regard to ASCII case. The names of
/// one vendor begin alike, so their ends are compared first.
#[inline(always)]
fn is_name(key: &str, name: &str) -> bool {
    let end = |name: &str| name.as_bytes().last().map(u8::to_ascii_lowercase);
    key.len() == name.len() && end(key) == end(name) && (key == name || key.eq_ignore_ascii_case(name))
}

pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Returns whether `name` is a field name by RFC 9110, section 5.6.2 (`token`).
pub(crate) const fn is_header_name(name: &str) -> bool {
    let mut rest = name.as_bytes();
    if rest.is_empty() {
        return false;
    }
    while let [byte, tail @ ..] = rest {
        if !(byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            ))
        {
            return false;
        }
        rest = tail;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_map_finds_any_case_and_sees_repeats() {
        let twice = vec![("X-A", "1"), ("x-a", "1"), ("X-B", "2")];
        assert_eq!(twice.lookup("x-a"), Lookup::Repeated);
        assert_eq!(twice.lookup("x-b"), Lookup::One(b"2"));
        assert_eq!(twice.lookup("x-c"), Lookup::Missing);
        assert_eq!(twice.lookup("y-a"), Lookup::Missing);
        let map: HashMap<_, _> = twice.iter().copied().collect();
        assert_eq!(map.lookup("x-a"), Lookup::Repeated);
        assert_eq!(map.lookup("X-b"), Lookup::One(b"2"));
        let map: BTreeMap<_, _> = twice.iter().copied().collect();
        assert_eq!(map.lookup("x-a"), Lookup::Repeated);
    }

    /// A collection of a user's own need not have more than `lookup`.
    #[test]
    fn three_headers_are_found_with_lookup_alone() {
        struct Own([(&'static str, &'static str); 4]);

        impl Headers for Own {
            fn lookup(&self, name: &str) -> Lookup<'_> {
                self.0.lookup(name)
            }
        }

        let own = Own([("x-a", "1"), ("x-b", "2"), ("x-c", "3"), ("X-C", "3")]);
        assert_eq!(
            own.lookup3([Some("X-B"), Some("x-a"), Some("x-c")]),
            [Lookup::One(b"2"), Lookup::One(b"1"), Lookup::Repeated]
        );
        assert_eq!(
            own.lookup3([None, Some("x-d"), Some("x-a")]),
            [Lookup::Missing, Lookup::Missing, Lookup::One(b"1")]
        );
    }

    #[test]
    fn names_of_one_length_are_all_found_in_one_pass() {
        let headers = [("x-a", "1"), ("x-b", "2"), ("x-long", "3")];
        assert_eq!(
            headers.lookup3([Some("X-A"), Some("X-B"), Some("X-Long")]),
            [Lookup::One(b"1"), Lookup::One(b"2"), Lookup::One(b"3")]
        );
    }

    #[test]
    fn a_name_may_have_any_length() {
        let (short, long) = ("x".repeat(10), "x".repeat(64 * 64 + 10));
        let headers = [(long.as_str(), "1"), (short.as_str(), "2")];
        assert_eq!(headers.lookup(&long), Lookup::One(b"1"));
        assert_eq!(headers.lookup(&short), Lookup::One(b"2"));
    }

    /// It may be a credential.
    #[test]
    fn debug_output_does_not_show_the_value() {
        let shown = format!("{:?}", [Lookup::Missing, Lookup::One(b"value"), Lookup::Repeated]);
        assert_eq!(shown, "[Missing, One(..), Repeated]");
    }

    #[test]
    fn a_value_of_the_longest_length_is_accepted_and_a_longer_one_refused() {
        let required = |value: &'static str| Lookup::One(value.as_bytes()).required(3, || "x-a".into());
        assert_eq!(required("abc"), Ok(&b"abc"[..]));
        // White space around a value is no part of it.
        assert_eq!(required(" abc\t"), Ok(&b"abc"[..]));
        assert_eq!(required("abcd"), Err(VerifyError::HeaderTooLong { header: "x-a".into(), max_bytes: 3 }));
    }

    #[test]
    fn only_spaces_and_tabs_are_trimmed() {
        assert_eq!(trim(b" \t a b\t "), b"a b");
        assert_eq!(trim(b"\ra\n"), b"\ra\n");
        assert_eq!(trim(b" \t"), b"");
    }
}
