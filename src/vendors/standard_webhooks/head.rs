//! The fields that the specification gives every body, read on the way through it.

use std::fmt;

use serde::de::value::CowStrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::event::ParseError;
use crate::event::wire::{Borrowed, reads};

/// `type` and `timestamp`, as they stand in the body.
#[derive(Default)]
pub(super) struct Head<'de> {
    pub(super) name: Option<&'de RawValue>,
    pub(super) timestamp: Option<&'de RawValue>,
}

reads!(Head<'de> {
    "type" => name,
    "timestamp" => timestamp,
});

impl<'de> Head<'de> {
    /// The head, and the whole as a type of the user's if it fits: in one pass, where
    /// that type takes an object member by member.
    pub(super) fn read<E: Deserialize<'de>>(object: &'de str) -> Result<(Self, Option<E>), ParseError> {
        let mut head = None;
        let mut deserializer = serde_json::Deserializer::from_str(object);
        let event = E::deserialize(Watched { object: &mut deserializer, head: &mut head });
        let event = event.and_then(|event| deserializer.end().map(|()| event)).ok();
        match head {
            Some(head) if event.is_some() => Ok((head, event)),
            // Of what does not fit, only a part was seen.
            _ => Ok((Head::alone(object)?, event)),
        }
    }

    fn alone(object: &'de str) -> Result<Self, ParseError> {
        serde_json::from_str(object).map_err(|error| match error.classify() {
            // In an object nothing else can be wrong: both fields take any JSON.
            Category::Data if error.to_string().starts_with("duplicate field `timestamp`") => {
                ParseError::RepeatedField { field: "timestamp" }
            }
            Category::Data => ParseError::RepeatedField { field: "type" },
            _ => ParseError::from_json(&error),
        })
    }
}

/// An object whose head is kept while a type is made of it.
struct Watched<'a, 'de, D> {
    object: D,
    head: &'a mut Option<Head<'de>>,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Watched<'_, 'de, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.object.deserialize_map(WatchedVisitor { visitor, head: self.head })
    }

    /// What keeps JSON as it is asks for it by a name that only serde_json knows.
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.object.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.object.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct WatchedVisitor<'a, 'de, V> {
    visitor: V,
    head: &'a mut Option<Head<'de>>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for WatchedVisitor<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        let head = self.head.insert(Head::default());
        self.visitor.visit_map(WatchedMembers { members, head, key: Key::Other })
    }
}

enum Key {
    Name,
    Timestamp,
    Other,
}

struct WatchedMembers<'a, 'de, A> {
    members: A,
    head: &'a mut Head<'de>,
    key: Key,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WatchedMembers<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(Borrowed(key)) = self.members.next_key()? else { return Ok(None) };
        self.key = match &*key {
            "type" => Key::Name,
            "timestamp" => Key::Timestamp,
            _ => Key::Other,
        };
        let key: CowStrDeserializer<'_, A::Error> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let place = match self.key {
            Key::Name => &mut self.head.name,
            Key::Timestamp => &mut self.head.timestamp,
            Key::Other => return self.members.next_value_seed(seed),
        };
        let value: &RawValue = self.members.next_value()?;
        if place.replace(value).is_some() {
            return Err(A::Error::custom("a repeated field"));
        }
        seed.deserialize(value).map_err(A::Error::custom)
    }

    fn size_hint(&self) -> Option<usize> {
        self.members.size_hint()
    }
}
