//! Each question once to the real server on the bundled network, and what it refuses.

use fleet_core::{
    ErrorKind,
    geo::{Position, flat_distance_m, great_circle_m, polyline},
    route::{
        BuiltinRouter, Ferries, Network,
        osrm::{
            Bearing, Fault, Fix, Geometry, MatchQuery, OsrmClient, OsrmSettings, RouteQuery,
            TableQuery, Waypoint,
        },
    },
    testkit,
};

use crate::{client, own, shared, town};

fn between(from: &str, to: &str) -> RouteQuery {
    RouteQuery::between(town(from), town(to))
}

async fn fault(client: &OsrmClient, query: &RouteQuery) -> (ErrorKind, Fault) {
    let error = client.route(query).await.expect_err("no route");
    (error.kind(), Fault::of(&error).expect("OSRM said so").clone())
}

#[tokio::test]
async fn published_routes_are_as_long_as_the_built_in_router_has_them() {
    let Some(osrm) = shared() else { return };
    let (router, network) = (BuiltinRouter::ne_india(), Network::ne_india());
    for reference in network.reference_routes() {
        let ours = router.route_nodes(reference.from, reference.to).unwrap();
        let place = |ix| network.node_at(ix).position;
        let query = RouteQuery::between(place(reference.from), place(reference.to));
        let theirs = osrm.route(&query).await.unwrap().routes.remove(0);
        let (off_m, off_s) =
            (theirs.distance_m - ours.length_m, theirs.duration_s - ours.duration_s);
        assert!(off_m.abs() < 5e-4 * ours.length_m, "{reference:?}: {off_m} m");
        assert!(off_s.abs() < 0.015 * ours.duration_s, "{reference:?}: {off_s} s");
    }
}

#[tokio::test]
async fn every_town_lies_where_the_network_has_it() {
    let Some(osrm) = shared() else { return };
    for node in Network::ne_india().nodes() {
        let found = osrm.nearest(node.position.into(), 1).await.unwrap();
        assert!(found[0].snapped_m < 1.0, "{}: {found:?}", node.id);
        assert!(flat_distance_m(found[0].position, node.position) < 1.0, "{}", node.id);
    }
    let several = osrm.nearest(town("guwahati").into(), 4).await.unwrap();
    assert!(several.len() > 1 && several.is_sorted_by(|a, b| a.snapped_m <= b.snapped_m));
}

#[tokio::test]
async fn lines_come_in_both_precisions_and_annotations_follow_their_edges() {
    let Some(osrm) = shared() else { return };
    let mut lengths = Vec::new();
    for geometry in [Geometry::Polyline, Geometry::Polyline6] {
        let query = RouteQuery { geometry, annotations: true, ..between("guwahati", "shillong") };
        let answer = osrm.route(&query).await.unwrap();
        assert!(answer.data_version.is_some(), "the script names it");
        let way = &answer.routes[0];
        let drawn_m: f64 = way.line.windows(2).map(|e| flat_distance_m(e[0], e[1])).sum();
        lengths.push((drawn_m - way.distance_m).abs());
        let annotation = way.legs[0].annotation.as_ref().unwrap();
        assert_eq!(annotation.nodes.len(), way.line.len(), "a node for each point");
        let sum_m: f64 = annotation.distance_m.iter().sum();
        let sum_s: f64 = annotation.duration_s.iter().sum();
        assert!((sum_m - way.distance_m).abs() < 1.0, "{sum_m}");
        assert!(sum_s <= way.duration_s + 0.1, "turns cost something: {sum_s}");
        // The first edge may be one that ends in the town, with no length.
        let node = |id: &str| Network::ne_india().node(id).unwrap().index() as u64 + 1;
        assert!(annotation.nodes[..2].contains(&node("guwahati")), "towns are OSM nodes");
        assert!(annotation.nodes.contains(&node("nongpoh")));
    }
    assert!(lengths[0] < 300.0 && lengths[1] < 5.0, "{lengths:?} m off");
}

#[tokio::test]
async fn radii_bearings_and_alternatives_do_what_they_say() {
    let Some(osrm) = shared() else { return };
    // A kilometre beside the road: found within the radius, not within a smaller one.
    let network = Network::ne_india();
    let segment = network.segment_indices().next().unwrap();
    let line = network.line(segment);
    let beside = Position { lat: line[8].lat + 0.02, ..line[8] };
    let near = osrm.nearest(beside.into(), 1).await.unwrap().remove(0);
    assert!((50.0..5_000.0).contains(&near.snapped_m), "{near:?}");
    let tight = Waypoint { radius_m: Some(near.snapped_m / 2.0), ..beside.into() };
    let query = RouteQuery {
        waypoints: vec![town("guwahati").into(), tight],
        ..between("guwahati", "shillong")
    };
    let expected = (ErrorKind::NotFound, Fault::NoSegment { point: Some(1) });
    assert_eq!(fault(&osrm, &query).await, expected);
    // Half way along an edge the road runs in two directions, and in no other.
    let middle = line[8].lerp(line[9], 0.5);
    #[expect(clippy::cast_sign_loss, reason = "headings are 0 to 360")]
    let along = fleet_core::geo::heading_deg(line[8], line[9]) as u16;
    for (degrees, is_there) in
        [(along, true), ((along + 180) % 360, true), ((along + 90) % 360, false)]
    {
        let bearing = Some(Bearing { degrees, range: 20 });
        let place = Waypoint { radius_m: Some(20.0), bearing, ..middle.into() };
        assert_eq!(osrm.nearest(place, 1).await.is_ok(), is_there, "{degrees} of {along}");
    }
    let query = RouteQuery { alternatives: 2, ..between("guwahati", "tezpur") };
    let routes = osrm.route(&query).await.unwrap().routes;
    assert!(routes.len() > 1, "there is another way to Tezpur");
    assert!(routes[0].duration_s <= routes[1].duration_s);
}

#[tokio::test]
async fn ferries_are_left_out_unless_allowed() {
    let Some(url) = testkit::server("osrm") else { return };
    let dry = client(OsrmSettings::new(&url));
    let wet = client(OsrmSettings { ferries: Ferries::Allowed, ..OsrmSettings::new(&url) });
    let query = between("dhubri", "phulbari");
    let (around, across) = (dry.route(&query).await.unwrap(), wet.route(&query).await.unwrap());
    let (around_m, across_m) = (around.routes[0].distance_m, across.routes[0].distance_m);
    assert!(around_m > 5.0 * across_m, "{around_m} m, {across_m} m");
}

#[tokio::test]
async fn a_table_is_what_single_routes_are() {
    let Some(osrm) = shared() else { return };
    let places = ["guwahati", "shillong", "silchar", "tezpur", "dimapur"].map(town);
    let query = TableQuery {
        waypoints: places.map(Waypoint::from).to_vec(),
        sources: vec![0, 2],
        destinations: vec![],
    };
    let table = osrm.table(&query).await.unwrap();
    assert_eq!((table.durations_s.len(), table.durations_s[0].len()), (2, 5));
    for (row, source) in [0, 2].into_iter().enumerate() {
        for (column, place) in places.into_iter().enumerate() {
            let single = osrm.route(&RouteQuery::between(places[source], place)).await.unwrap();
            let (way, near) = (&single.routes[0], |a: f64, b: f64| (a - b).abs() < 0.11);
            let cell = (table.distances_m[row][column], table.durations_s[row][column]);
            let (distance_m, duration_s) = (cell.0.unwrap(), cell.1.unwrap());
            assert!(near(distance_m, way.distance_m), "{source} to {column}: {distance_m}");
            assert!(near(duration_s, way.duration_s), "{source} to {column}: {duration_s}");
        }
    }
}

#[tokio::test]
async fn a_noisy_trace_is_put_back_on_its_road() {
    let Some(osrm) = shared() else { return };
    let router = BuiltinRouter::ne_india();
    let node = |id| router.network().node(id).unwrap();
    let route = router.route_nodes(node("guwahati"), node("nongpoh")).unwrap();
    let noise = fleet_core::random::Stream::new(1, "trace", "noise");
    let fixes: Vec<Fix> = (0..60_u32)
        .map(|n| {
            let at_m = f64::from(n) * 500.0;
            let (place, _) = route.position_at(at_m, route.piece_at(at_m, 0));
            let position = fleet_core::geo::destination(
                place,
                360.0 * noise.uniform(u64::from(2 * n)),
                9.0 * noise.normal(u64::from(2 * n + 1)).abs(),
            );
            Fix { position, accuracy_m: 15.0, at_s: Some(u64::from(n) * 40) }
        })
        .collect();
    let query = MatchQuery { fixes, geometry: Geometry::Polyline6, annotations: false };
    let matched = osrm.matching(&query).await.unwrap();
    let sum_m: f64 = matched.matchings.iter().map(|part| part.way.distance_m).sum();
    assert!((sum_m / 29_500.0 - 1.0).abs() < 0.01, "{sum_m} m of 29.5 km");
    assert!(matched.fixes.iter().flatten().all(|fix| fix.snapped.snapped_m < 40.0));
    let line = &matched.matchings[0].way.line;
    assert!(polyline::encode(line, 6).len() > 100, "its line came along");
}

#[tokio::test]
async fn a_place_far_from_any_road_is_not_moved_to_one() {
    let Some(osrm) = shared() else { return };
    let frankfurt = Position { lat: 50.1, lon: 8.7 };
    let query = RouteQuery::between(town("guwahati"), frankfurt);
    let expected = (ErrorKind::NotFound, Fault::NoSegment { point: Some(1) });
    assert_eq!(fault(&osrm, &query).await, expected);
    let swapped = Position { lat: 91.745_8, lon: 26.184_4 };
    let error = osrm.nearest(swapped.into(), 1).await.expect_err("no latitude");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

#[tokio::test]
async fn too_much_at_once_is_told_so() {
    let Some(osrm) = shared() else { return };
    let many = |count| vec![Waypoint::from(town("guwahati")); count];
    for (count, said) in [(501, "OSRM"), (1_600, "bytes")] {
        let query = RouteQuery { waypoints: many(count), ..between("guwahati", "shillong") };
        let (kind, fault) = fault(&osrm, &query).await;
        assert!(matches!(fault, Fault::TooBig(_)), "{count} ({said}): {fault:?}");
        assert_eq!(kind, ErrorKind::Invalid);
    }
    let table = TableQuery { waypoints: many(101), sources: vec![], destinations: vec![] };
    let error = osrm.table(&table).await.expect_err("101 places");
    assert!(matches!(Fault::of(&error), Some(Fault::TooBig(_))), "{error}");
}

#[tokio::test]
async fn a_wrong_address_is_a_matter_of_settings() {
    let Some(url) = testkit::server("osrm") else { return };
    let astray = client(OsrmSettings::new(format!("{url}/prefix")));
    let (kind, fault) = fault(&astray, &between("guwahati", "shillong")).await;
    assert!(matches!(fault, Fault::WrongUrl(_)), "{fault:?}");
    assert_eq!(kind, ErrorKind::Invalid);
    let other = OsrmSettings { data_version: Some("v0".into()), ..OsrmSettings::new(url) };
    let error = client(other).route(&between("guwahati", "shillong")).await;
    assert_eq!(error.expect_err("other data").kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn the_513th_question_on_a_connection_is_answered_too() {
    let Some(url) = testkit::server("osrm") else { return };
    let narrow = client(OsrmSettings { concurrent_max: 1, ..OsrmSettings::new(url) });
    for number in 1..=1_100 {
        let outcome = narrow.nearest(town("tezpur").into(), 1).await;
        assert!(outcome.is_ok(), "question {number}: {outcome:?}");
    }
    let stats = narrow.stats();
    assert_eq!((stats.outcomes.len(), stats.outcomes["ok"]), (1, 1_100));
}

/// Two roads that never meet.
const ISLANDS: &str = r#"<?xml version="1.0"?><osm version="0.6">
<node id="1" version="1" lat="26.0" lon="91.0"/><node id="2" version="1" lat="26.1" lon="91.0"/>
<node id="3" version="1" lat="26.0" lon="92.0"/><node id="4" version="1" lat="26.1" lon="92.0"/>
<way id="1" version="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/></way>
<way id="2" version="1"><nd ref="3"/><nd ref="4"/><tag k="highway" v="primary"/></way></osm>"#;

#[tokio::test]
async fn islands_have_no_route_and_no_cell_between_them() {
    let folder = tempfile::tempdir().unwrap();
    let extract = folder.path().join("islands.osm");
    std::fs::write(&extract, ISLANDS).unwrap();
    let Some(server) = own(&extract) else { return };
    let osrm = client(OsrmSettings::new(server.url()));
    let ends = [(26.0, 91.0), (26.1, 91.0), (26.0, 92.0)].map(|(lat, lon)| Position { lat, lon });
    let there = osrm.route(&RouteQuery::between(ends[0], ends[1])).await.unwrap();
    let straight_m = great_circle_m(ends[0], ends[1]);
    assert!((there.routes[0].distance_m / straight_m - 1.0).abs() < 0.005);
    let query = RouteQuery::between(ends[0], ends[2]);
    assert_eq!(fault(&osrm, &query).await, (ErrorKind::NotFound, Fault::NoRoute));
    let waypoints = ends.map(Waypoint::from).to_vec();
    let table = TableQuery { waypoints, sources: vec![0], destinations: vec![] };
    let durations = &osrm.table(&table).await.unwrap().durations_s[0];
    assert!(durations[1].is_some() && durations[2].is_none(), "{durations:?}");
    // Data of another region: its towns are nowhere.
    let error = osrm.route(&between("kohima", "imphal")).await.expect_err("not on these islands");
    assert_eq!(Fault::of(&error), Some(&Fault::NoSegment { point: Some(0) }));
}
