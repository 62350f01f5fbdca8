//! Custom functions: TalkifAI asks, while the caller is on the line, and speaks the answer.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
#[cfg(any(feature = "axum", feature = "actix-web"))]
use std::time::Duration;

use bytes::Bytes;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::event::ParseError;
use crate::event::envelope;
use crate::verify::HeaderTokens;
use crate::verify::Headers;
use crate::verify::Secret;
use crate::verify::{ConfigError, VerifyError};
#[cfg(any(feature = "axum", feature = "actix-web"))]
use crate::web::Rejection;

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
/// let functions = Functions::bearer("s3cret")?;
/// let headers = [("Authorization", "Bearer s3cret")];
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
    tokens: Option<HeaderTokens>,
    #[cfg(any(feature = "axum", feature = "actix-web"))]
    limit: Duration,
}

impl Functions {
    /// Demands `Authorization: Bearer <token>`.
    ///
    /// # Errors
    ///
    /// A token that is empty, blank or padded with white space.
    pub fn bearer(token: impl Into<Secret>) -> Result<Self, ConfigError> {
        let token = token.into();
        let value = Zeroizing::new([b"Bearer ", token.checked()?].concat());
        Self::header("authorization", value.as_slice())
    }

    /// Demands one header with exactly this value.
    ///
    /// # Errors
    ///
    /// As for [`HeaderTokens::new`].
    pub fn header(name: impl Into<Cow<'static, str>>, value: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Self::with_tokens(HeaderTokens::new([(name, value)])?))
    }

    /// Demands what `tokens` demands: several headers, or several sets for rotation.
    pub fn with_tokens(tokens: HeaderTokens) -> Self {
        Self::new(Some(tokens))
    }

    /// Answers everybody. For an endpoint that nobody else can reach.
    pub fn danger_accept_unauthenticated() -> Self {
        Self::new(None)
    }

    fn new(tokens: Option<HeaderTokens>) -> Self {
        Functions {
            tokens,
            #[cfg(any(feature = "axum", feature = "actix-web"))]
            limit: DEFAULT_LIMIT,
        }
    }

    /// After how long a late handler is cut off, counted from the arrival of the
    /// headers. The default is 9 s: TalkifAI waits for 10 s, by the shorter of the
    /// two figures that it documents, and the answer has to travel.
    #[cfg(any(feature = "axum", feature = "actix-web"))]
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> Self {
        Functions { limit, ..self }
    }

    /// Checks the headers and reads the arguments: the body, which is a JSON object
    /// of the type `A`. An empty body is an empty object.
    ///
    /// # Errors
    ///
    /// Headers that are not the configured ones, and arguments that do not fit.
    pub fn receive<A: DeserializeOwned>(&self, headers: &dyn Headers, body: &[u8]) -> Result<A, FunctionError> {
        if let Some(tokens) = &self.tokens {
            tokens.verify(headers)?;
        }
        let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
        let text = envelope::object_text(body)?;
        serde_json::from_str(text).map_err(|error| FunctionError::Arguments { reason: reason(text, &error) })
    }
}

/// What does not fit, without its value, and in which argument.
fn reason(text: &str, error: &serde_json::Error) -> String {
    let reason = envelope::redacted_reason(error);
    let line_start = |line: usize| text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let at = line_start(error.line()).saturating_add(error.column());
    let argument = serde_json::Deserializer::from_str(text).deserialize_map(ArgumentAt { text, at });
    match argument {
        Ok(Some(name)) if reason.starts_with("expected ") => format!("`{name}`: {reason}"),
        _ => reason,
    }
}

/// Finds the argument whose value stands around the byte `at` of the text.
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

/// A call of a custom function is not answered.
#[derive(Debug)]
#[non_exhaustive]
pub enum FunctionError {
    /// Not authentic.
    Verify(VerifyError),
    /// The arguments do not fit.
    Arguments {
        /// What does not fit, and where; without the value that stands there.
        reason: String,
    },
    /// The request is refused, as for [`Webhook`](crate::Webhook).
    #[cfg(any(feature = "axum", feature = "actix-web"))]
    Request(Rejection),
}

impl FunctionError {
    /// The HTTP status for the sender.
    pub fn status(&self) -> u16 {
        match self {
            FunctionError::Verify(error) => error.status(),
            FunctionError::Arguments { .. } => 400,
            #[cfg(any(feature = "axum", feature = "actix-web"))]
            FunctionError::Request(rejection) => rejection.status(),
        }
    }

    /// A stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            FunctionError::Verify(error) => error.code(),
            FunctionError::Arguments { .. } => "arguments",
            #[cfg(any(feature = "axum", feature = "actix-web"))]
            FunctionError::Request(rejection) => rejection.code(),
        }
    }

    /// The JSON that the sender gets: what is wrong with the arguments, in fields
    /// that TalkifAI does not speak. Nothing, if it is not known to be TalkifAI.
    pub fn body(&self) -> Bytes {
        match self {
            FunctionError::Arguments { reason } => {
                FunctionReply::text([("error", self.code()), ("reason", reason)]).body
            }
            _ => Bytes::new(),
        }
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FunctionError::Verify(error) => error.fmt(f),
            FunctionError::Arguments { reason } => write!(f, "the arguments do not fit: {reason}"),
            #[cfg(any(feature = "axum", feature = "actix-web"))]
            FunctionError::Request(error) => error.fmt(f),
        }
    }
}

impl Error for FunctionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            #[cfg(any(feature = "axum", feature = "actix-web"))]
            FunctionError::Request(error) => error.source(),
            _ => None,
        }
    }
}

impl From<VerifyError> for FunctionError {
    fn from(error: VerifyError) -> Self {
        FunctionError::Verify(error)
    }
}

#[cfg(any(feature = "axum", feature = "actix-web"))]
impl From<Rejection> for FunctionError {
    fn from(error: Rejection) -> Self {
        FunctionError::Request(error)
    }
}

impl From<ParseError> for FunctionError {
    fn from(error: ParseError) -> Self {
        FunctionError::Arguments { reason: error.to_string() }
    }
}

/// What the agent is told: JSON, with status 200.
///
/// It is a response in axum (`IntoResponse`) and in actix-web (`Responder`).
#[derive(Clone, PartialEq, Eq)]
#[must_use = "somebody is on the line"]
pub struct FunctionReply {
    body: Bytes,
}

impl FunctionReply {
    /// `{"result": text}`, which is spoken as it is.
    pub fn result(text: impl Into<String>) -> Self {
        Self::text([("result", &text.into())])
    }

    /// `{"message": text}`, which is spoken.
    pub fn message(text: impl Into<String>) -> Self {
        Self::text([("message", &text.into())])
    }

    /// `{"data": value}`, which TalkifAI turns into text.
    ///
    /// # Errors
    ///
    /// A value that cannot be JSON, such as a map whose keys are not strings.
    pub fn data(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        Self::json(&Members([("data", value)]))
    }

    /// Any other JSON, which the agent gets as text.
    ///
    /// # Errors
    ///
    /// As for [`data`](Self::data).
    pub fn json(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(FunctionReply { body: serde_json::to_vec(value)?.into() })
    }

    /// Text under these names, which cannot fail to be JSON.
    fn text<const N: usize>(members: [(&'static str, &str); N]) -> Self {
        FunctionReply { body: serde_json::to_vec(&Members(members)).unwrap_or_default().into() }
    }

    /// The JSON.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// An object of these members.
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

/// The extractor: a call of a custom function, with arguments of the type `A`.
///
/// In axum [`Functions`] comes from the state, through `FromRef`; in actix-web from
/// `web::Data<Functions>`. What [`Webhook`](crate::Webhook) says about bodies holds
/// here.
///
/// ```
/// use offhook::talkifai::{Function, FunctionReply};
///
/// #[derive(serde::Deserialize)]
/// struct Order { order_id: String }
///
/// async fn order_status(call: Function<Order>) -> FunctionReply {
///     let late = FunctionReply::message("I cannot find that out right now. Shall we call you back?");
///     call.answer(late, async |order| {
///         let status = look_up(&order.order_id).await;
///         FunctionReply::result(format!("Your order is {status}."))
///     })
///     .await
/// }
/// # async fn look_up(_id: &str) -> &'static str { "on its way" }
/// ```
#[cfg(any(feature = "axum", feature = "actix-web"))]
pub struct Function<A> {
    /// The arguments.
    pub args: A,
    arrived: tokio::time::Instant,
    limit: Duration,
}

#[cfg(any(feature = "axum", feature = "actix-web"))]
impl<A> Function<A> {
    pub(crate) fn receive(
        functions: &Functions,
        arrived: tokio::time::Instant,
        headers: &dyn Headers,
        body: &[u8],
    ) -> Result<Self, FunctionError>
    where
        A: DeserializeOwned,
    {
        Ok(Function { args: functions.receive(headers, body)?, arrived, limit: functions.limit })
    }

    /// Answers by `handler`, or by `late` when that takes too long: see
    /// [`Functions::with_limit`]. Choose words for `late` that the caller can hear.
    ///
    /// A late handler is dropped where it waits. What must come to its end belongs
    /// into a task of its own; and a handler that blocks its thread cannot be cut
    /// off. The runtime needs its timer, which `#[tokio::main]` and actix-web switch on.
    pub async fn answer(self, late: FunctionReply, handler: impl AsyncFnOnce(A) -> FunctionReply) -> FunctionReply {
        let left = self.limit.saturating_sub(self.arrived.elapsed());
        tokio::time::timeout(left, handler(self.args)).await.unwrap_or(late)
    }
}

/// Leaves the arguments out.
#[cfg(any(feature = "axum", feature = "actix-web"))]
impl<A> fmt::Debug for Function<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// The JSON Schema of a function's arguments, which TalkifAI's form asks for.
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
    // Forms know neither references nor what a meta-schema is for.
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<A>();
    schema.remove("title");
    format!("{:#}", schema.to_value())
}

#[cfg(any(feature = "axum", feature = "actix-web"))]
const DEFAULT_LIMIT: Duration = Duration::from_secs(9);
