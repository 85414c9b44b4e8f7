//! What a road network is made of beside its roads: places, and what stands along the roads.

use serde::{Deserialize, Serialize};

use super::{hours::OpeningHours, roads::Via};
use crate::geo::Position;

/// Makes an index type: a number that only fits the list it was made for.
macro_rules! index {
    ($(#[$doc:meta])* $name:ident($number:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $number);

        impl $name {
            /// The place in its list, from 0.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index! {
    /// A node's place in [`Network::nodes`](super::Network::nodes).
    NodeIx(u32)
}
index! {
    /// A segment's place in [`Network::segments`](super::Network::segments).
    SegmentIx(u32)
}
index! {
    /// A zone's place in [`Network::zones`](super::Network::zones).
    ZoneIx(u16)
}
index! {
    /// A state's place in [`Network::states`](super::Network::states).
    StateIx(u16)
}

impl SegmentIx {
    /// No road of the network: of no list. Only pieces of a route that another router drew have it.
    pub const UNKNOWN: Self = Self(u32::MAX);
}

impl StateIx {
    /// No state is known: of no list. The bundled network never has it.
    pub const UNKNOWN: Self = Self(u16::MAX);
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

/// A town, junction, pass or border post: where roads meet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// Unique name for machines, e.g. `guwahati`.
    pub id: Box<str>,
    /// Name for people; empty where it has none.
    pub name: Box<str>,
    /// The state it lies in; [`StateIx::UNKNOWN`] where the data do not say.
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

impl Node {
    /// A junction at sea level without a name, in no known state; for struct update syntax.
    pub fn junction(id: impl Into<Box<str>>, position: Position) -> Self {
        Self {
            id: id.into(),
            name: Box::default(),
            state: StateIx::UNKNOWN,
            kind: NodeKind::Junction,
            position,
            altitude_m: 0.0,
            population: None,
        }
    }

    /// As a point of a line.
    pub(in crate::route) fn via(&self) -> Via {
        Via { position: self.position, altitude_m: self.altitude_m }
    }
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

impl Default for Sla {
    /// Speeds, hours and slack of the bundled network.
    fn default() -> Self {
        Self {
            planning_speed_kmh: PlanningSpeeds {
                plain: 36.0,
                rolling: 32.0,
                hilly: 25.0,
                mountainous: 18.0,
            },
            single_lane_speed_kmh: 14.0,
            handling_hours: 2.0,
            slack_factor: SlackFactors { standard: 1.35, perishable_and_parcel: 1.15 },
            long_haul_rest_hours: LongHaulRest { over_km: 450.0, hours: 8.0 },
            route_choice: "least time at truck_speed_kmh, ferries left out".into(),
        }
    }
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
