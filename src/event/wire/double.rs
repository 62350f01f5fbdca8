//! A double, exact to its last bit: serde_json's own conversion is fast and may miss it.

use serde::{Deserialize, Deserializer};

use super::{Mismatch, Scalar};

/// Reads the value of a field.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(field: D) -> Result<Option<f64>, D::Error> {
    let number = match Scalar::deserialize(field)? {
        Scalar::Null => return Ok(None),
        Scalar::Number(number) => number.parse().ok().filter(|number: &f64| number.is_finite()),
        Scalar::Bool(_) | Scalar::Text(_) | Scalar::Other => None,
    };
    number.map(Some).ok_or_else(|| Mismatch("a number").into_error())
}
