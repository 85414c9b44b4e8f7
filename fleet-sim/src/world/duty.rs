//! What the law counts of a driver's day, and what it has him do next.
//!
//! Motor Transport Workers Act 1961: eight hours at the wheel between rests (s. 13), half an hour's
//! break before five hours (s. 15), nine hours off duty (s. 15). Standing is a break or a rest if it
//! is long enough, whatever the truck stands for: while others load it, its driver sleeps.

use serde::{Deserialize, Serialize};

pub(super) const BREAK_S: u32 = 1_800;
pub(super) const OFF_DUTY_S: u32 = 9 * 3_600;
const BREAK_AFTER_S: u32 = 5 * 3_600;
const DUTY_S: u32 = 8 * 3_600;
/// A driver who nears the limit takes the next good place to halt.
const LOOK_FOR_REST_S: u32 = 1_800;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// Half an hour.
    Break,
    /// Nine hours.
    OffDuty,
}

/// A crew's clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Duty {
    /// At the wheel since the last break, s.
    since_break_s: u32,
    /// At the wheel since the last rest, s.
    since_rest_s: u32,
    /// Standing since the wheels last turned, s.
    standing_s: u32,
}

impl Duty {
    pub(super) fn drive(&mut self, seconds: u32) {
        self.standing_s = 0;
        self.since_break_s += seconds;
        self.since_rest_s += seconds;
    }

    pub(super) fn stand(&mut self, seconds: u32) {
        self.standing_s = self.standing_s.saturating_add(seconds);
        if self.standing_s >= BREAK_S {
            self.since_break_s = 0;
        }
        if self.standing_s >= OFF_DUTY_S {
            self.since_rest_s = 0;
        }
    }

    /// What is due, looking half an hour ahead; of two drivers one can sleep while the other drives.
    pub(super) fn due(self, crew: u32) -> Due {
        if self.since_rest_s + LOOK_FOR_REST_S >= DUTY_S * crew {
            Due::OffDuty
        } else if self.since_break_s + LOOK_FOR_REST_S >= BREAK_AFTER_S {
            Due::Break
        } else {
            Due::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driven(seconds: u32) -> Duty {
        let mut duty = Duty::default();
        duty.drive(seconds);
        duty
    }

    #[test]
    fn a_break_is_due_before_five_hours_and_a_rest_before_eight() {
        assert_eq!(driven(4 * 3_600).due(1), Due::Nothing);
        assert_eq!(driven(9 * 1_800).due(1), Due::Break);
        assert_eq!(driven(15 * 1_800).due(1), Due::OffDuty);
        let mut duty = driven(15 * 1_800);
        duty.stand(BREAK_S);
        assert_eq!(duty.due(1), Due::OffDuty, "a break is no rest");
        assert_eq!(duty.due(2), Due::Nothing, "the other driver has slept");
        assert_eq!(driven(31 * 1_800).due(2), Due::OffDuty);
    }

    #[test]
    fn halts_that_adjoin_are_one_and_driving_between_them_is_not() {
        let mut duty = driven(15 * 1_800);
        for _ in 0..9 {
            duty.stand(3_600);
        }
        assert_eq!(duty.due(1), Due::Nothing);
        let mut duty = driven(15 * 1_800);
        for _ in 0..9 {
            duty.stand(3_500);
            duty.drive(1);
        }
        assert_eq!(duty.due(1), Due::OffDuty);
    }
}
