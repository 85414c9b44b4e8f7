//! A service level as both faces show it.

use fleet_core::{
    slo::{Alert, AlertState, Observed, Report, Span, Verdict},
    time::Time,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::Level;

/// A service level: 30 days and five minutes side by side. What cannot be said is null, never 0 and
/// never 100 %.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Slo {
    /// `availability`, `latency`, `freshness`, `queryable`, `completeness`, `correctness`, `on_time`.
    #[schema(example = "availability")]
    pub(crate) name: &'static str,
    /// What is good, and what of.
    #[schema(example = "requests and calls that did not fail by the server's fault")]
    pub(crate) meaning: &'static str,
    /// Who counted: `in_process` or `prometheus`.
    #[schema(example = "in_process")]
    pub(crate) source: &'static str,
    /// The share that must be good, in percent.
    #[schema(example = "99.9 %")]
    pub(crate) objective: String,
    /// Parts per million that may be bad.
    #[schema(example = 1_000, minimum = 1, maximum = 999_999)]
    pub(crate) budget_ppm: u32,
    /// By what must be known first: `no_data`, `no_traffic`, `breached`, `exhausted` (met, with nothing
    /// left), `burning` (a page fires), `warning` (a ticket fires), `healthy`.
    #[schema(example = "healthy")]
    pub(crate) state: &'static str,
    /// When the windows end.
    pub(crate) as_of: Time,
    /// The last 30 days.
    pub(crate) window_30d: SloWindow,
    /// The last five minutes.
    pub(crate) window_5m: SloWindow,
    /// Every window, the shortest first, with how fast it burns the budget.
    pub(crate) burn_rates: Vec<SloBurn>,
    /// The alerts, the most urgent first.
    pub(crate) alerts: Vec<SloAlert>,
    /// Seconds until the budget is gone if the last hour goes on; 0 if it is gone; null if nothing burns
    /// now (fewer than 5 failures in an hour, or none in five minutes).
    #[schema(example = json!(null))]
    pub(crate) exhausted_in_s: Option<u64>,
    /// When the budget holds again, if nothing else fails and traffic stays as it was; `as_of` if it
    /// holds; null without requests.
    pub(crate) within_budget_at: Option<Time>,
    /// When no more than half of it is used, likewise.
    pub(crate) within_half_at: Option<Time>,
    /// The outage of the window that took most of the budget; null if there was none.
    pub(crate) worst_outage: Option<SloOutage>,
}

/// What a window holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SloWindow {
    /// `no_data` (nobody watched), `no_traffic`, `met` or `missed`.
    #[schema(example = "met")]
    pub(crate) verdict: &'static str,
    /// Good and bad together.
    #[schema(example = 1_000_000)]
    pub(crate) total: u64,
    #[schema(example = 420)]
    pub(crate) bad: u64,
    /// Share of good ones, 0 to 1; null without any.
    #[schema(example = 0.99958)]
    pub(crate) sli: Option<f64>,
    /// Share of the budget that is used, above 1 if overspent; null without any.
    #[schema(example = 0.42)]
    pub(crate) budget_used: Option<f64>,
    /// What is left of it: below 0 if overspent.
    #[schema(example = 0.58)]
    pub(crate) budget_left: Option<f64>,
    /// Share of the window in which somebody watched, 0 to 1.
    #[schema(example = 1.0)]
    pub(crate) coverage: f64,
    /// Watched, but less than 99 % of it.
    #[schema(example = false)]
    pub(crate) is_partial: bool,
}

/// How fast a window burns the budget.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SloBurn {
    /// `5m`, `30m`, `1h`, `2h`, `6h`, `1d`, `3d` or `30d`.
    #[schema(example = "1h")]
    pub(crate) window: &'static str,
    #[schema(example = 1_400)]
    pub(crate) total: u64,
    #[schema(example = 8)]
    pub(crate) bad: u64,
    /// 1 spends just the budget in 30 days; null without requests.
    #[schema(example = 5.714285714285714)]
    pub(crate) burn_rate: Option<f64>,
}

/// An alert over two windows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SloAlert {
    /// `page_fast`, `page_slow`, `ticket_fast` or `ticket_slow`.
    #[schema(example = "page_fast")]
    pub(crate) name: &'static str,
    /// `quiet`, `firing`, `too_few_errors` (both windows are over the line by fewer than five failures)
    /// or `unreachable` (at this objective it can never fire).
    #[schema(example = "quiet")]
    pub(crate) state: &'static str,
    /// The burn rate above which both windows must be.
    #[schema(example = 14.4)]
    pub(crate) factor: f64,
    #[schema(example = "1h")]
    pub(crate) long_window: &'static str,
    #[schema(example = "5m")]
    pub(crate) short_window: &'static str,
    /// Why it can never fire, and where it would; null if it can.
    #[schema(example = json!(null))]
    pub(crate) reason: Option<String>,
}

/// A time in which more failed than may.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SloOutage {
    /// Where its first five minutes begin.
    pub(crate) from: Time,
    /// Where its last ones end.
    pub(crate) to: Time,
    #[schema(example = 2_400)]
    pub(crate) total: u64,
    #[schema(example = 2_000)]
    pub(crate) bad: u64,
    /// What it takes of the 30-day budget, 1 being all of it: what comes back once it is too old.
    #[schema(example = 0.31)]
    pub(crate) budget_used: f64,
    /// When the last of it leaves the window.
    pub(crate) ages_out_at: Time,
}

fn number(total: u128) -> u64 {
    u64::try_from(total).unwrap_or(u64::MAX)
}

impl SloWindow {
    fn new(report: &Report, seen: Observed) -> Self {
        let used = report.objective.used(seen.counts);
        Self {
            verdict: Verdict::of(report.objective, seen).as_str(),
            total: number(seen.counts.total()),
            bad: seen.counts.bad,
            sli: seen.counts.sli(),
            budget_used: used,
            budget_left: used.map(|used| 1.0 - used),
            coverage: seen.coverage(),
            is_partial: seen.is_partial(),
        }
    }
}

impl Slo {
    pub(super) fn new(level: Level, source: &'static str, report: &Report) -> Self {
        let Report { objective, windows, .. } = report;
        let burn = |span: Span| {
            let counts = windows.get(span).counts;
            SloBurn {
                window: span.as_str(),
                total: number(counts.total()),
                bad: counts.bad,
                burn_rate: objective.burn_rate(counts),
            }
        };
        let alert = |(alert, state): &(Alert, AlertState)| SloAlert {
            name: alert.name,
            state: state.as_str(),
            factor: alert.factor(),
            long_window: alert.long.as_str(),
            short_window: alert.short.as_str(),
            reason: alert.why_unreachable(*objective),
        };
        Self {
            name: level.as_str(),
            meaning: level.meaning(),
            source,
            objective: objective.to_string(),
            budget_ppm: objective.budget_ppm(),
            state: report.state.as_str(),
            as_of: windows.now,
            window_30d: SloWindow::new(report, windows.get(Span::Month)),
            window_5m: SloWindow::new(report, windows.get(Span::FiveMinutes)),
            burn_rates: Span::ALL.map(burn).into(),
            alerts: report.alerts.iter().map(alert).collect(),
            exhausted_in_s: report.exhausted_in_s,
            within_budget_at: report.within_budget.map(|back| back.at),
            within_half_at: report.within_half.map(|back| back.at),
            worst_outage: report.worst_outage.map(|outage| SloOutage {
                from: outage.from,
                to: outage.to,
                total: number(outage.counts.total()),
                bad: outage.counts.bad,
                budget_used: outage.used,
                ages_out_at: outage.ages_out_at,
            }),
        }
    }
}
