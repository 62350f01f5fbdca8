//! From a body to an event, in one pass.
//!
//! Vendors differ in the names of an envelope's fields and in their payloads;
//! reading it is the same work for all. Where the name stands before the data,
//! the data goes straight into its type. Where it stands after, or where
//! something does not fit, the data's text is kept and understood afterwards.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::error::ParseError;
use crate::event::{Envelope, Undecodable, Unknown};
use crate::fields;
use crate::json::RawJson;

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
    fn time_name(&self) -> Option<&'static str> {
        match self.time? {
            Time::Rfc3339(name) | Time::Unix(name) => Some(name),
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
    fn decode<'de, D: Deserializer<'de>>(kind: Self::Kind, data: D) -> Result<Self, D::Error>;
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
    // What does not fit may be the data or the JSON; only text tells which.
    if let Ok(found) = read::<V>(text, true)
        && let Some(event) = found.understand(text)
    {
        return Ok(event);
    }
    read::<V>(text, false)?.understand(text).ok_or(ParseError::NotAnObject)
}

/// Understands a body that is, as a whole, of a type of the user's. One that is an
/// object and does not fit is not lost.
pub(crate) fn decode<E: DeserializeOwned>(name: &str, body: &[u8]) -> Result<Result<E, Undecodable>, ParseError> {
    let text = object(body)?;
    let error = match serde_json::from_str(text) {
        Ok(event) => return Ok(Ok(event)),
        Err(error) => error,
    };
    let body = RawJson::from_text(text).ok_or_else(|| ParseError::from_json(&error))?;
    Ok(Err(Undecodable {
        envelope: Envelope::default(),
        name: name.to_owned(),
        data: body.clone(),
        body,
        reason: reason(&error),
    }))
}

/// The text of a body that begins as an object.
pub(crate) fn object(body: &[u8]) -> Result<&str, ParseError> {
    let text = std::str::from_utf8(body).map_err(|_| ParseError::NotUtf8)?;
    if text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
        return Ok(text);
    }
    Err(match serde_json::from_str::<IgnoredAny>(text) {
        Ok(IgnoredAny) => ParseError::NotAnObject,
        Err(error) => ParseError::from_json(&error),
    })
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
        (Some(Time::Rfc3339(field)), Some(time)) => map.serialize_entry(field, &fields::time::Rfc3339(time))?,
        (Some(Time::Unix(field)), Some(time)) => map.serialize_entry(field, &fields::time::Unix(time))?,
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

/// An envelope whose parts have been found and not yet understood.
struct Found<'de, V> {
    name: Cow<'de, str>,
    data: Data<'de, V>,
    time: Option<&'de RawValue>,
    ids: [Option<&'de RawValue>; 2],
    test: Option<&'de RawValue>,
}

enum Data<'de, V> {
    Event(V),
    Text(&'de RawValue),
}

fn read<V: Vocabulary>(text: &str, eager: bool) -> Result<Found<'_, V>, ParseError> {
    let fault = Cell::new(None);
    let visitor = EnvelopeVisitor::<V> { eager, fault: &fault, vocabulary: PhantomData };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let found = deserializer.deserialize_map(visitor);
    found.and_then(|found| deserializer.end().map(|()| found)).map_err(|error| match fault.take() {
        Some(fault) => fault,
        None if error.classify() == Category::Data => ParseError::NotAnObject,
        None => ParseError::from_json(&error),
    })
}

impl<V: Vocabulary> Found<'_, V> {
    /// The event; undecodable if something does not fit. `None` when the data
    /// has gone into its type already and the rest does not fit.
    fn understand(self, text: &str) -> Option<V> {
        let mut envelope = Envelope::default();
        let mut faults = Vec::new();
        let mut note = |field: &str, error: serde_json::Error| faults.push(format!("{field}: {}", reason(&error)));

        for (id, field) in self.ids.into_iter().zip(V::FIELDS.ids) {
            match id.map(fields::text::deserialize).transpose() {
                Ok(id) => envelope.id = envelope.id.or(id.flatten()),
                Err(error) => note(field.unwrap_or_default(), error),
            }
        }
        match self.time.map(fields::time::deserialize).transpose() {
            Ok(time) => envelope.timestamp = time.flatten(),
            Err(error) => note(V::FIELDS.time_name().unwrap_or_default(), error),
        }
        match self.test.map(|test| serde_json::from_str::<Option<bool>>(test.get())).transpose() {
            Ok(test) => envelope.test = test.flatten().unwrap_or(false),
            Err(error) => note(V::FIELDS.test.unwrap_or_default(), error),
        }

        let kind = V::kind(&self.name);
        let (event, data) = match (self.data, kind) {
            (Data::Event(event), _) => (Some(event), None),
            (Data::Text(data), Some(kind)) => match V::decode(kind, data) {
                Ok(event) => (Some(event), Some(data)),
                Err(error) => {
                    note(V::FIELDS.data, error);
                    (None, Some(data))
                }
            },
            (Data::Text(data), None) => {
                let name = self.name.clone().into_owned();
                let unknown = Unknown { envelope: Envelope::default(), name, data: data.into() };
                (Some(V::unknown(unknown)), Some(data))
            }
        };
        if let Some(mut event) = event
            && faults.is_empty()
        {
            *event.envelope_mut() = envelope;
            return Some(event);
        }
        Some(V::undecodable(Undecodable {
            envelope,
            name: kind.map_or(self.name, |kind| V::kind_name(kind).into()).into_owned(),
            data: data?.into(),
            body: RawJson::from_text(text)?,
            reason: faults.join("; "),
        }))
    }
}

struct EnvelopeVisitor<'f, V> {
    eager: bool,
    fault: &'f Cell<Option<ParseError>>,
    vocabulary: PhantomData<V>,
}

impl<V> EnvelopeVisitor<'_, V> {
    fn fail<E: serde::de::Error>(&self, fault: ParseError) -> E {
        let error = E::custom(&fault);
        self.fault.set(Some(fault));
        error
    }

    fn once<'de, A: MapAccess<'de>>(
        &self,
        map: &mut A,
        field: &'static str,
        place: &mut Option<&'de RawValue>,
    ) -> Result<(), A::Error> {
        match place {
            Some(_) => Err(self.fail(ParseError::RepeatedField { field })),
            None => {
                *place = Some(map.next_value()?);
                Ok(())
            }
        }
    }
}

impl<'de, V: Vocabulary> Visitor<'de> for EnvelopeVisitor<'_, V> {
    type Value = Found<'de, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let fields = V::FIELDS;
        let mut name: Option<Cow<'de, str>> = None;
        let (mut time, mut ids, mut test) = (None, [None; 2], None);
        let mut data = None;
        while let Some(field) = map.next_key_seed(FieldSeed(&fields))? {
            match field {
                Field::Name if name.is_some() => {
                    return Err(self.fail(ParseError::RepeatedField { field: fields.name }));
                }
                Field::Name => {
                    let text: &RawValue = map.next_value()?;
                    name = match text.get() {
                        "null" => nameless::<V>(),
                        text => serde_json::from_str(text).ok().map(|Text(name)| name).filter(|name| !name.is_empty()),
                    };
                    if name.is_none() {
                        return Err(self.fail(ParseError::MissingField { field: fields.name }));
                    }
                }
                Field::Data if data.is_some() => {
                    return Err(self.fail(ParseError::RepeatedField { field: fields.data }));
                }
                Field::Data => {
                    let kind = name.as_deref().filter(|_| self.eager).and_then(V::kind);
                    data = Some(match kind {
                        Some(kind) => Data::Event(map.next_value_seed(DataSeed::<V>(kind))?),
                        None => Data::Text(map.next_value()?),
                    });
                }
                Field::Time(field) => self.once(&mut map, field, &mut time)?,
                Field::Test(field) => self.once(&mut map, field, &mut test)?,
                Field::FirstId(field) => {
                    let [first, _] = &mut ids;
                    self.once(&mut map, field, first)?;
                }
                Field::SecondId(field) => {
                    let [_, second] = &mut ids;
                    self.once(&mut map, field, second)?;
                }
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let missing = |field| self.fail(ParseError::MissingField { field });
        Ok(Found {
            name: name.or_else(|| nameless::<V>()).ok_or_else(|| missing(fields.name))?,
            data: data.ok_or_else(|| missing(fields.data))?,
            time,
            ids,
            test,
        })
    }
}

/// The name of an event whose envelope names none, where the vendor has such an
/// event: it stands in the vocabulary under the empty name.
fn nameless<V: Vocabulary>() -> Option<Cow<'static, str>> {
    V::kind("").map(|kind| V::kind_name(kind).into())
}

struct DataSeed<V: Vocabulary>(V::Kind);

impl<'de, V: Vocabulary> DeserializeSeed<'de> for DataSeed<V> {
    type Value = V;

    fn deserialize<D: Deserializer<'de>>(self, data: D) -> Result<V, D::Error> {
        V::decode(self.0, data)
    }
}

enum Field {
    Name,
    Data,
    Time(&'static str),
    FirstId(&'static str),
    SecondId(&'static str),
    Test(&'static str),
    Other,
}

struct FieldSeed<'a>(&'a Fields);

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
        let fields = self.0;
        let is = |name: Option<&'static str>| name.filter(|name| *name == key);
        let [first_id, second_id] = fields.ids;
        Ok(if key == fields.name {
            Field::Name
        } else if key == fields.data {
            Field::Data
        } else if let Some(name) = is(fields.time_name()) {
            Field::Time(name)
        } else if let Some(name) = is(first_id) {
            Field::FirstId(name)
        } else if let Some(name) = is(second_id) {
            Field::SecondId(name)
        } else if let Some(name) = is(fields.test) {
            Field::Test(name)
        } else {
            Field::Other
        })
    }
}

/// Text that borrows from the body unless it has escapes.
#[derive(serde::Deserialize)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

/// What does not fit, without the value that stands there, which serde's
/// message quotes before its last `, expected `.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(", expected ").and_then(|at| message.get(at..)) {
        Some(expected) => expected.trim_start_matches(", ").to_owned(),
        None => message,
    }
}

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
            pub fn from_json(body: &[u8]) -> Result<Self, crate::error::ParseError> {
                crate::envelope::parse(body)
            }

            /// What stands around the data.
            pub fn envelope(&self) -> &crate::event::Envelope {
                match self {
                    $( Event::$variant(payload) => crate::envelope::Payload::envelope(payload), )+
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
                        crate::envelope::serialize::<Self, S>($name, self.envelope(), payload, serializer)
                    } )+
                    Event::Unknown(unknown) => {
                        crate::envelope::serialize::<Self, S>(&unknown.name, &unknown.envelope, &unknown.data, serializer)
                    }
                    Event::Undecodable(undecodable) => undecodable.body.serialize(serializer),
                }
            }
        }

        #[derive(Clone, Copy)]
        pub(crate) enum Kind { $( $variant ),+ }

        impl crate::envelope::Vocabulary for Event {
            const FIELDS: crate::envelope::Fields = $fields;

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

            fn decode<'de, D: serde::Deserializer<'de>>(kind: Kind, data: D) -> Result<Self, D::Error> {
                match kind {
                    $( Kind::$variant => crate::envelope::Payload::decode(data).map(Event::$variant), )+
                }
            }

            fn unknown(unknown: crate::event::Unknown) -> Self {
                Event::Unknown(unknown)
            }

            fn undecodable(undecodable: crate::event::Undecodable) -> Self {
                Event::Undecodable(undecodable)
            }

            fn envelope_mut(&mut self) -> &mut crate::event::Envelope {
                match self {
                    $( Event::$variant(payload) => crate::envelope::Payload::envelope_mut(payload), )+
                    Event::Unknown(unknown) => &mut unknown.envelope,
                    Event::Undecodable(undecodable) => &mut undecodable.envelope,
                }
            }
        }
    };
}

pub(crate) use events;
