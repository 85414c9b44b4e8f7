//! The token bucket as a pure kernel: integers in, a decision out.
//!
//! This is GCRA, the Generic Cell Rate Algorithm of ATM (ITU-T I.371, Annex A). A bucket that
//! refills one token per *interval* needs one number of state, the *theoretical arrival time*
//! (TAT): when it would be full again if nobody took any more. Nothing here reads a clock.
//!
//! ```
//! use fleet_core::ratelimit::{Bucket, Quota, Verdict};
//!
//! let mut bucket = Bucket::new(Quota::new(1, 10, 1_000_000)?); // bursts of 1, 10 per second
//! assert!(bucket.take(0, 1).is_granted());
//! let denied = bucket.take(60_000, 1);
//! assert_eq!(denied.verdict(), Verdict::Denied { retry_after_us: 40_000 });
//! assert!(bucket.take(100_000, 1).is_granted(), "the told wait is enough");
//! # Ok::<(), fleet_core::Error>(())
//! ```

use crate::{Error, Result};

/// How much may be taken, and how fast it comes back. Valid by construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    capacity: u32,
    interval_us: u64,
}

impl Quota {
    /// The default for reading the API: bursts of 10, then one request every two seconds.
    pub const DEFAULT_READ: Self = Self { capacity: 10, interval_us: 2_000_000 };
    /// The largest burst, in tokens.
    pub const CAPACITY_MAX: u32 = 1_000_000;
    /// The slowest refill: a token in 1 000 s.
    pub const INTERVAL_US_MAX: u64 = 1_000_000_000;
    /// The longest that an empty bucket may take to fill: 10¹³ µs, some 115 days. TATs then fit
    /// the doubles in which a Redis script computes, until the year 2254.
    pub const WINDOW_US_MAX: u64 = 10_000_000_000_000;

    /// Allows bursts of `capacity` tokens, refilled at `tokens` every `period_us` microseconds.
    ///
    /// The interval is rounded up to whole µs: up to 1 µs a token slower than asked, never faster.
    ///
    /// # Errors
    /// `Invalid` if `tokens` or `period_us` is zero, or as [`Quota::with_interval`].
    pub fn new(capacity: u32, tokens: u32, period_us: u64) -> Result<Self> {
        if tokens == 0 {
            return Err(Error::invalid("quota tokens: 0, expected at least 1 per period"));
        }
        Self::with_interval(capacity, period_us.div_ceil(u64::from(tokens)))
    }

    /// Allows bursts of `capacity` tokens, one of which comes back every `interval_us`.
    ///
    /// # Errors
    /// `Invalid` unless capacity is in 1 to [`Self::CAPACITY_MAX`], the interval in 1 to
    /// [`Self::INTERVAL_US_MAX`], and their product at most [`Self::WINDOW_US_MAX`].
    pub fn with_interval(capacity: u32, interval_us: u64) -> Result<Self> {
        let check = |field: &str, value: u64, max: u64| {
            if (1..=max).contains(&value) {
                return Ok(());
            }
            Err(Error::invalid(format!("quota {field}: {value} is outside 1 to {max}")))
        };
        check("capacity", u64::from(capacity), u64::from(Self::CAPACITY_MAX))?;
        check("interval_us", interval_us, Self::INTERVAL_US_MAX)?;
        check("window_us", interval_us * u64::from(capacity), Self::WINDOW_US_MAX)?;
        Ok(Self { capacity, interval_us })
    }

    /// The largest burst, in tokens.
    pub const fn capacity(self) -> u32 {
        self.capacity
    }

    /// Microseconds until one token has come back.
    pub const fn interval_us(self) -> u64 {
        self.interval_us
    }

    /// Microseconds until an empty bucket is full: capacity times interval.
    pub const fn window_us(self) -> u64 {
        self.interval_us * self.capacity as u64
    }

    /// Decides on `cost` tokens at `now_us` for a bucket whose state is `tat_us`, which it moves.
    ///
    /// A missing bucket is a full one: `tat_us` = 0, as is every TAT up to now. A cost of 0 peeks.
    /// Only a grant moves the TAT forward. After a clock has stepped back the TAT is pulled in, so
    /// that a bucket is empty at worst, not shut for as long as the step was; what is healed stays
    /// healed even if this request is denied, or the same wait would be told again and again.
    pub fn decide(self, tat_us: &mut u64, now_us: u64, cost: u32) -> Decision {
        *tat_us = (*tat_us).min(now_us.saturating_add(self.window_us()));
        let full_in_us = tat_us.saturating_sub(now_us);
        let decision = |verdict, full_in_us| Decision { verdict, quota: self, full_in_us };
        if cost > self.capacity {
            return decision(Verdict::Impossible, full_in_us);
        }
        let after_us = full_in_us + self.interval_us * u64::from(cost);
        if after_us > self.window_us() {
            let retry_after_us = after_us - self.window_us();
            return decision(Verdict::Denied { retry_after_us }, full_in_us);
        }
        if cost > 0 {
            *tat_us = now_us.saturating_add(after_us);
        }
        decision(Verdict::Granted, after_us)
    }
}

/// What became of a request for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The tokens are taken.
    Granted,
    /// Nothing is taken; the same request succeeds after this wait if nobody else takes any.
    Denied {
        /// Microseconds, at least 1: one less is not enough.
        retry_after_us: u64,
    },
    /// Nothing is taken; the request exceeds the capacity, so no wait is long enough.
    Impossible,
}

/// A verdict, and how full the bucket is after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    verdict: Verdict,
    quota: Quota,
    full_in_us: u64,
}

impl Decision {
    /// Puts a decision together that was taken elsewhere, e.g. in a script on a server.
    ///
    /// A `full_in_us` above the quota's window is read as an empty bucket.
    pub fn from_parts(quota: Quota, verdict: Verdict, full_in_us: u64) -> Self {
        Self { verdict, quota, full_in_us: full_in_us.min(quota.window_us()) }
    }

    /// What became of the request.
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether the tokens were taken.
    pub fn is_granted(&self) -> bool {
        self.verdict == Verdict::Granted
    }

    /// The quota that was applied.
    pub const fn quota(&self) -> Quota {
        self.quota
    }

    /// Whole tokens that could be taken at once now.
    pub const fn remaining(&self) -> u32 {
        // At most the capacity, which is a u32.
        ((self.quota.window_us() - self.full_in_us) / self.quota.interval_us) as u32
    }

    /// Microseconds after which the same request succeeds; `None` unless it was denied.
    pub const fn retry_after_us(&self) -> Option<u64> {
        match self.verdict {
            Verdict::Denied { retry_after_us } => Some(retry_after_us),
            Verdict::Granted | Verdict::Impossible => None,
        }
    }

    /// Microseconds until the bucket is full; 0 if it is.
    pub const fn full_in_us(&self) -> u64 {
        self.full_in_us
    }

    /// Microseconds until one more whole token is there; `None` if the bucket is full.
    pub fn next_token_us(&self) -> Option<u64> {
        // Tokens complete at full − j · interval, so the next one is the remainder away.
        let whole = |rest_us| if rest_us == 0 { self.quota.interval_us } else { rest_us };
        (self.full_in_us > 0).then(|| whole(self.full_in_us % self.quota.interval_us))
    }
}

/// A quota and its one number of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    quota: Quota,
    tat_us: u64,
}

impl Bucket {
    /// A bucket that can give its whole capacity at once.
    pub const fn new(quota: Quota) -> Self {
        Self { quota, tat_us: 0 }
    }

    /// Takes `cost` tokens at `now_us`, or none. Any start of the time scale will do.
    pub fn take(&mut self, now_us: u64, cost: u32) -> Decision {
        self.quota.decide(&mut self.tat_us, now_us, cost)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRANT: Verdict = Verdict::Granted;
    const fn wait(retry_after_us: u64) -> Verdict {
        Verdict::Denied { retry_after_us }
    }

    /// (now, cost, verdict, remaining, next token, full in).
    type Row = (u64, u32, Verdict, u32, Option<u64>, u64);

    /// Passes the rows through one default bucket.
    #[track_caller]
    fn check(bucket: &mut Bucket, rows: &[Row]) {
        for (i, &(now_us, cost, verdict, remaining, next_us, full_in_us)) in rows.iter().enumerate()
        {
            let got = bucket.take(now_us, cost);
            let told = (got.verdict(), got.remaining(), got.next_token_us(), got.full_in_us());
            assert_eq!(told, (verdict, remaining, next_us, full_in_us), "row {}", i + 1);
        }
    }

    #[test]
    fn the_timeline_of_the_default_quota_is_exact_to_the_microsecond() {
        const S: u64 = 1_000_000;
        let mut bucket = Bucket::new(Quota::DEFAULT_READ);
        for taken in 1..=10 {
            let full_in_us = u64::from(taken) * 2 * S;
            check(&mut bucket, &[(0, 1, GRANT, 10 - taken, Some(2 * S), full_in_us)]);
        }
        check(
            &mut bucket,
            &[
                (0, 1, wait(2_000_000), 0, Some(2 * S), 20 * S),
                (1_999_999, 1, wait(1), 0, Some(1), 18_000_001),
                (2 * S, 1, GRANT, 0, Some(2 * S), 20 * S),
                (2 * S, 1, wait(2_000_000), 0, Some(2 * S), 20 * S),
                (7 * S, 3, wait(1_000_000), 2, Some(S), 15 * S),
                (7 * S, 2, GRANT, 0, Some(S), 19 * S),
                (12 * S, 4, wait(2_000_000), 3, Some(2 * S), 14 * S),
                (13 * S, 4, wait(1_000_000), 3, Some(S), 13 * S),
                (40 * S, 0, GRANT, 10, None, 0),
                (40 * S, 11, Verdict::Impossible, 10, None, 0),
                (40 * S, 10, GRANT, 0, Some(2 * S), 20 * S),
                (40 * S, 1, wait(2_000_000), 0, Some(2 * S), 20 * S),
                (60 * S, 10, GRANT, 0, Some(2 * S), 20 * S),
            ],
        );
    }

    #[test]
    fn a_clock_that_steps_back_grants_nothing_and_the_told_wait_is_still_enough() {
        const S: u64 = 1_000_000;
        let emptied = [(100 * S, 10, GRANT, 0, Some(2 * S), 20 * S)];
        let denied = [(70 * S, 1, wait(2_000_000), 0, Some(2 * S), 20 * S)];
        let mut bucket = Bucket::new(Quota::DEFAULT_READ);
        check(&mut bucket, &emptied);
        check(&mut bucket, &denied);
        let mut patient = bucket.clone();
        check(&mut bucket, &[(72 * S, 1, GRANT, 0, Some(2 * S), 20 * S)]);
        check(&mut bucket, &[(90 * S, 1, GRANT, 8, Some(2 * S), 4 * S)]);
        check(&mut patient, &[(90 * S, 1, GRANT, 9, Some(2 * S), 2 * S)]);
    }

    #[test]
    fn a_peek_at_a_full_bucket_leaves_nothing_for_a_clock_that_steps_back() {
        let mut bucket = Bucket::new(Quota::DEFAULT_READ);
        assert_eq!(bucket.take(100_000_000, 0).remaining(), 10);
        assert_eq!(bucket.take(70_000_000, 0).remaining(), 10);
    }

    #[test]
    fn quotas_outside_their_bounds_are_refused_by_field() {
        let cases = [
            (Quota::with_interval(0, 1), "capacity"),
            (Quota::with_interval(1_000_001, 1), "capacity"),
            (Quota::with_interval(1, 0), "interval_us"),
            (Quota::with_interval(1, 1_000_000_001), "interval_us"),
            (Quota::with_interval(10_001, 1_000_000_000), "window_us"),
            (Quota::new(1, 0, 1), "tokens"),
            (Quota::new(1, 1, 0), "interval_us"),
            (Quota::new(1, 1, u64::MAX), "interval_us"),
        ];
        for (quota, field) in cases {
            let error = quota.expect_err(field);
            assert!(error.to_string().contains(field), "{error}");
        }
        assert_eq!(
            Quota::with_interval(10_000, 1_000_000_000).expect("ok").window_us(),
            10u64.pow(13)
        );
        assert_eq!(Quota::new(1, 3, 1_000_000).expect("ok").interval_us(), 333_334, "rounded up");
        assert_eq!(Quota::new(10, 1, 2_000_000).expect("ok"), Quota::DEFAULT_READ);
    }

    #[test]
    fn the_ends_of_the_time_scale_do_not_overflow() {
        let mut bucket = Bucket::new(Quota::with_interval(1_000_000, 10_000_000).expect("ok"));
        for now_us in [u64::MAX, 0, u64::MAX, 1] {
            for cost in [0, 1_000_000, u32::MAX] {
                let decision = bucket.take(now_us, cost);
                assert!(decision.full_in_us() <= decision.quota().window_us());
            }
        }
    }

    proptest! {
        /// The plain bucket keeps a level, in µs of refill, that rises by 1 µs every µs.
        #[test]
        fn grants_stay_within_capacity_plus_rate_and_match_the_plain_bucket(
            (capacity, tokens, period_us) in (1..50_u32, 1..50_u32, 1..10_000_u64),
            steps in prop::collection::vec((0..3_000_u64, 0..60_u32), 1..80),
        ) {
            let quota = Quota::new(capacity, tokens, period_us).expect("in range");
            let mut bucket = Bucket::new(quota);
            let (mut now_us, mut level_us, mut granted) = (0, quota.window_us(), 0);
            for (gap_us, n) in steps {
                now_us += gap_us;
                level_us = (level_us + gap_us).min(quota.window_us());
                let before = bucket.clone();
                let cost_us = u64::from(n) * quota.interval_us();
                let decision = bucket.take(now_us, n);
                match decision.verdict() {
                    Verdict::Granted => {
                        granted += u64::from(n);
                        level_us -= cost_us; // a grant too many underflows here
                    }
                    Verdict::Denied { retry_after_us } => {
                        prop_assert_eq!(retry_after_us, cost_us - level_us, "the wait is exact");
                        prop_assert_eq!(&bucket, &before, "a denial takes nothing");
                    }
                    Verdict::Impossible => prop_assert!(n > capacity),
                }
                prop_assert_eq!(u64::from(decision.remaining()), level_us / quota.interval_us());
                prop_assert_eq!(decision.full_in_us(), quota.window_us() - level_us);
                prop_assert!(granted <= u64::from(capacity) + now_us / quota.interval_us());
            }
        }

        /// Whatever the clock does, a bucket is never shut for longer than its window.
        #[test]
        fn a_wandering_clock_never_shuts_a_bucket_for_longer_than_its_window(
            times in prop::collection::vec(0..100_000_000_u64, 1..60),
        ) {
            let mut bucket = Bucket::new(Quota::DEFAULT_READ);
            for now_us in times {
                let decision = bucket.take(now_us, 10);
                let wait_us = decision.retry_after_us().unwrap_or(0);
                prop_assert!(wait_us <= 20_000_000);
                prop_assert!(bucket.clone().take(now_us + wait_us, 0).remaining() == 10
                    || decision.is_granted());
            }
        }
    }
}
