//! A member of a group of the naive log.

use std::sync::Weak;

use async_trait::async_trait;

use super::{super::*, Fault, Shared, lock, partitions};
use crate::{Error, Result};

/// Reads its share, ahead of what its group has committed.
pub(super) struct NaiveMember {
    pub(super) shared: Shared,
    pub(super) group: String,
    pub(super) id: u64,
    /// The next offset to deliver of what is ours.
    pub(super) next: BTreeMap<Partition, u64>,
    pub(super) is_paused: bool,
    pub(super) alive: Weak<()>,
}

impl fmt::Debug for NaiveMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NaiveMember").field("group", &self.group).finish_non_exhaustive()
    }
}

impl NaiveMember {
    /// What is ours now: partition n of a topic goes to the n-th of those who read it, in turn.
    fn owned(&self) -> Vec<Partition> {
        let present = lock(&self.shared.present);
        let Some(members) = present.get(&self.group) else { return Vec::new() };
        let mut owned = Vec::new();
        for partition in members.get(&self.id).into_iter().flatten().flat_map(partitions) {
            let reads = |(_, topics): &(&u64, &Vec<Topic>)| topics.contains(&partition.topic);
            let readers: Vec<u64> = members.iter().filter(reads).map(|(id, _)| *id).collect();
            let owner = readers.get(partition.number as usize % readers.len());
            if owner == Some(&self.id) || self.shared.has(Fault::GivesToAll) {
                owned.push(partition);
            }
        }
        owned
    }

    /// Takes over what became ours, and gives up what did not stay so.
    fn follow(&mut self) {
        let owned = self.owned();
        let disk = lock(&self.shared.disk);
        let from = |partition: &Partition| match self.next.get(partition) {
            // It may have been another's meanwhile, unnoticed: what that one committed is done.
            Some(next) => disk.committed(&self.group, partition).unwrap_or(0).max(*next),
            None if self.shared.has(Fault::ForgetsLeavers) && self.id > 0 => disk.end(partition),
            None if self.shared.has(Fault::ForgetsLeavers) && !self.next.is_empty() => {
                disk.end(partition)
            }
            None => disk.committed(&self.group, partition).unwrap_or(0),
        };
        let next = owned.into_iter().map(|partition| (partition.clone(), from(&partition)));
        let next: BTreeMap<_, _> = next.collect();
        drop(disk);
        self.next = next;
    }

    fn take(&mut self, max: usize) -> Vec<Record> {
        self.follow();
        let max = if self.shared.has(Fault::IgnoresMax) { max.max(4) } else { max };
        let mut disk = lock(&self.shared.disk);
        let mut page = Vec::new();
        for (partition, next) in &mut self.next {
            let more = disk.from(partition, *next).take(max - page.len()).cloned();
            page.extend(more);
            let last = page.last().filter(|record| record.place.partition == *partition);
            *next = last.map_or(*next, |record| record.place.offset + 1);
        }
        if self.shared.has(Fault::CommitsOnPoll)
            && let Some(group) = disk.groups.get_mut(&self.group)
        {
            group.committed.extend(after(&page));
        }
        page
    }
}

#[async_trait]
impl Consumer for NaiveMember {
    async fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>> {
        if self.shared.has(Fault::ClosesConsumers) && self.alive.upgrade().is_none() {
            return Err(Error::unavailable("closed"));
        }
        let mut changes = self.shared.changes.subscribe();
        let look_again = async {
            loop {
                changes.mark_unchanged();
                let page = match (self.is_paused, self.shared.has(Fault::IgnoresPause)) {
                    (true, false) => Vec::new(),
                    _ => self.take(max),
                };
                if self.shared.has(Fault::NeverWakes) {
                    tokio::task::yield_now().await;
                    changes.mark_unchanged(); // what came meanwhile is taken for seen
                }
                if !page.is_empty() {
                    return page;
                }
                drop(changes.changed().await); // `self.shared` keeps a sender
            }
        };
        Ok(tokio::time::timeout(wait, look_again).await.unwrap_or_default())
    }

    async fn commit(&mut self, next: &BTreeMap<Partition, u64>) -> Result<()> {
        self.follow();
        let shared = &self.shared;
        let mut disk = lock(&shared.disk);
        let is_beyond = |(partition, offset): (&Partition, &u64)| *offset > disk.end(partition);
        if !shared.has(Fault::CommitsAnything) && next.iter().any(is_beyond) {
            return Err(Error::invalid("commit: beyond the end"));
        }
        let Some(group) = disk.groups.get_mut(&self.group) else { return Ok(()) };
        for (partition, offset) in next {
            if self.next.contains_key(partition) || shared.has(Fault::CommitsForOthers) {
                let committed = group.committed.entry(partition.clone()).or_insert(0);
                let is_older = *offset < *committed && !shared.has(Fault::GoesBack);
                *committed = if is_older { *committed } else { *offset };
            }
        }
        drop(disk);
        shared.announce();
        Ok(())
    }

    async fn pause(&mut self) {
        self.is_paused = true;
    }

    async fn resume(&mut self) {
        self.is_paused = false;
        if self.shared.has(Fault::RestartsOnResume) {
            self.next.clear();
        }
    }

    fn assignment(&self) -> Vec<Partition> {
        self.owned()
    }
}

impl Drop for NaiveMember {
    fn drop(&mut self) {
        if !self.shared.has(Fault::KeepsLeavers)
            && let Some(members) = lock(&self.shared.present).get_mut(&self.group)
        {
            members.remove(&self.id);
        }
        self.shared.announce();
    }
}
