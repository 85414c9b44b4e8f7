//! Lines laid upon the bundled roads.

use super::*;
use crate::{
    geo::great_circle_m,
    random::Stream,
    route::{BuiltinRouter, Plan},
};

fn router() -> BuiltinRouter {
    BuiltinRouter::ne_india().with_ferries(Ferries::Allowed)
}

/// Towns drawn from `stream`.
fn town(network: &Network, stream: Stream, draw: u64) -> NodeIx {
    let count = u64::try_from(network.nodes().len()).expect("a few");
    NodeIx(u32::try_from(stream.below(draw, count)).expect("a few"))
}

#[test]
fn a_line_along_roads_is_those_roads_to_the_bit() {
    let (router, stream) = (router(), Stream::new(1, "lines", "lay"));
    for draw in 0..60 {
        let (from, to) = (
            town(router.network(), stream, 2 * draw),
            town(router.network(), stream, 2 * draw + 1),
        );
        let route = router.route_nodes(from, to).expect("all are connected");
        let laid = Plan::of(&route, "builtin").route(router.network()).expect("a good plan");
        assert!(laid == *route, "{from:?} to {to:?}");
    }
}

#[test]
fn a_line_between_places_beside_nodes_is_as_long_on_the_same_roads() {
    let (router, stream) = (router(), Stream::new(2, "lines", "lay"));
    let network = router.network();
    let place = |draw: u64| {
        let count = u64::try_from(network.segments().len()).expect("a few");
        let ix = SegmentIx(u32::try_from(stream.below(2 * draw, count)).expect("a few"));
        let at_m = network.segments()[ix.index()].length_m * stream.uniform(2 * draw + 1);
        network.shape(ix).place(at_m).0
    };
    for draw in 0..60 {
        let (from, to) = (place(2 * draw), place(2 * draw + 1));
        let route = router.route_between(from, to).expect("all are connected");
        let laid = Plan::of(&route, "builtin").route(network).expect("a good plan");
        assert!((laid.length_m - route.length_m).abs() < 1.0, "{from:?} to {to:?}");
        let same = laid.pieces.iter().map(|piece| piece.segment);
        assert!(same.eq(route.pieces.iter().map(|piece| piece.segment)), "{from:?} to {to:?}");
        assert_eq!(
            (laid.towns.len(), laid.stations.len()),
            (route.towns.len(), route.stations.len())
        );
    }
}

/// A line of `count` edges from one place straight to another.
fn straight(from: Position, to: Position, count: u32) -> Vec<Position> {
    (0..=count).map(|n| from.lerp(to, f64::from(n) / f64::from(count))).collect()
}

fn assert_whole(route: &Route) {
    let (mut at_m, mut place) = (0.0, route.from.position);
    for piece in &route.pieces {
        assert!((piece.start_m - at_m).abs() < 1e-9 && piece.length_m > 0.0, "{piece:?}");
        assert!(flat_distance_m(place, piece.from) < 1.0, "a gap at {at_m} m");
        assert!(piece.grade.abs() <= 0.09, "{piece:?}");
        (at_m, place) = (piece.end_m(), piece.to);
    }
    assert!((at_m - route.length_m).abs() < 1e-9);
    assert!(flat_distance_m(place, route.to.position) < 1.0);
    for stops in [&route.stations, &route.rest_areas, &route.tolls] {
        assert!(stops.is_sorted_by(|a, b| a.at_m <= b.at_m));
        assert!(stops.iter().all(|stop| (0.0..=route.length_m).contains(&stop.at_m)));
    }
}

#[test]
fn a_line_beside_all_roads_is_driven_as_the_plan_says() {
    let network = Network::ne_india();
    let place = |id: &str| network.node_at(network.node(id).expect("a town")).position;
    let (from, to) = (place("guwahati"), place("shillong"));
    let line = straight(from, to, 300);
    let laid = route(network, &line, &[33.0; 300], (0.0, 0.0), 7_000.0);
    assert_whole(&laid);
    assert!((laid.length_m / great_circle_m(from, to) - 1.0).abs() < 0.005);
    let open: Vec<Piece> =
        laid.pieces.iter().filter(|piece| piece.segment == SegmentIx::UNKNOWN).collect();
    assert!(open.len() > 200, "it crosses roads, and follows none");
    assert!(open.iter().all(|piece| (piece.truck_speed_kmh - 33.0).abs() < 1e-9));
    let states: Vec<&str> =
        open.iter().map(|piece| &*network.states()[piece.state.index()].code).collect();
    assert_eq!((states.first(), states.last()), (Some(&"AS"), Some(&"ML")));
    let (low_m, high_m) = (laid.from.altitude_m, laid.to.altitude_m);
    assert!(low_m < 100.0 && high_m > 1_300.0, "{low_m} to {high_m} m");
    for stop in &laid.stations {
        let station = network.fuel_stations()[stop.index].site.position;
        let beside = line.iter().map(|point| flat_distance_m(*point, station));
        assert!(beside.fold(f64::INFINITY, f64::min) <= BESIDE_M);
    }
    assert!(!laid.stations.is_empty() && laid.tolls.is_empty());
}

#[test]
fn a_line_that_leaves_the_roads_and_comes_back_is_whole() {
    let router = router();
    let network = router.network();
    let node = |id: &str| network.node(id).expect("a town");
    let there = router.route_nodes(node("guwahati"), node("nongpoh")).expect("connected");
    let back = router.route_nodes(node("shillong"), node("jowai")).expect("connected");
    let (end, start) = (there.to.position, back.from.position);
    let mut line = there.line();
    line.extend(&straight(end, start, 50)[1..]);
    line.extend(&back.line()[1..]);
    let speeds = vec![30.0; line.len() - 1];
    let laid = route(network, &line, &speeds, (0.0, 0.0), 10_000.0);
    assert_whole(&laid);
    assert_eq!((laid.from.node, laid.to.node), (Some(node("guwahati")), Some(node("jowai"))));
    assert_eq!(laid.pieces.first(), there.pieces.first());
    let last = laid.pieces.last().expect("some");
    assert_eq!(last.to_altitude_m.to_bits(), back.to.altitude_m.to_bits());
    let towns: Vec<NodeIx> = laid.towns.iter().map(|(node, _)| *node).collect();
    for id in ["guwahati", "nongpoh", "shillong", "jowai"] {
        let count = towns.iter().filter(|town| **town == node(id)).count();
        assert_eq!(count, 1, "{id} in {towns:?}");
    }
}

#[test]
fn a_line_of_no_length_is_a_place() {
    let network = Network::ne_india();
    let node = network.node("tezpur").expect("a town");
    let at = network.node_at(node).position;
    let laid = route(network, &[at, at], &[1.0], (3.0, 4.0), 0.0);
    assert!(laid.pieces.is_empty() && laid.length_m.abs() < 1e-9);
    assert_eq!((laid.from.node, laid.to.node), (Some(node), Some(node)));
    assert_eq!(laid.towns, [(node, 0.0)]);
}
