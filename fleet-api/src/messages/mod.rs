//! What use cases are asked and what they answer, in the shape that REST shows it.

mod letters;

use std::{collections::BTreeMap, str::FromStr};

use fleet_core::{
    Error, Result,
    domain::{RegisteredTruck, Signal, Status, TelemetryEvent, TripStatus, TripSummary, TruckId},
    geo::{BoundingBox, Position},
    time::Time,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{keys::Key, rest::Format, text};

pub(crate) use letters::{Letter, LetterCounts, LettersFilter, RedriveQuestion, RedriveResult};

/// The fleet at a glance. Large totals are decimal strings: JSON numbers lose digits above 2^53.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FleetSummary {
    /// Trucks in the register, or heard of without being there.
    pub(crate) trucks: usize,
    /// By the status of each truck's newest report.
    #[schema(value_type = BTreeMap<String, usize>)]
    pub(crate) trucks_by_status: BTreeMap<Status, usize>,
    /// In the register, but never heard of.
    pub(crate) trucks_silent: usize,
    /// Driven by all trucks, mm. Decimal digits.
    #[serde(serialize_with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub(crate) distance_mm: u64,
    /// Burned by all trucks, microlitres. Decimal digits.
    #[serde(serialize_with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub(crate) fuel_burned_ul: u64,
    /// Its cost, micro-paise (10⁻⁸ ₹). Decimal digits.
    #[serde(serialize_with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub(crate) diesel_cost_upaise: u64,
    /// Its CO₂, mg. Decimal digits.
    #[serde(serialize_with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub(crate) co2_mg: u64,
    /// Reports made. Decimal digits.
    #[serde(serialize_with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub(crate) events: u64,
    /// Trips ended. Decimal digits.
    #[serde(serialize_with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub(crate) trips: u64,
    /// Of those, on time. Decimal digits.
    #[serde(serialize_with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub(crate) trips_on_time: u64,
    /// Simulated time of the totals: the last checkpoint's. None before the first.
    pub(crate) counters_at: Option<Time>,
    /// When the newest report in the store was measured.
    pub(crate) newest_event_at: Option<Time>,
}

/// A truck, with its newest report.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Truck {
    pub(crate) truck_id: TruckId,
    /// What the register knows of it; none for a device that is not registered.
    pub(crate) registered: Option<RegisteredTruck>,
    /// Its newest report by event time; none before the first.
    pub(crate) latest: Option<TelemetryEvent>,
}

/// Where a truck was last.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct TruckPosition {
    pub(crate) truck_id: TruckId,
    /// When it was measured.
    pub(crate) event_time: Time,
    pub(crate) position: Position,
    /// From north, clockwise, degrees.
    pub(crate) heading_deg: Option<f64>,
    /// Over ground, km/h.
    pub(crate) speed_kmh: Option<f64>,
    pub(crate) status: Status,
}

/// Which trucks, in which order, and how much of each.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TrucksQuestion {
    /// Only trucks whose newest report has this status.
    #[param(inline)]
    pub(crate) status: Option<Status>,
    /// Only trucks of this depot.
    #[param(example = "guwahati")]
    pub(crate) depot: Option<String>,
    /// Only trucks of this model, by its id.
    #[param(example = "rigid_6x2_31t")]
    pub(crate) model: Option<String>,
    /// Only trucks that were last in this rectangle, `west,south,east,north` in degrees; a west
    /// above the east crosses the 180th meridian.
    #[serde(default, deserialize_with = "text::parsed")]
    #[param(value_type = Option<String>, example = "91.5,26.0,92.0,26.4")]
    pub(crate) bbox: Option<BoundingBox>,
    /// Only trucks that were last within `radius_m` of this point, `longitude,latitude` in degrees.
    #[serde(default, deserialize_with = "text::lon_lat")]
    #[param(value_type = Option<String>, example = "91.75,26.18")]
    pub(crate) near: Option<Position>,
    /// Goes with `near`: 1 to 2,000,000 m.
    #[param(minimum = 1, maximum = 2_000_000)]
    pub(crate) radius_m: Option<f64>,
    /// By id unless said otherwise. Trucks without such a reading come last; equals, by id.
    #[param(inline)]
    pub(crate) order: Option<TruckOrder>,
    /// Of each truck only these parts, by commas: `registered`, `latest`. Both unless given.
    #[serde(default, deserialize_with = "text::words")]
    #[param(value_type = Option<String>, example = "latest")]
    pub(crate) fields: Vec<TruckPart>,
    /// Of the newest report only these signals, by commas: `speed_kmh,fuel_pct`. All unless given.
    #[serde(default, deserialize_with = "text::words")]
    #[param(value_type = Option<String>, example = "speed_kmh,fuel_pct")]
    pub(crate) signals: Vec<Signal>,
    /// 1 or more, of which 500 are taken at most; 50 unless given.
    #[param(minimum = 1, default = 50)]
    pub(crate) page_size: Option<u32>,
    /// From the page before. What changes between two pages moves in the list.
    pub(crate) page_token: Option<String>,
}

/// In which order trucks are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TruckOrder {
    #[default]
    TruckId,
    NewestFirst,
    StalestFirst,
    FastestFirst,
    SlowestFirst,
    LeastFuelFirst,
    MostFuelFirst,
    NearestFirst,
}

/// A part of a truck that can be asked for alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TruckPart {
    Registered,
    Latest,
}

impl FromStr for TruckPart {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "registered" => Ok(Self::Registered),
            "latest" => Ok(Self::Latest),
            _ => Err(Error::invalid("fields: expected some of registered, latest")),
        }
    }
}

/// A list that is not paged.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// What `page_token` takes for the next page; empty at the end.
    pub(crate) next_page_token: String,
}

/// One entry of the feed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// A truck's report.
    Telemetry { event: Box<TelemetryEvent> },
    /// A trip's newest revision.
    Trip { trip: Box<TripSummary> },
}

/// A piece of the feed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Feed {
    /// In order for each truck.
    pub(crate) entries: Vec<Entry>,
    /// Where to go on, also when there are no entries.
    pub(crate) next_cursor: String,
    /// Whether more was there already.
    pub(crate) has_more: bool,
}

/// A consumer group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Group {
    /// Its name.
    pub(crate) group: String,
    /// Records not committed, of all its partitions.
    pub(crate) lag_records: u64,
    /// Age of the oldest of them, s; 0 when caught up.
    pub(crate) lag_seconds: f64,
    /// How it is doing, in the word of its worst partition: rewound, no_consumer, stalled,
    /// never_started, falling_behind, unknown, catching_up, keeping_pace, caught_up.
    #[schema(value_type = String, example = "caught_up")]
    pub(crate) verdict: &'static str,
    /// Since when; none while nothing has been seen.
    pub(crate) since: Option<Time>,
    /// Its members; none if the log cannot tell, or while they come and go.
    pub(crate) members: Option<u32>,
    /// Whether its partitions are being shared out anew.
    pub(crate) rebalancing: bool,
    /// By how many seconds the longest wait grows in a second; none if there is too little to go by.
    pub(crate) lag_trend: Option<f64>,
    /// Time until it has caught up, s; none if that is not foreseen.
    pub(crate) catch_up_seconds: Option<f64>,
    /// Time until records that wait are deleted, s; none if that is not foreseen.
    pub(crate) loss_in_seconds: Option<f64>,
    pub(crate) partitions: Vec<GroupPartition>,
}

/// How far a group is on one partition.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupPartition {
    pub(crate) topic: String,
    pub(crate) partition: u32,
    /// The next offset to consume; none if the group never committed.
    pub(crate) committed: Option<u64>,
    /// The offset that the next record will get.
    pub(crate) end: u64,
    pub(crate) lag_records: u64,
    /// Age of the oldest record that waits, s.
    pub(crate) lag_seconds: f64,
    /// How the group is doing here, in a word as above.
    #[schema(value_type = String, example = "caught_up")]
    pub(crate) verdict: &'static str,
}

/// What to ask of a truck's history.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuestion {
    /// From this event time on.
    pub(crate) from: Option<Time>,
    /// Up to, not including, this event time.
    pub(crate) to: Option<Time>,
    /// Oldest first unless said otherwise.
    #[param(inline)]
    pub(crate) order: Option<Order>,
    /// Only these signals, by commas: `speed_kmh,fuel_pct`. All unless given.
    #[serde(default, deserialize_with = "text::words")]
    #[param(value_type = Option<String>, example = "speed_kmh,fuel_pct")]
    pub(crate) signals: Vec<Signal>,
    /// `json` or `csv`; as `Accept` says unless given.
    #[param(inline)]
    pub(crate) format: Option<Format>,
    /// 1 or more, of which 500 are taken at most; 50 unless given.
    #[param(minimum = 1, default = 50)]
    pub(crate) page_size: Option<u32>,
    /// From the page before.
    pub(crate) page_token: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
}

/// What to ask of the trips.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TripsQuestion {
    /// Only this truck's.
    pub(crate) truck_id: Option<TruckId>,
    /// Only running ones, or only those done.
    #[param(inline)]
    pub(crate) status: Option<TripStatus>,
    /// Only those on time, or only those late.
    pub(crate) on_time: Option<bool>,
    /// Only those from or to this place, by its id. Of each page at most 5,000 trips are looked at, so
    /// one with few of them may end early, with a token.
    #[param(example = "guwahati")]
    pub(crate) place: Option<String>,
    /// `json` or `geojson`; as `Accept` says unless given.
    #[param(inline)]
    pub(crate) format: Option<Format>,
    /// Departed from this time on.
    pub(crate) from: Option<Time>,
    /// Departed before this time.
    pub(crate) to: Option<Time>,
    /// 1 or more, of which 500 are taken at most; 50 unless given.
    #[param(minimum = 1, default = 50)]
    pub(crate) page_size: Option<u32>,
    /// From the page before.
    pub(crate) page_token: Option<String>,
}

/// Which signals of a truck are to be drawn, and how.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeriesQuestion {
    /// From this event time on.
    pub(crate) from: Option<Time>,
    /// Up to, not including, this event time.
    pub(crate) to: Option<Time>,
    /// Which, by commas: at least one.
    #[serde(deserialize_with = "text::words")]
    #[param(value_type = String, example = "speed_kmh,fuel_pct")]
    pub(crate) signals: Vec<Signal>,
    /// The most points of each signal, 4 to 5,000; 500 unless given.
    #[param(minimum = 4, maximum = 5_000, default = 500)]
    pub(crate) max_points: Option<u32>,
    /// `minmax` unless said otherwise.
    #[param(inline)]
    pub(crate) downsample: Option<Downsample>,
}

/// How a series is made short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Downsample {
    /// Least and greatest reading of each bucket: no spike is lost.
    #[default]
    MinMax,
    /// The shape that the eye sees (Steinarsson 2013).
    Lttb,
    /// Not at all; refused if there are more readings than `max_points`.
    None,
}

/// Signals of a truck over time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct History {
    pub(crate) truck_id: TruckId,
    /// Reports in the window, whether or not they have a reading.
    pub(crate) reports: usize,
    /// The median time between two of them, ms.
    pub(crate) interval_ms: i64,
    /// Where more than three intervals passed without a report: no line should cross them. The first
    /// 1,000.
    pub(crate) gaps: Vec<Gap>,
    pub(crate) downsample: Downsample,
    /// One for each signal, in the order asked for.
    pub(crate) series: Vec<Series>,
}

/// A time without reports.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Gap {
    /// The last report before it.
    pub(crate) from: Time,
    /// The first one after it.
    pub(crate) to: Time,
}

/// The readings of a signal, in the unit of its name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Series {
    pub(crate) signal: Signal,
    /// How many there are in the window.
    pub(crate) readings: usize,
    /// Those that are to be drawn, first and last among them.
    pub(crate) points: Vec<SeriesPoint>,
}

/// One reading.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesPoint {
    pub(crate) at: Time,
    pub(crate) value: f64,
}

/// How a trip went, to be played again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replay {
    pub(crate) trip: TripSummary,
    /// Reports of the trip that are kept. Of more than the points asked for, every n-th is shown.
    pub(crate) reports: usize,
    /// There were more than 20,000: what follows them is left out.
    pub(crate) is_truncated: bool,
    /// The median time between two reports, ms.
    pub(crate) interval_ms: i64,
    /// Stretches of reports; between two of them more than three intervals passed without one.
    pub(crate) segments: Vec<ReplaySegment>,
}

/// A stretch without a gap.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplaySegment {
    /// In the order of time.
    pub(crate) points: Vec<ReplayPoint>,
}

/// Where the truck was, and how.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ReplayPoint {
    pub(crate) event_time: Time,
    pub(crate) position: Position,
    pub(crate) status: Status,
    /// Above sea level, m.
    pub(crate) altitude_m: Option<f64>,
    /// From north, clockwise, degrees.
    pub(crate) heading_deg: Option<f64>,
    /// Over ground, km/h.
    pub(crate) speed_kmh: Option<f64>,
    /// In the tank, l.
    pub(crate) fuel_l: Option<f64>,
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRequest {
    /// For people: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, example = "depot screen")]
    pub(crate) name: String,
    /// What it may do: scopes, or the roles viewer, operator, device, admin.
    #[schema(min_items = 1, example = json!(["viewer"]))]
    pub(crate) scopes: Vec<String>,
    /// The trucks that it may send telemetry of; any, if there are none.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub(crate) trucks: Vec<TruckId>,
    /// Limits of its own, like `read=100@10,live=20@1`: a burst and tokens a second by class.
    #[serde(default)]
    pub(crate) quotas: String,
    /// From this time on it is void; never, unless given.
    pub(crate) expires_at: Option<Time>,
}

/// A new key, with what is shown this once, and never by `Debug`.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedKey {
    pub(crate) key: Key,
    /// What its holder sends as `Authorization: Bearer`. It is not kept: nobody can show it again.
    #[schema(example = "df_live_...")]
    pub(crate) secret: String,
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedKey").field("key", &self.key).finish_non_exhaustive()
    }
}
