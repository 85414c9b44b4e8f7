//! The log's statements: what is read from and written to its file.

use std::ops::Range;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params, types::Type};

use super::{
    Known,
    codec::Reader,
    gather::{Chunk, Gathering},
};
use crate::{
    stream::{Partition, Place, Record, Topic},
    time::Time,
};

/// The identity in the file.
pub(super) fn incarnation(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT incarnation FROM log", [], |row| row.get(0))
}

/// The partition in two columns from `column` on.
fn partition(row: &Row<'_>, column: usize) -> rusqlite::Result<Partition> {
    let topic: Result<Topic, _> = row.get::<_, String>(column)?.parse();
    let damaged =
        |error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error));
    Ok(Partition { topic: topic.map_err(damaged)?, number: row.get(column + 1)? })
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

/// What is known of the file before anything happens.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Known> {
    let mut known = Known::default();
    let mut lanes = connection.prepare("SELECT topic, partition, start, next FROM lanes")?;
    let rows = lanes
        .query_map([], |row| Ok((partition(row, 0)?, unsigned(row, 2)?, unsigned(row, 3)?)))?;
    for row in rows {
        let (partition, start, next) = row?;
        known.kept.raise(&partition, start, next);
    }
    let mut positions =
        connection.prepare("SELECT consumer_group, topic, partition, committed FROM positions")?;
    let rows = positions.query_map([], |row| {
        let committed: Option<i64> = row.get(3)?;
        let committed = committed.map(i64::cast_unsigned);
        Ok((row.get::<_, String>(0)?, partition(row, 1)?, committed))
    })?;
    for row in rows {
        let (group, partition, committed) = row?;
        known.groups.register(&group, partition, committed);
    }
    Ok(known)
}

/// A partition as the file knows it: its records are in the table `lane_` + number, in chunks.
struct Lane {
    number: i64,
    /// The oldest offset kept. The chunk that holds it may hold older ones, which are gone.
    start: u64,
    next: u64,
}

impl Lane {
    /// The lane of `partition`, if anything was ever appended to it.
    fn find(connection: &Connection, partition: &Partition) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(
                "SELECT lane, start, next FROM lanes WHERE topic = ?1 AND partition = ?2",
            )?
            .query_row(params![partition.topic.as_str(), partition.number], |row| {
                Ok(Self { number: row.get(0)?, start: unsigned(row, 1)?, next: unsigned(row, 2)? })
            })
            .optional()
    }

    /// The lane of `partition`, a new one if need be.
    fn find_or_make(connection: &Connection, partition: &Partition) -> rusqlite::Result<Self> {
        if let Some(lane) = Self::find(connection, partition)? {
            return Ok(lane);
        }
        connection
            .prepare_cached(
                "INSERT INTO lanes (topic, partition, start, next) VALUES (?1, ?2, 0, 0)",
            )?
            .execute(params![partition.topic.as_str(), partition.number])?;
        let number = connection.last_insert_rowid();
        connection.execute_batch(&format!(
            "CREATE TABLE lane_{number} (first INTEGER PRIMARY KEY, count INTEGER NOT NULL,
             appended_at INTEGER NOT NULL, records BLOB NOT NULL)"
        ))?;
        Ok(Self { number, start: 0, next: 0 })
    }

    /// Where what may go ends, up to some thousand records, and where the last chunk ends that may
    /// go as a whole.
    fn oldest(
        &self,
        connection: &Connection,
        cutoff: Time,
        committed: u64,
    ) -> rusqlite::Result<(u64, u64)> {
        let (mut start, mut whole) = (self.start, 0);
        let mut chunks = connection.prepare_cached(&format!(
            "SELECT first, count, appended_at FROM lane_{} ORDER BY first",
            self.number
        ))?;
        let mut chunks = chunks.query([])?;
        while start < committed
            && start - self.start < TRIM_CHUNK
            && let Some(row) = chunks.next()?
            && row.get::<_, i64>(2)? < cutoff.as_ms()
        {
            let end = unsigned(row, 0)? + u64::from(row.get::<_, u32>(1)?);
            start = end.min(committed);
            if start == end {
                whole = end;
            }
        }
        Ok((start, whole))
    }

    /// Appends chunks at the end.
    fn append(
        &mut self,
        connection: &Connection,
        chunks: &[Chunk],
        now: Time,
    ) -> rusqlite::Result<()> {
        let sql = format!("INSERT INTO lane_{} VALUES (?1, ?2, ?3, ?4)", self.number);
        let mut insert = connection.prepare_cached(&sql)?;
        for Chunk { count, records } in chunks {
            insert.execute(params![self.next.cast_signed(), count, now.as_ms(), records])?;
            self.next += u64::from(*count);
        }
        connection
            .prepare_cached("UPDATE lanes SET next = ?2 WHERE lane = ?1")?
            .execute([self.number, self.next.cast_signed()])?;
        Ok(())
    }
}

/// What does not fit its columns: a damaged file.
fn damaged() -> rusqlite::Error {
    let text = "a chunk of records is damaged";
    rusqlite::Error::FromSqlConversionFailure(3, Type::Blob, text.into())
}

/// Up to `max` records of `wanted` from `offset` on.
pub(super) fn read_records(
    connection: &Connection,
    wanted: &Partition,
    offset: u64,
    max: usize,
) -> rusqlite::Result<Vec<Record>> {
    let Some(lane) = Lane::find(connection, wanted)? else { return Ok(Vec::new()) };
    let offset = offset.max(lane.start);
    let mut records = Vec::new();
    if offset >= lane.next || max == 0 {
        return Ok(records);
    }
    let mut chunks = connection.prepare_cached(&format!(
        "SELECT first, count, appended_at, records FROM lane_{0} WHERE first >=
         IFNULL((SELECT MAX(first) FROM lane_{0} WHERE first <= ?1), 0) ORDER BY first",
        lane.number
    ))?;
    let mut chunks = chunks.query([offset.cast_signed()])?;
    while let Some(row) = chunks.next()? {
        let (first, count) = (unsigned(row, 0)?, row.get::<_, u32>(1)?);
        let appended_at = Time::from_ms(row.get(2)?);
        let mut reader = Reader::new(Bytes::copy_from_slice(row.get_ref(3)?.as_blob()?));
        for at in first..first + u64::from(count) {
            if at < offset {
                reader.skip().ok_or_else(damaged)?;
                continue;
            }
            let (key, headers, payload) = reader.record().ok_or_else(damaged)?;
            let place = Place { partition: wanted.clone(), offset: at };
            records.push(Record { place, key, headers, payload, appended_at });
            if records.len() == max {
                return Ok(records);
            }
        }
    }
    Ok(records)
}

/// When the record at `offset` was appended, or the first after it that is kept.
pub(super) fn appended_at(
    connection: &Connection,
    partition: &Partition,
    offset: u64,
) -> rusqlite::Result<Option<Time>> {
    let Some(lane) = Lane::find(connection, partition)? else { return Ok(None) };
    let offset = offset.max(lane.start);
    let sql = format!(
        "SELECT appended_at FROM lane_{} WHERE first <= ?1 ORDER BY first DESC LIMIT 1",
        lane.number
    );
    let appended_at: Option<i64> = connection
        .prepare_cached(&sql)?
        .query_row([offset.cast_signed()], |row| row.get(0))
        .optional()?;
    Ok(appended_at.filter(|_| offset < lane.next).map(Time::from_ms))
}

/// Appends what was gathered and returns, for each of its lanes, the first offset given and the
/// one after the last.
pub(super) fn append(
    connection: &Connection,
    gathered: &[Gathering],
    now: Time,
) -> rusqlite::Result<Vec<Range<u64>>> {
    let append = |gathering: &Gathering| {
        let mut lane = Lane::find_or_make(connection, &gathering.partition)?;
        let first = lane.next;
        lane.append(connection, &gathering.chunks, now)?;
        Ok(first..lane.next)
    };
    gathered.iter().map(append).collect()
}

/// The oldest offset kept and the next one to be given, both 0 of what was never written.
pub(super) fn stored_extent(
    connection: &Connection,
    partition: &Partition,
) -> rusqlite::Result<(u64, u64)> {
    Ok(Lane::find(connection, partition)?.map_or((0, 0), |lane| (lane.start, lane.next)))
}

/// Records that one transaction of `trim` deletes, to the end of a chunk.
pub(super) const TRIM_CHUNK: u64 = 5_000;

/// Deletes some of the oldest records, up to the first that is not older than `cutoff` or that a
/// group has not committed; returns how many, and the end of what went. It asks the file who has
/// registered, so that a group that joins at this moment is before or after it, never beside.
pub(super) fn trim_some(
    connection: &Connection,
    partition: &Partition,
    cutoff: Time,
) -> rusqlite::Result<(u64, u64)> {
    let (topic, number) = (partition.topic.as_str(), partition.number);
    let committed: Option<i64> = connection
        .prepare_cached(
            "SELECT MIN(COALESCE(committed, 0)) FROM positions WHERE topic = ?1 AND partition = ?2",
        )?
        .query_row(params![topic, number], |row| row.get(0))?;
    let committed = committed.map_or(u64::MAX, i64::cast_unsigned);
    let Some(lane) = Lane::find(connection, partition)? else { return Ok((0, 0)) };
    let (start, whole) = lane.oldest(connection, cutoff, committed)?;
    let gone = start - lane.start;
    if gone > 0 {
        connection
            .prepare_cached(&format!("DELETE FROM lane_{} WHERE first < ?1", lane.number))?
            .execute([whole.cast_signed()])?;
        connection
            .prepare_cached("UPDATE lanes SET start = ?2 WHERE lane = ?1")?
            .execute([lane.number, start.cast_signed()])?;
    }
    Ok((gone, start))
}
