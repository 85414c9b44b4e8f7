//! Prometheus as a source of counts, on the real server: the same counters, the same counts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use fleet_core::{
    ErrorKind,
    random::Stream,
    slo::{
        CountSource, Counts, Histories, Report, Span, State, increase,
        prometheus::{PrometheusCounts, PrometheusSettings},
        prometheus_rules,
    },
    testkit::{self, OwnServer},
    time::Time,
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/servers/prometheus");
const BUCKET_MS: i64 = 300_000;

/// A server of the test's own that begins with these samples; `None` if Prometheus is absent.
fn server(history: &str) -> Option<OwnServer> {
    testkit::server("prometheus")?;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), history).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    Some(OwnServer::start(SCRIPT, &[("FLEET_SERVICES_PROMETHEUS_HISTORY", &path)]))
}

fn end() -> Time {
    "2026-02-05T12:03:20Z".parse().unwrap()
}

/// When a process is looked at: every five minutes, and every ten seconds in the last ten minutes.
fn looks() -> Vec<Time> {
    let early = (1..8_640 + 12).rev().map(|bucket| end().plus_ms(-bucket * BUCKET_MS - 600_000));
    early.chain((0..=60).rev().map(|look| end().plus_ms(-look * 10_000))).collect()
}

/// A process with two counters, which it loses when it begins anew.
#[derive(Default)]
struct Process {
    shown: [u64; 2],
    samples: Vec<(Time, [u64; 2])>,
}

/// Two processes: one from before the window on, one born in mid-window; both begin anew now and
/// then; for some hours nobody looks. What they counted, and what was seen of it by looking.
fn processes() -> ([Process; 2], Histories) {
    let draw = Stream::new(7, "prometheus", "agrees");
    let histories = Histories::new(["availability"]);
    let mut all = [Process::default(), Process::default()];
    let month_ago = end().plus_ms(-30 * 86_400_000);
    for (at, look) in looks().into_iter().zip(0_u64..) {
        if (3_000..3_030).contains(&look) {
            continue;
        }
        for (process, number) in all.iter_mut().zip(0_u64..) {
            if number == 1 && look < 5_000 {
                continue;
            }
            let below = |purpose: u64, limit| draw.below(look * 10 + number * 5 + purpose, limit);
            if below(0, 500) == 0 {
                process.shown = [0, 0];
            }
            let outage = (7_000..7_010).contains(&look);
            process.shown[0] += below(1, 200);
            process.shown[1] += if outage { 90 } else { u64::from(below(2, 50) == 0) };
            let last = process.samples.last().map_or([0, 0], |(_, last)| *last);
            let is_first = process.samples.is_empty() && number == 0; // what it counted is older
            let counts = if is_first {
                Counts::default()
            } else {
                let [good, bad] = [0, 1].map(|which| increase(last[which], process.shown[which]));
                Counts { good, bad }
            };
            if at >= month_ago {
                histories.with("availability", |history| history.record(at, counts)).unwrap();
            }
            process.samples.push((at, process.shown));
        }
    }
    (all, histories)
}

fn open_metrics(processes: &[Process; 2]) -> String {
    let mut text = String::from("# TYPE fleet_slo_events counter\n");
    for (process, number) in processes.iter().zip(0..) {
        for (which, outcome) in ["good", "bad"].into_iter().enumerate() {
            for (at, shown) in &process.samples {
                let (seconds, value) = (at.as_ms() / 1_000, shown[which]);
                let labels =
                    format!("slo=\"availability\",outcome=\"{outcome}\",instance=\"{number}\"");
                writeln!(text, "fleet_slo_events_total{{{labels}}} {value} {seconds}").unwrap();
            }
        }
    }
    text + "# EOF\n"
}

#[tokio::test]
async fn the_same_counters_give_the_same_counts() {
    let (processes, ours) = processes();
    let Some(server) = server(&open_metrics(&processes)) else { return };
    let settings = PrometheusSettings::new(server.url());
    let theirs = PrometheusCounts::new(&settings, ["availability", "latency"]).unwrap();
    // Asked earlier, too: what is read on later adds to what was read before.
    for now in [end().plus_ms(-86_400_000), end().plus_ms(-35_000), end()] {
        let found = theirs.windows("availability", now).await.unwrap();
        let expected = ours.windows("availability", end()).await.unwrap();
        if now == end() {
            for span in Span::ALL {
                assert_eq!(found.get(span), expected.get(span), "{}", span.as_str());
            }
            assert_eq!(found.month, expected.month);
        }
    }
    let month = ours.windows("availability", end()).await.unwrap().get(Span::Month);
    assert!(month.counts.total() > 500_000 && month.counts.bad > 900, "{month:?}");
    let silent = theirs.windows("latency", end()).await.unwrap();
    assert_eq!(Report::new("99".parse().unwrap(), silent).state, State::NoData);
    let error = theirs.windows("speed", end()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable_and_asked_again_goes_on() {
    let (processes, ours) = processes();
    let Some(server) = server(&open_metrics(&processes)) else { return };
    let settings = PrometheusSettings::new(server.url());
    let theirs = PrometheusCounts::new(&settings, ["availability"]).unwrap();
    theirs.windows("availability", end().plus_ms(-86_400_000)).await.unwrap();
    server.kill();
    let error = theirs.windows("availability", end()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    server.start_again();
    let found = theirs.windows("availability", end()).await.unwrap();
    assert_eq!(found, ours.windows("availability", end()).await.unwrap());
}

/// What promtool makes of these samples, four a minute, for the rules of one level.
struct Rules {
    folder: tempfile::TempDir,
    cases: String,
}

impl Rules {
    fn new(objective: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = prometheus_rules(&[("availability", objective.parse().unwrap())]);
        std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
        Self { folder, cases: String::new() }
    }

    /// After `good` and `bad` have come in, `expr` is `value` at `minute`.
    fn case(&mut self, (good, bad): (&str, &str), minute: u32, expr: &str, value: &str) {
        let series = |outcome: &str, values: &str| {
            format!(
                "  - series: 'fleet_slo_events_total{{slo=\"availability\",outcome=\"{outcome}\"}}'\n    \
                 values: '{values}'\n"
            )
        };
        let samples = match value {
            "none" => "[]".to_owned(),
            value => format!("[{{labels: '{{}}', value: {value}}}]"),
        };
        write!(
            self.cases,
            "- interval: 15s\n  input_series:\n{}{}  promql_expr_test:\n  - expr: '{expr}'\n    \
             eval_time: {minute}m\n    exp_samples: {samples}\n",
            series("good", good),
            series("bad", bad)
        )
        .unwrap();
    }

    #[track_caller]
    fn hold(&self) {
        // Without an order promtool takes the groups in any, and what they tell may be a step late.
        let tests = format!(
            "rule_files: [rules.yml]\nevaluation_interval: 30s\ngroup_eval_order: [fleet-slo-counts, \
             fleet-slo-tiles, fleet-slo-windows, fleet-slo-alerts]\ntests:\n{}",
            self.cases
        );
        let file = self.folder.path().join("tests.yml");
        std::fs::write(&file, tests).unwrap();
        let output = std::process::Command::new(SCRIPT)
            .args(["promtool", "test", "rules"])
            .arg(&file)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
}

/// The alert of this name fires, for how many levels.
fn firing(name: &str) -> String {
    format!("count(ALERTS{{burn=\"{name}\",alertstate=\"firing\"}}) or vector(0)")
}

#[test]
fn the_rules_page_when_they_must_and_only_then() {
    if testkit::server("prometheus").is_none() {
        return;
    }
    let mut rules = Rules::new("99.9");
    // An hour of traffic, then nothing but failures: paged within two minutes.
    let outage = ("0+10x240 2400x40", "0x240 0+10x40");
    rules.case(outage, 60, &firing("page_fast"), "0");
    rules.case(outage, 62, &firing("page_fast"), "1");
    rules.case(outage, 62, &firing("page_slow"), "1");
    // Half an hour of it, then good again: the fast page ends within six minutes, the slow one later.
    let over = ("0+10x240 2400x120 2400+10x400", "0x240 0+10x120 1200x400");
    rules.case(over, 90, &firing("page_fast"), "1");
    rules.case(over, 97, &firing("page_fast"), "0");
    rules.case(over, 97, &firing("page_slow"), "1");
    rules.case(over, 125, &firing("page_slow"), "0");
    // Four failures of a quiet hour do not page, five do.
    rules.case(("0+1x240", "0x236 1 2 3 4"), 60, &firing("page_fast"), "0");
    rules.case(("0+1x240", "0x235 1 2 3 4 5"), 60, &firing("page_fast"), "1");
    // Silence has no burn rate, and leaves none behind that is no number.
    let night = ("0+10x40 400x1440 400+10x40", "0x1520");
    rules.case(night, 200, "count(slo:burn:1h)", "none");
    rules.case(night, 378, "slo:burn:6h != slo:burn:6h", "none");
    rules.case(night, 378, "sum(slo:burn:6h)", "0");
    // A process that begins anew has failed no more and no less.
    let reset = ("0+10x40 0+10x40", "0+1x20 20x19 0+1x20 20x20");
    rules.case(reset, 20, "round(sum(slo:bad:1h), 5)", "40");
    rules.hold();
}

#[test]
fn an_alert_that_cannot_fire_is_left_out_and_the_rest_is_valid() {
    if testkit::server("prometheus").is_none() {
        return;
    }
    let mut rules = Rules::new("90");
    let outage = ("0x400", "0+10x400");
    rules.case(outage, 90, "count(ALERTS{burn=\"page_fast\"})", "none");
    rules.case(outage, 90, &firing("page_slow"), "1");
    rules.hold();
}
