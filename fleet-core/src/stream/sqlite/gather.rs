//! What publishers hand over, until one transaction takes all of it.
//!
//! Publishers encode their records into chunks that they share; the first of them sends the writer
//! one job. By the time it runs, all who came while the disk was busy are in, and each partition
//! that they wrote to costs one row, however many they were.

use std::{
    ops::Range,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use super::{Known, codec, rows};
use crate::{
    Error, Result,
    sqlite::{self, Job},
    stream::{NewRecord, Partition, Place, bounds},
    time::Clock,
};

/// Chunks whose memory is kept, half a MiB.
const SPARE_MAX: usize = 8;

/// How long a transaction waits for those publishers whom the last one answered: without it, the
/// first to come back would have a sync of the disk for itself, and all the others the next.
const PATIENCE: Duration = Duration::from_micros(100);

/// The most bytes of a chunk of several records. Who reads one record reads its chunk.
const CHUNK_BYTES_MAX: usize = 64 << 10;

/// Records of one partition, in the bytes of [`codec`].
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) count: u32,
    pub(super) records: Vec<u8>,
}

/// What was gathered for one partition.
#[derive(Debug)]
pub(super) struct Gathering {
    pub(super) partition: Partition,
    pub(super) chunks: Vec<Chunk>,
    count: u64,
}

/// A record among those gathered: the lane, and how many of it came before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    lane: usize,
    nth: u64,
}

/// The partition of each lane, and the offsets that its records got.
pub(super) type Ends = Arc<[(Partition, Range<u64>)]>;

/// A publisher that waits for the disk.
#[derive(Debug)]
struct Waiting {
    answer: oneshot::Sender<Result<Ends>>,
    /// What it holds of the room for publishers.
    _room: OwnedSemaphorePermit,
}

/// Where publishers meet the writer.
#[derive(Debug, Default)]
pub(super) struct Gate {
    gathered: Mutex<Gathered>,
    are_back: Condvar,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the records of a publisher. Who comes first calls for the job that takes all.
    pub(super) fn add(
        &self,
        records: &[NewRecord],
        room: OwnedSemaphorePermit,
        call: impl FnOnce(),
    ) -> (Vec<Mark>, oneshot::Receiver<Result<Ends>>) {
        let mut gathered = self.lock();
        if gathered.waiting.is_empty() {
            call();
        }
        let (answer, told) = oneshot::channel();
        gathered.waiting.push(Waiting { answer, _room: room });
        let mut left: usize = records.iter().map(codec::size_max).sum();
        let marks = records.iter().map(|record| gathered.put(record, &mut left)).collect();
        if gathered.waiting.len() == gathered.answered {
            self.are_back.notify_one();
        }
        (marks, told)
    }

    /// Takes everything, once those who were answered last are back, or after a moment.
    fn take(&self) -> (Vec<Gathering>, Vec<Waiting>) {
        let are_missing = |gathered: &mut Gathered| gathered.waiting.len() < gathered.answered;
        let waited = self.are_back.wait_timeout_while(self.lock(), PATIENCE, are_missing);
        let (mut gathered, _) = waited.unwrap_or_else(PoisonError::into_inner);
        gathered.answered = gathered.waiting.len();
        (std::mem::take(&mut gathered.lanes), std::mem::take(&mut gathered.waiting))
    }

    /// Gives back the memory of chunks that are in the file.
    fn give_back(&self, lanes: &mut [Gathering]) {
        let mut gathered = self.lock();
        for chunk in lanes.iter_mut().flat_map(|lane| lane.chunks.drain(..)) {
            let mut records = chunk.records;
            if records.capacity() <= CHUNK_BYTES_MAX && gathered.spare.len() < SPARE_MAX {
                records.clear();
                gathered.spare.push(records);
            }
        }
    }
}

/// All that no transaction has taken yet.
#[derive(Debug, Default)]
struct Gathered {
    lanes: Vec<Gathering>,
    waiting: Vec<Waiting>,
    /// How many publishers the last transaction took.
    answered: usize,
    /// Memory of chunks that are in the file, for those to come.
    spare: Vec<Vec<u8>>,
}

impl Gathered {
    /// Appends a record to a chunk; `left` bytes are still to come from its publisher.
    fn put(&mut self, record: &NewRecord, left: &mut usize) -> Mark {
        let number = bounds::partition_of(&record.key, codec::PARTITIONS);
        let is_its = |lane: &Gathering| {
            lane.partition.number == number && lane.partition.topic == record.topic
        };
        // Few: a search beats a tree.
        let lane = self.lanes.iter().position(is_its).unwrap_or_else(|| {
            let partition = Partition { topic: record.topic.clone(), number };
            self.lanes.push(Gathering { partition, chunks: Vec::new(), count: 0 });
            self.lanes.len() - 1
        });
        let gathering = &mut self.lanes[lane];
        let size = codec::size_max(record);
        let is_full = |chunk: &Chunk| chunk.records.len() + size > CHUNK_BYTES_MAX;
        if gathering.chunks.last().is_none_or(is_full) {
            let mut records = self.spare.pop().unwrap_or_default();
            records.reserve((*left).min(CHUNK_BYTES_MAX).max(size));
            gathering.chunks.push(Chunk { count: 0, records });
        }
        *left -= size;
        if let Some(chunk) = gathering.chunks.last_mut() {
            codec::encode(&mut chunk.records, record);
            chunk.count += 1;
        }
        gathering.count += 1;
        Mark { lane, nth: gathering.count - 1 }
    }
}

/// The places of `records`, given where their lanes were put.
pub(super) fn places(records: Vec<NewRecord>, marks: &[Mark], ends: &Ends) -> Vec<Place> {
    let place = |(record, mark): (NewRecord, &Mark)| {
        let (Partition { number, .. }, offsets) = &ends[mark.lane];
        let partition = Partition { topic: record.topic, number: *number };
        Place { partition, offset: offsets.start + mark.nth }
    };
    records.into_iter().zip(marks).map(place).collect()
}

/// What of the log its writer's thread needs.
#[derive(Clone, Debug)]
pub(super) struct Appender {
    pub(super) path: Arc<Path>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) gate: Arc<Gate>,
    pub(super) known: Arc<Mutex<Known>>,
    pub(super) changes: watch::Sender<u64>,
}

/// Appends all that was gathered, in one transaction, and tells everybody once it is durable.
#[derive(Debug)]
pub(super) struct Append {
    log: Appender,
    /// Whom to tell, once the records are taken.
    waiting: Option<Vec<Waiting>>,
    outcome: Option<Result<Ends>>,
}

impl Append {
    pub(super) fn new(log: Appender) -> Self {
        Self { log, waiting: None, outcome: None }
    }

    fn take(&mut self) -> Vec<Gathering> {
        let (lanes, waiting) = self.log.gate.take();
        self.waiting = Some(waiting);
        lanes
    }
}

impl Job for Append {
    fn apply(&mut self, connection: &Connection) -> bool {
        let mut lanes = self.take();
        // One moment for all: places and times of append grow together.
        let now = self.log.clock.now();
        let ends = rows::append(connection, &lanes, now);
        self.log.gate.give_back(&mut lanes);
        let outcome = ends
            .map(|ends| lanes.into_iter().map(|lane| lane.partition).zip(ends).collect())
            .map_err(|cause| sqlite::error(&self.log.path, cause));
        self.outcome.insert(outcome).is_ok()
    }

    fn finish(mut self: Box<Self>, failure: Option<Error>) {
        if self.waiting.is_none() {
            self.take(); // there was no transaction
        }
        let outcome = match (self.outcome.take(), failure) {
            (Some(Ok(_)), Some(failure)) => Err(failure),
            (Some(outcome), _) => outcome,
            (None, failure) => Err(failure.unwrap_or_else(|| Error::internal("job never ran"))),
        };
        if let Ok(ends) = &outcome {
            let mut known = self.log.known.lock().unwrap_or_else(PoisonError::into_inner);
            for (partition, offsets) in ends.iter() {
                known.kept.raise(partition, 0, offsets.end);
            }
            drop(known);
            self.log.changes.send_modify(|count| *count = count.wrapping_add(1));
        }
        for publisher in self.waiting.iter_mut().flat_map(|waiting| waiting.drain(..)) {
            let answer = match &outcome {
                Ok(ends) => Ok(Arc::clone(ends)),
                Err(error) => Err(error.again()),
            };
            drop(publisher.answer.send(answer)); // it may have gone; the work stands
        }
    }
}

impl Drop for Append {
    /// A job that never ran (its writer has died) lets nobody wait for it.
    fn drop(&mut self) {
        if self.waiting.is_none() {
            self.take();
        }
    }
}
