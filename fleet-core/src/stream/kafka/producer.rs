//! Publishing: idempotent, acknowledged by all copies in sync, in the order of the call.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rdkafka::{
    config::FromClientConfigAndContext,
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _},
    types::RDKafkaErrorCode as Code,
};

use super::{
    close_elsewhere,
    context::{Context, told},
    settings::{Compression, KafkaSettings},
    topics::MESSAGE_BYTES_MAX,
};
use crate::{
    Error, Result,
    stream::{NewRecord, Partition, Place, Topic, bounds},
    time::Time,
};

/// How long to wait for room that others take up.
const ROOM_AGAIN: Duration = Duration::from_millis(5);

/// Sends records. Made anew when librdkafka gives it up for good.
pub(super) struct Publisher {
    settings: KafkaSettings,
    context: Context,
    address: String,
    producer: Mutex<FutureProducer<Context>>,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Which record of a call, and what will be heard of it.
type Waiting = (usize, DeliveryFuture);

impl Publisher {
    pub(super) fn new(settings: KafkaSettings, context: Context) -> Result<Self> {
        let address = settings.address();
        let producer = start(&settings, &context)
            .map_err(|cause| told(&address, "a producer", &context.heard, cause))?;
        Ok(Self { settings, context, address, producer: Mutex::new(producer) })
    }

    fn producer(&self) -> FutureProducer<Context> {
        self.producer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Appends `records` at the log's time `now`; returns their places once all are acknowledged.
    pub(super) async fn publish(
        &self,
        records: &[NewRecord],
        partitions: &BTreeMap<Topic, u32>,
        now: Time,
    ) -> Result<Vec<Place>> {
        let producer = self.producer();
        let outcome = send_all(&producer, records, partitions, now).await;
        outcome.map_err(|cause| {
            self.replace_if_broken(&producer);
            let Some(cause) = cause else {
                let context =
                    format!("kafka {}: a publish: appended, but not told where", self.address);
                return Error::unavailable(context);
            };
            told(&self.address, "a publish", &self.context.heard, cause)
        })
    }

    /// Nothing goes through a producer that has lost its place among the brokers' sequences.
    fn replace_if_broken(&self, broken: &FutureProducer<Context>) {
        if broken.client().fatal_error().is_none() {
            return;
        }
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if producer.client().fatal_error().is_some()
            && let Ok(new) = start(&self.settings, &self.context)
        {
            close_elsewhere(std::mem::replace(&mut *producer, new));
        }
    }

    /// Closes it, on a thread of its own.
    pub(super) fn close(&self) {
        close_elsewhere(self.producer());
    }
}

fn start(
    settings: &KafkaSettings,
    context: &Context,
) -> Result<FutureProducer<Context>, KafkaError> {
    let mut config = settings.client();
    config.set("enable.idempotence", "true"); // and with it acks=all
    config.set(
        "compression.type",
        match settings.compression {
            Compression::None => "none",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        },
    );
    config.set("linger.ms", settings.linger.as_millis().to_string());
    let timeout_ms = settings.publish_timeout.as_millis();
    config.set("delivery.timeout.ms", timeout_ms.to_string());
    config.set("request.timeout.ms", timeout_ms.min(10_000).to_string());
    config.set("message.max.bytes", MESSAGE_BYTES_MAX.to_string());
    config.set("queue.buffering.max.kbytes", (settings.publish_bytes_max >> 10).to_string());
    config.set("statistics.interval.ms", "5000");
    FutureProducer::from_config_and_context(&config, context.clone())
}

/// `Err(None)` if a place was not told.
async fn send_all(
    producer: &FutureProducer<Context>,
    records: &[NewRecord],
    partitions: &BTreeMap<Topic, u32>,
    now: Time,
) -> Result<Vec<Place>, Option<KafkaError>> {
    let mut places = Vec::with_capacity(records.len());
    let mut waiting: VecDeque<Waiting> = VecDeque::with_capacity(records.len());
    let mut failure = None;
    'records: for (ix, record) in records.iter().enumerate() {
        let count = partitions.get(&record.topic).copied().unwrap_or(1);
        let number = bounds::partition_of(&record.key, count);
        loop {
            match producer.send_result(to_send(record, number, now)) {
                Ok(delivery) => break waiting.push_back((ix, delivery)),
                Err((KafkaError::MessageProduction(Code::QueueFull), _)) => {
                    let Some(oldest) = waiting.pop_front() else {
                        tokio::time::sleep(ROOM_AGAIN).await; // others fill the queue
                        continue;
                    };
                    match heard(oldest, records).await {
                        Ok(place) => places.push(place),
                        Err(cause) => failure = Some(cause),
                    }
                }
                Err((cause, _)) => failure = Some(Some(cause)),
            }
            if failure.is_some() {
                break 'records;
            }
        }
    }
    // All are waited for, also after a failure: what comes next must not overtake them.
    for delivery in waiting {
        match heard(delivery, records).await {
            Ok(place) => places.push(place),
            Err(cause) => failure = failure.or(Some(cause)),
        }
    }
    failure.map_or(Ok(places), Err)
}

fn to_send(record: &NewRecord, number: u32, now: Time) -> FutureRecord<'_, [u8], [u8]> {
    let mut sent = FutureRecord::to(record.topic.as_str())
        .partition(i32::try_from(number).unwrap_or(i32::MAX))
        .key(&record.key[..])
        .payload(&record.payload[..])
        .timestamp(now.as_ms());
    if !record.headers.is_empty() {
        let headers = OwnedHeaders::new_with_capacity(record.headers.len());
        let put = |headers: OwnedHeaders, (key, value): &(String, bytes::Bytes)| {
            headers.insert(Header { key, value: Some(&value[..]) })
        };
        sent = sent.headers(record.headers.iter().fold(headers, put));
    }
    sent
}

/// The place that a record got.
async fn heard(
    (ix, delivery): Waiting,
    records: &[NewRecord],
) -> Result<Place, Option<KafkaError>> {
    let told = delivery.await.map_err(|_| Some(KafkaError::Canceled))?;
    let told = told.map_err(|(cause, _)| Some(cause))?;
    let number = u32::try_from(told.partition).map_err(|_| None)?;
    let offset = u64::try_from(told.offset).map_err(|_| None)?;
    Ok(Place { partition: Partition { topic: records[ix].topic.clone(), number }, offset })
}
