//! How far the groups are, and how they are doing.

use std::collections::BTreeMap;

use fleet_core::{
    Result,
    stream::{
        GroupLag, Members, Partition, PartitionLag,
        lag::{GroupHealth, Verdict},
    },
    time::Time,
};

use super::Service;
use crate::messages::{Group, GroupPartition};

impl Service {
    pub(crate) async fn groups(&self) -> Result<Vec<Group>> {
        let now = self.parts.clock.now();
        let mut groups = Vec::new();
        for group in &self.parts.groups {
            let lag = self.parts.log.lag(group).await?;
            groups.push(told(group, &lag, self.parts.lag.health(group, now).as_ref(), now));
        }
        Ok(groups)
    }
}

/// The numbers of this moment, and the words that those of the last minutes make.
fn told(group: &str, lag: &GroupLag, known: Option<&GroupHealth>, now: Time) -> Group {
    let partitions = known.into_iter().flat_map(|health| &health.partitions);
    let words: BTreeMap<&Partition, Verdict> =
        partitions.map(|health| (&health.partition, health.verdict)).collect();
    let partition = |lag: &PartitionLag| GroupPartition {
        topic: lag.partition.topic.to_string(),
        partition: lag.partition.number,
        committed: lag.committed,
        end: lag.end,
        lag_records: lag.records,
        lag_seconds: lag.oldest_appended_at.map_or(0.0, |at| seconds(now, at)),
        verdict: words.get(&lag.partition).map_or(Verdict::Unknown, |word| *word).as_str(),
    };
    let oldest = lag.partitions.iter().filter_map(|partition| partition.oldest_appended_at).min();
    Group {
        group: group.to_owned(),
        lag_records: lag.records(),
        lag_seconds: oldest.map_or(0.0, |at| seconds(now, at)),
        verdict: known.map_or(Verdict::Unknown, |health| health.verdict).as_str(),
        since: known.and_then(|health| health.since),
        members: match lag.members {
            Members::Present(members) => Some(members),
            Members::Unknown | Members::Rebalancing => None,
        },
        rebalancing: lag.members == Members::Rebalancing,
        lag_trend: known.and_then(|health| health.trend),
        catch_up_seconds: known.and_then(|health| health.catch_up_seconds),
        loss_in_seconds: known.and_then(|health| health.loss_in_seconds),
        partitions: lag.partitions.iter().map(partition).collect(),
    }
}

fn seconds(now: Time, since: Time) -> f64 {
    now.ms_since(since).max(0) as f64 / 1e3
}
