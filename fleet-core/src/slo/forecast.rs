//! When the budget comes back by itself: what failed leaves the window after 30 days.
//!
//! Assumed is that nothing else fails, and that traffic stays at the mean of the buckets that were
//! watched. After `k` more buckets the share used is
//! (B − Σ b) / ((N − Σ n + k · N / covered) · budget), the sums over the `k` oldest buckets; all in
//! integers, so that "within budget" is a comparison and not a matter of rounding.

use super::{Counts, Objective};
use crate::time::Time;

/// Length of a bucket, ms.
const BUCKET_MS: i64 = 300_000;
/// Buckets of the window.
const BUCKETS: u32 = 8_640;

/// When no more than some share of the budget is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AgesOut {
    /// Buckets that have to leave the window, 0 to 8,640; 0: it is so already.
    pub buckets: u32,
    /// When the last of them leaves; now if none has to.
    pub at: Time,
    /// Share of the budget that is used then.
    pub used: f64,
}

/// A run of buckets, one after the other, in each of which more failed than may.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outage {
    /// Where its first bucket begins.
    pub from: Time,
    /// Where its last one ends.
    pub to: Time,
    /// Its requests.
    pub counts: Counts,
    /// What it takes of the 30-day budget, and gives back once it has aged out; 1 is all of it.
    pub used: f64,
    /// When its last bucket leaves the window.
    pub ages_out_at: Time,
}

const fn bucket(at: Time) -> i64 {
    at.as_ms().div_euclid(BUCKET_MS)
}

/// When no more than `percent` of the budget is used, if nothing else fails. `month` has the watched
/// five-minute buckets of the window that ends `now`, oldest first ([`super::Windows::month`]).
///
/// `None` without requests. Cost: one pass over the window.
///
/// ```
/// use fleet_core::{slo::{Counts, ages_out}, time::Time};
/// let from: Time = "2026-01-05T00:00:00Z".parse()?;
/// let bucket = |at: i64| (from.plus_ms(at * 300_000), Counts { good: 100, bad: 0 });
/// let mut month: Vec<_> = (0..8_640).map(bucket).collect();
/// month[4_000].1 = Counts { good: 0, bad: 100 };
/// let now = month[8_639].0;
/// let back = ages_out("99.99".parse()?, &month, now, 100).expect("there are requests");
/// assert_eq!((back.buckets, back.used), (4_001, 0.0));
/// # Ok::<(), fleet_core::Error>(())
/// ```
pub fn ages_out(
    objective: Objective,
    month: &[(Time, Counts)],
    now: Time,
    percent: u32,
) -> Option<AgesOut> {
    let newest = bucket(now);
    let oldest = newest - i64::from(BUCKETS) + 1;
    let sum = month.iter().fold(Counts::default(), |sum, (_, counts)| sum + *counts);
    let (total, covered) = (sum.total(), month.len() as u128);
    if total == 0 {
        return None;
    }
    let mut left = sum;
    let mut buckets = month.iter().peekable();
    for k in 0..=BUCKETS {
        while let Some((_, gone)) = buckets.next_if(|(at, _)| bucket(*at) < oldest + i64::from(k)) {
            left = Counts { good: left.good - gone.good, bad: left.bad - gone.bad };
        }
        // Both sides are multiplied by the covered buckets, so that the mean stays a whole number.
        let spent = u128::from(left.bad) * 1_000_000 * covered;
        let requests = left.total() * covered + u128::from(k) * total;
        let allowed = requests * u128::from(objective.budget_ppm());
        if spent * 100 <= allowed * u128::from(percent) {
            let at =
                if k == 0 { now } else { Time::from_ms((newest + 1 + i64::from(k)) * BUCKET_MS) };
            let used = if spent == 0 { 0.0 } else { spent as f64 / allowed as f64 };
            return Some(AgesOut { buckets: k, at, used });
        }
    }
    None
}

/// The outage of the window that took most of the budget; `None` if no bucket was over it.
pub fn worst_outage(objective: Objective, month: &[(Time, Counts)]) -> Option<Outage> {
    let is_over = |counts: Counts| objective.is_met(counts) == Some(false);
    let all = month.iter().fold(Counts::default(), |sum, (_, counts)| sum + *counts);
    let allowed = all.total() as f64 * f64::from(objective.budget_ppm());
    let mut worst: Option<(i64, i64, Counts)> = None;
    let mut run: Option<(i64, i64, Counts)> = None;
    for (at, counts) in month.iter().filter(|(_, counts)| is_over(*counts)) {
        let number = bucket(*at);
        let grown = match run {
            Some((from, last, sum)) if last + 1 == number => (from, number, sum + *counts),
            Some(_) | None => (number, number, *counts),
        };
        run = Some(grown);
        if worst.is_none_or(|(_, _, sum)| grown.2.bad > sum.bad) {
            worst = run;
        }
    }
    worst.map(|(from, last, counts)| Outage {
        from: Time::from_ms(from * BUCKET_MS),
        to: Time::from_ms((last + 1) * BUCKET_MS),
        counts,
        used: counts.bad as f64 * 1e6 / allowed,
        ages_out_at: Time::from_ms((last + i64::from(BUCKETS)) * BUCKET_MS),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::slo::{History, Span};

    fn month_of(bucket: impl Fn(usize) -> Counts) -> (Vec<(Time, Counts)>, Time) {
        let from: Time = "2026-01-05T00:00:00Z".parse().expect("a time");
        let at = |index: usize| from.plus_ms(index as i64 * BUCKET_MS);
        let month: Vec<_> = (0..8_640).map(|index| (at(index), bucket(index))).collect();
        let now = month[8_639].0.plus_ms(60_000);
        (month, now)
    }

    /// Nine buckets, 4,000 to 4,008, in which all 100 failed.
    fn nine_lost() -> (Vec<(Time, Counts)>, Time) {
        month_of(|index| match index {
            4_000..=4_008 => Counts { good: 0, bad: 100 },
            _ => Counts { good: 100, bad: 0 },
        })
    }

    #[test]
    fn the_worked_example_ages_out_bucket_by_bucket() {
        let (month, now) = nine_lost();
        let objective: Objective = "99.9".parse().expect("valid");
        let end = month[8_639].0.plus_ms(BUCKET_MS);
        for (percent, buckets, used) in
            [(100, 4_001, "0.925926"), (50, 4_005, "0.462963"), (0, 4_009, "0.000000")]
        {
            let back = ages_out(objective, &month, now, percent).expect("there are requests");
            assert_eq!((back.buckets, format!("{:.6}", back.used).as_str()), (buckets, used));
            assert_eq!(back.at, end.plus_ms(i64::from(buckets) * BUCKET_MS));
        }
        let outage = worst_outage(objective, &month).expect("one");
        assert_eq!((outage.from, outage.to), (month[4_000].0, month[4_009].0));
        assert_eq!((outage.counts.bad, format!("{:.6}", outage.used)), (900, "1.041667".into()));
        assert_eq!(outage.ages_out_at.ms_since(month[4_008].0), 2_592_000_000);
    }

    #[test]
    fn within_budget_is_now_and_silence_has_no_forecast() {
        let (month, now) = month_of(|_| Counts { good: 100, bad: 0 });
        let objective: Objective = "99.9".parse().expect("valid");
        let back = ages_out(objective, &month, now, 100).expect("there are requests");
        assert_eq!((back.buckets, back.at), (0, now));
        assert_eq!(worst_outage(objective, &month), None);
        let (silent, now) = month_of(|_| Counts::default());
        assert_eq!(ages_out(objective, &silent, now, 100), None);
        assert_eq!(ages_out(objective, &[], now, 100), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))] // each walks through days

        /// The forecast comes true in a history that goes on as it assumes.
        #[test]
        fn what_is_foretold_happens_then_and_not_before(
            lost in proptest::collection::btree_set(0_usize..8_640, 1..40),
            ppm in 100_u32..200_000,
        ) {
            let objective = Objective::from_budget_ppm(ppm).expect("in range");
            let (month, now) = month_of(|index| {
                let bad = if lost.contains(&index) { 100 } else { 0 };
                Counts { good: 100 - bad, bad }
            });
            let back = ages_out(objective, &month, now, 100).expect("there are requests");
            let mut history = History::new();
            for (at, counts) in &month {
                history.record(*at, *counts);
            }
            let mut clock = now;
            for _ in 0..back.buckets {
                let before = history.observe(Span::Month, clock).counts;
                prop_assert_eq!(objective.is_met(before), Some(false), "too late: {:?}", back);
                clock = clock.plus_ms(BUCKET_MS);
                history.record(clock, Counts { good: 100, bad: 0 });
            }
            let then = history.observe(Span::Month, clock).counts;
            prop_assert_eq!(objective.is_met(then), Some(true));
            prop_assert!((objective.used(then).expect("requests") - back.used).abs() < 1e-9);
        }
    }
}
