//! How long to wait before trying again: twice as long each time, up to a bound, never in step
//! with others.
//!
//! ```
//! use std::time::Duration;
//! use fleet_core::{backoff::Backoff, random::Stream};
//! let jitter = Stream::new(7, "fleet-telemetry-archiver", "backoff");
//! let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(5), jitter);
//! assert!(backoff.next_wait() <= Duration::from_millis(20));
//! ```

use std::time::Duration;

use crate::random::Stream;

/// The waits of one series of attempts.
///
/// The n-th wait (from 0) is uniform in the upper half of `min · 2ⁿ`, at most `max`: clients that
/// failed together do not come back together ("equal jitter", Brooker: Exponential Backoff And
/// Jitter, AWS Architecture Blog 2015).
#[derive(Clone, Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    attempts: u32,
    jitter: Stream,
}

impl Backoff {
    /// Waits from `min` to `max`, spread by `jitter`.
    pub const fn new(min: Duration, max: Duration, jitter: Stream) -> Self {
        Self { min, max, attempts: 0, jitter }
    }

    /// How often it was waited since the beginning or the last [`reset`](Self::reset).
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How long to wait now.
    pub fn next_wait(&mut self) -> Duration {
        let factor = 1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX);
        let longest = self.min.saturating_mul(factor).min(self.max);
        let share = 0.5 + 0.5 * self.jitter.uniform(u64::from(self.attempts));
        self.attempts = self.attempts.saturating_add(1);
        longest.mul_f64(share)
    }

    /// It worked: the next wait is a short one again.
    pub const fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_stay_in_the_upper_half_and_under_the_bound() {
        let (min, max) = (Duration::from_millis(20), Duration::from_secs(5));
        let mut backoff = Backoff::new(min, max, Stream::new(1, "x", "backoff"));
        for n in 0..100_u32 {
            let longest = min.saturating_mul(2_u32.saturating_pow(n)).min(max);
            let wait = backoff.next_wait();
            assert!((longest / 2..=longest).contains(&wait), "{n}: {wait:?} of {longest:?}");
        }
        assert_eq!(backoff.attempts(), 100);
        backoff.reset();
        assert!(backoff.next_wait() <= min);
    }

    #[test]
    fn two_that_failed_together_do_not_come_back_together() {
        let (min, max) = (Duration::from_secs(1), Duration::from_secs(60));
        let wait = |owner| Backoff::new(min, max, Stream::new(1, owner, "backoff")).next_wait();
        assert_ne!(wait("a"), wait("b"));
    }
}
