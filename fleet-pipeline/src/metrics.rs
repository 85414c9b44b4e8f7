//! What the pipeline tells operators. The names are public.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{ARCHIVER, RECORDER};
use fleet_core::{
    Error, Result,
    slo::{Counts, Gaps, Tally},
    store::Write,
    stream::{Record, Topic, dead_letter::Reason},
    time::Time,
};
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
};

/// An accepted event that could be asked for later than this was late.
const QUERYABLE_WITHIN: Duration = Duration::from_secs(5);

/// What the groups of this process count for its service levels.
#[derive(Clone, Debug)]
pub struct Levels {
    queryable: Level,
    completeness: Level,
    correctness: Level,
    gaps: Arc<Mutex<Gaps>>,
}

/// A service level, as the API reads it and as Prometheus does.
#[derive(Clone, Debug)]
struct Level {
    tally: Tally,
    good: IntCounter,
    bad: IntCounter,
}

impl Level {
    fn register(registry: &Registry, name: &str) -> Result<Self, prometheus::Error> {
        // The same name and help as in the API, which tells its own levels.
        let opts = Opts::new("fleet_slo_events_total", "What service levels count, by outcome");
        let counters = IntCounterVec::new(opts.const_label("slo", name), &["outcome"])?;
        registry.register(Box::new(counters.clone()))?;
        let outcome = |outcome: &str| counters.with_label_values(&[outcome]); // born at 0
        Ok(Self { tally: Tally::default(), good: outcome("good"), bad: outcome("bad") })
    }

    fn add(&self, counts: Counts) {
        self.tally.good(counts.good);
        self.tally.bad(counts.bad);
        self.good.inc_by(counts.good);
        self.bad.inc_by(counts.bad);
    }

    fn count(&self, is_good: bool) {
        self.add(Counts { good: u64::from(is_good), bad: u64::from(!is_good) });
    }
}

impl Levels {
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            queryable: Level::register(registry, "queryable")?,
            completeness: Level::register(registry, "completeness")?,
            correctness: Level::register(registry, "correctness")?,
            gaps: Arc::default(),
        })
    }

    /// Events by whether they could be asked for within 5 s of being accepted.
    pub const fn queryable(&self) -> &Tally {
        &self.queryable.tally
    }

    /// Reports of trucks that number them: those that came, and those that are lost.
    pub const fn completeness(&self) -> &Tally {
        &self.completeness.tally
    }

    /// Records: handled, and set aside.
    pub const fn correctness(&self) -> &Tally {
        &self.correctness.tally
    }

    /// A record was handled and is in the store, or was there.
    pub(crate) fn handled(&self, record: &Record, write: &Write, is_new: bool, now: Time) {
        self.correctness.count(true);
        let place = (record.place.partition.number, record.place.offset);
        if let Write::Telemetry(write) = write {
            if is_new {
                self.queryable.count(now <= record.appended_at.plus(QUERYABLE_WITHIN));
            }
            let event = &write.event;
            self.gaps().saw(place, &event.truck_id, event.seq, now);
        }
    }

    /// A record was set aside.
    pub(crate) fn set_aside(&self, record: &Record) {
        self.correctness.count(false);
        if record.place.partition.topic == Topic::TELEMETRY {
            self.gaps().passed((record.place.partition.number, record.place.offset));
        }
    }

    /// Counts the reports that came, and those that are not to be expected any more.
    pub(crate) fn judge(&self, now: Time) {
        let judged = self.gaps().judge(now);
        self.completeness.add(judged);
    }

    fn gaps(&self) -> std::sync::MutexGuard<'_, Gaps> {
        self.gaps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counters and gauges of all consumer groups of this process.
#[derive(Clone, Debug)]
pub struct PipelineMetrics {
    pub(crate) records: IntCounterVec,
    pub(crate) batch_records: Histogram,
    pub(crate) dead_letters: IntCounterVec,
    pub(crate) paused: IntGaugeVec,
    pub(crate) halted: IntGaugeVec,
    levels: Levels,
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
            levels: Levels::register(registry)?,
            halted: gauges("fleet_pipeline_halted", "1 once a group has given up")?,
        };
        // Series are born at 0: one that appears at 3 would hide its first events from a rate.
        for topic in Topic::FLEET {
            for reason in Reason::ALL {
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

    /// What the groups count for service levels.
    pub const fn levels(&self) -> &Levels {
        &self.levels
    }
}
