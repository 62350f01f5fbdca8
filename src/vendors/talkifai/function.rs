//! Custom functions: calls of TalkifAI during a conversation, whose answers it speaks.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::event::{ParseError, body};
use crate::receive::Profile;
use crate::vendors::talkifai::Spec;
use crate::vendors::vendor::{self, Vendor as _};
use crate::verify::{ConfigError, Head, HeaderTokens, Headers, Secret, VerifyError};

/// Answers the calls of
/// [custom functions](https://docs.talkifai.dev/guides/custom-functions).
///
/// TalkifAI signs none of these calls. What tells them from forged ones are the
/// static headers that you enter in its form.
///
/// ```
/// use offhook::talkifai::{FunctionReply, Functions};
///
/// #[derive(serde::Deserialize)]
/// struct Order { order_id: String }
///
/// let functions = Functions::bearer("s3cret-t0ken")?;
/// let headers = [("Authorization", "Bearer s3cret-t0ken")];
/// let order: Order = functions.receive(&headers, br#"{"order_id":"ORD-123"}"#)?;
/// let reply = FunctionReply::result(format!("Order {} is on its way.", order.order_id));
/// assert_eq!(&reply.body()[..], br#"{"result":"Order ORD-123 is on its way."}"#);
///
/// let refused = functions.receive::<Order>(&headers, br#"{"order_id":7}"#);
/// assert_eq!(refused.err().map(|error| error.status()), Some(400));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Functions {
    tokens: HeaderTokens,
    limit: Duration,
    profile: Profile,
}

impl Functions {
    /// Requires what `tokens` requires: several headers, or several sets for rotation.
    /// The limit is 9 s; see [`with_limit`](Self::with_limit).
    pub fn new(tokens: HeaderTokens) -> Self {
        Functions { tokens, limit: DEFAULT_LIMIT, profile: vendor::profile::<Spec>() }
    }

    /// Requires `Authorization: Bearer <token>`.
    ///
    /// # Errors
    ///
    /// A token that is empty, blank or padded with white space.
    pub fn bearer(token: impl Into<Secret>) -> Result<Self, ConfigError> {
        HeaderTokens::bearer(token).map(Self::new).map_err(|error| error.of_vendor(Spec::NAME))
    }

    /// Sets after how long a late handler is cut off, counted from the arrival of the
    /// headers. The default is 9 s: TalkifAI waits for 10 s, by the shorter of the
    /// two figures that it documents, and the answer has to travel.
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> Self {
        Functions { limit, ..self }
    }

    /// Returns after how long a late handler is cut off.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Returns the facts about TalkifAI.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Checks the headers: everything that tells TalkifAI from somebody else.
    ///
    /// # Errors
    ///
    /// Headers that are not the configured ones.
    pub fn check_head(&self, headers: &dyn Headers) -> Result<(), VerifyError> {
        self.tokens.verify(&Head::new(headers)).map(drop)
    }

    /// Checks the headers and reads the arguments: the body, which is a JSON object
    /// of the type `A`. An empty body is an empty object.
    ///
    /// # Errors
    ///
    /// Headers that are not the configured ones, and arguments that do not fit.
    pub fn receive<A: DeserializeOwned>(&self, headers: &dyn Headers, body: &[u8]) -> Result<A, FunctionError> {
        self.check_head(headers)?;
        let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
        let text = body::object_text(body)?;
        serde_json::from_str(text).map_err(|error| FunctionError::Arguments { reason: reason(text, &error) })
    }
}

/// Says which argument does not fit. What a type of the user's own says about it may quote
/// the value, so only serde_json's words about the syntax are repeated.
fn reason(text: &str, error: &serde_json::Error) -> String {
    if error.classify() != serde_json::error::Category::Data {
        return body::redacted_reason(error);
    }
    let line_start = |line: usize| text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let at = line_start(error.line()).saturating_add(error.column());
    match serde_json::Deserializer::from_str(text).deserialize_map(ArgumentAt { text, at }) {
        Ok(Some(name)) => format!("`{name}` does not fit its type"),
        _ => "an argument is missing or repeated, or does not fit its type".to_owned(),
    }
}

/// Finds the argument whose value contains the byte `at` of the text.
struct ArgumentAt<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Visitor<'t> for ArgumentAt<'t> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut arguments: A) -> Result<Option<String>, A::Error> {
        let mut found = None;
        while let Some((name, value)) = arguments.next_entry::<String, &RawValue>()? {
            let start = (value.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
            if (start..=start.saturating_add(value.get().len())).contains(&self.at) {
                found = Some(name);
            }
        }
        Ok(found)
    }
}

/// A call of a custom function was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionError {
    /// The call is not authentic.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The arguments do not fit the type.
    #[error("the arguments do not fit: {reason}")]
    Arguments {
        /// Which argument does not fit, without its value.
        reason: String,
    },
}

impl FunctionError {
    /// Returns the HTTP status for the sender: 401 or 400.
    pub fn status(&self) -> u16 {
        match self {
            FunctionError::Verify(error) => error.status(),
            FunctionError::Arguments { .. } => 400,
        }
    }

    /// Returns a stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            FunctionError::Verify(error) => error.code(),
            FunctionError::Arguments { .. } => "arguments",
        }
    }

    /// Returns the JSON for the sender: what is wrong with the arguments, under keys that
    /// TalkifAI does not read aloud. It is empty if the caller is not authenticated.
    pub fn body(&self) -> Bytes {
        match self {
            FunctionError::Arguments { reason } => {
                FunctionReply::text([("error", self.code()), ("reason", reason)]).body
            }
            FunctionError::Verify(_) => Bytes::new(),
        }
    }
}

impl From<ParseError> for FunctionError {
    fn from(error: ParseError) -> Self {
        FunctionError::Arguments { reason: error.to_string() }
    }
}

/// The answer to a call of a custom function: JSON, with status 200.
///
/// It is a response in axum (`IntoResponse`) and in actix-web (`Responder`).
#[derive(Clone, PartialEq, Eq)]
#[must_use = "somebody is on the line"]
pub struct FunctionReply {
    body: Bytes,
}

impl FunctionReply {
    /// Answers with `{"result": text}`, which is spoken as it is.
    pub fn result(text: impl Into<String>) -> Self {
        Self::text([("result", &text.into())])
    }

    /// Answers with `{"message": text}`, which is spoken.
    pub fn message(text: impl Into<String>) -> Self {
        Self::text([("message", &text.into())])
    }

    /// Answers with `{"data": value}`, which TalkifAI turns into text.
    ///
    /// # Errors
    ///
    /// A value that cannot be JSON, such as a map whose keys are not strings.
    pub fn data(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        Self::json(&Members([("data", value)]))
    }

    /// Answers with any other JSON, which the agent gets as text.
    ///
    /// # Errors
    ///
    /// As for [`data`](Self::data).
    pub fn json(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(FunctionReply { body: serde_json::to_vec(value)?.into() })
    }

    /// Answers with text under these names, which can always be written as JSON.
    fn text<const N: usize>(members: [(&'static str, &str); N]) -> Self {
        FunctionReply { body: serde_json::to_vec(&Members(members)).unwrap_or_default().into() }
    }

    /// Returns the JSON.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// A JSON object with these members.
struct Members<T, const N: usize>([(&'static str, T); N]);

impl<T: Serialize, const N: usize> Serialize for Members<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Shows the length only.
impl fmt::Debug for FunctionReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FunctionReply({} bytes)", self.body.len())
    }
}

/// Returns the JSON Schema of a function's arguments, which TalkifAI's form asks for.
///
/// Doc comments become the descriptions by which the agent knows what to ask the
/// caller.
///
/// ```
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Order {
///     /// As printed on the receipt, such as ORD-123.
///     order_id: String,
/// }
///
/// let schema: serde_json::Value = serde_json::from_str(&offhook::talkifai::function_schema::<Order>())?;
/// assert_eq!(schema["properties"]["order_id"]["description"], "As printed on the receipt, such as ORD-123.");
/// assert_eq!(schema["required"][0], "order_id");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[cfg(feature = "schemars")]
pub fn function_schema<A: schemars::JsonSchema>() -> String {
    // The form understands neither references nor a meta-schema.
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<A>();
    schema.remove("title");
    format!("{:#}", schema.to_value())
}

const DEFAULT_LIMIT: Duration = Duration::from_secs(9);
