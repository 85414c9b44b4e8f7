//! Networks that are built keep their laws too, and follow their lines as they are drawn.

use super::*;
use crate::{
    ErrorKind,
    geo::flat_distance_m,
    route::{BuiltinRouter, Ferries},
};

fn at(lat: f64, lon: f64) -> Position {
    Position { lat, lon }
}

/// Three junctions in a row, some 1 km apart.
fn row() -> (NetworkBuilder, [NodeIx; 3]) {
    let mut builder = NetworkBuilder::new("row");
    let nodes = ["a", "b", "c"].map(|id| {
        let lon = [91.70, 91.71, 91.72][builder.nodes().len()];
        builder.add_node(Node { altitude_m: 55.0, ..Node::junction(id, at(26.2, lon)) })
    });
    (builder, nodes)
}

#[track_caller]
fn refusal(change: impl FnOnce(&mut NetworkBuilder, [NodeIx; 3])) -> String {
    let (mut builder, nodes) = row();
    change(&mut builder, nodes);
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    error.to_string()
}

#[test]
fn a_road_is_as_long_as_its_line_and_drawn_point_for_point() {
    let (mut builder, [a, b, c]) = row();
    let bend = at(26.21, 91.705);
    let via = [bend, bend, at(26.21, 91.706)].map(|position| Via { position, altitude_m: 80.0 });
    builder.add_segment(Segment { via: via.into(), ..Segment::between("bent", a, b) });
    builder.add_segment(Segment::between("straight", b, c));
    let router = BuiltinRouter::new(builder.build().unwrap().into());
    let route = router.route_nodes(a, c).unwrap();
    let line = [at(26.2, 91.70), bend, via[2].position, at(26.2, 91.71), at(26.2, 91.72)];
    assert_eq!(route.line(), line, "coinciding points are one");
    let drawn_m: f64 = line.windows(2).map(|leg| flat_distance_m(leg[0], leg[1])).sum();
    assert!((route.length_m - drawn_m).abs() < 0.002, "{} {drawn_m}", route.length_m);
    assert!((route.pieces.first().unwrap().to_altitude_m - 80.0).abs() < 1e-9);
    assert_eq!(route.pieces.first().unwrap().state, StateIx::UNKNOWN);
    assert_eq!(router.network().node("b"), Some(b));
}

#[test]
fn one_way_streets_are_left_where_they_lead() {
    let (mut builder, [a, b, _]) = row();
    let c = builder.add_node(Node::junction("off", at(26.21, 91.705)));
    let direction = Direction::ForwardOnly;
    for (id, from, to) in [("ab", a, b), ("bc", b, c), ("ca", c, a)] {
        builder.add_segment(Segment { direction, ..Segment::between(id, from, to) });
    }
    let router = BuiltinRouter::new(builder.build().unwrap().into());
    let around_m: f64 = router.network().segments().iter().map(|road| road.length_m).sum();
    let ab_m = router.route_nodes(a, b).unwrap().length_m;
    assert!((ab_m - 1_000.0).abs() < 5.0, "{ab_m}");
    assert!((router.route_nodes(b, a).unwrap().length_m - (around_m - ab_m)).abs() < 0.01);
    // From a place on a street to one behind it: around the block, past all three nodes.
    let (front, behind) = (at(26.1999, 91.7072), at(26.1999, 91.7028));
    let there_m = router.route_between(behind, front).unwrap().length_m;
    assert!((there_m - 0.44 * ab_m).abs() < 0.1, "{there_m}");
    let back = router.route_between(front, behind).unwrap();
    assert!((back.length_m - (around_m - there_m)).abs() < 0.01, "{}", back.length_m);
    assert_eq!(back.towns.iter().map(|town| town.0).collect::<Vec<_>>(), [b, c, a]);
}

#[test]
fn parts_that_nothing_joins_are_welcome_and_not_found() {
    let (mut builder, [a, b, c]) = row();
    builder.add_segment(Segment::between("ab", a, b));
    let router = BuiltinRouter::new(builder.build().unwrap().into());
    let error = router.with_ferries(Ferries::Allowed).route_nodes(a, c).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    assert!(NetworkBuilder::new("empty").build().unwrap_err().to_string().contains("no nodes"));
    let said = refusal(|builder, [a, b, _]| {
        builder.add_segment(Segment::between("nowhere", a, NodeIx(7)));
        builder.add_restriction(TurnRestriction {
            from: SegmentIx(0),
            via: b,
            to: SegmentIx(9),
            rule: TurnRule::No,
        });
    });
    for fault in ["segment nowhere: ends 0 and 7 of 3", "a road of 1", "not an end of both"] {
        assert!(said.contains(fault), "{fault:?} is missing in {said}");
    }
    let said = refusal(|builder, [a, b, c]| {
        builder.add_node(Node::junction("a", at(26.3, 91.0)));
        builder.add_node(Node::junction("pole", at(90.5, 0.0)));
        builder.add_node(Node { altitude_m: f64::NAN, ..Node::junction("deep", at(1.0, 1.0)) });
        builder.add_node(Node { state: StateIx(2), ..Node::junction("far", at(2.0, 2.0)) });
        builder.add_segment(Segment::between("dot", a, a));
        builder.add_segment(Segment { truck_speed_kmh: 60.0, ..Segment::between("fast", a, b) });
        builder.add_segment(Segment { iri_m_per_km: f64::NAN, ..Segment::between("iri", b, c) });
        let limits = Some(Limits { height_m: Some(0.0), ..Limits::default() }.into());
        builder.add_segment(Segment { limits, lanes: 0, ..Segment::between("low", b, c) });
    });
    for fault in [
        "node a: twice",
        "node pole: lat",
        "node deep: altitude_m NaN",
        "node far: state 2 of 0",
        "segment dot: 0 m long",
        "segment fast: speeds 60 and 50",
        "segment iri: iri_m_per_km NaN",
        "segment low: lanes 0",
        "segment low: limits",
    ] {
        assert!(said.contains(fault), "{fault:?} is missing in {said}");
    }
}

#[test]
fn the_fingerprint_sees_every_change_that_may_change_a_route() {
    let changes: [fn(&mut Segment); 7] = [
        |_| {},
        |road| road.truck_speed_kmh = 30.0,
        |road| road.direction = Direction::ForwardOnly,
        |road| road.ferry = true,
        |road| road.name = Some("High Street".into()),
        |road| road.limits = Some(Limits { weight_t: Some(7.5), ..Limits::default() }.into()),
        |road| road.via = [Via { position: at(26.21, 91.7), altitude_m: 0.0 }].into(),
    ];
    let prints = changes.map(|change| {
        let (mut builder, [a, b, _]) = row();
        let mut road = Segment::between("ab", a, b);
        change(&mut road);
        builder.add_segment(road);
        builder.build().unwrap().fingerprint()
    });
    for (ix, print) in prints.iter().enumerate() {
        assert!(!prints[..ix].contains(print), "change {ix} is not seen");
    }
}
