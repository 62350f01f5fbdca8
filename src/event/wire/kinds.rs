//! Kinds of fields: what a vendor writes for them, and what we do.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, SerializeMap};

use super::record::{Object, fill, write};
use super::written::{Rfc3339, Seconds, WithUnit};
use crate::event::Amount;
use crate::time::{from_seconds, is_rfc3339, parse_duration, rfc3339};

/// Behind a pointer; it may be missing or null.
pub(crate) struct Boxed<T>(pub(crate) Option<Box<T>>);

impl<'de, T: Object<'de>> Deserialize<'de> for Boxed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OrNull<T>(PhantomData<T>);

        impl<'de, T: Object<'de>> Visitor<'de> for OrNull<T> {
            type Value = Boxed<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_none<E>(self) -> Result<Boxed<T>, E> {
                Ok(Boxed(None))
            }

            fn visit_some<D: Deserializer<'de>>(self, object: D) -> Result<Boxed<T>, D::Error> {
                let mut place = Box::<T>::default();
                fill(object, &mut *place)?;
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

/// Text that borrows from the body unless it has escapes.
pub(crate) struct Borrowed<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Borrowed<'de> {
    fn deserialize<D: Deserializer<'de>>(text: D) -> Result<Self, D::Error> {
        struct BorrowedVisitor;

        impl<'de> Visitor<'de> for BorrowedVisitor {
            type Value = Borrowed<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Borrowed<'de>, E> {
                Ok(Borrowed(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Borrowed<'de>, E> {
                Ok(Borrowed(Cow::Owned(text.to_owned())))
            }
        }

        text.deserialize_str(BorrowedVisitor)
    }
}

/// One of the vendor's words, which may be null.
pub(crate) struct Word<T>(pub(crate) Option<T>);

impl<'de, T: for<'t> From<&'t str>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(word: D) -> Result<Self, D::Error> {
        let word: Option<Borrowed<'de>> = Option::deserialize(word)?;
        Ok(Word(word.map(|Borrowed(word)| (&*word).into())))
    }
}

impl<T: Serialize> Word<T> {
    pub(crate) fn write<M: SerializeMap>(field: &Option<T>, key: &'static str, map: &mut M) -> Result<(), M::Error> {
        write(field, key, map)
    }
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
            checked_time(rfc3339(text))
        }

        fn visit_i64<E: Error>(self, seconds: i64) -> Result<Timestamp, E> {
            checked_time(DateTime::from_timestamp(seconds, 0))
        }

        fn visit_u64<E: Error>(self, seconds: u64) -> Result<Timestamp, E> {
            checked_time(i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)))
        }

        fn visit_f64<E: Error>(self, seconds: f64) -> Result<Timestamp, E> {
            let time = from_seconds(seconds).and_then(|since| DateTime::UNIX_EPOCH.checked_add_signed(since));
            checked_time(time.and_then(|time| match is_rfc3339(&time) {
                true => Some(time),
                false => DateTime::from_timestamp(time.timestamp(), 0),
            }))
        }
    }
}

kind! {
    /// A number of seconds, or text such as `"120s"` and `"1.5s"`.
    Span(TimeDelta), "a number of seconds or a text such as \"120s\"" {
        fn visit_i64<E: Error>(self, seconds: i64) -> Result<Span, E> {
            checked_span(TimeDelta::try_seconds(seconds))
        }

        fn visit_u64<E: Error>(self, seconds: u64) -> Result<Span, E> {
            checked_span(i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds))
        }

        fn visit_f64<E: Error>(self, seconds: f64) -> Result<Span, E> {
            checked_span(from_seconds(seconds))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
            let span = parse_duration(text).ok_or_else(|| E::custom("wrong value, expected a text such as \"120s\""))?;
            Ok(Span(Some(span)))
        }
    }
}

/// A double, to its last bit: serde_json's own way to one is fast and may miss it.
pub(crate) struct Double(pub(crate) Option<f64>);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number: Option<Amount> = Option::deserialize(deserializer)?;
        Ok(Double(number.map(|number| number.to_f64())))
    }
}

/// What may be missing or null is empty then.
pub(crate) struct OrEmpty<T>(pub(crate) T);

impl<'de, T: Default + Deserialize<'de>> Deserialize<'de> for OrEmpty<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| OrEmpty(value.unwrap_or_default()))
    }
}

fn checked_time<E: Error>(time: Option<DateTime<Utc>>) -> Result<Timestamp, E> {
    if time.is_none() {
        return Err(E::custom("wrong value, expected an RFC 3339 time or Unix seconds"));
    }
    Ok(Timestamp(time))
}

fn checked_span<E: Error>(span: Option<TimeDelta>) -> Result<Span, E> {
    if span.is_none() {
        return Err(E::custom("wrong value, expected a shorter duration"));
    }
    Ok(Span(span))
}

/// Read as a [`Span`] is, and written as a text such as `"120s"`.
pub(crate) struct Suffixed(pub(crate) Option<TimeDelta>);

impl<'de> Deserialize<'de> for Suffixed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Span::deserialize(deserializer).map(|Span(span)| Suffixed(span))
    }
}

/// Written whatever it holds; only ever written.
pub(crate) struct Whole;

/// Writes an optional field by what stands for its value.
macro_rules! writes_as {
    ($( $kind:ident($value:ty) as $written:expr; )+) => { $(
        impl $kind {
            pub(crate) fn write<M: SerializeMap>(
                field: &Option<$value>,
                key: &'static str,
                map: &mut M,
            ) -> Result<(), M::Error> {
                write(&field.as_ref().map($written), key, map)
            }
        }
    )+ };
}

writes_as! {
    Double(f64) as |number| *number;
    Text(String) as String::as_str;
    Timestamp(DateTime<Utc>) as |time| Rfc3339(*time);
    Span(TimeDelta) as |span| Seconds(*span);
    Suffixed(TimeDelta) as |span| WithUnit(*span);
}

impl<K: Serialize, V: Serialize> OrEmpty<BTreeMap<K, V>> {
    pub(crate) fn write<M: SerializeMap>(
        field: &BTreeMap<K, V>,
        key: &'static str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        write(&Some(field).filter(|field| !field.is_empty()), key, map)
    }
}

impl Whole {
    pub(crate) fn write<T: Serialize, M: SerializeMap>(
        field: &T,
        key: &'static str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry(key, field)
    }
}
