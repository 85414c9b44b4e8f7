//! Where counts come from: the port, and what feeds it inside a process.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use async_trait::async_trait;

use super::{Counts, History, Observed, Span};
use crate::{Error, Result, time::Time};

/// How far a counter has grown between two readings. One that is smaller than before began anew
/// meanwhile: all it shows has been counted since.
pub const fn increase(before: u64, now: u64) -> u64 {
    if now < before { now } else { now - before }
}

/// Requests of one service level, counted where they end: two counters that only grow.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<[AtomicU64; 2]>);

impl Tally {
    /// `n` more that were good.
    pub fn good(&self, n: u64) {
        self.0[0].fetch_add(n, Relaxed);
    }

    /// `n` more that were bad.
    pub fn bad(&self, n: u64) {
        self.0[1].fetch_add(n, Relaxed);
    }

    /// One more, good or bad.
    pub fn count(&self, is_good: bool) {
        if is_good { self.good(1) } else { self.bad(1) }
    }

    /// All since it was made.
    pub fn read(&self) -> Counts {
        Counts { good: self.0[0].load(Relaxed), bad: self.0[1].load(Relaxed) }
    }
}

/// What every window that ends at one instant holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    /// When they end.
    pub now: Time,
    /// In the order of [`Span::ALL`].
    pub spans: [Observed; 8],
    /// The watched five-minute buckets of the 30 days, oldest first: where each begins.
    pub month: Vec<(Time, Counts)>,
}

impl Windows {
    /// What one of them holds.
    pub fn get(&self, span: Span) -> Observed {
        self.spans[span as usize]
    }
}

impl History {
    /// All windows that end `now`.
    pub fn windows(&self, now: Time) -> Windows {
        let spans = Span::ALL.map(|span| self.observe(span, now));
        Windows { now, spans, month: self.buckets(Time::MIN, now) }
    }
}

/// The port: counts of named service levels. The same counters give the same counts, whoever keeps
/// them.
#[async_trait]
pub trait CountSource: Send + Sync + fmt::Debug {
    /// The windows of the service level `name` that end `now`. One that nobody ever counted is not
    /// covered; that is not an error.
    ///
    /// # Errors
    /// `NotFound` for a name the source was not made for; `Unavailable`; `Corrupt` if what was kept
    /// cannot be read.
    async fn windows(&self, name: &str, now: Time) -> Result<Windows>;
}

/// The histories of this process, by name.
#[derive(Debug)]
pub struct Histories(BTreeMap<String, Mutex<History>>);

impl Histories {
    /// Empty ones: 210 KB each.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(|name| (name.to_owned(), Mutex::default())).collect())
    }

    fn history(&self, name: &str) -> Result<MutexGuard<'_, History>> {
        let history = self.0.get(name);
        let history = history.ok_or_else(|| Error::not_found(format!("slo {name}: not known")))?;
        Ok(history.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does something with one of them; others wait meanwhile.
    ///
    /// # Errors
    /// `NotFound` for another name.
    pub fn with<T>(&self, name: &str, work: impl FnOnce(&mut History) -> T) -> Result<T> {
        Ok(work(&mut *self.history(name)?))
    }
}

#[async_trait]
impl CountSource for Histories {
    async fn windows(&self, name: &str, now: Time) -> Result<Windows> {
        self.with(name, |history| history.windows(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_begins_anew_hides_nothing_and_invents_nothing() {
        let readings = [3, 3, 10, 4, 4, 0, 7];
        let grown = readings.windows(2).map(|pair| increase(pair[0], pair[1])).sum::<u64>();
        assert_eq!(grown, 7 + 4 + 7);
    }

    #[test]
    fn a_span_finds_its_own_window() {
        let windows = History::new().windows(Time::MIN);
        for span in Span::ALL {
            let buckets =
                if span == Span::FiveMinutes { 30 } else { span.duration().as_secs() / 300 };
            assert_eq!(u64::from(windows.get(span).buckets), buckets);
        }
    }

    #[test]
    fn a_tally_is_shared_by_its_clones() {
        let tally = Tally::default();
        let other = tally.clone();
        other.count(true);
        other.count(false);
        tally.good(2);
        assert_eq!(other.read(), Counts { good: 3, bad: 1 });
    }
}
