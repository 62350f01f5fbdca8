//! Reads data of which some fields do not fit.
//!
//! The data is read again and again. Each time, the place that failed is passed over as
//! null from then on, which every payload reads as absent. Only data that does not fit
//! pays for this.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::CowStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;

use super::Vocabulary;
use crate::event::body::redacted_reason;
use crate::event::parsed::Misfit;
use crate::event::wire::Borrowed;

/// Reads the data of a documented event, and tells which fields do not fit.
///
/// Fails if the data itself does not fit, or too many of its fields.
pub(super) fn read<V: Vocabulary>(documented: V::Documented, data: &RawValue) -> Result<(V, Vec<Misfit>), Misfit> {
    let mut misfits = Vec::new();
    let mut tracker = Tracker::default();
    loop {
        let mut json = serde_json::Deserializer::from_str(data.get());
        let error = match V::decode(documented, Tracked { inner: &mut json, tracker: &mut tracker }) {
            Ok(event) => return Ok((event, misfits)),
            Err(error) => error,
        };
        let place = tracker.failed.take().unwrap_or_default();
        let misfit = Misfit { path: place.path(V::LAYOUT.data), reason: redacted_reason(&error) };
        if place.steps.is_empty() || tracker.struck.contains(&place) || misfits.len() >= max_misfits(data.get().len()) {
            return Err(misfit);
        }
        misfits.push(misfit);
        tracker.struck.push(place);
        tracker.steps.clear();
    }
}

/// Each field that does not fit costs one more pass over the data. So that a large body
/// cannot block its thread for seconds, fewer are accepted there.
fn max_misfits(bytes: usize) -> usize {
    MAX_REREAD_BYTES.checked_div(bytes).unwrap_or(MAX_MISFITS).clamp(MIN_MISFITS, MAX_MISFITS)
}

const MAX_MISFITS: usize = 32;
const MIN_MISFITS: usize = 4;
const MAX_REREAD_BYTES: usize = 16 << 20;

/// Where the reader is, and which places it passes over.
#[derive(Default)]
struct Tracker {
    steps: Vec<Step>,
    struck: Vec<Place>,
    /// The innermost place of the first error.
    failed: Option<Place>,
}

#[derive(Clone, Default, PartialEq)]
struct Place {
    steps: Vec<Step>,
    /// Whether the key is what failed: it is a second spelling of a field.
    is_key: bool,
}

#[derive(Clone, PartialEq)]
enum Step {
    /// A member by its position, since two can have one key; with its key, if it is the
    /// name of a documented field.
    Member(usize, Option<String>),
    Entry(usize),
}

impl Place {
    fn path(&self, root: &str) -> String {
        let mut path = root.to_owned();
        for step in &self.steps {
            match step {
                Step::Member(_, Some(name)) => path.extend([".", name]),
                Step::Member(_, None) => path.push_str(".*"),
                Step::Entry(at) => path += &format!("[{at}]"),
            }
        }
        path
    }
}

impl Step {
    fn at(&self) -> (bool, usize) {
        match self {
            Step::Member(at, _) => (true, *at),
            Step::Entry(at) => (false, *at),
        }
    }
}

impl Tracker {
    fn passes_over(&self, is_key: bool) -> bool {
        let here = || self.steps.iter().map(Step::at);
        self.struck.iter().any(|place| place.is_key == is_key && place.steps.iter().map(Step::at).eq(here()))
    }

    fn fail(&mut self, is_key: bool) {
        if self.failed.is_none() {
            self.failed = Some(Place { steps: self.steps.clone(), is_key });
        }
    }
}

/// Gives a value to its type and watches how it is read.
struct Tracked<'t, D> {
    inner: D,
    tracker: &'t mut Tracker,
}

macro_rules! watch {
    ($($method:ident)+) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(Watching { inner: visitor, tracker: self.tracker })
        }
    )+ };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Tracked<'_, D> {
    type Error = D::Error;

    watch! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_option deserialize_unit deserialize_seq deserialize_map deserialize_identifier
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_struct(name, fields, Watching { inner: visitor, tracker: self.tracker })
    }

    // Nothing below these has a place of its own.

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_ignored_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_enum(name, variants, visitor)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Tracked<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Tracked { inner: value, tracker: self.tracker })
    }
}

/// A visitor whose objects, lists and optional values are watched, too.
struct Watching<'t, V> {
    inner: V,
    tracker: &'t mut Tracker,
}

macro_rules! pass_on {
    ($($method:ident($value:ty))+) => { $(
        fn $method<E: Error>(self, value: $value) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )+ };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watching<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    pass_on! {
        visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64)
        visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Tracked { inner: value, tracker: self.tracker })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(Entries { entries, at: 0, tracker: self.tracker })
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        let depth = self.tracker.steps.len();
        let result = self.inner.visit_map(Members { members, at: 0, tracker: &mut *self.tracker });
        // A key was read and its value was not: the key was refused.
        if result.is_err() && self.tracker.steps.len() > depth {
            self.tracker.fail(true);
        }
        self.tracker.steps.truncate(depth);
        result
    }
}

struct Members<'t, A> {
    members: A,
    at: usize,
    tracker: &'t mut Tracker,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, A> {
    type Error = A::Error;

    /// Leaves the member as the last step, until its value has been read.
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(Borrowed(key)) = self.members.next_key()? {
            self.tracker.steps.push(Step::Member(self.at, None));
            self.at = self.at.saturating_add(1);
            if self.tracker.passes_over(true) {
                self.members.next_value::<IgnoredAny>()?;
                self.tracker.steps.pop();
                continue;
            }
            let mut name = None;
            let key = Key { key, name: &mut name, error: PhantomData };
            let read = seed.deserialize(key)?;
            if let Some(Step::Member(_, step)) = self.tracker.steps.last_mut() {
                *step = name;
            }
            return Ok(Some(read));
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let result = if self.tracker.passes_over(false) {
            self.members.next_value::<IgnoredAny>().and_then(|IgnoredAny| null(seed))
        } else {
            self.members.next_value_seed(Tracked { inner: seed, tracker: &mut *self.tracker })
        };
        if result.is_err() {
            self.tracker.fail(false);
        }
        self.tracker.steps.pop();
        result
    }
}

struct Entries<'t, A> {
    entries: A,
    at: usize,
    tracker: &'t mut Tracker,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Entries<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.tracker.steps.push(Step::Entry(self.at));
        self.at = self.at.saturating_add(1);
        let result = if self.tracker.passes_over(false) {
            match self.entries.next_element::<IgnoredAny>() {
                Ok(Some(IgnoredAny)) => null(seed).map(Some),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            }
        } else {
            self.entries.next_element_seed(Tracked { inner: seed, tracker: &mut *self.tracker })
        };
        if result.is_err() {
            self.tracker.fail(false);
        }
        self.tracker.steps.pop();
        result
    }
}

/// Reads null in place of a value that does not fit.
fn null<'de, S: DeserializeSeed<'de>, E: Error>(seed: S) -> Result<S::Value, E> {
    seed.deserialize(&mut serde_json::Deserializer::from_str("null")).map_err(E::custom)
}

/// A key, which is kept as the name of a field if a derived struct asks for it. Other
/// keys may be somebody's data, and no path shows them.
struct Key<'de, 'n, E> {
    key: Cow<'de, str>,
    name: &'n mut Option<String>,
    error: PhantomData<E>,
}

impl<'de, E: Error> Deserializer<'de> for Key<'de, '_, E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        let key: CowStrDeserializer<'de, E> = self.key.into_deserializer();
        key.deserialize_any(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        *self.name = Some(self.key.clone().into_owned());
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum ignored_any
    }
}
