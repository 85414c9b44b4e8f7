//! Which reports are missing, by the numbers that trucks give them.
//!
//! A truck that counts numbers its reports 1, 2, 3: one that never comes leaves a gap. Late ones fill
//! theirs, so a gap is judged once it is ten minutes old. Numbers are compared only along a stretch of
//! the log that was read without a break: who takes a partition over begins anew, and accuses nobody
//! of what another reader has seen.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::Counts;
use crate::{domain::TruckId, time::Time};

/// How old a gap is before what is missing in it is lost.
const GRACE: Duration = Duration::from_secs(600);
/// A jump over more reports than this is another numbering, not a loss.
const JUMP_MAX: u64 = 100_000;
/// Gaps of a truck that are kept open; of more the oldest are lost at once.
const OPEN_MAX: usize = 64;
/// Trucks of a partition whose numbers are followed: devices name themselves, and this has a bound.
const TRUCKS_MAX: usize = 500_000;

/// What was seen of each truck, by partition of the log.
///
/// ```
/// use fleet_core::{slo::{Counts, Gaps}, time::Time};
/// let (now, truck) = (Time::MIN, "TRK-000001".parse()?);
/// let mut gaps = Gaps::default();
/// for (offset, seq) in [1, 2, 5, 4].into_iter().enumerate() {
///     gaps.saw((0, offset as u64), &truck, seq, now);
/// }
/// assert_eq!(gaps.judge(now), Counts { good: 4, bad: 0 });
/// assert_eq!(gaps.judge(now.plus_ms(600_000)), Counts { good: 0, bad: 1 }); // 3 never came
/// # Ok::<(), fleet_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    partitions: BTreeMap<u32, Stretch>,
    /// Not judged yet.
    counts: Counts,
}

/// A partition as far as it was read without a break.
#[derive(Clone, Debug, Default)]
struct Stretch {
    /// The offset that comes next.
    next_offset: u64,
    /// By truck, the number that comes next.
    next_seq: HashMap<TruckId, u64>,
    /// By truck and first number: where the gap ends, and since when it is one.
    open: BTreeMap<TruckId, BTreeMap<u64, (u64, Time)>>,
}

impl Gaps {
    /// A report was read at this partition and offset. A number of 0 says that the truck does not
    /// count; an offset that was read before is a repetition. Neither is judged.
    pub fn saw(&mut self, (partition, offset): (u32, u64), truck: &TruckId, seq: u64, now: Time) {
        let stretch = self.partitions.entry(partition).or_default();
        if offset < stretch.next_offset {
            return;
        }
        if offset > stretch.next_offset {
            *stretch = Stretch::default();
        }
        stretch.next_offset = offset + 1;
        if seq > 0 {
            self.counts = self.counts + stretch.saw(truck, seq, now);
        }
    }

    /// A record of this partition and offset was read that is no report.
    pub fn passed(&mut self, (partition, offset): (u32, u64)) {
        let stretch = self.partitions.entry(partition).or_default();
        if offset > stretch.next_offset {
            *stretch = Stretch::default();
        }
        stretch.next_offset = stretch.next_offset.max(offset + 1);
    }

    /// Reports that came, and that are lost, since this was asked last.
    pub fn judge(&mut self, now: Time) -> Counts {
        let mut counts = std::mem::take(&mut self.counts);
        for stretch in self.partitions.values_mut() {
            stretch.open.retain(|_, gaps| {
                gaps.retain(|first, (end, since)| {
                    let is_open = since.plus(GRACE) > now;
                    counts.bad += if is_open { 0 } else { *end - *first };
                    is_open
                });
                !gaps.is_empty()
            });
        }
        counts
    }
}

impl Stretch {
    fn saw(&mut self, truck: &TruckId, seq: u64, now: Time) -> Counts {
        let one = Counts { good: 1, bad: 0 };
        let Some(next) = self.next_seq.get_mut(truck) else {
            if self.next_seq.len() < TRUCKS_MAX {
                self.next_seq.insert(truck.clone(), seq + 1);
            }
            return one;
        };
        if seq < *next {
            return self.filled(truck, seq);
        }
        let first = std::mem::replace(next, seq + 1);
        if seq == first || seq - first > JUMP_MAX {
            return one;
        }
        let gaps = self.open.entry(truck.clone()).or_default();
        gaps.insert(first, (seq, now));
        let given_up = if gaps.len() > OPEN_MAX { gaps.pop_first() } else { None };
        Counts { good: 1, bad: given_up.map_or(0, |(first, (end, _))| end - first) }
    }

    /// A late report: it fills its gap, or was there before, or is lost already.
    fn filled(&mut self, truck: &TruckId, seq: u64) -> Counts {
        let nothing = Counts::default();
        let Some(gaps) = self.open.get_mut(truck) else { return nothing };
        let Some((&first, &(end, since))) = gaps.range(..=seq).next_back() else { return nothing };
        if seq >= end {
            return nothing;
        }
        gaps.remove(&first);
        if first < seq {
            gaps.insert(first, (seq, since));
        }
        if seq + 1 < end {
            gaps.insert(seq + 1, (end, since));
        }
        if gaps.is_empty() {
            self.open.remove(truck);
        }
        Counts { good: 1, bad: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn truck(number: usize) -> TruckId {
        format!("TRK-{number:06}").parse().expect("an id")
    }

    #[test]
    fn a_gap_in_what_was_read_accuses_nobody() {
        let mut gaps = Gaps::default();
        gaps.saw((0, 0), &truck(1), 1, Time::MIN);
        gaps.saw((0, 7), &truck(1), 8, Time::MIN); // offsets 1 to 6 went to another reader
        gaps.saw((0, 7), &truck(1), 8, Time::MIN); // and this comes again
        gaps.passed((0, 8));
        gaps.saw((0, 9), &truck(1), 9, Time::MIN);
        let later = Time::MIN.plus_ms(3_600_000);
        assert_eq!(gaps.judge(later), Counts { good: 3, bad: 0 });
    }

    #[test]
    fn who_does_not_count_or_counts_anew_loses_nothing() {
        let mut gaps = Gaps::default();
        for (offset, seq) in [0, 0, 5, 1_000_000_000, 0, 1_000_000_001].into_iter().enumerate() {
            gaps.saw((0, offset as u64), &truck(1), seq, Time::MIN);
        }
        let later = Time::MIN.plus_ms(3_600_000);
        assert_eq!(gaps.judge(later), Counts { good: 3, bad: 0 });
    }

    #[test]
    fn open_gaps_are_bounded_and_none_is_forgotten() {
        let mut gaps = Gaps::default();
        for offset in 0..1_000 {
            gaps.saw((0, offset), &truck(1), 2 * offset + 1, Time::MIN);
        }
        let at_once = gaps.judge(Time::MIN);
        assert_eq!(at_once, Counts { good: 1_000, bad: 999 - OPEN_MAX as u64 });
        let later = Time::MIN.plus_ms(600_000);
        assert_eq!(gaps.judge(later), Counts { good: 0, bad: OPEN_MAX as u64 });
    }

    proptest! {
        /// In whatever order they come, those that came are good and those that did not are lost.
        #[test]
        fn what_came_is_good_and_what_did_not_is_lost(
            seqs in proptest::collection::vec((0_usize..3, 1_u64..40), 1..120),
        ) {
            let mut gaps = Gaps::default();
            let mut came: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
            let mut first: BTreeMap<usize, u64> = BTreeMap::new();
            for (offset, (number, seq)) in seqs.into_iter().enumerate() {
                gaps.saw((0, offset as u64), &truck(number), seq, Time::MIN);
                let begin = *first.entry(number).or_insert(seq);
                if seq >= begin {
                    came.entry(number).or_default().insert(seq);
                }
            }
            let good: usize = came.values().map(BTreeSet::len).sum();
            let made: u64 = came
                .iter()
                .map(|(number, seqs)| seqs.last().expect("one") + 1 - first[number])
                .sum();
            let later = Time::MIN.plus_ms(600_000);
            prop_assert_eq!(
                gaps.judge(later),
                Counts { good: good as u64, bad: made - good as u64 }
            );
        }
    }
}
