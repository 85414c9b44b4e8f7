//! The OSRM server that trucks are routed by, and what is told of it on `/metrics`.

use std::sync::Arc;

use fleet_core::{
    Error, Result,
    random::Stream,
    route::{
        Network, Router,
        osrm::{Circuit, LATENCY_BOUNDS_S, OsrmRouter, OsrmSettings, OsrmStats},
    },
    time::Clock,
};
use prometheus::{
    Registry,
    core::{Collector, Desc},
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

/// The router on this server, for the bundled roads, with its metrics in `registry`.
///
/// # Errors
/// `Invalid` for a setting that cannot be; `Internal` if a metric's name is taken.
pub fn router(
    server: OsrmSettings,
    clock: &Arc<dyn Clock>,
    registry: &Registry,
) -> Result<Arc<dyn Router>> {
    let jitter = Stream::new(u64::from(std::process::id()), "simulator", "osrm");
    let network = Arc::clone(Network::ne_india());
    let router = Arc::new(OsrmRouter::new(server, network, Arc::clone(clock), jitter)?);
    let metrics = OsrmMetrics::new(Arc::clone(&router));
    metrics
        .and_then(|metrics| registry.register(Box::new(metrics)))
        .map_err(|cause| Error::internal("metrics of OSRM").with_source(cause))?;
    Ok(router)
}

/// Name, help, label if there is one.
const METRICS: [(&str, &str, Option<&str>); 5] = [
    (
        "fleet_osrm_circuit_state",
        "1 for what the circuit breaker lets through now: all (closed), a trial, nothing (open)",
        Some("state"),
    ),
    ("fleet_osrm_requests_total", "Questions by how they ended", Some("outcome")),
    ("fleet_osrm_retries_total", "Attempts beyond the first of a question", None),
    ("fleet_osrm_cache_hits_total", "Routes found among those that are kept", None),
    ("fleet_osrm_answer_seconds", "From an attempt to the whole answer", None),
];

/// Asks the client for its counts whenever metrics are gathered.
struct OsrmMetrics {
    router: Arc<OsrmRouter>,
    descriptions: Vec<Desc>,
}

impl OsrmMetrics {
    fn new(router: Arc<OsrmRouter>) -> prometheus::Result<Self> {
        let describe = |(name, help, label): &(&str, &str, Option<&str>)| {
            let labels = label.iter().map(|label| (*label).to_owned()).collect();
            Desc::new((*name).to_owned(), (*help).to_owned(), labels, Default::default())
        };
        let descriptions = METRICS.iter().map(describe).collect::<prometheus::Result<_>>()?;
        Ok(Self { router, descriptions })
    }
}

impl Collector for OsrmMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        families(&self.router.stats())
    }
}

fn families(stats: &OsrmStats) -> Vec<MetricFamily> {
    let [circuit, requests, retries, hits, answers] = METRICS;
    let states = Circuit::ALL.map(|state| {
        let mut metric = labelled(circuit.2, state.as_str());
        let mut gauge = Gauge::default();
        gauge.set_value(f64::from(u8::from(state == stats.circuit)));
        metric.set_gauge(gauge);
        metric
    });
    // A series is there before the first question, so that its rate is known from then on.
    let mut outcomes = stats.outcomes.clone();
    outcomes.entry("ok").or_default();
    let outcomes = outcomes.iter().map(|(word, count)| {
        let mut metric = labelled(requests.2, word);
        metric.set_counter(counter(*count));
        metric
    });
    let alone = |count: u64| {
        let mut metric = Metric::default();
        metric.set_counter(counter(count));
        vec![metric]
    };
    let mut answered = Metric::default();
    answered.set_histogram(histogram(stats));
    vec![
        family(&circuit, MetricType::GAUGE, states.into()),
        family(&requests, MetricType::COUNTER, outcomes.collect()),
        family(&retries, MetricType::COUNTER, alone(stats.retries)),
        family(&hits, MetricType::COUNTER, alone(stats.cache_hits)),
        family(&answers, MetricType::HISTOGRAM, vec![answered]),
    ]
}

fn family(
    (name, help, _): &(&str, &str, Option<&str>),
    kind: MetricType,
    metrics: Vec<Metric>,
) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name((*name).to_owned());
    family.set_help((*help).to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn labelled(label: Option<&str>, value: &str) -> Metric {
    let mut pair = LabelPair::default();
    pair.set_name(label.unwrap_or_default().to_owned());
    pair.set_value(value.to_owned());
    let mut metric = Metric::default();
    metric.set_label(vec![pair]);
    metric
}

fn counter(count: u64) -> Counter {
    let mut counter = Counter::default();
    counter.set_value(count as f64);
    counter
}

fn histogram(stats: &OsrmStats) -> Histogram {
    let mut sum = 0;
    let buckets = LATENCY_BOUNDS_S.iter().zip(stats.latencies).map(|(bound_s, count)| {
        sum += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound_s);
        bucket.set_cumulative_count(sum);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(stats.latencies.iter().sum());
    histogram.set_sample_sum(stats.latency_sum_s);
    histogram
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prometheus::TextEncoder;

    use super::*;

    #[test]
    fn the_page_tells_the_circuit_and_how_questions_ended() {
        let stats = OsrmStats {
            outcomes: BTreeMap::from([("unreachable", 5)]),
            retries: 3,
            latencies: [1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            latency_sum_s: 20.5,
            circuit: Circuit::Open,
            cache_hits: 0,
            data_version: None,
        };
        let page = TextEncoder::new().encode_to_string(&families(&stats)).expect("a page");
        for line in [
            "fleet_osrm_circuit_state{state=\"open\"} 1",
            "fleet_osrm_circuit_state{state=\"closed\"} 0",
            "fleet_osrm_requests_total{outcome=\"ok\"} 0",
            "fleet_osrm_requests_total{outcome=\"unreachable\"} 5",
            "fleet_osrm_retries_total 3",
            "fleet_osrm_answer_seconds_bucket{le=\"0.005\"} 1",
            "fleet_osrm_answer_seconds_bucket{le=\"0.01\"} 3",
            "fleet_osrm_answer_seconds_bucket{le=\"+Inf\"} 4",
            "fleet_osrm_answer_seconds_sum 20.5",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}: {page}");
        }
    }
}
