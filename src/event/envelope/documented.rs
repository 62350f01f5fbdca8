//! An envelope that is as documented.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Field, FieldSeed, Vocabulary, within};
use crate::event::wire;
use crate::event::{Envelope, Unknown};

/// Whether everything fits; the event is there then.
pub(super) fn read<V: Vocabulary>(text: &str, event: &mut Option<V>) -> bool {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_map(Documented(event)).is_ok() && deserializer.end().is_ok()
}

/// Reads an envelope in one pass, if everything is as documented. Fails without a
/// reason: what it cannot take is read again, in parts. The event is made where it
/// goes, since it is long to move.
struct Documented<'a, V>(&'a mut Option<V>);

impl<'de, V: Vocabulary> Visitor<'de> for Documented<'_, V> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Documented(event) = self;
        let (mut name, mut data) = (None, None);
        let (mut time, mut first_id, mut second_id, mut test) = (None, None, None, None);
        while let Some(field) = map.next_key_seed(FieldSeed(const { &V::FIELDS }))? {
            match field {
                Field::Name if name.is_none() => name = Some(map.next_value_seed(NameSeed::<V>(PhantomData))?),
                Field::Data if data.is_none() && event.is_none() => match name {
                    Some(Name::Documented(kind)) => map.next_value_seed(DataSeed { kind, event })?,
                    _ => data = Some(map.next_value::<&RawValue>()?),
                },
                Field::Time if time.is_none() => time = Some(map.next_value::<wire::Timestamp>()?.0),
                Field::FirstId if first_id.is_none() => first_id = Some(map.next_value::<wire::Text>()?.0),
                Field::SecondId if second_id.is_none() => second_id = Some(map.next_value::<wire::Text>()?.0),
                Field::Test if test.is_none() => test = Some(map.next_value::<Option<bool>>()?),
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
                _ => return Err(A::Error::custom("a repeated field")),
            }
        }
        let envelope = Envelope {
            id: first_id.flatten().or(second_id.flatten()),
            timestamp: time.flatten(),
            test: test.flatten().unwrap_or(false),
        };
        match (name, data) {
            (Some(Name::Documented(kind)), Some(data)) => {
                V::decode(kind, &mut within(data), event).map_err(A::Error::custom)?;
            }
            (Some(Name::Other(name)), Some(data)) => {
                let (name, data) = (name.to_owned(), data.into());
                *event = Some(V::unknown(Unknown { envelope: Envelope::default(), name, data }));
            }
            (_, None) | (None, _) => {}
        }
        let event = event.as_mut().ok_or_else(|| A::Error::custom("a missing field"))?;
        *event.envelope_mut() = envelope;
        Ok(())
    }
}

/// A name without escapes.
enum Name<'de, K> {
    Documented(K),
    Other(&'de str),
}

struct NameSeed<V>(PhantomData<V>);

impl<'de, V: Vocabulary> DeserializeSeed<'de> for NameSeed<V> {
    type Value = Name<'de, V::Kind>;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<Self::Value, D::Error> {
        name.deserialize_str(self)
    }
}

impl<'de, V: Vocabulary> Visitor<'de> for NameSeed<V> {
    type Value = Name<'de, V::Kind>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event's name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        match V::kind(name) {
            _ if name.is_empty() => Err(E::custom("an empty name")),
            Some(kind) => Ok(Name::Documented(kind)),
            None => Ok(Name::Other(name)),
        }
    }
}

struct DataSeed<'a, V: Vocabulary> {
    kind: V::Kind,
    event: &'a mut Option<V>,
}

impl<'de, V: Vocabulary> DeserializeSeed<'de> for DataSeed<'_, V> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, data: D) -> Result<(), D::Error> {
        V::decode(self.kind, data, self.event)
    }
}
