//! Roads around a point as they may be driven, and lengths by road from one place to others nearby:
//! what map matching asks.

use std::sync::Arc;

pub(crate) use super::{graph::EdgeIx as Edge, plain::Scratch as ReachScratch};
use super::{
    graph::{Cost, EdgeIx, Ferries},
    network::{Direction, Network},
    plain::View,
    snap::{Nearby, RoadPoint, Snap},
    turns::Expansion,
};
use crate::geo::Position;

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

/// The roads of a network by place.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    network: Arc<Network>,
    expansion: Expansion,
}

impl Reach {
    /// Of all roads but ferries.
    pub(crate) fn new(network: Arc<Network>) -> Self {
        network.index();
        let expansion = Expansion::exact(&network.graph);
        Self { network, expansion }
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
        let nearby = Nearby { radius_m, at_most: roads_max, ..Nearby::default() };
        // A point off the globe has no roads.
        let snaps = self.network.nearby(point, &nearby).unwrap_or_default();
        snaps.into_iter().flat_map(|snap| self.driven(&snap)).collect()
    }

    fn driven(&self, snap: &Snap) -> impl Iterator<Item = OnEdge> + use<> {
        let Snap { at: RoadPoint { segment, at_m }, position, heading_deg, distance_m, .. } = *snap;
        let edge = EdgeIx::forward(segment);
        let there = OnEdge { edge, at_m, position, heading_deg, distance_m };
        let back = OnEdge {
            edge: edge.reversed(),
            at_m: self.length_m(edge) - at_m,
            heading_deg: (heading_deg + 180.0).rem_euclid(360.0),
            ..there
        };
        let both = snap.direction == Direction::Both;
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
