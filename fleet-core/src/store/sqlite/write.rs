//! Writing a batch inside the writer's transaction.

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::{StoredEvent, Watermarks, Write, WriteOutcome, read::find, rows, seen::Seen};
use crate::{
    domain::{Sla, TripStatus, TruckId},
    store::{Document, TelemetryWrite, TripWrite, compare, ord},
    stream::Partition,
    time::Time,
};

/// A truck as the store knows it: read once per batch, written back once per batch.
struct Truck {
    id: i64,
    newest_time: i64,
    newest_ord: i64,
    seen: Seen,
    /// When the last of its events will have expired.
    expires_at: i64,
    is_changed: bool,
}

impl Truck {
    fn load(connection: &Connection, truck_id: &TruckId) -> rusqlite::Result<Self> {
        let stored = connection
            .prepare_cached(
                "SELECT id, newest_time, newest_ord, run_first, run_last, expires_at FROM trucks
                 WHERE name = ?1",
            )?
            .query_row([truck_id.as_str()], |row| {
                Ok(Self {
                    id: row.get(0)?,
                    newest_time: row.get(1)?,
                    newest_ord: row.get(2)?,
                    seen: Seen { first: row.get(3)?, last: row.get(4)? },
                    expires_at: row.get(5)?,
                    is_changed: false,
                })
            })
            .optional()?;
        if let Some(truck) = stored {
            return Ok(truck);
        }
        connection
            .prepare_cached(
                "INSERT INTO trucks (name, newest_time, newest_ord, run_first, run_last, expires_at)
                 VALUES (?1, ?2, ?2, ?3, ?4, ?2)",
            )?
            .execute(params![truck_id.as_str(), i64::MIN, Seen::NOTHING.first, Seen::NOTHING.last])?;
        Ok(Self {
            id: connection.last_insert_rowid(),
            newest_time: i64::MIN,
            newest_ord: i64::MIN,
            seen: Seen::NOTHING,
            expires_at: i64::MIN,
            is_changed: false,
        })
    }

    fn took_in(&mut self, time: i64, ord: i64, expires_at: i64) {
        if (time, ord) > (self.newest_time, self.newest_ord) {
            (self.newest_time, self.newest_ord) = (time, ord);
        }
        self.expires_at = self.expires_at.max(expires_at);
        self.is_changed = true;
    }

    fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        if !self.is_changed {
            return Ok(());
        }
        connection
            .prepare_cached(
                "UPDATE trucks SET newest_time = ?2, newest_ord = ?3, run_first = ?4,
                 run_last = ?5, expires_at = ?6 WHERE id = ?1",
            )?
            .execute([
                self.id,
                self.newest_time,
                self.newest_ord,
                self.seen.first,
                self.seen.last,
                self.expires_at,
            ])?;
        Ok(())
    }
}

struct Batch<'a> {
    connection: &'a Connection,
    partitions: BTreeMap<&'a Partition, i64>,
    trucks: HashMap<&'a TruckId, Truck>,
}

/// Writes everything, then raises the watermarks.
pub(super) fn batch(
    connection: &Connection,
    writes: &[Write],
    watermarks: &Watermarks,
) -> rusqlite::Result<Vec<WriteOutcome>> {
    let mut batch = Batch { connection, partitions: BTreeMap::new(), trucks: HashMap::new() };
    let mut outcomes = Vec::with_capacity(writes.len());
    for write in writes {
        outcomes.push(match write {
            Write::Telemetry(write) => batch.telemetry(write)?,
            Write::Trip(write) => batch.trip(write)?,
            Write::Document(document) => put_document(connection, document)?,
        });
    }
    batch.trucks.values().try_for_each(|truck| truck.save(connection))?;
    let mut raise = connection
        .prepare_cached("UPDATE partitions SET next = MAX(IFNULL(next, 0), ?2) WHERE id = ?1")?;
    for (partition, next) in watermarks {
        let id = partition_id(connection, partition)?;
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
        if let Some(id) = self.partitions.get(partition) {
            return Ok(*id);
        }
        let id = partition_id(self.connection, partition)?;
        self.partitions.insert(partition, id);
        Ok(id)
    }

    fn truck(&mut self, truck_id: &'a TruckId) -> rusqlite::Result<&mut Truck> {
        Ok(match self.trucks.entry(truck_id) {
            Entry::Occupied(truck) => truck.into_mut(),
            Entry::Vacant(place) => place.insert(Truck::load(self.connection, truck_id)?),
        })
    }

    fn telemetry(&mut self, write: &'a TelemetryWrite) -> rusqlite::Result<WriteOutcome> {
        let (connection, event) = (self.connection, &write.event);
        let partition = self.partition(&write.place.partition)?;
        let truck = self.truck(&event.truck_id)?;
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
        if !insert(connection, write, partition, truck.id, ord)? {
            let stored = find(connection, truck.id, event.event_time, ord)?;
            let taken = || WriteOutcome::Conflict("another event was seen at its place".to_owned());
            return Ok(stored.map_or_else(taken, |stored| compare(&stored.event, event)));
        }
        if ord > 0 && !is_seen {
            truck.seen.add(connection, truck.id, ord)?;
        }
        truck.took_in(event.event_time.as_ms(), ord, write.expires_at.as_ms());
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
