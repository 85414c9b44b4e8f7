//! What the pipeline tells operators. The names are public.

use crate::{ARCHIVER, RECORDER};
use fleet_core::{
    Error, ErrorKind, Result,
    stream::{EventLog, Topic},
    time::Time,
};
use prometheus::{GaugeVec, Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts, Registry};

/// Counters and gauges of all consumer groups of this process.
#[derive(Clone, Debug)]
pub struct PipelineMetrics {
    pub(crate) records: IntCounterVec,
    pub(crate) batch_records: Histogram,
    pub(crate) dead_letters: IntCounterVec,
    pub(crate) paused: IntGaugeVec,
    pub(crate) halted: IntGaugeVec,
    lag_records: IntGaugeVec,
    lag_seconds: GaugeVec,
}

impl PipelineMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// `Internal` if a name is taken in `registry`.
    pub fn register(registry: &Registry) -> Result<Self> {
        Self::try_register(registry)
            .map_err(|e| Error::internal("metrics of the pipeline").with_source(e))
    }

    fn try_register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauges = |name, help| -> Result<_, prometheus::Error> {
            let gauges = IntGaugeVec::new(Opts::new(name, help), &["group"])?;
            registry.register(Box::new(gauges.clone()))?;
            Ok(gauges)
        };
        let counters = |name, help, labels: &[&str]| -> Result<_, prometheus::Error> {
            let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok(counters)
        };
        let buckets = vec![1.0, 10.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_000.0];
        let batch_records = Histogram::with_opts(
            HistogramOpts::new("fleet_pipeline_batch_records", "Records per write into the store")
                .buckets(buckets),
        )?;
        registry.register(Box::new(batch_records.clone()))?;
        let lag = Opts::new("fleet_consumer_lag_seconds", "Age of the oldest uncommitted record");
        let lag_seconds = GaugeVec::new(lag, &["group"])?;
        registry.register(Box::new(lag_seconds.clone()))?;
        let metrics = Self {
            records: counters(
                "fleet_pipeline_records_total",
                "Records handled, by what became of them",
                &["group", "outcome"],
            )?,
            batch_records,
            dead_letters: counters(
                "fleet_dead_letters_total",
                "Records set aside",
                &["topic", "reason"],
            )?,
            paused: gauges("fleet_pipeline_paused", "1 while the store is away")?,
            halted: gauges("fleet_pipeline_halted", "1 once a group has given up")?,
            lag_records: gauges("fleet_consumer_lag_records", "Records not committed yet")?,
            lag_seconds,
        };
        // Series are born at 0: one that appears at 3 would hide its first events from a rate.
        for topic in Topic::FLEET {
            for reason in [ErrorKind::Invalid, ErrorKind::Conflict] {
                metrics
                    .dead_letters
                    .with_label_values(&[topic.as_str(), reason.as_str()])
                    .inc_by(0);
            }
        }
        for group in [ARCHIVER, RECORDER] {
            for outcome in ["stored", "unchanged", "dead_lettered"] {
                metrics.records.with_label_values(&[group, outcome]).inc_by(0);
            }
            metrics.paused.with_label_values(&[group]).set(0);
            metrics.halted.with_label_values(&[group]).set(0);
        }
        Ok(metrics)
    }

    /// Brings the lag of `group` up to date; unknown is left out, never told as 0.
    pub async fn refresh_lag(&self, log: &dyn EventLog, group: &str, now: Time) {
        let Ok(lag) = log.lag(group).await else {
            drop(self.lag_records.remove_label_values(&[group]));
            drop(self.lag_seconds.remove_label_values(&[group]));
            return;
        };
        let records: u64 = lag.iter().map(|partition| partition.records).sum();
        let oldest = lag.iter().filter_map(|partition| partition.oldest_appended_at).min();
        let seconds = oldest.map_or(0.0, |at| now.ms_since(at).max(0) as f64 / 1e3);
        let records = i64::try_from(records).unwrap_or(i64::MAX);
        self.lag_records.with_label_values(&[group]).set(records);
        self.lag_seconds.with_label_values(&[group]).set(seconds);
    }
}
