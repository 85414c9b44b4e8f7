//! Whether a truck was where it should have been, at a time.

use serde::{Deserialize, Serialize};

use super::event::{Evidence, FenceEvent, FenceEventKind};
use crate::{domain::FenceId, time::Time};

/// Where a truck was in regard to a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// On a visit.
    Inside,
    /// Not on a visit.
    Outside,
    /// The time lies outside what is known, or in a silence in which the truck came or went.
    Unknown,
}

/// Where a truck should be at a time of the day: the depot at ten in the evening.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The fence.
    pub fence_id: FenceId,
    /// Seconds after midnight in India (IST), 0 to 86,399.
    pub second_of_day_ist: u32,
    /// Inside it, or outside.
    pub inside: bool,
}

/// An expectation on one day, and how it turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The moment.
    pub at: Time,
    /// Where the truck was.
    pub presence: Presence,
    /// As expected; absent if that is not known.
    pub as_expected: Option<bool>,
}

/// Where a truck was at `at`, by its events in their order, of which `known` is the first and the
/// last fix. Events of other fences are passed over.
pub fn presence_at(
    events: &[FenceEvent],
    fence: &FenceId,
    known: (Time, Time),
    at: Time,
) -> Presence {
    if at < known.0 || at > known.1 {
        return Presence::Unknown;
    }
    let mut presence = Presence::Outside;
    for event in events.iter().filter(|event| event.fence_id == *fence) {
        let after = match event.kind {
            FenceEventKind::Enter => Presence::Inside,
            FenceEventKind::Exit => Presence::Outside,
            FenceEventKind::Dwell => continue,
        };
        if event.at <= at {
            presence = after;
        } else if event.evidence == Evidence::AfterGap && event.between.0.at < at {
            return Presence::Unknown;
        } else {
            break;
        }
    }
    presence
}

impl Expectation {
    /// Its findings on every day of which the moment lies in `known`.
    pub fn findings(&self, events: &[FenceEvent], known: (Time, Time)) -> Vec<Finding> {
        let moment = |day: i64| {
            let midnight_ms = day * 86_400_000 - 19_800_000; // IST is UTC+05:30
            Time::from_ms(midnight_ms).plus_ms(i64::from(self.second_of_day_ist) * 1_000)
        };
        let find = |at: Time| {
            let presence = presence_at(events, &self.fence_id, known, at);
            let as_expected = match presence {
                Presence::Unknown => None,
                Presence::Inside => Some(self.inside),
                Presence::Outside => Some(!self.inside),
            };
            Finding { at, presence, as_expected }
        };
        let days = known.0.ist_day()..=known.1.ist_day();
        days.map(moment).filter(|at| (known.0..=known.1).contains(at)).map(find).collect()
    }
}
