//! An envelope that is understood part by part.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::{Field, FieldSeed, Vocabulary, reason};
use crate::error::ParseError;
use crate::event::{Envelope, Undecodable, Unknown};
use crate::fields;
use crate::json::RawJson;

/// The event; undecodable if something does not fit.
pub(super) fn read<V: Vocabulary>(text: &str) -> Result<V, ParseError> {
    parts::<V>(text)?.understand(text).ok_or(ParseError::NotAnObject)
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

/// Text that borrows from the body unless it has escapes.
#[derive(Deserialize)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);
