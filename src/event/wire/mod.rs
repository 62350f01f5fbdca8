//! Fields as vendors write them.
//!
//! serde's traits are implemented by macros of this crate and not by derives: a
//! field's name stands once for both ways, and nothing waits for a derive to be built.

mod kinds;
mod record;
mod written;

pub(crate) use kinds::{Borrowed, Boxed, Double, OrEmpty, Span, Suffixed, Text, Timestamp, Whole, Word};
pub(crate) use record::{Object, fill, reads, record, write, writes};
pub(crate) use written::{Rfc3339, Unix};

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
                crate::event::wire::Borrowed::deserialize(deserializer).map(|text| (*text.0).into())
            }
        }
    };
}

/// A payload: the part of an event that is the vendor's `data`, read as it is
/// written where that is another struct. Its `Debug` shows the named fields and
/// never anything else.
macro_rules! payload {
    ($name:ident from $written:ident { $($shown:ident),* $(,)? }) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut written = <$written>::default();
                crate::event::wire::fill(deserializer, &mut written)?;
                Ok(written.into())
            }
        }

        crate::event::wire::payload!($name { $($shown),* });
    };
    ($name:ident { $($shown:ident),* $(,)? }) => {
        impl crate::event::envelope::Payload for $name {
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

        crate::event::wire::redacted_debug!($name { envelope, $($shown),* });
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
