//! The log's statements: what is read from and written to its file.

use rusqlite::{Connection, OptionalExtension, Row, params, types::Type};

use super::{Known, codec};
use crate::{
    stream::{NewRecord, Partition, Place, Record, Topic},
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

/// What is known of the file before anything happens.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Known> {
    let mut known = Known::default();
    let mut ends = connection.prepare("SELECT topic, partition, next FROM lanes")?;
    let rows =
        ends.query_map([], |row| Ok((partition(row, 0)?, row.get::<_, i64>(2)?.cast_unsigned())))?;
    for row in rows {
        let (partition, next) = row?;
        let start = stored_start(connection, &partition)?.unwrap_or(next);
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

/// A partition as the file knows it: its records are in the table `lane_` + number, by offset.
struct Lane {
    partition: Partition,
    number: i64,
    next: u64,
}

impl Lane {
    /// The lane of `partition`, if anything was ever appended to it.
    fn find(connection: &Connection, partition: &Partition) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached("SELECT lane, next FROM lanes WHERE topic = ?1 AND partition = ?2")?
            .query_row(params![partition.topic.as_str(), partition.number], |row| {
                let next = row.get::<_, i64>(1)?.cast_unsigned();
                Ok(Self { partition: partition.clone(), number: row.get(0)?, next })
            })
            .optional()
    }

    /// The lane of `partition`, a new one if need be.
    fn find_or_make(connection: &Connection, partition: &Partition) -> rusqlite::Result<Self> {
        if let Some(lane) = Self::find(connection, partition)? {
            return Ok(lane);
        }
        connection
            .prepare_cached("INSERT INTO lanes (topic, partition, next) VALUES (?1, ?2, 0)")?
            .execute(params![partition.topic.as_str(), partition.number])?;
        let number = connection.last_insert_rowid();
        connection.execute_batch(&format!(
            "CREATE TABLE lane_{number} (place INTEGER PRIMARY KEY, appended_at INTEGER NOT NULL,
             key BLOB NOT NULL, headers BLOB, payload BLOB NOT NULL)"
        ))?;
        Ok(Self { partition: partition.clone(), number, next: 0 })
    }

    /// Appends `records` at the end.
    fn append(
        &mut self,
        connection: &Connection,
        records: &[&NewRecord],
        now: Time,
    ) -> rusqlite::Result<()> {
        let sql = format!("INSERT INTO lane_{} VALUES (?1, ?2, ?3, ?4, ?5)", self.number);
        let mut insert = connection.prepare_cached(&sql)?;
        for record in records {
            let headers = codec::encode_headers(&record.headers);
            let (key, payload): (&[u8], &[u8]) = (&record.key, &record.payload);
            insert.execute(params![self.next.cast_signed(), now.as_ms(), key, headers, payload])?;
            self.next += 1;
        }
        connection
            .prepare_cached("UPDATE lanes SET next = ?2 WHERE lane = ?1")?
            .execute(params![self.number, self.next.cast_signed()])?;
        Ok(())
    }

    /// The oldest offset kept.
    fn start(&self, connection: &Connection) -> rusqlite::Result<Option<u64>> {
        let sql = format!("SELECT MIN(place) FROM lane_{}", self.number);
        let place: Option<i64> =
            connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))?;
        Ok(place.map(i64::cast_unsigned))
    }
}

/// Up to `max` records of `wanted` from `offset` on.
pub(super) fn read_records(
    connection: &Connection,
    wanted: &Partition,
    offset: u64,
    max: usize,
) -> rusqlite::Result<Vec<Record>> {
    let Some(lane) = Lane::find(connection, wanted)? else { return Ok(Vec::new()) };
    let mut rows = connection.prepare_cached(&format!(
        "SELECT place, appended_at, key, headers, payload FROM lane_{}
         WHERE place >= ?1 ORDER BY place LIMIT ?2",
        lane.number
    ))?;
    let limit = i64::try_from(max).unwrap_or(i64::MAX);
    // No offset is above i64::MAX: beyond it there is nothing, as at it.
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    rows.query_map(params![offset, limit], |row| {
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

/// The offset after the last record, of each partition that got any.
pub(super) type Ends = Vec<(Partition, u64)>;

/// Appends `records` and returns their places and the new ends.
pub(super) fn append(
    connection: &Connection,
    records: &[NewRecord],
    now: Time,
) -> rusqlite::Result<(Vec<Place>, Ends)> {
    let mut lanes: Vec<(Lane, Vec<&NewRecord>)> = Vec::new(); // few: a search beats a tree
    let mut places = Vec::with_capacity(records.len());
    for record in records {
        let number = codec::partition_of(&record.key);
        let is_its = |(lane, _): &(Lane, _)| {
            lane.partition.number == number && lane.partition.topic == record.topic
        };
        let at = match lanes.iter().position(is_its) {
            Some(at) => at,
            None => {
                let partition = Partition { topic: record.topic.clone(), number };
                lanes.push((Lane::find_or_make(connection, &partition)?, Vec::new()));
                lanes.len() - 1
            }
        };
        let (lane, its) = &mut lanes[at];
        let offset = lane.next + its.len() as u64;
        places.push(Place { partition: lane.partition.clone(), offset });
        its.push(record);
    }
    for (lane, its) in &mut lanes {
        lane.append(connection, its, now)?;
    }
    Ok((places, lanes.into_iter().map(|(lane, _)| (lane.partition, lane.next)).collect()))
}

/// The offset that the next record will get.
pub(super) fn stored_end(connection: &Connection, partition: &Partition) -> rusqlite::Result<u64> {
    Ok(Lane::find(connection, partition)?.map_or(0, |lane| lane.next))
}

/// The oldest offset kept.
pub(super) fn stored_start(
    connection: &Connection,
    partition: &Partition,
) -> rusqlite::Result<Option<u64>> {
    match Lane::find(connection, partition)? {
        Some(lane) => lane.start(connection),
        None => Ok(None),
    }
}

/// Records that one transaction of `trim` deletes at most.
pub(super) const TRIM_CHUNK: i64 = 5_000;

/// Deletes up to a chunk of the oldest records, up to the first that is not older than `cutoff` or
/// that a group has not committed; returns how many, and the end of what went. It asks the file who has registered, so that
/// a group that joins at this moment is before or after it, never beside.
pub(super) fn trim_chunk(
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
    let Some(lane) = Lane::find(connection, partition)? else { return Ok((0, 0)) };
    let mut oldest = connection.prepare_cached(&format!(
        "SELECT place, appended_at FROM lane_{} WHERE place < ?1 ORDER BY place LIMIT ?2",
        lane.number
    ))?;
    let mut rows = oldest.query(params![committed.unwrap_or(i64::MAX), TRIM_CHUNK])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? >= cutoff.as_ms() {
            break;
        }
        last = Some(row.get::<_, i64>(0)?);
    }
    let Some(last) = last else { return Ok((0, 0)) };
    let deleted = connection
        .prepare_cached(&format!("DELETE FROM lane_{} WHERE place <= ?1", lane.number))?
        .execute([last])?;
    Ok((deleted as u64, last.cast_unsigned() + 1))
}
