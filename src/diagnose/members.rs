//! The members of JSON objects, and the order in which they are written.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Returns the object with its members in every other order, or nothing if the object has
/// many members, because the orders would be too many.
pub(super) fn orders(json: &[u8]) -> Vec<String> {
    let Ok(Members(members)) = serde_json::from_slice(json) else { return Vec::new() };
    if members.len() > MOST_MEMBERS {
        return Vec::new();
    }
    let mut orders: Vec<Vec<&String>> = vec![Vec::new()];
    // Each member is put at every place of each order of the members before it.
    for member in &members {
        orders = orders
            .iter()
            .flat_map(|order| {
                (0..=order.len()).rev().map(move |place| {
                    let (before, after) = order.split_at_checked(place).unwrap_or_default();
                    [before, &[member], after].concat()
                })
            })
            .collect();
    }
    let texts = orders.iter().map(|order| order.iter().map(|member| member.as_str()).collect::<Vec<_>>().join(","));
    texts.map(|members| format!("{{{members}}}")).filter(|text| text.as_bytes() != json).collect()
}

/// Counts the objects with three members or more, if all of those are sorted by name.
pub(super) fn sorted_objects(json: &[u8]) -> usize {
    match serde_json::from_slice(json) {
        Ok(Sorted { objects, all: true }) => objects,
        _ => 0,
    }
}

/// The members of an object, each as it is written in compact JSON.
struct Members(Vec<String>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = access.next_entry::<&RawValue, &RawValue>()? {
                    members.push(format!("{}:{}", name.get(), value.get()));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// How many objects have three members or more, and whether all of them are sorted.
struct Sorted {
    objects: usize,
    all: bool,
}

impl Sorted {
    const NOTHING: Sorted = Sorted { objects: 0, all: true };

    fn and(self, other: Sorted) -> Self {
        Sorted { objects: self.objects.saturating_add(other.objects), all: self.all && other.all }
    }
}

impl<'de> Deserialize<'de> for Sorted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SortedReader)
    }
}

struct SortedReader;

impl<'de> Visitor<'de> for SortedReader {
    type Value = Sorted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Sorted, A::Error> {
        let (mut found, mut count, mut last, mut sorted) = (Sorted::NOTHING, 0_usize, String::new(), true);
        while let Some((name, value)) = access.next_entry::<String, Sorted>()? {
            found = found.and(value);
            sorted &= last <= name;
            count = count.saturating_add(1);
            last = name;
        }
        let own = if count >= 3 { Sorted { objects: 1, all: sorted } } else { Sorted::NOTHING };
        Ok(found.and(own))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Sorted, A::Error> {
        let mut found = Sorted::NOTHING;
        while let Some(item) = access.next_element::<Sorted>()? {
            found = found.and(item);
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Sorted, E> {
        Ok(Sorted::NOTHING)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Sorted, E> {
        Ok(Sorted::NOTHING)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Sorted, E> {
        Ok(Sorted::NOTHING)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Sorted, E> {
        Ok(Sorted::NOTHING)
    }

    fn visit_str<E>(self, _: &str) -> Result<Sorted, E> {
        Ok(Sorted::NOTHING)
    }

    fn visit_unit<E>(self) -> Result<Sorted, E> {
        Ok(Sorted::NOTHING)
    }
}

/// Five members have 120 orders.
const MOST_MEMBERS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_order_is_found_once() {
        let orders = orders(br#"{"a":1,"b":[2],"c":"x"}"#);
        let unique: std::collections::BTreeSet<_> = orders.iter().collect();
        assert_eq!((orders.len(), unique.len()), (5, 5));
        assert!(orders.contains(&r#"{"c":"x","a":1,"b":[2]}"#.to_owned()));
        assert!(super::orders(br#"{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1}"#).is_empty());
        assert!(super::orders(b"[1]").is_empty());
    }

    #[test]
    fn sorted_objects_are_counted_only_if_all_are_sorted() {
        assert_eq!(sorted_objects(br#"{"a":{"x":1,"y":[null],"z":1.5},"b":true,"c":[{"q":0}]}"#), 2);
        assert_eq!(sorted_objects(br#"{"a":{"x":1,"z":1,"y":1},"b":2,"c":3}"#), 0);
        assert_eq!(sorted_objects(b"{"), 0);
    }
}
