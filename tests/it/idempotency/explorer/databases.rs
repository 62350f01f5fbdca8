//! The stores, each with one record at a time: it is written, a step of the store is taken, and
//! what is there then is read.

use std::time::Duration;

use offhook::idempotency::{
    BoxFuture, Claim, Key, Lease, LeaseToken, PostgresStore, RedisStore, SqliteStore, Store, StoreError, StoreSettings,
};
use offhook_tests::databases::{PgServer, RedisServer};

use super::receiver::Deliveries;
use super::steps::{Answer, Call, LEASE, RETENTION, Row, TICK_MILLIS, Token};

/// A record as its columns are: the token, the payload's digest, whether it is done, and the
/// milliseconds that are left until `until` and until `kept`.
pub type Columns = (Vec<u8>, Vec<u8>, bool, i64, i64);

/// A store whose records can be written and read.
pub trait Database {
    fn store(&self) -> &dyn Store;

    /// Makes these records the only ones.
    fn restore<'a>(&'a self, records: &'a [(&'a Key, Columns)]) -> BoxFuture<'a, ()>;

    fn read<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Option<Columns>>;

    /// Deletes the records whose time is over, if the store does not do so by itself.
    fn purge(&self) -> Option<BoxFuture<'_, Result<u64, StoreError>>>;
}

/// Takes a step from this record on, and returns the answer and the record after it.
pub async fn take(
    database: &dyn Database,
    deliveries: &Deliveries,
    before: Option<Row>,
    call: Call,
) -> (Answer, Option<Row>) {
    let key = deliveries.key(call.key());
    let bystander = Key::new("bystander", "", "1");
    let other = columns(deliveries, Row { token: Token::Nobody, payload: 0, done: false, until: 1, kept: 3 });
    let mut records = vec![(&bystander, other.clone())];
    records.extend(before.map(|row| (key, columns(deliveries, row))));
    database.restore(&records).await;

    let store = database.store();
    let lease = |token| Lease::new(key.clone(), LeaseToken::from_bytes(bytes(token)), millis(LEASE));
    let mut new = None;
    let answer = match call {
        Call::Claim { payload, receiver, .. } => match store.claim(key, deliveries.payload(payload)).await.unwrap() {
            Claim::Fresh(lease) => {
                assert_eq!((lease.key(), lease.ttl()), (key, millis(LEASE)));
                new = Some((lease.token(), receiver));
                Answer::Fresh
            }
            Claim::InFlight { retry_after } => Answer::InFlight { left: ticks_of(retry_after) },
            Claim::Done => Answer::Done,
            Claim::Conflict { retry_after } => Answer::Conflict { left: retry_after.map(ticks_of) },
            other => panic!("{other:?}"),
        },
        Call::Complete { token, .. } => changed(store.complete(&lease(token)).await),
        Call::Release { token, .. } => changed(store.release(&lease(token)).await),
        Call::Extend { token, .. } => changed(store.extend(&lease(token)).await),
        Call::Purge { .. } => {
            if let Some(purge) = database.purge() {
                purge.await.unwrap();
            }
            Answer::Changed
        }
    };

    let there = database.read(&bystander).await.expect("the record of another key is left alone");
    let unchanged = (ticks(there.3), ticks(there.4)) == (ticks(other.3), ticks(other.4));
    assert!(unchanged && (&there.0, &there.1, there.2) == (&other.0, &other.1, other.2), "{call:?}: {there:?}");
    let after = database.read(key).await.map(|(token, body, done, until, kept)| {
        let token = match new {
            Some((new, receiver)) if token == new.as_bytes() => Token::Receiver(receiver),
            _ => [0, 1, 2].map(Token::Receiver).into_iter().find(|known| token == bytes(*known)).unwrap_or_else(|| {
                assert_eq!(token, bytes(Token::Nobody), "a token that nobody has");
                Token::Nobody
            }),
        };
        let payload = [0, 1].into_iter().find(|payload| body == deliveries.payload(*payload).as_bytes()).unwrap();
        Row { token, payload, done, until: ticks(until), kept: ticks(kept) }
    });
    (answer, after)
}

fn changed(answer: Result<(), StoreError>) -> Answer {
    match answer {
        Ok(()) => Answer::Changed,
        Err(StoreError::LeaseLost) => Answer::LeaseLost,
        Err(error) => panic!("{error}"),
    }
}

fn bytes(token: Token) -> [u8; 16] {
    match token {
        Token::Receiver(receiver) => [u8::try_from(receiver).unwrap(); 16],
        Token::Nobody => [0xff; 16],
    }
}

fn columns(deliveries: &Deliveries, row: Row) -> Columns {
    let body = deliveries.payload(row.payload).as_bytes().to_vec();
    let left = |ticks| i64::from(ticks) * TICK_MILLIS;
    (bytes(row.token).to_vec(), body, row.done, left(row.until), left(row.kept))
}

fn millis(ticks: i8) -> Duration {
    Duration::from_millis((i64::from(ticks) * TICK_MILLIS).unsigned_abs())
}

/// The servers' time goes on, so what is left is a little less than whole ticks.
fn ticks(millis: i64) -> i8 {
    i8::try_from((millis + TICK_MILLIS / 2).div_euclid(TICK_MILLIS)).unwrap().max(0)
}

fn ticks_of(left: Duration) -> i8 {
    ticks(i64::try_from(left.as_millis()).unwrap())
}

fn settings() -> StoreSettings {
    StoreSettings::new().danger_with_short_retention(millis(RETENTION)).with_lease(millis(LEASE)).unwrap()
}

/// SQLite in memory, whose clock stands still.
pub struct Sqlite(SqliteStore);

const NOW: i64 = 1_773_844_200_000;

impl Sqlite {
    pub async fn new() -> Self {
        Sqlite(SqliteStore::in_memory().await.unwrap().with_settings(settings()).with_time(|| NOW))
    }
}

impl Database for Sqlite {
    fn store(&self) -> &dyn Store {
        &self.0
    }

    fn restore<'a>(&'a self, records: &'a [(&'a Key, Columns)]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            sqlx::query("DELETE FROM offhook_deliveries").execute(self.0.pool()).await.unwrap();
            for (key, (token, body, done, until, kept)) in records {
                sqlx::query("INSERT INTO offhook_deliveries VALUES (?1, ?2, ?3, ?4, ?6 + ?7, ?6 + ?8, ?6 + ?7 - ?5)")
                    .bind(key.as_str())
                    .bind(token)
                    .bind(body)
                    .bind(done)
                    .bind(i64::from(LEASE) * TICK_MILLIS)
                    .bind(NOW)
                    .bind(until)
                    .bind(kept)
                    .execute(self.0.pool())
                    .await
                    .unwrap();
            }
        })
    }

    fn read<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Option<Columns>> {
        let query = "SELECT token, body, done, until - ?2, kept - ?2 FROM offhook_deliveries WHERE key = ?1";
        let query = sqlx::query_as(query).bind(key.as_str()).bind(NOW);
        Box::pin(async move { query.fetch_optional(self.0.pool()).await.unwrap() })
    }

    fn purge(&self) -> Option<BoxFuture<'_, Result<u64, StoreError>>> {
        Some(Box::pin(self.0.purge()))
    }
}

pub struct Postgres {
    _server: PgServer,
    store: PostgresStore,
}

impl Postgres {
    pub async fn new() -> Self {
        let server = PgServer::start(&["synchronous_commit=off"]);
        let store = PostgresStore::connect(&server.url()).await.unwrap().with_settings(settings());
        store.migrate().await.unwrap();
        Postgres { _server: server, store }
    }
}

impl Database for Postgres {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn restore<'a>(&'a self, records: &'a [(&'a Key, Columns)]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            sqlx::query("DELETE FROM offhook_deliveries").execute(self.store.pool()).await.unwrap();
            for (key, (token, body, done, until, kept)) in records {
                sqlx::query(
                    "WITH t AS (SELECT (extract(epoch from clock_timestamp()) * 1000)::bigint AS now)
                     INSERT INTO offhook_deliveries (key, token, body, done, until, kept)
                     SELECT $1, $2, $3, $4, t.now + $5, t.now + $6 FROM t",
                )
                .bind(key.as_str())
                .bind(token)
                .bind(body)
                .bind(done)
                .bind(until)
                .bind(kept)
                .execute(self.store.pool())
                .await
                .unwrap();
            }
        })
    }

    fn read<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Option<Columns>> {
        let query = sqlx::query_as(
            "WITH t AS (SELECT (extract(epoch from clock_timestamp()) * 1000)::bigint AS now)
             SELECT token, body, done, until - t.now, kept - t.now FROM offhook_deliveries, t WHERE key = $1",
        );
        let query = query.bind(key.as_str());
        Box::pin(async move { query.fetch_optional(self.store.pool()).await.unwrap() })
    }

    fn purge(&self) -> Option<BoxFuture<'_, Result<u64, StoreError>>> {
        Some(Box::pin(self.store.purge()))
    }
}

pub struct Redis {
    server: RedisServer,
    store: RedisStore,
}

impl Redis {
    pub async fn new() -> Self {
        let server = RedisServer::start(&["--appendonly", "no"]);
        let store = RedisStore::connect(server.url()).await.unwrap().with_settings(settings());
        Redis { server, store }
    }
}

/// Writes records whose tokens and digests are in hexadecimal digits.
const WRITE: &str = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)
    redis.call('FLUSHALL')
    for i, key in ipairs(KEYS) do
        local token, body, done, left, kept = unpack(ARGV, i * 5 - 4, i * 5)
        local function bytes(text)
            return (text:gsub('..', function(digits) return string.char(tonumber(digits, 16)) end))
        end
        redis.call('HSET', key, 'token', bytes(token), 'body', bytes(body))
        if done == 'false' then
            redis.call('HSET', key, 'until', string.format('%.0f', now + left))
        end
        redis.call('PEXPIRE', key, kept)
    end";

const READ: &str = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)
    local r = redis.call('HMGET', KEYS[1], 'token', 'body', 'until')
    if not r[1] then return '' end
    local function hex(bytes)
        return (bytes:gsub('.', function(byte) return string.format('%02x', byte:byte()) end))
    end
    local kept = redis.call('PTTL', KEYS[1])
    return table.concat({hex(r[1]), hex(r[2]), r[3] and 'false' or 'true', r[3] and r[3] - now or kept, kept}, ' ')";

impl Redis {
    fn key(key: &Key) -> String {
        format!("offhook:{key}")
    }
}

impl Database for Redis {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn restore<'a>(&'a self, records: &'a [(&'a Key, Columns)]) -> BoxFuture<'a, ()> {
        // The server deletes a record at its end.
        let records: Vec<_> = records.iter().filter(|(_, (.., kept))| *kept > 0).collect();
        let mut arguments = vec!["EVAL".to_owned(), WRITE.to_owned(), records.len().to_string()];
        arguments.extend(records.iter().map(|(key, _)| Redis::key(key)));
        for (_, (token, body, done, until, kept)) in records {
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            arguments.extend([hex(token), hex(body), done.to_string(), until.to_string(), kept.to_string()]);
        }
        Box::pin(async move {
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            assert_eq!(self.server.cli(&arguments).trim(), "");
        })
    }

    fn read<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Option<Columns>> {
        Box::pin(async move {
            let answer = self.server.cli(&["EVAL", READ, "1", &Redis::key(key)]);
            let columns: Vec<_> = answer.split_whitespace().collect();
            let [token, body, done, until, kept] = columns[..] else {
                assert_eq!(answer.trim(), "");
                return None;
            };
            let bytes = |hex: &str| {
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
            };
            let span = |span: &str| span.parse().unwrap();
            Some((bytes(token), bytes(body), done == "true", span(until), span(kept)))
        })
    }

    fn purge(&self) -> Option<BoxFuture<'_, Result<u64, StoreError>>> {
        None
    }
}
