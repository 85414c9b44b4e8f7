//! Putting letters back, each once.
//!
//! A mark in the store says of each letter what was done. It is set twice: before the originals are
//! published, with the ends of their topic, and after. A redrive that was cut off between the two
//! looks from there on for what it did publish, so that the next one goes on where this one ended
//! and no consumer sees a record twice. Two redrives of one letter at the same moment are not told
//! apart; then the sink, which is idempotent, has the last word.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{ATTEMPTS, DeadLetter, FIRST, REDRIVEN_FROM, Reason, Refusal, header};
use crate::{
    Error, Result,
    domain::TelemetryEvent,
    error::Remedy,
    store::{Document, FleetStore, Watermarks, Write},
    stream::{EventLog, NewRecord, Partition, Topic, bounds},
};

/// Kind of the documents that mark redriven letters.
const REDRIVEN: &str = "redriven";
/// Records looked at together for what an interrupted redrive published.
const STEP: usize = 256;

/// What a consumer makes of a record with these headers and bytes: the event, if it is one, or why
/// it is set aside. Must be the very reader that consumers use.
pub type Read<'a> = dyn Fn(&Topic, &[(String, Bytes)], &[u8]) -> Result<Option<Box<TelemetryEvent>>, Refusal>
    + Sync
    + 'a;

/// What became of one letter that was to be put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redriven {
    /// It is in its topic again.
    Done,
    /// It was put back before.
    Already,
    /// It would be put back and be handled (dry run).
    Would,
    /// It would fail again, for this reason: it stays.
    WouldFail(Refusal),
}

impl Redriven {
    /// The word for it, as the API and the commands write it: `already_redriven`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "redriven",
            Self::Already => "already_redriven",
            Self::Would => "would_redrive",
            Self::WouldFail(_) => "would_fail",
        }
    }
}

/// Whether letters are put back, or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the line above")]
pub enum Mode {
    PutBack,
    DryRun,
}

/// The mark of one letter.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Mark {
    /// The ends of its topic's partitions before it was published; `None` once it certainly is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun_at: Option<Ends>,
}

/// Numbers of partitions, and where each ended. One that is not there was empty.
type Ends = BTreeMap<u32, u64>;

impl Mark {
    const DONE: Self = Self { begun_at: None };

    fn write(&self, id: &str) -> Result<Write> {
        let body =
            serde_json::to_string(self).map_err(|e| Error::internal("mark").with_source(e))?;
        Ok(Write::Document(Document { kind: REDRIVEN.into(), id: id.into(), body }))
    }
}

/// Whether the letter called `id` was put back before.
///
/// # Errors
/// Those of the store.
pub async fn is_redriven(store: &dyn FleetStore, id: &str) -> Result<bool> {
    Ok(mark(store, id).await?.is_some_and(|mark| mark.begun_at.is_none()))
}

async fn mark(store: &dyn FleetStore, id: &str) -> Result<Option<Mark>> {
    let documents = store.documents(REDRIVEN, Some(id), None, 1).await?;
    let Some(document) = documents.into_iter().next() else { return Ok(None) };
    let corrupt = |e| Error::corrupt(format!("mark of dead letter {id}")).with_source(e);
    serde_json::from_str(&document.body).map(Some).map_err(corrupt)
}

/// Puts letters back where they came from.
pub struct Redriver<'a> {
    /// Where they lie and where they go.
    pub log: &'a dyn EventLog,
    /// Where it is marked, and what the consumer would write to.
    pub store: &'a dyn FleetStore,
    /// What the consumer would make of them.
    pub read: &'a Read<'a>,
}

impl std::fmt::Debug for Redriver<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redriver").field("log", &self.log).finish_non_exhaustive()
    }
}

impl Redriver<'_> {
    /// Puts `letters` back, or says what would become of each: one answer for each, in their order.
    /// What would fail again stays. Cut off anywhere, it can be asked again.
    ///
    /// # Errors
    /// Those of log and store; any part may have been put back, and is `Already` next time.
    pub async fn redrive(&self, letters: &[DeadLetter], mode: Mode) -> Result<Vec<Redriven>> {
        let mut answers: Vec<Option<Redriven>> = Vec::with_capacity(letters.len());
        let mut begun = Vec::new();
        let mut seen = BTreeSet::new();
        for (ix, letter) in letters.iter().enumerate() {
            let id = letter.id();
            answers.push(match mark(self.store, &id).await? {
                Some(Mark { begun_at: None }) => Some(Redriven::Already),
                _ if !seen.insert(id) => Some(Redriven::Already), // named twice in one call
                None => None,
                Some(Mark { begun_at: Some(ends) }) => {
                    begun.push((ix, ends));
                    None
                }
            });
        }
        for ix in self.published(letters, &begun).await? {
            answers[ix] = Some(Redriven::Already);
            if mode == Mode::PutBack {
                self.write(vec![Mark::DONE.write(&letters[ix].id())?]).await?;
            }
        }
        let mut good = Vec::new();
        for (ix, letter) in letters.iter().enumerate() {
            if answers[ix].is_some() {
                continue;
            }
            answers[ix] = match self.judge(letter).await? {
                Err(refusal) => Some(Redriven::WouldFail(refusal)),
                Ok(_) if mode == Mode::DryRun => Some(Redriven::Would),
                Ok(record) => {
                    good.push((ix, record));
                    None
                }
            };
        }
        for (ix, answer) in self.put_back(letters, good).await? {
            answers[ix] = Some(answer);
        }
        let all: Option<Vec<_>> = answers.into_iter().collect();
        all.ok_or_else(|| Error::internal("a dead letter without an answer"))
    }

    /// The record that `letter` becomes, if it would be handled now.
    async fn judge(&self, letter: &DeadLetter) -> Result<Result<NewRecord, Refusal>> {
        if letter.is_cut {
            let why = "the letter had no room for all of the original";
            return Ok(Err(Refusal::new(Reason::TooLarge, why)));
        }
        let event = match (self.read)(&letter.topic, &letter.headers, &letter.payload) {
            Err(refusal) => return Ok(Err(refusal)),
            Ok(event) => event,
        };
        if let Some(event) = event
            && let Some(why) = self.store.contradiction(&event).await?
        {
            return Ok(Err(Refusal::new(Reason::Conflict, why)));
        }
        let mut headers = letter.headers.clone();
        headers.push(header(REDRIVEN_FROM, letter.id()));
        headers.push(header(ATTEMPTS, letter.attempts.to_string()));
        headers.push(header(FIRST, letter.first_failed_at.as_ms().to_string()));
        let (topic, key) = (letter.topic.clone(), letter.key.clone());
        let record = NewRecord { topic, key, headers, payload: letter.payload.clone() };
        let fits = bounds::check(&record);
        Ok(fits.map(|()| record).map_err(|e| Refusal::new(Reason::TooLarge, e.to_string())))
    }

    /// Which of `begun` an interrupted redrive did publish.
    async fn published(
        &self,
        letters: &[DeadLetter],
        begun: &[(usize, Ends)],
    ) -> Result<Vec<usize>> {
        let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
        let mut starts: BTreeMap<Partition, u64> = BTreeMap::new();
        for (ix, ends) in begun {
            wanted.insert(letters[*ix].id(), *ix);
            for extent in self.log.extents(&letters[*ix].topic).await? {
                let offset = ends.get(&extent.partition.number).copied().unwrap_or(0);
                let start = starts.entry(extent.partition).or_insert(offset);
                *start = offset.min(*start);
            }
        }
        let mut found = Vec::new();
        for (partition, mut from) in starts {
            loop {
                let records = self.log.read(&partition, from, STEP).await?;
                let Some(last) = records.last() else { break };
                from = last.place.offset + 1;
                let ids = records.iter().filter_map(|record| record.header(REDRIVEN_FROM));
                found.extend(ids.filter_map(|id| wanted.remove(id)));
            }
        }
        Ok(found)
    }

    async fn put_back(
        &self,
        letters: &[DeadLetter],
        good: Vec<(usize, NewRecord)>,
    ) -> Result<Vec<(usize, Redriven)>> {
        if good.is_empty() {
            return Ok(Vec::new());
        }
        let mut ends: BTreeMap<Topic, Ends> = BTreeMap::new();
        for (_, record) in &good {
            if !ends.contains_key(&record.topic) {
                let extents = self.log.extents(&record.topic).await?;
                let at = extents.iter().map(|extent| (extent.partition.number, extent.end));
                ends.insert(record.topic.clone(), at.collect());
            }
        }
        let begun = good.iter().map(|(ix, record)| {
            Mark { begun_at: Some(ends[&record.topic].clone()) }.write(&letters[*ix].id())
        });
        self.write(begun.collect::<Result<_>>()?).await?;
        let records: Vec<NewRecord> = good.iter().map(|(_, record)| record.clone()).collect();
        let mut answers = Vec::with_capacity(good.len());
        match self.log.publish(records).await {
            Ok(_) => answers.extend(good.iter().map(|(ix, _)| (*ix, Redriven::Done))),
            // One of them is refused, by a bound of the broker's own: the others need not wait.
            Err(error) if error.kind().remedy() == Remedy::DeadLetter => {
                for (ix, record) in good {
                    let answer = match self.log.publish(vec![record]).await {
                        Ok(_) => Redriven::Done,
                        Err(error) if error.kind().remedy() == Remedy::DeadLetter => {
                            Redriven::WouldFail(Refusal::new(Reason::Rejected, error.to_string()))
                        }
                        Err(error) => return Err(error),
                    };
                    answers.push((ix, answer));
                }
            }
            Err(error) => return Err(error),
        }
        let done = answers.iter().filter(|(_, answer)| *answer == Redriven::Done);
        let done = done.map(|(ix, _)| Mark::DONE.write(&letters[*ix].id()));
        self.write(done.collect::<Result<_>>()?).await?;
        Ok(answers)
    }

    async fn write(&self, writes: Vec<Write>) -> Result<()> {
        self.store.write(writes, Watermarks::new()).await.map(drop)
    }
}
