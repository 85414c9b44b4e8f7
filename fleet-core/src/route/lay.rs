//! A line that somebody else drew, laid upon the roads of a network.
//!
//! Edge by edge: the middle of an edge lies on one road at most, since roads meet at nodes, and
//! edges end there. If both its ends lie on that road too, as far apart as they are, it is the
//! road; and what lies on one road in one direction is one span of it.

use super::{
    Ferries, assemble,
    ends::{End, Snapped, Span},
    network::{Network, NodeIx, Segment, SegmentIx, StateIx, on_grid},
    path::{Piece, Route, RouteEnd, StopOnRoute},
    pieces::Pieces,
    shape::{Shape, curvature_1pm, zones_at},
    snap::RoadPoint,
};
use crate::geo::{self, Position, flat_distance_m};

/// How far a line may lie beside a road and still be it, metres: lines have six decimals.
const ON_ROAD_M: f64 = 0.8;
/// How near a station or rest area stands that a line without a road passes, metres.
const BESIDE_M: f64 = 2_000.0;
/// How near a place is that a line without a road goes through, metres.
const THROUGH_M: f64 = 1_000.0;
/// The nearest place is looked for anew so often, metres: it only names the state.
const STATE_M: f64 = 2_000.0;

/// A part of a line.
#[derive(Debug)]
enum Part {
    /// Along a road.
    Road(Span),
    /// Along none: edges with their speeds, km/h.
    Open(Vec<(Position, Position, f64)>),
}

/// The route along `line`, which has two points at least, with a speed for each edge.
pub(super) fn route(
    network: &Network,
    line: &[Position],
    speeds_kmh: &[f64],
    snapped_m: (f64, f64),
    duration_s: f64,
) -> Route {
    let edges = line.windows(2).zip(speeds_kmh).map(|(ends, speed)| (ends[0], ends[1], *speed));
    let parts = parts(network, edges.filter(|(from, to, _)| from != to));
    let (from, to) = (line[0], line[line.len() - 1]);
    let mut route = Route {
        from: end(network, from, parts.first().map(|part| (part, true)), snapped_m.0),
        to: end(network, to, parts.last().map(|part| (part, false)), snapped_m.1),
        length_m: 0.0,
        duration_s,
        pieces: Pieces::default(),
        stations: Vec::new(),
        rest_areas: Vec::new(),
        tolls: Vec::new(),
        towns: Vec::new(),
        version: network.version(),
    };
    route.towns.extend(route.from.node.map(|node| (node, 0.0)));
    for (ix, part) in parts.iter().enumerate() {
        match part {
            Part::Road(span) => assemble::drive(network, &mut route, *span),
            Part::Open(edges) => {
                let after = parts.get(ix + 1).map(|next| altitude_at_start(network, next));
                open(network, &mut route, edges, after);
            }
        }
    }
    in_driving_order(&mut route);
    route
}

/// Joins edges to parts.
fn parts(network: &Network, edges: impl Iterator<Item = (Position, Position, f64)>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (from, to, speed_kmh) in edges {
        let before = match parts.last() {
            Some(Part::Road(span)) => Some(*span),
            _ => None,
        };
        match (on_road(network, from, to, before), parts.last_mut()) {
            (Some(span), Some(Part::Road(last))) if continues(last, span) => last.to_m = span.to_m,
            (Some(span), _) => parts.push(Part::Road(span)),
            (None, Some(Part::Open(edges))) => edges.push((from, to, speed_kmh)),
            (None, _) => parts.push(Part::Open(vec![(from, to, speed_kmh)])),
        }
    }
    parts
}

fn continues(last: &Span, next: Span) -> bool {
    let is_forward = |span: &Span| span.from_m < span.to_m;
    last.segment == next.segment
        && is_forward(last) == is_forward(&next)
        && (last.to_m - next.from_m).abs() <= 2.0 * ON_ROAD_M
}

/// The part of a road that an edge is, if it is one. `before` is where the line comes from.
fn on_road(network: &Network, from: Position, to: Position, before: Option<Span>) -> Option<Span> {
    let (middle, length_m) = (from.lerp(to, 0.5), flat_distance_m(from, to));
    let near = |segment: SegmentIx, at_m: f64| {
        let shape = network.shape(segment);
        let middle_m = place_near(&shape, middle, at_m, length_m)?;
        let from_m = place_near(&shape, from, middle_m, length_m)?;
        let to_m = place_near(&shape, to, middle_m, length_m)?;
        let off_m = ((to_m - from_m).abs() - length_m).abs();
        let is_it = off_m < 2.0 * ON_ROAD_M + 0.01 * length_m && from_m.total_cmp(&to_m).is_ne();
        is_it.then(|| {
            let ends = EndsOfRoad::new(network, segment);
            Span { segment, from_m: ends.exact(from, from_m), to_m: ends.exact(to, to_m) }
        })
    };
    before.and_then(|span| near(span.segment, span.to_m)).or_else(|| {
        let snap = network.nearest(middle, Ferries::Allowed)?;
        if snap.distance_m > ON_ROAD_M { None } else { near(snap.at.segment, snap.at.at_m) }
    })
}

/// Where on a road a point lies, looked for within some metres of `at_m`; `None` if it does not.
fn place_near(shape: &Shape, point: Position, at_m: f64, within_m: f64) -> Option<f64> {
    let (low_m, high_m) = (at_m - within_m - 2.0, at_m + within_m + 2.0);
    let first = shape.pieces.partition_point(|piece| piece.end_m() < low_m);
    let pieces = shape.pieces[first..].iter().take_while(|piece| piece.start_m <= high_m);
    let nearest = pieces.map(|piece| on_piece(point, piece)).min_by(|a, b| a.1.total_cmp(&b.1))?;
    (nearest.1 <= ON_ROAD_M).then_some(nearest.0)
}

/// The metre of the road at the foot of the perpendicular on a piece, or at its nearer end, and how
/// far that is from the point.
fn on_piece(point: Position, piece: &Piece) -> (f64, f64) {
    let (north, east) = geo::offset_m(piece.from, piece.to);
    let (point_north, point_east) = geo::offset_m(piece.from, point);
    let along = (north * point_north + east * point_east) / (north * north + east * east);
    let share = along.clamp(0.0, 1.0);
    let off_m = flat_distance_m(point, piece.from.lerp(piece.to, share));
    (on_grid(piece.start_m + share * piece.length_m), off_m)
}

/// The ends of a road, to tell a place at a node from one beside it.
struct EndsOfRoad {
    from: Position,
    to: Position,
    length_m: f64,
}

impl EndsOfRoad {
    fn new(network: &Network, segment: SegmentIx) -> Self {
        let Segment { from, to, length_m, .. } = &network.segments()[segment.index()];
        let place = |ix: NodeIx| network.node_at(ix).position;
        Self { from: place(*from), to: place(*to), length_m: *length_m }
    }

    fn exact(&self, point: Position, at_m: f64) -> f64 {
        let is_at = |node| flat_distance_m(point, node) <= ON_ROAD_M;
        match at_m {
            at_m if at_m < 2.0 * ON_ROAD_M && is_at(self.from) => 0.0,
            at_m if at_m > self.length_m - 2.0 * ON_ROAD_M && is_at(self.to) => self.length_m,
            at_m => at_m,
        }
    }
}

/// An end of the route: on the first or last part (`true` for the first), or a place that is both.
fn end(network: &Network, at: Position, part: Option<(&Part, bool)>, snapped_m: f64) -> RouteEnd {
    let on_road = match part {
        Some((Part::Road(span), is_first)) => {
            let at_m = if is_first { span.from_m } else { span.to_m };
            Some(RoadPoint { segment: span.segment, at_m })
        }
        Some((Part::Open(_), _)) => None,
        None => {
            let nearest = network.nearest(at, Ferries::Allowed);
            nearest.filter(|snap| snap.distance_m <= ON_ROAD_M).map(|snap| snap.at)
        }
    };
    let Some(road) = on_road else {
        let altitude_m = altitude_near(network, at);
        return RouteEnd { position: at, altitude_m, snapped_m, node: None };
    };
    assemble::route_end(network, Snapped { end: End::of(network, road), snapped_m })
}

/// The altitude of the nearest road.
fn altitude_near(network: &Network, at: Position) -> f64 {
    network.nearest(at, Ferries::Allowed).map_or(0.0, |snap| snap.altitude_m)
}

fn altitude_at_start(network: &Network, part: &Part) -> f64 {
    match part {
        Part::Road(span) => network.shape(span.segment).place(span.from_m).1,
        Part::Open(edges) => edges.first().map_or(0.0, |(from, ..)| altitude_near(network, *from)),
    }
}

/// Appends a part that lies on no road. `after_m` is the altitude at which it ends; `None` if the
/// route ends there.
fn open(
    network: &Network,
    route: &mut Route,
    edges: &[(Position, Position, f64)],
    after_m: Option<f64>,
) {
    let before_m = route.pieces.last().map_or(route.from.altitude_m, |last| last.to_altitude_m);
    let after_m = after_m.unwrap_or(route.to.altitude_m);
    let whole_m: f64 = edges.iter().map(|(from, to, _)| length_m(*from, *to)).sum();
    let (mut pieces, base_m) = (Vec::with_capacity(edges.len()), route.length_m);
    let middling = Segment::between("", NodeIx(0), NodeIx(0));
    let (mut state, mut state_at_m) = (StateIx::UNKNOWN, f64::NEG_INFINITY);
    for (from, to, speed_kmh) in edges.iter().copied() {
        let start_m = route.length_m;
        let length_m = length_m(from, to);
        if start_m - state_at_m >= STATE_M {
            (state, state_at_m) = (state_near(network, from), start_m);
        }
        let altitude_m = |at_m: f64| before_m + (after_m - before_m) * ((at_m - base_m) / whole_m);
        let (low_m, high_m) = (altitude_m(start_m), altitude_m(start_m + length_m));
        let zones = zones_at(network, SegmentIx::UNKNOWN, from.lerp(to, 0.5)).into();
        pieces.push(Piece {
            start_m,
            length_m,
            from,
            to,
            from_altitude_m: low_m,
            to_altitude_m: high_m,
            heading_deg: geo::heading_deg(from, to),
            grade: ((high_m - low_m) / length_m).clamp(-0.09, 0.09),
            curvature_1pm: curvature_1pm(&middling),
            road_class: middling.road_class,
            terrain: middling.terrain,
            surface: middling.surface,
            iri_m_per_km: middling.iri_m_per_km,
            lanes: middling.lanes,
            divided: middling.divided,
            single_lane: middling.single_lane,
            ferry: middling.ferry,
            maxspeed_kmh: middling.maxspeed_kmh.max(speed_kmh),
            truck_speed_kmh: speed_kmh,
            state,
            segment: SegmentIx::UNKNOWN,
            zones,
        });
        route.length_m += length_m;
    }
    stand_beside(network, route, &pieces);
    route.pieces.extend(&pieces.into(), 0.0);
}

/// On the grid, and never 0: pieces are longer than that.
fn length_m(from: Position, to: Position) -> f64 {
    on_grid(flat_distance_m(from, to)).max(1.0 / 1_024.0)
}

fn state_near(network: &Network, at: Position) -> StateIx {
    let known = network.nodes().iter().filter(|node| node.state != StateIx::UNKNOWN);
    let far_m = |node: &&super::Node| flat_distance_m(node.position, at);
    let nearest = known.min_by(|a, b| far_m(a).total_cmp(&far_m(b)));
    nearest.map_or(StateIx::UNKNOWN, |node| node.state)
}

/// What stands beside pieces that lie on no road, and which places they go through.
fn stand_beside(network: &Network, route: &mut Route, pieces: &[Piece]) {
    let nearest = |place: Position, within_m: f64| {
        // A degree of latitude has 111 km: most pieces are far away, and need no square root.
        let is_near = |piece: &&Piece| (piece.from.lat - place.lat).abs() * 1e5 < 2e4 + within_m;
        let far = |piece: &Piece| (flat_distance_m(piece.from, place), piece.start_m);
        let nearest = pieces.iter().filter(is_near).map(far).min_by(|a, b| a.0.total_cmp(&b.0))?;
        (nearest.0 <= within_m).then_some(nearest.1)
    };
    let stops = |places: &mut dyn Iterator<Item = Position>| -> Vec<StopOnRoute> {
        let found = places.enumerate().filter_map(|(index, place)| {
            Some(StopOnRoute { index, at_m: nearest(place, BESIDE_M)? })
        });
        found.collect()
    };
    let stations = stops(&mut network.fuel_stations().iter().map(|at| at.site.position));
    let rest_areas = stops(&mut network.rest_areas().iter().map(|at| at.site.position));
    let through = network
        .node_indices()
        .filter_map(|ix| Some((ix, nearest(network.node_at(ix).position, THROUGH_M)?)));
    let towns: Vec<_> = through.collect();
    route.stations.extend(stations);
    route.rest_areas.extend(rest_areas);
    route.towns.extend(towns);
}

/// Stops and towns by their distance; what a road and the open part beside it both have, once.
fn in_driving_order(route: &mut Route) {
    for stops in [&mut route.stations, &mut route.rest_areas, &mut route.tolls] {
        stops.sort_by(|a, b| a.at_m.total_cmp(&b.at_m).then(a.index.cmp(&b.index)));
    }
    route.towns.sort_by(|a, b| a.1.total_cmp(&b.1));
    route.towns.dedup_by_key(|(node, _)| *node);
}

#[cfg(test)]
#[path = "lay_tests.rs"]
mod tests;
