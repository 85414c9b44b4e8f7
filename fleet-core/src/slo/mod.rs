//! Service levels without flattery: counts are summed first and divided last.
//!
//! An [`Objective`] is kept as a whole number of parts per million that may fail, so that "met" is a
//! comparison of integers; what cannot be said (no requests, no data) is `None`, never NaN and never
//! 100 %. Formulas: Google, *The Site Reliability Workbook*, 2018, chapters 2 and 5.
//!
//! ```
//! use fleet_core::slo::{Counts, Objective};
//! let objective: Objective = "99.9".parse()?;
//! let month = Counts { good: 999_580, bad: 420 };
//! let hour = Counts { good: 1_392, bad: 8 };
//! let five_minutes = Counts { good: 119, bad: 1 };
//! assert_eq!(objective.is_met(month), Some(true));
//! assert_eq!(objective.used(month), Some(0.42));
//! assert_eq!(objective.seconds_to_exhaustion(month, hour, five_minutes), Some(263_088));
//! # Ok::<(), fleet_core::Error>(())
//! ```
//!
//! Where the counts come from is another matter, behind the port [`CountSource`]: a [`History`] keeps
//! them for 30 days in memory, `prometheus` (a feature of that name) reads them from a server. A
//! [`Report`] says of them what can be said: whether the objective is met, what is left, which alerts
//! fire, when the budget runs out and when it comes back by itself.

mod alert;
mod forecast;
mod gaps;
mod history;
#[cfg(feature = "prometheus")]
pub mod prometheus;
mod report;
mod rules;
mod source;

pub use alert::{Alert, AlertState};
pub use forecast::{AgesOut, Outage, ages_out, worst_outage};
pub use gaps::Gaps;
pub use history::{History, Observed, Span};
pub use report::{Report, State, Verdict};
pub use rules::prometheus_rules;
pub use source::{CountSource, Histories, Tally, Windows, increase};

use std::{fmt, ops::Add, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Fewer bad requests than this in an hour are noise, not a burn.
const BAD_MIN: u64 = 5;

/// Valid requests of a window, by outcome: that more failed than were made cannot be said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the line above")]
pub struct Counts {
    pub good: u64,
    pub bad: u64,
}

impl Counts {
    /// All of them.
    pub fn total(self) -> u128 {
        u128::from(self.good) + u128::from(self.bad)
    }

    /// Share of good requests, 0 to 1; `None` without requests.
    pub fn sli(self) -> Option<f64> {
        (self.total() > 0).then(|| self.good as f64 / self.total() as f64)
    }
}

impl Add for Counts {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { good: self.good.saturating_add(other.good), bad: self.bad.saturating_add(other.bad) }
    }
}

/// What share of requests must be good, as the budget of those that need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objective {
    budget_ppm: u32,
}

impl Objective {
    /// An objective that lets `budget_ppm` of a million requests fail: 1 to 999,999.
    ///
    /// # Errors
    /// `Invalid` outside that range: an objective of 100 % has no budget.
    pub fn from_budget_ppm(budget_ppm: u32) -> Result<Self> {
        if (1..1_000_000).contains(&budget_ppm) {
            return Ok(Self { budget_ppm });
        }
        Err(Error::invalid(format!("objective: budget of {budget_ppm} ppm is outside 1 to 999999")))
    }

    /// Requests of a million that may fail.
    pub const fn budget_ppm(self) -> u32 {
        self.budget_ppm
    }

    /// Requests that failed, and those that may, both in millionths: integers, to be compared.
    fn spent_and_allowed(self, window: Counts) -> (u128, u128) {
        (u128::from(window.bad) * 1_000_000, window.total() * u128::from(self.budget_ppm))
    }

    /// Whether no more failed than may; equality is met, with nothing left. `None` without requests.
    pub fn is_met(self, window: Counts) -> Option<bool> {
        let (spent, allowed) = self.spent_and_allowed(window);
        (allowed > 0).then_some(spent <= allowed)
    }

    /// Share of the budget that is used, above 1 if overspent; `None` without requests.
    pub fn used(self, window: Counts) -> Option<f64> {
        let (spent, allowed) = self.spent_and_allowed(window);
        (allowed > 0).then(|| spent as f64 / allowed as f64)
    }

    /// How many times faster than allowed the budget burns in a window.
    pub fn burn_rate(self, window: Counts) -> Option<f64> {
        self.used(window)
    }

    /// Seconds until the 30-day budget is gone if the last hour goes on: 0 if it is gone already,
    /// `None` if nothing burns now (fewer than five failures in the hour, or none in the last five
    /// minutes: an outage that is over).
    ///
    /// remaining · 30 d / burn(hour), rounded down: exact for windows of up to 10¹² requests, and
    /// `u64::MAX` where the product of two windows passes 2¹²⁸.
    pub fn seconds_to_exhaustion(
        self,
        month: Counts,
        hour: Counts,
        five_minutes: Counts,
    ) -> Option<u64> {
        let (spent, allowed) = self.spent_and_allowed(month);
        if allowed == 0 {
            return None;
        }
        if spent >= allowed {
            return Some(0);
        }
        if hour.bad < BAD_MIN || five_minutes.bad == 0 {
            return None;
        }
        // (allowed - spent) / allowed * 2 592 000 s / (hour.bad / hour.total / budget), where the budget
        // cancels and 2.592 is 324 / 125.
        let left = (allowed - spent).checked_mul(324 * hour.total());
        let burnt = (125 * u128::from(hour.bad)).checked_mul(month.total());
        let seconds = left.zip(burnt).map_or(u128::MAX, |(left, burnt)| left / burnt);
        Some(u64::try_from(seconds).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Objective {
    /// In percent with the digits it needs: `99.9 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ppm = 1_000_000 - self.budget_ppm;
        let digits = format!("{}.{:04}", ppm / 10_000, ppm % 10_000);
        write!(f, "{} %", digits.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl FromStr for Objective {
    type Err = Error;

    /// Reads percent in decimal digits ("99.9", "99.9 %"), at most four places: no binary fraction
    /// stands between the text and the budget.
    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::invalid(format!("objective {text:?}: expected percent like 99.9"));
        let digits = text.trim().trim_end_matches('%').trim_end();
        let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || places.len() > 4 {
            return Err(bad());
        }
        if !is_number(whole) || !is_number(places) {
            return Err(bad());
        }
        let ppm: u32 = format!("{whole}{places:0<4}").parse().map_err(|_| bad())?;
        Self::from_budget_ppm(1_000_000_u32.checked_sub(ppm).ok_or_else(bad)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn counts(total: u64, bad: u64) -> Counts {
        Counts { good: total - bad, bad }
    }

    /// Worked examples: objective, 30 days, last hour; met, used (6 places), seconds left.
    #[track_caller]
    fn check(
        objective: &str,
        month: Counts,
        hour: Counts,
        met: Option<bool>,
        used: &str,
        left: Option<u64>,
    ) {
        let objective: Objective = objective.parse().expect("valid");
        assert_eq!(objective.is_met(month), met);
        let found = objective.used(month).map_or("none".to_owned(), |used| format!("{used:.6}"));
        assert_eq!(found, used);
        assert_eq!(objective.seconds_to_exhaustion(month, hour, hour), left);
    }

    #[test]
    fn worked_examples() {
        let (m, h) = (counts(1_000_000, 420), counts(1_400, 8));
        check("99.9", m, h, Some(true), "0.420000", Some(263_088));
        check("99.9", counts(864_000, 864), counts(1_200, 0), Some(true), "1.000000", Some(0));
        check(
            "99.9 %",
            counts(3_600_000, 1_500),
            counts(5_000, 72),
            Some(true),
            "0.416667",
            Some(105_000),
        );
        check("99.9", counts(864_000, 900), counts(1_200, 0), Some(false), "1.041667", Some(0));
        check("99.9", counts(0, 0), counts(0, 0), None, "none", None);
        check("99.9", counts(2_160, 2), counts(3, 1), Some(true), "0.925926", None);
        check(
            "90",
            counts(1_728_000, 30_000),
            counts(2_400, 2_400),
            Some(true),
            "0.173611",
            Some(214_200),
        );
    }

    #[test]
    fn an_outage_that_is_over_burns_nothing() {
        let objective: Objective = "99.9".parse().expect("valid");
        let (month, hour) = (counts(3_456_000, 2_300), counts(4_800, 2_000));
        assert_eq!(objective.seconds_to_exhaustion(month, hour, counts(400, 0)), None);
        assert!(objective.seconds_to_exhaustion(month, hour, counts(400, 1)).is_some());
    }

    #[test]
    fn objectives_without_a_budget_or_a_meaning_are_refused() {
        for text in ["100", "0", "", "99,9", "-1", "101", "99.99999", "NaN", "1e1"] {
            assert!(text.parse::<Objective>().is_err(), "{text}");
        }
        assert_eq!("99.9".parse::<Objective>().expect("valid").budget_ppm(), 1_000);
        for text in ["99.9 %", "90 %", "0.0001 %", "99.9999 %", "93.0555 %"] {
            assert_eq!(text.parse::<Objective>().expect("valid").to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn met_agrees_with_used_and_nothing_is_nan(ppm in 1..1_000_000_u32, good: u64, bad: u64) {
            let objective = Objective::from_budget_ppm(ppm).expect("in range");
            let window = Counts { good, bad };
            if let Some(used) = objective.used(window) {
                prop_assert!(used.is_finite() && used >= 0.0);
                prop_assert!(objective.is_met(window) == Some(used <= 1.0) || (used - 1.0).abs() < 1e-9);
            }
            let left = objective.seconds_to_exhaustion(window, window, window);
            prop_assert_eq!(left == Some(0), window.total() > 0 && objective.used(window) >= Some(1.0));
            prop_assert!(window.sli().is_none_or(|sli| (0.0..=1.0).contains(&sli)));
        }
    }
}
