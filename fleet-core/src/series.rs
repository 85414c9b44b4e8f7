//! Long series made short enough to draw, and where they have gaps.
//!
//! A chart of a thousand pixels needs no hundred thousand readings, but it must not lose the one
//! that matters. [`min_max`] keeps the least and the greatest reading of each bucket with their own
//! times, so no spike is lost; [`lttb`] keeps the shape that the eye sees (S. Steinarsson,
//! *Downsampling Time Series for Visual Representation*, University of Iceland, 2013). Both pick
//! readings and make none up. [`gaps`] tells where nothing was heard, so that no line bridges it.
//!
//! ```
//! use fleet_core::{series::{Point, min_max}, time::Time};
//! let speeds: Vec<Point> = (0..1_000)
//!     .map(|s| Point { at: Time::from_secs(s), value: if s == 617 { 88.0 } else { 40.0 } })
//!     .collect();
//! let drawn = min_max(&speeds, 20);
//! assert!(drawn.len() <= 20 && drawn.iter().any(|point| point.value == 88.0));
//! ```

use crate::time::Time;

/// The fewest points that a series is made of: both ends and both extremes.
pub const POINTS_MIN: usize = 4;
/// Silence of more than this many intervals is a gap.
const GAP_INTERVALS: i64 = 3;

/// One reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When it was measured.
    pub at: Time,
    /// What was read, in the unit of its signal: a number.
    pub value: f64,
}

/// At most `most` of `points`, which are in the order of time: the first, the last, and of each of
/// equally large buckets between them the least and the greatest, in the order of time. Fewer than
/// [`POINTS_MIN`] are not asked for: `most` is raised to that.
pub fn min_max(points: &[Point], most: usize) -> Vec<Point> {
    let most = most.max(POINTS_MIN);
    let [first, between @ .., last] = points else { return points.to_vec() };
    if points.len() <= most {
        return points.to_vec();
    }
    let buckets = (most - 2) / 2;
    let mut kept = vec![*first];
    for bucket in 0..buckets {
        let range = bucket * between.len() / buckets..(bucket + 1) * between.len() / buckets;
        let (Some(least), Some(greatest)) = (
            range.clone().min_by(|a, b| between[*a].value.total_cmp(&between[*b].value)),
            range.max_by(|a, b| between[*a].value.total_cmp(&between[*b].value)),
        ) else {
            continue;
        };
        kept.push(between[least.min(greatest)]);
        if least != greatest {
            kept.push(between[least.max(greatest)]);
        }
    }
    kept.push(*last);
    kept
}

/// At most `most` of `points`, which are in the order of time: the first, the last, and of each of
/// equally large buckets between them that which spans the largest triangle with the one kept before
/// it and the mean of the bucket after it. `most` is raised to [`POINTS_MIN`].
pub fn lttb(points: &[Point], most: usize) -> Vec<Point> {
    let most = most.max(POINTS_MIN);
    if points.len() <= most {
        return points.to_vec();
    }
    let (buckets, between) = (most - 2, points.len() - 2);
    let begin = |bucket: usize| bucket * between / buckets + 1;
    let mut kept = vec![points[0]];
    let mut before = points[0];
    for bucket in 0..buckets {
        let after = &points[begin(bucket + 1)..begin(bucket + 2).min(points.len())];
        let x = |at: Time| at.ms_since(before.at) as f64;
        let count = after.len() as f64;
        let mean_x = after.iter().map(|point| x(point.at)).sum::<f64>() / count;
        let mean_y = after.iter().map(|point| point.value).sum::<f64>() / count;
        let area = |point: &Point| {
            (mean_x * (point.value - before.value) - x(point.at) * (mean_y - before.value)).abs()
        };
        let candidates = points[begin(bucket)..begin(bucket + 1)].iter();
        if let Some(best) = candidates.max_by(|a, b| area(a).total_cmp(&area(b))) {
            kept.push(*best);
            before = *best;
        }
    }
    kept.push(points[points.len() - 1]);
    kept
}

/// Where reports stay away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// The median time between two reports, ms; 0 for fewer than two.
    pub interval_ms: i64,
    /// Each index before which there were more than three such intervals of silence.
    pub before: Vec<usize>,
}

/// Where `times`, in their order, have gaps.
///
/// ```
/// use fleet_core::{series::gaps, time::Time};
/// let times = [0, 30, 60, 90, 400, 430].map(Time::from_secs);
/// let found = gaps(&times);
/// assert_eq!((found.interval_ms, found.before), (30_000, vec![4]));
/// ```
pub fn gaps(times: &[Time]) -> Gaps {
    let step_ms = |pair: &[Time]| pair[1].ms_since(pair[0]);
    // Reports of one moment say nothing of how often there is one.
    let mut steps: Vec<i64> = times.windows(2).map(step_ms).filter(|ms| *ms > 0).collect();
    if steps.is_empty() {
        return Gaps::default();
    }
    let middle = steps.len() / 2;
    let interval_ms = *steps.select_nth_unstable(middle).1;
    let steps = times.windows(2).map(step_ms).zip(1..);
    let silent = steps.filter(|(step, _)| *step > GAP_INTERVALS * interval_ms);
    Gaps { interval_ms, before: silent.map(|(_, at)| at).collect() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn series() -> impl Strategy<Value = Vec<Point>> {
        prop::collection::vec((1..100_000_i64, -1e6..1e6_f64), 0..400).prop_map(|steps| {
            let mut at = Time::from_ms(0);
            let point = |(step, value)| {
                at = at.plus_ms(step);
                Point { at, value }
            };
            steps.into_iter().map(point).collect()
        })
    }

    fn extremes(points: &[Point]) -> Option<(f64, f64)> {
        let values = || points.iter().map(|point| point.value);
        (!points.is_empty())
            .then(|| (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max)))
    }

    fn check(points: &[Point], kept: &[Point], most: usize) {
        assert!(kept.len() <= most, "{} of {most}", kept.len());
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        assert!(kept.is_sorted_by(|a, b| a.at < b.at), "in order, none twice");
        assert!(kept.iter().all(|point| points.contains(point)), "none is made up");
        if points.len() <= most {
            assert_eq!(points, kept);
        }
    }

    proptest! {
        #[test]
        fn min_max_keeps_ends_and_extremes_within_the_bound(
            points in series(),
            most in POINTS_MIN..50,
        ) {
            let kept = min_max(&points, most);
            check(&points, &kept, most);
            prop_assert_eq!(extremes(&kept), extremes(&points));
        }

        #[test]
        fn lttb_keeps_ends_and_fills_the_bound(points in series(), most in POINTS_MIN..50) {
            let kept = lttb(&points, most);
            check(&points, &kept, most);
            prop_assert_eq!(kept.len(), most.min(points.len()));
        }

        #[test]
        fn a_straight_line_stays_one(count in 5..300_i64, most in POINTS_MIN..40) {
            let at = |s: i64| Point { at: Time::from_secs(s), value: 2.0 * s as f64 };
            let points: Vec<_> = (0..count).map(at).collect();
            for kept in [lttb(&points, most), min_max(&points, most)] {
                prop_assert!(kept.iter().all(|p| (p.value - 2.0 * p.at.as_secs() as f64).abs() < 1e-9));
            }
        }
    }

    #[test]
    fn a_lone_spike_is_drawn_by_both() {
        let value = |s: i64| if s == 500 { 100.0 } else { 1.0 };
        let points: Vec<_> =
            (0..1_000).map(|s| Point { at: Time::from_secs(s), value: value(s) }).collect();
        for kept in [lttb(&points, 10), min_max(&points, 10)] {
            assert!(kept.iter().any(|point| point.at == Time::from_secs(500)), "{kept:?}");
        }
    }

    #[test]
    fn regular_reports_have_no_gap() {
        let times: Vec<_> = (0..100).map(|n| Time::from_secs(30 * n)).collect();
        assert_eq!(gaps(&times), Gaps { interval_ms: 30_000, before: Vec::new() });
        assert_eq!(gaps(&times[..1]), Gaps::default());
        assert_eq!(gaps(&[]), Gaps::default());
        let in_pairs: Vec<_> = (0..100).map(|n| Time::from_secs(30 * (n / 2))).collect();
        assert_eq!(gaps(&in_pairs), Gaps { interval_ms: 30_000, before: Vec::new() });
        assert_eq!(gaps(&[Time::MIN; 3]), Gaps::default());
    }
}
