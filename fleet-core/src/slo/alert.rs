//! Alerts by burn rate, each over a long and a short window that must agree.
//!
//! Google, *The Site Reliability Workbook*, 2018, chapter 5, table 5-8 with the ticket of one day; the
//! comparison is strict, as there. An alert whose line lies at or above the burn of a total outage
//! can never fire: it is told as unreachable, not as quiet.
//!
//! ```
//! use fleet_core::slo::{Alert, AlertState, Counts, Objective};
//! let objective: Objective = "99.9".parse()?;
//! let outage = Counts { good: 0, bad: 100 };
//! assert_eq!(Alert::ALL[0].state(objective, outage, outage), AlertState::Firing);
//! assert_eq!(Alert::ALL[0].state("90".parse()?, outage, outage), AlertState::Unreachable);
//! # Ok::<(), fleet_core::Error>(())
//! ```

use super::{BAD_MIN, Counts, Objective, Span};

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// `page_fast`, `page_slow`, `ticket_fast` or `ticket_slow`.
    pub name: &'static str,
    /// The burn rate that both windows must exceed, in tenths.
    pub factor_tenths: u32,
    /// The window that says it matters.
    pub long: Span,
    /// The window that says it still goes on.
    pub short: Span,
}

/// What an alert says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertState {
    /// At least one window is not over the line.
    Quiet,
    /// Both are.
    Firing,
    /// Both are, but fewer than five requests failed: noise.
    TooFewErrors,
    /// At this objective no share of errors is over the line.
    Unreachable,
}

impl AlertState {
    /// As a word: `quiet`, `firing`, `too_few_errors`, `unreachable`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Firing => "firing",
            Self::TooFewErrors => "too_few_errors",
            Self::Unreachable => "unreachable",
        }
    }
}

impl Alert {
    /// The table, the most urgent first.
    pub const ALL: [Self; 4] = [
        Self::new("page_fast", 144, Span::Hour, Span::FiveMinutes),
        Self::new("page_slow", 60, Span::SixHours, Span::HalfHour),
        Self::new("ticket_fast", 30, Span::Day, Span::TwoHours),
        Self::new("ticket_slow", 10, Span::ThreeDays, Span::SixHours),
    ];

    const fn new(name: &'static str, factor_tenths: u32, long: Span, short: Span) -> Self {
        Self { name, factor_tenths, long, short }
    }

    /// The burn rate that both windows must exceed.
    pub fn factor(self) -> f64 {
        f64::from(self.factor_tenths) / 10.0
    }

    /// The largest budget, parts per million, at which it can fire: with a larger one even a total
    /// outage does not burn fast enough.
    pub const fn budget_ppm_max(self) -> u32 {
        9_999_999 / self.factor_tenths
    }

    /// Whether it can fire at this objective.
    pub const fn is_reachable(self, objective: Objective) -> bool {
        objective.budget_ppm() <= self.budget_ppm_max()
    }

    /// Why it can never fire at this objective, and where it would; `None` if it can.
    pub fn why_unreachable(self, objective: Objective) -> Option<String> {
        (!self.is_reachable(objective)).then(|| {
            let (worst, least) = (1e6 / f64::from(objective.budget_ppm()), self.budget_ppm_max());
            format!(
                "{} fires above a burn rate of {}, and at {objective} a total outage burns at {worst:.4}: \
                 it works from {} on",
                self.name,
                self.factor(),
                Objective { budget_ppm: least },
            )
        })
    }

    /// What it says of the counts of its two windows.
    pub fn state(self, objective: Objective, long: Counts, short: Counts) -> AlertState {
        if !self.is_reachable(objective) {
            return AlertState::Unreachable;
        }
        let line = u128::from(self.factor_tenths) * u128::from(objective.budget_ppm());
        // bad / total / (ppm / 10⁶) > factor, in integers.
        let is_over = |window: Counts| {
            u128::from(window.bad) * 10_000_000 > line * window.total() && window.total() > 0
        };
        match is_over(long) && is_over(short) {
            false => AlertState::Quiet,
            true if long.bad < BAD_MIN => AlertState::TooFewErrors,
            true => AlertState::Firing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Total and bad requests of 5 m, 30 m, 1 h, 2 h, 6 h, 1 d, 3 d; the four states.
    #[track_caller]
    fn check(objective: &str, windows: [(u64, u64); 7], states: [&str; 4]) {
        let objective: Objective = objective.parse().expect("valid");
        let counts = |span: Span| {
            let at = Span::ALL.iter().position(|known| *known == span).expect("listed");
            let (total, bad) = windows[at];
            Counts { good: total - bad, bad }
        };
        let found = Alert::ALL
            .map(|alert| alert.state(objective, counts(alert.long), counts(alert.short)).as_str());
        assert_eq!(found, states);
    }

    #[test]
    fn on_the_line_is_not_over_it_and_one_error_more_is() {
        let on = [
            (500, 8),
            (3_000, 44),
            (5_000, 72),
            (10_000, 72),
            (30_000, 72),
            (120_000, 72),
            (360_000, 72),
        ];
        check("99.9", on, ["quiet"; 4]);
        let over = [
            (500, 8),
            (3_000, 44),
            (5_000, 73),
            (10_000, 73),
            (30_000, 181),
            (120_000, 361),
            (360_000, 361),
        ];
        check("99.9", over, ["firing"; 4]);
    }

    #[test]
    fn an_outage_that_is_over_pages_no_more_and_one_error_at_night_does_not() {
        let over = [
            (400, 0),
            (2_400, 1_200),
            (4_800, 2_000),
            (9_600, 2_000),
            (28_800, 2_000),
            (115_200, 2_000),
            (345_600, 2_000),
        ];
        check("99.9", over, ["quiet", "firing", "firing", "firing"]);
        let night = [(1, 1), (2, 1), (3, 1), (6, 1), (18, 1), (72, 1), (216, 1)];
        check("99.9", night, ["too_few_errors"; 4]);
        check("99.9", [(0, 0); 7], ["quiet"; 4]);
    }

    #[test]
    fn the_line_of_the_unreachable_is_exact() {
        let last = Alert::ALL.map(Alert::budget_ppm_max);
        assert_eq!(last, [69_444, 166_666, 333_333, 999_999]);
        let outage = Counts { good: 0, bad: 1_000 };
        for (alert, ppm) in Alert::ALL.into_iter().zip(last) {
            let at = |ppm| Objective::from_budget_ppm(ppm).expect("in range");
            assert_eq!(alert.state(at(ppm), outage, outage), AlertState::Firing);
            assert_eq!(alert.why_unreachable(at(ppm)), None);
            if ppm < 999_999 {
                assert_eq!(alert.state(at(ppm + 1), outage, outage), AlertState::Unreachable);
                let why = alert.why_unreachable(at(ppm + 1)).expect("a reason");
                assert!(why.contains(&at(ppm).to_string()), "{why}");
            }
        }
    }

    #[test]
    fn what_can_never_fire_says_so() {
        let outage = [
            (200, 200),
            (1_200, 1_200),
            (2_400, 2_400),
            (4_800, 4_000),
            (14_400, 9_000),
            (57_600, 9_000),
            (172_800, 9_000),
        ];
        check("90", outage, ["unreachable", "firing", "quiet", "quiet"]);
    }
}
