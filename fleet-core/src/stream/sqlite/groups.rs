//! Who reads what: groups, their members, and how far each has come. Pure bookkeeping.

use std::collections::BTreeMap;

use crate::stream::{Partition, Topic};

#[derive(Debug, Default)]
struct Group {
    /// The next offset to consume, per partition; `None` until the first commit.
    committed: BTreeMap<Partition, Option<u64>>,
    /// Members by id, with what they subscribed to.
    members: BTreeMap<u64, Vec<Partition>>,
    /// Grows with every join and leave.
    generation: u64,
}

impl Group {
    /// Each partition goes to one of the members that subscribed to it, in turn.
    fn owner(&self, partition: &Partition) -> Option<u64> {
        let mut takers: Vec<u64> = Vec::new();
        for (id, wanted) in &self.members {
            if wanted.contains(partition) {
                takers.push(*id);
            }
        }
        let turn = usize::try_from(partition.number).unwrap_or(0).checked_rem(takers.len())?;
        takers.get(turn).copied()
    }
}

/// Every registered group.
#[derive(Debug, Default)]
pub(super) struct Groups {
    by_name: BTreeMap<String, Group>,
    last_member: u64,
}

impl Groups {
    /// Notes that `group` reads `partition`, and what it had committed.
    pub(super) fn register(&mut self, group: &str, partition: Partition, committed: Option<u64>) {
        let group = self.by_name.entry(group.to_owned()).or_default();
        group.committed.entry(partition).or_insert(committed);
    }

    /// Adds a member reading `partitions`; returns its id.
    pub(super) fn join(&mut self, group: &str, partitions: Vec<Partition>) -> u64 {
        self.last_member += 1;
        let group = self.by_name.entry(group.to_owned()).or_default();
        for partition in &partitions {
            group.committed.entry(partition.clone()).or_insert(None);
        }
        group.members.insert(self.last_member, partitions);
        group.generation += 1;
        self.last_member
    }

    /// Takes a member out; its partitions go to the others.
    pub(super) fn leave(&mut self, group: &str, member: u64) {
        if let Some(group) = self.by_name.get_mut(group) {
            group.members.remove(&member);
            group.generation += 1;
        }
    }

    /// The group's generation: unchanged as long as nobody joins or leaves.
    pub(super) fn generation(&self, group: &str) -> u64 {
        self.by_name.get(group).map_or(0, |group| group.generation)
    }

    /// What `member` owns now, with the offset to start from.
    pub(super) fn assignment(&self, group: &str, member: u64) -> BTreeMap<Partition, u64> {
        let Some(group) = self.by_name.get(group) else { return BTreeMap::new() };
        let owned = |(partition, committed): (&Partition, &Option<u64>)| {
            let is_mine = group.owner(partition) == Some(member);
            is_mine.then(|| (partition.clone(), committed.unwrap_or(0)))
        };
        group.committed.iter().filter_map(owned).collect()
    }

    /// Raises what `group` has committed; never lowers it.
    pub(super) fn commit(&mut self, group: &str, next: &BTreeMap<Partition, u64>) {
        let Some(group) = self.by_name.get_mut(group) else { return };
        for (partition, offset) in next {
            if let Some(committed) = group.committed.get_mut(partition) {
                *committed = Some(committed.unwrap_or(0).max(*offset));
            }
        }
    }

    /// Every partition of `group` with what it has committed.
    pub(super) fn positions(&self, group: &str) -> impl Iterator<Item = (&Partition, Option<u64>)> {
        let group = self.by_name.get(group);
        group.into_iter().flat_map(|group| group.committed.iter().map(|(p, at)| (p, *at)))
    }

    /// The least that any group reading `partition` has committed; `None` if no group reads it.
    pub(super) fn least_committed(&self, partition: &Partition) -> Option<u64> {
        let committed = |group: &Group| group.committed.get(partition).map(|at| at.unwrap_or(0));
        self.by_name.values().filter_map(committed).min()
    }

    /// By how many records the slowest group reading `topic` is behind, over all its partitions.
    pub(super) fn behind_most(
        &self,
        topic: &Topic,
        ends: &BTreeMap<Partition, u64>,
    ) -> Option<u64> {
        let behind = |group: &Group| {
            let lags = group.committed.iter().filter(|(partition, _)| partition.topic == *topic);
            lags.map(|(partition, at)| {
                ends.get(partition).copied().unwrap_or(0).saturating_sub(at.unwrap_or(0))
            })
            .reduce(u64::saturating_add)
        };
        self.by_name.values().filter_map(behind).max()
    }
}
