//! The log's statements: what is read from and written to its file.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::{Known, codec};
use crate::{
    stream::{NewRecord, Partition, Place, Record, Topic},
    time::Time,
};

/// The identity in the file.
pub(super) fn incarnation(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT incarnation FROM log", [], |row| row.get(0))
}

fn partition(topic: &str, number: u32) -> Partition {
    // Names in our own file were checked when they came in.
    Partition { topic: topic.parse().unwrap_or(Topic::TELEMETRY), number }
}

/// What is known of the file before anything happens.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Known> {
    let mut known = Known::default();
    let mut ends = connection.prepare("SELECT topic, partition, next FROM ends")?;
    let rows = ends.query_map([], |row| {
        let topic: String = row.get(0)?;
        Ok((partition(&topic, row.get(1)?), row.get::<_, i64>(2)?.cast_unsigned()))
    })?;
    for row in rows {
        let (partition, next) = row?;
        let start = stored_start(connection, &partition)?.unwrap_or(next);
        known.kept.raise(&partition, start, next);
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

/// Up to `max` records of `wanted` from `offset` on.
pub(super) fn read_records(
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
    // No offset is above i64::MAX: beyond it there is nothing, as at it.
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let bounds = params![wanted.topic.as_str(), wanted.number, offset, limit];
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
pub(super) fn append(
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

/// The offset that the next record will get.
pub(super) fn stored_end(connection: &Connection, partition: &Partition) -> rusqlite::Result<u64> {
    let next: Option<i64> = connection
        .prepare_cached("SELECT next FROM ends WHERE topic = ?1 AND partition = ?2")?
        .query_row(params![partition.topic.as_str(), partition.number], |row| row.get(0))
        .optional()?;
    Ok(next.unwrap_or(0).cast_unsigned())
}

/// The oldest offset kept.
pub(super) fn stored_start(
    connection: &Connection,
    partition: &Partition,
) -> rusqlite::Result<Option<u64>> {
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
    let mut oldest = connection.prepare_cached(
        "SELECT place, appended_at FROM records
         WHERE topic = (SELECT id FROM topics WHERE name = ?1) AND partition = ?2 AND place < ?3
         ORDER BY place LIMIT ?4",
    )?;
    let bounds = params![topic, number, committed.unwrap_or(i64::MAX), TRIM_CHUNK];
    let mut rows = oldest.query(bounds)?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? >= cutoff.as_ms() {
            break;
        }
        last = Some(row.get::<_, i64>(0)?);
    }
    let Some(last) = last else { return Ok((0, 0)) };
    let deleted = connection
        .prepare_cached(
            "DELETE FROM records WHERE topic = (SELECT id FROM topics WHERE name = ?1)
             AND partition = ?2 AND place <= ?3",
        )?
        .execute(params![topic, number, last])?;
    Ok((deleted as u64, last.cast_unsigned() + 1))
}
