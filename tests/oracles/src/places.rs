//! Where the values of a JSON document are.

use serde_json::Value;

/// Returns the JSON pointer (RFC 6901) of a value, which is empty, and that of everything inside it.
pub fn places_of(value: &Value) -> Vec<String> {
    fn add(value: &Value, place: String, places: &mut Vec<String>) {
        places.push(place.clone());
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    add(value, format!("{place}/{key}"), places);
                }
            }
            Value::Array(entries) => {
                entries.iter().enumerate().for_each(|(at, value)| add(value, format!("{place}/{at}"), places));
            }
            _ => {}
        }
    }
    let mut places = Vec::new();
    add(value, String::new(), &mut places);
    places
}
