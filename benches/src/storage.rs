//! The embedded log and store against plain rusqlite with the same promise: durable at commit.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use bytes::Bytes;
use fleet_core::{
    domain::TelemetryEvent,
    geo::Position,
    store::{FleetStore, TelemetryWrite, Watermarks, Write, WriteOutcome, sqlite::SqliteStore},
    stream::{
        EventLog, NewRecord, Partition, Place, Topic,
        sqlite::{SqliteLog, SqliteLogSettings},
    },
    time::{SystemClock, Time},
};
use fleet_sim::{Output, World};
use rusqlite::{Connection, ToSql, params};
use tokio::runtime::Runtime;

use crate::{
    Options,
    pairs::{Bound, Row, alternate},
};

const BATCH: usize = 1_000;
const PAYLOAD: [u8; 200] = [0x5A; 200];
const RUN: Duration = Duration::from_secs(3);
const PUBLISHERS: usize = 64;
const STORE_ROWS: usize = 60_000;

/// A record of each of so many trucks, made before the clock runs, as the peer's row is.
fn records(trucks: usize) -> Vec<NewRecord> {
    let record = |truck: usize| NewRecord {
        topic: Topic::TELEMETRY,
        key: Bytes::from(format!("TRK-{truck:06}")),
        headers: Vec::new(),
        payload: Bytes::from_static(&PAYLOAD),
    };
    (0..trucks).map(record).collect()
}

fn open_log(dir: &Path) -> Result<SqliteLog> {
    let clock = Arc::new(SystemClock::new());
    Ok(SqliteLog::open(&dir.join("log.db"), SqliteLogSettings::default(), clock)?)
}

fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// The peer's file: settings as in the log's own, and checkpoints as seldom.
fn open_peer(dir: &Path, ddl: &str) -> Result<Connection> {
    let connection = Connection::open(dir.join("peer.db"))?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
         {ddl}"
    ))?;
    Ok(connection)
}

/// Rows of 200 bytes a second, so many in each durable transaction.
fn peer_appends(options: &Options, batch: usize) -> Result<f64> {
    let dir = tempfile::tempdir_in(&options.scratch)?;
    let ddl = "CREATE TABLE log (place INTEGER PRIMARY KEY, body BLOB NOT NULL);";
    let mut connection = open_peer(dir.path(), ddl)?;
    let (began, mut rows) = (Instant::now(), 0);
    while began.elapsed() < RUN {
        let transaction = connection.transaction()?;
        {
            let mut put = transaction.prepare_cached("INSERT INTO log (body) VALUES (?1)")?;
            for _ in 0..batch {
                put.execute(params![PAYLOAD])?;
            }
        }
        transaction.commit()?;
        rows += batch;
    }
    Ok(rows as f64 / began.elapsed().as_secs_f64())
}

/// Row 15.
pub(crate) fn publish_batches(options: &Options) -> Result<Vec<Row>> {
    let (runtime, records) = (runtime()?, records(BATCH));
    let ours = || {
        let dir = tempfile::tempdir_in(&options.scratch)?;
        let log = open_log(dir.path())?;
        runtime.block_on(async {
            let (began, mut rows) = (Instant::now(), 0);
            while began.elapsed() < RUN {
                rows += log.publish(records.clone()).await?.len();
            }
            Ok(rows as f64 / began.elapsed().as_secs_f64())
        })
    };
    Ok(vec![Row {
        number: "15",
        title: "log, durable publish of 1000 / rusqlite FULL of 1000",
        unit: "records/s",
        must: Bound::AtLeast(0.75),
        aim: Bound::AtLeast(0.95),
        pairs: alternate(options.pairs, ours, || peer_appends(options, BATCH))?,
        note: String::new(),
    }])
}

/// Row 16.
pub(crate) fn publish_alone(options: &Options) -> Result<Vec<Row>> {
    let runtime = runtime()?;
    let ours = || {
        let dir = tempfile::tempdir_in(&options.scratch)?;
        let log = Arc::new(open_log(dir.path())?);
        runtime.block_on(async {
            let began = Instant::now();
            let mut publishers = tokio::task::JoinSet::new();
            for record in records(PUBLISHERS) {
                let log = Arc::clone(&log);
                publishers.spawn(async move {
                    let mut rows = 0;
                    while began.elapsed() < RUN {
                        rows += log.publish(vec![record.clone()]).await?.len();
                    }
                    Ok::<usize, fleet_core::Error>(rows)
                });
            }
            let mut rows = 0;
            while let Some(published) = publishers.join_next().await {
                rows += published??;
            }
            Ok(rows as f64 / began.elapsed().as_secs_f64())
        })
    };
    Ok(vec![Row {
        number: "16",
        title: "log, 64 publishers of one record / rusqlite FULL of 1",
        unit: "records/s",
        must: Bound::AtLeast(20.0),
        aim: Bound::AtLeast(50.0),
        pairs: alternate(options.pairs, ours, || peer_appends(options, 1))?,
        note: String::new(),
    }])
}

/// What a thousand trucks of a world send, with places as the log would give them.
fn writes() -> Result<Vec<TelemetryWrite>> {
    let start: Time = "2026-01-05T00:00:00Z".parse()?;
    let genesis = World::beginning(7, start);
    let mut world = World::new(genesis, 1_000)?;
    let mut offsets = [0_u64; 4];
    let mut writes = Vec::with_capacity(STORE_ROWS);
    while writes.len() < STORE_ROWS {
        for output in world.advance(world.now().plus_ms(60_000)) {
            let Output::Telemetry(event) = output else { continue };
            let number = writes.len() % offsets.len();
            let partition = Partition { topic: Topic::TELEMETRY, number: u32::try_from(number)? };
            let place = Place { partition, offset: offsets[number] };
            offsets[number] += 1;
            let expires_at = event.event_time.plus_ms(7 * 86_400_000);
            let archived_at = event.event_time;
            writes.push(TelemetryWrite { event: *event, place, archived_at, expires_at });
        }
    }
    writes.truncate(STORE_ROWS);
    Ok(writes)
}

/// The store's two trees as the store itself makes them: the peer must not differ by a column.
fn store_ddl() -> Result<String> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("store.db");
    drop(SqliteStore::open(&path, Arc::new(SystemClock::new()))?);
    let file = Connection::open(path)?;
    let mut trees =
        file.prepare("SELECT sql FROM sqlite_master WHERE tbl_name = 'telemetry' AND sql > ''")?;
    let trees: Vec<String> =
        trees.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    anyhow::ensure!(trees.len() == 2, "the store has {} trees of telemetry", trees.len());
    Ok(trees.join(";\n"))
}

/// One row with the values of all its 33 columns, bound without a copy.
fn peer_put(put: &mut rusqlite::Statement<'_>, write: &TelemetryWrite) -> Result<()> {
    let (event, s) = (&write.event, &write.event.signals);
    let Position { lat, lon } = event.position;
    let signed = |value: Option<u64>| value.map(u64::cast_signed);
    let refuelling = event.refuelling.as_ref();
    let truck: i64 = event.truck_id.as_str()[4..].parse()?;
    let time_ms = event.event_time.as_ms();
    let values: [&dyn ToSql; 33] = [
        &write.place.partition.number,
        &write.place.offset.cast_signed(),
        &time_ms.div_euclid(600_000),
        &truck,
        &time_ms,
        &event.seq.cast_signed(),
        &write.archived_at.as_ms(),
        &write.expires_at.as_ms(),
        &event.source_id,
        &lat,
        &lon,
        &event.status.as_str(),
        &s.altitude_m,
        &s.heading_deg,
        &s.speed_kmh,
        &s.fuel_l,
        &s.fuel_pct,
        &s.coolant_c,
        &s.engine_rpm,
        &s.gear,
        &s.vibration_rms_mps2,
        &s.odometer_km,
        &s.payload_kg,
        &signed(s.fuel_burned_ml),
        &signed(s.diesel_cost_paise),
        &event.trip_id.as_ref().map(|id| id.as_str()),
        &event.driver_id.as_ref().map(|id| id.as_str()),
        &event.road_class.map(|class| class.as_str()),
        &event.zone,
        &signed(refuelling.map(|r| r.refuelled_ml)),
        &signed(refuelling.map(|r| r.price_paise_per_l)),
        &refuelling.map(|r| r.station.as_str()),
        &refuelling.map(|r| r.refuelled_at.as_ms()),
    ];
    put.execute(values.as_slice())?;
    Ok(())
}

fn peer_store(options: &Options, writes: &[TelemetryWrite]) -> Result<f64> {
    let dir = tempfile::tempdir_in(&options.scratch)?;
    let mut connection = open_peer(dir.path(), &store_ddl()?)?;
    let sql = format!("INSERT OR IGNORE INTO telemetry VALUES ({})", ["?"; 33].join(", "));
    let began = Instant::now();
    for batch in writes.chunks(BATCH) {
        let transaction = connection.transaction()?;
        {
            let mut put = transaction.prepare_cached(&sql)?;
            batch.iter().try_for_each(|write| peer_put(&mut put, write))?;
        }
        transaction.commit()?;
    }
    Ok(writes.len() as f64 / began.elapsed().as_secs_f64())
}

fn our_store(options: &Options, runtime: &Runtime, writes: &[TelemetryWrite]) -> Result<f64> {
    let dir = tempfile::tempdir_in(&options.scratch)?;
    let store = SqliteStore::open(&dir.path().join("store.db"), Arc::new(SystemClock::new()))?;
    let wrap = |write: &TelemetryWrite| Write::Telemetry(Box::new(write.clone()));
    let batches: Vec<(Vec<Write>, Watermarks)> = writes
        .chunks(BATCH)
        .map(|batch| {
            let next =
                |write: &TelemetryWrite| (write.place.partition.clone(), write.place.offset + 1);
            (batch.iter().map(wrap).collect(), batch.iter().map(next).collect())
        })
        .collect();
    let began = Instant::now();
    for (batch, watermarks) in batches {
        let outcomes = runtime.block_on(store.write(batch, watermarks))?;
        anyhow::ensure!(outcomes.iter().all(|outcome| *outcome == WriteOutcome::Stored));
    }
    Ok(writes.len() as f64 / began.elapsed().as_secs_f64())
}

/// Row 17.
pub(crate) fn store_writes(options: &Options) -> Result<Vec<Row>> {
    let (runtime, writes) = (runtime()?, writes()?);
    let is_counted = |event: &TelemetryEvent| event.seq > 0;
    anyhow::ensure!(writes.iter().all(|write| is_counted(&write.event)));
    let ours = || our_store(options, &runtime, &writes);
    Ok(vec![Row {
        number: "17",
        title: "store, idempotent writes / rusqlite, same key and index",
        unit: "rows/s",
        must: Bound::AtLeast(0.6),
        aim: Bound::AtLeast(0.9),
        pairs: alternate(options.pairs, ours, || peer_store(options, &writes))?,
        note: format!("{STORE_ROWS} rows of 1000 trucks"),
    }])
}
