//! The store in Redis (feature `redis`).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo, RedisError, ServerErrorKind};

use super::claiming::Claiming;
use crate::idempotency::claim::{Claim, Lease, LeaseToken};
use crate::idempotency::key::{Key, PayloadDigest};
use crate::idempotency::settings::StoreSettings;
use crate::idempotency::store::{BoxFuture, Store, StoreError, complete_or_repeat};

/// A store in Redis 5 or later. It serves any number of machines, and is as durable as the
/// persistence of the server. All times are the server's, and each step is one script on it.
///
/// A restart without its data and a failover to a replica that lags both forget claims.
/// Their events are handled again when they are delivered again.
///
/// ```no_run
/// use offhook::idempotency::RedisStore;
///
/// # async fn start() -> Result<(), offhook::idempotency::StoreError> {
/// let store = RedisStore::connect("redis://localhost/").await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    connection: Arc<Connection>,
    settings: StoreSettings,
    timeout: Duration,
    prefix: String,
}

impl RedisStore {
    /// Connects to the server at this address. The server must not evict records
    /// (`maxmemory-policy noeviction`): a policy that evicts forgets claims silently. Only
    /// this function checks the policy.
    ///
    /// # Errors
    ///
    /// Returns an error if the address is invalid or the server cannot be reached, and
    /// [`StoreError::Evicts`] if the server evicts records.
    pub async fn connect(address: impl IntoConnectionInfo) -> Result<Self, StoreError> {
        let store = RedisStore::danger_connect_to_evicting(address).await?;
        let info: String = store.run(redis::cmd("INFO").arg("memory")).await?;
        match info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")) {
            Some("noeviction") => Ok(store),
            policy => Err(StoreError::Evicts { policy: policy.unwrap_or("unknown").to_owned() }),
        }
    }

    /// Connects to the server at this address, even if it evicts records. An event whose
    /// record was evicted is handled again.
    ///
    /// # Errors
    ///
    /// Returns an error if the address is invalid, or if the server cannot be reached.
    pub async fn danger_connect_to_evicting(address: impl IntoConnectionInfo) -> Result<Self, StoreError> {
        let client = Client::open(address).map_err(error)?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(DEFAULT_TIMEOUT))
            .set_response_timeout(Some(DEFAULT_TIMEOUT));
        let manager = ConnectionManager::new_with_config(client.clone(), config.clone()).await.map_err(error)?;
        let connection = Arc::new(Connection { client, config, current: Mutex::new((0, manager)) });
        Ok(RedisStore {
            connection,
            settings: StoreSettings::new(),
            timeout: DEFAULT_TIMEOUT,
            prefix: DEFAULT_PREFIX.to_owned(),
        })
    }

    /// Sets the lease and the retention.
    #[must_use]
    pub fn with_settings(self, settings: StoreSettings) -> Self {
        RedisStore { settings, ..self }
    }

    /// Sets the prefix of every key: `offhook:` by default.
    #[must_use]
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        RedisStore { prefix: prefix.into(), ..self }
    }

    /// Sets how long a step may take before it fails: 5 s by default and at most. Keep it
    /// below the time that the vendor waits for an answer.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        RedisStore { timeout, ..self }
    }

    async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let (number, mut connection) = self.connection.current();
        let answer = match tokio::time::timeout(self.timeout, command.query_async(&mut connection)).await {
            Ok(answer) => answer.map_err(error),
            Err(_elapsed) => Err(StoreError::Timeout),
        };
        if let Err(StoreError::Timeout) = answer {
            self.connection.replace(number)?;
        }
        answer
    }

    /// Sends the script as a whole, because a server that restarted knows none by its hash.
    fn script(&self, script: &str, key: &Key, token: LeaseToken) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg([READ, script].concat()).arg(1).arg(self.redis_key(key)).arg(&token.as_bytes()[..]);
        command
    }

    fn redis_key(&self, key: &Key) -> String {
        format!("{}{key}", self.prefix)
    }

    async fn changed(&self, command: &Cmd) -> Result<(), StoreError> {
        match self.run::<i64>(command).await? {
            1 => Ok(()),
            _ => Err(StoreError::LeaseLost),
        }
    }
}

/// A connection that can be replaced.
///
/// The manager replaces a connection that breaks. It does not notice one that went silent
/// because a server or a load balancer is gone, so that one is replaced here.
struct Connection {
    client: Client,
    config: ConnectionManagerConfig,
    current: Mutex<(u64, ConnectionManager)>,
}

impl Connection {
    fn lock(&self) -> MutexGuard<'_, (u64, ConnectionManager)> {
        // Nothing panics under the lock, so a poisoned one is still consistent.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> (u64, ConnectionManager) {
        self.lock().clone()
    }

    /// The first caller that times out replaces the connection. The new one connects on its
    /// next use.
    fn replace(&self, silent: u64) -> Result<(), StoreError> {
        let mut current = self.lock();
        if current.0 == silent {
            let manager = ConnectionManager::new_lazy_with_config(self.client.clone(), self.config.clone());
            *current = (silent.wrapping_add(1), manager.map_err(error)?);
        }
        Ok(())
    }
}

impl Store for RedisStore {
    fn claim<'a>(&'a self, key: &'a Key, body: &'a PayloadDigest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        let (store, key, body) = (self.clone(), key.clone(), *body);
        let claim = async move {
            let token = LeaseToken::unique();
            let mut command = store.script(CLAIM, &key, token);
            command.arg(&body.as_bytes()[..]);
            command.arg(millis(store.settings.lease())).arg(millis(store.settings.retention()));
            let (state, same, left): (String, bool, u64) = store.run(&command).await?;
            let left = Duration::from_millis(left.max(1));
            match (state.as_str(), same) {
                ("fresh", _) => Ok(Claim::Fresh(Lease::new(key.clone(), token, store.settings.lease()))),
                ("held", true) => Ok(Claim::InFlight { retry_after: left }),
                ("held", false) => Ok(Claim::Conflict { retry_after: Some(left) }),
                ("done", true) => Ok(Claim::Done),
                ("done", false) => Ok(Claim::Conflict { retry_after: None }),
                _ => Err(StoreError::UnexpectedAnswer("a record without a known state")),
            }
        };
        Box::pin(Claiming::new(self.clone(), Box::pin(claim)))
    }

    fn complete<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut command = self.script(COMPLETE, lease.key(), lease.token());
            self.changed(command.arg(millis(self.settings.retention()))).await
        })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.changed(&self.script(RELEASE, lease.key(), lease.token())).await })
    }

    fn extend<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut command = self.script(EXTEND, lease.key(), lease.token());
            self.changed(command.arg(millis(lease.ttl())).arg(millis(self.settings.retention()))).await
        })
    }

    fn forget<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { Ok(self.run::<i64>(redis::cmd("DEL").arg(self.redis_key(key))).await? > 0) })
    }

    fn abandon(&self, lease: Lease) {
        // Without a runtime, which is shutting down, the lease ends by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let store = self.clone();
            runtime.spawn(async move { store.release(&lease).await });
        }
    }

    fn complete_later(&self, lease: Lease) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let store = self.clone();
            runtime.spawn(async move { complete_or_repeat(&store, &lease).await });
        }
    }

    fn retention(&self) -> Option<Duration> {
        Some(self.settings.retention())
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("settings", &self.settings)
            .field("timeout", &self.timeout)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

fn error(error: RedisError) -> StoreError {
    if error.is_timeout() {
        return StoreError::Timeout;
    }
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::TryAgain | ServerErrorKind::BusyLoading) => {
            StoreError::Contended(error.into())
        }
        _ if error.code() == Some("OOM") => StoreError::Full { retry_after: None },
        _ => StoreError::unavailable(error),
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The beginning of every script: `now`, and the record `r`.
///
/// A record is a hash with the token of its owner, the digest of the body, and the end of
/// the lease (`until`) in milliseconds since 1970. A completed record has no lease and ends
/// by its expiry. A record in flight outlives its lease, so that its owner may be late.
/// Completing and releasing write nothing that Redis refuses when it is out of memory.
///
/// Before Redis 7, a script that calls TIME must replicate its effects instead of itself,
/// which is the default since Redis 5.
const READ: &str = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)
    local r = redis.call('HMGET', KEYS[1], 'token', 'body', 'until')
    ";

const CLAIM: &str = "if r[1] and (not r[3] or tonumber(r[3]) > now) then
        return {r[3] and 'held' or 'done', r[2] == ARGV[2] and 1 or 0, r[3] and r[3] - now or 0}
    end
    redis.call('HSET', KEYS[1], 'token', ARGV[1], 'body', ARGV[2], 'until', string.format('%.0f', now + ARGV[3]))
    redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[3] + ARGV[4]))
    return {'fresh', 1, 0}";

const COMPLETE: &str = "if r[1] ~= ARGV[1] then return 0 end
    if redis.call('HDEL', KEYS[1], 'until') == 1 then
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
    end
    return 1";

const RELEASE: &str = "if r[1] ~= ARGV[1] or not r[3] then return 0 end
    return redis.call('DEL', KEYS[1])";

const EXTEND: &str = "if r[1] ~= ARGV[1] or not r[3] then return 0 end
    redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + ARGV[2]))
    redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[2] + ARGV[3]))
    return 1";

const DEFAULT_PREFIX: &str = "offhook:";

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_server_says_whether_a_retry_helps() {
        let answer = |kind| error(RedisError::from((ErrorKind::Server(kind), "text")));
        for kind in [ServerErrorKind::TryAgain, ServerErrorKind::BusyLoading] {
            assert!(matches!(answer(kind), StoreError::Contended(_)), "{kind:?}");
        }
        for kind in [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown] {
            assert!(matches!(answer(kind), StoreError::Unavailable(_)), "{kind:?}");
        }
    }
}
