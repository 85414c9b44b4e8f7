//! The embedded state store: one SQLite file.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Checkpoint, CounterSnapshot, Lease, Saved, StateStore, check_entry_key};
use crate::{
    Error, Result,
    domain::{Counters, TruckId},
    sqlite::{self, Readers, Schema, Writer},
    time::{Clock, Time},
};

const SCHEMA: Schema = Schema {
    what: "state store",
    application_id: 0x464C_5354,
    version: 2,
    ddl: "
    CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, token INTEGER NOT NULL,
        expires_at INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE checkpoint (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL,
        world_time INTEGER NOT NULL, saved_at INTEGER NOT NULL);
    CREATE TABLE world (part INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
    CREATE TABLE counters (truck TEXT PRIMARY KEY, distance_mm INTEGER NOT NULL,
        fuel_burned_ul INTEGER NOT NULL, diesel_cost_upaise INTEGER NOT NULL,
        events INTEGER NOT NULL, trips INTEGER NOT NULL, trips_on_time INTEGER NOT NULL)
        WITHOUT ROWID;
    CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;",
    upgrades: &[(
        1,
        "CREATE TABLE world (part INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
        INSERT INTO world SELECT 0, world FROM checkpoint;
        ALTER TABLE checkpoint DROP COLUMN world;",
    )],
};

/// A world is kept in parts of so many bytes: a row is copied whole when it is bound, and again by
/// each page cache that it passes, which of a large fleet's would be most of the process's memory.
const PART_BYTES: usize = 256 << 10;

/// [`StateStore`] in one SQLite file, durable on every answer.
#[derive(Debug)]
pub struct SqliteState {
    path: Arc<Path>,
    clock: Arc<dyn Clock>,
    readers: Readers, // dropped before the writer: see `Readers`
    writer: Option<Writer>,
}

impl SqliteState {
    /// Opens or makes the file at `path`; one process at a time may have it open so.
    ///
    /// # Errors
    /// `Unavailable` or `Corrupt` with what to do; `Invalid` for a file of another sort or version.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let connection = sqlite::open(path, &SCHEMA)?;
        let writer = Some(Writer::start(path.to_owned(), connection)?);
        let readers = Readers::new(path.to_owned(), &SCHEMA);
        Ok(Self { path: path.into(), clock, writer, readers })
    }

    /// Opens the file for reading, beside the process that writes it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_read_only(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        sqlite::open_read_only(path, &SCHEMA)?;
        let readers = Readers::new(path.to_owned(), &SCHEMA);
        Ok(Self { path: path.into(), clock, writer: None, readers })
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let writer = self.writer.as_ref();
        let writer = writer.ok_or_else(|| Error::conflict("the state store is open read-only"))?;
        writer.call(work, |_| ()).await
    }
}

fn lease_row(connection: &Connection, name: &str) -> rusqlite::Result<Option<(String, u64, i64)>> {
    connection
        .prepare_cached("SELECT holder, token, expires_at FROM leases WHERE name = ?1")?
        .query_row([name], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned(), row.get(2)?))
        })
        .optional()
}

fn put_world(connection: &Connection, world: &[u8]) -> rusqlite::Result<()> {
    let mut put = connection.prepare_cached("INSERT OR REPLACE INTO world VALUES (?1, ?2)")?;
    let mut parts = 0_i64;
    for bytes in world.chunks(PART_BYTES) {
        put.execute(params![parts, bytes])?;
        parts += 1;
    }
    connection.prepare_cached("DELETE FROM world WHERE part >= ?1")?.execute([parts])?;
    Ok(())
}

fn world(connection: &Connection) -> rusqlite::Result<Vec<u8>> {
    let length: i64 =
        connection
            .query_row("SELECT ifnull(sum(length(bytes)), 0) FROM world", [], |row| row.get(0))?;
    let mut world = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    let mut parts = connection.prepare_cached("SELECT bytes FROM world ORDER BY part")?;
    let mut rows = parts.query([])?;
    while let Some(row) = rows.next()? {
        world.extend_from_slice(row.get_ref(0)?.as_blob()?);
    }
    Ok(world)
}

fn put_counters(connection: &Connection, checkpoint: &Checkpoint) -> rusqlite::Result<()> {
    // A truck that the checkpoint does not name has no totals at that time.
    connection.prepare_cached("DELETE FROM counters")?.execute([])?;
    let mut put =
        connection.prepare_cached("INSERT INTO counters VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for (truck, c) in &checkpoint.counters {
        put.execute(params![
            truck.as_str(),
            c.distance_mm.cast_signed(),
            c.fuel_burned_ul.cast_signed(),
            c.diesel_cost_upaise.cast_signed(),
            c.events.cast_signed(),
            c.trips.cast_signed(),
            c.trips_on_time.cast_signed(),
        ])?;
    }
    Ok(())
}

type CountersRow = (String, Counters);

fn counters_rows(connection: &Connection) -> rusqlite::Result<Vec<CountersRow>> {
    let mut rows = connection.prepare_cached("SELECT * FROM counters ORDER BY truck")?;
    let number = |row: &rusqlite::Row<'_>, ix| row.get::<_, i64>(ix).map(i64::cast_unsigned);
    rows.query_map([], |row| {
        let counters = Counters {
            distance_mm: number(row, 1)?,
            fuel_burned_ul: number(row, 2)?,
            diesel_cost_upaise: number(row, 3)?,
            events: number(row, 4)?,
            trips: number(row, 5)?,
            trips_on_time: number(row, 6)?,
        };
        Ok((row.get(0)?, counters))
    })?
    .collect()
}

fn by_truck(rows: Vec<CountersRow>) -> Result<std::collections::BTreeMap<TruckId, Counters>> {
    rows.into_iter()
        .map(|(truck, counters)| {
            let truck: TruckId = truck
                .parse()
                .map_err(|e| Error::corrupt("counters: bad truck id").with_source(e))?;
            Ok((truck, counters))
        })
        .collect()
}

#[async_trait]
impl StateStore for SqliteState {
    async fn acquire(&self, name: &str, holder: &str, ttl: Duration) -> Result<Lease> {
        let (now, path) = (self.clock.now(), Arc::clone(&self.path));
        let (name, holder) = (name.to_owned(), holder.to_owned());
        self.write(move |connection| {
            let fail = |cause| sqlite::error(&path, cause);
            let token = match lease_row(connection, &name).map_err(fail)? {
                Some((other, _, expires_at)) if other != holder && expires_at > now.as_ms() => {
                    let until = Time::from_ms(expires_at);
                    return Err(Error::conflict(format!(
                        "lease {name}: held by {other} to {until}"
                    )));
                }
                Some((same, token, _)) if same == holder => token,
                Some((_, token, _)) => token + 1,
                None => 1,
            };
            let expires_at = now.plus(ttl);
            connection
                .prepare_cached("INSERT OR REPLACE INTO leases VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut put| {
                    put.execute(params![name, holder, token.cast_signed(), expires_at.as_ms()])
                })
                .map_err(fail)?;
            Ok(Lease { name, holder, token, expires_at })
        })
        .await
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        let (lease, path) = (lease.clone(), Arc::clone(&self.path));
        self.write(move |connection| {
            // The row stays, expired, so that the token goes on growing.
            connection
                .prepare_cached(
                    "UPDATE leases SET expires_at = 0, holder = '' WHERE name = ?1 AND token = ?2",
                )
                .and_then(|mut end| end.execute(params![lease.name, lease.token.cast_signed()]))
                .map_err(|cause| sqlite::error(&path, cause))?;
            Ok(())
        })
        .await
    }

    async fn save(&self, lease: &Lease, checkpoint: &Checkpoint) -> Result<Saved> {
        checkpoint.check()?;
        let (lease, checkpoint) = (lease.clone(), checkpoint.clone());
        let (now, path) = (self.clock.now(), Arc::clone(&self.path));
        self.write(move |connection| {
            let fail = |cause| sqlite::error(&path, cause);
            let newest = lease_row(connection, &lease.name).map_err(fail)?;
            if newest
                .is_none_or(|(holder, token, _)| token != lease.token || holder != lease.holder)
            {
                let name = &lease.name;
                return Err(Error::conflict(format!(
                    "lease {name}: it has passed to another holder"
                )));
            }
            let stored: i64 = connection
                .query_row("SELECT version FROM checkpoint", [], |row| row.get(0))
                .optional()
                .map_err(fail)?
                .unwrap_or(0);
            let version = checkpoint.version.cast_signed();
            if version <= stored {
                return Ok(Saved::Stale);
            }
            if version != stored + 1 {
                return Err(Error::conflict(format!(
                    "checkpoint {version}: expected {}",
                    stored + 1
                )));
            }
            connection
                .prepare_cached("INSERT OR REPLACE INTO checkpoint VALUES (1, ?1, ?2, ?3)")
                .and_then(|mut put| {
                    let world_time = checkpoint.world_time.as_ms();
                    put.execute(params![version, world_time, now.as_ms()])
                })
                .and_then(|_| put_world(connection, &checkpoint.world))
                .and_then(|()| put_counters(connection, &checkpoint))
                .map_err(fail)?;
            Ok(Saved::Applied)
        })
        .await
    }

    async fn load(&self) -> Result<Option<Checkpoint>> {
        let row = self
            .readers
            .read(|connection| {
                let transaction = connection.unchecked_transaction()?;
                let row = transaction
                    .query_row("SELECT version, world_time FROM checkpoint", [], |row| {
                        let version = row.get::<_, i64>(0)?.cast_unsigned();
                        Ok((version, row.get::<_, i64>(1)?))
                    })
                    .optional()?;
                let Some((version, world_time)) = row else { return Ok(None) };
                let world = world(&transaction)?;
                Ok(Some((version, world_time, world, counters_rows(&transaction)?)))
            })
            .await?;
        row.map(|(version, world_time, world, counters)| {
            let world_time = Time::from_ms(world_time);
            let counters = by_truck(counters)?;
            Ok(Checkpoint { version, world_time, world: world.into(), counters })
        })
        .transpose()
    }

    async fn counters(&self) -> Result<Option<CounterSnapshot>> {
        let row = self
            .readers
            .read(|connection| {
                let transaction = connection.unchecked_transaction()?;
                let row = transaction
                    .query_row("SELECT version, world_time, saved_at FROM checkpoint", [], |row| {
                        let version = row.get::<_, i64>(0)?.cast_unsigned();
                        Ok((version, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
                    })
                    .optional()?;
                Ok(row.zip(Some(counters_rows(&transaction)?)))
            })
            .await?;
        row.map(|((version, world_time, saved_at), rows)| {
            let (world_time, saved_at) = (Time::from_ms(world_time), Time::from_ms(saved_at));
            Ok(CounterSnapshot { version, world_time, saved_at, trucks: by_truck(rows)? })
        })
        .transpose()
    }

    async fn put_once(&self, key: &str, value: Bytes) -> Result<Bytes> {
        check_entry_key(key)?;
        let (key, path) = (key.to_owned(), Arc::clone(&self.path));
        self.write(move |connection| {
            let put = || -> rusqlite::Result<Vec<u8>> {
                connection
                    .prepare_cached("INSERT OR IGNORE INTO entries VALUES (?1, ?2)")?
                    .execute(params![key, &value[..]])?;
                connection
                    .prepare_cached("SELECT value FROM entries WHERE key = ?1")?
                    .query_row([&key], |row| row.get(0))
            };
            put().map(Into::into).map_err(|cause| sqlite::error(&path, cause))
        })
        .await
    }

    async fn replace(&self, key: &str, value: Bytes) -> Result<()> {
        check_entry_key(key)?;
        let (key, path) = (key.to_owned(), Arc::clone(&self.path));
        self.write(move |connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO entries VALUES (?1, ?2)")
                .and_then(|mut put| put.execute(params![key, &value[..]]))
                .map_err(|cause| sqlite::error(&path, cause))?;
            Ok(())
        })
        .await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let key = key.to_owned();
        let value: Option<Vec<u8>> = self
            .readers
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT value FROM entries WHERE key = ?1")?
                    .query_row([&key], |row| row.get(0))
                    .optional()
            })
            .await?;
        Ok(value.map(Into::into))
    }
}

#[cfg(test)]
mod tests;
