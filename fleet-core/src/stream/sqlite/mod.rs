//! The embedded log: one SQLite file, four partitions a topic, group commit.
//!
//! Records lie in the order of their arrival, keyed (topic, partition, offset). The next offset of
//! a partition is stored beside them, never derived from what is left, so that offsets grow for
//! ever. Groups are registered in the file: what one of them has not committed is not deleted,
//! whether or not a member is there. Members live in this process and share the partitions.

mod codec;
mod consumer;
mod groups;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::watch;

use self::{codec::PARTITIONS, consumer::Member, groups::Groups};
use super::{
    Consumer, EventLog, NewRecord, Partition, PartitionExtent, PartitionLag, Place, Record, Topic,
};
use crate::{
    Error, Result,
    sqlite::{self, Readers, Schema, Writer},
    time::{Clock, Time},
};

const SCHEMA: Schema = Schema {
    what: "log",
    application_id: 0x464C_4C47,
    version: 1,
    ddl: "
    CREATE TABLE log (incarnation TEXT NOT NULL);
    CREATE TABLE ends (topic TEXT, partition INTEGER, next INTEGER NOT NULL,
        PRIMARY KEY (topic, partition)) WITHOUT ROWID;
    CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE records (topic INTEGER, partition INTEGER, place INTEGER,
        appended_at INTEGER NOT NULL, key BLOB NOT NULL, headers BLOB, payload BLOB NOT NULL,
        PRIMARY KEY (topic, partition, place)) WITHOUT ROWID;
    CREATE TABLE positions (consumer_group TEXT, topic TEXT, partition INTEGER, committed INTEGER,
        PRIMARY KEY (consumer_group, topic, partition)) WITHOUT ROWID;",
};

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
    /// The next offset of each partition, as committed.
    ends: BTreeMap<Partition, u64>,
    groups: Groups,
}

/// Shared between the log and its consumers.
#[derive(Debug)]
pub(super) struct Inner {
    path: Arc<Path>,
    settings: SqliteLogSettings,
    clock: Arc<dyn Clock>,
    incarnation: String,
    writer: Option<Writer>,
    readers: Readers,
    known: Arc<Mutex<Known>>,
    /// Changes with every append, commit and rebalance: whoever waits looks again.
    changes: watch::Sender<u64>,
}

/// [`EventLog`] in one SQLite file, durable on every answer.
#[derive(Debug)]
pub struct SqliteLog(Arc<Inner>);

impl SqliteLog {
    /// Opens or makes the file at `path`; one process at a time may have it open so. A new file's
    /// incarnation is made from the clock.
    ///
    /// # Errors
    /// `Unavailable` or `Corrupt` with what to do; `Invalid` for a file of another sort or version.
    pub fn open(path: &Path, settings: SqliteLogSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let connection = sqlite::open(path, &SCHEMA)?;
        let fail = |cause| sqlite::error(path, cause);
        let born = format!("{:x}-{:x}", clock.now().as_ms(), std::process::id());
        connection
            .execute("INSERT INTO log SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM log)", [born])
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
                let end = |partition| known.ends.get(partition).copied().unwrap_or(0);
                known.groups.positions(group).any(|(p, at)| at.unwrap_or(0) < end(p))
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
            known: Arc::new(Mutex::new(known)),
            changes: watch::Sender::new(0),
        }))
    }
}

fn incarnation(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT incarnation FROM log", [], |row| row.get(0))
}

fn partition(topic: &str, number: u32) -> Partition {
    // Names in our own file were checked when they came in.
    Partition { topic: topic.parse().unwrap_or(Topic::TELEMETRY), number }
}

fn load(connection: &Connection) -> rusqlite::Result<Known> {
    let mut known = Known::default();
    let mut ends = connection.prepare("SELECT topic, partition, next FROM ends")?;
    let rows = ends.query_map([], |row| {
        let topic: String = row.get(0)?;
        Ok((partition(&topic, row.get(1)?), row.get::<_, i64>(2)?.cast_unsigned()))
    })?;
    for row in rows {
        let (partition, next) = row?;
        known.ends.insert(partition, next);
    }
    let mut positions =
        connection.prepare("SELECT consumer_group, topic, partition, committed FROM positions")?;
    let rows = positions.query_map([], |row| {
        let (topic, committed): (String, Option<i64>) = (row.get(1)?, row.get(3)?);
        let partition = partition(&topic, row.get(2)?);
        Ok((row.get::<_, String>(0)?, partition, committed.map(i64::cast_unsigned)))
    })?;
    for row in rows {
        let (group, partition, committed) = row?;
        known.groups.register(&group, partition, committed);
    }
    Ok(known)
}

impl Inner {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> Result<&Writer> {
        self.writer.as_ref().ok_or_else(|| Error::conflict("the log is open read-only"))
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

    /// Waits until no group of these topics is behind by more than the bound.
    async fn back_pressure(&self, records: &[NewRecord]) {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let is_over = {
                let known = self.known();
                let bound = self.settings.uncommitted_max;
                records.iter().map(|record| &record.topic).any(|topic| {
                    known.groups.behind_most(topic, &known.ends).is_some_and(|lag| lag > bound)
                })
            };
            if !is_over || changes.changed().await.is_err() {
                return;
            }
        }
    }
}

fn read_records(
    connection: &Connection,
    wanted: &Partition,
    offset: u64,
    max: usize,
) -> rusqlite::Result<Vec<Record>> {
    let mut rows = connection.prepare_cached(
        "SELECT place, appended_at, key, headers, payload FROM records
         WHERE topic = (SELECT id FROM topics WHERE name = ?1) AND partition = ?2 AND place >= ?3
         ORDER BY place LIMIT ?4",
    )?;
    let limit = i64::try_from(max).unwrap_or(i64::MAX);
    let bounds = params![wanted.topic.as_str(), wanted.number, offset.cast_signed(), limit];
    rows.query_map(bounds, |row| {
        Ok(Record {
            place: Place {
                partition: wanted.clone(),
                offset: row.get::<_, i64>(0)?.cast_unsigned(),
            },
            appended_at: Time::from_ms(row.get(1)?),
            key: row.get::<_, Vec<u8>>(2)?.into(),
            headers: codec::decode_headers(row.get(3)?),
            payload: row.get::<_, Vec<u8>>(4)?.into(),
        })
    })?
    .collect()
}

/// Appends `records` and returns their places and the new ends.
fn append(
    connection: &Connection,
    records: &[NewRecord],
    now: Time,
) -> rusqlite::Result<(Vec<Place>, BTreeMap<Partition, u64>)> {
    let mut ends: BTreeMap<Partition, u64> = BTreeMap::new();
    let mut topics: BTreeMap<&Topic, i64> = BTreeMap::new();
    let mut places = Vec::with_capacity(records.len());
    let mut insert =
        connection.prepare_cached("INSERT INTO records VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for record in records {
        let topic = match topics.get(&record.topic) {
            Some(id) => *id,
            None => *topics.entry(&record.topic).or_insert(topic_id(connection, &record.topic)?),
        };
        let number = codec::partition_of(&record.key);
        let partition = Partition { topic: record.topic.clone(), number };
        let next = match ends.get_mut(&partition) {
            Some(next) => next,
            None => {
                let next = stored_end(connection, &partition)?;
                ends.entry(partition.clone()).or_insert(next)
            }
        };
        let headers = codec::encode_headers(&record.headers);
        let place = next.cast_signed();
        let (key, payload): (&[u8], &[u8]) = (&record.key, &record.payload);
        insert.execute(params![topic, number, place, now.as_ms(), key, headers, payload])?;
        places.push(Place { partition, offset: *next });
        *next += 1;
    }
    let mut put = connection.prepare_cached("INSERT OR REPLACE INTO ends VALUES (?1, ?2, ?3)")?;
    for (partition, next) in &ends {
        put.execute(params![partition.topic.as_str(), partition.number, next.cast_signed()])?;
    }
    Ok((places, ends))
}

fn topic_id(connection: &Connection, topic: &Topic) -> rusqlite::Result<i64> {
    let name = topic.as_str();
    connection
        .prepare_cached("INSERT OR IGNORE INTO topics (name) VALUES (?1)")?
        .execute([name])?;
    connection
        .prepare_cached("SELECT id FROM topics WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
}

fn stored_end(connection: &Connection, partition: &Partition) -> rusqlite::Result<u64> {
    let next: Option<i64> = connection
        .prepare_cached("SELECT next FROM ends WHERE topic = ?1 AND partition = ?2")?
        .query_row(params![partition.topic.as_str(), partition.number], |row| row.get(0))
        .optional()?;
    Ok(next.unwrap_or(0).cast_unsigned())
}

fn stored_start(connection: &Connection, partition: &Partition) -> rusqlite::Result<Option<u64>> {
    let place: Option<i64> = connection
        .prepare_cached(
            "SELECT place FROM records WHERE topic = (SELECT id FROM topics WHERE name = ?1)
             AND partition = ?2 ORDER BY place LIMIT 1",
        )?
        .query_row(params![partition.topic.as_str(), partition.number], |row| row.get(0))
        .optional()?;
    Ok(place.map(i64::cast_unsigned))
}

/// Records that one transaction of `trim` deletes at most.
const TRIM_CHUNK: i64 = 5_000;

/// Deletes up to a chunk of what is below `bound` and older than `cutoff`.
fn trim_chunk(
    connection: &Connection,
    partition: &Partition,
    bound: u64,
    cutoff: Time,
) -> rusqlite::Result<u64> {
    let deleted = connection
        .prepare_cached(
            "DELETE FROM records WHERE topic = (SELECT id FROM topics WHERE name = ?1)
             AND partition = ?2 AND place IN (
                 SELECT place FROM records WHERE topic = (SELECT id FROM topics WHERE name = ?1)
                 AND partition = ?2 AND place < ?3 AND appended_at < ?4
                 ORDER BY place LIMIT ?5)",
        )?
        .execute(params![
            partition.topic.as_str(),
            partition.number,
            bound.cast_signed(),
            cutoff.as_ms(),
            TRIM_CHUNK
        ])?;
    Ok(deleted as u64)
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn publish(&self, records: Vec<NewRecord>) -> Result<Vec<Place>> {
        records.iter().try_for_each(codec::check)?;
        if records.is_empty() {
            return Ok(Vec::new());
        }
        self.0.back_pressure(&records).await;
        let (now, path) = (self.0.clock.now(), Arc::clone(&self.0.path));
        let (known, changes) = (Arc::clone(&self.0.known), self.0.changes.clone());
        let work = move |connection: &Connection| {
            append(connection, &records, now).map_err(|cause| sqlite::error(&path, cause))
        };
        let after = move |(_, ends): &(Vec<Place>, BTreeMap<Partition, u64>)| {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            known.ends.extend(ends.iter().map(|(partition, next)| (partition.clone(), *next)));
            drop(known);
            changes.send_modify(|count| *count = count.wrapping_add(1));
        };
        let (places, _) = self.0.writer()?.call(work, after).await?;
        Ok(places)
    }

    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if !(1..=249).contains(&group.len()) || !group.bytes().all(allowed) {
            return Err(Error::invalid("group: expected 1 to 249 of A-Z a-z 0-9 . _ -"));
        }
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
                    .prepare_cached("SELECT partition FROM ends WHERE topic = ?1 ORDER BY 1")?;
                let numbers: Vec<u32> = numbers
                    .query_map([topic.as_str()], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                let extent = |number| {
                    let partition = Partition { topic: topic.clone(), number };
                    let end = stored_end(connection, &partition)?;
                    let start = stored_start(connection, &partition)?.unwrap_or(end);
                    Ok(PartitionExtent { partition, start, end })
                };
                numbers.into_iter().map(extent).collect()
            })
            .await
    }

    async fn lag(&self, group: &str) -> Result<Vec<PartitionLag>> {
        let wanted: Vec<(Partition, Option<u64>, u64)> = {
            let known = self.0.known();
            let positions = known.groups.positions(group);
            let end = |partition| known.ends.get(partition).copied().unwrap_or(0);
            positions.map(|(partition, at)| (partition.clone(), at, end(partition))).collect()
        };
        self.0
            .readers
            .read(move |connection| {
                let lag = |(partition, committed, end): (Partition, Option<u64>, u64)| {
                    let start = stored_start(connection, &partition)?.unwrap_or(end);
                    let next = committed.unwrap_or(0).max(start);
                    let records = end.saturating_sub(next);
                    let oldest = match records {
                        0 => None,
                        _ => read_records(connection, &partition, next, 1)?.pop(),
                    };
                    let oldest_appended_at = oldest.map(|record| record.appended_at);
                    Ok(PartitionLag { partition, committed, end, records, oldest_appended_at })
                };
                wanted.into_iter().map(lag).collect()
            })
            .await
    }

    async fn trim(&self, now: Time) -> Result<u64> {
        let retention_ms = i64::try_from(self.0.settings.retention.as_millis()).unwrap_or(i64::MAX);
        let cutoff = now.plus_ms(-retention_ms);
        let bounds: Vec<(Partition, u64)> = {
            let known = self.0.known();
            let bound = |partition: &Partition, end: u64| {
                known.groups.least_committed(partition).map_or(end, |least| least.min(end))
            };
            known.ends.iter().map(|(p, end)| (p.clone(), bound(p, *end))).collect()
        };
        let mut trimmed = 0;
        for (partition, bound) in bounds {
            loop {
                let (partition, path) = (partition.clone(), Arc::clone(&self.0.path));
                let work = move |connection: &Connection| {
                    trim_chunk(connection, &partition, bound, cutoff)
                        .map_err(|cause| sqlite::error(&path, cause))
                };
                let deleted = self.0.writer()?.call(work, |_| ()).await?;
                trimmed += deleted;
                if deleted < TRIM_CHUNK.cast_unsigned() {
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
