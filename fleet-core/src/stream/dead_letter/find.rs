//! Finding letters: by topic, reason and time, within bounds.

use std::collections::BTreeMap;

use super::{DeadLetter, Reason, id_of, parse_id};
use crate::{
    Error, Result,
    stream::{EventLog, Record, Topic},
    time::Time,
};

/// Records that one call looks at, however few of them match.
const SCAN_MAX: usize = 20_000;
/// Records read at once at first, and after large ones: each may hold a payload of 1 MiB.
const STEP_MIN: usize = 16;
/// Records read at once while they are small: what is held at once is 64 MiB at the very most.
const STEP_MAX: usize = 64;
/// So many bytes in one step are no reason to read fewer records at once.
const STEP_BYTES: usize = 256 << 10;

/// Which letters. What is not given is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Where the originals stood: one or more.
    pub topics: Vec<Topic>,
    /// Why they were set aside.
    pub reason: Option<Reason>,
    /// Set aside from this platform time on.
    pub from: Option<Time>,
    /// Set aside before this platform time.
    pub to: Option<Time>,
}

impl Filter {
    /// Every letter of the fleet's topics.
    pub fn all() -> Self {
        Self { topics: Topic::FLEET.to_vec(), reason: None, from: None, to: None }
    }

    /// The letters of one topic, for one reason, in a window of platform time: what is `None` is not
    /// asked.
    ///
    /// # Errors
    /// `Invalid` for a topic that is none of the fleet's, for a word that is no reason, and for a
    /// window that ends before it begins.
    pub fn of(
        topic: Option<&str>,
        reason: Option<&str>,
        from: Option<Time>,
        to: Option<Time>,
    ) -> Result<Self> {
        let mut topics = Topic::FLEET.to_vec();
        topics.retain(|known| topic.is_none_or(|topic| topic == known.as_str()));
        if topics.is_empty() {
            let known = Topic::FLEET.map(|topic| topic.to_string()).join(", ");
            return Err(Error::invalid(format!("topic: expected one of {known}")));
        }
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            return Err(Error::invalid(format!("to: {to} is before from, {from}")));
        }
        Ok(Self { topics, reason: reason.map(str::parse).transpose()?, from, to })
    }

    fn takes(&self, letter: &DeadLetter) -> bool {
        self.reason.is_none_or(|reason| reason == letter.reason)
            && self.from.is_none_or(|from| letter.dead_lettered_at >= from)
            && self.to.is_none_or(|to| letter.dead_lettered_at < to)
    }
}

/// A piece of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// By topic, partition and offset. There may be none although more is to come.
    pub letters: Vec<DeadLetter>,
    /// The letter after which to go on; `None` at the end.
    pub next: Option<String>,
    /// How many records were looked at.
    looked_at: usize,
}

/// Letters after the one called `after`, at most `max`, or as many as come to `bytes_max` (at least
/// one). Looks at 20,000 records at most.
///
/// # Errors
/// `Invalid` for a malformed `after`; those of the log.
pub async fn list(
    log: &dyn EventLog,
    filter: &Filter,
    after: Option<&str>,
    max: usize,
    bytes_max: usize,
) -> Result<Found> {
    let after = after.map(parse_id).transpose()?;
    let mut partitions = Vec::new();
    for topic in &filter.topics {
        let extents = log.extents(&topic.dead_letters()).await?;
        partitions.extend(extents.into_iter().map(|extent| (extent.partition, extent.start)));
    }
    partitions.sort();
    let (mut found, mut bytes) = (Found::default(), 0);
    for (partition, start) in partitions {
        let mut from = match &after {
            Some(place) if partition < place.partition => continue,
            Some(place) if partition == place.partition => start.max(place.offset + 1),
            _ => start,
        };
        let mut step = STEP_MIN;
        loop {
            let records = log.read(&partition, from, step).await?;
            let Some(last) = records.last() else { break };
            from = last.place.offset + 1;
            let read: usize = records.iter().map(size).sum();
            step = if read <= STEP_BYTES { STEP_MAX.min(step * 2) } else { STEP_MIN };
            for record in &records {
                let letter = DeadLetter::parse(record)?;
                found.looked_at += 1;
                if !filter.takes(&letter) {
                    continue;
                }
                bytes += letter.bytes();
                let is_full = found.letters.len() == max || bytes > bytes_max;
                if is_full && !found.letters.is_empty() {
                    found.next = found.letters.last().map(DeadLetter::id);
                    return Ok(found);
                }
                found.letters.push(letter);
            }
            if found.looked_at >= SCAN_MAX {
                found.next = Some(id_of(&last.place));
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// What a record weighs.
fn size(record: &Record) -> usize {
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    record.key.len() + headers + record.payload.len()
}

/// The letter called `id`.
///
/// # Errors
/// `Invalid` for a malformed id; `NotFound`; those of the log.
pub async fn get(log: &dyn EventLog, id: &str) -> Result<DeadLetter> {
    let place = parse_id(id)?;
    let records = log.read(&place.partition, place.offset, 1).await?;
    match records.first() {
        Some(record) if record.place == place => DeadLetter::parse(record),
        _ => Err(Error::not_found(format!("dead letter {id}: not there"))),
    }
}

/// How many letters of one topic there are for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonCount {
    /// Where the originals stood.
    pub topic: Topic,
    /// Why they were set aside.
    pub reason: Reason,
    /// How many.
    pub letters: u64,
    /// When the first of them was set aside.
    pub oldest_at: Time,
    /// When the last of them was set aside.
    pub newest_at: Time,
    /// The last of them.
    pub newest_id: String,
}

/// Letters counted by topic and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// By topic and reason; those with no letter are left out.
    pub groups: Vec<ReasonCount>,
    /// Whether all were looked at; if not, there are more than were counted.
    pub is_complete: bool,
}

/// Counts letters by topic and reason, looking at `max` records at most, to the nearest 20,000.
///
/// # Errors
/// Those of the log.
pub async fn count(log: &dyn EventLog, filter: &Filter, max: usize) -> Result<Counted> {
    let mut groups: BTreeMap<(Topic, Reason), ReasonCount> = BTreeMap::new();
    let (mut after, mut counted): (Option<String>, usize) = (None, 0);
    loop {
        // A page's worth at a time: payloads are let go at once.
        let page = list(log, filter, after.as_deref(), 1_000, 4 << 20).await?;
        counted += page.looked_at;
        for letter in page.letters {
            let (at, id) = (letter.dead_lettered_at, letter.id());
            let group = groups.entry((letter.topic.clone(), letter.reason)).or_insert_with(|| {
                let (topic, reason, newest_id) = (letter.topic, letter.reason, id.clone());
                ReasonCount { topic, reason, letters: 0, oldest_at: at, newest_at: at, newest_id }
            });
            group.letters += 1;
            group.oldest_at = group.oldest_at.min(at);
            if at >= group.newest_at {
                (group.newest_at, group.newest_id) = (at, id);
            }
        }
        after = page.next;
        if after.is_none() || counted >= max {
            return Ok(Counted {
                groups: groups.into_values().collect(),
                is_complete: after.is_none(),
            });
        }
    }
}
