//! Writing a batch inside the writer's transaction.

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::{StoredEvent, Watermarks, Write, WriteOutcome, read::find, rows, trucks::Trucks};
use crate::{
    domain::{Sla, TelemetryEvent, TripStatus},
    store::{Document, TelemetryWrite, TripWrite, compare, ord},
    stream::Partition,
    time::Time,
};

struct Batch<'a> {
    connection: &'a Connection,
    partitions: Vec<(&'a Partition, i64)>, // few: a search beats a tree
    trucks: &'a mut Trucks,
    insert: CachedStatement<'a>,
}

/// Writes everything, then raises the watermarks.
pub(super) fn batch(
    connection: &Connection,
    writes: &[Write],
    watermarks: &Watermarks,
    trucks: &mut Trucks,
) -> rusqlite::Result<Vec<WriteOutcome>> {
    let insert = connection.prepare_cached(rows::INSERT)?;
    let mut batch = Batch { connection, partitions: Vec::new(), trucks, insert };
    let mut outcomes = Vec::with_capacity(writes.len());
    for write in writes {
        outcomes.push(match write {
            Write::Telemetry(write) => batch.telemetry(write)?,
            Write::Trip(write) => batch.trip(write)?,
            Write::Document(document) => put_document(connection, document)?,
        });
    }
    batch.trucks.save(connection)?;
    let mut raise = connection
        .prepare_cached("UPDATE partitions SET next = MAX(IFNULL(next, 0), ?2) WHERE id = ?1")?;
    for (partition, next) in watermarks {
        let id = batch.partition(partition)?;
        raise.execute(params![id, next.cast_signed()])?;
    }
    Ok(outcomes)
}

fn partition_id(connection: &Connection, partition: &Partition) -> rusqlite::Result<i64> {
    let key = params![partition.topic.as_str(), partition.number];
    connection
        .prepare_cached("INSERT OR IGNORE INTO partitions (topic, number) VALUES (?1, ?2)")?
        .execute(key)?;
    connection
        .prepare_cached("SELECT id FROM partitions WHERE topic = ?1 AND number = ?2")?
        .query_row(key, |row| row.get(0))
}

fn put_document(connection: &Connection, document: &Document) -> rusqlite::Result<WriteOutcome> {
    let Document { kind, id, body } = document;
    let changed = connection
        .prepare_cached(
            "INSERT INTO documents VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET body = excluded.body WHERE body <> excluded.body",
        )?
        .execute(params![kind, id, body])?;
    Ok(if changed == 0 { WriteOutcome::Unchanged } else { WriteOutcome::Stored })
}

impl<'a> Batch<'a> {
    fn partition(&mut self, partition: &'a Partition) -> rusqlite::Result<i64> {
        if let Some((_, id)) = self.partitions.iter().find(|(known, _)| *known == partition) {
            return Ok(*id);
        }
        let id = partition_id(self.connection, partition)?;
        self.partitions.push((partition, id));
        Ok(id)
    }

    fn telemetry(&mut self, write: &'a TelemetryWrite) -> rusqlite::Result<WriteOutcome> {
        let (connection, event) = (self.connection, &write.event);
        let partition = self.partition(&write.place.partition)?;
        let (ix, truck) = self.trucks.find(connection, &event.truck_id)?;
        let ord = ord(event.seq, event.source_id.as_deref());
        // Only a number that was seen before can be in, at this time or at another.
        let is_seen = ord > 0 && truck.seen.contains(connection, truck.id, ord)?;
        if is_seen {
            let here = find(connection, truck.id, event.event_time, ord)?;
            let stored = match here {
                Some(stored) => Some(stored),
                None => find_seq(connection, truck.id, ord)?,
            };
            if let Some(stored) = stored {
                return Ok(compare(&stored.event, event));
            }
        }
        if !rows::insert(&mut self.insert, write, partition, truck.id, ord)? {
            let stored = find(connection, truck.id, event.event_time, ord)?;
            let taken = || WriteOutcome::Conflict("another event was seen at its place".to_owned());
            return Ok(stored.map_or_else(taken, |stored| compare(&stored.event, event)));
        }
        if ord > 0 && !is_seen {
            truck.seen.add(connection, truck.id, ord)?;
        }
        self.trucks.took_in(ix, event.event_time.as_ms(), ord, write.expires_at.as_ms());
        Ok(WriteOutcome::Stored)
    }

    fn trip(&mut self, write: &'a TripWrite) -> rusqlite::Result<WriteOutcome> {
        let trip = &write.trip;
        let partition = self.partition(&write.place.partition)?;
        let body = serde_json::to_string(trip)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let on_time = trip.sla.map(|sla| matches!(sla, Sla::OnTime));
        let changed = self
            .connection
            .prepare_cached(
                "INSERT INTO trips VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT (id) DO UPDATE SET revision = excluded.revision,
                     truck = excluded.truck, is_done = excluded.is_done,
                     on_time = excluded.on_time, started_at = excluded.started_at,
                     partition = excluded.partition, place = excluded.place,
                     archived_at = excluded.archived_at, body = excluded.body
                 WHERE excluded.revision > trips.revision",
            )?
            .execute(params![
                trip.trip_id.as_str(),
                trip.revision,
                trip.truck_id.as_str(),
                trip.status == TripStatus::Done,
                on_time,
                trip.started_at.as_ms(),
                partition,
                write.place.offset.cast_signed(),
                write.archived_at.as_ms(),
                body,
            ])?;
        Ok(if changed == 0 { WriteOutcome::Unchanged } else { WriteOutcome::Stored })
    }
}

/// The event kept under the id of `event`, at whatever time.
pub(super) fn kept(
    connection: &Connection,
    event: &TelemetryEvent,
) -> rusqlite::Result<Option<StoredEvent>> {
    let truck: Option<i64> = connection
        .prepare_cached("SELECT id FROM trucks WHERE name = ?1")?
        .query_row([event.truck_id.as_str()], |row| row.get(0))
        .optional()?;
    let Some(truck) = truck else { return Ok(None) };
    let ord = ord(event.seq, event.source_id.as_deref());
    match find(connection, truck, event.event_time, ord)? {
        None if ord > 0 => find_seq(connection, truck, ord),
        found => Ok(found),
    }
}

/// The event of a truck with this number, at whatever time. It goes through the truck's part of
/// the index, slot by slot: only for contradictions, and for what comes again once swept.
fn find_seq(
    connection: &Connection,
    truck: i64,
    ord: i64,
) -> rusqlite::Result<Option<StoredEvent>> {
    let time: Option<i64> = connection
        .prepare_cached(
            "WITH RECURSIVE slots (slot) AS (
                 SELECT MIN(slot) FROM telemetry UNION ALL
                 SELECT (SELECT MIN(slot) FROM telemetry WHERE slot > slots.slot) FROM slots
                 WHERE slots.slot IS NOT NULL)
             SELECT time FROM slots CROSS JOIN telemetry ON telemetry.slot = slots.slot
             WHERE truck = ?1 AND ord = ?2 LIMIT 1",
        )?
        .query_row([truck, ord], |row| row.get(0))
        .optional()?;
    time.map_or(Ok(None), |time| find(connection, truck, Time::from_ms(time), ord))
}

/// Rows that one transaction of the sweep looks at.
const SWEEP_CHUNK: i64 = 5_000;

/// What one transaction of the sweep did.
pub(super) struct Swept {
    pub(super) deleted: u64,
    /// The last place it looked at.
    pub(super) last: Option<i64>,
}

/// Deletes what has expired among the next rows of a partition in the order of the log. The sweep
/// ends at the first chunk in which nothing had: there is no index on expiry, which would cost
/// every write. So a long stretch of rows that live longer keeps what is behind it on disk until
/// they go too (never in an answer: queries look at each row's own expiry).
pub(super) fn sweep(
    connection: &Connection,
    partition: i64,
    after: Option<i64>,
    now: Time,
) -> rusqlite::Result<Swept> {
    let after = after.unwrap_or(-1);
    let last: Option<i64> = connection
        .prepare_cached(
            "SELECT MAX(place) FROM (SELECT place FROM telemetry
             WHERE partition = ?1 AND place > ?2 ORDER BY place LIMIT ?3)",
        )?
        .query_row([partition, after, SWEEP_CHUNK], |row| row.get(0))?;
    let expired = "FROM telemetry
         WHERE partition = ?1 AND place > ?2 AND place <= ?3 AND expires_at <= ?4";
    let bounds = params![partition, after, last, now.as_ms()];
    let last_expired: Option<i64> = connection
        .prepare_cached(&format!("SELECT MAX(place) {expired}"))?
        .query_row(bounds, |row| row.get(0))?;
    let deleted = connection.prepare_cached(&format!("DELETE {expired}"))?.execute(bounds)?;
    // Up to the first row that lives longer than what lay behind it.
    connection
        .prepare_cached(
            "UPDATE partitions SET swept = MAX(swept, MIN(?2 + 1, IFNULL(
                 (SELECT MIN(place) FROM telemetry WHERE partition = ?1), ?2 + 1)))
             WHERE id = ?1 AND ?2 IS NOT NULL",
        )?
        .execute(params![partition, last_expired])?;
    Ok(Swept { deleted: deleted as u64, last })
}
