//! What clients tell by themselves: errors, statistics, and which partitions a member has.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rdkafka::{
    ClientContext, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext, Rebalance},
    error::KafkaError,
    types::RDKafkaErrorCode as Code,
};

use tokio::sync::Notify;

use crate::{
    Error, ErrorKind,
    stream::{Partition, Topic},
};

/// What the clients of one log have come to, as numbers for metrics; renewed every five seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KafkaStatistics {
    /// Records handed over and not yet acknowledged.
    pub queued_records: u64,
    /// Their bytes.
    pub queued_bytes: u64,
    /// Records sent to brokers, repeated ones too.
    pub sent_records_total: u64,
    /// Bytes sent to brokers, by producer and members.
    pub sent_bytes_total: u64,
    /// Records fetched from brokers by this log's members.
    pub fetched_records_total: u64,
    /// Bytes received from brokers, by producer and members.
    pub received_bytes_total: u64,
    /// Requests that were not answered in time.
    pub timeouts_total: u64,
    /// The mean time from a request to its answer, of the slowest broker, in microseconds.
    pub round_trip_us: u64,
    /// How often groups of this log's members were shared out anew.
    pub rebalances_total: u64,
}

/// What all clients of a log have told.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    /// The last trouble, in librdkafka's words.
    trouble: Option<String>,
    /// By client.
    clients: BTreeMap<String, KafkaStatistics>,
}

impl Heard {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last trouble, once.
    pub(super) fn take_trouble(&self) -> Option<String> {
        self.told().trouble.take()
    }

    /// The sum over the clients; of round trips the longest.
    pub(super) fn statistics(&self) -> KafkaStatistics {
        let add = |a: KafkaStatistics, b: &KafkaStatistics| KafkaStatistics {
            queued_records: a.queued_records + b.queued_records,
            queued_bytes: a.queued_bytes + b.queued_bytes,
            sent_records_total: a.sent_records_total + b.sent_records_total,
            sent_bytes_total: a.sent_bytes_total + b.sent_bytes_total,
            fetched_records_total: a.fetched_records_total + b.fetched_records_total,
            received_bytes_total: a.received_bytes_total + b.received_bytes_total,
            timeouts_total: a.timeouts_total + b.timeouts_total,
            round_trip_us: a.round_trip_us.max(b.round_trip_us),
            rebalances_total: a.rebalances_total + b.rebalances_total,
        };
        self.told().clients.values().fold(KafkaStatistics::default(), add)
    }
}

/// The partitions of a member, each with the number of the rebalance that brought it.
#[derive(Debug, Default)]
pub(super) struct Assigned {
    pub(super) partitions: BTreeMap<Partition, u64>,
    pub(super) rebalances: u64,
}

/// A member's partitions, as its client's callbacks tell them.
#[derive(Debug, Default)]
pub(super) struct Share {
    assigned: Mutex<Assigned>,
    /// Told when they change, and when records come.
    pub(super) news: Notify,
}

impl Share {
    pub(super) fn assigned(&self) -> MutexGuard<'_, Assigned> {
        self.assigned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands behind every client of a log.
#[derive(Clone, Default)]
pub(super) struct Context {
    pub(super) heard: Arc<Heard>,
    /// Only of a member.
    pub(super) share: Option<Arc<Share>>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context")
    }
}

impl Context {
    fn change(&self, tpl: &TopicPartitionList, change: impl Fn(&mut Assigned, Partition)) {
        let Some(share) = &self.share else { return };
        let mut assigned = share.assigned();
        assigned.rebalances += 1;
        for element in tpl.elements() {
            if let Ok(number) = u32::try_from(element.partition()) {
                let topic = Topic(element.topic().to_owned().into());
                change(&mut assigned, Partition { topic, number });
            }
        }
        drop(assigned);
        share.news.notify_one();
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, _: &str, text: &str) {
        use RDKafkaLogLevel::{Alert, Critical, Emerg, Error};
        if matches!(level, Emerg | Alert | Critical | Error) {
            self.heard.told().trouble = Some(text.to_owned());
        }
    }

    fn error(&self, _: KafkaError, reason: &str) {
        self.heard.told().trouble = Some(reason.to_owned());
    }

    fn stats(&self, told: Statistics) {
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let mut numbers = KafkaStatistics {
            queued_records: told.msg_cnt,
            queued_bytes: told.msg_size,
            sent_records_total: count(told.txmsgs),
            sent_bytes_total: count(told.tx_bytes),
            fetched_records_total: count(told.rxmsgs),
            received_bytes_total: count(told.rx_bytes),
            ..KafkaStatistics::default()
        };
        for broker in told.brokers.values() {
            numbers.timeouts_total += broker.req_timeouts;
            let round_trip = broker.rtt.as_ref().map_or(0, |window| count(window.avg));
            numbers.round_trip_us = numbers.round_trip_us.max(round_trip);
        }
        numbers.rebalances_total = told.cgrp.map_or(0, |group| count(group.rebalance_cnt));
        self.heard.told().clients.insert(told.name, numbers);
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(gone) = rebalance {
            self.change(gone, |assigned, partition| {
                assigned.partitions.remove(&partition);
            });
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(come) = rebalance {
            self.change(come, |assigned, partition| {
                assigned.partitions.insert(partition, assigned.rebalances);
            });
        }
    }
}

/// What a failure of `what` means for the caller.
pub(super) fn told(address: &str, what: &str, heard: &Heard, cause: KafkaError) -> Error {
    let context = format!("kafka {address}: {what}");
    let Some(code) = cause.rdkafka_error_code() else {
        let kind = match &cause {
            KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => ErrorKind::Invalid,
            _ => ErrorKind::Unavailable,
        };
        return Error::new(kind, context).with_source(cause);
    };
    let (kind, hint) = meaning(code);
    let hint = match (hint, heard.take_trouble()) {
        (hint, Some(trouble)) if is_silence(code) => format!("{hint} ({})", shortened(&trouble)),
        ("", Some(trouble)) => trouble,
        (hint, _) => hint.to_owned(),
    };
    let context = if hint.is_empty() { context } else { format!("{context}: {hint}") };
    Error::new(kind, context).with_source(code)
}

/// Whether no broker could be talked to.
fn is_silence(code: Code) -> bool {
    matches!(code, Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve)
}

/// librdkafka's words without the names of its threads and states.
fn shortened(trouble: &str) -> &str {
    let words = trouble.rsplit_once("bootstrap: ").map_or(trouble, |(_, words)| words);
    words.split(" (after ").next().unwrap_or(words).trim()
}

/// What a code of Kafka's means, and what to do about it where that is known.
pub(super) fn meaning(code: Code) -> (ErrorKind, &'static str) {
    use ErrorKind::{Conflict, Invalid, Unavailable};
    match code {
        Code::MessageSizeTooLarge => {
            (Invalid, "payload: above the topic's max.message.bytes, which must be 1179648 or more")
        }
        Code::SaslAuthenticationFailed | Code::Authentication => {
            (Unavailable, "check user and password")
        }
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed => (Unavailable, "check the ACLs of our user"),
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            (Unavailable, "the topic is missing")
        }
        Code::FencedInstanceId => (Conflict, "another member runs under the same instance"),
        Code::InvalidReplicationFactor => {
            (Invalid, "replication: more copies than there are brokers")
        }
        _ if is_silence(code) => {
            (Unavailable, "no broker answers: check host, port, user and TLS, and that it is up")
        }
        Code::PolicyViolation | Code::InvalidConfig | Code::InvalidTopic => (Invalid, ""),
        Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend => {
            (Unavailable, "fewer copies are in sync than min_insync")
        }
        _ => (Unavailable, ""),
    }
}
