//! What differs between the databases.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Database, Pool, SqlStr};

use crate::idempotency::StoreError;

/// What differs between the databases: a few words of the statements, how values travel,
/// and the wake-up of other processes. It is public for bounds only: its methods may change.
pub trait Dialect: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The database.
    type Db: Database;

    /// Opens a transaction that will write.
    const BEGIN: &'static str;

    /// Whether only one transaction can write at a time.
    const ONE_WRITER: bool;

    /// The statements that create the tables, one list for each version of the schema.
    const SCHEMA: &'static [&'static [&'static str]];

    /// The words that stand for `{now}`, `{skip}`, `{pairs}`, `{lock}` and `{token}` in a
    /// statement. The pairs are texts in JSON, in the second value, and the token is in
    /// hexadecimal digits.
    const WORDS: [&'static str; 5];

    /// Returns what every statement gets as its first value: the milliseconds to which
    /// `{now}` adds the server's time, where there is a server.
    fn base(&self) -> i64;

    /// Runs a statement and returns its rows.
    fn rows(
        connection: &mut Connection<Self>,
        sql: SqlStr,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<Row>, sqlx::Error>> + Send;

    /// Tells other processes that there is something to do.
    fn announce(pool: &Pool<Self::Db>) -> impl Future<Output = ()> + Send;

    /// Calls `heard` whenever another process has something to do. Ends if the database
    /// cannot tell.
    fn listen(pool: Pool<Self::Db>, heard: impl Fn() + Send) -> impl Future<Output = ()> + Send;

    /// Returns how long a worker sleeps if it hears nothing.
    fn poll() -> Duration;

    /// Takes a connection that gave no answer in time out of its pool, if it may never
    /// answer again.
    fn discard(connection: PoolConnection<Self::Db>);
}

/// A connection to a dialect's database.
pub(super) type Connection<D> = <<D as Dialect>::Db as Database>::Connection;

/// A value on its way to or from a statement.
#[derive(Clone, Debug)]
pub enum Value {
    /// A number, a time in milliseconds since 1970, or a span in milliseconds.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Value::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::from(Some(text))
    }
}

/// PostgreSQL stores no NUL in a text.
impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Value::Text(text.map(|text| text.replace('\0', "\u{fffd}")))
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Value::Bytes(Some(bytes.to_vec()))
    }
}

/// A row that a statement returned. Its values are taken from left to right.
#[derive(Debug)]
pub struct Row(std::vec::IntoIter<Value>);

impl Row {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Row(values.into_iter())
    }

    pub(super) fn int(&mut self) -> Result<Option<i64>, StoreError> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(number),
            Some(Value::Text(None) | Value::Bytes(None)) => Ok(None),
            _ => Err(UNEXPECTED),
        }
    }

    pub(super) fn number(&mut self) -> Result<i64, StoreError> {
        self.int()?.ok_or(UNEXPECTED)
    }

    pub(super) fn optional_text(&mut self) -> Result<Option<String>, StoreError> {
        match self.0.next() {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Int(None) | Value::Bytes(None)) => Ok(None),
            _ => Err(UNEXPECTED),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        self.optional_text()?.ok_or(UNEXPECTED)
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        match self.0.next() {
            Some(Value::Bytes(Some(bytes))) => Ok(bytes),
            _ => Err(UNEXPECTED),
        }
    }
}

pub(super) const UNEXPECTED: StoreError = StoreError::UnexpectedAnswer("a row of the inbox has another shape");
