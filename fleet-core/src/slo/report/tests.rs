use proptest::prelude::*;

use super::*;
use crate::{
    slo::{Counts, History},
    time::Time,
};

/// A worked example: requests and failures of 5 m, 30 m, 1 h, 2 h, 6 h, 1 d, 3 d, 30 d.
struct Example {
    name: &'static str,
    objective: &'static str,
    windows: [(u64, u64); 8],
    covered: u32,
    /// SLI with nine places, allowed, used with six; burn rates of 5 m, 1 h, 6 h, 3 d with four.
    numbers: Option<[&'static str; 7]>,
    exhausted_in_s: Option<u64>,
    /// One letter an alert: quiet, firing, too few errors, unreachable.
    alerts: &'static str,
    state: State,
}

const EXAMPLES: [Example; 11] = [
    Example {
        name: "E1",
        objective: "99.9",
        windows: [
            (120, 1),
            (700, 4),
            (1_400, 8),
            (2_800, 8),
            (8_400, 11),
            (33_600, 24),
            (100_800, 70),
            (1_000_000, 420),
        ],
        covered: 8_640,
        numbers: Some(["0.999580000", "1000", "0.420000", "8.3333", "5.7143", "1.3095", "0.6944"]),
        exhausted_in_s: Some(263_088),
        alerts: "qqqq",
        state: State::Healthy,
    },
    Example {
        name: "E2: all of it is used, and it is met",
        objective: "99.9",
        windows: [
            (100, 0),
            (600, 0),
            (1_200, 0),
            (2_400, 0),
            (7_200, 0),
            (28_800, 10),
            (86_400, 40),
            (864_000, 864),
        ],
        covered: 8_640,
        numbers: Some(["0.999000000", "864", "1.000000", "0.0000", "0.0000", "0.0000", "0.4630"]),
        exhausted_in_s: Some(0),
        alerts: "qqqq",
        state: State::Exhausted,
    },
    Example {
        name: "E3: on the line is not over it",
        objective: "99.9",
        windows: [
            (500, 8),
            (3_000, 44),
            (5_000, 72),
            (10_000, 72),
            (30_000, 72),
            (120_000, 72),
            (360_000, 72),
            (3_600_000, 1_500),
        ],
        covered: 8_640,
        numbers: Some([
            "0.999583333",
            "3600",
            "0.416667",
            "16.0000",
            "14.4000",
            "2.4000",
            "0.2000",
        ]),
        exhausted_in_s: Some(105_000),
        alerts: "qqqq",
        state: State::Healthy,
    },
    Example {
        name: "E4: one more is",
        objective: "99.9",
        windows: [
            (500, 8),
            (3_000, 44),
            (5_000, 73),
            (10_000, 73),
            (30_000, 181),
            (120_000, 361),
            (360_000, 361),
            (3_600_000, 1_500),
        ],
        covered: 8_640,
        numbers: Some([
            "0.999583333",
            "3600",
            "0.416667",
            "16.0000",
            "14.6000",
            "6.0333",
            "1.0028",
        ]),
        exhausted_in_s: Some(103_561),
        alerts: "ffff",
        state: State::Burning,
    },
    Example {
        name: "E5: the outage is over",
        objective: "99.9",
        windows: [
            (400, 0),
            (2_400, 1_200),
            (4_800, 2_000),
            (9_600, 2_000),
            (28_800, 2_000),
            (115_200, 2_000),
            (345_600, 2_000),
            (3_456_000, 2_300),
        ],
        covered: 8_640,
        numbers: Some([
            "0.999334491",
            "3456",
            "0.665509",
            "0.0000",
            "416.6667",
            "69.4444",
            "5.7870",
        ]),
        exhausted_in_s: None,
        alerts: "qfff",
        state: State::Burning,
    },
    Example {
        name: "E6: green now, and breached",
        objective: "99.9",
        windows: [
            (100, 0),
            (600, 0),
            (1_200, 0),
            (2_400, 0),
            (7_200, 0),
            (28_800, 0),
            (86_400, 0),
            (864_000, 900),
        ],
        covered: 8_640,
        numbers: Some(["0.998958333", "864", "1.041667", "0.0000", "0.0000", "0.0000", "0.0000"]),
        exhausted_in_s: Some(0),
        alerts: "qqqq",
        state: State::Breached,
    },
    Example {
        name: "E7: silence",
        objective: "99.9",
        windows: [(0, 0); 8],
        covered: 8_640,
        numbers: None,
        exhausted_in_s: None,
        alerts: "qqqq",
        state: State::NoTraffic,
    },
    Example {
        name: "E8: nobody watched",
        objective: "99.9",
        windows: [(0, 0); 8],
        covered: 0,
        numbers: None,
        exhausted_in_s: None,
        alerts: "qqqq",
        state: State::NoData,
    },
    Example {
        name: "E9: one failure at night is a number, not a call",
        objective: "99.9",
        windows: [(1, 1), (2, 1), (3, 1), (6, 1), (18, 1), (72, 1), (216, 1), (2_160, 2)],
        covered: 8_640,
        numbers: Some([
            "0.999074074",
            "2.16",
            "0.925926",
            "1000.0000",
            "333.3333",
            "55.5556",
            "4.6296",
        ]),
        exhausted_in_s: None,
        alerts: "tttt",
        state: State::Healthy,
    },
    Example {
        name: "E10: what cannot fire says so",
        objective: "90",
        windows: [
            (200, 200),
            (1_200, 1_200),
            (2_400, 2_400),
            (4_800, 4_000),
            (14_400, 9_000),
            (57_600, 9_000),
            (172_800, 9_000),
            (1_728_000, 30_000),
        ],
        covered: 8_640,
        numbers: Some([
            "0.982638889",
            "172800",
            "0.173611",
            "10.0000",
            "10.0000",
            "6.2500",
            "0.5208",
        ]),
        exhausted_in_s: Some(214_200),
        alerts: "ufqq",
        state: State::Burning,
    },
    Example {
        name: "E11: watched for a day",
        objective: "99.5",
        windows: [
            (60, 0),
            (360, 1),
            (720, 3),
            (1_440, 9),
            (4_320, 30),
            (17_280, 90),
            (17_280, 90),
            (17_280, 90),
        ],
        covered: 288,
        numbers: Some(["0.994791667", "86.4", "1.041667", "0.0000", "0.8333", "1.3889", "1.0417"]),
        exhausted_in_s: Some(0),
        alerts: "qqqf",
        state: State::Breached,
    },
];

impl Example {
    fn windows(&self) -> Windows {
        let spans = std::array::from_fn(|at| {
            let span = Span::ALL[at];
            let seconds = if span == Span::FiveMinutes { 10 } else { 300 };
            let buckets = u32::try_from(span.duration().as_secs() / seconds).expect("small");
            let (total, bad) = self.windows[at];
            let covered = if self.covered == 0 { 0 } else { buckets.min(self.covered) };
            Observed { counts: Counts { good: total - bad, bad }, covered, buckets }
        });
        Windows { now: Time::MIN, spans, month: Vec::new() }
    }
}

#[test]
fn worked_examples_hold_exactly() {
    for example in &EXAMPLES {
        let name = example.name;
        let objective: Objective = example.objective.parse().expect("valid");
        let report = Report::new(objective, example.windows());
        let month = report.windows.get(Span::Month);
        let numbers = month.counts.sli().map(|sli| {
            let allowed = month.counts.total() as f64 * f64::from(objective.budget_ppm()) / 1e6;
            let used = objective.used(month.counts).expect("requests");
            let burn = |span| {
                let burn = objective.burn_rate(report.windows.get(span).counts);
                format!("{:.4}", burn.expect("requests"))
            };
            let mut numbers = vec![format!("{sli:.9}"), allowed.to_string(), format!("{used:.6}")];
            let spans = [Span::FiveMinutes, Span::Hour, Span::SixHours, Span::ThreeDays];
            numbers.extend(spans.map(burn));
            numbers
        });
        let expected = example.numbers.map(|numbers| numbers.map(str::to_owned).to_vec());
        assert_eq!(numbers, expected, "{name}");
        assert_eq!(report.exhausted_in_s, example.exhausted_in_s, "{name}");
        let alerts: String = report.alerts.iter().map(|(_, state)| &state.as_str()[..1]).collect();
        assert_eq!(alerts, example.alerts, "{name}");
        assert_eq!(report.state, example.state, "{name}");
        assert_eq!(month.is_partial(), example.covered == 288, "{name}");
        if month.is_partial() {
            assert_eq!(format!("{:.4}", month.coverage() * 100.0), "3.3333", "{name}");
        }
    }
}

#[test]
fn without_requests_nothing_is_met() {
    for example in EXAMPLES.iter().filter(|example| example.numbers.is_none()) {
        let objective: Objective = example.objective.parse().expect("valid");
        for observed in example.windows().spans {
            assert_eq!(objective.is_met(observed.counts), None);
            let verdict = Verdict::of(objective, observed);
            let silent = if example.covered == 0 { Verdict::NoData } else { Verdict::NoTraffic };
            assert_eq!(verdict, silent);
        }
    }
}

proptest! {
    /// More failures never make a service level look better, and nothing said is NaN.
    #[test]
    fn a_failure_more_never_helps(
        ppm in 1_u32..1_000_000,
        reports in proptest::collection::vec((0_i64..2_000_000, 0_u64..50, 0_u64..5), 1..40),
    ) {
        let objective = Objective::from_budget_ppm(ppm).expect("in range");
        let (mut now, mut history): (Time, _) = (Time::MIN, History::new());
        for (step, good, bad) in reports {
            now = now.plus_ms(step * 20);
            history.record(now, Counts { good, bad });
        }
        let before = Report::new(objective, history.windows(now));
        history.record(now, Counts { good: 0, bad: 1 });
        let after = Report::new(objective, history.windows(now));
        let (was, is) = (before.windows.get(Span::Month).counts, after.windows.get(Span::Month).counts);
        prop_assert!(objective.used(is) >= objective.used(was));
        prop_assert!(objective.is_met(was) != Some(false) || objective.is_met(is) == Some(false));
        for report in [before, after] {
            let share = report.worst_outage.map_or(0.0, |outage| outage.used);
            let used = objective.used(report.windows.get(Span::Month).counts).unwrap_or(0.0);
            prop_assert!(share.is_finite() && share <= used * 1.000_001 + 1e-9);
            let back = report.within_budget.map_or(0.0, |back| back.used);
            prop_assert!((0.0..=1.0).contains(&back));
            prop_assert!(report.within_half.is_none_or(|half| half.used <= 0.5));
            prop_assert_eq!(report.state == State::NoTraffic, report.within_budget.is_none());
        }
    }
}
