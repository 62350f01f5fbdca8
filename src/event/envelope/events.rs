//! The macro that defines a vendor's events.

/// Defines the enum of a vendor's events, with the name of each, and how a body becomes
/// one of them and back.
macro_rules! events {
    (
        layout: $layout:expr;
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
            /// A documented event whose data does not have the documented form.
            Undecodable(crate::event::Undecodable),
        }

        impl Event {
            /// Parses a body that was verified before, such as one from a queue.
            ///
            /// # Errors
            ///
            /// A body that is not an envelope of this vendor.
            pub fn parse(body: &[u8]) -> Result<crate::event::Parsed<Self>, crate::event::ParseError> {
                crate::event::envelope::parse(body)
            }
        }

        /// Writes the vendor's form, which parses to the same envelope and event.
        impl serde::Serialize for crate::event::Parsed<Event> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.event() {
                    $( Event::$variant(payload) => crate::event::envelope::write(self, payload, serializer), )+
                    Event::Unknown(unknown) => crate::event::envelope::write(self, &unknown.data, serializer),
                    Event::Undecodable(undecodable) => undecodable.body.serialize(serializer),
                }
            }
        }

        #[derive(Clone, Copy)]
        pub(crate) enum Documented { $( $variant ),+ }

        impl crate::event::envelope::Vocabulary for Event {
            const LAYOUT: crate::event::envelope::Layout = $layout;

            type Documented = Documented;

            fn documented(name: &str) -> Option<Documented> {
                match name {
                    $( $name $(| $alias)* => Some(Documented::$variant), )+
                    _ => None,
                }
            }

            fn documented_name(documented: Documented) -> &'static str {
                match documented {
                    $( Documented::$variant => $name, )+
                }
            }

            fn decode<'de, D: serde::Deserializer<'de>>(documented: Documented, data: D) -> Result<Self, D::Error> {
                match documented {
                    $( Documented::$variant => crate::event::envelope::Payload::read(data).map(Event::$variant), )+
                }
            }

            fn unknown(unknown: crate::event::Unknown) -> Self {
                Event::Unknown(unknown)
            }

            fn undecodable(undecodable: crate::event::Undecodable) -> Self {
                Event::Undecodable(undecodable)
            }

            fn event_name(&self) -> &str {
                match self {
                    $( Event::$variant(_) => $name, )+
                    Event::Unknown(unknown) => &unknown.name,
                    Event::Undecodable(undecodable) => &undecodable.name,
                }
            }

            fn as_undecodable(&self) -> Option<&crate::event::Undecodable> {
                match self {
                    Event::Undecodable(undecodable) => Some(undecodable),
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use events;
