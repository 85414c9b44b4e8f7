//! Back-pressure: publishing waits while a group is too far behind.
//!
//! Groups commit in other processes, so how far they are behind is asked for, not known: after an
//! answer as many records may be published as there was room for, or for a second, before it is
//! asked again. The bound is soft by what others publish in that second.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::stream::{NewRecord, Topic};

/// How long an answer is good for.
const GOOD_FOR_US: u64 = 1_000_000;
/// How often one who waits asks.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
struct Answer {
    /// How many records may still be published; below 0: the bound is passed.
    left: i128,
    asked_at_us: u64,
}

/// What is known of the room in each topic.
#[derive(Debug, Default)]
pub(super) struct Room(Mutex<BTreeMap<Topic, Answer>>);

impl Room {
    fn known(&self) -> MutexGuard<'_, BTreeMap<Topic, Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The topics of `records` that must be asked about. If there are none, room is taken.
    pub(super) fn take(&self, records: &[NewRecord], now_us: u64) -> Vec<Topic> {
        let mut counts: BTreeMap<&Topic, i128> = BTreeMap::new();
        for record in records {
            *counts.entry(&record.topic).or_insert(0) += 1;
        }
        let mut known = self.known();
        let has_room = |topic: &Topic| {
            known.get(topic).is_some_and(|answer| {
                answer.left >= 0 && now_us.saturating_sub(answer.asked_at_us) < GOOD_FOR_US
            })
        };
        let unknown: Vec<Topic> =
            counts.keys().filter(|topic| !has_room(topic)).map(|topic| (*topic).clone()).collect();
        if unknown.is_empty() {
            for (topic, count) in counts {
                if let Some(answer) = known.get_mut(topic) {
                    answer.left -= count;
                }
            }
        }
        unknown
    }

    /// Takes in that the slowest group of `topic` is behind by `behind` of at most `max`.
    pub(super) fn learn(&self, topic: Topic, behind: u64, max: u64, now_us: u64) {
        let left = i128::from(max) - i128::from(behind);
        self.known().insert(topic, Answer { left, asked_at_us: now_us });
    }

    /// Forgets everything: a group has come.
    pub(super) fn forget(&self) {
        self.known().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_until_it_must_be_asked_again() {
        let room = Room::default();
        let record = NewRecord {
            topic: Topic::TRIPS,
            key: bytes::Bytes::new(),
            headers: Vec::new(),
            payload: bytes::Bytes::new(),
        };
        let three = vec![record; 3];
        let is_asked = |now_us| !room.take(&three, now_us).is_empty();
        assert!(is_asked(0), "nothing is known");
        room.learn(Topic::TRIPS, 96, 100, 0);
        assert!(!is_asked(0), "4 left");
        assert!(!is_asked(0), "1 left: the bound may be passed, once");
        assert!(is_asked(0), "2 over");
        room.learn(Topic::TRIPS, 0, 100, 0);
        assert!(!is_asked(GOOD_FOR_US - 1));
        assert!(is_asked(GOOD_FOR_US), "too long ago");
        room.learn(Topic::TRIPS, 0, u64::MAX, 0);
        room.forget();
        assert!(is_asked(0), "a group has come");
        room.learn(Topic::TRIPS, u64::MAX, 0, 0);
        assert!(is_asked(0), "behind by more than there can be");
    }
}
