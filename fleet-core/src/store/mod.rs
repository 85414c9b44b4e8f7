//! The store: where telemetry, trips and documents are kept and asked for.
//!
//! Writes are idempotent: an event written twice is there once (at the place where it was first
//! seen), a trip keeps its newest revision, so a replayed part of the log changes nothing. The
//! writer moves its *watermark* (how far of the log is in) in the same transaction, and the
//! [feed](FleetStore::feed) serves only up to it: a reader never skips what is still being written.
//!
//! Telemetry expires at a time fixed when it was first archived; every query leaves out what has
//! expired, whether or not it has been swept yet. The laws of the port are in
//! `testkit::store_laws`.

use std::{collections::BTreeMap, fmt, time::Duration};

use async_trait::async_trait;

use crate::{
    Result,
    domain::{EventId, TelemetryEvent, TripId, TripStatus, TripSummary, TruckId},
    stream::{Partition, Place},
    time::Time,
};

#[cfg(feature = "mongodb")]
pub mod mongodb;
#[cfg(feature = "sqlite")]
pub mod sqlite;

/// An event on its way into the store.
#[derive(Clone, Debug, PartialEq)]
pub struct TelemetryWrite {
    /// The event, already validated.
    pub event: TelemetryEvent,
    /// Where in the log it was seen.
    pub place: Place,
    /// Platform time of this write.
    pub archived_at: Time,
    /// Platform time from which it is gone.
    pub expires_at: Time,
}

/// A trip on its way into the store.
#[derive(Clone, Debug, PartialEq)]
pub struct TripWrite {
    /// The trip, already validated.
    pub trip: TripSummary,
    /// Where in the log this revision was seen.
    pub place: Place,
    /// Platform time of this write.
    pub archived_at: Time,
}

/// A named JSON document: the register of trucks, genesis, marks of redriven dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Which sort, e.g. `truck`.
    pub kind: String,
    /// Its name within the sort.
    pub id: String,
    /// JSON text, at most 64 KiB.
    pub body: String,
}

/// One thing to write.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Insert unless its id is there.
    Telemetry(Box<TelemetryWrite>),
    /// Replace if the revision is newer.
    Trip(Box<TripWrite>),
    /// Insert or replace.
    Document(Document),
}

/// What became of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// It is in.
    Stored,
    /// The same, or for a trip the same or a newer revision, was in already: nothing changed.
    Unchanged,
    /// Another event with this id is in; the first is kept. Says how they differ.
    Conflict(String),
}

/// Per partition, the next offset to be written: everything before it is in the store.
pub type Watermarks = BTreeMap<Partition, u64>;

/// An event in the store, with its processing fields.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "as in TelemetryWrite")]
pub struct StoredEvent {
    pub event: TelemetryEvent,
    pub place: Place,
    pub archived_at: Time,
    pub expires_at: Time,
}

/// A trip in the store, with the processing fields of its newest revision.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "as in TripWrite")]
pub struct StoredTrip {
    pub trip: TripSummary,
    pub place: Place,
    pub archived_at: Time,
}

/// Which telemetry: of one truck, in a half-open window of event time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryQuery {
    /// The truck.
    pub truck_id: TruckId,
    /// From this event time on.
    pub from: Time,
    /// Up to, not including, this event time.
    pub to: Time,
    /// Only what comes after this event in the order asked for (the last one of the page before).
    pub after: Option<(Time, EventId)>,
    /// Newest first instead of oldest first.
    pub newest_first: bool,
    /// At most so many: 1 to 5,000.
    pub limit: usize,
}

/// Which trips, newest departure first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TripQuery {
    /// Only of this truck.
    pub truck_id: Option<TruckId>,
    /// Only running or only done ones.
    pub status: Option<TripStatus>,
    /// Only those that were on time (`true`) or late (`false`).
    pub on_time: Option<bool>,
    /// Departed from this time on.
    pub from: Option<Time>,
    /// Departed before this time.
    pub to: Option<Time>,
    /// Only what comes after this trip (departure and id of the last one of the page before).
    pub after: Option<(Time, TripId)>,
    /// At most so many: 1 to 5,000.
    pub limit: usize,
}

/// One entry of the feed.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the variants name what they hold")]
pub enum FeedItem {
    Telemetry(Box<StoredEvent>),
    Trip(Box<StoredTrip>),
}

impl FeedItem {
    /// Its place in the log.
    pub fn place(&self) -> &Place {
        match self {
            Self::Telemetry(stored) => &stored.place,
            Self::Trip(stored) => &stored.place,
        }
    }
}

/// A piece of the feed.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedPage {
    /// In order per partition (and so per truck); partitions interleave.
    pub items: Vec<FeedItem>,
    /// Where to go on: after every item of this page, for every partition with a watermark.
    pub next: Watermarks,
    /// Whether more was in the store when this was read.
    pub has_more: bool,
}

/// The port of the store. See the module for what it promises.
#[async_trait]
pub trait FleetStore: Send + Sync + fmt::Debug {
    /// Writes all of `writes` and raises `watermarks` (never lowers one) in one transaction that
    /// is durable on return. One outcome per write, in order.
    ///
    /// # Errors
    /// `Unavailable`: nothing is known to be written, write it all again; `Invalid` for a document
    /// above its bound: nothing is written; `Corrupt`.
    async fn write(&self, writes: Vec<Write>, watermarks: Watermarks) -> Result<Vec<WriteOutcome>>;

    /// How `event` differs from the one kept under its id, which a write would answer as a conflict;
    /// `None` if it can be written, or is there already. Writes nothing.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn contradiction(&self, event: &TelemetryEvent) -> Result<Option<String>>;

    /// Telemetry of one truck by event time; of equal times, by sequence.
    ///
    /// # Errors
    /// `Invalid` for a limit out of range; `Unavailable`.
    async fn telemetry(&self, query: &TelemetryQuery) -> Result<Vec<StoredEvent>>;

    /// The newest event by event time of each truck, or of the named one, ordered by truck id.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn latest(&self, truck_id: Option<&TruckId>) -> Result<Vec<StoredEvent>>;

    /// Trips, newest departure first; of equal departures, by id descending.
    ///
    /// # Errors
    /// `Invalid` for a limit out of range; `Unavailable`.
    async fn trips(&self, query: &TripQuery) -> Result<Vec<StoredTrip>>;

    /// One trip.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    async fn trip(&self, trip_id: &TripId) -> Result<StoredTrip>;

    /// What was first seen at or after `from` and below the watermarks, at most `max` items. A
    /// partition absent from `from` is read from its oldest. If there is nothing, waits up to
    /// `wait` to be woken by a write.
    ///
    /// # Errors
    /// `NotFound` if what came after a place in `from` has expired and was swept: begin anew, without
    /// places; `Invalid` for a limit out of range; `Unavailable`.
    async fn feed(&self, from: &Watermarks, max: usize, wait: Duration) -> Result<FeedPage>;

    /// How far each partition is in.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn watermarks(&self) -> Result<Watermarks>;

    /// Documents of `kind` by id ascending, from after `after` on, at most `max`; only the one
    /// called `id` if given.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn documents(
        &self,
        kind: &str,
        id: Option<&str>,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>>;

    /// Sweeps telemetry that has expired at `now`, in small transactions; returns how many went.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn expire(&self, now: Time) -> Result<u64>;
}

// What backends share, so that they cannot differ in it.

/// The most rows one page of a query may have.
#[cfg(any(feature = "sqlite", feature = "mongodb"))]
const LIMIT_MAX: usize = 5_000;
/// The largest document, bytes.
#[cfg(any(feature = "sqlite", feature = "mongodb"))]
const DOCUMENT_BYTES_MAX: usize = 64 << 10;

#[cfg(any(feature = "sqlite", feature = "mongodb"))]
fn check_limit(limit: usize) -> Result<()> {
    if (1..=LIMIT_MAX).contains(&limit) {
        return Ok(());
    }
    Err(crate::Error::invalid(format!("limit: {limit} is outside 1 to {LIMIT_MAX}")))
}

#[cfg(any(feature = "sqlite", feature = "mongodb"))]
fn check_writes(writes: &[Write]) -> Result<()> {
    for write in writes {
        if let Write::Document(Document { kind, id, body }) = write
            && body.len() > DOCUMENT_BYTES_MAX
        {
            return Err(crate::Error::invalid(format!("document {kind}/{id}: above 64 KiB")));
        }
    }
    Ok(())
}

/// Orders and tells apart the events of one truck at one time: the sequence number, or for sources
/// that do not count a negative 63-bit FNV-1a hash of their id.
#[cfg(any(feature = "sqlite", feature = "mongodb"))]
fn ord(seq: u64, source_id: Option<&str>) -> i64 {
    match source_id {
        None => seq.cast_signed(),
        Some(id) => {
            let hash = id.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
            });
            (hash | (1 << 63)).cast_signed()
        }
    }
}

/// How `event` contradicts `stored`, which has its id.
#[cfg(any(feature = "sqlite", feature = "mongodb"))]
fn contradiction(stored: &TelemetryEvent, event: &TelemetryEvent) -> Option<String> {
    match compare(stored, event) {
        WriteOutcome::Conflict(why) => Some(why),
        WriteOutcome::Stored | WriteOutcome::Unchanged => None,
    }
}

/// What it means that `event` came where `stored` is.
#[cfg(any(feature = "sqlite", feature = "mongodb"))]
fn compare(stored: &TelemetryEvent, event: &TelemetryEvent) -> WriteOutcome {
    if stored == event {
        return WriteOutcome::Unchanged;
    }
    let (id, first, second) = (event.id(), stored.event_time, event.event_time);
    WriteOutcome::Conflict(if first == second {
        format!("event {id} was archived before with other content")
    } else {
        format!("event {id} was archived before with event time {first}, now it says {second}")
    })
}
