//! Oracles: functions that take any bytes, and panic where the crate does not do what it must.
//!
//! Each module makes a case of the bytes, does the same work a second time in its own naive
//! code, and compares. Each also has a planted fault: the crate as a view that is wrong in one
//! point. A test of the oracle, and a run of its fuzz target, must find it.

pub mod captures;
pub mod corpus;
pub mod drift;
pub mod events;
pub mod inbox_rows;
pub mod json;
pub mod keys;
pub mod places;
pub mod schemes;
pub mod signing;
pub mod timestamps;
pub mod verify;

/// The readers and writers of the command. They are no part of the library.
#[path = "../../../src/bin/offhook/forms/mod.rs"]
#[cfg_attr(not(test), expect(dead_code, reason = "an oracle reads no files of a curl command"))]
mod forms;

/// An oracle by its name, for those who run them all.
pub struct Oracle {
    pub name: &'static str,
    /// Checks the crate.
    pub check: fn(&[u8]),
    /// Checks the crate with the planted fault.
    pub check_planted: fn(&[u8]),
}

pub const ALL: [Oracle; 7] = [
    Oracle {
        name: "captures",
        check: |input| captures::check(&captures::CRATE, input),
        check_planted: |input| captures::check(&captures::PLANTED, input),
    },
    Oracle {
        name: "drift",
        check: |input| drift::check(&drift::CRATE, input),
        check_planted: |input| drift::check(&drift::PLANTED, input),
    },
    Oracle {
        name: "events",
        check: |input| events::check(&events::CRATE, input),
        check_planted: |input| events::check(&events::PLANTED, input),
    },
    Oracle {
        name: "inbox_rows",
        check: |input| inbox_rows::check(&inbox_rows::CRATE, input),
        check_planted: |input| inbox_rows::check(&inbox_rows::PLANTED, input),
    },
    Oracle {
        name: "keys",
        check: |input| keys::check(&keys::CRATE, input),
        check_planted: |input| keys::check(&keys::PLANTED, input),
    },
    Oracle {
        name: "timestamps",
        check: |input| timestamps::check(&timestamps::CRATE, input),
        check_planted: |input| timestamps::check(&timestamps::PLANTED, input),
    },
    Oracle {
        name: "verify",
        check: |input| verify::check(&verify::CRATE, input),
        check_planted: |input| verify::check(&verify::PLANTED, input),
    },
];
