//! Ways become edges between junctions.
//!
//! A way is cut where another one meets it, where it meets itself, where something shuts trucks
//! out, and where the file lacks a point. Then edges that follow one another without a choice and
//! are alike in everything a truck notices are joined again, so that only real junctions remain;
//! the points between them stay as they are.

use std::collections::BTreeSet;

use super::{
    extract::{Extract, Way},
    tags::{Barrier, Road},
};
use crate::geo::{Position, flat_distance_m};

/// A stretch of a way, from one of its points to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) way: u32,
    /// Places of its first and last point in `Extract::refs`.
    first: u32,
    last: u32,
    /// Driven from last to first.
    pub(super) is_reversed: bool,
}

/// A road between two vertices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) to: u32,
    /// Its parts in driving order, in `Graph::parts`.
    parts: std::ops::Range<u32>,
}

/// Junctions and the roads between them.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// The node of each vertex, its place in `Extract::ids`. A node that shuts trucks out, or where
    /// a local road is cut, stands for several vertices.
    pub(super) vertices: Vec<u32>,
    pub(super) edges: Vec<Edge>,
    parts: Vec<Part>,
}

/// Which edges end at which vertex.
#[derive(Debug)]
pub(super) struct Ends {
    starts: Vec<u32>,
    /// Edge, and whether it is the edge's `from` end.
    ends: Vec<(u32, bool)>,
}

impl Ends {
    pub(super) fn new(vertices: usize, edges: &[Edge]) -> Self {
        let mut starts = vec![0_u32; vertices + 1];
        for vertex in edges.iter().flat_map(|edge| [edge.from, edge.to]) {
            starts[vertex as usize + 1] += 1;
        }
        for vertex in 0..vertices {
            starts[vertex + 1] += starts[vertex];
        }
        let (mut next, mut ends) = (starts.clone(), vec![(0, false); edges.len() * 2]);
        for (ix, edge) in (0_u32..).zip(edges) {
            for (vertex, is_from) in [(edge.from, true), (edge.to, false)] {
                let slot = &mut next[vertex as usize];
                ends[*slot as usize] = (ix, is_from);
                *slot += 1;
            }
        }
        Self { starts, ends }
    }

    /// The edges at a vertex; a loop stands there twice.
    pub(super) fn at(&self, vertex: u32) -> &[(u32, bool)] {
        let vertex = vertex as usize;
        &self.ends[self.starts[vertex] as usize..self.starts[vertex + 1] as usize]
    }
}

impl Graph {
    /// The graph of an extract's roads.
    pub(super) fn new(extract: &Extract) -> Self {
        let mut graph = Self::cut(extract);
        graph.join(extract);
        graph
    }

    /// Cuts ways into edges of one part each.
    fn cut(extract: &Extract) -> Self {
        let is_vertex = vertices_of(extract);
        let mut graph = Self::default();
        let mut vertex_of = vec![u32::MAX; extract.ids.len()];
        for (way, run) in runs(extract) {
            let mut start = run.start;
            for at in run.start + 1..run.end {
                let node = extract.refs[at];
                if !is_vertex[node as usize] && at + 1 < run.end {
                    continue;
                }
                let (first, last) = (start, at);
                start = at;
                let points = &extract.refs[first..=last];
                if points.iter().all(|point| *point == node) {
                    continue; // no length
                }
                let from = graph.vertex(extract, points[0], &mut vertex_of);
                let to = graph.vertex(extract, node, &mut vertex_of);
                let part = graph.parts.len() as u32;
                let (first, last) = (first as u32, last as u32); // POINTS_MAX fits
                graph.parts.push(Part { way, first, last, is_reversed: false });
                graph.edges.push(Edge { from, to, parts: part..part + 1 });
            }
        }
        graph
    }

    /// The vertex of a node; a new one each time where trucks are shut out.
    fn vertex(&mut self, extract: &Extract, node: u32, vertex_of: &mut [u32]) -> u32 {
        let is_shut = extract.barriers.get(&node) == Some(&Barrier::Shut);
        let known = vertex_of[node as usize];
        if known != u32::MAX && !is_shut {
            return known;
        }
        let vertex = self.vertices.len() as u32;
        self.vertices.push(node);
        vertex_of[node as usize] = vertex;
        vertex
    }

    /// Joins edges where there is nothing to choose and nothing changes.
    fn join(&mut self, extract: &Extract) {
        let ends = Ends::new(self.vertices.len(), &self.edges);
        let keep: BTreeSet<u32> = extract
            .turns
            .iter()
            .filter_map(|turn| extract.node(turn.via))
            .chain(extract.passes.iter().copied())
            .chain(extract.barriers.iter().filter(|b| *b.1 == Barrier::Border).map(|b| *b.0))
            .collect();
        // The next edge at a vertex that is no junction, and whether it is driven backwards.
        let next = |edge: u32, vertex: u32| -> Option<(u32, bool)> {
            let &[a, b] = ends.at(vertex) else { return None };
            let (here, there) = if a.0 == edge { (a, b) } else { (b, a) };
            if here.0 == there.0 || keep.contains(&self.vertices[vertex as usize]) {
                return None;
            }
            let way = |edge: u32| &extract.ways[self.parts[edge as usize].way as usize];
            let is_alike = are_alike((way(here.0), here.1), (way(there.0), !there.1));
            is_alike.then_some((there.0, !there.1))
        };
        let mut done = vec![false; self.edges.len()];
        let (mut edges, mut parts) = (Vec::new(), Vec::with_capacity(self.parts.len()));
        for edge in 0..self.edges.len() as u32 {
            if done[edge as usize] {
                continue;
            }
            let chain = self.chain(edge, &next);
            let start = parts.len() as u32;
            for &(edge, is_reversed) in &chain {
                done[edge as usize] = true;
                parts.push(Part { is_reversed, ..self.parts[edge as usize] });
            }
            let end = |(edge, is_reversed): (u32, bool), at_start: bool| {
                let Edge { from, to, .. } = self.edges[edge as usize];
                if at_start == is_reversed { to } else { from }
            };
            let (from, to) = (end(chain[0], true), end(chain[chain.len() - 1], false));
            edges.push(Edge { from, to, parts: start..parts.len() as u32 });
        }
        (self.edges, self.parts) = (edges, parts);
        self.forget_unused_vertices();
    }

    /// All edges that belong together with `edge`, in the direction in which it is drawn.
    fn chain(&self, edge: u32, next: &dyn Fn(u32, u32) -> Option<(u32, bool)>) -> Vec<(u32, bool)> {
        let mut before = Vec::new();
        let (mut at, mut vertex) = (edge, self.edges[edge as usize].from);
        while let Some((other, is_reversed)) = next(at, vertex) {
            if other == edge {
                return self.ring(edge, next); // no junction on it at all
            }
            before.push((other, !is_reversed));
            let Edge { from, to, .. } = self.edges[other as usize];
            (at, vertex) = (other, if is_reversed { from } else { to });
        }
        before.reverse();
        let mut chain = before;
        chain.push((edge, false));
        let (mut at, mut vertex) = (edge, self.edges[edge as usize].to);
        while let Some((other, is_reversed)) = next(at, vertex) {
            chain.push((other, is_reversed));
            let Edge { from, to, .. } = self.edges[other as usize];
            (at, vertex) = (other, if is_reversed { from } else { to });
        }
        chain
    }

    /// A chain that comes back to where it began.
    fn ring(&self, edge: u32, next: &dyn Fn(u32, u32) -> Option<(u32, bool)>) -> Vec<(u32, bool)> {
        let mut chain = vec![(edge, false)];
        let (mut at, mut vertex) = (edge, self.edges[edge as usize].to);
        while let Some((other, is_reversed)) = next(at, vertex).filter(|next| next.0 != edge) {
            chain.push((other, is_reversed));
            let Edge { from, to, .. } = self.edges[other as usize];
            (at, vertex) = (other, if is_reversed { from } else { to });
        }
        chain
    }

    /// Keeps the edges for which `keep` holds.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        let mut keep = keep.iter();
        self.edges.retain(|_| keep.next().copied().unwrap_or(false));
        self.forget_unused_vertices();
    }

    fn forget_unused_vertices(&mut self) {
        let mut place = vec![u32::MAX; self.vertices.len()];
        for edge in &self.edges {
            (place[edge.from as usize], place[edge.to as usize]) = (0, 0);
        }
        let used = place.iter_mut().filter(|place| **place == 0);
        used.zip(0_u32..).for_each(|(place, new)| *place = new);
        let mut vertex = 0;
        self.vertices.retain(|_| {
            vertex += 1;
            place[vertex - 1] != u32::MAX
        });
        for edge in &mut self.edges {
            edge.from = place[edge.from as usize];
            edge.to = place[edge.to as usize];
        }
    }

    /// Gives an end of an edge a vertex of its own, so that nothing leads on from there.
    pub(super) fn detach(&mut self, edge: u32, is_from: bool) {
        let fresh = self.vertices.len() as u32;
        let edge = &mut self.edges[edge as usize];
        let end = if is_from { &mut edge.from } else { &mut edge.to };
        self.vertices.push(self.vertices[*end as usize]);
        *end = fresh;
    }

    pub(super) fn parts(&self, edge: &Edge) -> &[Part] {
        &self.parts[edge.parts.start as usize..edge.parts.end as usize]
    }

    /// The way whose tags hold for an edge, and whether the edge runs against it.
    pub(super) fn way<'e>(&self, extract: &'e Extract, edge: &Edge) -> (&'e Way, bool) {
        let part = self.parts(edge)[0];
        (&extract.ways[part.way as usize], part.is_reversed)
    }

    /// The nodes of an edge in driving order, ends included.
    pub(super) fn nodes<'a>(
        &'a self,
        extract: &'a Extract,
        edge: &Edge,
    ) -> impl Iterator<Item = u32> + 'a {
        let parts = self.parts(edge);
        parts.iter().enumerate().flat_map(move |(ix, part)| {
            part.nodes(extract).skip(usize::from(ix > 0)) // the last part ended there
        })
    }

    /// Length of an edge, metres.
    pub(super) fn length_m(&self, extract: &Extract, edge: &Edge) -> f64 {
        let points = self.nodes(extract, edge).map(|node| extract.position(node));
        length_m(points)
    }
}

impl Part {
    /// Its nodes in driving order, ends included.
    pub(super) fn nodes<'a>(&self, extract: &'a Extract) -> impl Iterator<Item = u32> + use<'a> {
        let points = &extract.refs[self.first as usize..=self.last as usize];
        let (is_reversed, count) = (self.is_reversed, points.len());
        (0..count).map(move |ix| points[if is_reversed { count - 1 - ix } else { ix }])
    }
}

/// Length of a line, metres.
pub(super) fn length_m(points: impl Iterator<Item = Position>) -> f64 {
    let mut last = None;
    let legs = points
        .map(|point| last.replace(point).map_or(0.0, |before| flat_distance_m(before, point)));
    legs.sum()
}

/// The runs of points that the file holds, of each way: places in `Extract::refs`.
pub(super) fn runs(extract: &Extract) -> impl Iterator<Item = (u32, std::ops::Range<usize>)> + '_ {
    (0_u32..).zip(&extract.ways).flat_map(|(ix, way)| {
        let is_there = |at: &usize| extract.points[extract.refs[*at] as usize].is_some();
        let mut at = way.refs.start;
        std::iter::from_fn(move || {
            while at < way.refs.end {
                let start = at;
                while at < way.refs.end && is_there(&at) {
                    at += 1;
                }
                if at - start >= 2 {
                    return Some((ix, start..at));
                }
                at = at.max(start + 1);
            }
            None
        })
    })
}

/// Where ways must be cut: ends, meeting points, and what shuts trucks out.
fn vertices_of(extract: &Extract) -> Vec<bool> {
    let mut passed = vec![false; extract.ids.len()];
    let mut is_vertex = vec![false; extract.ids.len()];
    for (_, run) in runs(extract) {
        let refs = &extract.refs[run];
        for (place, &node) in refs.iter().enumerate() {
            let is_end = place == 0 || place + 1 == refs.len();
            if !is_end && refs[place - 1] == node {
                continue;
            }
            let node = node as usize;
            is_vertex[node] |= is_end || passed[node];
            passed[node] = true;
        }
    }
    for (node, barrier) in &extract.barriers {
        is_vertex[*node as usize] |= *barrier == Barrier::Shut;
    }
    is_vertex
}

/// Whether a truck that goes from one way into the other notices no change. Each comes with
/// whether it is driven backwards.
fn are_alike((a, a_reversed): (&Way, bool), (b, b_reversed): (&Way, bool)) -> bool {
    let speeds = |road: &Road, is_reversed| match is_reversed {
        false => (road.forward_kmh, road.backward_kmh),
        true => (road.backward_kmh, road.forward_kmh),
    };
    let rest = |way: &Way| Road {
        forward_kmh: None,
        backward_kmh: None,
        crossing_s: None,
        is_structure: false,
        ..way.road.clone()
    };
    speeds(&a.road, a_reversed) == speeds(&b.road, b_reversed)
        && a.name == b.name
        && a.reference == b.reference
        && (std::ptr::eq(a, b) || rest(a) == rest(b))
}
