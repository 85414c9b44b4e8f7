//! Roads: what they are like, and how one may turn from one into another.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    hours::OpeningHours,
    types::{NodeIx, SegmentIx},
};
use crate::{geo::Position, route::RoadClass};

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

/// A point that a drawn line passes between its ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Via {
    /// Where it is.
    pub position: Position,
    /// Metres above sea level.
    pub altitude_m: f64,
}

/// In which directions a road may be driven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// Only from the segment's `from` end to its `to` end.
    ForwardOnly,
}

/// What a vehicle must stay within to pass; `None`: no limit is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Height, metres.
    pub height_m: Option<f32>,
    /// Width, metres.
    pub width_m: Option<f32>,
    /// Length, metres.
    pub length_m: Option<f32>,
    /// Actual mass, tonnes.
    pub weight_t: Option<f32>,
    /// Load on one axle, tonnes.
    pub axle_load_t: Option<f32>,
}

/// A road between two nodes.
///
/// [`Segment::between`] is a road of middling kind, for struct update syntax.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// `from--to` in our own files; elsewhere whatever names it.
    pub id: Box<str>,
    /// The end where `at_m` is 0.
    pub from: NodeIx,
    /// The end where `at_m` is [`length_m`](Self::length_m).
    pub to: NodeIx,
    /// Number of the highway, e.g. `NH27`; empty if it has none.
    pub highway: Arc<str>,
    /// Name of the street, where it has one.
    pub name: Option<Arc<str>>,
    /// Length by road in metres, a multiple of 1/1024 m so that sums are exact.
    pub length_m: f64,
    /// In which directions it may be driven.
    pub direction: Direction,
    /// OSM's class.
    pub road_class: RoadClass,
    /// Lanes of both directions together: 1 to 16 (1, 2, 4 or 6 in our own files).
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
    /// Points of the drawn line between the ends. In our own files the line trucks follow is bent
    /// from it; in a network from a [`NetworkBuilder`](super::NetworkBuilder) it is the line.
    pub via: Box<[Via]>,
    /// Hairpins: longer than 2.2 times the straight line.
    pub winding: bool,
    /// Oncoming trucks wait for each other.
    pub single_lane: bool,
    /// A crossing by boat.
    pub ferry: bool,
    /// When it can be used; always, but for ferries.
    pub hours_ist: OpeningHours,
    /// What vehicles must stay within, where limits are posted.
    pub limits: Option<Box<Limits>>,
    /// What the compiler of the data remarked.
    pub note: Option<Box<str>>,
}

impl Segment {
    /// A secondary road with two lanes on a plain, open both ways at 50 km/h (40 for a loaded
    /// truck), straight, without a name; its length is yet to be measured.
    pub fn between(id: impl Into<Box<str>>, from: NodeIx, to: NodeIx) -> Self {
        Self {
            id: id.into(),
            from,
            to,
            highway: Arc::from(""),
            name: None,
            length_m: 0.0,
            direction: Direction::Both,
            road_class: RoadClass::Secondary,
            lanes: 2,
            divided: false,
            terrain: Terrain::Plain,
            surface: Surface::Good,
            iri_m_per_km: 3.0,
            maxspeed_kmh: 50.0,
            truck_speed_kmh: 40.0,
            via: Box::default(),
            winding: false,
            single_lane: false,
            ferry: false,
            hours_ist: OpeningHours::default(),
            limits: None,
            note: None,
        }
    }
}

/// Whether a [`TurnRestriction`] forbids its turn or every other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnRule {
    /// This turn is forbidden (OSM's `no_left_turn` and its kin).
    No,
    /// Whoever comes by `from` must take this turn (OSM's `only_straight_on` and its kin).
    Only,
}

/// A rule for those who come to a node by one road and would leave it by another.
///
/// It holds for every arrival at `via` by `from`, whichever way round; `from` and `to` may be the
/// same road, which forbids turning back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TurnRestriction {
    /// The road one comes by.
    pub from: SegmentIx,
    /// Where one turns: an end of both roads.
    pub via: NodeIx,
    /// The road one would leave by.
    pub to: SegmentIx,
    /// What holds.
    pub rule: TurnRule,
}
