//! Edits of a JSON text that leave everything else of it as it was.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Sets the value at `path`. What is missing on the way is added, and whatever is in the way
/// and has no members becomes an object.
pub(super) fn set(json: &str, path: &[&str], value: &str) -> String {
    let Some((step, rest)) = path.split_first() else { return value.to_owned() };
    if let (Ok(List(mut items)), Ok(index)) = (serde_json::from_str(json), step.parse::<usize>()) {
        match items.get_mut(index) {
            Some(item) => *item = set(item, rest, value),
            None => items.push(set("{}", rest, value)),
        }
        return list(&items);
    }
    let Object(mut members) = serde_json::from_str(json).unwrap_or_default();
    match members.iter_mut().find(|(name, _)| name == step) {
        Some((_, member)) => *member = set(member, rest, value),
        None => members.push(((*step).to_owned(), set("{}", rest, value))),
    }
    object(&members)
}

/// Removes the value at `path`, where there is one.
pub(super) fn remove(json: &str, path: &[&str]) -> String {
    let Some((step, rest)) = path.split_first() else { return json.to_owned() };
    if let (Ok(List(mut items)), Ok(index)) = (serde_json::from_str(json), step.parse::<usize>()) {
        match items.get_mut(index) {
            Some(_) if rest.is_empty() => drop(items.remove(index)),
            Some(item) => *item = remove(item, rest),
            None => {}
        }
        return list(&items);
    }
    let Ok(Object(mut members)) = serde_json::from_str(json) else { return json.to_owned() };
    if rest.is_empty() {
        members.retain(|(name, _)| name != step);
    } else if let Some((_, member)) = members.iter_mut().find(|(name, _)| name == step) {
        *member = remove(member, rest);
    }
    object(&members)
}

fn object(members: &[(String, String)]) -> String {
    // The name of a member is written as JSON by serde_json's `Value`.
    let member = |(name, value): &(String, String)| format!("{}:{value}", serde_json::Value::from(name.as_str()));
    format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

/// The members of an object in their order. A map of serde_json has another order, depending
/// on the features that are switched on.
#[derive(Default)]
struct Object(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Object, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = access.next_entry::<String, &RawValue>()? {
            members.push((name, value.get().to_owned()));
        }
        Ok(Object(members))
    }
}

struct List(Vec<String>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = List;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<List, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element::<&RawValue>()? {
            items.push(item.get().to_owned());
        }
        Ok(List(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_changes_one_value_and_keeps_the_order() {
        let json = r#"{"z":1,"a":{"list":[{"n":1.50},2]}}"#;
        for (path, expected) in [
            (&["z"][..], r#"{"z":9,"a":{"list":[{"n":1.50},2]}}"#),
            (&["a", "list", "0", "n"], r#"{"z":1,"a":{"list":[{"n":9},2]}}"#),
            (&["a", "list", "7"], r#"{"z":1,"a":{"list":[{"n":1.50},2,9]}}"#),
            (&["a", "b", "c"], r#"{"z":1,"a":{"list":[{"n":1.50},2],"b":{"c":9}}}"#),
            (&["z", "under"], r#"{"z":{"under":9},"a":{"list":[{"n":1.50},2]}}"#),
        ] {
            assert_eq!(set(json, path, "9"), expected);
        }
    }

    #[test]
    fn a_removal_takes_one_value() {
        let json = r#"{"z":1,"a":[{"n":1,"m":2},2]}"#;
        for (path, expected) in [
            (&["z"][..], r#"{"a":[{"n":1,"m":2},2]}"#),
            (&["a", "0", "n"], r#"{"z":1,"a":[{"m":2},2]}"#),
            (&["a", "1"], r#"{"z":1,"a":[{"n":1,"m":2}]}"#),
            (&["a", "7"], json),
            (&["x", "y"], json),
            (&["z", "y"], json),
        ] {
            assert_eq!(remove(json, path), expected);
        }
    }
}
