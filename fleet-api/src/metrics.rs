//! What the API tells operators. The names are public.

use std::collections::BTreeMap;

use fleet_core::{
    Error, Result,
    slo::{Counts, Objective, Report, Span, State},
};
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

#[derive(Clone, Debug)]
pub(crate) struct ApiMetrics {
    pub(crate) requests: IntCounterVec,
    pub(crate) duration: HistogramVec,
    pub(crate) calls: IntCounterVec,
    pub(crate) call_duration: HistogramVec,
    pub(crate) subscribers: IntGauge,
    pub(crate) limit_decisions: IntCounterVec,
    pub(crate) limit_fallbacks: IntCounterVec,
    pub(crate) auth_failures: IntCounterVec,
    pub(crate) ingested: IntCounterVec,
}

impl ApiMetrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let histogram = |name: &str, help: &str, labels: &[&str]| {
            let histogram = HistogramVec::new(HistogramOpts::new(name, help), labels)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let all = || -> Result<Self, prometheus::Error> {
            let subscribers =
                IntGauge::new("fleet_api_stream_subscribers", "Live streams that are open")?;
            registry.register(Box::new(subscribers.clone()))?;
            Ok(Self {
                requests: counter(
                    "fleet_http_requests_total",
                    "Requests answered",
                    &["route", "method", "code_class"],
                )?,
                duration: histogram(
                    "fleet_http_request_duration_seconds",
                    "Time to the answer",
                    &["route"],
                )?,
                calls: counter(
                    "fleet_grpc_calls_total",
                    "gRPC calls answered; streams when they begin",
                    &["method", "code"],
                )?,
                call_duration: histogram(
                    "fleet_grpc_call_duration_seconds",
                    "Time to the gRPC answer",
                    &["method"],
                )?,
                subscribers,
                limit_decisions: counter(
                    "fleet_ratelimit_decisions_total",
                    "Requests that a limit was asked about",
                    &["decision", "policy"],
                )?,
                limit_fallbacks: counter(
                    "fleet_ratelimit_fallback_total",
                    "Requests decided without the limiter, which did not answer: by a bucket of this \
                     process (local), let through (open) or turned away (refused)",
                    &["outcome"],
                )?,
                auth_failures: counter(
                    "fleet_auth_failures_total",
                    "Keys that did not count, or too little",
                    &["reason"],
                )?,
                ingested: counter(
                    "fleet_ingest_events_total",
                    "Reports that were sent in, by form (json, grpc, osmand) and what became of them",
                    &["form", "outcome"],
                )?,
            })
        };
        all().map_err(|e| Error::internal("metrics of the API").with_source(e))
    }
}

/// Service levels, as Prometheus sees them.
#[derive(Clone, Debug)]
pub(crate) struct SloMetrics {
    /// Of the levels that are counted here; others are told by who counts them.
    events: BTreeMap<&'static str, IntCounterVec>,
    objective: GaugeVec,
    budget_used: GaugeVec,
    coverage: GaugeVec,
    state: IntGaugeVec,
}

impl SloMetrics {
    /// Registers them, with the counters of the levels `own`.
    pub(crate) fn register(registry: &Registry, own: &[&'static str]) -> Result<Self> {
        Self::try_register(registry, own)
            .map_err(|e| Error::internal("metrics of service levels").with_source(e))
    }

    fn try_register(registry: &Registry, own: &[&'static str]) -> Result<Self, prometheus::Error> {
        let gauges = |name, help, labels: &[&str]| -> Result<_, prometheus::Error> {
            let gauges = GaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauges.clone()))?;
            Ok(gauges)
        };
        let mut events = BTreeMap::new();
        for slo in own {
            // The same name and help as in the pipeline, which tells its own levels.
            let opts = Opts::new("fleet_slo_events_total", "What service levels count, by outcome");
            let counters = IntCounterVec::new(opts.const_label("slo", *slo), &["outcome"])?;
            // Born at 0: a series that appears at 3 would hide three failures.
            for outcome in ["good", "bad"] {
                counters.with_label_values(&[outcome]).inc_by(0);
            }
            registry.register(Box::new(counters.clone()))?;
            events.insert(*slo, counters);
        }
        let state = Opts::new("fleet_slo_state", "1 for the state that a service level is in");
        let state = IntGaugeVec::new(state, &["slo", "state"])?;
        registry.register(Box::new(state.clone()))?;
        Ok(Self {
            events,
            objective: gauges("fleet_slo_objective_ratio", "Share that must be good", &["slo"])?,
            budget_used: gauges(
                "fleet_slo_budget_used_ratio",
                "Share of a window's budget that is used: how fast it burns; absent without requests",
                &["slo", "window"],
            )?,
            coverage: gauges(
                "fleet_slo_coverage_ratio",
                "Share of a window in which somebody watched",
                &["slo", "window"],
            )?,
            state,
        })
    }

    pub(crate) fn tell_objective(&self, slo: &str, objective: Objective) {
        let share = f64::from(1_000_000 - objective.budget_ppm()) / 1e6;
        self.objective.with_label_values(&[slo]).set(share);
    }

    pub(crate) fn count(&self, slo: &str, new: Counts) {
        if let Some(counters) = self.events.get(slo) {
            counters.with_label_values(&["good"]).inc_by(new.good);
            counters.with_label_values(&["bad"]).inc_by(new.bad);
        }
    }

    pub(crate) fn tell(&self, slo: &str, report: &Report) {
        for span in Span::ALL {
            let (seen, labels) = (report.windows.get(span), [slo, span.as_str()]);
            self.coverage.with_label_values(&labels).set(seen.coverage());
            match report.objective.used(seen.counts) {
                Some(used) => self.budget_used.with_label_values(&labels).set(used),
                None => drop(self.budget_used.remove_label_values(&labels)),
            }
        }
        for state in State::ALL {
            let is_it = i64::from(state == report.state);
            self.state.with_label_values(&[slo, state.as_str()]).set(is_it);
        }
    }

    /// What was said of it holds no longer, and nothing takes its place.
    pub(crate) fn forget(&self, slo: &str) {
        for span in Span::ALL {
            drop(self.coverage.remove_label_values(&[slo, span.as_str()]));
            drop(self.budget_used.remove_label_values(&[slo, span.as_str()]));
        }
        for state in State::ALL {
            drop(self.state.remove_label_values(&[slo, state.as_str()]));
        }
    }
}
