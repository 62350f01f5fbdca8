//! What the tests know of each vendor, one file each. A new vendor is added at three places of
//! this file: as a module, in `ALL` and in `add_routes`.

mod drift;
mod salpre;
mod standard_webhooks;
mod talkifai;
mod truedy;
mod ultravox;

use std::time::Duration;

use chrono::DateTime;
use offhook::verify::HmacScheme;

use crate::hostile::Case;
use crate::servers::Home;

pub const ALL: [&Vendor; 5] =
    [&truedy::VENDOR, &talkifai::VENDOR, &salpre::VENDOR, &ultravox::VENDOR, &standard_webhooks::VENDOR];

/// Adds a route for every verifier of the tests.
pub fn add_routes(home: &mut impl Home) {
    truedy::add_routes(home);
    talkifai::add_routes(home);
    salpre::add_routes(home);
    ultravox::add_routes(home);
    standard_webhooks::add_routes(home);
}

/// The maximum age of the routes `/tenant/<vendor>`, whose endpoint is `tenant-7`.
pub const DAY: Duration = Duration::from_secs(86_400);

/// Returns a member of an object with this time in RFC 3339, if there is one.
fn member(field: &str, at: Option<i64>) -> String {
    let time = at.map(|at| DateTime::from_timestamp(at, 0).unwrap().to_rfc3339());
    time.map_or(String::new(), |time| format!(r#""{field}":"{time}","#))
}

/// How a vendor sends, and an event of it.
pub struct Vendor {
    pub route: &'static str,
    /// Makes the value of the header `credential`.
    pub sign: fn(timestamp: &[u8], body: &[u8]) -> String,
    pub credential: &'static str,
    pub timestamp: Option<&'static str>,
    pub id: Option<&'static str>,
    pub now: &'static str,
    /// The event's name, and its body.
    pub event: &'static str,
    pub body: &'static str,
    /// The code for a credential that is well-formed and wrong.
    pub mismatch: &'static str,
    /// Makes an event whose body says this time, or none.
    pub timed: fn(at: Option<i64>) -> String,
    /// Different events, although the vendor gives them one key.
    pub both_run: &'static [&'static [&'static str]],
    /// Redeliveries: the payload is the same, and the envelope may have another time.
    pub one_runs: &'static [&'static [&'static str]],
    /// The status by which the vendor knows that a delivery was accepted.
    pub success: u16,
    /// What must stand in no log line.
    pub secrets: &'static [&'static str],
    /// The rows of the hostile table that only this vendor needs.
    pub rows: fn() -> Vec<Case>,
    /// How it signs, written out by hand. A vendor with static headers has none.
    pub recipes: &'static [Recipe],
    /// Signatures that the vendor or a library published, or that another implementation made.
    pub published: &'static [Published],
}

/// How a vendor signs, written out by hand, to be compared with the scheme.
pub struct Recipe {
    pub name: &'static str,
    pub scheme: HmacScheme,
    /// Whether the secret is the base64 text of the key.
    pub key_is_base64: bool,
    pub sign: fn(&Signed<'_>) -> Vec<(&'static str, String)>,
}

/// What a recipe signs.
pub struct Signed<'a> {
    pub key: &'a [u8],
    pub id: &'a str,
    pub seconds: i64,
    pub body: &'a [u8],
}

/// A published signature with everything that it covers.
pub struct Published {
    pub name: &'static str,
    pub scheme: HmacScheme,
    pub secret: &'static str,
    pub now: i64,
    pub headers: &'static [(&'static str, &'static str)],
    pub body: &'static str,
}
