//! Counts over time, kept in memory: 30 days in five-minute buckets, five minutes in ten-second ones.

use std::time::Duration;

use super::Counts;
use crate::time::Time;

/// The window that a question is about. Windows end with the bucket that holds *now*, which is only
/// partly filled: 30 days are 29 d 23 h 55 min to 30 d.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Span {
    /// 30 buckets of 10 s.
    FiveMinutes,
    /// 6 buckets of 300 s.
    HalfHour,
    /// 12 buckets of 300 s.
    Hour,
    /// 24 of them.
    TwoHours,
    /// 72 of them.
    SixHours,
    /// 288 of them.
    Day,
    /// 864 of them.
    ThreeDays,
    /// 8,640 of them.
    Month,
}

impl Span {
    /// Every span, shortest first.
    pub const ALL: [Self; 8] = [
        Self::FiveMinutes,
        Self::HalfHour,
        Self::Hour,
        Self::TwoHours,
        Self::SixHours,
        Self::Day,
        Self::ThreeDays,
        Self::Month,
    ];

    /// Its name, e.g. `5m` or `30d`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FiveMinutes => "5m",
            Self::HalfHour => "30m",
            Self::Hour => "1h",
            Self::TwoHours => "2h",
            Self::SixHours => "6h",
            Self::Day => "1d",
            Self::ThreeDays => "3d",
            Self::Month => "30d",
        }
    }

    /// How long it is.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Self::FiveMinutes => 300,
            Self::HalfHour => 1_800,
            Self::Hour => 3_600,
            Self::TwoHours => 7_200,
            Self::SixHours => 21_600,
            Self::Day => 86_400,
            Self::ThreeDays => 259_200,
            Self::Month => 2_592_000,
        })
    }
}

/// What a window holds, and how much of it was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The requests of the watched buckets.
    pub counts: Counts,
    /// Buckets in which somebody watched, with or without requests.
    pub covered: u32,
    /// Buckets of the window.
    pub buckets: u32,
}

impl Observed {
    /// Share of the window that was watched, 0 to 1.
    pub fn coverage(self) -> f64 {
        f64::from(self.covered) / f64::from(self.buckets)
    }

    /// Watched in part only: the numbers stand, but they speak for less than 99 % of the window.
    pub const fn is_partial(self) -> bool {
        self.covered > 0 && (self.covered as u64) * 100 < (self.buckets as u64) * 99
    }
}

/// Requests by the time they ended, for the windows of an objective.
///
/// A bucket nobody watched is told as not covered, never as a quiet one. Time may stand still or
/// jump: a report older than the window is dropped, one from before the newest bucket goes to its own.
///
/// ```
/// use fleet_core::{slo::{Counts, History, Span}, time::Time};
/// let now: Time = "2026-01-05T12:00:00Z".parse()?;
/// let mut history = History::new();
/// history.record(now, Counts { good: 119, bad: 1 });
/// let seen = history.observe(Span::FiveMinutes, now);
/// assert_eq!((seen.counts.bad, seen.covered, seen.buckets), (1, 1, 30));
/// assert!(seen.is_partial());
/// # Ok::<(), fleet_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct History {
    short: Ring<30, 10_000>,
    long: Ring<8_640, 300_000>,
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

impl History {
    /// A history in which nothing was watched yet; 210 KB, and it does not grow.
    pub fn new() -> Self {
        Self { short: Ring::new(), long: Ring::new() }
    }

    /// Adds requests that ended at `now`. With none it only says that somebody watched.
    pub fn record(&mut self, now: Time, counts: Counts) {
        self.short.record(now, counts);
        self.long.record(now, counts);
    }

    /// The watched five-minute buckets of the 30 days that end `now`, from the one that holds `from`
    /// on: where each begins, and its counts. What [`History::restore`] takes.
    pub fn buckets(&self, from: Time, now: Time) -> Vec<(Time, Counts)> {
        self.long.buckets(from, now)
    }

    /// Adds the counts of a five-minute bucket that an earlier process watched. The five-minute
    /// window stays as it is: at ten seconds nobody knows when they were.
    pub fn restore(&mut self, at: Time, counts: Counts) {
        self.long.record(at, counts);
    }

    /// What the window that ends `now` holds.
    pub fn observe(&self, span: Span, now: Time) -> Observed {
        match span {
            Span::FiveMinutes => self.short.observe(30, now),
            longer => {
                let buckets = longer.duration().as_secs() / 300;
                self.long.observe(u32::try_from(buckets).unwrap_or(u32::MAX), now)
            }
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// Number of the bucket since the epoch, plus one; 0 for one that was never watched.
    tag: u64,
    counts: Counts,
}

/// `N` buckets of `MS` milliseconds, aligned to the epoch; a bucket's number says whether its slot is
/// still its own, so nothing has to be cleared when time goes on.
#[derive(Clone, Debug)]
struct Ring<const N: usize, const MS: i64>(Vec<Bucket>);

impl<const N: usize, const MS: i64> Ring<N, MS> {
    fn new() -> Self {
        Self(vec![Bucket::default(); N])
    }

    const fn number(at: Time) -> u64 {
        at.as_ms().div_euclid(MS).cast_unsigned()
    }

    fn record(&mut self, now: Time, counts: Counts) {
        let number = Self::number(now);
        let bucket = &mut self.0[(number % N as u64) as usize];
        match bucket.tag {
            tag if tag == number + 1 => bucket.counts = bucket.counts + counts,
            tag if tag < number + 1 => *bucket = Bucket { tag: number + 1, counts },
            _ => {} // older than the window
        }
    }

    fn buckets(&self, from: Time, now: Time) -> Vec<(Time, Counts)> {
        let newest = Self::number(now);
        let oldest = Self::number(from).max(newest.saturating_sub(N as u64 - 1));
        let begin = |number: u64| Time::from_ms(number.cast_signed() * MS);
        (oldest..=newest)
            .map(|number| (number, self.0[(number % N as u64) as usize]))
            .filter(|(number, bucket)| bucket.tag == number + 1)
            .map(|(number, bucket)| (begin(number), bucket.counts))
            .collect()
    }

    fn observe(&self, buckets: u32, now: Time) -> Observed {
        let newest = Self::number(now);
        let oldest = newest.saturating_sub(u64::from(buckets) - 1);
        let within = |bucket: &&Bucket| (oldest + 1..=newest + 1).contains(&bucket.tag);
        let mut seen = Observed { counts: Counts::default(), covered: 0, buckets };
        for bucket in self.0.iter().filter(within) {
            seen.counts = seen.counts + bucket.counts;
            seen.covered += 1;
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::slo::Objective;

    /// Every report, and a question answered by reading all of them.
    fn naive(reports: &[(Time, Counts)], span: Span, now: Time) -> (Counts, usize) {
        let width = if span == Span::FiveMinutes { 10_000 } else { 300_000 };
        let bucket = |at: Time| at.as_ms() / width;
        let buckets = i64::try_from(span.duration().as_millis()).expect("30 days") / width;
        let window = bucket(now) - buckets + 1..=bucket(now);
        let within: Vec<_> =
            reports.iter().filter(|(at, _)| window.contains(&bucket(*at))).collect();
        let covered: std::collections::BTreeSet<_> =
            within.iter().map(|(at, _)| bucket(*at)).collect();
        let counts = within.iter().fold(Counts::default(), |sum, (_, counts)| sum + *counts);
        (counts, covered.len())
    }

    proptest! {
        #[test]
        fn every_window_agrees_with_reading_every_report(
            steps in proptest::collection::vec((0_i64..400_000_000, 0_u64..50, 0_u64..5), 1..60),
        ) {
            let mut now: Time = "2026-01-05T00:00:00Z".parse().expect("a time");
            let (mut history, mut reports) = (History::new(), Vec::new());
            for (step, good, bad) in steps {
                now = now.plus_ms(if step % 3 == 0 { step } else { step % 20_000 });
                history.record(now, Counts { good, bad });
                reports.push((now, Counts { good, bad }));
                for span in Span::ALL {
                    let seen = history.observe(span, now);
                    let (counts, covered) = naive(&reports, span, now);
                    prop_assert_eq!((seen.counts, seen.covered as usize), (counts, covered));
                    prop_assert!((0.0..=1.0).contains(&seen.coverage()));
                }
            }
        }
    }

    #[test]
    fn what_an_earlier_process_watched_comes_back_and_the_gap_stays_uncovered() {
        let now: Time = "2026-01-05T00:01:00Z".parse().expect("a time");
        let mut first = History::new();
        for minute in 0..60 {
            first.record(now.plus_ms(minute * 60_000), Counts { good: 7, bad: 1 });
        }
        let later = now.plus_ms(2 * 3_600_000);
        let mut second = History::new();
        for (at, counts) in first.buckets(Time::MIN, now.plus_ms(3_540_000)) {
            second.restore(at, counts);
        }
        let (before, after) =
            (first.observe(Span::Month, later), second.observe(Span::Month, later));
        assert_eq!(before, after);
        assert_eq!((after.counts, after.covered), (Counts { good: 420, bad: 60 }, 13)); // 00:01 to 01:00
        assert_eq!(second.observe(Span::FiveMinutes, now).covered, 0);
        assert_eq!(first.buckets(now.plus_ms(3_540_000), later).len(), 1);
    }

    #[test]
    fn silence_is_not_coverage_and_a_quiet_watch_is() {
        let now: Time = "2026-01-05T00:00:00Z".parse().expect("a time");
        let mut history = History::new();
        assert_eq!(history.observe(Span::Month, now).covered, 0);
        for minute in 0..60 {
            history.record(now.plus_ms(minute * 60_000), Counts::default());
        }
        let seen = history.observe(Span::Hour, now.plus_ms(3_599_000));
        assert_eq!((seen.covered, seen.is_partial()), (12, false));
        assert_eq!(Objective::from_budget_ppm(1_000).expect("in range").used(seen.counts), None);
        let late = history.observe(Span::Hour, now.plus_ms(6 * 3_600_000));
        assert_eq!((late.covered, late.coverage()), (0, 0.0));
    }
}
