//! The macro that makes a vendor's vocabulary.

/// A vendor's events: the enum, its names, its way to and from JSON.
macro_rules! events {
    (
        fields: $fields:expr;
        $(#[$meta:meta])*
        pub enum Event {
            $( $(#[$variant_meta:meta])* $variant:ident($payload:ty) = $name:literal $(| $alias:literal)*, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Event {
            $( $(#[$variant_meta])* $variant($payload), )+
            /// An event that is not documented.
            Unknown(crate::event::Unknown),
            /// A documented event that does not have its documented form.
            Undecodable(crate::event::Undecodable),
        }

        impl Event {
            /// Understands a body that was verified before, such as one from a queue.
            ///
            /// # Errors
            ///
            /// A body that is not an envelope of this vendor.
            pub fn from_json(body: &[u8]) -> Result<Self, crate::event::ParseError> {
                crate::event::envelope::parse(body)
            }

            /// What stands around the data.
            pub fn envelope(&self) -> &crate::event::Envelope {
                match self {
                    $( Event::$variant(payload) => crate::event::envelope::Payload::envelope(payload), )+
                    Event::Unknown(unknown) => &unknown.envelope,
                    Event::Undecodable(undecodable) => &undecodable.envelope,
                }
            }

            /// The vendor's name for this event, aliases normalised.
            pub fn name(&self) -> &str {
                match self {
                    $( Event::$variant(_) => $name, )+
                    Event::Unknown(unknown) => &unknown.name,
                    Event::Undecodable(undecodable) => &undecodable.name,
                }
            }
        }

        /// Writes the event in the vendor's form, which parses to the same event.
        impl serde::Serialize for Event {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $( Event::$variant(payload) => {
                        crate::event::envelope::serialize::<Self, S>($name, self.envelope(), payload, serializer)
                    } )+
                    Event::Unknown(unknown) => {
                        crate::event::envelope::serialize::<Self, S>(&unknown.name, &unknown.envelope, &unknown.data, serializer)
                    }
                    Event::Undecodable(undecodable) => undecodable.body.serialize(serializer),
                }
            }
        }

        #[derive(Clone, Copy)]
        pub(crate) enum Kind { $( $variant ),+ }

        impl crate::event::envelope::Vocabulary for Event {
            const FIELDS: crate::event::envelope::Fields = $fields;

            type Kind = Kind;

            fn kind(name: &str) -> Option<Kind> {
                match name {
                    $( $name $(| $alias)* => Some(Kind::$variant), )+
                    _ => None,
                }
            }

            fn kind_name(kind: Kind) -> &'static str {
                match kind {
                    $( Kind::$variant => $name, )+
                }
            }

            fn decode<'de, D: serde::Deserializer<'de>>(
                kind: Kind,
                data: D,
                event: &mut Option<Self>,
            ) -> Result<(), D::Error> {
                *event = Some(match kind {
                    $( Kind::$variant => Event::$variant(crate::event::envelope::Payload::decode(data)?), )+
                });
                Ok(())
            }

            fn unknown(unknown: crate::event::Unknown) -> Self {
                Event::Unknown(unknown)
            }

            fn undecodable(undecodable: crate::event::Undecodable) -> Self {
                Event::Undecodable(undecodable)
            }

            fn envelope_mut(&mut self) -> &mut crate::event::Envelope {
                match self {
                    $( Event::$variant(payload) => crate::event::envelope::Payload::envelope_mut(payload), )+
                    Event::Unknown(unknown) => &mut unknown.envelope,
                    Event::Undecodable(undecodable) => &mut undecodable.envelope,
                }
            }
        }
    };
}

pub(crate) use events;
