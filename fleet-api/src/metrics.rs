//! What the API tells operators. The names are public.

use fleet_core::{Error, Result};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

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
}

impl ApiMetrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self> {
        let all = || -> Result<Self, prometheus::Error> {
            let requests = IntCounterVec::new(
                Opts::new("fleet_http_requests_total", "Requests answered"),
                &["route", "method", "code_class"],
            )?;
            let duration = HistogramVec::new(
                HistogramOpts::new("fleet_http_request_duration_seconds", "Time to the answer"),
                &["route"],
            )?;
            let calls = IntCounterVec::new(
                Opts::new("fleet_grpc_calls_total", "gRPC calls answered; streams when they begin"),
                &["method", "code"],
            )?;
            let call_duration = HistogramVec::new(
                HistogramOpts::new("fleet_grpc_call_duration_seconds", "Time to the gRPC answer"),
                &["method"],
            )?;
            let subscribers =
                IntGauge::new("fleet_api_stream_subscribers", "Live streams that are open")?;
            let limit_decisions = IntCounterVec::new(
                Opts::new(
                    "fleet_ratelimit_decisions_total",
                    "Requests that a limit was asked about",
                ),
                &["decision", "policy"],
            )?;
            let limit_fallbacks = IntCounterVec::new(
                Opts::new(
                    "fleet_ratelimit_fallback_total",
                    "Requests decided without the limiter, which did not answer: by a bucket of this \
                     process (local), let through (open) or turned away (refused)",
                ),
                &["outcome"],
            )?;
            let auth_failures = IntCounterVec::new(
                Opts::new("fleet_auth_failures_total", "Keys that did not count, or too little"),
                &["reason"],
            )?;
            registry.register(Box::new(limit_decisions.clone()))?;
            registry.register(Box::new(limit_fallbacks.clone()))?;
            registry.register(Box::new(auth_failures.clone()))?;
            registry.register(Box::new(requests.clone()))?;
            registry.register(Box::new(duration.clone()))?;
            registry.register(Box::new(calls.clone()))?;
            registry.register(Box::new(call_duration.clone()))?;
            registry.register(Box::new(subscribers.clone()))?;
            Ok(Self {
                requests,
                duration,
                calls,
                call_duration,
                subscribers,
                limit_decisions,
                limit_fallbacks,
                auth_failures,
            })
        };
        all().map_err(|e| Error::internal("metrics of the API").with_source(e))
    }
}
