//! What the log knows of itself: a topic of one partition that is kept for ever, read from its
//! first record on by everybody. It holds the log's identity, its topics, and which groups read
//! them; few records, for one is written only when something is new.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, Hasher, RandomState},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    stream::{NewRecord, Record, Topic},
};

/// One record of the registry.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    /// The log's `nth` identity. Of several with one number the first counts: processes may start
    /// a log at once.
    Identity { nth: u64, id: String },
    /// A topic of the log's.
    Topic(String),
    /// A group that reads a topic.
    Group { group: String, topic: String },
}

/// All that was read of it so far.
#[derive(Debug, Default)]
pub(super) struct Registry {
    /// The next offset to read.
    pub(super) next: u64,
    identity: Option<(u64, String)>,
    pub(super) topics: BTreeSet<Topic>,
    groups: BTreeMap<String, BTreeSet<Topic>>,
}

impl Registry {
    /// Takes in what was read.
    pub(super) fn learn(&mut self, records: &[Record]) -> Result<()> {
        for record in records {
            let place = &record.place;
            if place.offset < self.next {
                continue; // another read at the same time
            }
            let entry = serde_json::from_slice(&record.payload).map_err(|cause| {
                let Topic(name) = &place.partition.topic;
                let context = format!("kafka: {name} at {}: no entry of a registry", place.offset);
                Error::corrupt(context).with_source(cause)
            })?;
            match entry {
                Entry::Identity { nth, id } if nth == self.next_identity() => {
                    self.identity = Some((nth, id));
                }
                Entry::Identity { .. } => {}
                Entry::Topic(topic) => drop(self.topics.insert(topic.parse()?)),
                Entry::Group { group, topic } => {
                    self.groups.entry(group).or_default().insert(topic.parse()?);
                }
            }
            self.next = place.offset + 1;
        }
        Ok(())
    }

    fn next_identity(&self) -> u64 {
        self.identity.as_ref().map_or(0, |(nth, _)| nth + 1)
    }

    /// Who this log is.
    pub(super) fn identity(&self) -> Option<&str> {
        self.identity.as_ref().map(|(_, id)| id.as_str())
    }

    /// The next identity. Of all things it is the one that must never come twice: 128 bits of the
    /// system's randomness, which is what std keys its hashers with.
    pub(super) fn new_identity(&self) -> Entry {
        let random = || RandomState::new().build_hasher().finish();
        Entry::Identity {
            nth: self.next_identity(),
            id: format!("{:016x}{:016x}", random(), random()),
        }
    }

    /// What `group` reads; `None` if nobody knows it.
    pub(super) fn topics_of(&self, group: &str) -> Option<&BTreeSet<Topic>> {
        self.groups.get(group)
    }

    /// Who reads `topic`.
    pub(super) fn groups_of(&self, topic: &Topic) -> Vec<String> {
        let reading = self.groups.iter().filter(|(_, topics)| topics.contains(topic));
        reading.map(|(group, _)| group.clone()).collect()
    }
}

impl Entry {
    /// The record that says so.
    pub(super) fn into_record(self, registry: &Topic) -> Result<NewRecord> {
        let payload = serde_json::to_vec(&self)
            .map_err(|cause| Error::internal("an entry of the registry").with_source(cause))?;
        Ok(NewRecord {
            topic: registry.clone(),
            key: Bytes::new(),
            headers: Vec::new(),
            payload: payload.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        stream::{Partition, Place},
        time::Time,
    };

    fn learned(entries: Vec<Entry>) -> Registry {
        let topic: Topic = "log".parse().expect("a word");
        let record = |(offset, entry): (usize, Entry)| {
            let NewRecord { key, headers, payload, .. } = entry.into_record(&topic).expect("JSON");
            let partition = Partition { topic: topic.clone(), number: 0 };
            let place = Place { partition, offset: offset as u64 };
            Record { place, key, headers, payload, appended_at: Time::from_ms(0) }
        };
        let records: Vec<Record> = entries.into_iter().enumerate().map(record).collect();
        let mut registry = Registry::default();
        registry.learn(&records).expect("entries");
        registry.learn(&records[1..]).expect("what is known already");
        registry
    }

    #[test]
    fn of_those_who_name_a_log_at_once_the_first_counts() {
        let id = |nth, id: &str| Entry::Identity { nth, id: id.to_owned() };
        let entries = vec![id(0, "a"), id(0, "b"), id(1, "c"), id(1, "d"), id(0, "e")];
        assert_eq!(learned(entries).identity(), Some("c"));
        assert_ne!(Registry::default().new_identity(), Registry::default().new_identity());
    }

    #[test]
    fn groups_are_known_by_what_they_read() {
        let reads = |group: &str, topic: &str| Entry::Group {
            group: group.to_owned(),
            topic: topic.to_owned(),
        };
        let registry = learned(vec![reads("g", "a"), reads("h", "b"), reads("g", "b")]);
        let topic: Topic = "b".parse().expect("a word");
        assert_eq!(registry.groups_of(&topic), ["g", "h"]);
        assert_eq!(registry.topics_of("g").map(BTreeSet::len), Some(2));
        assert_eq!(registry.topics_of("i"), None);
    }
}
