//! Between rows and domain types.

use rusqlite::{Row, Statement, types::Type};

use super::{StoredEvent, StoredTrip};
use crate::{
    domain::{Refuelling, Signals, TelemetryEvent},
    geo::Position,
    store::TelemetryWrite,
    stream::{Partition, Place, Topic},
    time::Time,
};

/// What [`stored_event`] reads, in its order.
pub(super) const COLUMNS: &str = "partitions.topic, partitions.number, place, trucks.name, time, \
    ord, archived_at, telemetry.expires_at, source_id, latitude_deg, longitude_deg, status, altitude_m, \
    heading_deg, speed_kmh, fuel_l, fuel_pct, coolant_c, engine_rpm, gear, vibration_rms_mps2, \
    odometer_km, payload_kg, fuel_burned_ml, diesel_cost_paise, trip_id, driver_id, road_class, \
    zone, refuelled_ml, price_paise_per_l, station, refuelled_at";

/// Where it reads it from. `CROSS JOIN` is SQLite's way to say: in this order.
pub(super) const FROM: &str = "FROM telemetry CROSS JOIN trucks ON trucks.id = telemetry.truck \
    CROSS JOIN partitions ON partitions.id = telemetry.partition";

/// What [`stored_trip`] reads, and where from.
pub(super) const TRIP_COLUMNS: &str = "partitions.topic, partitions.number, place, archived_at, \
    body FROM trips CROSS JOIN partitions ON partitions.id = trips.partition";

const SLOT_MS: i64 = 600_000;

/// The ten minutes of event time that `time` falls into.
pub(super) const fn slot(time: Time) -> i64 {
    time.as_ms().div_euclid(SLOT_MS)
}

fn damaged(
    column: usize,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}

pub(super) fn parsed<T: std::str::FromStr<Err = crate::Error>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|error| damaged(column, error))).transpose()
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(i64::cast_unsigned))
}

pub(super) fn required<T>(column: usize, value: Option<T>) -> rusqlite::Result<T> {
    value.ok_or_else(|| damaged(column, "missing"))
}

/// The partition and offset in the first three columns.
fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    let topic: Topic = required(0, parsed(row, 0)?)?;
    let partition = Partition { topic, number: row.get(1)? };
    Ok(Place { partition, offset: row.get::<_, i64>(2)?.cast_unsigned() })
}

fn signals(row: &Row<'_>) -> rusqlite::Result<Signals> {
    Ok(Signals {
        altitude_m: row.get(12)?,
        heading_deg: row.get(13)?,
        speed_kmh: row.get(14)?,
        fuel_l: row.get(15)?,
        fuel_pct: row.get(16)?,
        coolant_c: row.get(17)?,
        engine_rpm: row.get(18)?,
        gear: row.get(19)?,
        vibration_rms_mps2: row.get(20)?,
        odometer_km: row.get(21)?,
        payload_kg: row.get(22)?,
        fuel_burned_ml: count(row, 23)?,
        diesel_cost_paise: count(row, 24)?,
    })
}

fn refuelling(row: &Row<'_>) -> rusqlite::Result<Option<Refuelling>> {
    let Some(refuelled_ml) = count(row, 29)? else { return Ok(None) };
    Ok(Some(Refuelling {
        refuelled_ml,
        price_paise_per_l: required(30, count(row, 30)?)?,
        station: row.get(31)?,
        refuelled_at: Time::from_ms(row.get(32)?),
    }))
}

/// The event in a row of [`COLUMNS`].
pub(super) fn stored_event(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let source_id: Option<String> = row.get(8)?;
    let ord: i64 = row.get(5)?;
    let event = TelemetryEvent {
        truck_id: required(3, parsed(row, 3)?)?,
        seq: if source_id.is_some() { 0 } else { ord.cast_unsigned() },
        source_id,
        event_time: Time::from_ms(row.get(4)?),
        position: Position { lat: row.get(9)?, lon: row.get(10)? },
        status: required(11, parsed(row, 11)?)?,
        signals: signals(row)?,
        trip_id: parsed(row, 25)?,
        driver_id: parsed(row, 26)?,
        road_class: parsed(row, 27)?,
        zone: row.get(28)?,
        refuelling: refuelling(row)?,
    };
    Ok(StoredEvent {
        event,
        place: place(row)?,
        archived_at: Time::from_ms(row.get(6)?),
        expires_at: Time::from_ms(row.get(7)?),
    })
}

/// The trip in a row of [`TRIP_COLUMNS`].
pub(super) fn stored_trip(row: &Row<'_>) -> rusqlite::Result<StoredTrip> {
    let body: String = row.get(4)?;
    let trip = serde_json::from_str(&body).map_err(|error| damaged(4, error))?;
    Ok(StoredTrip { trip, place: place(row)?, archived_at: Time::from_ms(row.get(3)?) })
}

/// Puts an event with its keys into the table.
pub(super) const INSERT: &str = "INSERT OR IGNORE INTO telemetry VALUES (?, ?, ?, ?, ?, ?, ?, ?, \
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Runs [`INSERT`]; `false` if its place or its key is taken. Each value is bound as what it is: a
/// slice of `dyn ToSql` would cost a fifth of the whole.
pub(super) fn insert(
    insert: &mut Statement<'_>,
    write: &TelemetryWrite,
    partition: i64,
    truck: i64,
    ord: i64,
) -> rusqlite::Result<bool> {
    let time = write.event.event_time;
    let keys = [
        partition,
        write.place.offset.cast_signed(),
        slot(time),
        truck,
        time.as_ms(),
        ord,
        write.archived_at.as_ms(),
        write.expires_at.as_ms(),
    ];
    for (ix, key) in (1..).zip(keys) {
        insert.raw_bind_parameter(ix, key)?;
    }
    bind(insert, &write.event)?;
    Ok(insert.raw_execute()? == 1)
}

/// Binds the event's columns from `source_id` on, in the order of the table.
fn bind(insert: &mut Statement<'_>, event: &TelemetryEvent) -> rusqlite::Result<()> {
    let s = &event.signals;
    let signed = |value: Option<u64>| value.map(u64::cast_signed);
    let refuelling = event.refuelling.as_ref();
    insert.raw_bind_parameter(9, event.source_id.as_deref())?;
    insert.raw_bind_parameter(10, event.position.lat)?;
    insert.raw_bind_parameter(11, event.position.lon)?;
    insert.raw_bind_parameter(12, event.status.as_str())?;
    insert.raw_bind_parameter(13, s.altitude_m)?;
    insert.raw_bind_parameter(14, s.heading_deg)?;
    insert.raw_bind_parameter(15, s.speed_kmh)?;
    insert.raw_bind_parameter(16, s.fuel_l)?;
    insert.raw_bind_parameter(17, s.fuel_pct)?;
    insert.raw_bind_parameter(18, s.coolant_c)?;
    insert.raw_bind_parameter(19, s.engine_rpm)?;
    insert.raw_bind_parameter(20, s.gear)?;
    insert.raw_bind_parameter(21, s.vibration_rms_mps2)?;
    insert.raw_bind_parameter(22, s.odometer_km)?;
    insert.raw_bind_parameter(23, s.payload_kg)?;
    insert.raw_bind_parameter(24, signed(s.fuel_burned_ml))?;
    insert.raw_bind_parameter(25, signed(s.diesel_cost_paise))?;
    insert.raw_bind_parameter(26, event.trip_id.as_ref().map(|id| id.as_str()))?;
    insert.raw_bind_parameter(27, event.driver_id.as_ref().map(|id| id.as_str()))?;
    insert.raw_bind_parameter(28, event.road_class.map(|class| class.as_str()))?;
    insert.raw_bind_parameter(29, event.zone.as_deref())?;
    insert.raw_bind_parameter(30, signed(refuelling.map(|r| r.refuelled_ml)))?;
    insert.raw_bind_parameter(31, signed(refuelling.map(|r| r.price_paise_per_l)))?;
    insert.raw_bind_parameter(32, refuelling.map(|r| r.station.as_str()))?;
    insert.raw_bind_parameter(33, refuelling.map(|r| r.refuelled_at.as_ms()))
}
