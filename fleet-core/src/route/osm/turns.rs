//! Turn restrictions: from ways and nodes to edges and vertices.

use super::{
    extract::{Extract, Turn},
    graph::{Ends, Graph},
    report::Report,
};
use crate::route::TurnRule;

/// A turn between edges, each with whether it is met at its `from` end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EdgeTurn {
    pub(super) from: (u32, bool),
    pub(super) via: u32,
    pub(super) to: (u32, bool),
    pub(super) rule: TurnRule,
}

/// The restrictions that hold among the graph's edges; others are told.
pub(super) fn resolve(graph: &Graph, extract: &Extract, report: &mut Report) -> Vec<EdgeTurn> {
    let ends = Ends::new(graph.vertices.len(), &graph.edges);
    // Vertices by node; a node that stands for several is shut, and nobody turns there.
    let mut vertex_of: Vec<(u32, u32)> =
        (0_u32..).zip(&graph.vertices).map(|(vertex, node)| (*node, vertex)).collect();
    vertex_of.sort_unstable();
    let vertices = |node: u32| {
        let start = vertex_of.partition_point(|entry| entry.0 < node);
        vertex_of[start..].iter().take_while(move |entry| entry.0 == node).map(|entry| entry.1)
    };
    let mut turns = Vec::new();
    for turn in &extract.turns {
        let before = turns.len();
        let mut ambiguous = false;
        for via in extract.node(turn.via).into_iter().flat_map(vertices) {
            let at = At { graph, extract, ends: ends.at(via) };
            ambiguous |= at.resolve(turn, via, &mut turns).is_none();
        }
        if ambiguous {
            report.turns.broken += 1;
            let note = "a way passes the via instead of ending there";
            report.notes.add(format!("relation {}: {note}", turn.id));
        } else if turns.len() == before {
            report.turns.of_no_concern += 1;
        } else {
            report.turns.taken += 1;
        }
    }
    turns
}

/// The edges that meet at a vertex.
struct At<'a> {
    graph: &'a Graph,
    extract: &'a Extract,
    ends: &'a [(u32, bool)],
}

impl At<'_> {
    /// Adds the turns of a restriction; `None` if a way leads on beyond the vertex, so that nobody
    /// can tell which of its two sides is meant.
    fn resolve(&self, turn: &Turn, via: u32, turns: &mut Vec<EdgeTurn>) -> Option<()> {
        for from in &turn.from {
            for to in &turn.to {
                let (arrivals, departures) = (self.of(*from, true), self.of(*to, false));
                let (&[from], &[to]) = (&arrivals[..], &departures[..]) else {
                    if arrivals.len().max(departures.len()) > 1 {
                        return None;
                    }
                    continue;
                };
                turns.push(EdgeTurn { from, via, to, rule: turn.rule });
            }
        }
        Some(())
    }

    /// The edges of a way by which one can arrive here, or leave.
    fn of(&self, way: i64, arrives: bool) -> Vec<(u32, bool)> {
        let matches = |&&(edge, is_from): &&(u32, bool)| {
            let edge = &self.graph.edges[edge as usize];
            let parts = self.graph.parts(edge);
            let part = if is_from { parts[0] } else { parts[parts.len() - 1] };
            let the_way = &self.extract.ways[part.way as usize];
            // Along the way's direction: arriving at an edge's `to` end drives the edge forward.
            let is_along = (is_from != arrives) != part.is_reversed;
            let road = &the_way.road;
            let speed = if is_along { road.forward_kmh } else { road.backward_kmh };
            the_way.id == way && speed.is_some()
        };
        self.ends.iter().filter(matches).copied().collect()
    }
}
