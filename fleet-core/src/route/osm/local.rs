//! Roads only for those who live or deliver there.
//!
//! A plan may end on such a road and may not lead through it. Around the network of roads for all,
//! a part that is only reached by local roads is therefore cut: each place in it keeps the way to
//! its nearest door (a junction with a road of that network), and local roads between places of
//! different doors are cut at one end. What remains hangs on one door each, so no way leads
//! through, and every place is still reached. Roads for all that lie inside of such a part count as
//! one place.
//!
//! A part with one-way streets is left as it is, since one may have to leave by another door than
//! one came in by; such parts are reported.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use super::{
    extract::Extract,
    graph::{Ends, Graph},
    report::Local,
};

/// Cuts local roads so that no way leads through, and reports how many there are.
pub(super) fn close(graph: &mut Graph, extract: &Extract) -> Local {
    let mut report = Local::default();
    let is_local = |edge: &_| graph.way(extract, edge).0.road.is_local;
    let is_local: Vec<_> = graph.edges.iter().map(is_local).collect();
    if !is_local.contains(&true) {
        return report;
    }
    let roads = Roads::new(graph, extract, is_local);
    report.km = roads.local_km(0..graph.edges.len() as u32);
    let mut cuts = Vec::new();
    let mut seen = vec![false; graph.edges.len()];
    for edge in 0..graph.edges.len() as u32 {
        if !roads.is_local[edge as usize] || seen[edge as usize] {
            continue;
        }
        let part = roads.part_around(edge, &mut seen);
        if part.doors.len() < 2 {
            continue;
        }
        if part.edges.iter().any(|edge| roads.is_one_way(*edge)) {
            report.open_km += roads.local_km(part.edges.iter().copied());
        } else {
            cuts.extend(roads.cuts(&part));
        }
    }
    report.cuts = cuts.len() as u64;
    for (edge, is_from) in cuts {
        graph.detach(edge, is_from);
    }
    report
}

/// What is known of all roads.
struct Roads<'a> {
    graph: &'a Graph,
    extract: &'a Extract,
    ends: Ends,
    /// By edge.
    is_local: Vec<bool>,
    /// By edge.
    lengths_m: Vec<f64>,
    /// By vertex: the same for all vertices that roads for all join.
    group: Vec<u32>,
    /// The group of the network of roads for all: the longest.
    main: u32,
}

/// Roads that hang together without the network of roads for all.
struct Part {
    /// Sorted.
    edges: Vec<u32>,
    /// Vertices of that network where the part begins, sorted, each once.
    doors: Vec<u32>,
}

impl<'a> Roads<'a> {
    fn new(graph: &'a Graph, extract: &'a Extract, is_local: Vec<bool>) -> Self {
        let ends = Ends::new(graph.vertices.len(), &graph.edges);
        let lengths_m = graph.edges.iter().map(|edge| graph.length_m(extract, edge)).collect();
        let mut roads =
            Self { graph, extract, ends, is_local, lengths_m, group: Vec::new(), main: 0 };
        roads.find_groups();
        roads
    }

    fn find_groups(&mut self) {
        self.group = vec![u32::MAX; self.graph.vertices.len()];
        let mut longest_m = -1.0;
        for start in 0..self.graph.vertices.len() as u32 {
            if self.group[start as usize] != u32::MAX {
                continue;
            }
            let (mut queue, mut twice_m) = (vec![start], 0.0);
            self.group[start as usize] = start;
            while let Some(vertex) = queue.pop() {
                for &(edge, is_from) in self.ends.at(vertex) {
                    if self.is_local[edge as usize] {
                        continue;
                    }
                    twice_m += self.lengths_m[edge as usize];
                    let other = self.other_end(edge, is_from);
                    if std::mem::replace(&mut self.group[other as usize], start) == u32::MAX {
                        queue.push(other);
                    }
                }
            }
            if twice_m > longest_m {
                (longest_m, self.main) = (twice_m, start);
            }
        }
    }

    fn other_end(&self, edge: u32, is_from: bool) -> u32 {
        let edge = &self.graph.edges[edge as usize];
        if is_from { edge.to } else { edge.from }
    }

    fn is_door(&self, vertex: u32) -> bool {
        self.group[vertex as usize] == self.main
    }

    fn local_km(&self, edges: impl Iterator<Item = u32>) -> f64 {
        let local = edges.filter(|edge| self.is_local[*edge as usize]);
        local.map(|edge| self.lengths_m[edge as usize]).sum::<f64>() / 1_000.0
    }

    fn is_one_way(&self, edge: u32) -> bool {
        let road = &self.graph.way(self.extract, &self.graph.edges[edge as usize]).0.road;
        road.forward_kmh.is_none() || road.backward_kmh.is_none()
    }

    fn part_around(&self, edge: u32, seen: &mut [bool]) -> Part {
        let (mut part, mut queue) = (Part { edges: Vec::new(), doors: Vec::new() }, vec![edge]);
        seen[edge as usize] = true;
        while let Some(edge) = queue.pop() {
            part.edges.push(edge);
            let edge = &self.graph.edges[edge as usize];
            for vertex in [edge.from, edge.to] {
                if self.is_door(vertex) {
                    part.doors.push(vertex);
                    continue;
                }
                for &(next, _) in self.ends.at(vertex) {
                    if !std::mem::replace(&mut seen[next as usize], true) {
                        queue.push(next);
                    }
                }
            }
        }
        part.edges.sort_unstable();
        part.doors.sort_unstable();
        part.doors.dedup();
        part
    }

    /// The ends at which a part's local roads must be cut: between places of different doors, at
    /// the end that is farther from its door.
    fn cuts(&self, part: &Part) -> Vec<(u32, bool)> {
        let nearest = self.nearest_doors(part);
        let door = |vertex: u32| nearest.get(&self.place(vertex)).copied().unwrap_or((0, vertex));
        let cut = |edge: &u32| {
            let ends = &self.graph.edges[*edge as usize];
            let (from, to) = (door(ends.from), door(ends.to));
            let is_between = self.is_local[*edge as usize] && from.1 != to.1;
            is_between.then_some((*edge, from.0 > to.0))
        };
        part.edges.iter().filter_map(cut).collect()
    }

    /// One name for vertices that roads for all join inside of a part; doors keep their own.
    fn place(&self, vertex: u32) -> u32 {
        if self.is_door(vertex) { vertex } else { self.group[vertex as usize] }
    }

    /// For each place of a part its distance in millimetres to the nearest door, and that door.
    fn nearest_doors(&self, part: &Part) -> BTreeMap<u32, (u64, u32)> {
        let mut by_place: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
        for &edge in part.edges.iter().filter(|edge| self.is_local[**edge as usize]) {
            let ends = &self.graph.edges[edge as usize];
            let (from, to) = (self.place(ends.from), self.place(ends.to));
            by_place.entry(from).or_default().push((edge, to));
            by_place.entry(to).or_default().push((edge, from));
        }
        let mut nearest = BTreeMap::new();
        let mut queue: BinaryHeap<_> =
            part.doors.iter().map(|door| Reverse((0_u64, *door, *door))).collect();
        while let Some(Reverse((mm, door, place))) = queue.pop() {
            if nearest.contains_key(&place) {
                continue;
            }
            nearest.insert(place, (mm, door));
            for &(edge, other) in by_place.get(&place).into_iter().flatten() {
                #[expect(clippy::cast_sign_loss, reason = "lengths are positive")]
                let length = (self.lengths_m[edge as usize] * 1_000.0) as u64;
                queue.push(Reverse((mm + length, door, other)));
            }
        }
        nearest
    }
}

#[cfg(test)]
mod tests;
