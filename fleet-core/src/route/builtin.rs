//! The router that needs no server: the least time on a [`Network`] in memory.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use async_trait::async_trait;

use super::{
    Router, assemble,
    cache::Shared,
    ends::{End, Snapped},
    engine::{Engine, Finder},
    graph::Ferries,
    network::{Network, NodeIx, on_grid},
    path::Route,
    size::VehicleSize,
    snap::RoadPoint,
};
use crate::{Error, Result, geo::Position};

/// How far from a road a position may lie, metres, unless set otherwise.
const SNAP_MAX_M: f64 = 5_000.0;
/// Routes kept, unless set otherwise: some 1 MB where the network keeps its lines.
const CACHE_ROUTES: usize = 256;

/// The fastest way of a loaded truck on a network in memory: least length / `truck_speed_kmh`.
///
/// The last 256 routes between nodes are kept, and one that somebody holds is not made twice.
/// Ferries are left out unless allowed. All methods are sync and can be called from any thread;
/// clones share the network and what was found.
#[derive(Clone)]
pub struct BuiltinRouter {
    network: Arc<Network>,
    ferries: Ferries,
    vehicle: VehicleSize,
    snap_max_m: f64,
    cache: Arc<Shared<(NodeIx, NodeIx)>>,
    engine: Arc<Engine>,
}

impl BuiltinRouter {
    /// A router on `network`, without ferries, that snaps over at most 5 km.
    pub fn new(network: Arc<Network>) -> Self {
        let cache = Arc::new(Shared::new(CACHE_ROUTES));
        let engine = Arc::default();
        Self {
            network,
            ferries: Ferries::LeftOut,
            vehicle: VehicleSize::default(),
            snap_max_m: SNAP_MAX_M,
            cache,
            engine,
        }
    }

    /// The router on the bundled roads of Northeast India; clones of one per process.
    pub fn ne_india() -> Self {
        static ROUTER: LazyLock<BuiltinRouter> =
            LazyLock::new(|| BuiltinRouter::new(Arc::clone(Network::ne_india())));
        ROUTER.clone()
    }

    /// Whether ways may cross water by boat. Starts with nothing kept.
    #[must_use]
    pub fn with_ferries(self, ferries: Ferries) -> Self {
        let cache = Arc::new(Shared::new(CACHE_ROUTES));
        Self { ferries, cache, ..self }
    }

    /// Leaves out roads on which a vehicle does not fit, by their limits; none is left out unless set.
    /// Where the fastest way has such a road, another is searched plainly: up to a second on a million
    /// edges. Starts with nothing kept.
    #[must_use]
    pub fn with_vehicle(self, vehicle: VehicleSize) -> Self {
        let cache = Arc::new(Shared::new(CACHE_ROUTES));
        Self { vehicle, cache, ..self }
    }

    /// How far from a road a position may lie, metres; a negative or undefined number is 0.
    #[must_use]
    pub fn with_snap_max_m(self, snap_max_m: f64) -> Self {
        Self { snap_max_m: snap_max_m.max(0.0), ..self }
    }

    /// How many routes are kept; 0 keeps none. Starts with nothing kept.
    #[must_use]
    pub fn with_cache(self, routes: usize) -> Self {
        Self { cache: Arc::new(Shared::new(routes)), ..self }
    }

    /// The roads it drives on.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Whether ways may cross water by boat.
    pub fn ferries(&self) -> Ferries {
        self.ferries
    }

    /// The fastest way between two nodes; of length 0 if they are one.
    ///
    /// # Errors
    /// `Invalid` if a node is not of this network; `NotFound` if there is no way (in a checked
    /// network there always is).
    pub fn route_nodes(&self, from: NodeIx, to: NodeIx) -> Result<Arc<Route>> {
        if let Some(route) = self.cache.get((from, to)) {
            return Ok(route);
        }
        for node in [from, to] {
            let count = self.network.nodes().len();
            if node.index() >= count {
                return Err(Error::invalid(format!("node: {} of {count}", node.0)));
            }
        }
        let at = |node| Snapped { end: End::Node(node), snapped_m: 0.0 };
        let route = Arc::new(self.find(at(from), at(to))?);
        Ok(self.cache.put((from, to), route))
    }

    /// The fastest way between two positions, each moved to the nearest place on a road.
    ///
    /// # Errors
    /// `Invalid` if a position is not on the globe; `NotFound` if one lies farther from any road
    /// than the limit (the message says how far), or if there is no way.
    pub fn route_between(&self, from: Position, to: Position) -> Result<Arc<Route>> {
        let (start, target) = (self.snapped("from", from)?, self.snapped("to", to)?);
        // Asked for at the very nodes, it is their route, which may be kept.
        if let (End::Node(start), End::Node(target)) = (start.end, target.end)
            && self.network.node_at(start).position == from
            && self.network.node_at(target).position == to
        {
            return self.route_nodes(start, target);
        }
        Ok(Arc::new(self.find(start, target)?))
    }

    /// The fastest way between two places on roads, as [`Network::nearby`] finds them.
    ///
    /// # Errors
    /// `Invalid` if a place is not on a road of this network; `NotFound` if there is no way.
    pub fn route_on_roads(&self, from: RoadPoint, to: RoadPoint) -> Result<Arc<Route>> {
        let [start, target] = [self.on_road("from", from)?, self.on_road("to", to)?]
            .map(|end| Snapped { end, snapped_m: 0.0 });
        Ok(Arc::new(self.find(start, target)?))
    }

    /// The lengths in metres of the shortest ways from one place on a road to others, in their
    /// order; `None` for those farther than `max_m` or that cannot be reached.
    ///
    /// The search ends at that distance, so asking for near places costs little on any network.
    ///
    /// # Errors
    /// `Invalid` if a place is not on a road of this network.
    pub fn distances(
        &self,
        from: RoadPoint,
        to: &[RoadPoint],
        max_m: f64,
    ) -> Result<Vec<Option<f64>>> {
        let start = self.on_road("from", from)?;
        let targets = to.iter().map(|to| self.on_road("to", *to)).collect::<Result<Vec<_>>>()?;
        Ok(self.finder().distances(start, &targets, max_m))
    }

    fn on_road(&self, field: &str, at: RoadPoint) -> Result<End> {
        let road = self.network.segments().get(at.segment.index());
        match road {
            Some(road) if (0.0..=road.length_m).contains(&at.at_m) => {
                Ok(End::of(&self.network, RoadPoint { at_m: on_grid(at.at_m), ..at }))
            }
            _ => {
                Err(Error::invalid(format!("{field}: no place on a road of this network: {at:?}")))
            }
        }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn finder(&self) -> Finder<'_> {
        let (network, engine) = (&self.network, &self.engine);
        Finder { network, engine, ferries: self.ferries, vehicle: self.vehicle }
    }

    pub(super) fn snapped(&self, field: &str, at: Position) -> Result<Snapped> {
        let at = Position::new(at.lat, at.lon)
            .map_err(|error| Error::invalid(field).with_source(error))?;
        let nearest = self.network.nearest(at, self.ferries);
        let snap = nearest.ok_or_else(|| Error::not_found(format!("{field}: there is no road")))?;
        let snapped_m = snap.distance_m;
        if snapped_m > self.snap_max_m {
            let max_m = self.snap_max_m;
            let text =
                format!("{field}: the nearest road is {snapped_m:.0} m away, over {max_m} m");
            return Err(Error::not_found(text));
        }
        Ok(Snapped { end: End::of(&self.network, snap.at), snapped_m })
    }

    fn find(&self, start: Snapped, target: Snapped) -> Result<Route> {
        let way = self.finder().way(start.end, target.end);
        let none = || Error::not_found(format!("there is no way {}", self.ferries));
        let way = way.ok_or_else(none)?;
        Ok(assemble::route(&self.network, start, target, way.cost, &way.spans))
    }
}

impl fmt::Debug for BuiltinRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuiltinRouter")
            .field("network", &self.network.name())
            .field("version", &self.network.version())
            .field("ferries", &self.ferries)
            .field("snap_max_m", &self.snap_max_m)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Router for BuiltinRouter {
    fn name(&self) -> &'static str {
        "builtin"
    }

    async fn route(&self, from: Position, to: Position) -> Result<Arc<Route>> {
        self.route_between(from, to)
    }
}
