//! How a consumer group is doing, in one word: lag that speaks.
//!
//! A number of records says little: a thousand are nothing to a group that takes them in a second,
//! and the end of the world to one that stands still. So each partition is looked at every few
//! seconds, and gets the first of these words whose rule holds; a group has that of its worst
//! partition.
//!
//! | [`Verdict`] | its rule |
//! |---|---|
//! | never started | records wait, and nothing was ever committed |
//! | rewound | more is committed than there is: the topic was emptied or made anew |
//! | caught up | nothing waits, or nothing waited a moment ago and nothing is wrong |
//! | no consumer | records wait, and the group has no member |
//! | stalled | records wait, and no commit has come for [`LagSettings::stalled_after`] |
//! | falling behind | the oldest waits for longer than [`LagSettings::target`], and longer and longer |
//! | catching up | … and the wait gets shorter |
//! | keeping pace | records wait, none for long, or none for longer than the last ones |
//! | unknown | the log does not answer, or there is too little to go by yet |
//!
//! Words do not flap. Another one is taken when the present one's rule has not held for
//! [`LagSettings::settle`]; what divides two words is a band, not a line; one commit does not end a
//! stall; and a group that is being shared out anew keeps its word meanwhile. Trends are slopes of
//! least squares over [`LagSettings::window`], and the shorter what was seen, the steeper they must be.
//!
//! The rules are those of Burrow (LinkedIn, 2015), told in seconds and not in records, and without
//! its troubles: it misjudges slow topics (its issue 303) and hides a stop behind one zero (745).
//!
//! ```
//! use fleet_core::stream::{GroupLag, Members, Partition, PartitionLag, Topic};
//! use fleet_core::stream::lag::{GroupWatch, LagSettings, Verdict};
//! use fleet_core::time::Time;
//!
//! let mut watch = GroupWatch::new(LagSettings::default());
//! let began = Time::from_secs(1_767_225_600);
//! for second in (0..120).step_by(5) {
//!     let partition = Partition { topic: Topic::TELEMETRY, number: 0 };
//!     let waiting = PartitionLag {
//!         partition, committed: Some(70), end: 100, records: 30, oldest_appended_at: Some(began),
//!     };
//!     let lag = GroupLag { members: Members::Present(1), partitions: vec![waiting], lost_after: None };
//!     watch.sample(began.plus_ms(second * 1_000), lag);
//! }
//! assert_eq!(watch.health().verdict, Verdict::Stalled);
//! assert_eq!(watch.health().lag_seconds, Some(115.0));
//! ```

mod board;
#[cfg(feature = "metrics")]
mod metrics;
mod track;

use std::{collections::BTreeMap, time::Duration};

use self::track::Track;
use super::{GroupLag, Members, Partition};
use crate::time::Time;

pub use self::board::Board;
#[cfg(feature = "metrics")]
pub use self::metrics::LagMetrics;

/// How a group is doing on a partition, worst first. See the module for the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the module says when each holds")]
pub enum Verdict {
    Rewound,
    NoConsumer,
    Stalled,
    NeverStarted,
    FallingBehind,
    Unknown,
    CatchingUp,
    KeepingPace,
    CaughtUp,
}

impl Verdict {
    /// Every word, worst first.
    pub const ALL: [Self; 9] = [
        Self::Rewound,
        Self::NoConsumer,
        Self::Stalled,
        Self::NeverStarted,
        Self::FallingBehind,
        Self::Unknown,
        Self::CatchingUp,
        Self::KeepingPace,
        Self::CaughtUp,
    ];

    /// The word, as the API and metrics write it: `no_consumer`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rewound => "rewound",
            Self::NoConsumer => "no_consumer",
            Self::Stalled => "stalled",
            Self::NeverStarted => "never_started",
            Self::FallingBehind => "falling_behind",
            Self::Unknown => "unknown",
            Self::CatchingUp => "catching_up",
            Self::KeepingPace => "keeping_pace",
            Self::CaughtUp => "caught_up",
        }
    }
}

/// When a word holds. The defaults are for a look every five seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LagSettings {
    /// A wait that nobody minds: trends matter only above it.
    pub target: Duration,
    /// No commit for so long while records wait is a stall. At least three times as long as the
    /// group's commits are apart.
    pub stalled_after: Duration,
    /// What trends are taken over.
    pub window: Duration,
    /// For how long another word must be the right one before it is taken.
    pub settle: Duration,
    /// For how long a group that is being shared out anew keeps its words.
    pub rebalance_max: Duration,
    /// For how long words stand while the log does not answer.
    pub unknown_after: Duration,
}

impl Default for LagSettings {
    /// 30 s of wait, a stall after a minute, trends over 150 s, words that settle for 15 s; five
    /// minutes to share out anew (Kafka's longest time between polls); unknown after 30 s.
    fn default() -> Self {
        Self {
            target: Duration::from_secs(30),
            stalled_after: Duration::from_secs(60),
            window: Duration::from_secs(150),
            settle: Duration::from_secs(15),
            rebalance_max: Duration::from_secs(300),
            unknown_after: Duration::from_secs(30),
        }
    }
}

/// How a group is doing on one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionHealth {
    /// Which one.
    pub partition: Partition,
    /// In one word.
    pub verdict: Verdict,
    /// Since when; `None` while nothing has been seen.
    pub since: Option<Time>,
    /// Age of the oldest record that waits, s; 0 if none does.
    pub lag_seconds: f64,
    /// By how many seconds that age grows in a second: 1 if nothing is taken, below 0 if it gets
    /// shorter; `None` if there is too little to go by.
    pub trend: Option<f64>,
    /// Time until nothing waits, at this trend, s; 0 if nothing does, `None` if it is not foreseen.
    pub catch_up_seconds: Option<f64>,
    /// Time until records that wait are deleted, at this trend, s; `None` if that is not foreseen.
    pub loss_in_seconds: Option<f64>,
}

/// How a group is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupHealth {
    /// That of the worst partition.
    pub verdict: Verdict,
    /// Since when; `None` while nothing has been seen.
    pub since: Option<Time>,
    /// Who reads.
    pub members: Members,
    /// Records that wait, of all partitions; `None` if the log does not answer.
    pub lag_records: Option<u64>,
    /// The longest wait of any partition, s; 0 if nothing waits, `None` if unknown.
    pub lag_seconds: Option<f64>,
    /// The trend of the partition with the longest wait, s/s.
    pub trend: Option<f64>,
    /// Time until every partition has caught up, s; `None` if that is not foreseen.
    pub catch_up_seconds: Option<f64>,
    /// Time until the first partition loses records, s; `None` if that is not foreseen.
    pub loss_in_seconds: Option<f64>,
    /// By topic and number.
    pub partitions: Vec<PartitionHealth>,
}

/// Watches one group: samples in, verdicts out. Memory is bounded by the window.
#[derive(Clone, Debug)]
pub struct GroupWatch {
    settings: LagSettings,
    tracks: BTreeMap<Partition, Track>,
    members: Members,
    records: Option<u64>,
    last: Option<Time>,
    rebalancing_since: Option<Time>,
    /// Since when nobody has ever read for the group.
    absent_since: Option<Time>,
}

impl GroupWatch {
    /// Has seen nothing yet.
    pub fn new(settings: LagSettings) -> Self {
        Self {
            settings,
            tracks: BTreeMap::new(),
            members: Members::Unknown,
            records: None,
            last: None,
            rebalancing_since: None,
            absent_since: None,
        }
    }

    /// Takes in what the log says of the group at `now`, platform time.
    pub fn sample(&mut self, now: Time, lag: GroupLag) {
        let GroupLag { members, partitions, lost_after } = lag;
        self.members = members;
        self.last = Some(now);
        self.records = Some(partitions.iter().map(|lag| lag.records).sum());
        self.absent_since = match partitions.is_empty() {
            true => self.absent_since.or(Some(now)),
            false => None,
        };
        self.rebalancing_since = match members {
            Members::Rebalancing => self.rebalancing_since.or(Some(now)),
            Members::Unknown | Members::Present(_) => None,
        };
        let is_moving = self
            .rebalancing_since
            .is_some_and(|since| !has_passed(Some(since), now, self.settings.rebalance_max));
        let mut tracks = std::mem::take(&mut self.tracks);
        for lag in partitions {
            // What is not told of any more is forgotten.
            let mut track = tracks.remove(&lag.partition).unwrap_or_default();
            track.note(now, &lag, lost_after);
            if is_moving {
                track.start_over();
            } else {
                track.judge(now, &lag, members, &self.settings);
            }
            self.tracks.insert(lag.partition, track);
        }
    }

    /// The log did not answer at `now`.
    pub fn missed(&mut self, now: Time) {
        if has_passed(self.last, now, self.settings.unknown_after) {
            *self = Self::new(self.settings);
        }
    }

    /// How the group is doing at `now`: a look that does not come is one that was missed.
    fn health_at(&mut self, now: Time) -> GroupHealth {
        self.missed(now);
        self.health()
    }

    /// How the group is doing, as of the last sample.
    pub fn health(&self) -> GroupHealth {
        let told = |(partition, track): (&Partition, &Track)| track.health(partition.clone());
        let partitions: Vec<PartitionHealth> = self.tracks.iter().map(told).collect();
        let worst = partitions.iter().map(|partition| partition.verdict).min();
        let verdict = worst.unwrap_or_else(|| {
            match has_passed(
                self.absent_since,
                self.last.unwrap_or(Time::MIN),
                self.settings.settle,
            ) {
                true => Verdict::NeverStarted,
                false => Verdict::Unknown,
            }
        });
        let of_word = partitions.iter().filter(|partition| partition.verdict == verdict);
        let longest = partitions.iter().max_by(|a, b| a.lag_seconds.total_cmp(&b.lag_seconds));
        let losses = partitions.iter().filter_map(|partition| partition.loss_in_seconds);
        GroupHealth {
            verdict,
            since: of_word.filter_map(|partition| partition.since).min().or(self.absent_since),
            members: self.members,
            lag_records: self.records,
            lag_seconds: self.records.map(|_| longest.map_or(0.0, |longest| longest.lag_seconds)),
            trend: longest.and_then(|longest| longest.trend),
            catch_up_seconds: catch_up(&partitions),
            loss_in_seconds: losses.min_by(f64::total_cmp),
            partitions,
        }
    }
}

/// The time until the last partition has caught up, if each one will.
fn catch_up(partitions: &[PartitionHealth]) -> Option<f64> {
    let mut longest = None;
    for partition in partitions {
        let own = match partition.verdict {
            Verdict::CaughtUp | Verdict::KeepingPace => Some(0.0),
            _ => partition.catch_up_seconds,
        };
        longest = Some(own?.max(longest.unwrap_or(0.0)));
    }
    longest
}

/// Whether `duration` has passed from `since` to `now`; not if there is no `since`.
fn has_passed(since: Option<Time>, now: Time, duration: Duration) -> bool {
    since.is_some_and(|since| now >= since.plus(duration))
}

#[cfg(test)]
mod tests;
