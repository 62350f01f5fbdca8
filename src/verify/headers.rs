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

/// Looks up one request header by name.
///
/// Implemented for slices, arrays and vectors of pairs, for `HashMap` and
/// `BTreeMap`, for `http::HeaderMap` (feature `http`, part of `axum`) and for
/// actix-web's `HeaderMap` (feature `actix-web`).
pub trait Headers {
    /// Finds the header whose name equals `name` without regard to ASCII case
    /// ([RFC 9110, section 5.1](https://www.rfc-editor.org/rfc/rfc9110#section-5.1)).
    ///
    /// A header that stands there more than once is [`Lookup::Repeated`], also
    /// when its values are equal: which of them a proxy or a framework would
    /// have picked is nothing to guess about in a security check.
    fn lookup(&self, name: &str) -> Lookup<'_>;

    /// Finds several headers. A map that has to be walked can do it in one pass.
    fn lookup_each<'h>(&'h self, names: &[&str], found: &mut [Lookup<'h>]) {
        for (name, found) in names.iter().zip(found) {
            *found = self.lookup(name);
        }
    }
}

/// What [`Headers::lookup`] found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// No header of that name.
    Missing,
    /// Exactly one, with its value as received.
    One(&'a [u8]),
    /// More than one.
    Repeated,
}

impl<'a> Lookup<'a> {
    /// What is found once another value has turned up.
    #[must_use]
    pub fn and(self, value: &'a [u8]) -> Self {
        match self {
            Lookup::Missing => Lookup::One(value),
            Lookup::One(_) | Lookup::Repeated => Lookup::Repeated,
        }
    }
}

/// Takes all the values that stand under one name.
impl<'a> FromIterator<&'a [u8]> for Lookup<'a> {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(values: I) -> Self {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Lookup::Missing,
            (Some(value), None) => Lookup::One(value),
            (Some(_), Some(_)) => Lookup::Repeated,
        }
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

/// Finds headers among all there are. Few arrive per request, so one pass that
/// compares names is cheaper than to validate and hash the names looked up.
#[inline(always)]
fn walk<'h>(pairs: impl Iterator<Item = (&'h str, &'h [u8])>, names: &[&str], found: &mut [Lookup<'h>]) {
    // Nearly all headers differ from all names in their length already.
    let bit = |name: &str| 1_u64 << (name.len() % 64);
    let lengths = names.iter().fold(0, |lengths, name| lengths | bit(name));
    found.fill(Lookup::Missing);
    for (key, value) in pairs {
        if lengths & bit(key) == 0 {
            continue;
        }
        for (name, found) in names.iter().zip(&mut *found) {
            if is_name(key, name) {
                *found = found.and(value);
            }
        }
    }
}

/// Whether two names are one, without regard to ASCII case. Those of one vendor
/// begin alike and differ in their end.
#[inline(always)]
fn is_name(key: &str, name: &str) -> bool {
    let ends = |name: &str| name.as_bytes().last().map(u8::to_ascii_lowercase);
    key.len() == name.len() && ends(key) == ends(name) && (key == name || key.eq_ignore_ascii_case(name))
}

/// Of a map that is walked: how its headers become pairs of name and value.
macro_rules! walked {
    ([$($generics:tt)*] $map:ty, $headers:ident => $pairs:expr) => {
        impl<$($generics)*> Headers for $map {
            fn lookup(&self, name: &str) -> Lookup<'_> {
                let mut found = [Lookup::Missing];
                self.lookup_each(&[name], &mut found);
                let [found] = found;
                found
            }

            fn lookup_each<'h>(&'h self, names: &[&str], found: &mut [Lookup<'h>]) {
                let $headers = self;
                walk($pairs, names, found);
            }
        }
    };
}

walked!([K: AsRef<str>, V: AsRef<[u8]>] [(K, V)],
    headers => headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
walked!([K: AsRef<str>, V: AsRef<[u8]>, const N: usize] [(K, V); N],
    headers => headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
walked!([K: AsRef<str>, V: AsRef<[u8]>] Vec<(K, V)>,
    headers => headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
walked!([K: AsRef<str>, V: AsRef<[u8]>, S] HashMap<K, V, S>,
    headers => headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
walked!([K: AsRef<str>, V: AsRef<[u8]>] BTreeMap<K, V>,
    headers => headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
#[cfg(feature = "http")]
walked!([] http::HeaderMap,
    headers => headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
#[cfg(feature = "actix-web")]
walked!([] actix_web::http::header::HeaderMap,
    headers => headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));

impl<H: Headers + ?Sized> Headers for &H {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        (**self).lookup(name)
    }

    fn lookup_each<'h>(&'h self, names: &[&str], found: &mut [Lookup<'h>]) {
        (**self).lookup_each(names, found);
    }
}

/// The one value of a header that verification cannot do without.
///
/// Surrounding spaces and tabs are no part of a value in HTTP (RFC 9110,
/// section 5.5) and are taken off; nothing else is forgiven.
pub(crate) fn required(
    found: Lookup<'_>,
    max_bytes: usize,
    owned: impl Fn() -> Cow<'static, str>,
) -> Result<&[u8], VerifyError> {
    let value = match found {
        Lookup::Missing => return Err(VerifyError::MissingHeader { header: owned() }),
        Lookup::Repeated => return Err(VerifyError::RepeatedHeader { header: owned() }),
        Lookup::One(value) => trim(value),
    };
    if value.is_empty() {
        return Err(VerifyError::EmptyHeader { header: owned() });
    }
    if value.len() > max_bytes {
        return Err(VerifyError::HeaderTooLong { header: owned(), max_bytes });
    }
    if !value.is_ascii() {
        return Err(VerifyError::HeaderNotAscii { header: owned() });
    }
    Ok(value)
}

pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Whether `name` is a field name by RFC 9110, section 5.6.2 (`token`).
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

    #[cfg(feature = "http")]
    #[test]
    fn http_header_map() {
        let mut map = http::HeaderMap::new();
        map.append("x-a", "1".parse().unwrap());
        assert_eq!(map.lookup("X-A"), Lookup::One(b"1"));
        map.append("x-a", "1".parse().unwrap());
        assert_eq!(map.lookup("X-A"), Lookup::Repeated);
    }

    #[cfg(feature = "actix-web")]
    #[test]
    fn actix_header_map() {
        use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
        let mut map = HeaderMap::new();
        map.append(HeaderName::from_static("x-a"), HeaderValue::from_static("1"));
        assert_eq!(map.lookup("X-A"), Lookup::One(b"1"));
        map.append(HeaderName::from_static("x-a"), HeaderValue::from_static("1"));
        assert_eq!(map.lookup("X-A"), Lookup::Repeated);
    }

    #[test]
    fn only_spaces_and_tabs_are_trimmed() {
        assert_eq!(trim(b" \t a b\t "), b"a b");
        assert_eq!(trim(b"\ra\n"), b"\ra\n");
        assert_eq!(trim(b" \t"), b"");
    }
}
