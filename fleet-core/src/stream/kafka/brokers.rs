//! What is asked of brokers outside any group. librdkafka's calls block, so each [`Brokers::ask`]
//! runs on a thread for such work.
//!
//! No list of partitions of librdkafka's outlives the call that it is made for: its elements hold
//! on to the partitions, and closing a client waits for those.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    message::{BorrowedMessage, Headers as _},
    types::RDKafkaErrorCode as Code,
};

use super::{
    context::{Context, told},
    settings::{GroupProtocol, KafkaSettings},
};
use crate::{
    Error, Result,
    stream::{Members, Partition, Place, Record, Topic},
    time::Time,
};

/// How long brokers may take to answer.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a read may go without a record.
const SILENCE_MAX: u32 = 100;
const SILENCE_STEP: Duration = Duration::from_millis(100);
/// How often brokers that do not agree yet are asked again, and how long in between.
const TRIES_MAX: u32 = 60;
const TRY_AGAIN: Duration = Duration::from_millis(50);
/// Readers that are kept for the next read.
const READERS_MAX: usize = 4;

pub(super) type Client = BaseConsumer<Context>;

/// Clients that ask. One asks about topics, one for each group about that group, and some read.
pub(super) struct Brokers {
    pub(super) settings: KafkaSettings,
    pub(super) context: Context,
    pub(super) address: String,
    pub(super) admin: AdminClient<Context>,
    asker: Client,
    observers: Mutex<BTreeMap<String, Arc<Client>>>,
    readers: Mutex<Vec<Client>>,
}

impl fmt::Debug for Brokers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brokers").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Where something of a partition is.
pub(super) type Offsets = BTreeMap<Partition, u64>;

impl Brokers {
    pub(super) fn new(settings: KafkaSettings, context: Context) -> Result<Self> {
        let address = settings.address();
        let made = |cause| told(&address, "a client", &context.heard, cause);
        let asker = settings.reader(None);
        let asker = Client::from_config_and_context(&asker, context.clone()).map_err(made)?;
        let admin = AdminClient::from_config_and_context(&settings.client(), context.clone());
        let admin = admin.map_err(made)?;
        let (observers, readers) = (Mutex::default(), Mutex::default());
        Ok(Self { settings, context, address, admin, asker, observers, readers })
    }

    /// What a failure of `what` means for the caller.
    pub(super) fn told(&self, what: &str, cause: KafkaError) -> Error {
        while self.asker.poll(Duration::ZERO).is_some() {} // it may have something to say about it
        told(&self.address, what, &self.context.heard, cause)
    }

    /// Runs `question` on a thread that may block.
    pub(super) async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let brokers = Arc::clone(self);
        let answer = tokio::task::spawn_blocking(move || question(&brokers)).await;
        answer.unwrap_or_else(|_| Err(Error::internal("a question to kafka was cut off")))
    }

    pub(super) fn admin_options() -> AdminOptions {
        AdminOptions::new()
            .request_timeout(Some(ANSWER_TIMEOUT))
            .operation_timeout(Some(ANSWER_TIMEOUT))
    }

    /// How many partitions `topic` has, and copies of the first one; `None` if it is missing, or
    /// if not all of its partitions can be written yet.
    pub(super) fn topic(&self, topic: &Topic) -> Result<Option<(u32, usize)>> {
        let what = format!("topic {topic}");
        let metadata = self.asker.fetch_metadata(Some(topic.as_str()), ANSWER_TIMEOUT);
        let metadata = metadata.map_err(|cause| self.told(&what, cause))?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic.as_str())
        else {
            return Ok(None);
        };
        match found.error().map(Code::from) {
            None => {}
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::LeaderNotAvailable) => {
                return Ok(None);
            }
            Some(code) => return Err(self.told(&what, KafkaError::MetadataFetch(code))),
        }
        let partitions = found.partitions();
        let is_led = partitions.iter().all(|partition| partition.leader() >= 0);
        let copies = partitions.first().map_or(0, |first| first.replicas().len());
        let count = u32::try_from(partitions.len()).unwrap_or(u32::MAX);
        Ok((is_led && count > 0).then_some((count, copies)))
    }

    /// Of each of `partitions` an offset that `which` stands for: the oldest, the next one, or the
    /// first record of a time or later; left out where there is none such.
    pub(super) fn offsets(&self, partitions: &[Partition], which: Offset) -> Result<Offsets> {
        offsets_of(&self.asker, partitions, which).map_err(|cause| self.told("offsets", cause))
    }

    /// The oldest offset kept and the next one of each of `partitions`.
    pub(super) fn extents(
        &self,
        partitions: &[Partition],
    ) -> Result<BTreeMap<Partition, (u64, u64)>> {
        let ends = self.offsets(partitions, Offset::End)?;
        let starts = self.offsets(partitions, Offset::Beginning)?;
        let extent = |partition: &Partition| {
            let end = ends.get(partition).copied().unwrap_or(0);
            let start = starts.get(partition).copied().unwrap_or(end).min(end);
            (partition.clone(), (start, end))
        };
        Ok(partitions.iter().map(extent).collect())
    }

    /// What `group` has committed of `partitions`.
    pub(super) fn committed(&self, group: &str, partitions: &[Partition]) -> Result<Offsets> {
        let what = format!("group {group}");
        let observer = self.observer(group).map_err(|cause| self.told(&what, cause))?;
        while observer.poll(Duration::ZERO).is_some() {}
        committed_of(&*observer, partitions).map_err(|cause| self.told(&what, cause))
    }

    /// Who reads for `group`. Lag can be told without it: who may not ask is not told.
    pub(super) fn members(&self, group: &str) -> Members {
        if self.settings.protocol == GroupProtocol::Consumer {
            return Members::Unknown; // librdkafka asks about groups of the classic protocol
        }
        let Ok(told) = self.asker.fetch_group_list(Some(group), ANSWER_TIMEOUT) else {
            return Members::Unknown;
        };
        let Some(found) = told.groups().iter().find(|found| found.name() == group) else {
            return Members::Present(0);
        };
        match found.state() {
            "PreparingRebalance" | "CompletingRebalance" => Members::Rebalancing,
            "Stable" | "Empty" | "Dead" => {
                Members::Present(u32::try_from(found.members().len()).unwrap_or(u32::MAX))
            }
            _ => Members::Unknown,
        }
    }

    /// A client of that group that never joins it.
    fn observer(&self, group: &str) -> Result<Arc<Client>, KafkaError> {
        let mut observers = self.observers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(observer) = observers.get(group) {
            return Ok(Arc::clone(observer));
        }
        let config = self.settings.reader(Some(group));
        let observer = Arc::new(Client::from_config_and_context(&config, self.context.clone())?);
        observers.insert(group.to_owned(), Arc::clone(&observer));
        Ok(observer)
    }

    /// Of each partition, from the first offset on and before the second, up to `max` records.
    pub(super) fn read(
        &self,
        wanted: &BTreeMap<Partition, (u64, u64)>,
        max: usize,
    ) -> Result<Vec<Record>> {
        let fail = |cause| self.told("a read", cause);
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match kept {
            Some(reader) => reader,
            None => {
                let config = self.settings.reader(Some("fleet-reader"));
                Client::from_config_and_context(&config, self.context.clone()).map_err(fail)?
            }
        };
        let records = read_with(&reader, wanted, max).map_err(fail)?;
        reader.unassign().map_err(fail)?;
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS_MAX {
            readers.push(reader);
        }
        Ok(records)
    }

    /// Deletes what lies before these offsets.
    pub(super) async fn delete(&self, before: &Offsets) -> Result<()> {
        let fail = |cause| self.told("a trim", cause);
        let deleting = {
            let list = list(before.iter().map(|(p, at)| (p, to_offset(*at)))).map_err(fail)?;
            self.admin.delete_records(&list, &Self::admin_options())
        };
        let deleted = deleting.await.map_err(fail)?;
        for element in deleted.elements() {
            element.error().map_err(fail)?;
        }
        Ok(())
    }
}

impl KafkaSettings {
    /// A client that reads or asks, and commits nothing.
    fn reader(&self, group: Option<&str>) -> rdkafka::ClientConfig {
        let mut config = self.client();
        config.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
        config.set("allow.auto.create.topics", "false").set("auto.offset.reset", "earliest");
        config.set("fetch.wait.max.ms", "20").set("fetch.error.backoff.ms", "50");
        config.set("queued.max.messages.kbytes", "4096");
        if let Some(group) = group {
            config.set("group.id", group);
        }
        config
    }
}

/// What a list for librdkafka says.
pub(super) fn list<'a>(
    items: impl Iterator<Item = (&'a Partition, Offset)>,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (Partition { topic, number }, offset) in items {
        let number = i32::try_from(*number).unwrap_or(i32::MAX);
        list.add_partition_offset(topic.as_str(), number, offset)?;
    }
    Ok(list)
}

pub(super) fn to_offset(offset: u64) -> Offset {
    Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX))
}

/// What a list from librdkafka says.
fn offsets_in(list: &TopicPartitionList) -> Result<Offsets, KafkaError> {
    let mut offsets = Offsets::new();
    for element in list.elements() {
        element.error()?;
        let topic = Topic(element.topic().to_owned().into());
        let number = u32::try_from(element.partition()).unwrap_or(u32::MAX);
        if let Offset::Offset(offset) = element.offset() {
            let offset = u64::try_from(offset).unwrap_or(0);
            offsets.insert(Partition { topic, number }, offset);
        }
    }
    Ok(offsets)
}

/// See [`Brokers::offsets`]. Brokers take a moment to agree on who leads a new partition.
pub(super) fn offsets_of(
    client: &impl rdkafka::consumer::Consumer<Context>,
    partitions: &[Partition],
    which: Offset,
) -> Result<Offsets, KafkaError> {
    let Some(first) = partitions.first() else { return Ok(Offsets::new()) };
    let mut tries = 0;
    loop {
        let times = list(partitions.iter().map(|partition| (partition, which)))?;
        let told = client.offsets_for_times(times, ANSWER_TIMEOUT);
        match told.and_then(|told| offsets_in(&told)) {
            Err(cause) if tries < TRIES_MAX && is_unsettled(&cause) => {
                client.fetch_metadata(Some(first.topic.as_str()), ANSWER_TIMEOUT)?;
                std::thread::park_timeout(TRY_AGAIN);
                tries += 1;
            }
            outcome => return outcome,
        }
    }
}

/// Whether brokers are about to agree on something.
fn is_unsettled(cause: &KafkaError) -> bool {
    use Code::{
        LeaderNotAvailable, NotLeaderForPartition, OffsetNotAvailable, UnknownTopicOrPartition,
    };
    cause.rdkafka_error_code().is_some_and(|code| {
        matches!(code, LeaderNotAvailable | NotLeaderForPartition | OffsetNotAvailable)
            || matches!(code, UnknownTopicOrPartition | Code::FencedLeaderEpoch)
            || matches!(code, Code::UnknownLeaderEpoch)
    })
}

/// See [`Brokers::committed`].
pub(super) fn committed_of(
    client: &impl rdkafka::consumer::Consumer<Context>,
    partitions: &[Partition],
) -> Result<Offsets, KafkaError> {
    if partitions.is_empty() {
        return Ok(Offsets::new());
    }
    let wanted = list(partitions.iter().map(|partition| (partition, Offset::Invalid)))?;
    offsets_in(&client.committed_offsets(wanted, ANSWER_TIMEOUT)?)
}

fn read_with(
    reader: &Client,
    wanted: &BTreeMap<Partition, (u64, u64)>,
    max: usize,
) -> Result<Vec<Record>, KafkaError> {
    let mut left: BTreeMap<Partition, usize> = BTreeMap::new();
    for (partition, (from, to)) in wanted {
        let count = usize::try_from(to.saturating_sub(*from)).unwrap_or(usize::MAX).min(max);
        if count > 0 {
            left.insert(partition.clone(), count);
        }
    }
    reader.assign(&list(left.keys().map(|p| (p, to_offset(wanted[p].0))))?)?;
    let (mut records, mut silences) = (Vec::new(), 0);
    while !left.is_empty() {
        let record = match reader.poll(SILENCE_STEP) {
            Some(message) => record(&message?),
            None if silences < SILENCE_MAX => {
                silences += 1;
                continue;
            }
            None => return Err(KafkaError::MessageConsumption(Code::OperationTimedOut)),
        };
        silences = 0;
        let partition = &record.place.partition;
        let Some(count) = left.get_mut(partition) else { continue };
        let end = wanted[partition].1;
        *count -= 1;
        // What was deleted meanwhile is not waited for.
        if *count == 0 || record.place.offset + 1 >= end {
            left.remove(partition);
        }
        if record.place.offset < end {
            records.push(record);
        }
    }
    Ok(records)
}

/// What a message says.
pub(super) fn record(message: &BorrowedMessage<'_>) -> Record {
    let bytes = |bytes: Option<&[u8]>| bytes.map_or_else(Bytes::new, Bytes::copy_from_slice);
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let topic = Topic(message.topic().to_owned().into());
    let number = u32::try_from(message.partition()).unwrap_or(u32::MAX);
    Record {
        place: Place {
            partition: Partition { topic, number },
            offset: u64::try_from(message.offset()).unwrap_or(0),
        },
        key: bytes(message.key()),
        headers: headers.map(|header| (header.key.to_owned(), bytes(header.value))).collect(),
        payload: bytes(message.payload()),
        appended_at: Time::from_ms(message.timestamp().to_millis().unwrap_or(0)),
    }
}
