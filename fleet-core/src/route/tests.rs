//! Routes agree with published distances, with a naive search, and with themselves.

#![expect(clippy::float_cmp, reason = "lengths lie on a grid where sums are exact")]

use proptest::prelude::*;

use super::*;
use crate::{ErrorKind, geo};

fn router() -> BuiltinRouter {
    BuiltinRouter::ne_india()
}

/// What must hold of every route.
#[track_caller]
fn check(route: &Route) {
    let mut at_m = 0.0;
    let mut place = (route.from.position, route.from.altitude_m);
    for piece in &route.pieces {
        assert_eq!(piece.start_m, at_m, "pieces join");
        assert!(piece.length_m > 0.0 && piece.grade.abs() <= 0.095, "{piece:?}");
        assert!(geo::flat_distance_m(place.0, piece.from) < 0.2, "{place:?} {piece:?}");
        assert!((place.1 - piece.from_altitude_m).abs() < 0.1, "{place:?} {piece:?}");
        assert!((0.0..360.0).contains(&piece.heading_deg));
        let rise_m = piece.to_altitude_m - piece.from_altitude_m;
        assert!((rise_m - piece.grade * piece.length_m).abs() < 0.1);
        assert!(piece.zones.is_sorted());
        (at_m, place) = (piece.end_m(), (piece.to, piece.to_altitude_m));
    }
    assert_eq!(at_m, route.length_m, "pieces add up");
    assert!(geo::flat_distance_m(place.0, route.to.position) < 0.2);
    let straight_m = geo::great_circle_m(route.from.position, route.to.position);
    assert!(route.length_m >= straight_m * 0.995, "{} < {straight_m}", route.length_m);
    let drawn_m: f64 = route.pieces.iter().map(|p| geo::flat_distance_m(p.from, p.to)).sum();
    assert!((drawn_m - route.length_m).abs() <= 1e-4 * route.length_m + 0.5, "{drawn_m}");
    for stops in [&route.stations, &route.rest_areas, &route.tolls] {
        assert!(stops.is_sorted_by(|a, b| a.at_m <= b.at_m));
        assert!(stops.iter().all(|stop| (0.0..=route.length_m).contains(&stop.at_m)));
    }
    assert!(route.towns.is_sorted_by(|a, b| a.1 < b.1));
    let free_flow_s: f64 = route.pieces.iter().map(|p| p.length_m * 3.6 / p.truck_speed_kmh).sum();
    assert!((free_flow_s - route.duration_s).abs() < 1e-3, "{free_flow_s}");
}

#[test]
fn published_distances_come_out() {
    let router = router();
    for reference in router.network().reference_routes() {
        let route = router.route_nodes(reference.from, reference.to).unwrap();
        check(&route);
        let km = route.length_m / 1_000.0;
        let off_pct = (km - reference.published_km).abs() / reference.published_km * 100.0;
        assert!(off_pct <= reference.tolerance_pct, "{reference:?}: {km}");
        assert!((km - reference.network_km).abs() < 0.06, "{reference:?}: {km}");
    }
}

/// Bellman and Ford: relax every road until nothing changes. Too simple to be wrong.
fn naive_hours(network: &Network, from: NodeIx) -> Vec<f64> {
    let mut hours = vec![f64::INFINITY; network.nodes().len()];
    hours[from.index()] = 0.0;
    loop {
        let mut changed = false;
        for segment in network.segments().iter().filter(|segment| !segment.ferry) {
            let cost = segment.length_m / 1_000.0 / segment.truck_speed_kmh;
            for (a, b) in [(segment.from, segment.to), (segment.to, segment.from)] {
                if hours[a.index()] + cost < hours[b.index()] {
                    hours[b.index()] = hours[a.index()] + cost;
                    changed = true;
                }
            }
        }
        if !changed {
            return hours;
        }
    }
}

#[test]
fn no_way_is_faster_than_the_one_found() {
    let router = router().with_cache(0);
    let network = router.network();
    for from in network.node_indices().step_by(29) {
        let naive = naive_hours(network, from);
        for to in network.node_indices().step_by(7) {
            let route = router.route_nodes(from, to).unwrap();
            check(&route);
            let hours = route.duration_s / 3_600.0;
            assert!((hours - naive[to.index()]).abs() < 1e-6, "{from:?} {to:?}: {hours}");
        }
    }
}

#[test]
fn there_and_back_take_the_same_road() {
    let router = router();
    for from in router.network().node_indices().step_by(13) {
        for to in router.network().node_indices().step_by(17) {
            let there = router.route_nodes(from, to).unwrap();
            let back = router.route_nodes(to, from).unwrap();
            assert_eq!(there.length_m, back.length_m);
            assert_eq!(there.duration_s, back.duration_s);
            assert_eq!(there.stations.len(), back.stations.len());
            let reversed: Vec<_> = back.line().into_iter().rev().collect();
            assert_eq!(there.line(), reversed);
        }
    }
}

#[test]
fn ferries_are_left_out_unless_asked_for() {
    let node = |id| router().network().node(id).unwrap();
    let (dhubri, phulbari) = (node("dhubri"), node("phulbari"));
    let road = router().route_nodes(dhubri, phulbari).unwrap();
    assert!(road.length_m > 300_000.0 && road.pieces.iter().all(|piece| !piece.ferry));
    let boats = router().with_ferries(Ferries::Allowed);
    let boat = boats.route_nodes(dhubri, phulbari).unwrap();
    assert_eq!(boat.length_m, 22_000.0);
    assert!(boat.pieces.iter().all(|piece| piece.ferry));
    check(&boat);
}

#[test]
fn what_is_far_from_any_road_is_not_found_and_told_how_far() {
    let guwahati = Position { lat: 26.1844, lon: 91.7458 };
    let berlin = Position { lat: 52.5, lon: 13.4 };
    let error = router().route_between(guwahati, berlin).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().starts_with("to: the nearest road is"), "{error}");
    let nowhere = Position { lat: f64::NAN, lon: 0.0 };
    let error = router().route_between(nowhere, guwahati).unwrap_err();
    assert_eq!((error.kind(), &error.to_string()[..4]), (ErrorKind::Invalid, "from"));
    let error = router().route_nodes(NodeIx(999), NodeIx(0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn between_positions_of_towns_it_is_the_route_of_the_towns() {
    let router = router();
    let node = |id| router.network().node(id).unwrap();
    let (from, to) = (node("tezpur"), node("aizawl"));
    let [a, b] = [from, to].map(|ix| router.network().node_at(ix).position);
    assert_eq!(router.route_between(a, b).unwrap(), router.route_nodes(from, to).unwrap());
    let here = router.route_between(a, a).unwrap();
    assert_eq!((here.length_m, here.pieces.len(), here.line().len()), (0.0, 0, 2));
    assert_eq!(here.position_at(0.0, here.piece_at(0.0, 0)), (a, here.from.altitude_m));
}

#[test]
fn the_cache_forgets_what_was_used_longest_ago_unless_somebody_holds_it() {
    let router = router().with_cache(2);
    let find = |to| router.route_nodes(NodeIx(0), NodeIx(to)).unwrap();
    let (first, second) = (find(1), Arc::downgrade(&find(2)));
    find(1);
    assert_eq!(second.strong_count(), 1, "kept");
    find(3); // forgets 2, which was used longest ago
    assert_eq!(second.strong_count(), 0, "forgotten");
    let others: Vec<_> = (4..40).map(find).collect();
    assert!(Arc::ptr_eq(&first, &find(1)), "held by us, and so not made twice");
    assert!((4..40).zip(&others).all(|(to, route)| Arc::ptr_eq(route, &find(to))));
    assert_eq!(*first, *router.clone().with_cache(0).route_nodes(NodeIx(0), NodeIx(1)).unwrap());
}

#[test]
fn curves_never_slow_a_laden_truck_below_its_free_flow() {
    let network = Network::ne_india();
    for piece in network.segment_indices().flat_map(|ix| network.shape(ix).pieces.to_vec()) {
        let speed_mps = piece.truck_speed_kmh / 3.6;
        assert!(speed_mps * speed_mps * piece.curvature_1pm <= 1.2 + 1e-9, "{piece:?}");
    }
}

#[test]
fn guwahati_is_slow_and_foggy_where_the_map_says_so() {
    let router = router();
    let node = |id| router.network().node(id).unwrap();
    let route = router.route_nodes(node("guwahati"), node("shillong")).unwrap();
    let kinds = |s_m: f64| -> Vec<ZoneKind> {
        let piece = route.pieces.get(route.piece_at(s_m, 0)).unwrap();
        piece.zones.iter().map(|ix| router.network().zones()[ix.index()].kind()).collect()
    };
    assert_eq!(kinds(0.0), [ZoneKind::Urban]);
    assert!(kinds(99_000.0).contains(&ZoneKind::Urban) && kinds(99_000.0).contains(&ZoneKind::Fog));
    let states = [0.0, 99_000.0].map(|s_m| route.pieces.get(route.piece_at(s_m, 0)).unwrap().state);
    let codes = states.map(|ix| &router.network().states()[ix.index()].code);
    assert_eq!(codes, ["AS", "ML"]);
    let towns: Vec<_> =
        route.towns.iter().map(|(ix, _)| &*router.network().node_at(*ix).id).collect();
    assert_eq!((towns[0], towns[towns.len() - 1]), ("guwahati", "shillong"));
}

proptest! {
    #[test]
    fn the_cursor_finds_what_a_search_finds(
        from in 0_u32..210, to in 0_u32..210, shares in prop::collection::vec(0.0..1.05, 1..40),
    ) {
        let route = router().route_nodes(NodeIx(from), NodeIx(to)).unwrap();
        let mut hint = 0;
        for share in shares {
            let s_m = share * route.length_m;
            hint = route.piece_at(s_m, hint);
            let naive = route.pieces.iter().rposition(|piece| piece.start_m <= s_m).unwrap_or(0);
            prop_assert_eq!(hint, naive);
            let (position, altitude_m) = route.position_at(s_m, hint);
            prop_assert!(position.lat.is_finite() && (0.0..=4_500.0).contains(&altitude_m));
        }
    }

    #[test]
    fn ends_are_snapped_to_the_nearest_road(
        ends in prop::collection::vec(
            (0_u32..246, any::<prop::sample::Index>(), 0.0..360.0, 0.0..4_000.0), 2,
        ),
    ) {
        let router = router();
        let points: Vec<_> = ends.into_iter().map(|(road, knot, heading, metres)| {
            let line = router.network().line(SegmentIx(road));
            geo::destination(line[knot.index(line.len())], heading, metres)
        }).collect();
        if let Ok(route) = router.route_between(points[0], points[1]) {
            check(&route);
            for (end, asked) in [(route.from, points[0]), (route.to, points[1])] {
                let off_m = geo::flat_distance_m(end.position, asked);
                prop_assert!((off_m - end.snapped_m).abs() < 0.5, "{off_m} {end:?}");
                let network = router.network();
                let roads = network.segment_indices().zip(network.segments());
                let points = roads.filter(|(_, s)| !s.ferry).flat_map(|(ix, _)| network.line(ix));
                let nearest_m = points.map(|p| geo::flat_distance_m(p, asked)).fold(1e9, f64::min);
                prop_assert!(end.snapped_m <= nearest_m + 0.5, "{} {nearest_m}", end.snapped_m);
            }
        }
    }

    #[test]
    fn a_route_between_places_of_a_route_is_no_slower(
        from in 0_u32..210, to in 0_u32..210, a in 0.0..1.0, b in 0.0..1.0,
    ) {
        let whole = router().route_nodes(NodeIx(from), NodeIx(to)).unwrap();
        let (a, b) = (f64::min(a, b) * whole.length_m, f64::max(a, b) * whole.length_m);
        let place = |s_m| whole.position_at(s_m, whole.piece_at(s_m, 0)).0;
        let part = router().route_between(place(a), place(b)).unwrap();
        check(&part);
        prop_assert!(part.from.snapped_m < 0.1 && part.to.snapped_m < 0.1);
        // Lines of two roads may cross, where a point belongs to either.
        prop_assert!(part.duration_s <= whole.duration_s + 3_600.0);
    }
}

#[test]
fn a_route_survives_being_stored() {
    let route = router().route_nodes(NodeIx(3), NodeIx(40)).unwrap();
    let text = serde_json::to_string(&*route).unwrap();
    assert_eq!(*route, serde_json::from_str::<Route>(&text).unwrap());
    assert_eq!(geo::polyline::decode(&route.polyline6(), 6).unwrap().len(), route.line().len());
    assert_eq!(route.geojson_line()[0], [route.from.position.lon, route.from.position.lat]);
}

/// FNV-1a over every number of every third route there and back, ferries left out and allowed.
fn digest_of_routes(router: &BuiltinRouter) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    let mut add = |number: u64| {
        for byte in number.to_le_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    };
    for from in router.network().node_indices().step_by(11) {
        for to in router.network().node_indices().step_by(3) {
            let route = router.route_nodes(from, to).unwrap();
            for piece in &route.pieces {
                let ends = [piece.from.lat, piece.from.lon, piece.to.lat, piece.to.lon];
                let line = [piece.start_m, piece.length_m, piece.heading_deg, piece.grade];
                let height = [piece.from_altitude_m, piece.to_altitude_m, piece.curvature_1pm];
                [&ends[..], &line, &height].concat().iter().for_each(|x| add(x.to_bits()));
                add(piece.segment.index() as u64);
                piece.zones.iter().for_each(|zone| add(zone.index() as u64));
            }
            for stops in [&route.stations, &route.rest_areas, &route.tolls] {
                stops.iter().for_each(|stop| add(stop.index as u64 ^ stop.at_m.to_bits()));
            }
            route.towns.iter().for_each(|(node, at_m)| add(node.index() as u64 ^ at_m.to_bits()));
            [route.length_m, route.duration_s].iter().for_each(|x| add(x.to_bits()));
        }
    }
    hash
}

/// What trucks did on version 1 of the bundled roads, to the last bit: another digest is another
/// world, and needs another `World::VERSION` in the simulator.
#[test]
fn bundled_routes_have_the_bits_they_always_had() {
    let by_road = digest_of_routes(&router().with_cache(0));
    let by_boat = digest_of_routes(&router().with_cache(0).with_ferries(Ferries::Allowed));
    assert_eq!(
        (by_road, by_boat),
        (0xe926_f725_b25e_4081, 0x555f_214d_c9dd_d7eb),
        "{by_road:#x} {by_boat:#x}"
    );
}
