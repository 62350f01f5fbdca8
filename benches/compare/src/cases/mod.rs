//! The groups of subjects that are measured.

mod frameworks;
mod parse;
mod receive;
mod vendors;
mod verify;

use crate::deliveries::{LARGE, LONG, SIZES, SMALL};
use crate::interpreters;
use crate::measure::{Group, Results, Subject, measure};

/// Makes a group for each size of the body. A group is made only when it is measured, so that its
/// signatures are fresh.
pub struct Case {
    pub title: &'static str,
    pub sizes: &'static [usize],
    make: fn(usize) -> Vec<Subject>,
}

impl Case {
    pub fn group(&self, bytes: usize) -> Group {
        Group { title: self.title, bytes, subjects: (self.make)(bytes) }
    }

    pub fn measure(&self, bytes: usize) -> Results {
        let mut results = measure(self.group(bytes));
        if self.title == RECEIVE {
            results.rows.extend(interpreters::rows(bytes));
        }
        results
    }
}

pub const VERIFY_TRUEDY: &str = "verify, Truedy: time and body signed";
pub const VERIFY_GITHUB: &str = "verify, TalkifAI as GitHub: body signed";
pub const VERIFY_STANDARD: &str = "verify, Standard Webhooks: id, time and body signed";
pub const PARSE: &str = "parse";
pub const PARSE_LIST: &str = "parse, mostly a list that no field keeps";
pub const PARSE_SALPRE: &str = "parse, Salpre: mostly a list that is kept";
pub const RECEIVE_LIST: &str = "verify and parse, mostly a list that no field keeps";
pub const RECEIVE: &str = "verify and parse";

pub static CASES: [Case; 18] = [
    Case { title: VERIFY_TRUEDY, sizes: &SIZES, make: verify::truedy },
    Case { title: "verify, Ultravox: body and time signed", sizes: &SIZES, make: verify::ultravox },
    Case { title: VERIFY_GITHUB, sizes: &SIZES, make: verify::github },
    Case { title: VERIFY_STANDARD, sizes: &SIZES, make: verify::standard },
    Case { title: "verify, Salpre: a static header", sizes: &[SMALL], make: verify::salpre },
    Case { title: PARSE, sizes: &SIZES, make: parse::subjects },
    Case { title: PARSE_LIST, sizes: &LONG, make: parse::a_list },
    Case { title: PARSE_SALPRE, sizes: &SIZES, make: parse::salpre },
    Case { title: RECEIVE, sizes: &SIZES, make: receive::one_string },
    Case { title: RECEIVE_LIST, sizes: &LONG, make: receive::a_list },
    Case { title: UNLIKE, sizes: &SIZES, make: receive::unlike },
    Case { title: "all ways, Truedy", sizes: &SIZES, make: vendors::truedy },
    Case { title: "all ways, TalkifAI", sizes: &SIZES, make: vendors::talkifai },
    Case { title: "all ways, Salpre: mostly a list that is kept", sizes: &SIZES, make: vendors::salpre },
    Case { title: "all ways, Ultravox", sizes: &SIZES, make: vendors::ultravox },
    Case { title: "all ways, Standard Webhooks: a tagged enum of the user's", sizes: &SIZES, make: vendors::standard },
    Case { title: AXUM, sizes: &[SMALL, LARGE], make: frameworks::axum },
    Case { title: ACTIX, sizes: &[SMALL, LARGE], make: frameworks::actix },
];

pub const UNLIKE: &str = "verify and parse, unlike: each its own vendor's body";
pub const AXUM: &str = "receive in axum, in process";
pub const ACTIX: &str = "receive in actix-web, in process";

pub const OFFHOOK: &str = "offhook";
