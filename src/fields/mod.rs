//! Fields as vendors write them: one type, or one macro, per kind.

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::time::{from_seconds, parse_duration, rfc3339};

/// An enum of strings that vendors extend at will: `Other` keeps what is new.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )+
            /// A value that is not documented, as the vendor wrote it.
            Other(String),
        }

        impl $name {
            /// The vendor's text for it.
            pub fn as_str(&self) -> &str {
                match self {
                    $( $name::$variant => $text, )+
                    $name::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $( $text => $name::$variant, )+
                    _ => $name::Other(text.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        /// Shows no value that is not documented: it may be anything.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $( $name::$variant => stringify!($variant), )+
                    $name::Other(_) => "Other(..)",
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;

                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string")
                    }

                    fn visit_str<E>(self, text: &str) -> Result<$name, E> {
                        Ok(text.into())
                    }
                }

                deserializer.deserialize_str(Visitor)
            }
        }
    };
}

/// A payload: the part of an event that is the vendor's `data`. Its `Debug`
/// shows the named fields and never anything else.
macro_rules! payload {
    ($name:ident { $($shown:ident),* $(,)? }) => {
        impl crate::envelope::Payload for $name {
            fn decode<'de, D: serde::Deserializer<'de>>(data: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(data)
            }

            fn envelope(&self) -> &crate::event::Envelope {
                &self.envelope
            }

            fn envelope_mut(&mut self) -> &mut crate::event::Envelope {
                &mut self.envelope
            }
        }

        crate::fields::redacted_debug!($name { envelope, $($shown),* });
    };
}

/// `Debug` that shows the named fields and never anything else.
macro_rules! redacted_debug {
    ($name:ident { $($shown:ident),* $(,)? }) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    $( .field(stringify!($shown), &self.$shown) )*
                    .finish_non_exhaustive()
            }
        }
    };
}

/// How an object's fields become a struct's: the names that a vendor writes, the
/// field, and the kind it is read as where that is not the field's own type.
macro_rules! record {
    ($name:ident { $( $key:literal $(| $alias:literal)* => $field:ident $(: $kind:path)? ),+ $(,)? }) => {
        impl crate::fields::Object for $name {
            fn fill<'de, A: serde::de::MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
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
                        $( Key::$field => self.$field = crate::fields::record!(@ map $(, $kind)?), )+
                    }
                }
                Ok(())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::fields::object(deserializer)
            }
        }
    };
    (@ $map:ident) => { $map.next_value()? };
    (@ $map:ident, $kind:path) => {{
        let $kind(value) = $map.next_value()?;
        value
    }};
}

pub(crate) use {open_enum, payload, record, redacted_debug};

/// What is read from an object, and from nothing else: serde's structs take a list
/// for one as well. It is filled where it is, since the larger ones are long to move.
pub(crate) trait Object: Default {
    /// Sets the fields that are there.
    fn fill<'de, A: MapAccess<'de>>(&mut self, map: A) -> Result<(), A::Error>;
}

pub(crate) fn object<'de, D: Deserializer<'de>, T: Object>(deserializer: D) -> Result<T, D::Error> {
    let mut object = T::default();
    deserializer.deserialize_map(Fill(&mut object))?;
    Ok(object)
}

/// Where an object goes.
struct Fill<'a, T>(&'a mut T);

impl<'de, T: Object> Visitor<'de> for Fill<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.fill(map)
    }
}

/// Behind a pointer; it may be missing or null.
pub(crate) struct Boxed<T>(pub(crate) Option<Box<T>>);

impl<'de, T: Object> Deserialize<'de> for Boxed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OrNull<T>(PhantomData<T>);

        impl<'de, T: Object> Visitor<'de> for OrNull<T> {
            type Value = Boxed<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_none<E>(self) -> Result<Boxed<T>, E> {
                Ok(Boxed(None))
            }

            fn visit_some<D: Deserializer<'de>>(self, object: D) -> Result<Boxed<T>, D::Error> {
                let mut place = Box::<T>::default();
                object.deserialize_map(Fill(&mut *place))?;
                Ok(Boxed(Some(place)))
            }
        }

        deserializer.deserialize_option(OrNull(PhantomData))
    }
}

/// A visitor of what may be null; a kind of field that is read by it.
macro_rules! kind {
    ($(#[$meta:meta])* $kind:ident($value:ty), $expected:literal { $($visits:tt)* }) => {
        $(#[$meta])*
        pub(crate) struct $kind(pub(crate) Option<$value>);

        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct OrNull;

                impl<'de> serde::de::Visitor<'de> for OrNull {
                    type Value = $kind;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_unit<E>(self) -> Result<$kind, E> {
                        Ok($kind(None))
                    }

                    fn visit_none<E>(self) -> Result<$kind, E> {
                        Ok($kind(None))
                    }

                    fn visit_some<D: serde::Deserializer<'de>>(self, value: D) -> Result<$kind, D::Error> {
                        value.deserialize_any(self)
                    }

                    $($visits)*
                }

                deserializer.deserialize_any(OrNull)
            }
        }
    };
}

kind! {
    /// An id or a text that may arrive as a number, which becomes its decimal text.
    /// An empty one is none: as an id it would make two events the same.
    Text(String), "a string or an integer" {
        fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
            Ok(Text((!text.is_empty()).then(|| text.to_owned())))
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<Text, E> {
            Ok(Text(Some(number.to_string())))
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<Text, E> {
            Ok(Text(Some(number.to_string())))
        }
    }
}

kind! {
    /// RFC 3339, or a number of Unix seconds.
    Timestamp(DateTime<Utc>), "an RFC 3339 time or Unix seconds" {
        fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
            time::checked(rfc3339(text))
        }

        fn visit_i64<E: Error>(self, seconds: i64) -> Result<Timestamp, E> {
            time::checked(DateTime::from_timestamp(seconds, 0))
        }

        fn visit_u64<E: Error>(self, seconds: u64) -> Result<Timestamp, E> {
            time::checked(i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)))
        }

        fn visit_f64<E: Error>(self, seconds: f64) -> Result<Timestamp, E> {
            time::checked(from_seconds(seconds).and_then(|since| DateTime::UNIX_EPOCH.checked_add_signed(since)))
        }
    }
}

kind! {
    /// A number of seconds, or text such as `"120s"` and `"1.5s"`.
    Span(TimeDelta), "a number of seconds or a text such as \"120s\"" {
        fn visit_i64<E: Error>(self, seconds: i64) -> Result<Span, E> {
            duration::checked(TimeDelta::try_seconds(seconds))
        }

        fn visit_u64<E: Error>(self, seconds: u64) -> Result<Span, E> {
            duration::checked(i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds))
        }

        fn visit_f64<E: Error>(self, seconds: f64) -> Result<Span, E> {
            duration::checked(from_seconds(seconds))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
            let span = parse_duration(text).ok_or_else(|| E::custom("wrong value, expected a text such as \"120s\""))?;
            Ok(Span(Some(span)))
        }
    }
}

/// What may be missing or null is empty then.
pub(crate) struct OrEmpty<T>(pub(crate) T);

impl<'de, T: Default + Deserialize<'de>> Deserialize<'de> for OrEmpty<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| OrEmpty(value.unwrap_or_default()))
    }
}

/// How a time is written.
pub(crate) mod time {
    use chrono::{DateTime, Datelike, SecondsFormat, Utc};
    use serde::de::Error;
    use serde::{Serialize, Serializer};

    use super::Timestamp;

    pub(super) fn checked<E: Error>(time: Option<DateTime<Utc>>) -> Result<Timestamp, E> {
        if time.is_none() {
            return Err(E::custom("wrong value, expected an RFC 3339 time or Unix seconds"));
        }
        Ok(Timestamp(time))
    }

    pub(crate) fn serialize<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => Rfc3339(*time).serialize(serializer),
            None => serializer.serialize_none(),
        }
    }

    /// RFC 3339 has four digits for a year; other years are Unix seconds.
    pub(crate) struct Rfc3339(pub(crate) DateTime<Utc>);

    impl Serialize for Rfc3339 {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if !(0..=9999).contains(&self.0.year()) {
                let since = self.0.signed_duration_since(DateTime::UNIX_EPOCH);
                return super::duration::seconds::serialize(&Some(since), serializer);
            }
            serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        }
    }

    /// Whole seconds as a number; a fraction would not survive as one.
    pub(crate) struct Unix(pub(crate) DateTime<Utc>);

    impl Serialize for Unix {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if self.0.timestamp_subsec_nanos() == 0 {
                serializer.serialize_i64(self.0.timestamp())
            } else {
                Rfc3339(self.0).serialize(serializer)
            }
        }
    }
}

/// How a duration is written.
pub(crate) mod duration {
    use chrono::TimeDelta;
    use serde::de::Error;

    use super::Span;

    pub(super) fn checked<E: Error>(span: Option<TimeDelta>) -> Result<Span, E> {
        if span.is_none() {
            return Err(E::custom("wrong value, expected a shorter duration"));
        }
        Ok(Span(span))
    }

    /// As a number of seconds, unless a double cannot hold it.
    pub(crate) mod seconds {
        use serde::Serializer;

        use super::TimeDelta;
        use crate::time::{format_duration, from_seconds};

        pub(crate) fn serialize<S: Serializer>(span: &Option<TimeDelta>, serializer: S) -> Result<S::Ok, S::Error> {
            match span {
                None => serializer.serialize_none(),
                Some(span) if span.subsec_nanos() == 0 => serializer.serialize_i64(span.num_seconds()),
                Some(span) => match span.as_seconds_f64() {
                    seconds if from_seconds(seconds) == Some(*span) => serializer.serialize_f64(seconds),
                    _ => serializer.serialize_str(&format_duration(*span)),
                },
            }
        }
    }

    /// As text with the unit `s`, unless it has more than the 12 digits of that form.
    pub(crate) mod text {
        use serde::Serializer;

        use super::TimeDelta;
        use crate::time::{format_duration, parse_duration};

        pub(crate) fn serialize<S: Serializer>(span: &Option<TimeDelta>, serializer: S) -> Result<S::Ok, S::Error> {
            match span {
                None => serializer.serialize_none(),
                Some(span) => match format_duration(*span) {
                    text if parse_duration(&text) == Some(*span) => serializer.serialize_str(&text),
                    _ => super::seconds::serialize(&Some(*span), serializer),
                },
            }
        }
    }
}
