//! Objects: the macros that read and write a struct's fields.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap};

/// How an object's fields become a struct's, and a struct's an object's: the names
/// that a vendor writes, the first of which we write; the field; and the kind it is
/// read and written as, where that is not the field's own type.
macro_rules! record {
    ($name:ident { $($fields:tt)+ }) => {
        crate::event::wire::reads!($name { $($fields)+ });
        crate::event::wire::writes!($name { $($fields)+ });
    };
}

/// The half of [`record!`] that reads.
macro_rules! reads {
    ($name:ident $(<$life:lifetime>)? {
        $( $key:literal $(| $alias:literal)* => $field:ident $(: $kind:ident)? ),+ $(,)?
    }) => {
        impl<'de> crate::event::wire::Object<'de> for $name $(<$life>)? {
            fn fill<A: serde::de::MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
                #[derive(Clone, Copy)]
                #[expect(non_camel_case_types, reason = "the names of the struct's fields")]
                enum Key { $( $field, )+ }

                struct Keys;

                impl<'de> serde::de::DeserializeSeed<'de> for Keys {
                    type Value = Option<Key>;

                    fn deserialize<D: serde::Deserializer<'de>>(self, key: D) -> Result<Option<Key>, D::Error> {
                        key.deserialize_identifier(self)
                    }
                }

                impl serde::de::Visitor<'_> for Keys {
                    type Value = Option<Key>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a field name")
                    }

                    fn visit_str<E>(self, key: &str) -> Result<Option<Key>, E> {
                        Ok(match key {
                            $( $key $(| $alias)* => Some(Key::$field), )+
                            _ => None,
                        })
                    }
                }

                // One bit for each.
                const _: () = assert!([$( stringify!($field) ),+].len() <= 64);
                let mut seen = 0_u64;
                while let Some(key) = map.next_key_seed(Keys)? {
                    let Some(key) = key else {
                        map.next_value::<serde::de::IgnoredAny>()?;
                        continue;
                    };
                    let bit = 1 << key as u32;
                    if seen & bit != 0 {
                        let name = match key { $( Key::$field => $key, )+ };
                        return Err(serde::de::Error::duplicate_field(name));
                    }
                    seen |= bit;
                    match key {
                        $( Key::$field => self.$field = crate::event::wire::reads!(@ map $(, $kind)?), )+
                    }
                }
                Ok(())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name $(<$life>)? {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut object = Self::default();
                crate::event::wire::fill(deserializer, &mut object)?;
                Ok(object)
            }
        }
    };
    (@ $map:ident) => { $map.next_value()? };
    (@ $map:ident, $kind:ident) => {{
        let $kind(value) = $map.next_value()?;
        value
    }};
}

/// The half of [`record!`] that writes; a field that is `None` is left out.
macro_rules! writes {
    ($name:ident { $( $key:literal $(| $alias:literal)* => $field:ident $(: $kind:ident)? ),+ $(,)? }) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                $( crate::event::wire::writes!(@ &self.$field, $key, &mut map $(, $kind)?)?; )+
                serde::ser::SerializeMap::end(map)
            }
        }
    };
    (@ $field:expr, $key:literal, $map:expr) => { crate::event::wire::write($field, $key, $map) };
    (@ $field:expr, $key:literal, $map:expr, $kind:ident) => { $kind::write($field, $key, $map) };
}

pub(crate) use {reads, record, writes};

/// Writes a field, unless there is nothing to write.
pub(crate) fn write<T: Serialize, M: SerializeMap>(
    field: &Option<T>,
    key: &'static str,
    map: &mut M,
) -> Result<(), M::Error> {
    match field {
        Some(value) => map.serialize_entry(key, value),
        None => Ok(()),
    }
}

/// What is read from an object, and from nothing else: serde's structs take a list
/// for one as well. It is filled where it is, since the larger ones are long to move.
pub(crate) trait Object<'de>: Default {
    /// Sets the fields that are there.
    fn fill<A: MapAccess<'de>>(&mut self, map: A) -> Result<(), A::Error>;
}

/// Reads an object into its place.
pub(crate) fn fill<'de, D: Deserializer<'de>, T: Object<'de>>(object: D, place: &mut T) -> Result<(), D::Error> {
    object.deserialize_map(Fill(place))
}

struct Fill<'a, T>(&'a mut T);

impl<'de, T: Object<'de>> Visitor<'de> for Fill<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.fill(map)
    }
}
