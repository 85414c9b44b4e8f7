//! Whether a server is asked at all: not while it keeps failing.
//!
//! After some failures in a row the circuit opens: requests fail at once, for a while that doubles
//! each time. Then one request goes through as a trial: if it is answered the circuit closes, else
//! it opens again. (M. Nygard, *Release It!*, 2007, "Circuit Breaker".)

use std::time::Duration;

use crate::{backoff::Backoff, random::Stream};

/// Failures in a row that open the circuit.
const FAILURES: u32 = 5;
/// For how long, at first and at most.
const OPEN_MIN: Duration = Duration::from_secs(1);
const OPEN_MAX: Duration = Duration::from_secs(30);

/// What a circuit breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// Everything.
    Closed,
    /// One request, to see whether the server is well again.
    HalfOpen,
    /// Nothing.
    Open,
}

impl Circuit {
    /// Every state, in the order of the metric's values.
    pub const ALL: [Self; 3] = [Self::Closed, Self::HalfOpen, Self::Open];

    /// The state as a word for metric labels, e.g. `half_open`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// The circuit of one server; times are microseconds of a clock that never goes back.
#[derive(Debug)]
pub(super) struct Breaker {
    failures: u32,
    /// Open until then, if it is.
    open_until_us: Option<u64>,
    /// A trial is under way.
    is_tried: bool,
    pauses: Backoff,
}

impl Breaker {
    pub(super) const fn new(jitter: Stream) -> Self {
        let pauses = Backoff::new(OPEN_MIN, OPEN_MAX, jitter);
        Self { failures: 0, open_until_us: None, is_tried: false, pauses }
    }

    pub(super) fn circuit(&self, now_us: u64) -> Circuit {
        match self.open_until_us {
            None => Circuit::Closed,
            Some(until_us) if self.is_tried || now_us >= until_us => Circuit::HalfOpen,
            Some(_) => Circuit::Open,
        }
    }

    /// Lets a request through, or says how long to wait. What is let through must be followed by
    /// one of the three below.
    pub(super) fn admit(&mut self, now_us: u64) -> Result<(), Duration> {
        let Some(until_us) = self.open_until_us else { return Ok(()) };
        if self.is_tried {
            return Err(OPEN_MIN);
        }
        if now_us < until_us {
            return Err(Duration::from_micros(until_us - now_us));
        }
        self.is_tried = true;
        Ok(())
    }

    pub(super) const fn succeeded(&mut self) {
        (self.failures, self.open_until_us, self.is_tried) = (0, None, false);
        self.pauses.reset();
    }

    pub(super) fn failed(&mut self, now_us: u64) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            let pause = u64::try_from(self.pauses.next_wait().as_micros()).unwrap_or(u64::MAX);
            self.open_until_us = Some(now_us.saturating_add(pause));
        }
        self.is_tried = false;
    }

    /// The request was given up before it could tell anything: another may be the trial.
    pub(super) const fn given_up(&mut self) {
        self.is_tried = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;

    fn breaker() -> Breaker {
        Breaker::new(Stream::new(1, "osrm", "breaker"))
    }

    /// Fails until it opens at `now_us`; until when it is open.
    fn open(breaker: &mut Breaker, now_us: u64) -> u64 {
        while breaker.circuit(now_us) != Circuit::Open {
            breaker.admit(now_us).expect("it is not open yet");
            breaker.failed(now_us);
        }
        now_us + u64::try_from(breaker.admit(now_us).expect_err("open").as_micros()).unwrap()
    }

    #[test]
    fn a_few_failures_among_successes_never_open_it() {
        let mut breaker = breaker();
        for _ in 0..100 {
            for _ in 0..FAILURES - 1 {
                breaker.admit(0).expect("closed");
                breaker.failed(0);
            }
            breaker.admit(0).expect("closed");
            breaker.succeeded();
        }
        assert_eq!(breaker.circuit(0), Circuit::Closed);
    }

    #[test]
    fn open_it_lets_nothing_through_until_one_trial() {
        let mut breaker = breaker();
        let until_us = open(&mut breaker, 7);
        assert!((7 + SECOND_US / 2..=7 + SECOND_US).contains(&until_us), "{until_us}");
        assert!(breaker.admit(until_us - 1).is_err());
        breaker.admit(until_us).expect("the trial");
        assert_eq!(breaker.circuit(until_us), Circuit::HalfOpen);
        assert!(breaker.admit(until_us).is_err(), "one trial at a time");
        breaker.succeeded();
        assert_eq!(breaker.circuit(until_us), Circuit::Closed);
        breaker.admit(until_us).expect("closed");
    }

    #[test]
    fn each_failed_trial_makes_the_pause_longer_up_to_a_bound() {
        let mut breaker = breaker();
        let mut until_us = open(&mut breaker, 0);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            breaker.admit(until_us).expect("the trial");
            breaker.failed(until_us);
            let next_us = open(&mut breaker, until_us);
            pauses.push(next_us - until_us);
            until_us = next_us;
        }
        assert!(pauses[0] < pauses[2] && pauses[2] < pauses[4], "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= 30 * SECOND_US), "{pauses:?}");
        breaker.admit(until_us).expect("the trial");
        breaker.succeeded();
        let again_us = open(&mut breaker, until_us);
        assert!(again_us - until_us <= SECOND_US, "a success forgets the long pauses");
    }

    #[test]
    fn a_trial_that_is_given_up_leaves_the_next_one_its_turn() {
        let mut breaker = breaker();
        let until_us = open(&mut breaker, 0);
        breaker.admit(until_us).expect("the trial");
        breaker.given_up();
        breaker.admit(until_us).expect("another trial");
    }
}
