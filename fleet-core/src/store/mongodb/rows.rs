//! Between documents and domain types.

use ::mongodb::bson::{
    Bson, DateTime, Document, deserialize_from_document, doc, serialize_to_document,
};

use crate::{
    Error, Result,
    domain::{Sla, TelemetryEvent, TripStatus, TripSummary},
    store::{StoredEvent, StoredTrip, TelemetryWrite, TripWrite, ord},
    stream::{Partition, Place},
    time::Time,
};

pub(super) fn date(time: Time) -> DateTime {
    DateTime::from_millis(time.as_ms())
}

/// A number as the server keeps it: all that is sent here is checked to be below 2^63.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn damaged(what: &str) -> Error {
    Error::corrupt(format!("mongodb: {what} is damaged or of another program"))
}

fn encode<T: serde::Serialize>(what: &str, value: &T) -> Result<Document> {
    serialize_to_document(value).map_err(|cause| Error::invalid(what).with_source(cause))
}

fn decode<T: serde::de::DeserializeOwned>(what: &str, document: Document) -> Result<T> {
    deserialize_from_document(document).map_err(|cause| damaged(what).with_source(cause))
}

/// What is asked for beside the content, and is not part of it.
const PROCESSING: [&str; 7] =
    ["_id", "ord", "topic", "partition", "offset", "archived_at", "expires_at"];

fn put_place(row: &mut Document, place: &Place) {
    row.insert("topic", place.partition.topic.as_str());
    row.insert("partition", i64::from(place.partition.number));
    row.insert("offset", signed(place.offset));
}

pub(super) fn take_place(row: &Document) -> Option<Place> {
    let topic = row.get_str("topic").ok()?.parse().ok()?;
    let number = u32::try_from(row.get_i64("partition").ok()?).ok()?;
    let offset = u64::try_from(row.get_i64("offset").ok()?).ok()?;
    Some(Place { partition: Partition { topic, number }, offset })
}

fn take_time(row: &Document, field: &str) -> Option<Time> {
    Some(Time::from_ms(row.get_datetime(field).ok()?.timestamp_millis()))
}

/// An event as it is kept: its own fields at the top, times of the contract as dates.
pub(super) fn telemetry(write: &TelemetryWrite) -> Result<Document> {
    let event = &write.event;
    let mut row = doc! { "_id": event.id().to_string() };
    row.extend(encode("event", event)?);
    row.insert("event_time", date(event.event_time));
    row.insert("ord", ord(event.seq, event.source_id.as_deref()));
    put_place(&mut row, &write.place);
    row.insert("archived_at", date(write.archived_at));
    row.insert("expires_at", date(write.expires_at));
    Ok(row)
}

pub(super) fn stored_event(mut row: Document) -> Result<StoredEvent> {
    let what = format!("telemetry {}", row.get_str("_id").unwrap_or("without an id"));
    let read = |row: &Document| {
        let times = (take_time(row, "event_time")?, take_time(row, "archived_at")?);
        Some((take_place(row)?, times, take_time(row, "expires_at")?))
    };
    let (place, (event_time, archived_at), expires_at) =
        read(&row).ok_or_else(|| damaged(&what))?;
    for field in PROCESSING {
        row.remove(field);
    }
    row.insert("event_time", event_time.to_string());
    let event: TelemetryEvent = decode(&what, row)?;
    Ok(StoredEvent { event, place, archived_at, expires_at })
}

/// A trip as it is kept: what queries ask for at the top, the content in `trip`.
pub(super) fn trip(write: &TripWrite) -> Result<Document> {
    let trip = &write.trip;
    let on_time = trip.sla.map_or(Bson::Null, |sla| Bson::Boolean(matches!(sla, Sla::OnTime)));
    let mut row = doc! {
        "revision": i64::from(trip.revision),
        "truck_id": trip.truck_id.as_str(),
        "status": status(trip.status),
        "on_time": on_time,
        "started_at": date(trip.started_at),
        "archived_at": date(write.archived_at),
        "trip": encode("trip", trip)?,
    };
    put_place(&mut row, &write.place);
    Ok(row)
}

pub(super) fn status(status: TripStatus) -> &'static str {
    match status {
        TripStatus::Running => "running",
        TripStatus::Done => "done",
    }
}

pub(super) fn stored_trip(mut row: Document) -> Result<StoredTrip> {
    let what = format!("trip {}", row.get_str("_id").unwrap_or("without an id"));
    let read = |row: &Document| Some((take_place(row)?, take_time(row, "archived_at")?));
    let (place, archived_at) = read(&row).ok_or_else(|| damaged(&what))?;
    let Some(Bson::Document(body)) = row.remove("trip") else { return Err(damaged(&what)) };
    let trip: TripSummary = decode(&what, body)?;
    Ok(StoredTrip { trip, place, archived_at })
}

/// `topic/number`.
pub(super) fn partition_id(partition: &Partition) -> String {
    format!("{}/{}", partition.topic, partition.number)
}

/// What is kept of a partition that has a watermark.
pub(super) struct Marked {
    pub(super) partition: Partition,
    /// The watermark.
    pub(super) next: u64,
    /// Everything before this place was swept by us, or was never a row.
    pub(super) swept: u64,
    /// The first place that ever was a row.
    pub(super) first: Option<u64>,
}

/// `None` for a partition that has no watermark yet.
pub(super) fn marked(row: &Document) -> Result<Option<Marked>> {
    if row.get("next").is_none() {
        return Ok(None);
    }
    let offset = |field| row.get_i64(field).ok().and_then(|offset| u64::try_from(offset).ok());
    let read = || {
        let (topic, number) = row.get_str("_id").ok()?.rsplit_once('/')?;
        let partition = Partition { topic: topic.parse().ok()?, number: number.parse().ok()? };
        let (swept, first) = (offset("swept").unwrap_or(0), offset("first"));
        Some(Marked { partition, next: offset("next")?, swept, first })
    };
    read().map(Some).ok_or_else(|| damaged("a watermark"))
}
