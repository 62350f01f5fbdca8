//! Bodies of the user's types, and what is said of any that does not fit.

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::event::ParseError;
use crate::event::RawJson;
use crate::event::{Envelope, Undecodable};

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

/// What does not fit, without the value that stands there, which serde's
/// message quotes before its last `, expected `.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(", expected ").and_then(|at| message.get(at..)) {
        Some(expected) => expected.trim_start_matches(", ").to_owned(),
        None => message,
    }
}
