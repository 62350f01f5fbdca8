//! An envelope that is understood part by part.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::{Field, FieldSeed, Fields, Vocabulary, reason, within};
use crate::event::ParseError;
use crate::event::RawJson;
use crate::event::wire;
use crate::event::{Envelope, Undecodable, Unknown};

/// The event; undecodable if something does not fit.
pub(super) fn read<V: Vocabulary>(text: &str) -> Result<V, ParseError> {
    // The name of an event whose envelope names none, where the vendor has such an
    // event: it stands in the vocabulary under the empty name.
    let nameless = V::kind("").map(V::kind_name);
    let parts = Parts::find(text, const { &V::FIELDS }, nameless)?;
    let (envelope, mut faults) = parts.envelope();
    let Parts { name, data, fields, .. } = parts;

    let kind = V::kind(&name);
    let mut event = None;
    match kind {
        Some(kind) => {
            if let Err(error) = V::decode(kind, &mut within(data), &mut event) {
                faults.note(fields.data, &error);
            }
        }
        None => {
            let (name, data) = (name.clone(), data.into());
            event = Some(V::unknown(Unknown { envelope: Envelope::default(), name, data }));
        }
    }
    if let Some(mut event) = event
        && faults.0.is_empty()
    {
        *event.envelope_mut() = envelope;
        return Ok(event);
    }
    Ok(V::undecodable(Undecodable {
        envelope,
        name: kind.map_or(name, |kind| V::kind_name(kind).to_owned()),
        data: data.into(),
        body: RawJson::from_text(text).ok_or(ParseError::NotAnObject)?,
        reason: faults.0,
    }))
}

/// What does not fit, field by field.
#[derive(Default)]
struct Faults(String);

impl Faults {
    fn note(&mut self, field: &str, error: &serde_json::Error) {
        let separator = if self.0.is_empty() { "" } else { "; " };
        self.0 += &format!("{separator}{field}: {}", reason(error));
    }
}

/// An envelope whose parts have been found and not yet understood.
struct Parts<'de> {
    fields: &'static Fields,
    name: String,
    data: &'de RawValue,
    time: Option<&'de RawValue>,
    ids: [Option<&'de RawValue>; 2],
    test: Option<&'de RawValue>,
}

impl<'de> Parts<'de> {
    fn find(text: &'de str, fields: &'static Fields, nameless: Option<&'static str>) -> Result<Self, ParseError> {
        let fault = Cell::new(None);
        let visitor = PartsVisitor { fields, nameless, fault: &fault };
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let found = deserializer.deserialize_map(visitor);
        found.and_then(|found| deserializer.end().map(|()| found)).map_err(|error| match fault.take() {
            Some(fault) => fault,
            None if error.classify() == Category::Data => ParseError::NotAnObject,
            None => ParseError::from_json(&error),
        })
    }

    /// What can be read of the envelope, and what does not fit.
    fn envelope(&self) -> (Envelope, Faults) {
        let mut envelope = Envelope::default();
        let mut faults = Faults::default();
        for (id, field) in self.ids.into_iter().zip(self.fields.ids) {
            match id.map(|id| wire::Text::deserialize(&mut within(id))).transpose() {
                Ok(id) => envelope.id = envelope.id.or(id.and_then(|wire::Text(id)| id)),
                Err(error) => faults.note(field.unwrap_or_default(), &error),
            }
        }
        match self.time.map(|time| wire::Timestamp::deserialize(&mut within(time))).transpose() {
            Ok(time) => envelope.timestamp = time.and_then(|wire::Timestamp(time)| time),
            Err(error) => faults.note(self.fields.time_name().unwrap_or_default(), &error),
        }
        match self.test.map(|test| Option::<bool>::deserialize(&mut within(test))).transpose() {
            Ok(test) => envelope.test = test.flatten().unwrap_or(false),
            Err(error) => faults.note(self.fields.test.unwrap_or_default(), &error),
        }
        (envelope, faults)
    }
}

struct PartsVisitor<'f> {
    fields: &'static Fields,
    nameless: Option<&'static str>,
    fault: &'f Cell<Option<ParseError>>,
}

impl PartsVisitor<'_> {
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

impl<'de> Visitor<'de> for PartsVisitor<'_> {
    type Value = Parts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts<'de>, A::Error> {
        let fields = self.fields;
        let nameless = || self.nameless.map(str::to_owned);
        let mut name: Option<String> = None;
        let (mut time, mut ids, mut test) = (None, [None; 2], None);
        let mut data = None;
        while let Some(field) = map.next_key_seed(FieldSeed(fields))? {
            match field {
                Field::Name if name.is_some() => {
                    return Err(self.fail(ParseError::RepeatedField { field: fields.name }));
                }
                Field::Name => {
                    let text: &RawValue = map.next_value()?;
                    name = match text.get() {
                        "null" => nameless(),
                        text => serde_json::from_str(text).ok().filter(|name: &String| !name.is_empty()),
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
            fields,
            name: name.or_else(nameless).ok_or_else(|| missing(fields.name))?,
            data: data.ok_or_else(|| missing(fields.data))?,
            time,
            ids,
            test,
        })
    }
}
