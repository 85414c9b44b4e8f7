//! What can be said of a service level: one state, and the numbers behind it.

use super::{AgesOut, Alert, AlertState, Objective, Observed, Outage, Span, Windows};
use super::{ages_out, worst_outage};

/// The one word for a service level, by what an operator must know first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody watched in 30 days.
    NoData,
    /// Somebody watched, and there were no requests.
    NoTraffic,
    /// More failed than may.
    Breached,
    /// Just as many failed as may: met, with nothing left.
    Exhausted,
    /// A page fires.
    Burning,
    /// A ticket fires.
    Warning,
    /// None of these.
    Healthy,
}

impl State {
    /// Every one, in the order of precedence.
    pub const ALL: [Self; 7] = [
        Self::NoData,
        Self::NoTraffic,
        Self::Breached,
        Self::Exhausted,
        Self::Burning,
        Self::Warning,
        Self::Healthy,
    ];

    /// As a word, e.g. `no_traffic`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoData => "no_data",
            Self::NoTraffic => "no_traffic",
            Self::Breached => "breached",
            Self::Exhausted => "exhausted",
            Self::Burning => "burning",
            Self::Warning => "warning",
            Self::Healthy => "healthy",
        }
    }
}

/// Whether one window met the objective, as far as that can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody watched.
    NoData,
    /// No requests: neither met nor missed.
    NoTraffic,
    /// No more failed than may.
    Met,
    /// More did.
    Missed,
}

impl Verdict {
    /// Of what a window holds.
    pub fn of(objective: Objective, window: Observed) -> Self {
        match objective.is_met(window.counts) {
            Some(true) => Self::Met,
            Some(false) => Self::Missed,
            None if window.covered == 0 => Self::NoData,
            None => Self::NoTraffic,
        }
    }

    /// As a word, e.g. `no_traffic`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoData => "no_data",
            Self::NoTraffic => "no_traffic",
            Self::Met => "met",
            Self::Missed => "missed",
        }
    }
}

/// A service level at one instant.
///
/// ```
/// use fleet_core::{slo::{Counts, History, Report, State}, time::Time};
/// let now: Time = "2026-01-05T12:00:00Z".parse()?;
/// let mut history = History::new();
/// let report = |history: &History| Report::new("99.9".parse().unwrap(), history.windows(now));
/// assert_eq!(report(&history).state, State::NoData);
/// history.record(now, Counts::default());
/// assert_eq!(report(&history).state, State::NoTraffic);
/// history.record(now, Counts { good: 999, bad: 1 });
/// assert_eq!(report(&history).state, State::Exhausted);
/// # Ok::<(), fleet_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    /// What is asked for.
    pub objective: Objective,
    /// The counts it speaks of.
    pub windows: Windows,
    /// The word for it.
    pub state: State,
    /// What each alert says, in the order of [`Alert::ALL`].
    pub alerts: [(Alert, AlertState); 4],
    /// Seconds until the budget is gone if the last hour goes on: 0 if it is gone, `None` if nothing
    /// burns now. See [`Objective::seconds_to_exhaustion`].
    pub exhausted_in_s: Option<u64>,
    /// When the service level is within its budget, if nothing else fails; `None` without requests.
    pub within_budget: Option<AgesOut>,
    /// When no more than half of the budget is used.
    pub within_half: Option<AgesOut>,
    /// The outage that took most of the budget.
    pub worst_outage: Option<Outage>,
}

impl Report {
    /// What the windows say of the objective.
    pub fn new(objective: Objective, windows: Windows) -> Self {
        let counts = |span| windows.get(span).counts;
        let alerts = Alert::ALL
            .map(|alert| (alert, alert.state(objective, counts(alert.long), counts(alert.short))));
        let (hour, five_minutes) = (counts(Span::Hour), counts(Span::FiveMinutes));
        let exhausted_in_s =
            objective.seconds_to_exhaustion(counts(Span::Month), hour, five_minutes);
        let (month, now) = (&windows.month, windows.now);
        Self {
            objective,
            state: state(objective, windows.get(Span::Month), &alerts),
            alerts,
            exhausted_in_s,
            within_budget: ages_out(objective, month, now, 100),
            within_half: ages_out(objective, month, now, 50),
            worst_outage: worst_outage(objective, month),
            windows,
        }
    }
}

fn state(objective: Objective, month: Observed, alerts: &[(Alert, AlertState); 4]) -> State {
    let fires = |of: &[(Alert, AlertState)]| of.iter().any(|(_, is)| *is == AlertState::Firing);
    let (pages, tickets) = alerts.split_at(2);
    let (spent, allowed) = objective.spent_and_allowed(month.counts);
    match Verdict::of(objective, month) {
        Verdict::NoData => State::NoData,
        Verdict::NoTraffic => State::NoTraffic,
        Verdict::Missed => State::Breached,
        Verdict::Met if spent == allowed => State::Exhausted,
        Verdict::Met if fires(pages) => State::Burning,
        Verdict::Met if fires(tickets) => State::Warning,
        Verdict::Met => State::Healthy,
    }
}

#[cfg(test)]
mod tests;
