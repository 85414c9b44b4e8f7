//! Lag and verdicts as metrics. Labels are bounded: a group, and one of nine words.

use prometheus::{GaugeVec, IntGaugeVec, Opts, Registry, core::Collector};

use super::{Board, GroupHealth, Verdict};
use crate::{Error, Result, stream::Members, time::Time};

/// Gauges of consumer groups (feature `metrics`). What is not known is left out, never told as 0.
#[derive(Clone, Debug)]
pub struct LagMetrics {
    records: IntGaugeVec,
    members: IntGaugeVec,
    verdict: IntGaugeVec,
    seconds: GaugeVec,
    trend: GaugeVec,
    catch_up: GaugeVec,
    loss_in: GaugeVec,
}

impl LagMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// `Internal` if a name is taken in `registry`.
    pub fn register(registry: &Registry) -> Result<Self> {
        let told = Self::try_register(registry);
        told.map_err(|cause| Error::internal("metrics of lag").with_source(cause))
    }

    fn try_register(registry: &Registry) -> prometheus::Result<Self> {
        fn add<C: Collector + Clone + 'static>(
            registry: &Registry,
            new: C,
        ) -> prometheus::Result<C> {
            registry.register(Box::new(new.clone()))?;
            Ok(new)
        }
        let count = |name, help, labels: &[&str]| {
            add(registry, IntGaugeVec::new(Opts::new(name, help), labels)?)
        };
        let gauge = |name, help| add(registry, GaugeVec::new(Opts::new(name, help), &["group"])?);
        Ok(Self {
            records: count("fleet_consumer_lag_records", "Records not committed yet", &["group"])?,
            members: count("fleet_consumer_members", "Members of the group", &["group"])?,
            verdict: count(
                "fleet_consumer_verdict",
                "1 for the word that says how the group is doing",
                &["group", "verdict"],
            )?,
            seconds: gauge("fleet_consumer_lag_seconds", "Age of the oldest uncommitted record")?,
            trend: gauge(
                "fleet_consumer_lag_trend",
                "Seconds by which that age grows in a second",
            )?,
            catch_up: gauge(
                "fleet_consumer_catch_up_seconds",
                "Time until nothing waits, at this trend",
            )?,
            loss_in: gauge(
                "fleet_consumer_loss_in_seconds",
                "Time until records that wait are deleted, at this trend",
            )?,
        })
    }

    /// Shows what is known of every group at `now`, platform time.
    pub fn show(&self, board: &Board, now: Time) {
        for (group, health) in board.all(now) {
            self.show_group(&group, &health);
        }
    }

    fn show_group(&self, group: &str, health: &GroupHealth) {
        let counted = |gauges: &IntGaugeVec, value: Option<i64>| match value {
            Some(value) => gauges.with_label_values(&[group]).set(value),
            None => drop(gauges.remove_label_values(&[group])),
        };
        let measured = |gauges: &GaugeVec, value: Option<f64>| match value {
            Some(value) => gauges.with_label_values(&[group]).set(value),
            None => drop(gauges.remove_label_values(&[group])),
        };
        let records = health.lag_records;
        counted(&self.records, records.map(|records| i64::try_from(records).unwrap_or(i64::MAX)));
        counted(
            &self.members,
            match health.members {
                Members::Present(members) => Some(i64::from(members)),
                Members::Unknown | Members::Rebalancing => None,
            },
        );
        for verdict in Verdict::ALL {
            let labels = [group, verdict.as_str()];
            let is_it = verdict == health.verdict;
            self.verdict.with_label_values(&labels).set(i64::from(is_it));
        }
        measured(&self.seconds, health.lag_seconds);
        measured(&self.trend, health.trend);
        measured(&self.catch_up, health.catch_up_seconds);
        measured(&self.loss_in, health.loss_in_seconds);
    }
}
