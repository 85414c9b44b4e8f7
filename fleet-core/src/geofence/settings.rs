//! When a truck counts as having come or gone.

use serde::{Deserialize, Serialize};

use super::{
    event::{RULE_VERSION, Rule},
    fence::{CONFIRM_FIXES_MAX, Fence, HYSTERESIS_M},
    shape::check_metres,
};
use crate::{Error, Result};

/// Thresholds of a tracker; a fence's own [`Rules`](super::Rules) go before them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How far outside a truck must be to have left, metres, 0 to 10,000. A fix that is less accurate
    /// than this must be as far outside as it is inaccurate.
    pub hysteresis_m: f64,
    /// How many fixes in a row must agree before a truck has come or gone, 1 to 20. The event still has
    /// the time of the crossing.
    pub confirm_fixes: u8,
    /// A straight way of this length inside confirms an entry by itself, and is a passage if no fix
    /// lies inside; metres, 1 to 10,000. A standing truck has no way.
    pub pass_m: f64,
    /// After a longer silence the straight way between two fixes says nothing, seconds, 1 to 86,400.
    pub gap_max_s: f64,
    /// Fixes less accurate than this are left out, metres, 1 to 10,000.
    pub accuracy_max_m: f64,
    /// A fix that could only be reached faster is left out, unless the next agrees with it; km/h, 10 to
    /// 1,000.
    pub speed_max_kmh: f64,
    /// What a jump may be too long by, for noise, metres, 0 to 10,000.
    pub jump_slack_m: f64,
    /// Up to so long after newer fixes a late one is still put in its place, seconds, 0 to 604,800.
    pub late_s: f64,
    /// The most fixes that are kept for that, 1 to 10,000.
    pub recent_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hysteresis_m: 30.0,
            confirm_fixes: 2,
            pass_m: 30.0,
            gap_max_s: 600.0,
            accuracy_max_m: 100.0,
            speed_max_kmh: 160.0,
            jump_slack_m: 100.0,
            late_s: 3_600.0,
            recent_max: 128,
        }
    }
}

impl Settings {
    /// Checks every threshold against its range.
    ///
    /// # Errors
    /// `Invalid`, naming the first that is outside.
    pub fn check(&self) -> Result<()> {
        check_metres("hysteresis_m", self.hysteresis_m, HYSTERESIS_M)?;
        check_metres("pass_m", self.pass_m, (1.0, 10_000.0))?;
        check_metres("gap_max_s", self.gap_max_s, (1.0, 86_400.0))?;
        check_metres("accuracy_max_m", self.accuracy_max_m, (1.0, 10_000.0))?;
        check_metres("speed_max_kmh", self.speed_max_kmh, (10.0, 1_000.0))?;
        check_metres("jump_slack_m", self.jump_slack_m, (0.0, 10_000.0))?;
        check_metres("late_s", self.late_s, (0.0, 604_800.0))?;
        if !(1..=10_000).contains(&self.recent_max) {
            let found = self.recent_max;
            return Err(Error::invalid(format!("recent_max: {found} is outside 1 to 10000")));
        }
        if !(1..=CONFIRM_FIXES_MAX).contains(&self.confirm_fixes) {
            let found = self.confirm_fixes;
            return Err(Error::invalid(format!(
                "confirm_fixes: {found} is outside 1 to {CONFIRM_FIXES_MAX}"
            )));
        }
        Ok(())
    }

    /// What holds at one fence.
    pub(super) fn rule(&self, fence: &Fence) -> Rule {
        Rule {
            version: RULE_VERSION,
            hysteresis_m: fence.rules.hysteresis_m.unwrap_or(self.hysteresis_m),
            confirm_fixes: fence.rules.confirm_fixes.unwrap_or(self.confirm_fixes),
            dwell_s: fence.rules.dwell_s,
        }
    }
}
