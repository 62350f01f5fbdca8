//! What the rows about fields of another type share: the delivery is accepted, the field is
//! absent and listed with its path, and everything else stays typed.

use offhook::event::Stage;

use crate::hostile::{Answer, Table};

/// What one vendor does with an event of a call that has ended.
pub struct Ended {
    pub table: Table,
    pub answer: Answer,
    pub call_id: &'static str,
}

impl Ended {
    /// Adds an event in which everything but the fields at `paths` fits.
    pub fn row(&mut self, body: impl AsRef<[u8]>, paths: &[&'static str]) {
        let case = self.table.body(body, self.answer);
        *case = case.clone().with_drift(paths).with_call(self.call_id, Stage::Ended);
    }
}

/// Values that are no number of seconds.
pub const NO_SECONDS: [&str; 9] = [
    "1e999",
    "9223372036854775808",
    "-9223372036854775809",
    "true",
    "[142]",
    r#"{"zebra-marker":142}"#,
    r#""zebra-marker""#,
    r#""2 min""#,
    r#""""#,
];

/// Numbers of seconds, as a number and as text.
pub const SECONDS: [&str; 8] =
    ["142", "142.5", "null", r#""142""#, r#""142.5""#, r#""-142""#, r#""120s""#, r#""30.5s""#];
