//! The router that needs no server: the least time on a [`Network`] in memory.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use async_trait::async_trait;

use super::{
    Router,
    cache::Cache,
    network::{Along, Direction, Network, NodeIx, Segment, SegmentIx},
    path::{Piece, Route, RouteEnd, StopOnRoute},
    search::{Cost, Costs, Ferries},
    snap::{self, Snap},
};
use crate::{Error, Result, geo::Position};

/// How far from a road a position may lie, metres, unless set otherwise.
const SNAP_MAX_M: f64 = 5_000.0;
/// Routes kept, unless set otherwise: some 50 MB, at 1,300 pieces of 144 bytes on average.
const CACHE_ROUTES: usize = 256;

/// The fastest way of a loaded truck on a network in memory: least length / `truck_speed_kmh`.
///
/// The last 256 routes between nodes are kept. Ferries are left out unless allowed. All methods are sync and can be called from any
/// thread; clones share the network and what was found.
#[derive(Clone)]
pub struct BuiltinRouter {
    network: Arc<Network>,
    ferries: Ferries,
    snap_max_m: f64,
    cache: Arc<Cache>,
}

/// A part of a road as it is driven: from `from_m` to `to_m`, backwards if they fall.
#[derive(Clone, Copy, Debug)]
struct Span {
    segment: SegmentIx,
    from_m: f64,
    to_m: f64,
}

/// An end of a route before the way is known.
#[derive(Clone, Copy, Debug)]
enum End {
    Node(NodeIx),
    Road(Snap),
}

impl BuiltinRouter {
    /// A router on `network`, without ferries, that snaps over at most 5 km.
    pub fn new(network: Arc<Network>) -> Self {
        let cache = Arc::new(Cache::new(CACHE_ROUTES));
        Self { network, ferries: Ferries::LeftOut, snap_max_m: SNAP_MAX_M, cache }
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
        let cache = Arc::new(Cache::new(CACHE_ROUTES));
        Self { ferries, cache, ..self }
    }

    /// How far from a road a position may lie, metres; a negative or undefined number is 0.
    #[must_use]
    pub fn with_snap_max_m(self, snap_max_m: f64) -> Self {
        Self { snap_max_m: snap_max_m.max(0.0), ..self }
    }

    /// How many routes are kept; 0 keeps none. Starts with nothing kept.
    #[must_use]
    pub fn with_cache(self, routes: usize) -> Self {
        Self { cache: Arc::new(Cache::new(routes)), ..self }
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
        let route = Arc::new(self.find((End::Node(from), 0.0), (End::Node(to), 0.0))?);
        self.cache.put((from, to), &route);
        Ok(route)
    }

    /// The fastest way between two positions, each moved to the nearest place on a road.
    ///
    /// # Errors
    /// `Invalid` if a position is not on the globe; `NotFound` if one lies farther from any road
    /// than the limit (the message says how far), or if there is no way.
    pub fn route_between(&self, from: Position, to: Position) -> Result<Arc<Route>> {
        let (start, target) = (self.snapped("from", from)?, self.snapped("to", to)?);
        // Asked for at the very nodes, it is their route, which may be kept.
        if let (End::Node(start), End::Node(target)) = (start.0, target.0)
            && start_and_target_are_exact(start, from, target, to, &self.network)
        {
            return self.route_nodes(start, target);
        }
        Ok(Arc::new(self.find(start, target)?))
    }

    fn snapped(&self, field: &str, at: Position) -> Result<(End, f64)> {
        let at = Position::new(at.lat, at.lon)
            .map_err(|error| Error::invalid(field).with_source(error))?;
        let nearest = snap::nearest(&self.network, at, self.ferries);
        let snap = nearest.ok_or_else(|| Error::not_found(format!("{field}: there is no road")))?;
        if snap.snapped_m > self.snap_max_m {
            let (far_m, max_m) = (snap.snapped_m, self.snap_max_m);
            let text = format!("{field}: the nearest road is {far_m:.0} m away, over {max_m} m");
            return Err(Error::not_found(text));
        }
        let segment = &self.network.segments()[snap.segment.index()];
        let end = if snap.at_m <= 0.0 {
            End::Node(segment.from)
        } else if snap.at_m >= segment.length_m {
            End::Node(segment.to)
        } else {
            End::Road(snap)
        };
        Ok((end, snap.snapped_m))
    }

    /// The nodes by which an end is left, each with the road to it.
    fn exits(&self, end: End) -> Vec<(NodeIx, Cost, Option<Span>)> {
        self.doors(end, |segment| (segment.direction == Direction::Both, true))
    }

    /// The nodes by which an end is reached, each with the road to it (driven the other way).
    fn entries(&self, end: End) -> Vec<(NodeIx, Cost, Option<Span>)> {
        self.doors(end, |segment| (true, segment.direction == Direction::Both))
    }

    /// The ends of the road that `end` lies on, if they are `open` (the first, the last).
    fn doors(
        &self,
        end: End,
        open: impl Fn(&Segment) -> (bool, bool),
    ) -> Vec<(NodeIx, Cost, Option<Span>)> {
        let snap = match end {
            End::Node(node) => return vec![(node, Cost::default(), None)],
            End::Road(snap) => snap,
        };
        let segment = &self.network.segments()[snap.segment.index()];
        let door = |node, to_m: f64| {
            let cost = Cost::of((to_m - snap.at_m).abs(), segment.truck_speed_kmh);
            (node, cost, Some(Span { segment: snap.segment, from_m: snap.at_m, to_m }))
        };
        let (first, last) = open(segment);
        let first = first.then(|| door(segment.from, 0.0));
        let last = last.then(|| door(segment.to, segment.length_m));
        first.into_iter().chain(last).collect()
    }

    fn find(&self, start: (End, f64), target: (End, f64)) -> Result<Route> {
        let (exits, entries) = (self.exits(start.0), self.entries(target.0));
        let exit_costs: Vec<_> = exits.iter().map(|(node, cost, _)| (*node, *cost)).collect();
        let targets: Vec<_> = entries.iter().map(|(node, ..)| *node).collect();
        let costs = Costs::from_any(&self.network.graph, &exit_costs, &targets, self.ferries);
        let around = entries
            .iter()
            .filter_map(|entry| Some((costs.to(entry.0)? + entry.1, entry)))
            .min_by_key(|(cost, _)| *cost);
        let straight = self.straight(start.0, target.0);
        let (cost, spans) = match (around, straight) {
            (Some((around, _)), Some((cost, span))) if cost <= around => (cost, vec![span]),
            (None, Some((cost, span))) => (cost, vec![span]),
            (Some((cost, entry)), _) => (cost, self.spans(&costs, &exits, entry)),
            (None, None) => {
                let ferries = self.ferries;
                return Err(Error::not_found(format!("there is no way {ferries}")));
            }
        };
        Ok(self.assemble(start, target, cost, &spans))
    }

    /// Along one road, where both ends lie on it.
    fn straight(&self, start: End, target: End) -> Option<(Cost, Span)> {
        let (End::Road(start), End::Road(target)) = (start, target) else { return None };
        let segment = &self.network.segments()[start.segment.index()];
        let is_open = segment.direction == Direction::Both || start.at_m <= target.at_m;
        (start.segment == target.segment && is_open).then(|| {
            let cost = Cost::of((target.at_m - start.at_m).abs(), segment.truck_speed_kmh);
            (cost, Span { segment: start.segment, from_m: start.at_m, to_m: target.at_m })
        })
    }

    fn spans(
        &self,
        costs: &Costs,
        exits: &[(NodeIx, Cost, Option<Span>)],
        entry: &(NodeIx, Cost, Option<Span>),
    ) -> Vec<Span> {
        let (exit, way) = costs.way_to(entry.0);
        let first = exits.iter().find(|(node, ..)| *node == exit).and_then(|(.., span)| *span);
        let middle = way.into_iter().map(|(from, ix)| {
            let segment = &self.network.segments()[ix.index()];
            let ends = (0.0, segment.length_m);
            let (from_m, to_m) = if segment.from == from { ends } else { (ends.1, ends.0) };
            Span { segment: ix, from_m, to_m }
        });
        let last = entry.2.map(|span| Span { from_m: span.to_m, to_m: span.from_m, ..span });
        let spans = first.into_iter().chain(middle).chain(last);
        spans.filter(|span| (span.to_m - span.from_m).abs() > 0.0).collect()
    }

    fn assemble(&self, start: (End, f64), target: (End, f64), cost: Cost, spans: &[Span]) -> Route {
        let mut route = Route {
            from: self.route_end(start),
            to: self.route_end(target),
            length_m: 0.0,
            duration_s: cost.duration_s(),
            pieces: Vec::with_capacity(self.pieces_in(spans)),
            stations: Vec::new(),
            rest_areas: Vec::new(),
            tolls: Vec::new(),
            towns: route_town(start.0).map(|node| (node, 0.0)).into_iter().collect(),
            version: self.network.version(),
        };
        for span in spans {
            self.drive(&mut route, *span);
        }
        route
    }

    fn pieces_in(&self, spans: &[Span]) -> usize {
        spans.iter().map(|span| self.network.segments()[span.segment.index()].via.len() + 1).sum()
    }

    fn route_end(&self, (end, snapped_m): (End, f64)) -> RouteEnd {
        match end {
            End::Node(ix) => {
                let node = self.network.node_at(ix);
                let (position, altitude_m) = (node.position, node.altitude_m);
                RouteEnd { position, altitude_m, snapped_m, node: Some(ix) }
            }
            End::Road(snap) => {
                let (position, altitude_m) = self.network.shape(snap.segment).place(snap.at_m);
                RouteEnd { position, altitude_m, snapped_m, node: None }
            }
        }
    }

    /// Appends a span to a route: its pieces, what stands along it, and the node it reaches.
    fn drive(&self, route: &mut Route, span: Span) {
        let segment = &self.network.segments()[span.segment.index()];
        let shape = self.network.shape(span.segment);
        let forward = span.from_m < span.to_m;
        let length_m = segment.length_m;
        // Distances in driving direction: from here on the span runs from `enter_m` to `leave_m`.
        let driven = |at_m: f64| if forward { at_m } else { length_m - at_m };
        let (enter_m, leave_m) = (driven(span.from_m), driven(span.to_m));
        let base_m = route.length_m - enter_m;
        let place = |piece: Piece| {
            let cut = piece.cut(enter_m, leave_m);
            Piece { start_m: cut.start_m + base_m, ..cut }
        };
        let touches = |piece: &Piece| piece.start_m < leave_m && piece.end_m() > enter_m;
        if forward {
            let pieces = shape.pieces.iter().filter(|piece| touches(piece));
            route.pieces.extend(pieces.map(|piece| place(piece.clone())));
        } else {
            let pieces = shape.pieces.iter().rev().map(|piece| piece.reversed(length_m));
            route.pieces.extend(pieces.filter(touches).map(place));
        }
        let none = Along::default();
        let along = self.network.along(span.segment).unwrap_or(&none);
        for (sites, stops) in [
            (&along.stations, &mut route.stations),
            (&along.rest_areas, &mut route.rest_areas),
            (&along.tolls, &mut route.tolls),
        ] {
            let first = stops.len();
            let here = sites.iter().map(|(index, at_m)| (*index, driven(*at_m)));
            let here = here.filter(|(_, at_m)| (enter_m..=leave_m).contains(at_m));
            stops.extend(here.map(|(index, at_m)| StopOnRoute { index, at_m: at_m + base_m }));
            stops[first..].sort_by(|a, b| a.at_m.total_cmp(&b.at_m).then(a.index.cmp(&b.index)));
        }
        route.length_m += leave_m - enter_m;
        if leave_m >= length_m {
            route.towns.push((if forward { segment.to } else { segment.from }, route.length_m));
        }
    }
}

fn route_town(end: End) -> Option<NodeIx> {
    match end {
        End::Node(node) => Some(node),
        End::Road(_) => None,
    }
}

fn start_and_target_are_exact(
    start: NodeIx,
    from: Position,
    target: NodeIx,
    to: Position,
    network: &Network,
) -> bool {
    network.node_at(start).position == from && network.node_at(target).position == to
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
