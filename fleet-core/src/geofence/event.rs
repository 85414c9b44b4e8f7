//! What a truck did at a fence, and by what evidence.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{FenceId, FixKey},
    geo::Position,
    time::Time,
};

/// The version of the rule by which events are derived; it grows when other events may come out.
pub const RULE_VERSION: u32 = 1;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FenceEventKind {
    /// It came in.
    Enter,
    /// It has been inside for the fence's `dwell_s`.
    Dwell,
    /// It went out.
    Exit,
}

/// How the time of an event is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The truck's very first fix lay inside: it may have been there before.
    FirstSeen,
    /// The straight way between two fixes crosses the edge there.
    Crossed,
    /// No fix lay inside, but the straight way between two of them passes through.
    Passed,
    /// The truck was silent for longer than `gap_max_s`, or its fixes jumped: it happened at some
    /// time between the two fixes, and `at` is that of the later one.
    AfterGap,
    /// By the clock: that much time after the entry.
    Elapsed,
}

/// The thresholds by which an event was derived.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// [`RULE_VERSION`] at that time.
    pub version: u32,
    /// So far outside a truck had to be to have left, metres.
    pub hysteresis_m: f64,
    /// So many fixes in a row had to agree.
    pub confirm_fixes: u8,
    /// So long it had to be inside, seconds, to dwell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dwell_s: Option<u32>,
}

/// One event of one truck at one fence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FenceEvent {
    /// The fence.
    pub fence_id: FenceId,
    /// What happened.
    pub kind: FenceEventKind,
    /// When, by the evidence.
    pub at: Time,
    /// Where.
    pub position: Position,
    /// When this visit began; of an entry that is `at`.
    pub entered_at: Time,
    /// How the time is known.
    pub evidence: Evidence,
    /// The fixes before and after it, which may be one.
    pub between: (FixKey, FixKey),
    /// The fix that made it certain.
    pub confirmed_by: FixKey,
    /// The thresholds.
    pub rule: Rule,
}

impl FenceEvent {
    /// What tells it from all other events of the truck: `depot-guwahati:exit:1767571200000`, with the
    /// time of the visit's entry. It stays the same while late data moves only an exit.
    pub fn id(&self) -> String {
        let kind = match self.kind {
            FenceEventKind::Enter => "enter",
            FenceEventKind::Dwell => "dwell",
            FenceEventKind::Exit => "exit",
        };
        format!("{}:{kind}:{}", self.fence_id, self.entered_at.as_ms())
    }

    /// The order of events: by time, and at one instant a truck leaves before it enters (but not the
    /// fence that it entered at that very instant).
    pub(super) fn order(&self) -> (Time, u8, &FenceId, Time) {
        let rank = match self.kind {
            FenceEventKind::Exit if self.entered_at < self.at => 0,
            FenceEventKind::Enter => 1,
            FenceEventKind::Dwell => 2,
            FenceEventKind::Exit => 3,
        };
        (self.at, rank, &self.fence_id, self.entered_at)
    }
}
