//! One partition of one group, from sample to sample.

use std::{collections::VecDeque, time::Duration};

use super::{LagSettings, PartitionHealth, Verdict, has_passed};
use crate::{
    stream::{Members, Partition, PartitionLag},
    time::Time,
};

/// A trend is one from this slope on, s/s, and is none any more below the other. In between, and as
/// long as it is not so many times its own standard error, nothing is said.
const TREND: f64 = 0.02;
const TREND_ENDS: f64 = 0.01;
const ERRORS: f64 = 5.0;
/// The shortest time that a slope is taken over, as a share of the window.
const SPAN_MIN: f64 = 0.12;
/// The share of the window that what was seen is smoothed over.
const SMOOTH: u32 = 5;
/// Points kept, at most: whoever looks more often has a shorter window.
const POINTS_MAX: usize = 256;

/// What was seen at one moment.
#[derive(Clone, Copy, Debug)]
struct Point {
    at: Time,
    lag_s: f64,
    records: f64,
}

/// A line through what was seen: its slope a second, that one's standard error, and the mean.
#[derive(Clone, Copy, Debug)]
struct Fit {
    slope: f64,
    error: f64,
    mean: f64,
}

/// A word that is not the right one any more, and what the rules have said since.
#[derive(Clone, Debug)]
struct Doubt {
    since: Time,
    said: [u32; Verdict::ALL.len()],
}

#[derive(Clone, Debug)]
pub(super) struct Track {
    word: Verdict,
    since: Option<Time>,
    doubt: Option<Doubt>,
    points: VecDeque<Point>,
    committed: Option<u64>,
    /// Since when records wait and none was committed.
    still_since: Option<Time>,
    /// The last two moments at which something more was committed, the last one first.
    advanced: [Option<Time>; 2],
    lag_s: f64,
    trend: Option<f64>,
    /// The standard error of the trend, s/s.
    error: f64,
    lost_after: Option<Duration>,
}

impl Default for Track {
    fn default() -> Self {
        Self {
            word: Verdict::Unknown,
            since: None,
            doubt: None,
            points: VecDeque::new(),
            committed: None,
            still_since: None,
            advanced: [None; 2],
            lag_s: 0.0,
            trend: None,
            error: 0.0,
            lost_after: None,
        }
    }
}

impl Track {
    /// Takes the numbers in.
    pub(super) fn note(&mut self, now: Time, lag: &PartitionLag, lost_after: Option<Duration>) {
        if self.points.back().is_some_and(|last| now < last.at) {
            self.start_over(); // the clock went back
            (self.still_since, self.advanced) = (None, [None; 2]);
        }
        let oldest = lag.oldest_appended_at.filter(|_| lag.records > 0);
        self.lag_s = oldest.map_or(0.0, |at| now.ms_since(at).max(0) as f64 / 1e3);
        self.lost_after = lost_after;
        if lag.committed > self.committed {
            let is_moving_again =
                matches!(self.word, Verdict::Stalled | Verdict::NoConsumer | Verdict::NeverStarted);
            if is_moving_again && self.recovered_at().is_none() {
                self.points.clear(); // how it stood says nothing of how it goes
            }
            self.advanced = [Some(now), self.advanced[0]];
        }
        if lag.records == 0 || lag.committed != self.committed {
            self.still_since = None;
        }
        if lag.records > 0 {
            self.still_since = self.still_since.or(Some(now));
        }
        self.committed = lag.committed;
        self.points.push_back(Point { at: now, lag_s: self.lag_s, records: lag.records as f64 });
        if self.points.len() > POINTS_MAX {
            self.points.pop_front();
        }
    }

    /// Forgets what trends are told from; keeps the word. Being shared out anew is no commit: who
    /// does nothing else is stalled.
    pub(super) fn start_over(&mut self) {
        (self.doubt, self.trend) = (None, None);
        self.points.clear();
    }

    /// The last commit, if the word is of one that moves.
    fn recovered_at(&self) -> Option<Time> {
        self.advanced[0].filter(|at| self.since.is_some_and(|since| *at >= since))
    }

    /// Finds the word for what was noted.
    pub(super) fn judge(
        &mut self,
        now: Time,
        lag: &PartitionLag,
        members: Members,
        settings: &LagSettings,
    ) {
        while self.points.front().is_some_and(|first| now > first.at.plus(settings.window)) {
            self.points.pop_front();
        }
        let slope = self.slope(settings).filter(|_| self.span_of(settings) >= SPAN_MIN);
        self.trend = slope.map(|fit| fit.slope);
        self.error = slope.map_or(0.0, |fit| fit.error);
        let right = self.rule(now, lag, members, settings).unwrap_or(self.word);
        if right == self.word {
            self.doubt = None;
            return;
        }
        let new = || Doubt { since: now, said: [0; Verdict::ALL.len()] };
        let doubt = self.doubt.get_or_insert_with(new);
        for (word, said) in Verdict::ALL.iter().zip(&mut doubt.said) {
            *said += u32::from(*word == right);
        }
        // Where nothing waits at the first look, there is nothing to be wrong about.
        let is_plain = self.word == Verdict::Unknown && right == Verdict::CaughtUp;
        if is_plain || has_passed(Some(doubt.since), now, settings.settle) {
            // What was said most often; of two, the worse.
            let most = Verdict::ALL.into_iter().rev().zip(doubt.said.into_iter().rev());
            self.word = most.max_by_key(|(_, said)| *said).map_or(right, |(word, _)| word);
            (self.since, self.doubt) = (Some(now), None);
        }
    }

    /// The first word whose rule holds; `None` if there is too little to go by.
    fn rule(
        &self,
        now: Time,
        lag: &PartitionLag,
        members: Members,
        settings: &LagSettings,
    ) -> Option<Verdict> {
        if lag.committed.is_none() && lag.records > 0 {
            return Some(Verdict::NeverStarted);
        }
        if lag.committed.is_some_and(|committed| committed > lag.end) {
            return Some(Verdict::Rewound);
        }
        if lag.records == 0 {
            return Some(Verdict::CaughtUp);
        }
        if members == Members::Present(0) {
            return Some(Verdict::NoConsumer);
        }
        if has_passed(self.still_since, now, settings.stalled_after)
            || self.is_still_stalled(settings)
        {
            return Some(Verdict::Stalled);
        }
        // A band, not a line: who has a trend keeps it down to half of the target.
        let has_trend = matches!(self.word, Verdict::FallingBehind | Verdict::CatchingUp);
        let target = settings.target.as_secs_f64() * if has_trend { 0.5 } else { 1.0 };
        if self.lag_s > target {
            // Who has not moved for a while is slow or stands: that is about to be seen.
            let stands = has_passed(self.still_since, now, settings.stalled_after / 2);
            return if stands { None } else { self.trending(settings) };
        }
        let was_at_the_end = self.points.iter().any(|point| point.records == 0.0);
        let is_caught_up = self.word == Verdict::CaughtUp && was_at_the_end;
        Some(if is_caught_up { Verdict::CaughtUp } else { Verdict::KeepingPace })
    }

    /// One commit does not end a stall: a second one must come in time.
    fn is_still_stalled(&self, settings: &LagSettings) -> bool {
        let is_moving = match self.advanced {
            [Some(last), Some(before)] => {
                self.since.is_some_and(|since| before >= since)
                    && !has_passed(Some(before), last, settings.stalled_after)
            }
            _ => false,
        };
        self.word == Verdict::Stalled && !is_moving
    }

    fn trending(&self, settings: &LagSettings) -> Option<Verdict> {
        // The slope of noise falls with the span to the power of 1.5; batches make more of it.
        let span = self.span_of(settings);
        let bound = (TREND * span.min(1.0).powf(-1.5)).max(ERRORS * self.error);
        let trend = self.trend?;
        if trend >= bound {
            Some(Verdict::FallingBehind)
        } else if trend <= -bound {
            Some(Verdict::CatchingUp)
        } else {
            (span >= 0.9 && trend.abs() < TREND_ENDS).then_some(Verdict::KeepingPace)
        }
    }

    /// What was seen, as a share of the window.
    fn span_of(&self, settings: &LagSettings) -> f64 {
        let (Some(first), Some(last)) = (self.points.front(), self.points.back()) else {
            return 0.0;
        };
        last.at.ms_since(first.at) as f64 / 1e3 / settings.window.as_secs_f64()
    }

    /// By how much the wait grows, s/s. That of a burst grows although it is being taken: where
    /// fewer and fewer records wait, it is told from those.
    fn slope(&self, settings: &LagSettings) -> Option<Fit> {
        let smooth = settings.window / SMOOTH;
        let seconds = self.fit(smooth, |point| point.lag_s)?;
        let records = self.fit(smooth, |point| point.records)?;
        let each_s = if records.mean > 0.0 { self.lag_s / records.mean } else { 0.0 };
        let by_records =
            Fit { slope: records.slope * each_s, error: records.error * each_s, ..records };
        let is_taken = by_records.slope <= -TREND.max(ERRORS * by_records.error);
        Some(if seconds.slope > 0.0 && is_taken { by_records } else { seconds })
    }

    /// A line by least squares, through the least of what was seen within `smooth` up to each
    /// point: batches make what waits a saw, and looks from time to time meet its teeth anywhere.
    fn fit(&self, smooth: Duration, y: impl Fn(&Point) -> f64) -> Option<Fit> {
        let (first, last) = (self.points.front()?.at, self.points.back()?.at);
        // The first ones have less before them, and would look like a fall.
        let from = if last >= first.plus(2 * smooth) { first.plus(smooth) } else { first };
        let points = self.points.iter().enumerate().filter(|(_, point)| point.at >= from);
        let points = points.map(|(ix, point)| {
            let before = self.points.range(..=ix).rev();
            let near = before.take_while(|before| point.at <= before.at.plus(smooth));
            (point.at.ms_since(first) as f64 / 1e3, near.map(&y).fold(f64::INFINITY, f64::min))
        });
        let points: Vec<(f64, f64)> = points.collect();
        let count = points.len() as f64;
        let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
        let mean = points.iter().map(|(_, y)| y).sum::<f64>() / count;
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (x, y) in points {
            let (dx, dy) = (x - mean_x, y - mean);
            (xx, xy, yy) = (xx + dx * dx, xy + dx * dy, yy + dy * dy);
        }
        if xx <= 0.0 || count < 3.0 {
            return None;
        }
        let slope = xy / xx;
        let rest = (yy - slope * xy).max(0.0);
        Some(Fit { slope, mean, error: libm::sqrt(rest / (count - 2.0) / xx) })
    }

    pub(super) fn health(&self, partition: Partition) -> PartitionHealth {
        let stands =
            matches!(self.word, Verdict::NoConsumer | Verdict::Stalled | Verdict::NeverStarted);
        let trend = if stands { Some(1.0) } else { self.trend };
        let catch_up = trend.filter(|trend| *trend <= -TREND_ENDS).map(|trend| self.lag_s / -trend);
        let left = self.lost_after.map(|after| (after.as_secs_f64() - self.lag_s).max(0.0));
        let growth = trend.filter(|trend| *trend >= TREND_ENDS && self.lag_s > 0.0);
        PartitionHealth {
            partition,
            verdict: self.word,
            since: self.since,
            lag_seconds: self.lag_s,
            trend,
            catch_up_seconds: if self.lag_s > 0.0 { catch_up } else { Some(0.0) },
            loss_in_seconds: left.zip(growth).map(|(left, growth)| left / growth),
        }
    }
}
