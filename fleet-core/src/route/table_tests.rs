//! Tables say what routes say, and alternatives keep their bounds.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    engine::{Engine, Finder},
    search_tests::{city, end},
    *,
};
use crate::ErrorKind;

#[test]
fn a_table_says_what_the_routes_say() {
    let router = BuiltinRouter::ne_india();
    let network = router.network();
    let places: Vec<_> = network.nodes().iter().step_by(9).map(|node| node.position).collect();
    let beside = |at: Position| Position { lat: at.lat + 0.011, lon: at.lon - 0.008 };
    let off_road = [beside(places[1]), beside(places[12])];
    let (from, to) = (&places[..9], [&places[9..], &off_road].concat());
    let table = router.table(from, &to).unwrap();
    assert_eq!((table.rows(), table.columns()), (from.len(), to.len()));
    for (row, a) in from.iter().enumerate() {
        for (column, b) in to.iter().enumerate() {
            let route = router.route_between(*a, *b).unwrap();
            let cell = (table.duration_s(row, column), table.distance_m(row, column));
            assert_eq!(cell, (Some(route.duration_s), Some(route.length_m)));
        }
    }
    assert_eq!((table.duration_s(9, 0), table.distance_m(0, to.len())), (None, None));
    let empty = router.table(&[], &to).unwrap();
    assert_eq!((empty.rows(), empty.columns()), (0, to.len()));
}

#[test]
fn a_bad_place_is_named_and_a_large_table_refused() {
    let router = BuiltinRouter::ne_india();
    let guwahati = Position { lat: 26.1844, lon: 91.7458 };
    let error = router.table(&[guwahati], &[guwahati, Position { lat: 10.0, lon: 60.0 }]);
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().starts_with("to[1]: "), "{error}");
    let many = vec![guwahati; 1_001];
    assert_eq!(router.table(&many, &many).unwrap_err().kind(), ErrorKind::Invalid);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn rows_are_the_same_by_either_search(
        city in city(),
        ends in prop::collection::vec(
            (any::<bool>(), any::<prop::sample::Index>(), 0.1..0.9), 2..6,
        ),
    ) {
        let network = city.build();
        let ends: Vec<_> = ends.into_iter().map(|(r, w, s)| end(&network, r, w, s)).collect();
        let engine = Engine::default();
        let finder = Finder { network: &network, engine: &engine, ferries: Ferries::Allowed, vehicle: VehicleSize::default() };
        let row = finder.row(ends[0], &ends[1..]);
        for (cell, target) in row.into_iter().zip(&ends[1..]) {
            let way = finder.way(ends[0], *target);
            prop_assert_eq!(cell.map(|cost| cost.time_us), way.map(|way| way.cost.time_us));
        }
    }
}

#[test]
fn alternatives_are_other_good_ways() {
    let router = BuiltinRouter::ne_india();
    let network = router.network();
    let wanted = Alternatives { at_most: 3, ..Alternatives::default() };
    let mut found = 0;
    for (from, to) in [
        ("guwahati", "tezpur"),
        ("siliguri", "imphal"),
        ("guwahati", "silchar"),
        ("dibrugarh", "agartala"),
        ("guwahati", "shillong"),
    ] {
        let [a, b] = [from, to].map(|id| network.node_at(network.node(id).unwrap()).position);
        let routes = router.alternatives(a, b, &wanted).unwrap();
        assert_eq!(routes[0], router.route_between(a, b).unwrap());
        assert!(routes.len() <= 4 && routes.is_sorted_by(|a, b| a.duration_s <= b.duration_s));
        let roads = |route: &Route| -> BTreeSet<_> {
            route.pieces.iter().map(|piece| piece.segment).collect()
        };
        for (ix, route) in routes.iter().enumerate().skip(1) {
            found += 1;
            assert!(route.duration_s <= 1.25 * routes[0].duration_s + 1e-3, "{from} to {to}");
            assert_eq!((route.from, route.to), (routes[0].from, routes[0].to));
            let towns: BTreeSet<_> = route.towns.iter().map(|town| town.0).collect();
            assert_eq!(towns.len(), route.towns.len(), "no place is passed twice");
            let better = roads(&routes[0]);
            let shared_m: f64 = route
                .pieces
                .iter()
                .filter(|piece| better.contains(&piece.segment))
                .map(|piece| piece.length_m)
                .sum();
            assert!(shared_m <= 0.75 * route.length_m + 1.0, "{from} to {to}, {ix}");
        }
    }
    assert!(found >= 3, "{found} alternatives in all");
    let a = network.nodes()[0].position;
    assert_eq!(router.alternatives(a, a, &wanted).unwrap().len(), 1, "nowhere has one way");
    let odd = Alternatives { stretch: 0.5, ..wanted };
    assert_eq!(router.alternatives(a, a, &odd).unwrap_err().kind(), ErrorKind::Invalid);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn alternatives_obey_the_rules_and_their_bounds(
        city in city(),
        ends in prop::collection::vec(
            (any::<bool>(), any::<prop::sample::Index>(), 0.1..0.9), 2,
        ),
    ) {
        let network = city.build();
        let ends: Vec<_> = ends.into_iter().map(|(r, w, s)| end(&network, r, w, s)).collect();
        let engine = Engine::default();
        let finder = Finder { network: &network, engine: &engine, ferries: Ferries::Allowed, vehicle: VehicleSize::default() };
        let wanted = Alternatives { at_most: 4, stretch: 1.5, overlap: 0.9 };
        let ways = finder.ways(ends[0], ends[1], &wanted);
        let fastest = finder.way(ends[0], ends[1]);
        prop_assert_eq!(ways.first(), fastest.as_ref());
        prop_assert!(ways.len() <= 5);
        for way in &ways {
            let edges: Vec<_> = way.spans.iter().map(ends::Span::edge).collect();
            prop_assert!(network.graph.may_drive(&edges, Ferries::Allowed) || network.restrictions().is_empty());
            prop_assert!(way.cost <= ways[0].cost.times(1.5));
        }
    }
}
