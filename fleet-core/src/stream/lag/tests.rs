//! Consumers by script, second by second: each gets the right word in time, and none flaps.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::stream::{PartitionLag, Topic};

const BEGAN: Time = Time::from_secs(1_767_225_600);
/// A word may take so long from the moment on at which its rule first holds, s.
const IN_TIME: i64 = 30;

/// A partition and the one group that reads it.
struct World {
    /// When each record that waits was appended.
    waiting: VecDeque<Time>,
    committed: Option<u64>,
    end: u64,
    members: Members,
    lost_after: Option<Duration>,
    now: Time,
}

impl World {
    fn new() -> Self {
        let (waiting, members) = (VecDeque::new(), Members::Present(1));
        Self { waiting, committed: Some(0), end: 0, members, lost_after: None, now: BEGAN }
    }

    fn publish(&mut self, count: usize) {
        self.waiting.extend(std::iter::repeat_n(self.now, count));
        self.end += count as u64;
    }

    /// Takes up to `count` and commits, if there is something.
    fn take(&mut self, count: usize) {
        let count = count.min(self.waiting.len());
        if count > 0 {
            self.waiting.drain(..count);
            self.committed = Some(self.end - self.waiting.len() as u64);
        }
    }

    fn lag(&self) -> GroupLag {
        let partition = PartitionLag {
            partition: Partition { topic: Topic::TELEMETRY, number: 0 },
            committed: self.committed,
            end: self.end,
            records: self.waiting.len() as u64,
            oldest_appended_at: self.waiting.front().copied(),
        };
        let (members, lost_after) = (self.members, self.lost_after);
        GroupLag { members, partitions: vec![partition], lost_after }
    }
}

/// Runs a script for so many seconds, with a look every five; returns the words with the second
/// from which on each was told, and what was known at the end.
fn run(
    seconds: i64,
    mut script: impl FnMut(i64, &mut World),
) -> (Vec<(i64, Verdict)>, GroupHealth) {
    let (mut world, mut watch) = (World::new(), GroupWatch::new(LagSettings::default()));
    let mut words = Vec::new();
    for second in 0..=seconds {
        world.now = BEGAN.plus_ms(second * 1_000);
        script(second, &mut world);
        if second % 5 == 0 {
            watch.sample(world.now, world.lag());
            let word = watch.health().verdict;
            if words.last().is_none_or(|(_, last)| *last != word) {
                words.push((second, word));
            }
        }
    }
    (words, watch.health())
}

/// Each word in turn, and none besides, at most [`IN_TIME`] after its rule first held.
#[track_caller]
fn assert_words(told: &[(i64, Verdict)], expected: &[(i64, Verdict)]) {
    let words = |list: &[(i64, Verdict)]| list.iter().map(|(_, word)| *word).collect::<Vec<_>>();
    let told: Vec<_> = told.iter().copied().filter(|(_, word)| *word != Verdict::Unknown).collect();
    assert_eq!(words(&told), words(expected), "told at {told:?}");
    for ((at, word), (held_at, _)) in told.iter().zip(expected) {
        assert!((0..=IN_TIME).contains(&(at - held_at)), "{word:?} at {at}, held from {held_at}");
    }
}

#[test]
fn one_that_never_started() {
    let (words, health) = run(600, |_, world| {
        (world.committed, world.members) = (None, Members::Present(0));
        world.publish(2);
    });
    assert_words(&words, &[(0, Verdict::NeverStarted)]);
    assert_eq!((health.trend, health.catch_up_seconds), (Some(1.0), None));
}

#[test]
fn one_that_was_rewound() {
    let (words, _) = run(600, |second, world| {
        world.publish(2);
        world.take(2);
        if second == 300 {
            world.end = 10; // the topic is made anew, and the group still has its old place
        }
        if second >= 300 {
            (world.committed, world.end) = (Some(600), world.end.min(500));
            world.waiting.clear();
        }
    });
    assert_words(&words, &[(0, Verdict::CaughtUp), (300, Verdict::Rewound)]);
}

#[test]
fn one_that_is_caught_up_on_a_topic_that_idles() {
    let (words, health) = run(1_800, |second, world| {
        world.publish(usize::from(second % 600 == 4)); // it waits whenever somebody looks
        world.take(usize::from(second % 600 == 7));
    });
    assert_words(&words, &[(0, Verdict::CaughtUp)]);
    assert_eq!((health.lag_seconds, health.catch_up_seconds), (Some(0.0), Some(0.0)));
}

#[test]
fn one_that_died() {
    let (words, _) = run(900, |second, world| {
        world.publish(2);
        world.members = Members::Present(u32::from(!(300..600).contains(&second)));
        if world.members != Members::Present(0) {
            world.take(40);
        }
    });
    // Back again it takes 40 while 2 come: what waited is taken within a quarter of a minute.
    let expected = [(0, Verdict::CaughtUp), (300, Verdict::NoConsumer), (616, Verdict::CaughtUp)];
    assert_words(&words, &expected);
}

#[test]
fn one_that_stalled() {
    let (words, health) = run(600, |second, world| {
        world.publish(2);
        world.take(if second < 300 { 2 } else { 0 });
        world.lost_after = Some(Duration::from_secs(3_600));
    });
    assert_words(&words, &[(0, Verdict::CaughtUp), (360, Verdict::Stalled)]);
    assert_eq!(health.lag_seconds, Some(300.0));
    assert_eq!((health.trend, health.loss_in_seconds), (Some(1.0), Some(3_300.0)));
}

#[test]
fn one_that_dies_again_and_again() {
    let (words, _) = run(900, |second, world| {
        world.publish(2);
        world.take(if second < 300 { 2 } else { 0 });
        let is_joining = second >= 300 && second % 40 < 6;
        world.members = if is_joining { Members::Rebalancing } else { Members::Present(1) };
    });
    // A word settles between two rebalances, and none of them is a commit.
    assert_words(&words, &[(0, Verdict::CaughtUp), (375, Verdict::Stalled)]);
}

#[test]
fn a_board_at_which_nobody_looks_says_so() {
    let settings = LagSettings::default();
    let board = Board::new(&["group".to_owned()], settings);
    let mut world = World::new();
    world.publish(1);
    world.take(1);
    board.0.lock().unwrap().get_mut("group").unwrap().sample(BEGAN, world.lag());
    let verdict = |ms| board.health("group", BEGAN.plus_ms(ms)).map(|health| health.verdict);
    assert_eq!(
        (verdict(29_999), verdict(30_000)),
        (Some(Verdict::CaughtUp), Some(Verdict::Unknown))
    );
    assert_eq!(board.health("other", BEGAN), None);
}

#[test]
fn one_that_is_too_slow() {
    let (words, health) = run(1_200, |_, world| {
        world.publish(10);
        world.take(8);
        world.lost_after = Some(Duration::from_secs(900));
    });
    // A fifth of a second a second: the wait is above half a minute after 150 s.
    assert_words(&words, &[(0, Verdict::KeepingPace), (150, Verdict::FallingBehind)]);
    let (lag, trend) = (health.lag_seconds.unwrap(), health.trend.unwrap());
    assert!((lag - 240.0).abs() < 5.0 && (trend - 0.2).abs() < 0.02, "{health:?}");
    assert!((health.loss_in_seconds.unwrap() - 660.0 / 0.2).abs() < 400.0, "{health:?}");
    assert_eq!(health.catch_up_seconds, None);
}

#[test]
fn one_that_catches_up() {
    let (words, health) = run(900, |second, world| {
        world.publish(if second == 0 { 6_000 } else { 10 });
        world.take(if second < 600 { 12 } else { 40 });
        if second == 0 {
            for (age, at) in world.waiting.iter_mut().rev().enumerate() {
                *at = BEGAN.plus_ms(-100 * i64::try_from(age).unwrap()); // 600 s of records
            }
        }
    });
    // The window is what its rule needs, until the trend is clear: 30 s of it for a fifth.
    assert_eq!(words.first(), Some(&(0, Verdict::Unknown)));
    assert_words(&words, &[(30, Verdict::CatchingUp), (760, Verdict::CaughtUp)]);
    assert_eq!(health.lag_seconds, Some(0.0));
}

#[test]
fn one_that_takes_a_burst_is_not_behind() {
    // Its oldest record waits for longer and longer, and it will be done in five minutes.
    let (words, _) = run(600, |second, world| {
        world.publish(if second == 0 { 6_000 } else { 10 });
        world.take(30);
    });
    let expected = [(0, Verdict::KeepingPace), (30, Verdict::CatchingUp), (300, Verdict::CaughtUp)];
    assert_words(&words, &expected);
}

#[test]
fn one_that_keeps_pace() {
    let (words, _) = run(3_600, |second, world| {
        world.publish(10);
        // Takes a batch every seven seconds, all but the newest: something always waits.
        world.take(if second % 7 == 0 { world.waiting.len() - 10 } else { 0 });
    });
    assert_words(&words, &[(0, Verdict::KeepingPace)]);
}

#[test]
fn a_group_that_is_shared_out_anew_keeps_its_word() {
    let (words, _) = run(1_200, |second, world| {
        let is_moving = second % 300 >= 200; // for 100 s nothing is taken
        world.members = if is_moving { Members::Rebalancing } else { Members::Present(2) };
        world.publish(2);
        world.take(if is_moving { 0 } else { 60 });
    });
    assert_words(&words, &[(0, Verdict::CaughtUp)]);
    // One that does not come to an end is judged all the same, from five minutes on.
    let (words, _) = run(900, |second, world| {
        world.publish(2);
        if second >= 200 {
            world.members = Members::Rebalancing;
        } else {
            world.take(2);
        }
    });
    assert_words(&words, &[(0, Verdict::CaughtUp), (500, Verdict::Stalled)]);
}

#[test]
fn one_that_commits_too_seldom_stalls_and_does_not_flap() {
    let (words, _) = run(3_600, |second, world| {
        world.publish(2);
        world.take(if second % 80 == 79 { world.waiting.len() - 1 } else { 0 });
    });
    assert_eq!(words.last().map(|(_, word)| *word), Some(Verdict::Stalled), "{words:?}");
    assert!(words.len() <= 3, "{words:?}");
}

#[test]
fn a_log_that_is_away_makes_it_unknown_and_not_zero() {
    let mut watch = GroupWatch::new(LagSettings::default());
    assert_eq!((watch.health().verdict, watch.health().lag_seconds), (Verdict::Unknown, None));
    let world = World::new();
    watch.sample(BEGAN, world.lag());
    assert_eq!(watch.health().verdict, Verdict::CaughtUp);
    watch.missed(BEGAN.plus_ms(29_999));
    assert_eq!(watch.health().verdict, Verdict::CaughtUp);
    watch.missed(BEGAN.plus_ms(30_000));
    let health = watch.health();
    assert_eq!((health.verdict, health.lag_seconds, health.trend), (Verdict::Unknown, None, None));
}

#[test]
fn a_group_that_nobody_knows_has_never_started() {
    let mut watch = GroupWatch::new(LagSettings::default());
    for second in 0..4 {
        let (members, partitions) = (Members::Present(0), Vec::new());
        watch.sample(
            BEGAN.plus_ms(second * 5_000),
            GroupLag { members, partitions, lost_after: None },
        );
    }
    let health = watch.health();
    assert_eq!((health.verdict, health.since), (Verdict::NeverStarted, Some(BEGAN)));
}

#[test]
fn a_group_is_as_its_worst_partition() {
    let mut watch = GroupWatch::new(LagSettings::default());
    for second in (0..120).step_by(5) {
        let (mut good, mut bad) = (World::new(), World::new());
        good.now = BEGAN.plus_ms(second * 1_000);
        bad.publish(3);
        let (mut lag, bad) = (good.lag(), bad.lag());
        lag.partitions.extend(bad.partitions);
        lag.partitions[1].partition.number = 1;
        watch.sample(good.now, lag);
    }
    let health = watch.health();
    assert_eq!((health.verdict, health.lag_records), (Verdict::Stalled, Some(3)));
    assert_eq!(health.partitions[0].verdict, Verdict::CaughtUp);
    assert_eq!((health.lag_seconds, health.catch_up_seconds), (Some(115.0), None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever happens: numbers are numbers, and words stand for as long as they must.
    #[test]
    fn no_history_makes_it_flap_or_tell_nonsense(
        turns in prop::collection::vec((0..40_usize, 0..40_usize, 0..12_u8, 1..20_000_i64), 1..200)
    ) {
        let settings = LagSettings::default();
        let (mut world, mut watch) = (World::new(), GroupWatch::new(settings));
        let mut last: Option<(Time, Verdict)> = None;
        world.lost_after = Some(Duration::from_secs(600));
        for (publish, take, what, ms) in turns {
            world.now = world.now.plus_ms(ms);
            world.publish(publish);
            world.take(take);
            world.members = match what {
                0 => Members::Present(0),
                1 => Members::Rebalancing,
                2 => Members::Unknown,
                _ => Members::Present(1),
            };
            match what {
                3 => watch.missed(world.now),
                _ => watch.sample(world.now, world.lag()),
            }
            let health = watch.health();
            let numbers = [health.lag_seconds, health.catch_up_seconds, health.loss_in_seconds];
            prop_assert!(numbers.iter().flatten().all(|n| n.is_finite() && *n >= 0.0), "{health:?}");
            prop_assert!(health.trend.is_none_or(f64::is_finite), "{health:?}");
            if let Some((at, word)) = last {
                let may_change = word == Verdict::Unknown
                    || health.verdict == Verdict::Unknown
                    || world.now >= at.plus(settings.settle);
                prop_assert!(may_change || word == health.verdict, "{word:?} → {health:?}");
            }
            if last.is_none_or(|(_, word)| word != health.verdict) {
                last = Some((world.now, health.verdict));
            }
        }
    }

    /// A steady consumer soon has its word, whatever its pace and its batches.
    #[test]
    fn who_is_steady_keeps_the_word(
        publish in 1..20_usize, take in 0..40_usize, every in 1..18_i64
    ) {
        let (words, _) = run(1_800, |second, world| {
            world.publish(publish);
            world.take(if second % every == 0 { take * usize::try_from(every).unwrap() } else { 0 });
        });
        let mut known: Vec<Verdict> = words.iter().map(|(_, word)| *word).collect();
        known.sort_unstable();
        known.dedup();
        prop_assert!(words.len() <= 3 && known.len() == words.len(), "{words:?}");
    }
}
