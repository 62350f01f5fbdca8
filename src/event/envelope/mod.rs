//! From a body to an event, in one pass.
//!
//! Vendors differ in the names of an envelope's fields and in their payloads;
//! reading it is the same work for all. Where the name stands before the data,
//! the data goes straight into its type; where it stands after, the data's text
//! is kept until then. Where something does not fit, the envelope is read again in
//! parts, to tell what it is and to lose nothing.

mod custom;
mod documented;
mod parts;
mod vocabulary;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::de::StrRead;
use serde_json::value::RawValue;

use crate::event::ParseError;
use crate::event::wire;
use crate::event::{Envelope, Undecodable, Unknown};

pub(crate) use custom::{decode, object, reason};
pub(crate) use vocabulary::events;

/// The names of an envelope's fields.
pub(crate) struct Fields {
    pub(crate) name: &'static str,
    pub(crate) data: &'static str,
    pub(crate) time: Option<Time>,
    /// Where the id may stand; the first that is there is taken.
    pub(crate) ids: [Option<&'static str>; 2],
    pub(crate) test: Option<&'static str>,
}

/// The field of the event's time, and how it is written. Both are read.
#[derive(Clone, Copy)]
pub(crate) enum Time {
    Rfc3339(&'static str),
    Unix(&'static str),
}

impl Fields {
    const fn time_name(&self) -> Option<&'static str> {
        match self.time {
            Some(Time::Rfc3339(name) | Time::Unix(name)) => Some(name),
            None => None,
        }
    }
}

/// A vendor's events, as [`events!`] makes them.
pub(crate) trait Vocabulary: Sized {
    const FIELDS: Fields;

    /// A documented event.
    type Kind: Copy;

    fn kind(name: &str) -> Option<Self::Kind>;
    fn kind_name(kind: Self::Kind) -> &'static str;
    /// Understands the data, and puts the event into its place.
    fn decode<'de, D: Deserializer<'de>>(kind: Self::Kind, data: D, event: &mut Option<Self>) -> Result<(), D::Error>;
    fn unknown(unknown: Unknown) -> Self;
    fn undecodable(undecodable: Undecodable) -> Self;
    fn envelope_mut(&mut self) -> &mut Envelope;
}

pub(crate) trait Payload: Sized {
    fn decode<'de, D: Deserializer<'de>>(data: D) -> Result<Self, D::Error>;
    fn envelope(&self) -> &Envelope;
    fn envelope_mut(&mut self) -> &mut Envelope;
}

pub(crate) fn parse<V: Vocabulary>(body: &[u8]) -> Result<V, ParseError> {
    let text = std::str::from_utf8(body).map_err(|_| ParseError::NotUtf8)?;
    let mut event = None;
    match (documented::read(text, &mut event), event) {
        (true, Some(event)) => Ok(event),
        // What does not fit may be the data or the JSON; only the parts tell which.
        _ => parts::read(text),
    }
}

/// Writes an event in its vendor's form.
pub(crate) fn serialize<V: Vocabulary, S: Serializer>(
    name: &str,
    envelope: &Envelope,
    data: &impl Serialize,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    if let [Some(field), _] = V::FIELDS.ids
        && let Some(id) = &envelope.id
    {
        map.serialize_entry(field, id)?;
    }
    if !name.is_empty() {
        map.serialize_entry(V::FIELDS.name, name)?;
    }
    match (V::FIELDS.time, envelope.timestamp) {
        (Some(Time::Rfc3339(field)), Some(time)) => map.serialize_entry(field, &wire::Rfc3339(time))?,
        (Some(Time::Unix(field)), Some(time)) => map.serialize_entry(field, &wire::Unix(time))?,
        (None, _) | (_, None) => {}
    }
    map.serialize_entry(V::FIELDS.data, data)?;
    if let Some(field) = V::FIELDS.test
        && envelope.test
    {
        map.serialize_entry(field, &true)?;
    }
    map.end()
}

/// Reads a value that was kept: nothing stands after it.
fn within(kept: &RawValue) -> serde_json::Deserializer<StrRead<'_>> {
    serde_json::Deserializer::from_str(kept.get())
}

enum Field {
    Name,
    Data,
    Time,
    FirstId,
    SecondId,
    Test,
    Other,
}

impl Fields {
    #[inline]
    fn field(&self, key: &str) -> Field {
        let is = |name: Option<&str>| name == Some(key);
        let [first_id, second_id] = self.ids;
        if key == self.name {
            Field::Name
        } else if key == self.data {
            Field::Data
        } else if is(self.time_name()) {
            Field::Time
        } else if is(first_id) {
            Field::FirstId
        } else if is(second_id) {
            Field::SecondId
        } else if is(self.test) {
            Field::Test
        } else {
            Field::Other
        }
    }
}

/// Tells an envelope's fields by their names.
struct FieldSeed<'f>(&'f Fields);

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<Field, D::Error> {
        key.deserialize_identifier(self)
    }
}

impl Visitor<'_> for FieldSeed<'_> {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Field, E> {
        Ok(self.0.field(key))
    }
}
