//! A member of a group.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::Inner;
use crate::{
    Error, Result, sqlite,
    stream::{Consumer, Partition, Record},
};

/// Reads its share of the partitions, ahead of what its group has committed.
#[derive(Debug)]
pub(super) struct Member {
    log: Arc<Inner>,
    group: String,
    id: u64,
    generation: u64,
    /// The next offset to deliver, per assigned partition.
    positions: BTreeMap<Partition, u64>,
    is_paused: bool,
    /// Rotates which partition is asked first, so that none starves.
    turn: usize,
}

impl Member {
    pub(super) fn new(log: Arc<Inner>, group: String, id: u64) -> Self {
        let positions = BTreeMap::new();
        let mut member =
            Self { log, group, id, generation: 0, positions, is_paused: false, turn: 0 };
        member.follow_rebalance();
        member
    }

    /// Takes over what became ours, from what the group has committed; keeps its own place in what
    /// stays ours.
    fn follow_rebalance(&mut self) {
        let known = self.log.known();
        let generation = known.groups.generation(&self.group);
        if generation == self.generation {
            return;
        }
        let mut assigned = known.groups.assignment(&self.group, self.id);
        drop(known);
        for (partition, position) in &mut assigned {
            if let Some(own) = self.positions.get(partition) {
                *position = (*position).max(*own);
            }
        }
        self.positions = assigned;
        self.generation = generation;
    }

    /// Partitions that have more than was delivered, each with its end, the next in turn first.
    fn ready(&mut self) -> Vec<(Partition, u64)> {
        let known = self.log.known();
        let more = |(partition, position): (&Partition, &u64)| {
            let end = known.kept.of(partition).1;
            (end > *position).then(|| (partition.clone(), end))
        };
        let mut ready: Vec<(Partition, u64)> = self.positions.iter().filter_map(more).collect();
        drop(known);
        if !ready.is_empty() {
            self.turn = (self.turn + 1) % ready.len();
            ready.rotate_left(self.turn);
        }
        ready
    }

    /// Refuses positions beyond what has been published.
    fn check_ends(&self, next: &BTreeMap<Partition, u64>) -> Result<()> {
        let known = self.log.known();
        for (partition, offset) in next {
            let end = known.kept.of(partition).1;
            if *offset > end {
                let Partition { topic, number } = partition;
                return Err(Error::invalid(format!(
                    "commit of {topic}/{number}: {offset} is beyond its end, {end}"
                )));
            }
        }
        Ok(())
    }

    async fn take(&mut self, max: usize) -> Result<Vec<Record>> {
        let ready = self.ready();
        let (mut records, mut moved) = (Vec::new(), Vec::new());
        for (done, (partition, end)) in ready.iter().enumerate() {
            // What is left is shared by the partitions still to be asked.
            let share = (max - records.len()).div_ceil(ready.len() - done);
            let position = self.positions.get(partition).copied().unwrap_or(0);
            let mut page = self.log.read_partition(partition, position, share).await?;
            // The file may hold more already than has been acknowledged: that comes next.
            page.truncate(page.partition_point(|record| record.place.offset < *end));
            if let Some(last) = page.last() {
                moved.push((partition.clone(), last.place.offset + 1));
            }
            records.extend(page);
        }
        // Only once every read has succeeded: what a failure threw away must come again.
        self.positions.extend(moved);
        Ok(records)
    }
}

#[async_trait]
impl Consumer for Member {
    async fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>> {
        let mut changes = self.log.changes.subscribe();
        let deadline = tokio::time::sleep(wait);
        tokio::pin!(deadline);
        loop {
            // Marked before looking: what comes after the look wakes the wait below.
            changes.mark_unchanged();
            self.follow_rebalance();
            if !self.is_paused && max > 0 {
                let records = self.take(max).await?;
                if !records.is_empty() {
                    return Ok(records);
                }
            }
            tokio::select! {
                () = &mut deadline => return Ok(Vec::new()),
                changed = changes.changed() => if changed.is_err() { return Ok(Vec::new()) },
            }
        }
    }

    async fn commit(&mut self, next: &BTreeMap<Partition, u64>) -> Result<()> {
        self.follow_rebalance();
        let is_ours = |partition: &Partition| self.positions.contains_key(partition);
        let next: BTreeMap<Partition, u64> = next
            .iter()
            .filter(|(partition, _)| is_ours(partition))
            .map(|(partition, offset)| (partition.clone(), *offset))
            .collect();
        if next.is_empty() {
            return Ok(());
        }
        self.check_ends(&next)?;
        let (group, path) = (self.group.clone(), Arc::clone(&self.log.path));
        let known = Arc::clone(&self.log.known);
        let changes = self.log.changes.clone();
        let work = move |connection: &Connection| {
            let put = || -> rusqlite::Result<()> {
                let mut raise = connection.prepare_cached(
                    "UPDATE positions SET committed = MAX(COALESCE(committed, 0), ?4)
                     WHERE consumer_group = ?1 AND topic = ?2 AND partition = ?3",
                )?;
                for (partition, offset) in &next {
                    let topic = partition.topic.as_str();
                    raise.execute(params![group, topic, partition.number, offset.cast_signed()])?;
                }
                Ok(())
            };
            put().map_err(|cause| sqlite::error(&path, cause))?;
            Ok((group, next))
        };
        let after = move |(group, next): &(String, BTreeMap<Partition, u64>)| {
            known
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .groups
                .commit(group, next);
            changes.send_modify(|count| *count = count.wrapping_add(1));
        };
        self.log.writer()?.call(work, after).await?;
        Ok(())
    }

    async fn pause(&mut self) {
        self.is_paused = true;
    }

    async fn resume(&mut self) {
        self.is_paused = false;
    }

    fn assignment(&self) -> Vec<Partition> {
        self.log.known().groups.assignment(&self.group, self.id).into_keys().collect()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.log.known().groups.leave(&self.group, self.id);
        self.log.announce();
    }
}
