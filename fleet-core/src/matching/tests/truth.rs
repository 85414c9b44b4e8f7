//! Traces whose roads are known: driven on real routes, then made noisy, thinned, and spoilt.

use std::{collections::BTreeMap, sync::Arc};

use super::{Matched, Matcher, Settings, fix, ne_india};
use crate::{
    domain::Fix,
    geo::{Position, destination, flat_distance_m},
    random::Stream,
    route::{
        BuiltinRouter, Direction, Network, NetworkBuilder, Node, NodeIx, Route, Segment, SegmentIx,
    },
};

/// How a trace is made.
#[derive(Clone, Copy, Debug)]
struct Making {
    noise_m: f64,
    every_s: i64,
    speed_kmh: f64,
    /// Shares of fixes that are lost, and that lie 150 to 1,000 m off.
    lost: f64,
    wild: f64,
}

const PLAIN: Making =
    Making { noise_m: 20.0, every_s: 30, speed_kmh: 45.0, lost: 0.05, wild: 0.02 };

/// Metres driven on each road, as intervals from its `from` end.
type Driven = BTreeMap<SegmentIx, Vec<(f64, f64)>>;

struct Trace {
    fixes: Vec<Fix>,
    driven: Driven,
}

fn drive(network: &Network, route: &Route, making: &Making, seed: u64) -> Trace {
    let random = Stream::new(seed, "trace", "matching");
    let step_m = making.speed_kmh / 3.6 * making.every_s as f64;
    let count = (0_u32..).find(|ix| f64::from(*ix) * step_m > route.length_m).unwrap();
    let count = u64::from(count);
    let mut fixes: Vec<(f64, Fix)> = Vec::new();
    for ix in 0..count {
        let draw = |what: u64| random.uniform(ix * 10 + what);
        if draw(0) < making.lost && ix > 0 && ix + 1 < count {
            continue;
        }
        let at_m = ix as f64 * step_m;
        let (on_road, _) = route.position_at(at_m, route.piece_at(at_m, 0));
        let north_m = random.normal(ix * 10 + 1) * making.noise_m;
        let east_m = random.normal(ix * 10 + 2) * making.noise_m;
        let mut place = destination(destination(on_road, 0.0, north_m), 90.0, east_m);
        if draw(3) < making.wild && ix > 0 && ix + 1 < count {
            place = destination(place, draw(4) * 360.0, 150.0 + draw(5) * 850.0);
        }
        let fix = fix(ix as i64 * making.every_s, place);
        fixes.push((at_m, Fix { accuracy_m: Some(making.noise_m), ..fix }));
    }
    let ends = (fixes[0].0, fixes[fixes.len() - 1].0);
    let driven = driven(network, route, ends);
    Trace { fixes: fixes.into_iter().map(|(_, fix)| fix).collect(), driven }
}

/// What a route between nodes drives from `first_m` to `last_m`: it drives whole roads.
fn driven(network: &Network, route: &Route, (first_m, last_m): (f64, f64)) -> Driven {
    let mut driven = Driven::new();
    let pieces: Vec<_> = route.pieces.iter().collect();
    for road in pieces.chunk_by(|a, b| a.segment == b.segment) {
        let (segment, start_m) = (road[0].segment, road[0].start_m);
        let length_m = network.segments()[segment.index()].length_m;
        let from = network.node_at(network.segments()[segment.index()].from).position;
        let forward = flat_distance_m(from, road[0].from) < 1.0;
        let within = |at_m: f64| (at_m - start_m).clamp(0.0, length_m);
        let (a, b) = (within(first_m), within(last_m));
        if b > a {
            let part = if forward { (a, b) } else { (length_m - b, length_m - a) };
            driven.entry(segment).or_default().push(part);
        }
    }
    driven
}

/// Overlaps counted once.
fn union(mut parts: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    parts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut union: Vec<(f64, f64)> = Vec::new();
    for (from_m, to_m) in parts {
        match union.last_mut() {
            Some(last) if from_m <= last.1 => last.1 = last.1.max(to_m),
            _ => union.push((from_m, to_m)),
        }
    }
    union
}

fn length_m(driven: &Driven) -> f64 {
    driven.values().flat_map(|parts| union(parts.clone())).map(|(a, b)| b - a).sum()
}

/// Metres driven, metres matched, and metres that are both.
fn compare(trace: &Trace, matched: &Matched) -> (f64, f64, f64) {
    let mut found = Driven::new();
    for stretch in matched.matchings.iter().flat_map(|matching| &matching.path) {
        let part = (stretch.from_m.min(stretch.to_m), stretch.from_m.max(stretch.to_m));
        found.entry(stretch.segment).or_default().push(part);
    }
    let mut both_m = 0.0;
    for (segment, parts) in &found {
        for (a, b) in union(parts.clone()) {
            for (c, d) in union(trace.driven.get(segment).cloned().unwrap_or_default()) {
                both_m += (b.min(d) - a.max(c)).max(0.0);
            }
        }
    }
    // What is driven twice by mistake counts twice.
    (length_m(&trace.driven), matched.length_m(), both_m)
}

/// Share of the length matched right over all routes: what is missing and what is too much both
/// count against it. Also the mean quality that was told.
fn score(matcher: &Matcher, routes: &[Arc<Route>], making: &Making) -> (f64, f64) {
    let (mut right_m, mut all_m, mut told) = (0.0, 0.0, 0.0);
    for (seed, route) in (0..).zip(routes) {
        let trace = drive(matcher.network(), route, making, seed);
        let matched = matcher.match_trace(&trace.fixes).unwrap();
        let (driven_m, found_m, both_m) = compare(&trace, &matched);
        let of_m = driven_m.max(found_m);
        (right_m, all_m) = (right_m + both_m, all_m + of_m);
        told += of_m * matched.quality().unwrap_or(0.0);
    }
    (right_m / all_m, told / all_m)
}

/// Routes between towns drawn by lot, 10 to 400 km long.
fn routes(router: &BuiltinRouter, count: usize) -> Vec<Arc<Route>> {
    let random = Stream::new(3, "pairs", "matching");
    let nodes = router.network().nodes().len() as u64;
    let draw = |ix| NodeIx(u32::try_from(random.below(ix, nodes)).unwrap());
    let pairs = (0_u64..).map(|ix| (draw(2 * ix), draw(2 * ix + 1)));
    let routes = pairs.filter_map(|(from, to)| router.route_nodes(from, to).ok());
    routes.filter(|route| (1e4..4e5).contains(&route.length_m)).take(count).collect()
}

#[test]
fn nearly_all_of_the_length_is_matched_right_at_20_m_of_noise() {
    let (matcher, routes) = (ne_india(), routes(&BuiltinRouter::ne_india(), 40));
    let (right, told) = score(&matcher, &routes, &PLAIN);
    assert!(right >= 0.97, "{right:.4} right, {told:.4} told");
    assert!((right - told).abs() < 0.1, "{right:.4} right, {told:.4} told");
}

#[test]
fn noise_and_gaps_cost_little() {
    let (matcher, routes) = (ne_india(), routes(&BuiltinRouter::ne_india(), 10));
    for (noise_m, every_s, lost, wild, least) in [
        (5.0, 30, 0.0, 0.0, 0.99),
        (5.0, 5, 0.1, 0.02, 0.99),
        (10.0, 30, 0.05, 0.02, 0.99),
        (20.0, 1, 0.05, 0.01, 0.97),
        (20.0, 60, 0.2, 0.02, 0.97),
        (50.0, 30, 0.05, 0.02, 0.97),
    ] {
        let making = Making { noise_m, every_s, lost, wild, ..PLAIN };
        let short = |route: &&Arc<Route>| route.length_m < 80e3 || every_s >= 30;
        let routes: Vec<_> = routes.iter().filter(short).cloned().collect();
        let (right, told) = score(&matcher, &routes, &making);
        assert!(right >= least, "{making:?}: {right:.4} right, {told:.4} told");
    }
}

/// Streets every 150 m, every third of them one-way.
fn city(side: u32) -> BuiltinRouter {
    let mut city = NetworkBuilder::new("city");
    let mut nodes = Vec::new();
    for y in 0..side {
        for x in 0..side {
            let position = Position {
                lat: 26.0 + f64::from(y) * 0.001_354,
                lon: 92.0 + f64::from(x) * 0.001_498,
            };
            nodes.push(city.add_node(Node::junction(format!("{x}.{y}"), position)));
        }
    }
    let node = |x: u32, y: u32| nodes[(y * side + x) as usize];
    for y in 0..side {
        for x in 0..side {
            let one_way = |street: u32| match street % 3 {
                1 => Direction::ForwardOnly,
                _ => Direction::Both,
            };
            if x + 1 < side {
                let street = Segment::between(format!("e{x}.{y}"), node(x, y), node(x + 1, y));
                city.add_segment(Segment { direction: one_way(y), ..street });
            }
            if y + 1 < side {
                let street = Segment::between(format!("n{x}.{y}"), node(x, y), node(x, y + 1));
                city.add_segment(Segment { direction: one_way(x), ..street });
            }
        }
    }
    BuiltinRouter::new(city.build().unwrap().into())
}

#[test]
fn a_city_of_small_blocks_is_matched_if_fixes_are_close() {
    let router = city(30);
    let matcher = Matcher::new(Arc::clone(router.network()), Settings::default()).unwrap();
    let random = Stream::new(3, "city", "matching");
    let draw = |ix| NodeIx(u32::try_from(random.below(ix, 900)).unwrap());
    let routes: Vec<_> = (0..40)
        .filter_map(|ix| router.route_nodes(draw(2 * ix), draw(2 * ix + 1)).ok())
        .filter(|route| route.length_m > 1_000.0)
        .collect();
    for (noise_m, every_s, least) in [(5.0, 5, 0.99), (10.0, 5, 0.98), (20.0, 5, 0.95)] {
        let making = Making { noise_m, every_s, lost: 0.0, wild: 0.0, speed_kmh: 30.0 };
        let (right, told) = score(&matcher, &routes, &making);
        assert!(right >= least, "{making:?}: {right:.4} right, {told:.4} told");
    }
}
