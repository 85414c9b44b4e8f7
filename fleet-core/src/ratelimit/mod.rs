//! Rate limits: who may ask how often, decided exactly, and told in a way that callers can obey.
//!
//! A key (an API key's id, a client's address) has a *bucket* of tokens. A request takes its cost
//! or nothing; tokens come back one by one. A caller that may not go on is told the wait that is
//! enough, to the microsecond, and a caller that waits that long is served.
//!
//! The story, from the inside out:
//!
//! 1. [`Quota`] says how much and how fast; [`Quota::decide`] is the whole arithmetic, in integers.
//! 2. [`Bucket`] is a quota with its state, for one key and no threads.
//! 3. [`Policy`] gives a quota a name, under which buckets are kept and callers are told.
//! 4. [`RateLimiter`] is the port; [`MemoryLimiter`] keeps the buckets of one process, and needs
//!    neither a runtime nor a server. Every backend passes the laws in `testkit::limiter_laws`.
//!
//! ```
//! use std::sync::Arc;
//! use fleet_core::{ratelimit::{MemoryLimiter, Policy, Quota}, time::SystemClock};
//!
//! let limiter = MemoryLimiter::new(Arc::new(SystemClock::new()));
//! let read = Policy::new("read", Quota::DEFAULT_READ)?;
//! for _ in 0..10 {
//!     assert!(limiter.take("key-7", &read, 1)?.is_granted());
//! }
//! let denied = limiter.take("key-7", &read, 1)?;
//! assert!(denied.retry_after_us().is_some_and(|wait_us| wait_us <= 2_000_000));
//! assert!(limiter.take("key-8", &read, 1)?.is_granted(), "keys do not share");
//! # Ok::<(), fleet_core::Error>(())
//! ```
//!
//! The words for callers are those of draft-ietf-httpapi-ratelimit-headers-11 (May 2026):
//!
//! ```
//! # use fleet_core::ratelimit::{Bucket, Policy, Quota};
//! let read = Policy::new("read", Quota::DEFAULT_READ)?;
//! let mut bucket = Bucket::new(read.quota());
//! let decision = bucket.take(0, 3);
//! assert_eq!(read.policy_header(), r#""read";q=10;w=20"#);
//! assert_eq!(read.limit_header(&decision), r#""read";r=7;t=2"#);
//! # Ok::<(), fleet_core::Error>(())
//! ```

mod bucket;
mod memory;
#[cfg(feature = "redis")]
mod redis;

use async_trait::async_trait;

#[cfg(feature = "redis")]
pub use self::redis::RedisLimiter;
pub use bucket::{Bucket, Decision, Quota, Verdict};
pub use memory::MemoryLimiter;

use crate::{Error, Result};

/// A quota with the name under which its buckets are kept and told to callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    name: Box<str>,
    quota: Quota,
}

impl Policy {
    /// The longest name, in bytes.
    pub const NAME_LEN_MAX: usize = 32;

    /// Names a quota.
    ///
    /// # Errors
    /// `Invalid` unless the name is 1 to 32 of `a-z 0-9 -`: it stands in headers, metrics and keys.
    pub fn new(name: &str, quota: Quota) -> Result<Self> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=Self::NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(allowed) {
            return Ok(Self { name: name.into(), quota });
        }
        Err(Error::invalid(format!("policy name {name:?}: expected 1 to 32 of a-z 0-9 -")))
    }

    /// The name, e.g. `read`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How much and how fast.
    pub const fn quota(&self) -> Quota {
        self.quota
    }

    /// The value of `RateLimit-Policy`: quota in tokens, window in seconds (rounded up).
    pub fn policy_header(&self) -> String {
        let window_s = ceil_s(self.quota.window_us());
        format!("\"{}\";q={};w={window_s}", self.name, self.quota.capacity())
    }

    /// The value of `RateLimit`: tokens remaining, and the seconds (rounded up) until there is one
    /// more, which is absent when the bucket is full.
    pub fn limit_header(&self, decision: &Decision) -> String {
        let remaining = decision.remaining();
        match decision.next_token_us() {
            Some(next_us) => format!("\"{}\";r={remaining};t={}", self.name, ceil_s(next_us)),
            None => format!("\"{}\";r={remaining}", self.name),
        }
    }
}

impl Decision {
    /// The value of `Retry-After`: seconds, rounded up; `None` unless the request was denied.
    pub fn retry_after_s(&self) -> Option<u64> {
        self.retry_after_us().map(ceil_s)
    }
}

const fn ceil_s(us: u64) -> u64 {
    us.div_ceil(1_000_000)
}

/// The longest key, in bytes.
pub const KEY_LEN_MAX: usize = 256;

/// Refuses a key that no backend would keep.
///
/// # Errors
/// `Invalid` unless the key has 1 to [`KEY_LEN_MAX`] bytes.
pub fn check_key(key: &str) -> Result<()> {
    if (1..=KEY_LEN_MAX).contains(&key.len()) {
        return Ok(());
    }
    Err(Error::invalid(format!("limiter key: {} bytes, expected 1 to {KEY_LEN_MAX}", key.len())))
}

/// Buckets of many keys, wherever they are kept.
///
/// In any span `s` a key is granted at most capacity + `s` / interval; waiting the told time is
/// enough and 1 µs less is not; a denial changes no later answer; buckets of other keys and other
/// policies are untouched; all of it under concurrency.
#[async_trait]
pub trait RateLimiter: Send + Sync + std::fmt::Debug {
    /// Takes `cost` tokens from the key's bucket under this policy, or none. A cost of 0 peeks.
    ///
    /// # Errors
    /// `Invalid` as [`check_key`]; `Unavailable` if the buckets cannot be reached or no more can be
    /// kept. That a request is over its limit is not an error but a [`Verdict`].
    async fn take(&self, key: &str, policy: &Policy, cost: u32) -> Result<Decision>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_round_up_to_whole_seconds_and_a_full_bucket_tells_no_next_token() {
        let policy = Policy::new("default", Quota::DEFAULT_READ).expect("valid");
        let mut bucket = Bucket::new(policy.quota());
        assert_eq!(policy.limit_header(&bucket.take(0, 0)), r#""default";r=10"#);
        assert_eq!(policy.limit_header(&bucket.take(0, 10)), r#""default";r=0;t=2"#);
        let denied = bucket.take(1_999_999, 1);
        assert_eq!(denied.retry_after_s(), Some(1));
        assert_eq!(policy.limit_header(&denied), r#""default";r=0;t=1"#);
        assert_eq!(bucket.take(2_000_000, 1).retry_after_s(), None);
        let brief = Policy::new("ui", Quota::with_interval(3, 100_000).expect("ok")).expect("ok");
        assert_eq!(brief.policy_header(), r#""ui";q=3;w=1"#);
    }

    #[test]
    fn names_and_keys_are_bounded() {
        for name in ["", "Read", "a b", "a:b", "a\"b", &"x".repeat(33)] {
            assert!(Policy::new(name, Quota::DEFAULT_READ).is_err(), "{name:?}");
        }
        assert!(check_key("").is_err() && check_key(&"k".repeat(257)).is_err());
        assert!(check_key(&"k".repeat(256)).is_ok());
    }
}
