//! From a body to an event, in one pass.
//!
//! Vendors differ in the names of an envelope's fields and in their payloads;
//! reading it is the same work for all. Where the name stands before the data,
//! the data goes straight into its type; where it stands after, the data's text
//! is kept until then. Where something does not fit, the envelope is read again in
//! parts, to tell what it is and to lose nothing.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
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
    const fn time_name(&self) -> Option<&'static str> {
        match self.time {
            Some(Time::Rfc3339(name) | Time::Unix(name)) => Some(name),
            None => None,
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
    /// Understands the data, and puts the event into its place.
    fn decode<'de, D: Deserializer<'de>>(kind: Self::Kind, data: D, event: &mut Option<Self>) -> Result<(), D::Error>;
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
    let mut event = None;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = deserializer.deserialize_map(Documented(&mut event));
    match event {
        Some(event) if read.is_ok() && deserializer.end().is_ok() => Ok(event),
        // What does not fit may be the data or the JSON; only its parts tell which.
        _ => parts::<V>(text)?.understand(text).ok_or(ParseError::NotAnObject),
    }
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
        while let Some(field) = map.next_key_seed(FieldSeed::<V>(PhantomData))? {
            match field {
                Field::Name if name.is_none() => name = Some(map.next_value_seed(NameSeed::<V>(PhantomData))?),
                Field::Data if data.is_none() && event.is_none() => match name {
                    Some(Name::Documented(kind)) => map.next_value_seed(DataSeed { kind, event })?,
                    _ => data = Some(map.next_value::<&RawValue>()?),
                },
                Field::Time if time.is_none() => time = Some(map.next_value::<fields::Timestamp>()?.0),
                Field::FirstId if first_id.is_none() => first_id = Some(map.next_value::<fields::Text>()?.0),
                Field::SecondId if second_id.is_none() => second_id = Some(map.next_value::<fields::Text>()?.0),
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
                DataSeed { kind, event }.deserialize(data).map_err(A::Error::custom)?;
            }
            (Some(Name::Other(name)), Some(data)) => {
                let (name, data) = (name.into_owned(), data.into());
                *event = Some(V::unknown(Unknown { envelope: Envelope::default(), name, data }));
            }
            (_, None) | (None, _) => {}
        }
        let event = event.as_mut().ok_or_else(|| A::Error::custom("a missing field"))?;
        *event.envelope_mut() = envelope;
        Ok(())
    }
}

enum Name<'de, K> {
    Documented(K),
    Other(Cow<'de, str>),
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
            None => Ok(Name::Other(Cow::Borrowed(name))),
        }
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        match V::kind(name) {
            _ if name.is_empty() => Err(E::custom("an empty name")),
            Some(kind) => Ok(Name::Documented(kind)),
            None => Ok(Name::Other(Cow::Owned(name.to_owned()))),
        }
    }
}

/// An envelope whose parts have been found and not yet understood.
struct Parts<'de, V> {
    name: Cow<'de, str>,
    data: &'de RawValue,
    time: Option<&'de RawValue>,
    ids: [Option<&'de RawValue>; 2],
    test: Option<&'de RawValue>,
    vocabulary: PhantomData<V>,
}

fn parts<V: Vocabulary>(text: &str) -> Result<Parts<'_, V>, ParseError> {
    let fault = Cell::new(None);
    let visitor = PartsVisitor::<V> { fault: &fault, vocabulary: PhantomData };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let found = deserializer.deserialize_map(visitor);
    found.and_then(|found| deserializer.end().map(|()| found)).map_err(|error| match fault.take() {
        Some(fault) => fault,
        None if error.classify() == Category::Data => ParseError::NotAnObject,
        None => ParseError::from_json(&error),
    })
}

impl<V: Vocabulary> Parts<'_, V> {
    /// The event; undecodable if something does not fit.
    fn understand(self, text: &str) -> Option<V> {
        let mut envelope = Envelope::default();
        let mut faults = Vec::new();
        let mut note = |field: &str, error: serde_json::Error| faults.push(format!("{field}: {}", reason(&error)));

        for (id, field) in self.ids.into_iter().zip(V::FIELDS.ids) {
            match id.map(fields::Text::deserialize).transpose() {
                Ok(id) => envelope.id = envelope.id.or(id.and_then(|fields::Text(id)| id)),
                Err(error) => note(field.unwrap_or_default(), error),
            }
        }
        match self.time.map(fields::Timestamp::deserialize).transpose() {
            Ok(time) => envelope.timestamp = time.and_then(|fields::Timestamp(time)| time),
            Err(error) => note(V::FIELDS.time_name().unwrap_or_default(), error),
        }
        match self.test.map(|test| serde_json::from_str::<Option<bool>>(test.get())).transpose() {
            Ok(test) => envelope.test = test.flatten().unwrap_or(false),
            Err(error) => note(V::FIELDS.test.unwrap_or_default(), error),
        }

        let kind = V::kind(&self.name);
        let mut event = None;
        match kind {
            Some(kind) => {
                if let Err(error) = V::decode(kind, self.data, &mut event) {
                    note(V::FIELDS.data, error);
                }
            }
            None => {
                let name = self.name.clone().into_owned();
                event = Some(V::unknown(Unknown { envelope: Envelope::default(), name, data: self.data.into() }));
            }
        }
        if let Some(mut event) = event
            && faults.is_empty()
        {
            *event.envelope_mut() = envelope;
            return Some(event);
        }
        Some(V::undecodable(Undecodable {
            envelope,
            name: kind.map_or(self.name, |kind| V::kind_name(kind).into()).into_owned(),
            data: self.data.into(),
            body: RawJson::from_text(text)?,
            reason: faults.join("; "),
        }))
    }
}

struct PartsVisitor<'f, V> {
    fault: &'f Cell<Option<ParseError>>,
    vocabulary: PhantomData<V>,
}

impl<V> PartsVisitor<'_, V> {
    fn fail<E: Error>(&self, fault: ParseError) -> E {
        let error = E::custom(&fault);
        self.fault.set(Some(fault));
        error
    }

    fn once<'de, A: MapAccess<'de>>(
        &self,
        map: &mut A,
        field: Option<&'static str>,
        place: &mut Option<&'de RawValue>,
    ) -> Result<(), A::Error> {
        match place {
            Some(_) => Err(self.fail(ParseError::RepeatedField { field: field.unwrap_or_default() })),
            None => {
                *place = Some(map.next_value()?);
                Ok(())
            }
        }
    }
}

impl<'de, V: Vocabulary> Visitor<'de> for PartsVisitor<'_, V> {
    type Value = Parts<'de, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let fields = V::FIELDS;
        let mut name: Option<Cow<'de, str>> = None;
        let (mut time, mut ids, mut test) = (None, [None; 2], None);
        let mut data = None;
        while let Some(field) = map.next_key_seed(FieldSeed::<V>(PhantomData))? {
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
                Field::Data => self.once(&mut map, Some(fields.data), &mut data)?,
                Field::Time => self.once(&mut map, fields.time_name(), &mut time)?,
                Field::Test => self.once(&mut map, fields.test, &mut test)?,
                Field::FirstId => {
                    let ([field, _], [id, _]) = (fields.ids, &mut ids);
                    self.once(&mut map, field, id)?;
                }
                Field::SecondId => {
                    let ([_, field], [_, id]) = (fields.ids, &mut ids);
                    self.once(&mut map, field, id)?;
                }
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let missing = |field| self.fail(ParseError::MissingField { field });
        Ok(Parts {
            name: name.or_else(|| nameless::<V>()).ok_or_else(|| missing(fields.name))?,
            data: data.ok_or_else(|| missing(fields.data))?,
            time,
            ids,
            test,
            vocabulary: PhantomData,
        })
    }
}

/// The name of an event whose envelope names none, where the vendor has such an
/// event: it stands in the vocabulary under the empty name.
fn nameless<V: Vocabulary>() -> Option<Cow<'static, str>> {
    V::kind("").map(|kind| V::kind_name(kind).into())
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

enum Field {
    Name,
    Data,
    Time,
    FirstId,
    SecondId,
    Test,
    Other,
}

struct FieldSeed<V>(PhantomData<V>);

impl<'de, V: Vocabulary> DeserializeSeed<'de> for FieldSeed<V> {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<Field, D::Error> {
        key.deserialize_identifier(self)
    }
}

impl<V: Vocabulary> Visitor<'_> for FieldSeed<V> {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Field, E> {
        let Fields { name, data, ids: [first_id, second_id], test, .. } = const { V::FIELDS };
        let is = |name: Option<&str>| name == Some(key);
        Ok(if key == name {
            Field::Name
        } else if key == data {
            Field::Data
        } else if is(const { V::FIELDS.time_name() }) {
            Field::Time
        } else if is(first_id) {
            Field::FirstId
        } else if is(second_id) {
            Field::SecondId
        } else if is(test) {
            Field::Test
        } else {
            Field::Other
        })
    }
}

/// Text that borrows from the body unless it has escapes.
#[derive(Deserialize)]
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

            fn decode<'de, D: serde::Deserializer<'de>>(
                kind: Kind,
                data: D,
                event: &mut Option<Self>,
            ) -> Result<(), D::Error> {
                *event = Some(match kind {
                    $( Kind::$variant => Event::$variant(crate::envelope::Payload::decode(data)?), )+
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
                    $( Event::$variant(payload) => crate::envelope::Payload::envelope_mut(payload), )+
                    Event::Unknown(unknown) => &mut unknown.envelope,
                    Event::Undecodable(undecodable) => &mut undecodable.envelope,
                }
            }
        }
    };
}

pub(crate) use events;
