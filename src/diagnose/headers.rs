//! Headers as they may have been before something on the way changed them.

use crate::verify::{Headers, Lookup};

/// The same headers with one value replaced, or added.
pub(super) struct Replaced<'h> {
    pub(super) headers: &'h dyn Headers,
    pub(super) name: &'h str,
    pub(super) value: &'h [u8],
}

impl Headers for Replaced<'_> {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        if name.eq_ignore_ascii_case(self.name) { Lookup::One(self.value) } else { self.headers.lookup(name) }
    }
}

/// The same headers, where one that is missing is found under the names that gateways give it.
pub(super) struct Renamed<'h>(pub(super) &'h dyn Headers);

impl Headers for Renamed<'_> {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        let underscored = name.replace('-', "_");
        match (self.0.lookup(name), self.0.lookup(&underscored)) {
            (Lookup::Missing, Lookup::Missing) => self.0.lookup(&format!("http_{underscored}")),
            (Lookup::Missing, found) | (found, _) => found,
        }
    }
}
