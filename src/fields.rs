//! Fields as vendors write them: one serde module, or one macro, per kind.

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
                crate::fields::object::deserialize(data)
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

pub(crate) use {open_enum, payload, redacted_debug};

/// An object, and nothing else: serde's structs take a list for one as well.
pub(crate) mod object {
    use std::fmt;
    use std::marker::PhantomData;

    use serde::de::value::MapAccessDeserializer;
    use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(Object(PhantomData))
    }

    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    /// What may be missing or null.
    pub(crate) mod optional {
        use super::{Deserialize, Deserializer, Only};

        pub(crate) fn deserialize<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
        where
            D: Deserializer<'de>,
            T: Deserialize<'de>,
        {
            Ok(Option::deserialize(deserializer)?.map(|Only(object)| object))
        }
    }

    /// A list of objects that may be missing or null.
    pub(crate) mod list {
        use super::{Deserialize, Deserializer, Only};

        pub(crate) fn deserialize<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
        where
            D: Deserializer<'de>,
            T: Deserialize<'de>,
        {
            let list: Option<Vec<Only<T>>> = Option::deserialize(deserializer)?;
            Ok(list.map(|list| list.into_iter().map(|Only(object)| object).collect()))
        }
    }

    #[derive(serde::Deserialize)]
    #[serde(bound(deserialize = "T: Deserialize<'de>"))]
    struct Only<T>(#[serde(deserialize_with = "deserialize")] T);
}

/// Deserialises an optional field through a visitor for its present value.
macro_rules! optional {
    ($visitor:ty) => {
        pub(crate) fn deserialize<'de, D>(
            deserializer: D,
        ) -> Result<Option<<$visitor as serde::de::Visitor<'de>>::Value>, D::Error>
        where
            D: serde::Deserializer<'de>,
        {
            struct Optional;

            impl<'de> serde::de::Visitor<'de> for Optional {
                type Value = Option<<$visitor as serde::de::Visitor<'de>>::Value>;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    <$visitor>::default().expecting(f)
                }

                fn visit_none<E>(self) -> Result<Self::Value, E> {
                    Ok(None)
                }

                fn visit_some<D: serde::Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
                    value.deserialize_any(<$visitor>::default()).map(Some)
                }
            }

            deserializer.deserialize_option(Optional)
        }
    };
}

/// An id or a text that may arrive as a number, which becomes its decimal text.
/// An empty one is none: as an id it would make two events the same.
pub(crate) mod text {
    use std::fmt;

    use serde::de::{Deserializer, Error, Visitor};

    #[derive(Default)]
    pub(crate) struct Text;

    impl Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string or an integer")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        Ok(present::deserialize(deserializer)?.filter(|text| !text.is_empty()))
    }

    mod present {
        optional!(super::Text);
    }
}

/// A time: RFC 3339, or a number of Unix seconds.
pub(crate) mod time {
    use std::fmt;

    use chrono::{DateTime, Datelike, SecondsFormat, Utc};
    use serde::de::{Error, Visitor};
    use serde::{Serialize, Serializer};

    use crate::time::{from_seconds, rfc3339};

    #[derive(Default)]
    pub(crate) struct Time;

    impl Visitor<'_> for Time {
        type Value = DateTime<Utc>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an RFC 3339 time or Unix seconds")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            rfc3339(text).ok_or_else(no_time)
        }

        fn visit_i64<E: Error>(self, seconds: i64) -> Result<Self::Value, E> {
            DateTime::from_timestamp(seconds, 0).ok_or_else(no_time)
        }

        fn visit_u64<E: Error>(self, seconds: u64) -> Result<Self::Value, E> {
            i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).ok_or_else(no_time)
        }

        fn visit_f64<E: Error>(self, seconds: f64) -> Result<Self::Value, E> {
            from_seconds(seconds).and_then(|since| DateTime::UNIX_EPOCH.checked_add_signed(since)).ok_or_else(no_time)
        }
    }

    fn no_time<E: Error>() -> E {
        E::custom("wrong value, expected an RFC 3339 time or Unix seconds")
    }

    optional!(Time);

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

/// A duration: a number of seconds, or text such as `"120s"` and `"1.5s"`.
pub(crate) mod duration {
    use std::fmt;

    use chrono::TimeDelta;
    use serde::de::{Error, Visitor};

    use crate::time::{from_seconds, parse_duration};

    #[derive(Default)]
    pub(crate) struct Duration;

    impl Visitor<'_> for Duration {
        type Value = TimeDelta;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number of seconds or a text such as \"120s\"")
        }

        fn visit_i64<E: Error>(self, seconds: i64) -> Result<TimeDelta, E> {
            TimeDelta::try_seconds(seconds).ok_or_else(too_long)
        }

        fn visit_u64<E: Error>(self, seconds: u64) -> Result<TimeDelta, E> {
            i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds).ok_or_else(too_long)
        }

        fn visit_f64<E: Error>(self, seconds: f64) -> Result<TimeDelta, E> {
            from_seconds(seconds).ok_or_else(too_long)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<TimeDelta, E> {
            parse_duration(text).ok_or_else(|| E::custom("wrong value, expected a text such as \"120s\""))
        }
    }

    fn too_long<E: Error>() -> E {
        E::custom("wrong value, expected a shorter duration")
    }

    optional!(Duration);

    /// As a number of seconds, unless a double cannot hold it.
    pub(crate) mod seconds {
        use serde::Serializer;

        use super::TimeDelta;
        pub(crate) use super::deserialize;
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
        pub(crate) use super::deserialize;
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
