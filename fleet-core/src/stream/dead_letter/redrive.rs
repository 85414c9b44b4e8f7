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

use super::{ATTEMPTS, DeadLetter, FIRST, REDRIVEN_FROM, Reason, Refusal, find, header};
use crate::{
    Error, ErrorKind, Result,
    domain::TelemetryEvent,
    error::Remedy,
    store::{Document, FleetStore, Watermarks, Write},
    stream::{EventLog, NewRecord, Partition, PartitionExtent, Topic, bounds},
};

/// Kind of the documents that mark redriven letters.
const REDRIVEN: &str = "redriven";
/// Records looked at together for what an interrupted redrive published.
const STEP: usize = 256;
/// Letters named one by one are put back together until they come to so many bytes.
const TOGETHER_BYTES: usize = 2 << 20;

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
    /// There is no letter of this name.
    NotFound,
    /// This is no name of a letter: why.
    Malformed(String),
    /// Log or store failed at it: it can be tried again.
    Failed(String),
    /// Not looked at, after such a failure.
    NotTried,
}

impl Redriven {
    /// The word for it, as the API and the commands write it: `already_redriven`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "redriven",
            Self::Already => "already_redriven",
            Self::Would => "would_redrive",
            Self::WouldFail(_) => "would_fail",
            Self::NotFound => "not_found",
            Self::Malformed(_) => "invalid",
            Self::Failed(_) => "failed",
            Self::NotTried => "not_tried",
        }
    }

    /// Why not, in words; empty if there is nothing to tell.
    pub fn detail(&self) -> &str {
        match self {
            Self::WouldFail(refusal) => &refusal.detail,
            Self::Malformed(why) | Self::Failed(why) => why,
            Self::Done | Self::Already | Self::Would | Self::NotFound | Self::NotTried => "",
        }
    }

    /// Why it would fail again.
    pub fn reason(&self) -> Option<Reason> {
        if let Self::WouldFail(refusal) = self { Some(refusal.reason) } else { None }
    }
}

/// Whether letters are put back, or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the line above")]
pub enum Mode {
    PutBack,
    DryRun,
}

/// The mark of one letter: that it was put back, unless it says more.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Mark {
    /// The ends of its topic's partitions before it was published, as long as it is not certain
    /// whether it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun_at: Option<Ends>,
    /// The log refused it: it is certain that it was not published.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_refused: bool,
}

/// Numbers of partitions, and where each ended. One that is not there was empty.
type Ends = BTreeMap<u32, u64>;

impl Mark {
    const DONE: Self = Self { begun_at: None, is_refused: false };
    const REFUSED: Self = Self { begun_at: None, is_refused: true };

    const fn is_done(&self) -> bool {
        self.begun_at.is_none() && !self.is_refused
    }

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
    Ok(mark(store, id).await?.is_some_and(|mark| mark.is_done()))
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
            let mark = mark(self.store, &id).await?;
            // Done before, or named twice in one call.
            let is_done = mark.as_ref().is_some_and(Mark::is_done) || !seen.insert(id);
            answers.push(is_done.then_some(Redriven::Already));
            if !is_done && let Some(ends) = mark.and_then(|mark| mark.begun_at) {
                begun.push((ix, ends));
            }
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

    /// As [`redrive`](Self::redrive), for letters by their names. If log or store fail when some
    /// have been looked at, the others are `Failed` or `NotTried`, so that these stay told.
    ///
    /// # Errors
    /// Those of log and store, if they fail at the first ones.
    pub async fn redrive_named(&self, ids: &[String], mode: Mode) -> Result<Vec<Redriven>> {
        let mut answers: Vec<Redriven> = Vec::with_capacity(ids.len());
        while answers.len() < ids.len() {
            let before = answers.len();
            if let Err(error) = self.redrive_some(&ids[before..], mode, &mut answers).await {
                if before == 0 {
                    return Err(error);
                }
                answers.truncate(before);
                answers.push(Redriven::Failed(error.to_string()));
                answers.resize(ids.len(), Redriven::NotTried);
            }
        }
        Ok(answers)
    }

    /// Answers for the first of `ids`, one at least: as many as are put back together.
    async fn redrive_some(
        &self,
        ids: &[String],
        mode: Mode,
        answers: &mut Vec<Redriven>,
    ) -> Result<()> {
        let (mut letters, mut places, mut bytes) = (Vec::new(), Vec::new(), 0);
        for id in ids {
            let answer = match find::get(self.log, id).await {
                Err(error) if error.kind() == ErrorKind::NotFound => Redriven::NotFound,
                Err(error) if error.kind() == ErrorKind::Invalid => {
                    Redriven::Malformed(error.to_string())
                }
                letter => {
                    let letter = letter?;
                    bytes += letter.bytes();
                    letters.push(letter);
                    places.push(answers.len());
                    Redriven::NotTried
                }
            };
            answers.push(answer);
            if bytes >= TOGETHER_BYTES {
                break;
            }
        }
        for (place, answer) in places.into_iter().zip(self.redrive(&letters, mode).await?) {
            answers[place] = answer;
        }
        Ok(())
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
        let mut extents: BTreeMap<&Topic, Vec<PartitionExtent>> = BTreeMap::new();
        let mut spans: BTreeMap<Partition, (u64, u64)> = BTreeMap::new();
        for (ix, ends) in begun {
            let topic = &letters[*ix].topic;
            wanted.insert(letters[*ix].id(), *ix);
            if !extents.contains_key(topic) {
                extents.insert(topic, self.log.extents(topic).await?);
            }
            for extent in &extents[topic] {
                let offset = ends.get(&extent.partition.number).copied().unwrap_or(0);
                // What comes from now on cannot be of that redrive.
                let span = spans.entry(extent.partition.clone()).or_insert((offset, extent.end));
                span.0 = span.0.min(offset);
            }
        }
        let mut found = Vec::new();
        for (partition, (mut from, end)) in spans {
            while from < end && !wanted.is_empty() {
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
            Mark { begun_at: Some(ends[&record.topic].clone()), is_refused: false }
                .write(&letters[*ix].id())
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
        let marks = answers.iter().map(|(ix, answer)| {
            let mark = if *answer == Redriven::Done { Mark::DONE } else { Mark::REFUSED };
            mark.write(&letters[*ix].id())
        });
        self.write(marks.collect::<Result<_>>()?).await?;
        Ok(answers)
    }

    async fn write(&self, writes: Vec<Write>) -> Result<()> {
        self.store.write(writes, Watermarks::new()).await.map(drop)
    }
}
