//! What a client has done so far, for metrics.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{breaker::Circuit, fault::Fault};

/// Upper bounds of the buckets of answer times, seconds.
pub const LATENCY_BOUNDS_S: [f64; 11] =
    [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Counts of one client since it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct OsrmStats {
    /// Questions by how they ended: `ok`, or [`Fault::as_str`].
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Attempts beyond the first of a question.
    pub retries: u64,
    /// Answers by time, each bucket without the ones below; the last is beyond all bounds.
    pub latencies: [u64; LATENCY_BOUNDS_S.len() + 1],
    /// Sum of the times of answers, seconds.
    pub latency_sum_s: f64,
    /// What the circuit breaker lets through now.
    pub circuit: Circuit,
    /// Routes that were found among the kept ones.
    pub cache_hits: u64,
    /// The version of the server's data, as its last answer named it.
    pub data_version: Option<String>,
}

/// The counts as they are kept: one lock, held for a few instructions.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    outcomes: BTreeMap<&'static str, u64>,
    retries: u64,
    latencies: [u64; LATENCY_BOUNDS_S.len() + 1],
    latency_sum_s: f64,
    data_version: Option<String>,
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ended<T>(&self, outcome: &Result<T, Fault>) {
        let word = outcome.as_ref().map_or_else(Fault::as_str, |_| "ok");
        *self.lock().outcomes.entry(word).or_default() += 1;
    }

    pub(super) fn retried(&self) {
        self.lock().retries += 1;
    }

    pub(super) fn answered_in(&self, took_us: u64) {
        let took_s = took_us as f64 / 1e6;
        let mut inner = self.lock();
        inner.latencies[LATENCY_BOUNDS_S.partition_point(|bound| *bound < took_s)] += 1;
        inner.latency_sum_s += took_s;
    }

    /// Notes the version of the data that an answer was made from.
    pub(super) fn data_is(&self, version: Option<&str>) {
        let mut inner = self.lock();
        if inner.data_version.as_deref() != version {
            inner.data_version = version.map(str::to_owned);
        }
    }

    pub(super) fn snapshot(&self, circuit: Circuit) -> OsrmStats {
        let inner = self.lock();
        OsrmStats {
            outcomes: inner.outcomes.clone(),
            retries: inner.retries,
            latencies: inner.latencies,
            latency_sum_s: inner.latency_sum_s,
            circuit,
            cache_hits: 0, // the client keeps none; its router adds them
            data_version: inner.data_version.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_falls_into_the_bucket_of_its_time() {
        let counts = Counts::default();
        for took_us in [1, 2_000, 2_001, 9_999_999, 10_000_001] {
            counts.answered_in(took_us);
        }
        let stats = counts.snapshot(Circuit::Closed);
        assert_eq!(stats.latencies, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert!((stats.latency_sum_s - 20.004_002).abs() < 1e-9);
    }

    #[test]
    fn outcomes_are_counted_by_their_word() {
        let counts = Counts::default();
        counts.ended(&Ok(()));
        counts.ended::<()>(&Err(Fault::NoRoute));
        counts.ended::<()>(&Err(Fault::NoRoute));
        let stats = counts.snapshot(Circuit::Open);
        assert_eq!(stats.outcomes, BTreeMap::from([("ok", 1), ("no_route", 2)]));
        counts.data_is(Some("v1"));
        assert_eq!(counts.snapshot(Circuit::Open).data_version.as_deref(), Some("v1"));
    }
}
