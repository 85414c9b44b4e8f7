//! Ways to choose from: the fastest in free flow, and others that go by other roads.
//!
//! Each town of a small network is tried as a call on the way; what is then not much slower, and never
//! turns back, is another way (the single-via paths of Abraham, Delling, Goldberg, Werneck:
//! Alternative Routes in Road Networks, ACM JEA 18, 2013).

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Result,
    geo::Position,
    route::{Alternatives, BuiltinRouter, Place, Route, SegmentIx},
};

/// Calls are tried on networks of at most so many nodes; on larger ones, dearer roads.
const NODES_MAX: usize = 2_000;
/// A way that takes longer than this, relative to the fastest, is none.
const SLOWER: f64 = 1.5;
/// The most ways between two calls.
const WAYS_MAX: usize = 12;

/// The way from one place to the next.
pub(super) fn route(router: &BuiltinRouter, from: Place, to: Place) -> Result<Arc<Route>> {
    let at = |place| match place {
        Place::Node(ix) => router.network().node_at(ix).position,
        Place::At(position) => position,
    };
    match (from, to) {
        (Place::Node(from), Place::Node(to)) => router.route_nodes(from, to),
        (from, to) => router.route_between(at(from), at(to)),
    }
}

/// The fastest way in free flow first, then others, slower ones last.
pub(super) fn between(router: &BuiltinRouter, from: Place, to: Place) -> Result<Vec<Arc<Route>>> {
    let fastest = route(router, from, to)?;
    if fastest.pieces.is_empty() {
        return Ok(vec![fastest]);
    }
    if router.network().nodes().len() > NODES_MAX {
        let wanted = Alternatives { at_most: 3, stretch: SLOWER, ..Alternatives::default() };
        return router.alternatives(fastest.from.position, fastest.to.position, &wanted);
    }
    let most_s = SLOWER * fastest.duration_s;
    let mut found = BTreeMap::from([(roads(&fastest), Arc::clone(&fastest))]);
    for ix in router.network().node_indices() {
        let call = Place::Node(ix);
        let (Ok(there), Ok(on)) = (route(router, from, call), route(router, call, to)) else {
            continue;
        };
        let is_near = there.duration_s + on.duration_s <= most_s;
        let joins = there.to.position == on.from.position && is_near;
        let Some(whole) = joins.then(|| Route::join([&*there, &*on]).ok()).flatten() else {
            continue;
        };
        let roads = roads(&whole);
        if turns_back(&whole, &roads) {
            continue;
        }
        found.entry(roads).or_insert_with(|| Arc::new(whole));
    }
    let mut ways: Vec<Arc<Route>> = found.into_values().collect();
    ways.sort_by(|a, b| a.duration_s.total_cmp(&b.duration_s));
    ways.truncate(WAYS_MAX);
    Ok(ways)
}

fn roads(route: &Route) -> Vec<SegmentIx> {
    let mut roads: Vec<SegmentIx> = route.pieces.iter().map(|piece| piece.segment).collect();
    roads.dedup();
    roads
}

/// Whether a road or a joint is passed twice.
fn turns_back(route: &Route, roads: &[SegmentIx]) -> bool {
    let mut sorted = roads.to_vec();
    sorted.sort_unstable();
    let mut towns: Vec<_> = route.towns.iter().map(|(ix, _)| *ix).collect();
    towns.sort_unstable();
    let is_twice = sorted.windows(2).any(|pair| pair[0] == pair[1]);
    is_twice || towns.windows(2).any(|pair| pair[0] == pair[1]) || reverses(route)
}

fn reverses(route: &Route) -> bool {
    let same = |a: Position, b: Position| a == b;
    let next = route.pieces.iter_from(1);
    route.pieces.iter().zip(next).any(|(piece, next)| same(piece.from, next.to))
}
