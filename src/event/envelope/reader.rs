//! The reader of envelopes.
//!
//! It goes once over the envelope. If the name precedes the data, the data is read
//! straight into its type; otherwise its text is kept until the end. If the data does
//! not fit its type, the reader goes over the envelope again and keeps the text in any
//! case, to find out what does not fit. The small fields are kept as text, too: one of
//! a wrong type must not cost the rest.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Layout, Slot, Vocabulary, recover};
use crate::event::body::{object_text, parse_text};
use crate::event::wire::{self, Mismatch, Scalar};
use crate::event::{Drift, Envelope, ParseError, Parsed, Undecodable, Unknown};

/// Parses a body.
pub(crate) fn parse<V: Vocabulary>(body: &[u8]) -> Result<Parsed<V>, ParseError> {
    let text = object_text(body)?;
    match Pieces::<V>::read(text, true) {
        Ok(pieces) => pieces.into_parsed(text, decode),
        Err(_) => Pieces::<V>::read(text, false)?.into_parsed(text, |_, _| None),
    }
}

/// Returns the text of the data, or the whole body if that is no envelope.
///
/// [`parse`] does not keep this text: the reader does not see where data ends that it
/// reads straight into its type. Only a delivery that a store is asked about needs it.
pub(crate) fn payload<V: Vocabulary>(body: &[u8]) -> &[u8] {
    let pieces = object_text(body).and_then(|text| Pieces::<V>::read(text, false));
    match pieces {
        Ok(Pieces { data: Data::Text(data), .. }) => data.get().as_bytes(),
        _ => body,
    }
}

/// An envelope whose fields have been found.
struct Pieces<'de, V: Vocabulary> {
    name: Name<'de, V>,
    data: Data<'de, V>,
    time: Option<&'de RawValue>,
    ids: [Option<&'de RawValue>; 2],
    test: Option<&'de RawValue>,
}

enum Name<'de, V: Vocabulary> {
    Documented(V::Documented),
    Other(Cow<'de, str>),
}

enum Data<'de, V> {
    Typed(V),
    Text(&'de RawValue),
}

impl<'de, V: Vocabulary> Pieces<'de, V> {
    /// Finds the fields. If `typed` is set, this fails where the data does not fit its
    /// type, and the error is not the one to report.
    fn read(text: &'de str, typed: bool) -> Result<Self, ParseError> {
        let mut fault = None;
        let visitor = EnvelopeVisitor { typed, fault: &mut fault, vocabulary: PhantomData };
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let pieces = deserializer.deserialize_map(visitor);
        pieces
            .and_then(|pieces| deserializer.end().map(|()| pieces))
            .map_err(|error| fault.unwrap_or_else(|| ParseError::from_json(&error)))
    }

    /// `decode` reads data that was kept as text, if it fits without exception.
    fn into_parsed(
        self,
        text: &str,
        decode: impl FnOnce(V::Documented, &RawValue) -> Option<V>,
    ) -> Result<Parsed<V>, ParseError> {
        let mut drift = Drift::default();
        let envelope = self.envelope(&mut drift);
        let event = match (self.name, self.data) {
            (_, Data::Typed(event)) => event,
            (Name::Documented(documented), Data::Text(data)) => match decode(documented, data) {
                Some(event) => event,
                None => recover_or_keep(documented, data, text, &mut drift)?,
            },
            (Name::Other(name), Data::Text(data)) => V::unknown(Unknown { name: name.into_owned(), data: data.into() }),
        };
        Ok(Parsed::new(envelope, event).with_drift(drift))
    }

    /// Reads the small fields. One that does not fit is absent.
    fn envelope(&self, drift: &mut Drift) -> Envelope {
        fn read<'v, T>(
            field: Option<&'static str>,
            value: Option<&'v RawValue>,
            read: impl FnOnce(Scalar<'v>) -> Result<Option<T>, Mismatch>,
            drift: &mut Drift,
        ) -> Option<T> {
            read(Scalar::of(value?)).unwrap_or_else(|Mismatch(expected)| {
                drift.push(field.unwrap_or_default(), format!("expected {expected}"));
                None
            })
        }

        let layout = const { &V::LAYOUT };
        let ([first_name, second_name], [first_id, second_id]) = (layout.ids, self.ids);
        let first_id = read(first_name, first_id, Scalar::into_text, drift);
        let second_id = read(second_name, second_id, Scalar::into_text, drift);
        Envelope {
            id: first_id.or(second_id),
            timestamp: read(layout.time_name(), self.time, wire::time::read, drift),
            test: read(layout.test, self.test, Scalar::into_bool, drift).unwrap_or(false),
        }
    }
}

/// Reads data that was kept as text.
fn decode<V: Vocabulary>(documented: V::Documented, data: &RawValue) -> Option<V> {
    V::decode(documented, &mut serde_json::Deserializer::from_str(data.get())).ok()
}

/// Reads data of which some fields do not fit. If that fails, too, the event is kept as
/// undecodable.
fn recover_or_keep<V: Vocabulary>(
    documented: V::Documented,
    data: &RawValue,
    body: &str,
    drift: &mut Drift,
) -> Result<V, ParseError> {
    match recover::read(documented, data) {
        Ok((event, misfits)) => {
            drift.extend(misfits);
            Ok(event)
        }
        Err(misfit) => {
            let undecodable = Undecodable {
                name: V::documented_name(documented).to_owned(),
                data: data.into(),
                body: parse_text(body)?.into(),
                reason: format!("{}: {}", misfit.path, misfit.reason),
            };
            drift.extend([misfit]);
            Ok(V::undecodable(undecodable))
        }
    }
}

struct EnvelopeVisitor<'f, V> {
    typed: bool,
    /// What is wrong with the envelope, if it is JSON.
    fault: &'f mut Option<ParseError>,
    vocabulary: PhantomData<V>,
}

impl<V: Vocabulary> EnvelopeVisitor<'_, V> {
    fn fail<E: Error>(&mut self, fault: ParseError) -> E {
        *self.fault = Some(fault);
        E::custom("not an envelope")
    }

    /// Keeps the text of a field that must not occur twice.
    fn keep<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        field: Option<&'static str>,
        place: &mut Option<&'de RawValue>,
    ) -> Result<(), A::Error> {
        if place.is_some() {
            return Err(self.fail(ParseError::RepeatedField { field: field.unwrap_or_default() }));
        }
        *place = Some(map.next_value()?);
        Ok(())
    }

    /// Reads the name. An event without a name is documented under the empty one.
    fn name<'de>(&mut self, value: &'de RawValue) -> Option<Name<'de, V>> {
        match Scalar::of(value) {
            Scalar::Text(name) if !name.is_empty() => {
                Some(V::documented(&name).map_or(Name::Other(name), Name::Documented))
            }
            Scalar::Null => V::documented("").map(Name::Documented),
            _ => None,
        }
    }
}

impl<'de, V: Vocabulary> Visitor<'de> for EnvelopeVisitor<'_, V> {
    type Value = Pieces<'de, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Pieces<'de, V>, A::Error> {
        let layout = const { &V::LAYOUT };
        let (mut name, mut data): (Option<Name<'de, V>>, Option<Data<'de, V>>) = (None, None);
        let (mut time, mut first_id, mut second_id, mut test) = (None, None, None, None);
        while let Some(slot) = map.next_key_seed(SlotSeed(layout))? {
            match slot {
                Slot::Name if name.is_some() => {
                    return Err(self.fail(ParseError::RepeatedField { field: layout.name }));
                }
                Slot::Name => {
                    name = self.name(map.next_value()?);
                    if name.is_none() {
                        return Err(self.fail(ParseError::MissingField { field: layout.name }));
                    }
                }
                Slot::Data if data.is_some() => {
                    return Err(self.fail(ParseError::RepeatedField { field: layout.data }));
                }
                Slot::Data => {
                    data = Some(match name {
                        Some(Name::Documented(documented)) if self.typed => {
                            Data::Typed(map.next_value_seed(DataSeed::<V>(documented))?)
                        }
                        _ => Data::Text(map.next_value()?),
                    });
                }
                Slot::Time => self.keep(&mut map, layout.time_name(), &mut time)?,
                Slot::FirstId => self.keep(&mut map, layout.ids[0], &mut first_id)?,
                Slot::SecondId => self.keep(&mut map, layout.ids[1], &mut second_id)?,
                Slot::Test => self.keep(&mut map, layout.test, &mut test)?,
                Slot::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let Some(name) = name.or_else(|| V::documented("").map(Name::Documented)) else {
            return Err(self.fail(ParseError::MissingField { field: layout.name }));
        };
        let Some(data) = data else {
            return Err(self.fail(ParseError::MissingField { field: layout.data }));
        };
        Ok(Pieces { name, data, time, ids: [first_id, second_id], test })
    }
}

/// Reads a key of an envelope.
struct SlotSeed<'l>(&'l Layout);

impl<'de> DeserializeSeed<'de> for SlotSeed<'_> {
    type Value = Slot;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<Slot, D::Error> {
        key.deserialize_identifier(self)
    }
}

impl Visitor<'_> for SlotSeed<'_> {
    type Value = Slot;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Slot, E> {
        Ok(self.0.slot(key))
    }
}

/// Reads the data of a documented event.
struct DataSeed<V: Vocabulary>(V::Documented);

impl<'de, V: Vocabulary> DeserializeSeed<'de> for DataSeed<V> {
    type Value = V;

    fn deserialize<D: Deserializer<'de>>(self, data: D) -> Result<V, D::Error> {
        V::decode(self.0, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::envelope::{Payload, TimeField, events};

    events! {
        layout: Layout {
            name: "name",
            data: "data",
            time: Some(TimeField::Rfc3339("at")),
            ids: [Some("id"), Some("other_id")],
            test: Some("test"),
        };
        /// A vendor for these tests.
        pub enum Event {
            /// Its only event.
            Ping(Ping) = "ping" | "pong",
        }
    }

    #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, serde::Serialize)]
    #[serde(default)]
    pub struct Ping {
        #[serde(skip_serializing_if = "Option::is_none")]
        n: Option<u8>,
    }

    impl Payload for Ping {}

    fn read(body: &str) -> Parsed<Event> {
        Event::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"))
    }

    fn refused(body: &str) -> ParseError {
        Event::parse(body.as_bytes()).expect_err(body)
    }

    /// The rules of the table in this folder's `mod.rs`, whichever field comes first.
    #[test]
    fn the_rules_do_not_depend_on_the_order() {
        for (fields, id, seconds, test) in [
            (r#""id":"a","other_id":"b""#, Some("a"), None, false),
            (r#""other_id":"b","id":"a""#, Some("a"), None, false),
            (r#""id":null,"other_id":"b""#, Some("b"), None, false),
            (r#""id":"","other_id":"b""#, Some("b"), None, false),
            (r#""id":7"#, Some("7"), None, false),
            (r#""id":"\u0061""#, Some("a"), None, false),
            (r#""at":"1970-01-01T00:00:07","test":true"#, None, Some(7), true),
            (r#""at":7.0,"test":null"#, None, Some(7), false),
            (r#""at":null,"test":false"#, None, None, false),
        ] {
            let bodies = [
                format!(r#"{{"name":"pong",{fields},"data":{{"n":1}}}}"#),
                format!(r#"{{{fields},"data":{{"n":1}},"name":"ping"}}"#),
                format!(r#"{{"data":{{"n":1}},"new":[1,{{}}],"name":"ping",{fields}}}"#),
                format!(r#"{{"d\u0061ta":{{"n":1}},"n\u0061me":"p\u0069ng",{fields}}}"#),
            ];
            for body in bodies {
                let parsed = read(&body);
                assert_eq!(parsed.event(), &Event::Ping(Ping { n: Some(1) }), "{body}");
                assert_eq!(parsed.envelope().id.as_deref(), id, "{body}");
                assert_eq!(parsed.envelope().timestamp.map(|time| time.timestamp()), seconds, "{body}");
                assert_eq!((parsed.is_test(), parsed.drift().len()), (test, 0), "{body}");
                assert_eq!(read(&serde_json::to_string(&parsed).unwrap()), parsed, "{body}");
            }
        }
    }

    /// A small field of a wrong type costs itself, and neither the event nor the others.
    #[test]
    fn a_field_of_a_wrong_type_is_absent() {
        for (fields, drift) in [
            (r#""id":[1e999]"#, "id: expected a string or an integer"),
            (
                r#""other_id":{},"at":"now""#,
                "other_id: expected a string or an integer; at: expected an RFC 3339 time or Unix seconds",
            ),
            (r#""at":1e999"#, "at: expected an RFC 3339 time or Unix seconds"),
            (r#""test":"true""#, "test: expected a boolean"),
        ] {
            for body in [
                format!(r#"{{"name":"ping","data":{{"n":1}},{fields}}}"#),
                format!(r#"{{{fields},"data":{{"n":1}},"name":"ping"}}"#),
            ] {
                let parsed = read(&body);
                assert_eq!(parsed.event(), &Event::Ping(Ping { n: Some(1) }), "{body}");
                assert_eq!(
                    (parsed.envelope(), parsed.drift().to_string()),
                    (&Envelope::default(), drift.to_owned()),
                    "{body}"
                );
            }
        }
    }

    #[test]
    fn the_payload_is_the_text_of_the_data() {
        let data = r#"{"n": 1, "new": "\u0061"}"#;
        for body in [
            format!(r#"{{"name":"ping","at":7,"data": {data} }}"#),
            format!(r#"{{"d\u0061ta":{data},"id":"a","name":"unknown"}}"#),
        ] {
            assert_eq!(payload::<Event>(body.as_bytes()), data.as_bytes(), "{body}");
        }
        for body in [r#"{"name":"ping"}"#, "[]", "{", "\u{fe}"] {
            assert_eq!(payload::<Event>(body.as_bytes()), body.as_bytes(), "{body}");
        }
    }

    #[test]
    fn what_is_not_an_envelope_is_refused() {
        for name in ["null", "7", "\"\"", "[]", "\"\\ud800\""] {
            let body = format!(r#"{{"name":{name},"data":{{}}}}"#);
            assert_eq!(refused(&body), ParseError::MissingField { field: "name" }, "{body}");
        }
        assert_eq!(refused(r#"{"name":"ping"}"#), ParseError::MissingField { field: "data" });
        assert_eq!(refused(r#"{"data":{}}"#), ParseError::MissingField { field: "name" });
        for field in ["name", "data", "at", "id", "other_id", "test"] {
            let value = |name| if name == "name" { r#""ping""# } else { "null" };
            let all =
                ["name", "data", "at", "id", "other_id", "test"].map(|name| format!(r#""{name}":{}"#, value(name)));
            let body = format!(r#"{{{},"{field}":{}}}"#, all.join(","), value(field));
            assert_eq!(refused(&body), ParseError::RepeatedField { field }, "{body}");
        }
        assert_eq!(refused(r#"[{"name":"ping","data":{}}]"#), ParseError::NotAnObject);
        assert_eq!(refused("{\"name\":\"ping\",\n\"data\":{\"n\":x}}"), ParseError::NotJson { line: 2, column: 13 });
        assert_eq!(refused(r#"{"name":"ping","data":{}}{}"#), ParseError::NotJson { line: 1, column: 26 });
        assert_eq!(Event::parse(b"{\"name\":\"\xff\"}"), Err(ParseError::NotUtf8));
    }
}
