//! Bodies as a whole, and what may be said of JSON that does not fit.

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::event::ParseError;

/// Returns the text of a body that begins as an object.
pub(crate) fn object_text(body: &[u8]) -> Result<&str, ParseError> {
    let text = std::str::from_utf8(body).map_err(|_| ParseError::NotUtf8)?;
    if text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
        return Ok(text);
    }
    Err(match serde_json::from_str::<IgnoredAny>(text) {
        Ok(IgnoredAny) => ParseError::NotAnObject,
        Err(error) => ParseError::from_json(&error),
    })
}

/// Checks that a text is JSON, without building anything from it.
pub(crate) fn parse_text(text: &str) -> Result<&RawValue, ParseError> {
    serde_json::from_str(text).map_err(|error| ParseError::from_json(&error))
}

/// Returns what a type **of this crate** expected, without the value that was found,
/// which serde quotes before the last `expected`. A type of the user's could quote it
/// after that, too.
pub(crate) fn redacted_reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let reason = message.rfind("expected ").and_then(|at| message.get(at..)).unwrap_or(&message);
    let reason = reason.rfind(" at line ").and_then(|at| reason.get(..at)).unwrap_or(reason);
    reason.to_owned()
}
