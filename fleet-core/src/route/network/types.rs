//! What a road network is made of: places, roads, and what stands along them.

use serde::{Deserialize, Serialize};

use super::hours::OpeningHours;
use crate::{geo::Position, route::RoadClass};

/// Makes an index type: a number that only fits the list it was made for.
macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u16);

        impl $name {
            /// The place in its list, from 0.
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    };
}

index! {
    /// A node's place in [`Network::nodes`](super::Network::nodes).
    NodeIx
}
index! {
    /// A segment's place in [`Network::segments`](super::Network::segments).
    SegmentIx
}
index! {
    /// A zone's place in [`Network::zones`](super::Network::zones).
    ZoneIx
}
index! {
    /// A state's place in [`Network::states`](super::Network::states).
    StateIx
}

/// A federal state: it sets the price of diesel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Two letters, e.g. `AS`.
    pub code: String,
    /// The name in full, e.g. `Assam`.
    pub name: String,
    /// Pump price of diesel in rupees per litre.
    pub diesel_inr_per_l: f64,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the variants speak for themselves")]
pub enum NodeKind {
    City,
    Town,
    Junction,
    Pass,
    BorderPost,
    DepotCandidate,
}

/// The lie of the land a road crosses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the variants speak for themselves")]
pub enum Terrain {
    Plain,
    Rolling,
    Hilly,
    Mountainous,
}

/// The state of the pavement; [`Segment::iri_m_per_km`] has the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the variants speak for themselves")]
pub enum Surface {
    Good,
    Fair,
    Poor,
    VeryPoor,
}

/// A town, junction, pass or border post: where roads meet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// Unique name for machines, e.g. `guwahati`.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// The state it lies in.
    pub state: StateIx,
    /// What it is.
    pub kind: NodeKind,
    /// Where it is.
    pub position: Position,
    /// Metres above sea level.
    pub altitude_m: f64,
    /// Inhabitants, where known.
    pub population: Option<u32>,
}

/// A point that a drawn line passes between its ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Via {
    /// Where it is.
    pub position: Position,
    /// Metres above sea level.
    pub altitude_m: f64,
}

/// A road between two nodes, open in both directions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// `from--to`.
    pub id: String,
    /// The end where `at_m` is 0.
    pub from: NodeIx,
    /// The end where `at_m` is [`length_m`](Self::length_m).
    pub to: NodeIx,
    /// Number of the highway, e.g. `NH27`.
    pub highway: String,
    /// Length by road in metres, a multiple of 1/1024 m so that sums are exact.
    pub length_m: f64,
    /// OSM's class.
    pub road_class: RoadClass,
    /// Lanes of both directions together: 1, 2, 4 or 6.
    pub lanes: u8,
    /// Separate carriageways.
    pub divided: bool,
    /// The land it crosses.
    pub terrain: Terrain,
    /// The state of its pavement.
    pub surface: Surface,
    /// International Roughness Index, m/km.
    pub iri_m_per_km: f64,
    /// Posted limit, km/h.
    pub maxspeed_kmh: f64,
    /// Free flow of a loaded truck before zones, km/h; at most the limit.
    pub truck_speed_kmh: f64,
    /// Points of the drawn line between the ends; the line trucks follow is bent from it.
    pub via: Vec<Via>,
    /// Hairpins: longer than 2.2 times the straight line.
    pub winding: bool,
    /// Oncoming trucks wait for each other.
    pub single_lane: bool,
    /// A crossing by boat.
    pub ferry: bool,
    /// When it can be used; always, but for ferries.
    pub hours_ist: OpeningHours,
    /// What the compiler of the data remarked.
    pub note: Option<String>,
}

/// Where something stands on a road.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Site {
    /// The road.
    pub segment: SegmentIx,
    /// Metres by road from the segment's `from` end.
    pub at_m: f64,
    /// That place on the line trucks follow (which swings around the drawn line).
    pub position: Position,
    /// Metres above sea level, of the road there.
    pub altitude_m: f64,
    /// The state it lies in, as the file says.
    pub state: StateIx,
}

/// Fees for one passage by axle count, in rupees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the line above")]
pub struct TollFee {
    pub two_axle: f64,
    pub three_axle: f64,
    pub multi_axle: f64,
}

impl TollFee {
    /// The fee in rupees for a vehicle with `axles` axles (four and more pay the highest).
    pub fn for_axles(&self, axles: u8) -> f64 {
        match axles {
            0..=2 => self.two_axle,
            3 => self.three_axle,
            _ => self.multi_axle,
        }
    }
}

/// A toll plaza.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TollPlaza {
    /// Unique name for machines.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Where it stands.
    pub site: Site,
    /// What a passage costs.
    pub fee_inr: TollFee,
    /// FASTag: no cash, shorter queues.
    pub electronic: bool,
}

/// The surroundings of a fuel station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the variants speak for themselves")]
pub enum StationSite {
    Highway,
    Town,
    City,
}

/// A fuel station.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FuelStation {
    /// Unique name for machines.
    pub id: String,
    /// Where it stands.
    pub site: Site,
    /// Its surroundings.
    pub surroundings: StationSite,
    /// Litres per minute of one nozzle, 20 to 150.
    pub flow_l_per_min: f64,
    /// Trucks that can be filled at once, at least 1.
    pub pumps: u16,
    /// When it sells.
    pub hours_ist: OpeningHours,
}

/// A place where drivers rest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RestArea {
    /// Unique name for machines.
    pub id: String,
    /// Where it is.
    pub site: Site,
    /// Trucks that find room.
    pub truck_bays: u16,
    /// What it is, e.g. `dhaba`.
    pub kind: String,
}

/// Where trucks are at home and load.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Depot {
    /// Unique name for machines.
    pub id: String,
    /// Where it is.
    pub node: NodeIx,
    /// Name for people.
    pub name: String,
    /// Share of trips that start here, relative to the other depots.
    pub weight: f64,
    /// Trucks that can be loaded at once.
    pub loading_bays: u16,
    /// Trucks that begin here, of a fleet of 30.
    pub home_trucks: u16,
    /// When it loads.
    pub hours_ist: OpeningHours,
    /// Minutes to load a tonne.
    pub loading_min_per_t: f64,
}

/// Goods that move between certain towns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flow {
    /// Unique name for machines, e.g. `tea`.
    pub commodity: String,
    /// Name for people.
    pub label: String,
    /// Tonnes on a truck.
    pub typical_load_t: f64,
    /// Spoils on the way.
    pub perishable: bool,
    /// Dangerous goods.
    pub hazardous: bool,
    /// From where to where.
    pub pairs: Vec<FlowPair>,
}

/// One lane of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FlowPair {
    /// Origin.
    pub from: NodeIx,
    /// Destination.
    pub to: NodeIx,
    /// Frequency relative to the other pairs of the commodity.
    pub weight: f64,
    /// Length of the least time way without ferries, km.
    pub road_km: f64,
    /// Promised time from door to door, hours.
    pub promised_hours: f64,
}

/// How promised times are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sla {
    /// Planning speed by terrain, km/h.
    pub planning_speed_kmh: PlanningSpeeds,
    /// Planning speed on single lane roads, km/h.
    pub single_lane_speed_kmh: f64,
    /// Hours for loading and unloading.
    pub handling_hours: f64,
    /// What the planned time is multiplied with.
    pub slack_factor: SlackFactors,
    /// Night rest of long trips.
    pub long_haul_rest_hours: LongHaulRest,
    /// Which way is planned, in words.
    pub route_choice: String,
}

/// Planning speed by terrain, km/h.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the line above")]
pub struct PlanningSpeeds {
    pub plain: f64,
    pub rolling: f64,
    pub hilly: f64,
    pub mountainous: f64,
}

/// Slack on planned times, by urgency; at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the line above")]
pub struct SlackFactors {
    pub standard: f64,
    pub perishable_and_parcel: f64,
}

/// Rest that trips over a length take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LongHaulRest {
    /// From this length on, km.
    pub over_km: f64,
    /// Hours of rest.
    pub hours: f64,
}

/// A published road distance that the network must reproduce.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReferenceRoute {
    /// One end.
    pub from: NodeIx,
    /// The other end.
    pub to: NodeIx,
    /// Kilometres by road, as published.
    pub published_km: f64,
    /// How far the network may be off, percent.
    pub tolerance_pct: f64,
    /// Kilometres of the least time way in the network, as the file says.
    pub network_km: f64,
}
