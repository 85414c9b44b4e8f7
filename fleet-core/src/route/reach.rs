//! Roads around a point as they may be driven, and lengths by road from one place to others nearby:
//! what map matching asks.

use std::{collections::HashMap, sync::Arc};

pub(crate) use super::{graph::EdgeIx as Edge, plain::Scratch as ReachScratch};
use super::{
    graph::{Cost, EdgeIx, Ferries},
    network::{Direction, Network, SegmentIx},
    plain::View,
    turns::Expansion,
};
use crate::geo::{Position, flat_distance_m, metres_per_degree, offset_m};

/// Cells of the grid in a degree: some 550 m wide.
const CELLS_PER_DEGREE: f64 = 200.0;

/// A place on a road, driven in one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OnEdge {
    pub(crate) edge: Edge,
    /// Metres driven along the edge to get there.
    pub(crate) at_m: f64,
    pub(crate) position: Position,
    /// Degrees clockwise from north.
    pub(crate) heading_deg: f64,
    /// How far it lies from the point that was asked for, metres.
    pub(crate) distance_m: f64,
}

/// A straight bit of a road.
#[derive(Clone, Copy, Debug)]
struct Leg {
    segment: SegmentIx,
    from: Position,
    to: Position,
    start_m: f64,
    length_m: f64,
    heading_deg: f64,
}

/// The roads of a network by place.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    network: Arc<Network>,
    expansion: Expansion,
    legs: Vec<Leg>,
    cells: HashMap<(i32, i32), Vec<u32>>,
}

fn cell(degrees: f64) -> i32 {
    (degrees * CELLS_PER_DEGREE).floor() as i32
}

impl Reach {
    /// Of all roads but ferries.
    pub(crate) fn new(network: Arc<Network>) -> Self {
        let mut legs = Vec::new();
        let mut cells: HashMap<(i32, i32), Vec<u32>> = HashMap::new();
        for segment in network.segment_indices() {
            if network.segments()[segment.index()].ferry {
                continue;
            }
            for piece in &network.shape(segment).pieces {
                let ix = u32::try_from(legs.len()).unwrap_or(u32::MAX);
                let (a, b) = (piece.from, piece.to);
                for y in cell(a.lat.min(b.lat))..=cell(a.lat.max(b.lat)) {
                    for x in cell(a.lon.min(b.lon))..=cell(a.lon.max(b.lon)) {
                        cells.entry((y, x)).or_default().push(ix);
                    }
                }
                let (start_m, length_m) = (piece.start_m, piece.length_m);
                let heading_deg = piece.heading_deg;
                legs.push(Leg { segment, from: a, to: b, start_m, length_m, heading_deg });
            }
        }
        let expansion = Expansion::exact(&network.graph);
        Self { network, expansion, legs, cells }
    }

    pub(crate) fn network(&self) -> &Arc<Network> {
        &self.network
    }

    pub(crate) fn length_m(&self, edge: Edge) -> f64 {
        self.network.segments()[edge.segment().index()].length_m
    }

    /// The nearest place on each road within a radius, nearest first and at most so many roads, each
    /// in the directions in which it may be driven.
    pub(crate) fn near(&self, point: Position, radius_m: f64, roads_max: usize) -> Vec<OnEdge> {
        let scale = metres_per_degree(point.lat);
        let (lat, lon) = (radius_m / scale.0, radius_m / scale.1);
        let mut nearest: Vec<(f64, u32, f64)> = Vec::new();
        for y in cell(point.lat - lat)..=cell(point.lat + lat) {
            for x in cell(point.lon - lon)..=cell(point.lon + lon) {
                for ix in self.cells.get(&(y, x)).into_iter().flatten() {
                    let leg = &self.legs[*ix as usize];
                    let share = leg.share(point);
                    let distance_m = flat_distance_m(point, leg.from.lerp(leg.to, share));
                    let same = |(_, other, _): &&mut (f64, u32, f64)| {
                        self.legs[*other as usize].segment == leg.segment
                    };
                    match nearest.iter_mut().find(same) {
                        _ if distance_m > radius_m => {}
                        Some(best) if (distance_m, *ix) < (best.0, best.1) => {
                            *best = (distance_m, *ix, share);
                        }
                        Some(_) => {}
                        None => nearest.push((distance_m, *ix, share)),
                    }
                }
            }
        }
        nearest.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        nearest.truncate(roads_max);
        nearest.into_iter().flat_map(|found| self.driven(found)).collect()
    }

    fn driven(&self, (distance_m, ix, share): (f64, u32, f64)) -> impl Iterator<Item = OnEdge> {
        let leg = self.legs[ix as usize];
        let road = &self.network.segments()[leg.segment.index()];
        let (length_m, both) = (road.length_m, road.direction == Direction::Both);
        let at_m = leg.start_m + share * leg.length_m;
        let position = leg.from.lerp(leg.to, share);
        let edge = EdgeIx::forward(leg.segment);
        let heading_deg = leg.heading_deg;
        let there = OnEdge { edge, at_m, position, heading_deg, distance_m };
        let back = OnEdge {
            edge: edge.reversed(),
            at_m: length_m - at_m,
            heading_deg: (heading_deg + 180.0).rem_euclid(360.0),
            ..there
        };
        [Some(there), both.then_some(back)].into_iter().flatten()
    }

    /// Metres by road from `from` to each of `targets`, where it is at most `bound_m`: the shortest
    /// way that goes on in the direction of `from` and comes in that of the target, and at least to
    /// the end of its road. Also the edges between the two, of the `wanted` target.
    pub(crate) fn lengths(
        &self,
        scratch: &mut ReachScratch,
        from: &OnEdge,
        targets: &[OnEdge],
        bound_m: f64,
        wanted: Option<usize>,
    ) -> (Vec<Option<f64>>, Vec<Edge>) {
        let graph = &self.network.graph;
        let mut lengths_m: Vec<Option<f64>> = vec![None; targets.len()];
        let to_end_m = self.length_m(from.edge) - from.at_m;
        if to_end_m > bound_m {
            return (lengths_m, Vec::new());
        }
        let weigh = |edge: EdgeIx, _| {
            let Cost { time_us, length_grid } = graph.cost(edge);
            Some(Cost { time_us: length_grid, length_grid: time_us })
        };
        let ferries = Ferries::LeftOut;
        let view = View { graph, expansion: &self.expansion, ferries, weigh };
        let start = self.expansion.after(graph, from.edge);
        let mut state_of_wanted = start;
        view.spread(scratch, &[(start, Cost::default())], |state, cost| {
            let run_m = to_end_m + cost.time_us as f64 / 1_024.0;
            let came_by = self.expansion.came_by(state);
            let node = came_by.map_or(state, |edge| graph.head(edge).0);
            for (ix, target) in targets.iter().enumerate() {
                let is_here = graph.tail(target.edge).0 == node
                    && came_by.is_none_or(|by| graph.may_turn(by, target.edge, ferries));
                let length_m = run_m + target.at_m;
                if is_here && length_m <= bound_m && lengths_m[ix].is_none_or(|m| length_m < m) {
                    lengths_m[ix] = Some(length_m);
                    if wanted == Some(ix) {
                        state_of_wanted = state;
                    }
                }
            }
            run_m > bound_m || lengths_m.iter().all(|m| m.is_some_and(|m| m <= run_m))
        });
        let is_found = wanted.is_some_and(|ix| lengths_m[ix].is_some());
        let edges = if is_found { scratch.way_to(state_of_wanted).1 } else { Vec::new() };
        (lengths_m, edges)
    }
}

impl Leg {
    /// Where on it (0 to 1) it is nearest to a point.
    fn share(&self, point: Position) -> f64 {
        let (north, east) = offset_m(self.from, self.to);
        let (point_north, point_east) = offset_m(self.from, point);
        let length2 = north * north + east * east;
        if length2 <= 0.0 {
            return 0.0;
        }
        ((north * point_north + east * point_east) / length2).clamp(0.0, 1.0)
    }
}
