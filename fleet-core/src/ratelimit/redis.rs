//! The buckets of many processes, on a Redis server.
//!
//! A bucket is one string, the time at which it will be full again; it disappears then, so memory
//! follows the keys that are active. A decision is one Lua script, so it is right under any
//! concurrency; the time is the server's, one clock for all. The key names one slot of a cluster.
//!
//! A take is never repeated: after a lost answer the tokens may have been taken. What a caller does
//! while the server is away (a local bucket, or refusing) is its own policy.

use std::{fmt, sync::Arc, time::Duration};

use ::redis::Script;
use async_trait::async_trait;

use super::{Decision, Policy, RateLimiter, Verdict, check_key};
use crate::{
    Result,
    redis::{Connection, check_namespace},
    time::Clock,
};

/// How long a decision may take: a caller waits for it.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(250);

/// [`RateLimiter`] on a Redis server (7 or newer, or Valkey), under one namespace.
///
/// After a failover to a replica that had not heard of the last grants a key may be granted up to
/// its capacity once more.
pub struct RedisLimiter {
    connection: Connection,
    namespace: Box<str>,
    /// Set if the time is this process's and not the server's.
    clock: Option<Arc<dyn Clock>>,
    take: Script,
}

impl RedisLimiter {
    /// A limiter on the server at `url` (`redis://[user:password@]host:port[/database]`), whose
    /// buckets are `{namespace}:rl:{KEY}:POLICY`. Time is the server's. Connects when first asked,
    /// and again whenever needed.
    ///
    /// # Errors
    /// `Invalid` for a URL of another form or a namespace that is not 1 to 64 of
    /// `A-Z a-z 0-9 . _ -`.
    pub fn new(url: &str, namespace: &str) -> Result<Self> {
        check_namespace(namespace)?;
        let take = Script::new(include_str!("redis/take.lua"));
        let connection = Connection::new(url, ANSWER_TIMEOUT)?;
        Ok(Self { connection, namespace: namespace.into(), clock: None, take })
    }

    /// Takes the time from `clock` (its monotonic side, in µs) instead of the server: for servers
    /// that forbid `TIME` in scripts, and for tests. Processes then differ by their clocks' skew.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter")
            .field("connection", &self.connection)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn take(&self, key: &str, policy: &Policy, cost: u32) -> Result<Decision> {
        check_key(key)?;
        let quota = policy.quota();
        let now_us = self.clock.as_ref().map(|clock| clock.monotonic_us().to_string());
        let mut script = self.take.prepare_invoke();
        script.key(format!("{}:rl:{{{key}}}:{}", self.namespace, policy.name()));
        script.arg(quota.interval_us()).arg(quota.capacity()).arg(cost);
        script.arg(now_us.unwrap_or_default());
        let (verdict, retry_after_us, full_in_us): (u8, u64, u64) =
            self.connection.call_once(&script).await?;
        let verdict = match verdict {
            1 => Verdict::Granted,
            0 => Verdict::Denied { retry_after_us },
            _ => Verdict::Impossible,
        };
        Ok(Decision::from_parts(quota, verdict, full_in_us))
    }
}

#[cfg(test)]
mod tests;
