//! The buckets of one process, in memory.
//!
//! A key's hash picks one of sixteen shards, each a map behind its own lock, so that threads seldom
//! meet. A bucket that has filled up again is the same as none, so it is swept away when a shard is
//! about to grow: memory follows the keys that are active, not those ever seen. If every bucket of
//! a full shard is in use, a *new* key is refused as `Unavailable` and those known go on: forgetting
//! a bucket to make room would grant its key more than it was promised.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use super::{Decision, KEY_LEN_MAX, Policy, RateLimiter, check_key};
use crate::{Error, Result, time::Clock};

const SHARDS: usize = 16;
/// Below this many buckets a shard is not worth sweeping.
const SWEEP_MIN: usize = 64;

/// Buckets of many keys under many policies, for one process. Its methods are sync; through the
/// port they are async.
#[derive(Debug)]
pub struct MemoryLimiter {
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

impl MemoryLimiter {
    /// How many buckets are kept unless said otherwise: some 15 MB when all are in use.
    pub const DEFAULT_BUCKETS_MAX: usize = 131_072;

    /// An empty limiter. Time is read from the clock's monotonic side.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_buckets_max(clock, Self::DEFAULT_BUCKETS_MAX)
    }

    /// An empty limiter that keeps about `buckets_max` buckets in use: each of 16 shards keeps a
    /// sixteenth, rounded up.
    pub fn with_buckets_max(clock: Arc<dyn Clock>, buckets_max: usize) -> Self {
        let shard = || Mutex::new(Shard::new(buckets_max.div_ceil(SHARDS)));
        let shards = std::array::from_fn(|_| shard());
        Self { clock, hasher: RandomState::new(), shards }
    }

    /// Takes `cost` tokens now, or none. A cost of 0 peeks.
    ///
    /// # Errors
    /// `Invalid` as [`check_key`]; `Unavailable` for a new key when all buckets are in use.
    pub fn take(&self, key: &str, policy: &Policy, cost: u32) -> Result<Decision> {
        self.take_at(self.clock.monotonic_us(), key, policy, cost)
    }

    /// As [`Self::take`] at a time that the caller has read already, for batches and simulations.
    ///
    /// A time before the last one grants nothing extra; see [`super::Quota::decide`].
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_at(&self, now_us: u64, key: &str, policy: &Policy, cost: u32) -> Result<Decision> {
        check_key(key)?;
        let mut buffer = [0; Policy::NAME_LEN_MAX + 1 + KEY_LEN_MAX];
        let id = bucket_id(&mut buffer, policy.name(), key);
        let shard = &self.shards[(self.hasher.hash_one(id) % SHARDS as u64) as usize];
        // A shard's map is whole between any two statements: a poisoned lock tells nothing.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.take(now_us, id, policy, cost)
    }

    /// How many buckets are kept now, those included that have filled up but are not yet swept.
    pub fn buckets(&self) -> usize {
        let len = |shard: &Mutex<Shard>| {
            shard.lock().unwrap_or_else(PoisonError::into_inner).tats_us.len()
        };
        self.shards.iter().map(len).sum()
    }
}

#[async_trait]
impl RateLimiter for MemoryLimiter {
    async fn take(&self, key: &str, policy: &Policy, cost: u32) -> Result<Decision> {
        Self::take(self, key, policy, cost)
    }
}

/// Policy and key as one name, written on the caller's stack: looking a bucket up allocates nothing.
fn bucket_id<'a>(buffer: &'a mut [u8], policy: &str, key: &str) -> &'a [u8] {
    let len = policy.len() + 1 + key.len();
    buffer[..policy.len()].copy_from_slice(policy.as_bytes());
    buffer[policy.len()] = b':'; // a policy's name has none, so no two pairs make one id
    buffer[policy.len() + 1..len].copy_from_slice(key.as_bytes());
    &buffer[..len]
}

#[derive(Debug)]
struct Shard {
    tats_us: HashMap<Box<[u8]>, u64>,
    buckets_max: usize,
    /// A new bucket beside this many calls for a sweep first.
    sweep_at: usize,
    /// No bucket is full before this time, so no sweep gains any until then.
    first_full_us: u64,
}

impl Shard {
    fn new(buckets_max: usize) -> Self {
        let sweep_at = SWEEP_MIN.min(buckets_max);
        Self { tats_us: HashMap::new(), buckets_max, sweep_at, first_full_us: u64::MAX }
    }

    fn take(&mut self, now_us: u64, id: &[u8], policy: &Policy, cost: u32) -> Result<Decision> {
        if let Some(tat_us) = self.tats_us.get_mut(id) {
            return Ok(policy.quota().decide(tat_us, now_us, cost));
        }
        let mut tat_us = 0;
        let decision = policy.quota().decide(&mut tat_us, now_us, cost);
        if tat_us > now_us {
            self.make_room(now_us)?;
            self.tats_us.insert(id.into(), tat_us);
            self.first_full_us = self.first_full_us.min(tat_us);
        }
        Ok(decision)
    }

    fn make_room(&mut self, now_us: u64) -> Result<()> {
        if self.tats_us.len() >= self.sweep_at && now_us >= self.first_full_us {
            self.tats_us.retain(|_, tat_us| *tat_us > now_us);
            self.first_full_us = self.tats_us.values().min().copied().unwrap_or(u64::MAX);
            // Twice what is left: a sweep is paid for by as many insertions as it looks at.
            self.sweep_at = (self.tats_us.len() * 2).max(SWEEP_MIN).min(self.buckets_max);
        }
        if self.tats_us.len() < self.buckets_max {
            return Ok(());
        }
        Err(Error::unavailable("rate limiter: every bucket is in use, no new key is taken up"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;
    use crate::{ErrorKind, ratelimit::Quota, time::SystemClock};

    const S: u64 = 1_000_000;

    fn limiter(buckets_max: usize) -> MemoryLimiter {
        MemoryLimiter::with_buckets_max(Arc::new(SystemClock::new()), buckets_max)
    }

    fn policy(name: &str, quota: Quota) -> Policy {
        Policy::new(name, quota).expect("valid")
    }

    #[test]
    fn full_buckets_are_swept_so_memory_follows_the_active_keys() {
        let (limiter, read) = (limiter(1_000_000), policy("read", Quota::DEFAULT_READ));
        for i in 0..100_000_u64 {
            // One key a millisecond, each bucket full again after 2 s: 2 000 are in use at once.
            let decision = limiter.take_at(i * 1_000, &format!("key-{i}"), &read, 1);
            assert!(decision.expect("room").is_granted());
        }
        let kept = limiter.buckets();
        assert!((2_000..=4_000 + SHARDS * SWEEP_MIN).contains(&kept), "{kept} kept");
    }

    #[test]
    fn a_full_limiter_refuses_new_keys_keeps_the_known_and_recovers() {
        let (limiter, read) = (limiter(160), policy("read", Quota::DEFAULT_READ));
        let mut known = Vec::new();
        for i in 0..2_000 {
            let key = format!("key-{i}");
            match limiter.take_at(0, &key, &read, 10) {
                Ok(decision) => {
                    assert!(decision.is_granted());
                    known.push(key);
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
            }
        }
        assert_eq!((known.len(), limiter.buckets()), (160, 160), "each shard is filled");
        for key in &known {
            let decision = limiter.take_at(0, key, &read, 1).expect("known");
            assert_eq!(decision.retry_after_us(), Some(2 * S), "nothing was forgotten");
        }
        assert!(limiter.take_at(20 * S - 1, "late", &read, 1).is_err());
        assert!(limiter.take_at(20 * S, "late", &read, 1).is_ok());
    }

    #[test]
    fn a_short_lived_bucket_makes_room_beside_long_lived_ones() {
        let limiter = limiter(SHARDS * 2); // two buckets a shard
        let slow = policy("slow", Quota::with_interval(1, 1_000 * S).expect("ok"));
        let fast = policy("fast", Quota::with_interval(1, 1_000).expect("ok"));
        for i in 0..1_000 {
            let _ = limiter.take_at(0, &format!("slow-{i}"), &slow, 1).is_ok();
        }
        assert_eq!(limiter.buckets(), SHARDS * 2);
        let mut shard = Shard::new(2);
        for (now_us, id, policy) in [(0, "s", &slow), (1, "f", &fast), (2_000, "g", &fast)] {
            let decision = shard.take(now_us, id.as_bytes(), policy, 1).expect("room");
            assert!(decision.is_granted(), "{id}");
        }
        assert!(shard.take(2_001, b"h", &fast, 1).is_err(), "both are in use");
    }

    #[test]
    fn peeks_and_impossible_requests_keep_no_bucket() {
        let (limiter, read) = (limiter(16), policy("read", Quota::DEFAULT_READ));
        for (cost, key) in [(0, "a"), (11, "b"), (u32::MAX, "c")] {
            assert_eq!(limiter.take_at(5, key, &read, cost).expect("told").remaining(), 10);
        }
        assert_eq!(limiter.buckets(), 0);
    }

    #[test]
    fn threads_that_race_for_one_key_get_its_capacity_and_no_more() {
        let quota = Quota::with_interval(1_000, 1_000 * S).expect("ok");
        let (limiter, policy) = (limiter(16), policy("race", quota));
        let granted = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let decision = limiter.take("key", &policy, 1).expect("room");
                        granted.fetch_add(u32::from(decision.is_granted()), Relaxed);
                    }
                });
            }
        });
        assert_eq!(granted.into_inner(), 1_000, "4 000 asked");
    }
}
