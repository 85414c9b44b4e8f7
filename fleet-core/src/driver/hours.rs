//! How long: what the law counts of a driver's day, and what it has him do next.

use serde::{Deserialize, Serialize};

const HOUR_S: u32 = 3_600;

/// Rules about hours at the wheel, all in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoursRules {
    /// A break is due before so long at the wheel.
    pub break_after_s: u32,
    /// It lasts as long as this.
    pub break_s: u32,
    /// A rest is due before so long at the wheel, for each driver on board.
    pub duty_s: u32,
    /// It lasts at least as long as this.
    pub off_duty_s: u32,
    /// It lasts until so long after the duty before it began: that is a driver's day.
    pub day_s: u32,
    /// A day off is due before so long at the wheel, for each driver on board.
    pub week_s: u32,
    /// It lasts as long as this.
    pub day_off_s: u32,
    /// How long before a limit a driver takes the next good place to halt.
    pub look_ahead_s: u32,
}

impl HoursRules {
    /// India's Motor Transport Workers Act 1961: eight hours a day, 48 a week (s. 13), half an hour's
    /// break before five, nine hours off between duties (s. 15), a day of rest a week (s. 19).
    pub const STRICT: Self = Self {
        break_after_s: 5 * HOUR_S,
        break_s: HOUR_S / 2,
        duty_s: 8 * HOUR_S,
        off_duty_s: 9 * HOUR_S,
        day_s: 24 * HOUR_S,
        week_s: 48 * HOUR_S,
        day_off_s: 24 * HOUR_S,
        look_ahead_s: HOUR_S / 2,
    };

    /// As it is often done (estimate): a meal after six hours, a short night after eleven, no day off
    /// on the road.
    pub const LAX: Self = Self {
        break_after_s: 6 * HOUR_S,
        break_s: HOUR_S / 2,
        duty_s: 11 * HOUR_S,
        off_duty_s: 6 * HOUR_S,
        day_s: 0,
        week_s: u32::MAX / 4,
        day_off_s: 24 * HOUR_S,
        look_ahead_s: HOUR_S / 2,
    };
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Due {
    /// Drive on.
    Nothing,
    /// A break.
    Break,
    /// A rest off duty.
    OffDuty,
    /// A day off.
    DayOff,
}

/// A crew's clocks. Standing is a break or a rest if it is long enough, whatever the truck stands
/// for: while others load it, its driver sleeps.
///
/// ```
/// use fleet_core::driver::{Due, DutyClock, HoursRules};
/// let rules = HoursRules::STRICT;
/// let mut clock = DutyClock::default();
/// clock.drive(9 * 1_800);
/// assert_eq!(clock.due(&rules, 1), Due::Break);
/// clock.stand(&rules, clock.stand_s(&rules, Due::Break));
/// assert_eq!(clock.due(&rules, 1), Due::Nothing);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyClock {
    /// At the wheel since the last break, s.
    since_break_s: u32,
    /// At the wheel since the last rest, s.
    since_rest_s: u32,
    /// At the wheel since the last day off, s.
    since_day_off_s: u32,
    /// Since the wheels first turned after the last rest, s; 0 for a rested crew.
    on_duty_s: u32,
    /// Standing since the wheels last turned, s.
    standing_s: u32,
}

impl DutyClock {
    /// So many seconds at the wheel.
    pub fn drive(&mut self, seconds: u32) {
        self.standing_s = 0;
        self.since_break_s += seconds;
        self.since_rest_s += seconds;
        self.since_day_off_s += seconds;
        self.on_duty_s += seconds;
    }

    /// So many seconds standing.
    pub fn stand(&mut self, rules: &HoursRules, seconds: u32) {
        self.standing_s = self.standing_s.saturating_add(seconds);
        if self.on_duty_s > 0 {
            self.on_duty_s = self.on_duty_s.saturating_add(seconds);
        }
        if self.standing_s >= rules.break_s {
            self.since_break_s = 0;
        }
        if self.stand_s(rules, Due::OffDuty) == 0 {
            (self.since_rest_s, self.on_duty_s) = (0, 0);
        }
        if self.standing_s >= rules.day_off_s {
            self.since_day_off_s = 0;
        }
    }

    /// What is due, looking a while ahead; of two drivers one can sleep while the other drives.
    pub fn due(self, rules: &HoursRules, drivers: u32) -> Due {
        let drivers = drivers.max(1);
        let is_due = |since_s: u32, limit_s: u32| since_s + rules.look_ahead_s >= limit_s;
        if is_due(self.since_day_off_s, rules.week_s * drivers) {
            Due::DayOff
        } else if is_due(self.since_rest_s, rules.duty_s * drivers) {
            Due::OffDuty
        } else if is_due(self.since_break_s, rules.break_after_s) {
            Due::Break
        } else {
            Due::Nothing
        }
    }

    /// How much longer a crew has to stand for what is due, s; 0 if it has stood long enough.
    pub fn stand_s(self, rules: &HoursRules, due: Due) -> u32 {
        let lasts_s = match due {
            Due::Nothing => 0,
            Due::Break => rules.break_s,
            Due::OffDuty if self.on_duty_s == 0 => 0,
            Due::OffDuty => {
                let before_s = self.on_duty_s.saturating_sub(self.standing_s);
                rules.off_duty_s.max(rules.day_s.saturating_sub(before_s))
            }
            Due::DayOff => rules.day_off_s,
        };
        lasts_s.saturating_sub(self.standing_s)
    }

    /// Breaks and rests that a haul of `driving_s` at the wheel takes from here on with so many
    /// drivers on board, s: 0 when it can be driven in one go.
    ///
    /// ```
    /// use fleet_core::driver::{DutyClock, HoursRules};
    /// let (strict, fresh) = (HoursRules::STRICT, DutyClock::default());
    /// assert_eq!(fresh.rest_ahead_s(&strict, 10 * 3_600, 1), 24 * 3_600 - 15 * 1_800);
    /// assert_eq!(fresh.rest_ahead_s(&strict, 10 * 3_600, 2), 2 * 1_800);
    /// ```
    pub fn rest_ahead_s(mut self, rules: &HoursRules, driving_s: u32, drivers: u32) -> u32 {
        let (mut left_s, mut rest_s) = (driving_s, 0_u32);
        while left_s > 0 {
            let stand_s = self.stand_s(rules, self.due(rules, drivers));
            if stand_s > 0 {
                self.stand(rules, stand_s);
                rest_s = rest_s.saturating_add(stand_s);
            } else {
                let drive_s = left_s.min(60);
                self.drive(drive_s);
                left_s -= drive_s;
            }
        }
        rest_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: HoursRules = HoursRules::STRICT;

    fn driven(seconds: u32) -> DutyClock {
        let mut clock = DutyClock::default();
        clock.drive(seconds);
        clock
    }

    fn rested(mut clock: DutyClock, due: Due) -> DutyClock {
        clock.stand(&STRICT, clock.stand_s(&STRICT, due));
        clock
    }

    #[test]
    fn a_break_is_due_before_five_hours_and_a_rest_before_eight() {
        assert_eq!(driven(4 * HOUR_S).due(&STRICT, 1), Due::Nothing);
        assert_eq!(driven(9 * HOUR_S / 2).due(&STRICT, 1), Due::Break);
        assert_eq!(driven(15 * HOUR_S / 2).due(&STRICT, 1), Due::OffDuty);
        let clock = rested(driven(15 * HOUR_S / 2), Due::Break);
        assert_eq!(clock.due(&STRICT, 1), Due::OffDuty, "a break is no rest");
        assert_eq!(clock.due(&STRICT, 2), Due::Nothing, "the other driver has slept");
        assert_eq!(driven(31 * HOUR_S / 2).due(&STRICT, 2), Due::OffDuty);
        assert_eq!(driven(95 * HOUR_S / 2).due(&STRICT, 1), Due::DayOff);
    }

    #[test]
    fn halts_that_adjoin_are_one_and_driving_between_them_is_not() {
        let mut clock = driven(15 * HOUR_S / 2);
        for _ in 0..17 {
            clock.stand(&STRICT, HOUR_S);
        }
        assert_eq!(clock.due(&STRICT, 1), Due::Nothing);
        let mut clock = driven(15 * HOUR_S / 2);
        for _ in 0..30 {
            clock.stand(&STRICT, 3_500);
            clock.drive(1);
        }
        assert_eq!(clock.due(&STRICT, 1), Due::OffDuty);
    }

    #[test]
    fn a_rest_lasts_nine_hours_and_to_the_next_day_of_the_driver() {
        let short = driven(HOUR_S);
        assert_eq!(short.stand_s(&STRICT, Due::OffDuty), 23 * HOUR_S, "eight hours are for a day");
        let mut late = driven(HOUR_S);
        late.stand(&STRICT, 4 * HOUR_S);
        late.drive(14 * HOUR_S);
        assert_eq!(late.stand_s(&STRICT, Due::OffDuty), 9 * HOUR_S, "never less than nine");
        late.stand(&STRICT, 2 * HOUR_S);
        assert_eq!(late.stand_s(&STRICT, Due::OffDuty), 7 * HOUR_S);
        assert_eq!(rested(late, Due::OffDuty).stand_s(&STRICT, Due::OffDuty), 0);
        assert_eq!(
            DutyClock::default().stand_s(&STRICT, Due::OffDuty),
            0,
            "a fresh crew has rested"
        );
    }

    #[test]
    fn standing_in_one_go_or_by_the_second_is_the_same() {
        for (on_duty_s, before_s, goes) in [(0, 0, 40), (HOUR_S, 0, 40), (7 * HOUR_S, 1_000, 120)] {
            let mut whole = driven(on_duty_s);
            whole.stand(&STRICT, before_s);
            let mut seconds = whole;
            for _ in 0..goes {
                whole.stand(&STRICT, 997);
                for _ in 0..997 {
                    seconds.stand(&STRICT, 1);
                }
                assert_eq!(whole, seconds);
            }
        }
    }

    /// Minute by minute for three weeks, as hard as the rules allow.
    #[test]
    fn nobody_drives_more_than_eight_hours_a_day_or_forty_eight_a_week() {
        for drivers in 1..=2 {
            let mut clock = DutyClock::default();
            let minutes: Vec<bool> = (0..21 * 1_440)
                .map(|_| {
                    let may_drive = clock.stand_s(&STRICT, clock.due(&STRICT, drivers)) == 0;
                    if may_drive {
                        clock.drive(60);
                    } else {
                        clock.stand(&STRICT, 60);
                    }
                    may_drive
                })
                .collect();
            let most = |window: usize| {
                let driven =
                    |from: usize| minutes[from..from + window].iter().filter(|m| **m).count();
                (0..minutes.len() - window).step_by(10).map(driven).max().unwrap_or(0)
            };
            let per_driver = usize::try_from(drivers).unwrap_or(1);
            assert!(most(1_440) <= 8 * 60 * per_driver, "{drivers}: {} min a day", most(1_440));
            assert!(most(7 * 1_440) <= 48 * 60 * per_driver, "{drivers}: {} a week", most(10_080));
            assert!(most(5 * 60) < 5 * 60, "{drivers}: no break");
        }
    }

    #[test]
    fn more_way_takes_no_less_rest() {
        for rules in [STRICT, HoursRules::LAX] {
            for drivers in 1..=2 {
                let mut before_s = 0;
                for hours in 0..80 {
                    let rest_s = DutyClock::default().rest_ahead_s(&rules, hours * HOUR_S, drivers);
                    assert!(rest_s >= before_s, "{hours} h, {drivers} drivers");
                    let rests = hours * HOUR_S / (rules.duty_s * drivers);
                    assert!(rest_s >= rests * rules.off_duty_s, "{hours} h, {drivers} drivers");
                    before_s = rest_s;
                }
                assert_eq!(DutyClock::default().rest_ahead_s(&rules, 4 * HOUR_S, drivers), 0);
            }
        }
    }

    #[test]
    fn rules_that_leave_no_time_to_drive_still_end() {
        let none = HoursRules { duty_s: 0, break_after_s: 0, week_s: 0, ..STRICT };
        assert!(DutyClock::default().rest_ahead_s(&none, 600, 1) > 0);
    }
}
