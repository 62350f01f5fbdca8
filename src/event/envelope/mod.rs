//! From a body to an event, and back.
//!
//! Vendors differ in the names of an envelope's fields and in their payloads; reading
//! an envelope is the same work for all. These rules hold for every vendor:
//!
//! | case | rule |
//! |---|---|
//! | the name or the data is missing, or occurs twice | refused: [`ParseError`] |
//! | the name is not a string, or empty | refused as missing |
//! | the name is null | refused as missing, unless the vendor has an event without a name |
//! | another field of the envelope occurs twice | refused: two readers could pick two values |
//! | two id fields | the first in the order of [`Layout::ids`] that has a value wins |
//! | an id is a number, null or empty | a number becomes text; null and empty are absent |
//! | a time | RFC 3339 (UTC if it has no zone) or Unix seconds |
//! | the test flag is null or missing | it is not a test |
//! | a field of a wrong type, in the envelope or in the data | absent, and part of the [`Drift`](crate::event::Drift) |
//! | two spellings of one field in the data | the second is absent, and part of the drift |
//! | data that is not an object, or with too many fields that do not fit | [`Undecodable`] |

mod events;
mod reader;
mod recover;

use chrono::{DateTime, Utc};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Deserializer};

use crate::event::wire;
use crate::event::{Parsed, Undecodable, Unknown};

pub(crate) use events::events;
pub(crate) use reader::{parse, payload};

/// The names of an envelope's fields.
pub(crate) struct Layout {
    pub(crate) name: &'static str,
    pub(crate) data: &'static str,
    pub(crate) time: Option<TimeField>,
    /// The fields that may hold the id, in order of precedence.
    pub(crate) ids: [Option<&'static str>; 2],
    pub(crate) test: Option<&'static str>,
}

/// The field of the event's time, and how the vendor writes it. Both forms are read.
#[derive(Clone, Copy)]
pub(crate) enum TimeField {
    Rfc3339(&'static str),
    Unix(&'static str),
}

/// What a key of an envelope stands for.
enum Slot {
    Name,
    Data,
    Time,
    FirstId,
    SecondId,
    Test,
    Other,
}

impl Layout {
    const fn time_name(&self) -> Option<&'static str> {
        match self.time {
            Some(TimeField::Rfc3339(name) | TimeField::Unix(name)) => Some(name),
            None => None,
        }
    }

    #[inline]
    fn slot(&self, key: &str) -> Slot {
        let is = |name: Option<&str>| name == Some(key);
        let [first_id, second_id] = self.ids;
        if key == self.name {
            Slot::Name
        } else if key == self.data {
            Slot::Data
        } else if is(self.time_name()) {
            Slot::Time
        } else if is(first_id) {
            Slot::FirstId
        } else if is(second_id) {
            Slot::SecondId
        } else if is(self.test) {
            Slot::Test
        } else {
            Slot::Other
        }
    }
}

/// A vendor's events, as [`events!`] defines them.
pub(crate) trait Vocabulary: Sized {
    const LAYOUT: Layout;

    /// Tells the documented events apart.
    type Documented: Copy;

    fn documented(name: &str) -> Option<Self::Documented>;
    fn documented_name(documented: Self::Documented) -> &'static str;
    fn decode<'de, D: Deserializer<'de>>(documented: Self::Documented, data: D) -> Result<Self, D::Error>;
    fn unknown(unknown: Unknown) -> Self;
    fn undecodable(undecodable: Undecodable) -> Self;
    /// Returns the vendor's name of the event, aliases normalised.
    fn event_name(&self) -> &str;
    fn as_undecodable(&self) -> Option<&Undecodable>;

    /// Returns the name if the vendor documents it.
    fn known_name(&self) -> Option<&'static str> {
        Self::documented(self.event_name()).map(Self::documented_name)
    }
}

/// The data of a documented event.
pub(crate) trait Payload: for<'de> Deserialize<'de> {
    /// Reads the data, which is an object by default.
    fn read<'de, D: Deserializer<'de>>(data: D) -> Result<Self, D::Error> {
        wire::object(data)
    }
}

/// Writes an event in its vendor's form.
pub(crate) fn write<V: Vocabulary, S: Serializer>(
    parsed: &Parsed<V>,
    data: &impl Serialize,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let (layout, envelope, name) = (V::LAYOUT, parsed.envelope(), parsed.event().event_name());
    let mut map = serializer.serialize_map(None)?;
    if let ([Some(field), _], Some(id)) = (layout.ids, &envelope.id) {
        map.serialize_entry(field, id)?;
    }
    if !name.is_empty() {
        map.serialize_entry(layout.name, name)?;
    }
    match (layout.time, envelope.timestamp) {
        (Some(TimeField::Rfc3339(field)), time @ Some(_)) => map.serialize_entry(field, &Rfc3339(time))?,
        (Some(TimeField::Unix(field)), time @ Some(_)) => map.serialize_entry(field, &UnixTime(time))?,
        (None, _) | (_, None) => {}
    }
    map.serialize_entry(layout.data, data)?;
    if let (Some(field), true) = (layout.test, envelope.test) {
        map.serialize_entry(field, &true)?;
    }
    map.end()
}

#[derive(serde::Serialize)]
struct Rfc3339(#[serde(serialize_with = "wire::time::serialize")] Option<DateTime<Utc>>);

#[derive(serde::Serialize)]
struct UnixTime(#[serde(serialize_with = "wire::unix_time::serialize")] Option<DateTime<Utc>>);
