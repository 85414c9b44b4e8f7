//! Service levels as rules of Prometheus: the same windows, factors and guards as here, so that an
//! alert there and a report here cannot drift apart.
//!
//! What is recorded are counts, never shares: sums come first and the division last, and there is a
//! quotient only where there were requests. Long windows are sums over tiles of five minutes, which
//! neither overlap nor ask for 30 days of raw samples. Ranges over tiles end a second short, because
//! Prometheus counts both ends of a range before its version 3, and one since.

use std::fmt::Write;

use super::{Alert, Objective, Span};

/// What is read: one counter for each level and outcome, born at 0.
const COUNTER: &str = "fleet_slo_events_total";
/// The short windows, which are read from the counters themselves.
const SHORT: [Span; 5] =
    [Span::FiveMinutes, Span::HalfHour, Span::Hour, Span::TwoHours, Span::SixHours];
const LONG: [Span; 3] = [Span::Day, Span::ThreeDays, Span::Month];

/// A file of rules for Prometheus for these service levels: recorded counts, burn rates and coverage,
/// and the alerts that can fire at their objectives. Those that cannot are left out, with the reason
/// in a comment.
///
/// ```
/// use fleet_core::slo::prometheus_rules;
/// let rules = prometheus_rules(&[("availability", "99.9".parse()?), ("on_time", "90".parse()?)]);
/// assert!(rules.contains("slo:burn:1h{slo=\"availability\"} > 14.4"));
/// assert!(!rules.contains("slo:burn:1h{slo=\"on_time\"} > 14.4"));
/// # Ok::<(), fleet_core::Error>(())
/// ```
pub fn prometheus_rules(levels: &[(&str, Objective)]) -> String {
    let mut text =
        String::from("# Made by `data-fleet slo rules`: make it anew, do not edit it.\ngroups:\n");
    group(&mut text, "fleet-slo-counts", "30s");
    for (slo, _) in levels {
        for span in SHORT {
            counts(&mut text, slo, span, |outcome| {
                let labels = selector(slo, outcome);
                format!("sum(increase({COUNTER}{{{labels}}}[{}]))", span.as_str())
            });
        }
    }
    group(&mut text, "fleet-slo-tiles", "5m");
    for (slo, _) in levels {
        for (name, outcome) in [("total", None), ("bad", Some("bad"))] {
            let expr = format!("sum(increase({COUNTER}{{{}}}[5m]))", selector(slo, outcome));
            record(&mut text, &format!("slo:{name}:tile"), slo, &expr);
        }
    }
    group(&mut text, "fleet-slo-windows", "30s");
    for (slo, objective) in levels {
        for span in LONG {
            counts(&mut text, slo, span, |outcome| {
                let (name, range) = (outcome.unwrap_or("total"), span.duration().as_secs() - 1);
                format!("sum_over_time(slo:{name}:tile{{slo=\"{slo}\"}}[{range}s])")
            });
        }
        let share = f64::from(objective.budget_ppm()) / 1e6;
        for span in SHORT.into_iter().chain(LONG) {
            let (of, span) = (format!("{{slo=\"{slo}\"}}"), span.as_str());
            let expr = format!("slo:bad:{span}{of} / (slo:total:{span}{of} > 0) / {share}");
            record(&mut text, &format!("slo:burn:{span}"), slo, &expr);
        }
        let expr = format!("count_over_time(slo:total:tile{{slo=\"{slo}\"}}[2591999s]) / 8640");
        record(&mut text, "slo:coverage:30d", slo, &expr);
    }
    group(&mut text, "fleet-slo-alerts", "30s");
    for (slo, objective) in levels {
        alerts(&mut text, slo, *objective);
    }
    text
}

fn selector(slo: &str, outcome: Option<&str>) -> String {
    outcome.map_or_else(
        || format!("slo=\"{slo}\""),
        |outcome| format!("slo=\"{slo}\",outcome=\"{outcome}\""),
    )
}

fn group(text: &mut String, name: &str, interval: &str) {
    let _ = write!(text, "- name: {name}\n  interval: {interval}\n  rules:\n"); // to a String: cannot fail
}

fn record(text: &mut String, name: &str, slo: &str, expr: &str) {
    let _ = write!(
        text,
        "  - record: {name}\n    labels: {{slo: {slo}}}\n    expr: '{expr}'\n" // no expr has a quote of this sort
    );
}

/// Both counts of a window; failures are 0 where there is a total and no series of failures.
fn counts(text: &mut String, slo: &str, span: Span, expr: impl Fn(Option<&str>) -> String) {
    let (total, bad, name) = (expr(None), expr(Some("bad")), span.as_str());
    record(text, &format!("slo:total:{name}"), slo, &total);
    record(text, &format!("slo:bad:{name}"), slo, &format!("{bad} or {total} * 0"));
}

fn alerts(text: &mut String, slo: &str, objective: Objective) {
    for alert in Alert::ALL {
        if let Some(why) = alert.why_unreachable(objective) {
            let _ = writeln!(text, "  # left out for {slo}: {why}");
            continue;
        }
        let (long, short, factor) = (alert.long.as_str(), alert.short.as_str(), alert.factor());
        let severity = alert.name.split('_').next().unwrap_or(alert.name);
        let of = format!("{{slo=\"{slo}\"}}");
        // Prometheus extrapolates: five failures are 5.0 or a little more, four are less than 4.5.
        let expr = format!(
            "slo:burn:{long}{of} > {factor} and slo:burn:{short}{of} > {factor} and slo:bad:{long}{of} > 4.5"
        );
        let _ = write!(
            text,
            "  - alert: FleetSloBurn\n    expr: '{expr}'\n    \
             labels: {{slo: {slo}, severity: {severity}, burn: {name}}}\n    annotations:\n      \
             summary: '{slo}: the budget of {objective} burns more than {factor} times too fast over {long} and {short}'\n      \
             runbook: docs/slo.md\n",
            name = alert.name,
        );
    }
    let _ = write!(
        text,
        "  - alert: FleetSloNoData\n    expr: 'absent_over_time(slo:total:5m{{slo=\"{slo}\"}}[15m])'\n    \
         labels: {{slo: {slo}, severity: ticket}}\n    annotations:\n      \
         summary: '{slo}: nothing has been counted for 15 minutes'\n      runbook: docs/slo.md\n"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_alert_that_can_fire_is_there_with_its_own_numbers() {
        for objective in ["99.9", "95", "93", "80", "60"] {
            let objective: Objective = objective.parse().expect("valid");
            let rules = prometheus_rules(&[("availability", objective)]);
            for alert in Alert::ALL {
                let of = "{slo=\"availability\"}";
                let line =
                    |span: Span| format!("slo:burn:{}{of} > {}", span.as_str(), alert.factor());
                let expr = format!("'{} and {} and", line(alert.long), line(alert.short));
                assert_eq!(rules.contains(&expr), alert.is_reachable(objective), "{}", alert.name);
                let told = rules.contains(&format!("burn: {}}}", alert.name));
                assert_eq!(told, alert.is_reachable(objective), "{}", alert.name);
            }
            let budget = format!(" > 0) / {}'", f64::from(objective.budget_ppm()) / 1e6);
            assert_eq!(rules.matches(&budget).count(), Span::ALL.len());
        }
    }
}
