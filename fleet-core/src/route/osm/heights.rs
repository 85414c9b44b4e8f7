//! The height of every point of a road.
//!
//! A terrain model has the land's height, with an error of some metres from one point to the next,
//! and a road is smoother than the land. Taken as they are, such heights would give grades of 20 %
//! between points 30 m apart. So:
//!
//! 1. points take their height from the terrain tiles, else from `ele` tags; points inside of a
//!    bridge or a tunnel lie on the straight line between its ends;
//! 2. ten times each point is drawn to the mean of its neighbours on the road, the more the nearer
//!    they are, and not at all beyond 200 m;
//! 3. what is still steeper than a road can be is evened out: of the highest and the lowest
//!    profile that keep the greatest grade, the mean is taken. It keeps that grade everywhere, and
//!    changes nothing where the grade was kept already.
//!
//! Without tiles and tags a height is unknown. It counts as that of the nearest known junction, or
//! as sea level if there is none, and is reported.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{extract::Extract, graph::Graph, report::Heights};
use crate::{
    Result,
    geo::{dem::Dem, flat_distance_m},
};

/// How often points are drawn to their neighbours.
const ROUNDS: u32 = 10;
/// Neighbours farther than this do not pull, metres.
const REACH_M: f64 = 200.0;
/// The steepest that a road is made, unless told otherwise: a rise of 12 in 100.
pub(super) const GRADE_MAX: f64 = 0.12;

/// What a point's height is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Unknown,
    Dem,
    Tag,
}

/// Two neighbours on a road.
#[derive(Clone, Copy, Debug)]
struct Leg {
    a: u32,
    b: u32,
    length_m: f32,
}

/// The profile of all roads.
struct Profile<'a> {
    graph: &'a Graph,
    extract: &'a Extract,
    /// By node; 0 where nothing is known yet.
    heights_m: Vec<f64>,
    origins: Vec<Origin>,
}

/// The height of each node in metres, 0 for those that no road of the graph passes.
pub(super) fn of_roads(
    graph: &Graph,
    extract: &Extract,
    dem: Option<&Dem>,
    grade_max: f64,
) -> Result<(Vec<f64>, Heights)> {
    let count = extract.ids.len();
    let (heights_m, origins) = (vec![0.0; count], vec![Origin::Unknown; count]);
    let mut profile = Profile { graph, extract, heights_m, origins };
    let nodes = profile.nodes();
    if let Some(dem) = dem {
        profile.take_from_dem(dem, &nodes)?;
    }
    profile.take_from_tags();
    let report = profile.report_after_filling(&nodes);
    if report.from_dem + report.from_tags == 0 {
        return Ok((profile.heights_m, report));
    }
    let legs = profile.legs();
    if report.from_dem > 0 {
        smooth(&mut profile.heights_m, &legs);
    }
    limit(&mut profile.heights_m, &legs, grade_max);
    Ok((profile.heights_m, report))
}

impl Profile<'_> {
    /// The nodes of the graph's roads, each once.
    fn nodes(&self) -> Vec<u32> {
        let mut is_passed = vec![false; self.extract.ids.len()];
        for edge in &self.graph.edges {
            for node in self.graph.nodes(self.extract, edge) {
                is_passed[node as usize] = true;
            }
        }
        (0_u32..).zip(is_passed).filter(|(_, is_passed)| *is_passed).map(|(node, _)| node).collect()
    }

    fn legs(&self) -> Vec<Leg> {
        let mut legs = Vec::new();
        for edge in &self.graph.edges {
            let mut last = None;
            for node in self.graph.nodes(self.extract, edge) {
                let before = last.replace(node).filter(|before| *before != node);
                if let Some(before) = before {
                    let ends = (self.extract.position(before), self.extract.position(node));
                    let length_m = flat_distance_m(ends.0, ends.1) as f32;
                    legs.push(Leg { a: before, b: node, length_m });
                }
            }
        }
        legs
    }

    fn set(&mut self, node: u32, height_m: f64, origin: Origin) {
        self.heights_m[node as usize] = height_m;
        self.origins[node as usize] = origin;
    }

    fn origin(&self, node: u32) -> Origin {
        self.origins[node as usize]
    }

    fn take_from_dem(&mut self, dem: &Dem, nodes: &[u32]) -> Result<()> {
        let points: Vec<_> = nodes.iter().map(|node| self.extract.position(*node)).collect();
        for (node, height_m) in nodes.iter().zip(dem.heights_m(&points)?) {
            if let Some(height_m) = height_m {
                self.set(*node, height_m, Origin::Dem);
            }
        }
        Ok(())
    }

    fn take_from_tags(&mut self) {
        for (node, height_m) in &self.extract.heights {
            if self.origin(*node) == Origin::Unknown {
                self.set(*node, *height_m, Origin::Tag);
            }
        }
    }

    /// Fills gaps, and counts what came from where.
    fn report_after_filling(&mut self, nodes: &[u32]) -> Heights {
        let is_gap = |node: &u32| self.origin(*node) == Origin::Unknown;
        let has_gaps = nodes.iter().any(is_gap);
        if has_gaps && nodes.iter().any(|node| !is_gap(node)) {
            self.fill_vertices();
        }
        for ix in 0..self.graph.edges.len() {
            self.fill_edge(ix, has_gaps);
        }
        let mut report = Heights::default();
        for node in nodes {
            *match self.origin(*node) {
                Origin::Dem => &mut report.from_dem,
                Origin::Tag => &mut report.from_tags,
                Origin::Unknown => &mut report.unknown,
            } += 1;
        }
        report
    }

    /// Vertices of unknown height take that of the nearest known one by road; they stay unknown.
    fn fill_vertices(&mut self) {
        let ends = super::graph::Ends::new(self.graph.vertices.len(), &self.graph.edges);
        let mut done = vec![false; self.graph.vertices.len()];
        let mut queue: BinaryHeap<_> = (0_u32..)
            .zip(&self.graph.vertices)
            .filter(|(_, node)| self.origin(**node) != Origin::Unknown)
            .map(|(vertex, node)| Reverse((0_u64, *node, vertex)))
            .collect();
        while let Some(Reverse((mm, source, vertex))) = queue.pop() {
            if std::mem::replace(&mut done[vertex as usize], true) {
                continue;
            }
            self.heights_m[self.graph.vertices[vertex as usize] as usize] =
                self.heights_m[source as usize];
            for &(edge, is_from) in ends.at(vertex) {
                let edge = &self.graph.edges[edge as usize];
                let other = if is_from { edge.to } else { edge.from };
                if !done[other as usize] {
                    #[expect(clippy::cast_sign_loss, reason = "lengths are positive")]
                    let length = (self.graph.length_m(self.extract, edge) * 1_000.0) as u64;
                    queue.push(Reverse((mm + length, source, other)));
                }
            }
        }
    }

    /// Draws straight lines over gaps, bridges and tunnels of an edge.
    fn fill_edge(&mut self, edge: usize, has_gaps: bool) {
        let (graph, extract) = (self.graph, self.extract);
        let edge = &graph.edges[edge];
        let is_structure =
            |part: &super::graph::Part| extract.ways[part.way as usize].road.is_structure;
        if !has_gaps && !graph.parts(edge).iter().any(is_structure) {
            return;
        }
        // Points with their distance, and whether they lie within a bridge or a tunnel.
        let mut line: Vec<(u32, f64, bool)> = Vec::new();
        for part in graph.parts(edge) {
            let inner = is_structure(part);
            for (ix, node) in part.nodes(extract).enumerate() {
                match line.last_mut() {
                    Some(last) if ix == 0 => last.2 &= inner, // where two parts meet
                    Some(&mut (before, at_m, _)) => {
                        let ends = (extract.position(before), extract.position(node));
                        line.push((node, at_m + flat_distance_m(ends.0, ends.1), inner));
                    }
                    None => line.push((node, 0.0, false)),
                }
            }
        }
        if let Some(last) = line.last_mut() {
            last.2 = false;
        }
        let last = line.len() - 1;
        let mut start = 0;
        for end in 1..=last {
            let (node, _, inner) = line[end];
            if end < last && (inner || self.origin(node) == Origin::Unknown) {
                continue;
            }
            self.draw_straight(&line[start..=end]);
            start = end;
        }
    }

    /// Lays the points inside of a stretch on the straight line between its ends.
    fn draw_straight(&mut self, stretch: &[(u32, f64, bool)]) {
        let (&[first, .., last], true) = (stretch, stretch.len() > 2) else { return };
        let [from_m, to_m] = [first, last].map(|end| self.heights_m[end.0 as usize]);
        let [a, b] = [first, last].map(|end| self.origin(end.0));
        let origin = if b == Origin::Unknown { b } else { a };
        for point in &stretch[1..stretch.len() - 1] {
            let share = (point.1 - first.1) / (last.1 - first.1);
            self.set(point.0, from_m + share * (to_m - from_m), origin);
        }
    }
}

/// Draws each point to the mean of its neighbours.
fn smooth(heights_m: &mut [f64], legs: &[Leg]) {
    let weight = |leg: &Leg| f64::max(0.0, 1.0 - f64::from(leg.length_m) / REACH_M);
    let mut weights = vec![1.0; heights_m.len()];
    for leg in legs {
        weights[leg.a as usize] += weight(leg);
        weights[leg.b as usize] += weight(leg);
    }
    for _ in 0..ROUNDS {
        let mut sums = heights_m.to_vec();
        for leg in legs {
            let (a, b) = (leg.a as usize, leg.b as usize);
            sums[a] += weight(leg) * heights_m[b];
            sums[b] += weight(leg) * heights_m[a];
        }
        for ((height_m, sum), weight) in heights_m.iter_mut().zip(sums).zip(&weights) {
            *height_m = sum / weight;
        }
    }
}

/// Evens out what is steeper than `grade_max`.
fn limit(heights_m: &mut [f64], legs: &[Leg], grade_max: f64) {
    // Whole millimetres: sums are exact, and no order of them matters.
    let rises: Vec<i64> =
        legs.iter().map(|leg| (f64::from(leg.length_m) * grade_max * 1_000.0) as i64).collect();
    let heights: Vec<i64> = heights_m.iter().map(|h| (h * 1_000.0).round() as i64).collect();
    let mut upper = heights.clone();
    let mut lower: Vec<i64> = heights.iter().map(|height| -height).collect();
    let legs = Neighbours::new(heights.len(), legs, &rises);
    legs.lower_to(&mut upper);
    legs.lower_to(&mut lower);
    for ((height_m, upper), lower) in heights_m.iter_mut().zip(upper).zip(lower) {
        *height_m = (upper - lower) as f64 / 2_000.0;
    }
}

/// The neighbours of each node with the most that the road may rise on the way there.
struct Neighbours {
    starts: Vec<u32>,
    others: Vec<(u32, i64)>,
}

impl Neighbours {
    fn new(nodes: usize, legs: &[Leg], rises: &[i64]) -> Self {
        let mut starts = vec![0_u32; nodes + 1];
        for node in legs.iter().flat_map(|leg| [leg.a, leg.b]) {
            starts[node as usize + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let (mut next, mut others) = (starts.clone(), vec![(0, 0); legs.len() * 2]);
        for (leg, rise) in legs.iter().zip(rises) {
            for (here, there) in [(leg.a, leg.b), (leg.b, leg.a)] {
                let slot = &mut next[here as usize];
                others[*slot as usize] = (there, *rise);
                *slot += 1;
            }
        }
        Self { starts, others }
    }

    fn of(&self, node: u32) -> &[(u32, i64)] {
        let node = node as usize;
        &self.others[self.starts[node] as usize..self.starts[node + 1] as usize]
    }

    /// Lowers each node to the least of all nodes' heights plus the rise on the way from there.
    fn lower_to(&self, heights: &mut [i64]) {
        let is_too_low_for_a_neighbour = |node: &u32| {
            let height = heights[*node as usize];
            self.of(*node).iter().any(|(other, rise)| height + rise < heights[*other as usize])
        };
        let nodes = 0..heights.len() as u32;
        let mut queue: BinaryHeap<_> = nodes
            .filter(is_too_low_for_a_neighbour)
            .map(|node| Reverse((heights[node as usize], node)))
            .collect();
        while let Some(Reverse((height, node))) = queue.pop() {
            if height > heights[node as usize] {
                continue;
            }
            for &(other, rise) in self.of(node) {
                let most = height + rise;
                if most < heights[other as usize] {
                    heights[other as usize] = most;
                    queue.push(Reverse((most, other)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
