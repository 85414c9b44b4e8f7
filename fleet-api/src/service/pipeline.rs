//! Consumer groups and dead letters.

use fleet_core::{
    Error, ErrorKind, Result,
    stream::{
        PartitionLag, Topic,
        dead_letter::{self, DeadLetter, Redriven},
    },
};

use super::{Service, cut};
use crate::{
    messages::{Group, GroupPartition, Letter, Page, RedriveResult},
    page,
};

const REDRIVES_MAX: usize = 1_000;
/// Dead letters read at once: each may hold a payload of 1 MiB.
const LETTERS_STEP: usize = 16;
/// What the letters of one page come to, bytes: an answer of gRPC holds twice that.
const LETTERS_BYTES_MAX: usize = 2 << 20;

impl Service {
    pub(crate) async fn groups(&self) -> Result<Vec<Group>> {
        let now = self.parts.clock.now();
        let mut groups = Vec::new();
        for group in &self.parts.groups {
            let lag = self.parts.log.lag(group).await?;
            let oldest = lag.iter().filter_map(|partition| partition.oldest_appended_at).min();
            groups.push(Group {
                group: group.clone(),
                lag_records: lag.iter().map(|partition| partition.records).sum(),
                lag_seconds: oldest.map_or(0.0, |at| now.ms_since(at).max(0) as f64 / 1e3),
                partitions: lag.iter().map(group_partition).collect(),
            });
        }
        Ok(groups)
    }

    pub(crate) async fn dead_letters(
        &self,
        topic: Option<&str>,
        page_size: Option<u32>,
        page_token: Option<&str>,
    ) -> Result<Page<Letter>> {
        let filter = format!("dead letters {topic:?}");
        let size = page::size(page_size)?;
        let after: Option<String> = page::after(&filter, page_token)?;
        let is_wanted = |known: &Topic| topic.is_none_or(|topic| topic == known.as_str());
        let topics: Vec<Topic> = Topic::FLEET.into_iter().filter(is_wanted).collect();
        if topics.is_empty() {
            let known = Topic::FLEET.map(|topic| topic.to_string()).join(", ");
            return Err(Error::invalid(format!("topic: expected one of {known}")));
        }
        let (mut letters, size) = self.letters(&topics, after, size).await?;
        let next_page_token = cut(&mut letters, size, &filter, DeadLetter::id);
        let mut items = Vec::new();
        for letter in letters {
            items.push(self.letter(letter).await?);
        }
        Ok(Page { items, next_page_token })
    }

    /// Letters after the one called `after`, one more than a page has, and how many a page has:
    /// `size` or, if their bytes come to too much, fewer.
    async fn letters(
        &self,
        topics: &[Topic],
        mut after: Option<String>,
        size: usize,
    ) -> Result<(Vec<DeadLetter>, usize)> {
        let (mut letters, mut bytes) = (Vec::new(), 0);
        loop {
            let step = LETTERS_STEP.min(size + 1 - letters.len());
            let found = dead_letter::list(&*self.parts.log, topics, after.as_deref(), step).await?;
            let is_last = found.len() < step;
            for letter in found {
                bytes += letter.key.len() + letter.detail.len() + letter.payload.len();
                letters.push(letter);
                if bytes > LETTERS_BYTES_MAX {
                    let fitting = letters.len() - 1;
                    return Ok((letters, fitting.clamp(1, size)));
                }
            }
            if is_last || letters.len() > size {
                return Ok((letters, size));
            }
            after = letters.last().map(DeadLetter::id);
        }
    }

    pub(crate) async fn dead_letter(&self, id: &str) -> Result<Letter> {
        self.letter(dead_letter::get(&*self.parts.log, id).await?).await
    }

    async fn letter(&self, letter: DeadLetter) -> Result<Letter> {
        let id = letter.id();
        let redriven = dead_letter::is_redriven(&*self.parts.store, &id).await?;
        Ok(Letter {
            id,
            topic: letter.topic.to_string(),
            partition: letter.origin.as_ref().map(|origin| origin.partition.number),
            offset: letter.origin.as_ref().map(|origin| origin.offset),
            group: letter.group,
            reason: letter.reason,
            detail: letter.detail,
            attempts: letter.attempts,
            dead_lettered_at: letter.dead_lettered_at,
            key: letter.key,
            payload: letter.payload,
            redriven,
            redriven_from: letter.redriven_from,
        })
    }

    pub(crate) async fn redrive(
        &self,
        ids: &[String],
        dry_run: bool,
    ) -> Result<Vec<RedriveResult>> {
        if !(1..=REDRIVES_MAX).contains(&ids.len()) {
            return Err(Error::invalid("ids: expected 1 to 1000"));
        }
        let mut results: Vec<RedriveResult> = Vec::new();
        let mut is_away = false;
        for id in ids {
            let outcome = if is_away {
                Ok(("not_tried", String::new()))
            } else {
                self.put_back(id, dry_run).await
            };
            is_away |= outcome.is_err();
            results.push(match outcome {
                // What was put back before the failure stays told.
                Err(error) if results.is_empty() => return Err(error),
                Err(error) => {
                    RedriveResult { id: id.clone(), outcome: "failed", detail: error.to_string() }
                }
                Ok((outcome, detail)) => RedriveResult { id: id.clone(), outcome, detail },
            });
        }
        Ok(results)
    }

    /// One letter's outcome, in the contract's word, with its detail.
    async fn put_back(&self, id: &str, dry_run: bool) -> Result<(&'static str, String)> {
        let (log, store) = (&*self.parts.log, &*self.parts.store);
        let redriven = dead_letter::redrive(log, store, id, dry_run, &fleet_proto::validate).await;
        Ok(match redriven {
            Err(error) if error.kind() == ErrorKind::Invalid => ("invalid", error.to_string()),
            redriven => match redriven? {
                Redriven::Done => ("redriven", String::new()),
                Redriven::Already => ("already_redriven", String::new()),
                Redriven::Would => ("would_redrive", String::new()),
                Redriven::WouldFail(why) => ("would_fail", why),
                Redriven::NotFound => ("not_found", String::new()),
            },
        })
    }
}

fn group_partition(lag: &PartitionLag) -> GroupPartition {
    GroupPartition {
        topic: lag.partition.topic.to_string(),
        partition: lag.partition.number,
        committed: lag.committed,
        end: lag.end,
        lag_records: lag.records,
    }
}
