//! The embedded log: one SQLite file, four partitions a topic, group commit.
//!
//! Records lie in the order of their arrival, keyed (topic, partition, offset), in chunks: what one
//! transaction appends to a partition is one row of up to 64 KiB. The next offset of a partition is
//! stored beside them, never derived from what is left, so that offsets grow for ever. Groups are registered in the file: what one of them has not committed is not deleted,
//! whether or not a member is there. Members live in this process and share the partitions.

mod codec;
mod consumer;
mod gather;
mod groups;
mod rows;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rusqlite::{Connection, params};
use tokio::sync::{Semaphore, watch};

use self::{
    codec::PARTITIONS,
    consumer::Member,
    gather::{Append, Appender, Gate},
    groups::{Extents, Groups},
    rows::{TRIM_CHUNK, appended_at, incarnation, load, read_records, stored_extent, trim_some},
};
use super::{
    Consumer, EventLog, GroupLag, Members, NewRecord, Partition, PartitionExtent, PartitionLag,
    Place, Record, Topic, bounds,
};
use crate::{
    Error, Result,
    sqlite::{self, Readers, Schema, Writer},
    time::{Clock, Time},
};

/// Each partition has a lane: a table of its own, made when it is first written (see `rows`), so that
/// chunks are always appended at a table's end, which SQLite does twice as fast as anywhere else.
const SCHEMA: Schema = Schema {
    what: "log",
    application_id: 0x464C_4C47,
    version: 3,
    ddl: "
    CREATE TABLE log (incarnation TEXT NOT NULL);
    CREATE TABLE lanes (lane INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
        start INTEGER NOT NULL, next INTEGER NOT NULL, UNIQUE (topic, partition));
    CREATE TABLE positions (consumer_group TEXT, topic TEXT, partition INTEGER, committed INTEGER,
        PRIMARY KEY (consumer_group, topic, partition)) WITHOUT ROWID;",
    upgrades: &[],
};

/// Publishers that may wait for the disk at a time.
const PUBLISHERS_MAX: usize = 256;

/// How the embedded log behaves.
#[derive(Clone, Copy, Debug)]
pub struct SqliteLogSettings {
    /// How long records are kept.
    pub retention: Duration,
    /// Publishing waits while a group is behind by more records than this.
    pub uncommitted_max: u64,
}

impl Default for SqliteLogSettings {
    /// Seven days; 50,000 records.
    fn default() -> Self {
        Self { retention: Duration::from_secs(7 * 86_400), uncommitted_max: 50_000 }
    }
}

/// What is known without asking the file; only ever touched for a moment.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What is kept, as of the last transaction.
    kept: Extents,
    groups: Groups,
}

/// Shared between the log and its consumers.
#[derive(Debug)]
pub(super) struct Inner {
    path: Arc<Path>,
    settings: SqliteLogSettings,
    clock: Arc<dyn Clock>,
    incarnation: String,
    readers: Readers, // dropped before the writer: see `Readers`
    writer: Option<Writer>,
    gate: Arc<Gate>,
    /// Publishers that may wait for the disk.
    room: Arc<Semaphore>,
    known: Arc<Mutex<Known>>,
    /// Changes with every append, commit and rebalance: whoever waits looks again.
    changes: watch::Sender<u64>,
}

/// [`EventLog`] in one SQLite file, durable on every answer.
#[derive(Debug)]
pub struct SqliteLog(Arc<Inner>);

impl SqliteLog {
    /// Opens or makes the file at `path`; one process at a time may have it open so. A new file's
    /// incarnation is random, by SQLite: of all things it is the one that must never come twice.
    ///
    /// # Errors
    /// `Unavailable` or `Corrupt` with what to do; `Invalid` for a file of another sort or version.
    pub fn open(path: &Path, settings: SqliteLogSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let connection = sqlite::open(path, &SCHEMA)?;
        let fail = |cause| sqlite::error(path, cause);
        connection
            .execute(
                "INSERT INTO log SELECT lower(hex(randomblob(8)))
                 WHERE NOT EXISTS (SELECT 1 FROM log)",
                [],
            )
            .map_err(fail)?;
        let known = load(&connection).map_err(fail)?;
        let incarnation = incarnation(&connection).map_err(fail)?;
        let writer = Some(Writer::start(path.to_owned(), connection)?);
        Ok(Self::assemble(path, settings, clock, incarnation, writer, known))
    }

    /// Opens the file for reading, beside the process that writes it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_read_only(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let connection = sqlite::open_read_only(path, &SCHEMA)?;
        let fail = |cause| sqlite::error(path, cause);
        let known = load(&connection).map_err(fail)?;
        let incarnation = incarnation(&connection).map_err(fail)?;
        Ok(Self::assemble(path, SqliteLogSettings::default(), clock, incarnation, None, known))
    }

    /// Resolves once `group` has committed everything that has been published by then; at once if
    /// nobody knows it. Woken by each commit.
    pub async fn caught_up(&self, group: &str) {
        let mut changes = self.0.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let is_behind = {
                let known = self.0.known();
                known.groups.positions(group).any(|(p, at)| known.kept.behind(p, at) > 0)
            };
            if !is_behind || changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn assemble(
        path: &Path,
        settings: SqliteLogSettings,
        clock: Arc<dyn Clock>,
        incarnation: String,
        writer: Option<Writer>,
        known: Known,
    ) -> Self {
        Self(Arc::new(Inner {
            path: path.into(),
            settings,
            clock,
            incarnation,
            writer,
            readers: Readers::new(path.to_owned(), &SCHEMA),
            gate: Arc::default(),
            room: Arc::new(Semaphore::new(PUBLISHERS_MAX)),
            known: Arc::new(Mutex::new(known)),
            changes: watch::Sender::new(0),
        }))
    }
}

impl Inner {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> Result<&Writer> {
        self.writer.as_ref().ok_or_else(|| Error::conflict("the log is open read-only"))
    }

    fn appender(&self) -> Appender {
        Appender {
            path: Arc::clone(&self.path),
            clock: Arc::clone(&self.clock),
            gate: Arc::clone(&self.gate),
            known: Arc::clone(&self.known),
            changes: self.changes.clone(),
        }
    }

    fn announce(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    async fn read_partition(
        &self,
        partition: &Partition,
        offset: u64,
        max: usize,
    ) -> Result<Vec<Record>> {
        let wanted = partition.clone();
        self.readers.read(move |connection| read_records(connection, &wanted, offset, max)).await
    }

    /// One transaction of a trim; returns how many records went.
    async fn trim_once(&self, partition: Partition, cutoff: Time) -> Result<u64> {
        let path = Arc::clone(&self.path);
        let (known, changes) = (Arc::clone(&self.known), self.changes.clone());
        let of = partition.clone();
        let work = move |connection: &Connection| {
            trim_some(connection, &of, cutoff).map_err(|cause| sqlite::error(&path, cause))
        };
        let after = move |(_, start): &(u64, u64)| {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            known.kept.raise(&partition, *start, 0);
            drop(known);
            changes.send_modify(|count| *count = count.wrapping_add(1));
        };
        let (deleted, _) = self.writer()?.call(work, after).await?;
        Ok(deleted)
    }

    /// Waits until no group of these topics is behind by more than the bound.
    async fn back_pressure(&self, records: &[NewRecord]) {
        let mut topics: Vec<&Topic> = Vec::new(); // few: a search beats a tree
        for NewRecord { topic, .. } in records {
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let is_over = {
                let known = self.known();
                let bound = self.settings.uncommitted_max;
                topics.iter().any(|topic| {
                    known.groups.behind_most(topic, &known.kept).is_some_and(|lag| lag > bound)
                })
            };
            if !is_over || changes.changed().await.is_err() {
                return;
            }
        }
    }
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn publish(&self, records: Vec<NewRecord>) -> Result<Vec<Place>> {
        records.iter().try_for_each(bounds::check)?;
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let writer = self.0.writer()?;
        self.0.back_pressure(&records).await;
        let room = Arc::clone(&self.0.room).acquire_owned().await;
        let room = room.map_err(|_| Error::internal("closed"))?;
        // Nothing is awaited between joining the others and sending the job that takes them all.
        let queue = writer.reserve().await?;
        let call = || queue.send(Box::new(Append::new(self.0.appender())));
        let (marks, told) = self.0.gate.add(&records, room, call);
        let ends = told.await.map_err(|_| sqlite::writer_gone())??;
        Ok(gather::places(records, &marks, &ends))
    }

    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>> {
        bounds::check_group(group)?;
        let partitions: Vec<Partition> = topics
            .iter()
            .flat_map(|topic| (0..PARTITIONS).map(|number| (topic.clone(), number)))
            .map(|(topic, number)| Partition { topic, number })
            .collect();
        let (name, wanted, path) = (group.to_owned(), partitions.clone(), Arc::clone(&self.0.path));
        let register = move |connection: &Connection| {
            let mut put = connection
                .prepare_cached("INSERT OR IGNORE INTO positions VALUES (?1, ?2, ?3, NULL)")?;
            for partition in &wanted {
                put.execute(params![name, partition.topic.as_str(), partition.number])?;
            }
            Ok(())
        };
        let work = move |connection: &Connection| {
            register(connection).map_err(|cause| sqlite::error(&path, cause))
        };
        self.0.writer()?.call(work, |()| ()).await?;
        let id = self.0.known().groups.join(group, partitions);
        self.0.announce();
        Ok(Box::new(Member::new(Arc::clone(&self.0), group.to_owned(), id)))
    }

    async fn read(&self, partition: &Partition, offset: u64, max: usize) -> Result<Vec<Record>> {
        self.0.read_partition(partition, offset, max).await
    }

    async fn extents(&self, topic: &Topic) -> Result<Vec<PartitionExtent>> {
        let topic = topic.clone();
        self.0
            .readers
            .read(move |connection| {
                let mut numbers = connection
                    .prepare_cached("SELECT partition FROM lanes WHERE topic = ?1 ORDER BY 1")?;
                let numbers: Vec<u32> = numbers
                    .query_map([topic.as_str()], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                let extent = |number| {
                    let partition = Partition { topic: topic.clone(), number };
                    let (start, end) = stored_extent(connection, &partition)?;
                    Ok(PartitionExtent { partition, start, end })
                };
                numbers.into_iter().map(extent).collect()
            })
            .await
    }

    async fn lag(&self, group: &str) -> Result<GroupLag> {
        let members;
        let wanted: Vec<(Partition, Option<u64>, u64)> = {
            let known = self.0.known();
            // Members are of the process that writes.
            let present = Members::Present(known.groups.members(group));
            members = if self.0.writer.is_some() { present } else { Members::Unknown };
            let positions = known.groups.positions(group);
            let end = |partition| known.kept.of(partition).1;
            positions.map(|(partition, at)| (partition.clone(), at, end(partition))).collect()
        };
        let partitions = self
            .0
            .readers
            .read(move |connection| {
                let lag = |(partition, committed, end): (Partition, Option<u64>, u64)| {
                    let (start, _) = stored_extent(connection, &partition)?;
                    let next = committed.unwrap_or(0).max(start);
                    let records = end.saturating_sub(next);
                    let oldest_appended_at = match records {
                        0 => None,
                        _ => appended_at(connection, &partition, next)?,
                    };
                    Ok(PartitionLag { partition, committed, end, records, oldest_appended_at })
                };
                wanted.into_iter().map(lag).collect()
            })
            .await?;
        Ok(GroupLag { members, partitions, lost_after: None })
    }

    async fn trim(&self, now: Time) -> Result<u64> {
        let retention_ms = i64::try_from(self.0.settings.retention.as_millis()).unwrap_or(i64::MAX);
        let cutoff = now.plus_ms(-retention_ms);
        let partitions: Vec<Partition> = self.0.known().kept.partitions().cloned().collect();
        let mut trimmed = 0;
        for partition in partitions {
            loop {
                let deleted = self.0.trim_once(partition.clone(), cutoff).await?;
                trimmed += deleted;
                if deleted < TRIM_CHUNK {
                    break;
                }
            }
        }
        Ok(trimmed)
    }

    fn incarnation(&self) -> &str {
        &self.0.incarnation
    }
}

#[cfg(test)]
mod tests;
