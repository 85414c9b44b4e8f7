//! What Kafka's clients come to, as metrics.

use std::sync::Arc;

use prometheus::{
    IntCounter, IntGauge,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use crate::stream::kafka::{KafkaLog, KafkaStatistics};

/// Reads the statistics of a log whenever somebody scrapes.
pub(super) struct Told {
    log: Arc<KafkaLog>,
    gauges: [(IntGauge, Read); 3],
    counters: [(IntCounter, Read); 6],
}

type Read = fn(&KafkaStatistics) -> u64;

impl Told {
    pub(super) fn new(log: Arc<KafkaLog>) -> prometheus::Result<Self> {
        let gauge = |name, help, read: Read| IntGauge::new(name, help).map(|gauge| (gauge, read));
        let counter =
            |name, help, read: Read| IntCounter::new(name, help).map(|counter| (counter, read));
        Ok(Self {
            log,
            gauges: [
                gauge("fleet_kafka_queued_records", "Handed over, not yet acknowledged", |s| {
                    s.queued_records
                })?,
                gauge("fleet_kafka_queued_bytes", "Bytes of those records", |s| s.queued_bytes)?,
                gauge(
                    "fleet_kafka_round_trip_microseconds",
                    "Mean time to an answer of the slowest broker",
                    |s| s.round_trip_us,
                )?,
            ],
            counters: [
                counter(
                    "fleet_kafka_sent_records_total",
                    "Records sent, repeated ones too",
                    |s| s.sent_records_total,
                )?,
                counter("fleet_kafka_sent_bytes_total", "Bytes sent to brokers", |s| {
                    s.sent_bytes_total
                })?,
                counter("fleet_kafka_fetched_records_total", "Records fetched by members", |s| {
                    s.fetched_records_total
                })?,
                counter("fleet_kafka_received_bytes_total", "Bytes received from brokers", |s| {
                    s.received_bytes_total
                })?,
                counter("fleet_kafka_timeouts_total", "Requests not answered in time", |s| {
                    s.timeouts_total
                })?,
                counter(
                    "fleet_kafka_rebalances_total",
                    "Times a group was shared out anew",
                    |s| s.rebalances_total,
                )?,
            ],
        })
    }
}

impl Collector for Told {
    fn desc(&self) -> Vec<&Desc> {
        let gauges = self.gauges.iter().flat_map(|(gauge, _)| gauge.desc());
        gauges.chain(self.counters.iter().flat_map(|(counter, _)| counter.desc())).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = self.log.statistics();
        let gauges = self.gauges.iter().flat_map(|(gauge, read)| {
            gauge.set(i64::try_from(read(&now)).unwrap_or(i64::MAX));
            gauge.collect()
        });
        let counters = self.counters.iter().flat_map(|(counter, read)| {
            counter.inc_by(read(&now).saturating_sub(counter.get())); // they never go back
            counter.collect()
        });
        gauges.chain(counters).collect()
    }
}
