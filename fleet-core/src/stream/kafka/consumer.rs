//! A member of a group.
//!
//! A task takes what the client has fetched, until some is held that nobody has asked for: so
//! rebalances go on while the sink is away. Positions are committed by the caller's word alone,
//! never by delivery.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use super::{
    brokers::{self, Offsets},
    close_elsewhere,
    context::{Context, Share, meaning, told},
    inbox::{Client, Inbox, size},
    settings::{GroupProtocol, KafkaSettings},
};
use crate::{
    Error, Result,
    stream::{Consumer, Partition, Record, Topic},
};
use async_trait::async_trait;
use rdkafka::{
    Offset,
    config::FromClientConfigAndContext,
    consumer::{CommitMode, Consumer as _},
    error::KafkaError,
    types::RDKafkaErrorCode as Code,
};

/// How long a poll waits, beyond what it was told to, for the first records of partitions that it
/// knows to have some: an empty answer then means that there are none.
const FIRST_WORD: Duration = Duration::from_secs(2);
/// How long a new member waits for its share of the partitions.
const JOIN_WAIT: Duration = Duration::from_secs(5);
/// Commits that meet a rebalance are tried again so often, so far apart.
const COMMITS_MAX: u32 = 100;
const COMMIT_AGAIN: Duration = Duration::from_millis(100);

/// What is known of a partition that this member has.
#[derive(Debug)]
struct Own {
    /// The rebalance that brought it.
    since: u64,
    committed: Option<u64>,
    /// The next offset to deliver, once something was delivered.
    next: u64,
    /// There is something at the broker, and nothing of it has come since it was asked.
    is_awaited: bool,
}

/// Reads its share of the partitions, ahead of what its group has committed.
pub(super) struct Member {
    inbox: Arc<Inbox>,
    context: Context,
    address: String,
    group: String,
    own: BTreeMap<Partition, Own>,
    /// How many rebalances `own` has followed.
    followed: u64,
    is_paused: bool,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("group", &self.group).finish_non_exhaustive()
    }
}

impl Member {
    /// Joins `group`, and waits a while for its share.
    pub(super) async fn join(
        settings: &KafkaSettings,
        context: &Context,
        group: &str,
        topics: &[Topic],
    ) -> Result<Self> {
        let share = Arc::<Share>::default();
        let context = Context { share: Some(Arc::clone(&share)), ..context.clone() };
        let address = settings.address();
        let fail = |cause| told(&address, &format!("group {group}"), &context.heard, cause);
        let config = settings.member(group);
        let client = Client::from_config_and_context(&config, context.clone()).map_err(fail)?;
        let names: Vec<&str> = topics.iter().map(Topic::as_str).collect();
        client.subscribe(&names).map_err(fail)?;
        let inbox = Inbox::new(client, share);
        drop(tokio::spawn(Arc::clone(&inbox).fill())); // ends with the member
        let (group, own) = (group.to_owned(), BTreeMap::new());
        let member = Self { inbox, context, address, group, own, followed: 0, is_paused: false };
        let is_sharing = async {
            while member.inbox.share.assigned().partitions.is_empty() {
                member.inbox.share.news.notified().await;
            }
        };
        // Others may have to let go first, or die; or there are more members than partitions.
        let _ = tokio::time::timeout(JOIN_WAIT, is_sharing).await;
        Ok(member)
    }

    fn told(&self, what: &str, cause: KafkaError) -> Error {
        told(&self.address, &format!("group {}: {what}", self.group), &self.context.heard, cause)
    }

    /// Asks the client on a thread that may block.
    async fn ask<T: Send + 'static>(
        &self,
        what: &str,
        question: impl FnOnce(&Client) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T> {
        let inbox = Arc::clone(&self.inbox);
        let answer = tokio::task::spawn_blocking(move || question(&inbox.client)).await;
        let answer = answer.map_err(|_| Error::internal("a question to kafka was cut off"))?;
        answer.map_err(|cause| self.told(what, cause))
    }

    /// Takes over what became ours, from what the group has committed; keeps its own place in what
    /// stays ours, and lets go of the rest.
    async fn follow_rebalances(&mut self) -> Result<()> {
        let (assigned, rebalances) = {
            let share = self.inbox.share.assigned();
            if share.rebalances == self.followed {
                return Ok(());
            }
            (share.partitions.clone(), share.rebalances)
        };
        self.own.retain(|partition, own| assigned.get(partition) == Some(&own.since));
        // What was held of a partition that went and came back comes again.
        self.forget_others(&assigned);
        let is_new = |partition: &&Partition| !self.own.contains_key(*partition);
        let new: Vec<Partition> = assigned.keys().filter(is_new).cloned().collect();
        let (committed, ends) = self.positions(new.clone()).await?;
        for partition in new {
            let since = assigned[&partition];
            let committed = committed.get(&partition).copied();
            let next = committed.unwrap_or(0);
            let own = Own { since, committed, next, is_awaited: false };
            self.own.insert(partition, own);
        }
        self.await_words(&ends);
        self.followed = rebalances;
        if self.is_paused {
            self.pause_all()?;
        }
        Ok(())
    }

    /// Lets go of what was held of partitions that are not ours any more.
    fn forget_others(&self, assigned: &BTreeMap<Partition, u64>) {
        let mut held = self.inbox.held();
        let (mut bytes, mut room) = (0, false);
        held.records.retain(|(since, record)| {
            // One that was brought by a later rebalance is followed next.
            let is_ours = assigned.get(&record.place.partition).is_some_and(|at| at <= since);
            bytes += if is_ours { size(record) } else { 0 };
            room |= !is_ours;
            is_ours
        });
        held.bytes = bytes;
        drop(held);
        if room {
            self.inbox.room.notify_one();
        }
    }

    /// What the group has committed of `partitions`, and what there is of each.
    async fn positions(&self, partitions: Vec<Partition>) -> Result<(Offsets, Extents)> {
        self.ask("its positions", move |client| {
            let committed = brokers::committed_of(client, &partitions)?;
            Ok((committed, extents(client, &partitions)?))
        })
        .await
    }

    /// Notes of which partitions something must come.
    fn await_words(&mut self, extents: &Extents) {
        let held = self.inbox.held();
        for (partition, own) in &mut self.own {
            if let Some((start, end)) = extents.get(partition) {
                let is_held =
                    held.records.iter().any(|(_, record)| record.place.partition == *partition);
                own.is_awaited = *end > own.next.max(*start) && !is_held;
            }
        }
    }

    fn is_awaited(&self) -> bool {
        !self.is_paused && self.own.values().any(|own| own.is_awaited)
    }

    /// Up to `max` of what is held.
    fn deliver(&mut self, max: usize) -> Vec<Record> {
        let mut records = Vec::new();
        let mut held = self.inbox.held();
        while records.len() < max
            && let Some((since, record)) = held.records.front()
        {
            let partition = &record.place.partition;
            match self.own.get_mut(partition) {
                Some(own) if own.since == *since => {
                    own.next = record.place.offset + 1;
                    own.is_awaited = false;
                    records.extend(held.pop());
                }
                // It came by a rebalance that is followed next.
                _ if self.inbox.share.assigned().partitions.get(partition) == Some(since) => break,
                _ => drop(held.pop()),
            }
        }
        drop(held);
        if !records.is_empty() {
            self.inbox.room.notify_one();
        }
        records
    }

    fn pause_all(&self) -> Result<()> {
        let client = &self.inbox.client;
        let paused = brokers::list(self.own.keys().map(|partition| (partition, Offset::Invalid)))
            .and_then(|list| client.pause(&list));
        paused.map_err(|cause| self.told("a pause", cause))
    }

    async fn resume_all(&mut self) -> Result<()> {
        let client = &self.inbox.client;
        let resumed = brokers::list(self.own.keys().map(|partition| (partition, Offset::Invalid)))
            .and_then(|list| client.resume(&list));
        resumed.map_err(|cause| self.told("a resumption", cause))?;
        let partitions: Vec<Partition> = self.own.keys().cloned().collect();
        let extents = self.ask("its ends", move |client| extents(client, &partitions)).await?;
        self.await_words(&extents);
        Ok(())
    }

    /// Of `next` what is ours and goes on from what is committed. Refuses positions beyond the end.
    async fn to_commit(&self, next: &BTreeMap<Partition, u64>) -> Result<Offsets> {
        let mut further = Offsets::new();
        let mut unseen = Vec::new();
        for (partition, offset) in next {
            let Some(own) = self.own.get(partition) else { continue };
            if *offset > own.next {
                unseen.push(partition.clone());
            }
            if *offset > own.committed.unwrap_or(0) {
                further.insert(partition.clone(), *offset);
            }
        }
        if !unseen.is_empty() {
            let wanted = unseen.clone();
            let ends = self.ask("its ends", move |client| extents(client, &wanted)).await?;
            for partition in &unseen {
                let (offset, end) = (next[partition], ends.get(partition).map_or(0, |e| e.1));
                if offset > end {
                    return Err(Error::invalid(format!(
                        "commit of {partition}: {offset} is beyond its end, {end}"
                    )));
                }
            }
        }
        Ok(further)
    }
}

/// The oldest offset and the next one, by partition.
type Extents = BTreeMap<Partition, (u64, u64)>;

fn extents(client: &Client, partitions: &[Partition]) -> Result<Extents, KafkaError> {
    let ends = brokers::offsets_of(client, partitions, Offset::End)?;
    let starts = brokers::offsets_of(client, partitions, Offset::Beginning)?;
    let extent = |(partition, end): (Partition, u64)| {
        let start = starts.get(&partition).copied().unwrap_or(end);
        (partition, (start, end))
    };
    Ok(ends.into_iter().map(extent).collect())
}

/// A commit that was refused because the partitions are being shared out anew.
fn is_rebalancing(code: Code) -> bool {
    use Code::{IllegalGeneration, RebalanceInProgress, StaleMemberEpoch, UnknownMemberId};
    matches!(code, IllegalGeneration | RebalanceInProgress | StaleMemberEpoch | UnknownMemberId)
        || matches!(code, Code::AssignmentLost | Code::WaitingForCoordinator)
}

#[async_trait]
impl Consumer for Member {
    async fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>> {
        let patience = tokio::time::sleep(wait.saturating_add(FIRST_WORD));
        let deadline = tokio::time::sleep(wait);
        tokio::pin!(deadline, patience);
        loop {
            self.follow_rebalances().await?;
            if let Some(trouble) = self.inbox.held().trouble.take() {
                return Err(self.told("a poll", trouble));
            }
            if !self.is_paused {
                let records = self.deliver(max);
                if !records.is_empty() {
                    return Ok(records);
                }
            }
            let is_over = deadline.is_elapsed() && !(max > 0 && self.is_awaited());
            if is_over || patience.is_elapsed() {
                return Ok(Vec::new());
            }
            tokio::select! {
                () = self.inbox.share.news.notified() => {}
                () = &mut deadline, if !deadline.is_elapsed() => {}
                () = &mut patience => {}
            }
        }
    }

    async fn commit(&mut self, next: &BTreeMap<Partition, u64>) -> Result<()> {
        let mut refused = None;
        for _ in 0..COMMITS_MAX {
            self.follow_rebalances().await?;
            let further = self.to_commit(next).await?;
            if further.is_empty() {
                return Ok(());
            }
            let sent = further.clone();
            let outcome = self.ask_commit(sent).await?;
            match outcome {
                Ok(()) => {
                    for (partition, offset) in further {
                        if let Some(own) = self.own.get_mut(&partition) {
                            own.committed = Some(offset);
                        }
                    }
                    return Ok(());
                }
                Err(KafkaError::ConsumerCommit(code)) if is_rebalancing(code) => {
                    refused = Some(code);
                    tokio::time::sleep(COMMIT_AGAIN).await;
                }
                Err(cause) => return Err(self.told("a commit", cause)),
            }
        }
        let context = format!("kafka {}: group {}: a commit", self.address, self.group);
        Err(match refused {
            Some(code) => Error::new(meaning(code).0, context).with_source(code),
            None => Error::unavailable(context),
        })
    }

    async fn pause(&mut self) {
        self.is_paused = true;
        // A failure leaves records to come: they are held, and not delivered.
        drop(self.pause_all());
    }

    async fn resume(&mut self) {
        self.is_paused = false;
        // A failure is one of connection, or of partitions that have gone: the next poll tells.
        drop(self.resume_all().await);
    }

    fn assignment(&self) -> Vec<Partition> {
        self.inbox.share.assigned().partitions.keys().cloned().collect()
    }
}

impl Member {
    async fn ask_commit(&self, offsets: Offsets) -> Result<Result<(), KafkaError>> {
        self.ask("a commit", move |client| {
            let list = brokers::list(offsets.iter().map(|(p, at)| (p, brokers::to_offset(*at))))?;
            let outcome = match client.commit(&list, CommitMode::Sync) {
                Err(KafkaError::ConsumerCommit(Code::NoOffset)) | Ok(()) => Ok(()),
                Err(cause) => Err(cause),
            };
            Ok(outcome)
        })
        .await
    }
}

impl Drop for Member {
    /// Leaving takes a word with the broker, which may be away.
    fn drop(&mut self) {
        self.inbox.end.notify_one();
        close_elsewhere(Arc::clone(&self.inbox));
    }
}

impl KafkaSettings {
    fn member(&self, group: &str) -> rdkafka::ClientConfig {
        let mut config = self.client();
        config.set("group.id", group);
        config.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
        config.set("allow.auto.create.topics", "false").set("auto.offset.reset", "earliest");
        config.set("fetch.min.bytes", "1").set("fetch.wait.max.ms", "100");
        config.set("fetch.error.backoff.ms", "50");
        config.set("queued.min.messages", "10000");
        config.set("queued.max.messages.kbytes", (self.fetch_bytes_max >> 10).to_string());
        config.set("max.poll.interval.ms", self.poll_interval_max.as_millis().to_string());
        config.set("statistics.interval.ms", "5000");
        if let Some(instance) = &self.instance {
            config.set("group.instance.id", instance);
        }
        match self.protocol {
            GroupProtocol::Consumer => config.set("group.protocol", "consumer"),
            GroupProtocol::Classic => {
                let session_ms = self.session_timeout.as_millis();
                config.set("partition.assignment.strategy", "cooperative-sticky");
                config.set("session.timeout.ms", session_ms.to_string());
                config.set("heartbeat.interval.ms", (session_ms / 15).max(100).to_string())
            }
        };
        config
    }
}
