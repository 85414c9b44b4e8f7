//! Other good ways beside the fastest.
//!
//! The penalty method: the roads of each way found are made dearer, and the search is repeated. What
//! it finds is kept if it is a way that a driver may want: not much slower than the fastest, not
//! mostly the same roads, and without a detour on the way that is unreasonable by itself. (Y. Chen,
//! M. G. H. Bell, K. Bogenberger, *Reliable Pretrip Multipath Planning and Dynamic Adaptation for a
//! Centralized Road Navigation System*, IEEE Transactions on ITS 8, 2007; the bounds on stretch,
//! sharing and detours follow I. Abraham et al., *Alternative Routes in Road Networks*, ACM Journal
//! of Experimental Algorithmics 18, 2013.)

use std::{collections::HashMap, sync::Arc};

use super::{
    assemble,
    builtin::BuiltinRouter,
    ends::{End, Span},
    engine::{Finder, Way, ends},
    graph::{Cost, EdgeIx},
    network::{NodeIx, SegmentIx},
    path::Route,
    plain::View,
    turns::Expansion,
};
use crate::{Error, Result, geo::Position};

/// By how much a road gets dearer with each way found that takes it.
const PENALTY: f64 = 0.4;
/// Searches for each alternative that is wanted.
const TRIES: usize = 8;

/// What other ways are wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alternatives {
    /// How many beside the fastest, at most 10.
    pub at_most: usize,
    /// How much longer than the fastest they may take: 1.25 is a quarter longer. From 1.
    pub stretch: f64,
    /// The share of their length that may lie on roads of a better way, 0 to 1.
    pub overlap: f64,
}

impl Default for Alternatives {
    /// Two, up to a quarter slower, up to three quarters the same.
    fn default() -> Self {
        Self { at_most: 2, stretch: 1.25, overlap: 0.75 }
    }
}

impl BuiltinRouter {
    /// The fastest way between two positions, and other good ones in order of duration: fewer than
    /// asked for, down to none, where there are none.
    ///
    /// Each alternative keeps to the bounds of `wanted` against the fastest way as a whole, and
    /// where it leaves the fastest way, that part takes at most 1.5 times as long as what it goes
    /// around. It searches plainly, several times: a second or so on a million edges.
    ///
    /// # Errors
    /// As [`route_between`](Self::route_between); `Invalid` if a bound is outside its range.
    pub fn alternatives(
        &self,
        from: Position,
        to: Position,
        wanted: &Alternatives,
    ) -> Result<Vec<Arc<Route>>> {
        let Alternatives { at_most, stretch, overlap } = *wanted;
        if at_most > 10 || !(1.0..=10.0).contains(&stretch) || !(0.0..=1.0).contains(&overlap) {
            return Err(Error::invalid(format!("alternatives: {wanted:?}")));
        }
        let (start, target) = (self.snapped("from", from)?, self.snapped("to", to)?);
        let ways = self.finder().ways(start.end, target.end, wanted);
        if ways.is_empty() {
            return Err(Error::not_found(format!("there is no way {}", self.ferries())));
        }
        let route = |way: &Way| {
            Arc::new(assemble::route(self.network(), start, target, way.cost, &way.spans))
        };
        Ok(ways.iter().map(route).collect())
    }
}

/// Where a longer part than this of what it goes around makes a detour unreasonable.
const DETOUR: f64 = 1.5;

impl Finder<'_> {
    /// The cheapest way first; none if there is no way at all.
    pub(crate) fn ways(&self, start: End, target: End, wanted: &Alternatives) -> Vec<Way> {
        let Some(fastest) = self.way(start, target) else { return Vec::new() };
        let mut taken: HashMap<SegmentIx, f64> = HashMap::new();
        let mut ways = vec![fastest];
        let mut last = 0; // the way whose roads are made dearer next
        let mut tried = Vec::new();
        for _ in 0..TRIES * wanted.at_most {
            if ways.len() > wanted.at_most {
                break;
            }
            let found = tried.last().unwrap_or(&ways[last]);
            for span in &found.spans {
                *taken.entry(span.segment).or_insert(1.0) += PENALTY;
            }
            let Some(way) = self.way_around(start, target, &taken) else { break };
            if self.is_wanted(&way, &ways, wanted) {
                ways.push(way);
                last = ways.len() - 1;
                tried.clear();
            } else {
                tried.push(way);
            }
        }
        ways[1..].sort_by_key(|way| way.cost);
        ways
    }

    /// The way that is cheapest when some roads are dearer; its cost is the true one.
    fn way_around(&self, start: End, target: End, dearer: &HashMap<SegmentIx, f64>) -> Option<Way> {
        let graph = &self.network.graph;
        let expansion = Expansion::exact(graph);
        let doors = self.doors(&expansion);
        let (exits, entries) = (doors.exits(start), doors.entries(target));
        let weigh = |edge: EdgeIx, _| {
            let cost = self.fitting_cost(edge)?;
            Some(dearer.get(&edge.segment()).map_or(cost, |factor| cost.times(*factor)))
        };
        let view = View { graph, expansion: &expansion, ferries: self.ferries, weigh };
        let (_, found) = self
            .engine
            .with_scratch(|scratch| view.cheapest(scratch, &ends(&exits), &ends(&entries)))?;
        Some(self.joined(&exits, &found, &entries))
    }

    fn is_wanted(&self, way: &Way, better: &[Way], wanted: &Alternatives) -> bool {
        let fastest = &better[0];
        let is_known = better.iter().any(|other| other.spans == way.spans);
        !is_known
            && way.cost <= fastest.cost.times(wanted.stretch)
            && better.iter().all(|other| shared(way, other) <= wanted.overlap)
            && self.detours_are_reasonable(way, fastest)
    }

    /// Whether no node is passed twice, and each part that leaves the fastest way comes back to it
    /// farther on and not too late.
    fn detours_are_reasonable(&self, way: &Way, fastest: &Way) -> bool {
        let main: HashMap<NodeIx, Cost> = self.passed(fastest).into_iter().collect();
        let passed = self.passed(way);
        let mut seen: Vec<_> = passed.iter().map(|(node, _)| *node).collect();
        seen.sort_unstable();
        let is_simple = seen.windows(2).all(|pair| pair[0] != pair[1]);
        let start = (Cost::default(), Cost::default());
        let meets = passed.iter().filter_map(|(node, cost)| Some((*cost, *main.get(node)?)));
        let meets: Vec<_> =
            [start].into_iter().chain(meets).chain([(way.cost, fastest.cost)]).collect();
        is_simple
            && meets.windows(2).all(|part| {
                let ((from, main_from), (to, main_to)) = (part[0], part[1]);
                let (here, there) = (to.minus(from), main_to.minus(main_from));
                main_from <= main_to && here <= there.times(DETOUR)
            })
    }

    /// The nodes that a way passes, each with what it cost to get there.
    fn passed(&self, way: &Way) -> Vec<(NodeIx, Cost)> {
        let graph = &self.network.graph;
        let mut cost = Cost::default();
        let between = way.spans.windows(2).map(|pair| {
            cost = cost + pair[0].cost(self.network);
            (graph.head(pair[0].edge()), cost)
        });
        between.collect()
    }
}

/// The share of a way's length that lies on roads of another, whichever way they are driven.
fn shared(way: &Way, other: &Way) -> f64 {
    let on_other = |span: &&Span| other.spans.iter().any(|o| o.segment == span.segment);
    let shared_m: f64 = way.spans.iter().filter(on_other).map(Span::length_m).sum();
    let all_m: f64 = way.spans.iter().map(Span::length_m).sum();
    if all_m > 0.0 { shared_m / all_m } else { 1.0 }
}
