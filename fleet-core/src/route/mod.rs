//! Routes on a road network: which way a truck takes, and what it meets on the way.
//!
//! [`Network`] is the map: 210 towns and 246 roads of Northeast India come with the crate; any file
//! of the same form can take their place, and a [`NetworkBuilder`] makes one of any roads, with
//! one-way streets, street names, limits and forbidden turns. A [`Router`] finds the fastest way as a [`Route`], a
//! line of straight [`Piece`]s that carry all that a truck's step needs: grade, roughness, limits,
//! zones. [`BuiltinRouter`] answers from memory and needs no runtime; a server such as OSRM can stand behind the same port.
//!
//! The geometry has the same bits on every machine (see [`crate::geo`]), since it decides what a
//! simulated truck does.
//!
//! ```
//! use fleet_core::route::BuiltinRouter;
//! let router = BuiltinRouter::ne_india();
//! let place = |id| router.network().node(id).ok_or("no such place");
//! let route = router.route_nodes(place("guwahati")?, place("shillong")?)?;
//! assert_eq!(route.length_m, 100_000.0);
//! let piece = route.piece_at(50_000.0, 0);
//! let (_, altitude_m) = route.position_at(50_000.0, piece);
//! assert!(altitude_m > 300.0, "half way up to the plateau");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alternatives;
mod assemble;
mod builtin;
mod cache;
mod ends;
mod engine;
mod graph;
mod hierarchy;
mod index;
mod join;
mod lay;
mod legs;
mod network;
#[cfg(feature = "osm")]
pub mod osm;
#[cfg(feature = "osrm")]
pub mod osrm;
mod path;
mod pieces;
mod places;
mod plain;
mod plan;
mod prepared;
pub(crate) mod reach;
mod shape;
mod size;
mod snap;
mod steps;
mod table;
mod turns;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::{
    alternatives::Alternatives,
    builtin::BuiltinRouter,
    graph::Ferries,
    legs::Leg,
    network::{
        BBox, DailyWindow, Depot, Direction, Flow, FlowPair, FogRule, FuelStation, HazardRule,
        Limits, LongHaulRest, MonthSet, Network, NetworkBuilder, Node, NodeIx, NodeKind,
        OpeningHours, PlanningSpeeds, ReferenceRoute, RestArea, Segment, SegmentIx, Site, Sla,
        SlackFactors, State, StateIx, StationSite, Surface, Terrain, TollFee, TollPlaza,
        TurnRestriction, TurnRule, UrbanRule, Via, Zone, ZoneIx, ZoneKind, ZoneRule, ZoneShape,
    },
    path::{Piece, Route, RouteEnd, StopOnRoute, Zones},
    pieces::{Pieces, PiecesIter},
    places::{Place, Places},
    plan::{Answered, Plan},
    prepared::Preparation,
    size::VehicleSize,
    snap::{Course, Nearby, RoadPoint, Side, Snap},
    steps::{Step, Turn},
    table::Table,
};
use crate::{Result, geo::Position};

/// Finds the way from one place to another.
///
/// Laws that every backend passes (`testkit::router_laws`): a route is at least the great circle
/// between its ends; its pieces join and add up to its length; its ends lie where they were asked
/// for, to within what `snapped_m` admits; asking again gives the same; what cannot be reached is
/// `NotFound`.
#[async_trait]
pub trait Router: Send + Sync + Debug {
    /// The backend as a word for logs and metric labels, e.g. `builtin`.
    fn name(&self) -> &'static str;

    /// The fastest way of a loaded truck in free flow.
    ///
    /// # Errors
    /// `Invalid` if a position is not on the globe; `NotFound` if a position is too far from any
    /// road (the message says how far) or there is no way; `Unavailable` if a server does not
    /// answer.
    async fn route(&self, from: Position, to: Position) -> Result<Arc<Route>>;

    /// The same way as something to keep, which becomes the route again whatever is answered later.
    ///
    /// # Errors
    /// Those of [`route`](Self::route).
    async fn plan(&self, from: Position, to: Position) -> Result<Plan> {
        Ok(Plan::of(&*self.route(from, to).await?, self.name()))
    }
}

/// Class of a road, from the best to the least.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "OpenStreetMap's words")]
pub enum RoadClass {
    Motorway,
    Trunk,
    Primary,
    Secondary,
    Tertiary,
    Unclassified,
    Residential,
    Service,
}

impl RoadClass {
    /// Every class, in the order of the contract.
    pub const ALL: [Self; 8] = [
        Self::Motorway,
        Self::Trunk,
        Self::Primary,
        Self::Secondary,
        Self::Tertiary,
        Self::Unclassified,
        Self::Residential,
        Self::Service,
    ];

    /// The class as a word, e.g. `trunk`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Motorway => "motorway",
            Self::Trunk => "trunk",
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Tertiary => "tertiary",
            Self::Unclassified => "unclassified",
            Self::Residential => "residential",
            Self::Service => "service",
        }
    }
}

#[cfg(test)]
mod search_tests;
#[cfg(test)]
mod snap_tests;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod tests;

impl std::str::FromStr for RoadClass {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text).ok_or_else(|| {
            let words = Self::ALL.map(Self::as_str).join(", ");
            crate::Error::invalid(format!("road_class: {text:?}: expected one of {words}"))
        })
    }
}
