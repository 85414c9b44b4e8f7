//! When the truck is where, and what it burned up to there.

use super::{Fuel, Halt, Progress, Reason};
use crate::{domain::Eta, eta::Band, time::Time};

/// A truck at a place of its way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mark {
    pub(super) progress: Progress,
    /// Since the start of the timetable.
    pub(super) elapsed_s: f64,
    pub(super) burned_ul: f64,
}

impl Mark {
    /// The marks before and at `at_m`, and the share of the way between them.
    fn around(marks: &[Self], at_m: f64) -> (Self, Self, f64) {
        let ix = marks.partition_point(|mark| mark.progress.at_m < at_m);
        let after = marks[ix.min(marks.len() - 1)];
        let before = marks[ix.saturating_sub(1).min(marks.len() - 1)];
        let length_m = after.progress.at_m - before.progress.at_m;
        let share = if length_m > 0.0 { (at_m - before.progress.at_m) / length_m } else { 1.0 };
        (before, after, share.clamp(0.0, 1.0))
    }

    /// Seconds from the start until the truck first comes to `at_m`.
    pub(super) fn arrives_s(marks: &[Self], at_m: f64) -> f64 {
        let (before, after, share) = Self::around(marks, at_m);
        before.elapsed_s + share * (after.elapsed_s - before.elapsed_s)
    }

    pub(super) fn burned_ul(marks: &[Self], at_m: f64) -> f64 {
        let (before, after, share) = Self::around(marks, at_m);
        before.burned_ul + share * (after.burned_ul - before.burned_ul)
    }
}

/// The rest of a way, from where a plan begins to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Timetable {
    /// At least one, in driving order.
    pub(super) marks: Vec<Mark>,
    pub(super) halts: Vec<Halt>,
    pub(super) fuel: Fuel,
}

impl Timetable {
    fn first(&self) -> &Mark {
        &self.marks[0]
    }

    fn last(&self) -> &Mark {
        &self.marks[self.marks.len() - 1]
    }

    /// Metres from where it begins to the end of the route.
    pub fn distance_m(&self) -> f64 {
        self.last().progress.at_m - self.first().progress.at_m
    }

    /// From its beginning to the arrival, s. In free flow halts take no time.
    pub fn total_s(&self) -> f64 {
        self.last().elapsed_s
    }

    /// Under way, on ferries too, s.
    pub fn driving_s(&self) -> f64 {
        self.total_s() - self.counted_s()
    }

    /// At halts, s: in free flow what they would take.
    pub fn stopped_s(&self) -> f64 {
        // The sum of no floats is -0.
        0.0 + self.halts.iter().map(|halt| halt.stands_s).sum::<f64>()
    }

    /// Standing that is in the marks: all of it, or none.
    fn counted_s(&self) -> f64 {
        let pairs = self.marks.windows(2);
        let standing = pairs.filter(|pair| pair[0].progress.at_m >= pair[1].progress.at_m);
        standing.map(|pair| pair[1].elapsed_s - pair[0].elapsed_s).sum()
    }

    /// When the truck leaves, if the plan has a clock.
    pub fn departs(&self) -> Option<Time> {
        self.first().progress.time
    }

    /// When it is foreseen at the end, if the plan has a clock.
    pub fn arrives(&self) -> Option<Time> {
        self.last().progress.time
    }

    /// The arrival with its band, calibrated on the forecasts of the simulated fleet; `None` without
    /// a clock.
    pub fn eta(&self) -> Option<Eta> {
        let (now, arrives) = (self.departs()?, self.arrives()?);
        Some(Band::of_season(now).around(arrives, now))
    }

    /// Where the truck stands, in driving order, tolls included.
    pub fn halts(&self) -> &[Halt] {
        &self.halts
    }

    /// What is paid at toll plazas, rupees.
    pub fn tolls_inr(&self) -> f64 {
        let fees = self.halts.iter().map(|halt| match halt.reason {
            Reason::Toll { fee_inr, .. } => fee_inr,
            Reason::Fuel { .. } | Reason::Rest { .. } => 0.0,
            Reason::Barred { .. } | Reason::Shut { .. } => 0.0,
        });
        0.0 + fees.sum::<f64>() // the sum of no floats is -0
    }

    /// The fuel book.
    pub fn fuel(&self) -> &Fuel {
        &self.fuel
    }

    /// Seconds from the beginning until the truck comes to `at_m` metres of the route, clamped to the
    /// way that is left.
    pub fn arrives_s_at(&self, at_m: f64) -> f64 {
        Mark::arrives_s(&self.marks, at_m)
    }

    /// Millilitres burned up to `at_m` metres of the route.
    pub fn burned_ml_at(&self, at_m: f64) -> f64 {
        Mark::burned_ul(&self.marks, at_m) * 1e-3
    }

    /// The truck as it is at the first joint of the road at or after `at_m`, ready to go on: a plan
    /// from there is the rest of this one.
    pub fn progress_at(&self, at_m: f64) -> Progress {
        let there = self.marks.partition_point(|mark| mark.progress.at_m < at_m);
        let there = self.marks[there.min(self.marks.len() - 1)].progress.at_m;
        let after = self.marks.partition_point(|mark| mark.progress.at_m <= there);
        self.marks[after - 1].progress
    }
}
