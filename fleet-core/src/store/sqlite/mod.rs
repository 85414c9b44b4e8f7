//! The embedded store: one SQLite file that people can query too.
//!
//! Telemetry rows lie in the order of the log, keyed (partition, place), with one unique index
//! (slot, truck, time, ord): a slot is ten minutes of event time, `ord` the sequence number, or a
//! negative hash of the source's id where the truck does not count. Those two trees do idempotence,
//! history, expiry and the feed; both grow at few points, which is what makes writing fast.
//!
//! A partition's row keeps its watermark and how far the sweep has emptied it from its beginning: a
//! reader of the feed that comes back to a place before that has missed something.
//!
//! Beside them a truck's row knows its newest event, and `seen` the numbers that it ever stored:
//! both are written once per truck and batch, never per event.

mod read;
mod rows;
mod seen;
mod trucks;
mod write;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::watch;

use self::trucks::Trucks;
use super::{
    Document, FeedPage, FleetStore, StoredEvent, StoredTrip, TelemetryQuery, TripQuery, Watermarks,
    Write, WriteOutcome, check_limit, check_writes, contradiction,
};
use crate::{
    Error, Result,
    domain::{TelemetryEvent, TripId, TripSummary, TruckId},
    sqlite::{self, Readers, Schema, Writer},
    time::{Clock, Time},
};

const SCHEMA: Schema = Schema {
    what: "store",
    application_id: 0x464C_5352,
    version: 2,
    ddl: "
    CREATE TABLE partitions (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, number INTEGER NOT NULL,
        next INTEGER, swept INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, number));
    CREATE TABLE trucks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        newest_time INTEGER NOT NULL, newest_ord INTEGER NOT NULL, run_first INTEGER NOT NULL,
        run_last INTEGER NOT NULL, expires_at INTEGER NOT NULL);
    CREATE TABLE seen (truck INTEGER, first INTEGER, last INTEGER NOT NULL,
        PRIMARY KEY (truck, first)) WITHOUT ROWID;
    CREATE TABLE telemetry (partition INTEGER, place INTEGER, slot INTEGER NOT NULL,
        truck INTEGER NOT NULL, time INTEGER NOT NULL, ord INTEGER NOT NULL,
        archived_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, source_id TEXT,
        latitude_deg REAL NOT NULL, longitude_deg REAL NOT NULL, status TEXT NOT NULL,
        altitude_m REAL, heading_deg REAL, speed_kmh REAL, fuel_l REAL, fuel_pct REAL,
        coolant_c REAL, engine_rpm REAL, gear INTEGER, vibration_rms_mps2 REAL, odometer_km REAL,
        payload_kg REAL, fuel_burned_ml INTEGER, diesel_cost_paise INTEGER, trip_id TEXT,
        driver_id TEXT, road_class TEXT, zone TEXT, refuelled_ml INTEGER,
        price_paise_per_l INTEGER, station TEXT, refuelled_at INTEGER,
        PRIMARY KEY (partition, place)) WITHOUT ROWID;
    CREATE UNIQUE INDEX telemetry_key ON telemetry (slot, truck, time, ord);
    CREATE TABLE trips (id TEXT PRIMARY KEY, revision INTEGER NOT NULL, truck TEXT NOT NULL,
        is_done INTEGER NOT NULL, on_time INTEGER, started_at INTEGER NOT NULL,
        partition INTEGER NOT NULL, place INTEGER NOT NULL, archived_at INTEGER NOT NULL,
        body TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX trips_started ON trips (started_at, id);
    CREATE INDEX trips_truck ON trips (truck, started_at, id);
    CREATE INDEX trips_done ON trips (is_done, started_at, id);
    CREATE INDEX trips_on_time ON trips (on_time, started_at, id);
    CREATE INDEX trips_place ON trips (partition, place);
    CREATE TABLE documents (kind TEXT, id TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, id))
        WITHOUT ROWID;",
    upgrades: &[(1, "ALTER TABLE partitions ADD COLUMN swept INTEGER NOT NULL DEFAULT 0;")],
};

/// [`FleetStore`] in one SQLite file, durable on every answer.
#[derive(Debug)]
pub struct SqliteStore {
    path: Arc<Path>,
    clock: Arc<dyn Clock>,
    readers: Readers, // dropped before the writer: see `Readers`
    writer: Option<Writer>,
    trucks: Arc<Mutex<Trucks>>,
    /// Changes with every write: whoever waits for the feed looks again.
    changes: watch::Sender<u64>,
}

impl SqliteStore {
    /// Opens or makes the file at `path`; one process at a time may have it open so.
    ///
    /// # Errors
    /// `Unavailable` or `Corrupt` with what to do; `Invalid` for a file of another sort or version.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let connection = sqlite::open(path, &SCHEMA)?;
        let writer = Some(Writer::start(path.to_owned(), connection)?);
        Ok(Self::assemble(path, clock, writer))
    }

    /// Opens the file for reading, beside the process that writes it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_read_only(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        sqlite::open_read_only(path, &SCHEMA)?;
        Ok(Self::assemble(path, clock, None))
    }

    fn assemble(path: &Path, clock: Arc<dyn Clock>, writer: Option<Writer>) -> Self {
        let readers = Readers::new(path.to_owned(), &SCHEMA);
        let (trucks, changes) = (Arc::default(), watch::Sender::new(0));
        Self { path: path.into(), clock, writer, readers, trucks, changes }
    }

    /// Hands every event that has not expired to `each`, by truck, then sequence number, then time;
    /// in bounded memory.
    ///
    /// # Errors
    /// Those of the file, and whatever `each` returns, which ends it.
    pub fn export_telemetry(
        &self,
        each: &mut dyn FnMut(&TelemetryEvent) -> Result<()>,
    ) -> Result<()> {
        let connection = sqlite::open_read_only(&self.path, &SCHEMA)?;
        let fail = |cause| sqlite::error(&self.path, cause);
        let sql = format!(
            "SELECT {} {} WHERE telemetry.expires_at > ?1
             ORDER BY trucks.name, MAX(ord, 0), time, ord",
            rows::COLUMNS,
            rows::FROM
        );
        let mut statement = connection.prepare(&sql).map_err(fail)?;
        let mut events = statement.query([self.clock.now().as_ms()]).map_err(fail)?;
        while let Some(row) = events.next().map_err(fail)? {
            each(&rows::stored_event(row).map_err(fail)?.event)?;
        }
        Ok(())
    }

    /// Hands every trip to `each`, by id.
    ///
    /// # Errors
    /// As [`export_telemetry`](Self::export_telemetry).
    pub fn export_trips(&self, each: &mut dyn FnMut(&TripSummary) -> Result<()>) -> Result<()> {
        let connection = sqlite::open_read_only(&self.path, &SCHEMA)?;
        let fail = |cause| sqlite::error(&self.path, cause);
        let sql = format!("SELECT {} ORDER BY trips.id", rows::TRIP_COLUMNS);
        let mut statement = connection.prepare(&sql).map_err(fail)?;
        let mut trips = statement.query([]).map_err(fail)?;
        while let Some(row) = trips.next().map_err(fail)? {
            each(&rows::stored_trip(row).map_err(fail)?.trip)?;
        }
        Ok(())
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        after: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T> {
        let writer = self.writer.as_ref();
        let writer = writer.ok_or_else(|| Error::conflict("the store is open read-only"))?;
        let (path, changes) = (Arc::clone(&self.path), self.changes.clone());
        writer
            .call(
                move |connection| work(connection).map_err(|cause| sqlite::error(&path, cause)),
                move |outcome| {
                    after(outcome);
                    changes.send_modify(|count| *count = count.wrapping_add(1));
                },
            )
            .await
    }
}

#[async_trait]
impl FleetStore for SqliteStore {
    async fn write(&self, writes: Vec<Write>, watermarks: Watermarks) -> Result<Vec<WriteOutcome>> {
        check_writes(&writes)?;
        let (trucks, kept) = (Arc::clone(&self.trucks), Arc::clone(&self.trucks));
        let work = move |connection: &Connection| {
            let mut trucks = trucks.lock().unwrap_or_else(PoisonError::into_inner);
            let batch = trucks.begin();
            let outcomes = write::batch(connection, &writes, &watermarks, &mut trucks)?;
            // The writes go back to the caller, whose time their end may cost.
            Ok((outcomes, batch, writes))
        };
        let after = move |(_, batch, _): &(Vec<WriteOutcome>, u64, Vec<Write>)| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).keep(*batch);
        };
        let (outcomes, _, _) = self.call(work, after).await?;
        Ok(outcomes)
    }

    async fn contradiction(&self, event: &TelemetryEvent) -> Result<Option<String>> {
        let wanted = event.clone();
        let kept = self.readers.read(move |connection| write::kept(connection, &wanted)).await?;
        Ok(kept.and_then(|stored| contradiction(&stored.event, event)))
    }

    async fn telemetry(&self, query: &TelemetryQuery) -> Result<Vec<StoredEvent>> {
        check_limit(query.limit)?;
        let (query, now) = (query.clone(), self.clock.now());
        self.readers.read(move |connection| read::telemetry(connection, &query, now)).await
    }

    async fn latest(&self, truck_id: Option<&TruckId>) -> Result<Vec<StoredEvent>> {
        let (truck_id, now) = (truck_id.cloned(), self.clock.now());
        self.readers.read(move |connection| read::latest(connection, truck_id.as_ref(), now)).await
    }

    async fn trips(&self, query: &TripQuery) -> Result<Vec<StoredTrip>> {
        check_limit(query.limit)?;
        let query = query.clone();
        self.readers.read(move |connection| read::trips(connection, &query)).await
    }

    async fn trip(&self, trip_id: &TripId) -> Result<StoredTrip> {
        let wanted = trip_id.clone();
        let found = self.readers.read(move |connection| read::trip(connection, &wanted)).await?;
        found.ok_or_else(|| Error::not_found(format!("trip {trip_id}: not in the store")))
    }

    async fn feed(&self, from: &Watermarks, max: usize, wait: Duration) -> Result<FeedPage> {
        check_limit(max)?;
        let mut changes = self.changes.subscribe();
        let deadline = tokio::time::sleep(wait);
        tokio::pin!(deadline);
        let mut from = from.clone();
        loop {
            // Marked before looking: what comes after the look wakes the wait below.
            changes.mark_unchanged();
            let now = self.clock.now();
            let page = self
                .readers
                .read(move |connection| read::feed(connection, &from, max, now))
                .await?
                .ok_or_else(|| Error::not_found("cursor: what came after it has expired"))?;
            if !page.items.is_empty() || page.has_more || wait.is_zero() {
                return Ok(page);
            }
            tokio::select! {
                () = &mut deadline => return Ok(page),
                changed = changes.changed() => if changed.is_err() { return Ok(page) },
            }
            from = page.next; // what held nothing is not looked at again
        }
    }

    async fn watermarks(&self) -> Result<Watermarks> {
        let rows = self.readers.read(read::watermarks).await?;
        Ok(rows.into_iter().map(|row| (row.partition, row.next)).collect())
    }

    async fn documents(
        &self,
        kind: &str,
        id: Option<&str>,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>> {
        let (kind, id) = (kind.to_owned(), id.map(str::to_owned));
        let after = after.map(str::to_owned);
        self.readers
            .read(move |connection| {
                read::documents(connection, &kind, id.as_deref(), after.as_deref(), max)
            })
            .await
    }

    async fn expire(&self, now: Time) -> Result<u64> {
        let mut swept = 0;
        for partition in self.readers.read(read::partitions).await? {
            let mut after = None;
            loop {
                let chunk =
                    self.call(move |c| write::sweep(c, partition, after, now), |_| ()).await?;
                swept += chunk.deleted;
                if chunk.deleted == 0 {
                    break;
                }
                after = chunk.last;
            }
        }
        Ok(swept)
    }
}

#[cfg(all(test, feature = "testkit"))]
mod tests;
