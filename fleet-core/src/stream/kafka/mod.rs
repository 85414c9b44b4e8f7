//! The cluster's log: topics on Apache Kafka 4.
//!
//! | promise | how |
//! |---|---|
//! | what was answered survives | idempotent producer, `acks=all`; `min_insync` copies have it |
//! | a key keeps its partition | chosen here, as the embedded log does (FNV-1a), and the number of partitions is checked |
//! | what is not committed comes again | positions are committed by [`Consumer::commit`] alone, in one request, never back |
//! | a rebalance does not stop all | cooperative-sticky; partitions that stay go on from their place |
//! | nothing uncommitted is trimmed | groups are registered, and [`EventLog::trim`] deletes records up to the slowest one |
//! | identity | a random word in the log's registry, another one when a topic was lost and made anew |
//!
//! The **registry** is a topic of one partition beside the others: it holds the log's identity, its
//! topics and the groups that read them. Several logs can share a cluster, each with a registry
//! and topics of its own. Groups of other software are not in it, and hold nothing back.
//!
//! Where Kafka differs from the embedded log:
//! - *Durable* means acknowledged by `min_insync` brokers, each from its page cache. A power cut
//!   of all at once may lose the last moments; three brokers in three places do not fail so.
//! - One call of [`EventLog::publish`] is not all or nothing: after an error any part may be there.
//! - Retention is [`EventLog::trim`]'s, by the log's clock, which also stamps the records. The
//!   brokers' own, which knows nothing of groups, is off unless [`TopicSettings::retention`] is set.
//! - Brokers forget what a group has committed `offsets.retention.minutes` after its last member
//!   left (seven days by default): set it above any outage. A forgotten group starts at the oldest.
//! - Back-pressure asks how far groups are behind once a second: its bound is soft by that.
//! - An empty [`Consumer::poll`] may take up to two seconds longer than asked for after partitions
//!   came or delivery was resumed, when the brokers have said that there is something and it is
//!   not here yet.
//! - A member that is not polled for [`KafkaSettings::poll_interval_max`] loses its partitions.

mod brokers;
mod consumer;
mod context;
mod inbox;
mod producer;
mod registry;
mod room;
mod settings;
mod topics;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use rdkafka::Offset;

use self::{
    brokers::{Brokers, Offsets},
    consumer::Member,
    context::Context,
    producer::Publisher,
    registry::{Entry, Registry},
    room::Room,
};
pub use self::{
    context::KafkaStatistics,
    settings::{
        Compression, GroupProtocol, KafkaSettings, Sasl, SaslMechanism, Secret, Tls, TopicSettings,
    },
};
use super::{
    Consumer, EventLog, GroupLag, Members, NewRecord, Partition, PartitionExtent, PartitionLag,
    Place, Record, Topic, bounds,
};
use crate::{
    Error, Result,
    time::{Clock, Time},
};

/// [`EventLog`] on an Apache Kafka cluster (feature `kafka`). Calls need a Tokio runtime.
pub struct KafkaLog {
    brokers: Arc<Brokers>,
    publisher: Publisher,
    clock: Arc<dyn Clock>,
    registry: Mutex<Registry>,
    identity: String,
    /// Topics that were found to be as they should, with their partitions.
    known: Mutex<BTreeMap<Topic, u32>>,
    room: Room,
}

impl fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaLog").field("brokers", &self.brokers.address).finish_non_exhaustive()
    }
}

impl KafkaLog {
    /// Connects, makes or checks `topics`, and reads who the log is. A topic that is not named
    /// here is made or checked when it is first used.
    ///
    /// # Errors
    /// `Invalid` for settings that cannot be, and for a topic that is there and not as it should
    /// be, naming topic, setting, what was found and what was wanted; `Unavailable` if the brokers
    /// are not there or do not let us in; `Corrupt` if the registry holds something else.
    pub async fn open(
        settings: KafkaSettings,
        topics: &[Topic],
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        settings.check()?;
        let context = Context::default();
        let publisher = Publisher::new(settings.clone(), context.clone())?;
        let brokers = Arc::new(Brokers::new(settings, context)?);
        let (registry, known) = (Mutex::default(), Mutex::default());
        let (identity, room) = (String::new(), Room::default());
        let mut log = Self { brokers, publisher, clock, registry, identity, known, room };
        let own = &log.brokers.settings;
        let registry = TopicSettings { partitions: 1, retention: None, ..own.topics.clone() };
        log.brokers.ensure(&own.registry, &registry).await?;
        log.learn().await?;
        for topic in topics {
            log.partitions(topic).await?;
        }
        if log.registry().identity().is_none() {
            let new = log.registry().new_identity();
            log.note(new).await?;
        }
        let identity = log.registry().identity().map(str::to_owned);
        log.identity = identity.ok_or_else(|| Error::internal("a log without an identity"))?;
        Ok(log)
    }

    /// What the clients have come to, for metrics.
    pub fn statistics(&self) -> KafkaStatistics {
        self.brokers.context.heard.statistics()
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Topic, u32>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is new in the registry.
    async fn learn(&self) -> Result<()> {
        let topic = self.brokers.settings.registry.clone();
        let (partition, from) = (Partition { topic, number: 0 }, self.registry().next);
        let read = move |brokers: &Brokers| {
            let ends = brokers.offsets(std::slice::from_ref(&partition), Offset::End)?;
            let end = ends.get(&partition).copied().unwrap_or(0);
            brokers.read(&BTreeMap::from([(partition, (from, end))]), usize::MAX)
        };
        let records = self.brokers.ask(read).await?;
        self.registry().learn(&records)
    }

    /// Adds to the registry, and reads what became of it.
    async fn note(&self, entry: Entry) -> Result<()> {
        let topic = &self.brokers.settings.registry;
        let record = entry.into_record(topic)?;
        let one = BTreeMap::from([(topic.clone(), 1)]);
        self.publisher.publish(&[record], &one, self.clock.now()).await?;
        self.learn().await
    }

    /// How many partitions `topic` has, once it is there and known to the log.
    async fn partitions(&self, topic: &Topic) -> Result<u32> {
        let known = self.known().get(topic).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let found = self.brokers.ensure(topic, &self.brokers.settings.topics).await?;
        if !self.registry().topics.contains(topic) {
            self.learn().await?;
        }
        let (is_ours, lost) = {
            let registry = self.registry();
            let is_ours = registry.topics.contains(topic);
            (is_ours, (is_ours && found.is_new).then(|| registry.new_identity()))
        };
        match lost {
            Some(new) => self.note(new).await?, // its offsets begin anew: another log
            None if !is_ours => self.note(Entry::Topic(topic.as_str().to_owned())).await?,
            None => {}
        }
        self.known().insert(topic.clone(), found.partitions);
        Ok(found.partitions)
    }

    /// Every partition of `topic`, if it is there; it is not made.
    async fn partitions_there(&self, topic: &Topic) -> Result<Vec<Partition>> {
        let known = self.known().get(topic).copied();
        let count = match known {
            Some(count) => count,
            None => {
                let wanted = topic.clone();
                let found = self.brokers.ask(move |brokers| brokers.topic(&wanted)).await?;
                found.map_or(0, |(count, _)| count)
            }
        };
        Ok((0..count).map(|number| Partition { topic: topic.clone(), number }).collect())
    }

    /// Of each partition of `topic` what is kept, and what each group that reads it has committed.
    async fn progress(&self, topic: &Topic) -> Result<(Extents, Vec<Offsets>)> {
        let partitions = self.partitions_there(topic).await?;
        let groups = self.registry().groups_of(topic);
        let look = move |brokers: &Brokers| {
            let of = |group: &String| brokers.committed(group, &partitions);
            // Asked in this order, what is new meanwhile makes groups look further behind.
            let committed = groups.iter().map(of).collect::<Result<_>>()?;
            Ok((brokers.extents(&partitions)?, committed))
        };
        self.brokers.ask(look).await
    }

    /// By how many records the slowest group that reads `topic` is behind.
    async fn behind_most(&self, topic: &Topic) -> Result<u64> {
        let (extents, groups) = self.progress(topic).await?;
        let behind = |committed: &Offsets| {
            let of = |(partition, (start, end)): (&Partition, &(u64, u64))| {
                end.saturating_sub(committed.get(partition).copied().unwrap_or(0).max(*start))
            };
            extents.iter().map(of).fold(0, u64::saturating_add)
        };
        Ok(groups.iter().map(behind).max().unwrap_or(0))
    }

    /// Waits until no group of these topics is behind by more than the bound.
    async fn back_pressure(&self, records: &[NewRecord]) -> Result<()> {
        let max = self.brokers.settings.uncommitted_max;
        if max == u64::MAX {
            return Ok(());
        }
        loop {
            let now_us = self.clock.monotonic_us();
            let unknown = self.room.take(records, now_us);
            if unknown.is_empty() {
                return Ok(());
            }
            self.learn().await?;
            let mut is_over = false;
            for topic in unknown {
                let behind = self.behind_most(&topic).await?;
                is_over |= behind > max;
                self.room.learn(topic, behind, max, now_us);
            }
            if is_over {
                tokio::time::sleep(room::LOOK_AGAIN).await;
            }
        }
    }

    /// How many records of `topic` go at `cutoff`, and up to where.
    async fn trimmable(&self, topic: &Topic, cutoff: Time) -> Result<(u64, Offsets)> {
        let (extents, groups) = self.progress(topic).await?;
        let partitions: Vec<Partition> =
            extents.iter().filter(|(_, (from, to))| from < to).map(|(p, _)| p.clone()).collect();
        let since = Offset::Offset(cutoff.as_ms().max(0));
        let young = self.brokers.ask(move |brokers| brokers.offsets(&partitions, since)).await?;
        let (mut count, mut before) = (0, Offsets::new());
        for (partition, (start, end)) in extents {
            // None young: all that was there before that was asked is old.
            let young = young.get(&partition).copied().unwrap_or(end);
            let committed = groups.iter().map(|group| group.get(&partition).copied().unwrap_or(0));
            let upto = committed.fold(young.min(end), u64::min);
            if upto > start {
                count += upto - start;
                before.insert(partition, upto);
            }
        }
        Ok((count, before))
    }
}

type Extents = BTreeMap<Partition, (u64, u64)>;

/// Drops a client on a thread of its own: closing it talks to brokers, and waits for them.
fn close_elsewhere<T: Send + 'static>(client: T) {
    let close = std::thread::Builder::new().name("kafka-close".into());
    drop(close.spawn(move || drop(client))); // without a thread it is dropped here
}

#[async_trait]
impl EventLog for KafkaLog {
    async fn publish(&self, records: Vec<NewRecord>) -> Result<Vec<Place>> {
        records.iter().try_for_each(bounds::check)?;
        let mut partitions: BTreeMap<Topic, u32> = BTreeMap::new();
        for NewRecord { topic, .. } in &records {
            if !partitions.contains_key(topic) {
                partitions.insert(topic.clone(), self.partitions(topic).await?);
            }
        }
        self.back_pressure(&records).await?;
        self.publisher.publish(&records, &partitions, self.clock.now()).await
    }

    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>> {
        bounds::check_group(group)?;
        for topic in topics {
            self.partitions(topic).await?;
        }
        self.learn().await?;
        for topic in topics {
            let is_known =
                self.registry().topics_of(group).is_some_and(|topics| topics.contains(topic));
            if !is_known {
                let (group, topic) = (group.to_owned(), topic.as_str().to_owned());
                self.note(Entry::Group { group, topic }).await?;
            }
        }
        self.room.forget();
        let Brokers { settings, context, .. } = &*self.brokers;
        Ok(Box::new(Member::join(settings, context, group, topics).await?))
    }

    async fn read(&self, partition: &Partition, offset: u64, max: usize) -> Result<Vec<Record>> {
        if !self.partitions_there(&partition.topic).await?.contains(partition) {
            return Ok(Vec::new());
        }
        let partition = partition.clone();
        let read = move |brokers: &Brokers| {
            let extents = brokers.extents(std::slice::from_ref(&partition))?;
            let wanted = extents
                .into_iter()
                .map(|(partition, (start, end))| (partition, (offset.max(start), end)));
            brokers.read(&wanted.collect(), max)
        };
        self.brokers.ask(read).await
    }

    async fn extents(&self, topic: &Topic) -> Result<Vec<PartitionExtent>> {
        let partitions = self.partitions_there(topic).await?;
        let extents = self.brokers.ask(move |brokers| brokers.extents(&partitions)).await?;
        let extents = extents.into_iter().filter(|(_, (_, end))| *end > 0);
        Ok(extents
            .map(|(partition, (start, end))| PartitionExtent { partition, start, end })
            .collect())
    }

    async fn lag(&self, group: &str) -> Result<GroupLag> {
        self.learn().await?;
        let topics = self.registry().topics_of(group).cloned().unwrap_or_default();
        let mut partitions = Vec::new();
        for topic in &topics {
            partitions.extend(self.partitions_there(topic).await?);
        }
        let lost_after = self.brokers.settings.topics.retention;
        if partitions.is_empty() {
            let (members, partitions) = (Members::Present(0), Vec::new());
            return Ok(GroupLag { members, partitions, lost_after });
        }
        let group = group.to_owned();
        let look = move |brokers: &Brokers| {
            let committed = brokers.committed(&group, &partitions)?;
            let extents = brokers.extents(&partitions)?;
            let next = |(partition, (start, end)): (&Partition, &(u64, u64))| {
                let committed = committed.get(partition).copied().unwrap_or(0);
                (partition.clone(), (committed.max(*start), *end))
            };
            let open: Extents = extents.iter().map(next).filter(|(_, (at, to))| at < to).collect();
            let oldest = brokers.read(&open, 1)?;
            let oldest = oldest.into_iter().map(|r| (r.place.partition, r.appended_at));
            let oldest: BTreeMap<Partition, Time> = oldest.collect();
            let lag = |(partition, (_, end)): (Partition, (u64, u64))| PartitionLag {
                committed: committed.get(&partition).copied(),
                end,
                records: open.get(&partition).map_or(0, |(next, end)| end - next),
                oldest_appended_at: oldest.get(&partition).copied(),
                partition,
            };
            let partitions = extents.into_iter().map(lag).collect();
            Ok(GroupLag { members: brokers.members(&group), partitions, lost_after })
        };
        self.brokers.ask(look).await
    }

    async fn trim(&self, now: Time) -> Result<u64> {
        let settings = &self.brokers.settings;
        let retention_ms = i64::try_from(settings.retention.as_millis()).unwrap_or(i64::MAX);
        let cutoff = now.plus_ms(retention_ms.saturating_neg());
        self.learn().await?;
        let topics = self.registry().topics.clone();
        let mut trimmed = 0;
        for topic in topics {
            let (count, before) = self.trimmable(&topic, cutoff).await?;
            if count > 0 {
                self.brokers.delete(&before).await?;
                trimmed += count;
            }
        }
        Ok(trimmed)
    }

    fn incarnation(&self) -> &str {
        &self.identity
    }
}

impl Drop for KafkaLog {
    fn drop(&mut self) {
        self.publisher.close();
        close_elsewhere(Arc::clone(&self.brokers));
    }
}

#[cfg(all(test, feature = "testkit"))]
mod tests;
