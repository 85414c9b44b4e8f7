//! Writing a batch inside the writer's transaction.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::{
    StoredEvent, Watermarks, Write, WriteOutcome,
    rows::{self, COLUMNS, FROM},
};
use crate::{
    domain::{Sla, TelemetryEvent, TripStatus, TruckId},
    store::{Document, TelemetryWrite, TripWrite},
    stream::Partition,
    time::Time,
};

/// A truck as the store knows it: kept once per batch, written back once per batch.
#[derive(Clone, Copy)]
struct Truck {
    id: i64,
    newest_time: i64,
    newest_ord: i64,
    newest_seq: i64,
    is_changed: bool,
}

struct Batch<'a> {
    connection: &'a Connection,
    partitions: BTreeMap<&'a Partition, i64>,
    trucks: BTreeMap<&'a TruckId, Truck>,
}

/// Writes everything, then raises the watermarks.
pub(super) fn batch(
    connection: &Connection,
    writes: &[Write],
    watermarks: &Watermarks,
) -> rusqlite::Result<Vec<WriteOutcome>> {
    let mut batch = Batch { connection, partitions: BTreeMap::new(), trucks: BTreeMap::new() };
    let mut outcomes = Vec::with_capacity(writes.len());
    for write in writes {
        outcomes.push(match write {
            Write::Telemetry(write) => batch.telemetry(write)?,
            Write::Trip(write) => batch.trip(write)?,
            Write::Document(document) => put_document(connection, document)?,
        });
    }
    batch.finish_trucks()?;
    let mut raise =
        connection.prepare_cached("UPDATE partitions SET next = MAX(next, ?2) WHERE id = ?1")?;
    for (partition, next) in watermarks {
        let id = partition_id(connection, partition)?;
        raise.execute(params![id, next.cast_signed()])?;
    }
    Ok(outcomes)
}

fn partition_id(connection: &Connection, partition: &Partition) -> rusqlite::Result<i64> {
    let key = params![partition.topic.as_str(), partition.number];
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO partitions (topic, number, next) VALUES (?1, ?2, 0)",
        )?
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
        if let Some(id) = self.partitions.get(partition) {
            return Ok(*id);
        }
        let id = partition_id(self.connection, partition)?;
        self.partitions.insert(partition, id);
        Ok(id)
    }

    fn truck(&mut self, truck_id: &'a TruckId) -> rusqlite::Result<Truck> {
        if let Some(truck) = self.trucks.get(truck_id) {
            return Ok(*truck);
        }
        self.connection
            .prepare_cached(
                "INSERT OR IGNORE INTO trucks (name, newest_time, newest_ord, newest_seq)
                 VALUES (?1, ?2, ?2, 0)",
            )?
            .execute(params![truck_id.as_str(), i64::MIN])?;
        let truck = self
            .connection
            .prepare_cached(
                "SELECT id, newest_time, newest_ord, newest_seq FROM trucks WHERE name = ?1",
            )?
            .query_row([truck_id.as_str()], |row| {
                Ok(Truck {
                    id: row.get(0)?,
                    newest_time: row.get(1)?,
                    newest_ord: row.get(2)?,
                    newest_seq: row.get(3)?,
                    is_changed: false,
                })
            })?;
        self.trucks.insert(truck_id, truck);
        Ok(truck)
    }

    fn finish_trucks(&self) -> rusqlite::Result<()> {
        let mut put = self.connection.prepare_cached(
            "UPDATE trucks SET newest_time = ?2, newest_ord = ?3, newest_seq = ?4 WHERE id = ?1",
        )?;
        for truck in self.trucks.values().filter(|truck| truck.is_changed) {
            put.execute(params![truck.id, truck.newest_time, truck.newest_ord, truck.newest_seq])?;
        }
        Ok(())
    }

    fn telemetry(&mut self, write: &'a TelemetryWrite) -> rusqlite::Result<WriteOutcome> {
        let event = &write.event;
        let partition = self.partition(&write.place.partition)?;
        let mut truck = self.truck(&event.truck_id)?;
        let ord = rows::ord(event.seq, event.source_id.as_deref());
        // Only a number that is not new can be in already under another time.
        if ord > 0 && ord <= truck.newest_seq {
            if let Some(stored) = find(self.connection, truck.id, event.event_time, ord)? {
                return Ok(compare(&stored, event));
            }
            if let Some(stored) = find_seq(self.connection, truck.id, ord)? {
                return Ok(compare(&stored, event));
            }
        }
        if !insert(self.connection, write, partition, truck.id, ord)? {
            let stored = find(self.connection, truck.id, event.event_time, ord)?;
            let taken = || WriteOutcome::Conflict("another event was seen at its place".to_owned());
            return Ok(stored.map_or_else(taken, |stored| compare(&stored, event)));
        }
        let time = event.event_time.as_ms();
        if (time, ord) > (truck.newest_time, truck.newest_ord) {
            (truck.newest_time, truck.newest_ord) = (time, ord);
        }
        truck.newest_seq = truck.newest_seq.max(ord);
        truck.is_changed = true;
        self.trucks.insert(&event.truck_id, truck);
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

fn insert(
    connection: &Connection,
    write: &TelemetryWrite,
    partition: i64,
    truck: i64,
    ord: i64,
) -> rusqlite::Result<bool> {
    let time = write.event.event_time;
    let keys = [
        partition,
        write.place.offset.cast_signed(),
        rows::slot(time),
        truck,
        time.as_ms(),
        ord,
        write.archived_at.as_ms(),
        write.expires_at.as_ms(),
    ];
    let mut statement = connection.prepare_cached(
        "INSERT OR IGNORE INTO telemetry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
         ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    rows::with_values(&write.event, |values| {
        let keys = keys.iter().map(|key| key as &dyn ToSql);
        for (ix, value) in (1..).zip(keys.chain(values.iter().copied())) {
            statement.raw_bind_parameter(ix, value)?;
        }
        Ok(statement.raw_execute()? == 1)
    })
}

/// The event of a truck at exactly this time with exactly this `ord`.
pub(super) fn find(
    connection: &Connection,
    truck: i64,
    time: Time,
    ord: i64,
) -> rusqlite::Result<Option<StoredEvent>> {
    let sql = format!(
        "SELECT {COLUMNS} {FROM} WHERE slot = ?1 AND truck = ?2 AND time = ?3 AND ord = ?4"
    );
    connection
        .prepare_cached(&sql)?
        .query_row(params![rows::slot(time), truck, time.as_ms(), ord], rows::stored_event)
        .optional()
}

/// The event of a truck with this number, at whatever time: slot by slot, for it is rarely asked.
fn find_seq(
    connection: &Connection,
    truck: i64,
    ord: i64,
) -> rusqlite::Result<Option<StoredEvent>> {
    let sql = format!(
        "WITH RECURSIVE slots (slot) AS (
             SELECT MIN(slot) FROM telemetry UNION ALL
             SELECT (SELECT MIN(slot) FROM telemetry WHERE slot > slots.slot) FROM slots
             WHERE slots.slot IS NOT NULL)
         SELECT {COLUMNS} {FROM} JOIN slots ON slots.slot = telemetry.slot
         WHERE truck = ?1 AND ord = ?2 LIMIT 1"
    );
    connection.prepare_cached(&sql)?.query_row(params![truck, ord], rows::stored_event).optional()
}

fn compare(stored: &StoredEvent, event: &TelemetryEvent) -> WriteOutcome {
    if stored.event == *event {
        return WriteOutcome::Unchanged;
    }
    let (id, first, second) = (event.id(), stored.event.event_time, event.event_time);
    WriteOutcome::Conflict(if first == second {
        format!("event {id} was archived before with other content")
    } else {
        format!("event {id} was archived before with event time {first}, now it says {second}")
    })
}

/// Deletes what has expired among the oldest `chunk` rows of a partition. Rows are looked at in the
/// order of the log: one that lives longer keeps those behind it on disk (never in an answer).
pub(super) fn sweep(
    connection: &Connection,
    partition: i64,
    now: Time,
    chunk: i64,
) -> rusqlite::Result<u64> {
    let deleted = connection
        .prepare_cached(
            "DELETE FROM telemetry WHERE partition = ?1 AND expires_at <= ?2 AND place <= (
                 SELECT MAX(place) FROM (SELECT place FROM telemetry WHERE partition = ?1
                 ORDER BY place LIMIT ?3))",
        )?
        .execute(params![partition, now.as_ms(), chunk])?;
    Ok(deleted as u64)
}
