//! Who reads what: groups, their members, and how far each has come. Pure bookkeeping.

use std::collections::BTreeMap;

use crate::stream::{Partition, Topic};

/// What is kept of each partition.
#[derive(Debug, Default)]
pub(super) struct Extents(BTreeMap<Partition, (u64, u64)>);

impl Extents {
    /// The oldest offset kept and the next one to be given, both 0 of what was never written.
    pub(super) fn of(&self, partition: &Partition) -> (u64, u64) {
        self.0.get(partition).copied().unwrap_or((0, 0))
    }

    /// Every partition ever written.
    pub(super) fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.0.keys()
    }

    /// Notes what a partition has lost and gained; neither bound ever falls.
    pub(super) fn raise(&mut self, partition: &Partition, start: u64, end: u64) {
        let extent = self.0.entry(partition.clone()).or_default();
        *extent = (extent.0.max(start), extent.1.max(end));
    }

    /// How many records are kept and not committed.
    pub(super) fn behind(&self, partition: &Partition, committed: Option<u64>) -> u64 {
        let (start, end) = self.of(partition);
        end.saturating_sub(committed.unwrap_or(0).max(start))
    }
}

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

    /// How many members the group has.
    pub(super) fn members(&self, group: &str) -> u32 {
        let members = self.by_name.get(group).map_or(0, |group| group.members.len());
        u32::try_from(members).unwrap_or(u32::MAX)
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

    /// By how many kept records the slowest group reading `topic` is behind, over all its
    /// partitions.
    pub(super) fn behind_most(&self, topic: &Topic, kept: &Extents) -> Option<u64> {
        let behind = |group: &Group| {
            let of_topic =
                group.committed.iter().filter(|(partition, _)| partition.topic == *topic);
            of_topic.map(|(partition, at)| kept.behind(partition, *at)).reduce(u64::saturating_add)
        };
        self.by_name.values().filter_map(behind).max()
    }
}
