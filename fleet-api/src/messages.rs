//! What use cases are asked and what they answer, in the shape that REST shows it.

use std::collections::BTreeMap;

use bytes::Bytes;
use fleet_core::{
    domain::{RegisteredTruck, Status, TelemetryEvent, TripStatus, TripSummary, TruckId},
    geo::Position,
    time::Time,
};
use serde::{Deserialize, Serialize};

use crate::text;

/// The fleet at a glance. Large totals are decimal strings: JSON numbers lose digits above 2^53.
#[derive(Debug, Serialize)]
pub(crate) struct FleetSummary {
    pub(crate) trucks: usize,
    pub(crate) trucks_by_status: BTreeMap<Status, usize>,
    pub(crate) trucks_silent: usize,
    #[serde(serialize_with = "text::digits")]
    pub(crate) distance_mm: u64,
    #[serde(serialize_with = "text::digits")]
    pub(crate) fuel_burned_ul: u64,
    #[serde(serialize_with = "text::digits")]
    pub(crate) diesel_cost_upaise: u64,
    #[serde(serialize_with = "text::digits")]
    pub(crate) co2_mg: u64,
    #[serde(serialize_with = "text::digits")]
    pub(crate) events: u64,
    #[serde(serialize_with = "text::digits")]
    pub(crate) trips: u64,
    #[serde(serialize_with = "text::digits")]
    pub(crate) trips_on_time: u64,
    pub(crate) counters_at: Option<Time>,
    pub(crate) newest_event_at: Option<Time>,
}

/// A truck, with its newest report.
#[derive(Debug, Serialize)]
pub(crate) struct Truck {
    pub(crate) truck_id: TruckId,
    pub(crate) registered: Option<RegisteredTruck>,
    pub(crate) latest: Option<TelemetryEvent>,
}

/// Where a truck was last.
#[derive(Debug, Serialize)]
pub(crate) struct TruckPosition {
    pub(crate) truck_id: TruckId,
    pub(crate) event_time: Time,
    pub(crate) position: Position,
    pub(crate) heading_deg: Option<f64>,
    pub(crate) speed_kmh: Option<f64>,
    pub(crate) status: Status,
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Empty at the end.
    pub(crate) next_page_token: String,
}

/// One entry of the feed.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Entry {
    Telemetry { event: Box<TelemetryEvent> },
    Trip { trip: Box<TripSummary> },
}

/// A piece of the feed.
#[derive(Debug, Serialize)]
pub(crate) struct Feed {
    pub(crate) entries: Vec<Entry>,
    /// Where to go on, also when there are no entries.
    pub(crate) next_cursor: String,
    pub(crate) has_more: bool,
}

/// A consumer group.
#[derive(Debug, Serialize)]
pub(crate) struct Group {
    pub(crate) group: String,
    pub(crate) lag_records: u64,
    pub(crate) lag_seconds: f64,
    pub(crate) partitions: Vec<GroupPartition>,
}

#[derive(Debug, Serialize)]
pub(crate) struct GroupPartition {
    pub(crate) topic: String,
    pub(crate) partition: u32,
    pub(crate) committed: Option<u64>,
    pub(crate) end: u64,
    pub(crate) lag_records: u64,
}

/// A dead letter; bytes in hexadecimal.
#[derive(Debug, Serialize)]
pub(crate) struct Letter {
    pub(crate) id: String,
    pub(crate) topic: String,
    pub(crate) partition: Option<u32>,
    pub(crate) offset: Option<u64>,
    pub(crate) group: String,
    pub(crate) reason: String,
    pub(crate) detail: String,
    pub(crate) attempts: u32,
    pub(crate) dead_lettered_at: Time,
    #[serde(serialize_with = "text::lossy")]
    pub(crate) key: Bytes,
    #[serde(rename = "payload_hex", serialize_with = "text::hex")]
    pub(crate) payload: Bytes,
    pub(crate) redriven: bool,
    pub(crate) redriven_from: Option<String>,
}

/// What became of a letter that was to be put back.
#[derive(Debug, Serialize)]
pub(crate) struct RedriveResult {
    pub(crate) id: String,
    pub(crate) outcome: &'static str,
    pub(crate) detail: String,
}

/// What to ask of a truck's history.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryQuestion {
    pub(crate) from: Option<Time>,
    pub(crate) to: Option<Time>,
    pub(crate) order: Option<Order>,
    pub(crate) page_size: Option<u32>,
    pub(crate) page_token: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
}

/// What to ask of the trips.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TripsQuestion {
    pub(crate) truck_id: Option<TruckId>,
    pub(crate) status: Option<TripStatus>,
    pub(crate) on_time: Option<bool>,
    pub(crate) from: Option<Time>,
    pub(crate) to: Option<Time>,
    pub(crate) page_size: Option<u32>,
    pub(crate) page_token: Option<String>,
}
