//! What is near a point is what a look at every line finds.

#![expect(clippy::float_cmp, reason = "lengths lie on a grid where sums are exact")]

use proptest::prelude::*;

use super::*;
use crate::{
    ErrorKind,
    geo::{destination, flat_distance_m},
};

/// The distance to each road, by its points set close together.
fn naive(network: &Network, point: Position) -> Vec<f64> {
    let roads = network.segment_indices().map(|ix| {
        let line = network.line(ix);
        let steps = line.windows(2).flat_map(|leg| {
            let leg = [leg[0], leg[1]];
            (0..=64).map(move |step| leg[0].lerp(leg[1], f64::from(step) / 64.0))
        });
        steps.map(|at| flat_distance_m(at, point)).fold(f64::INFINITY, f64::min)
    });
    roads.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn near_roads_are_those_that_a_look_at_every_line_finds(
        road in 0_u32..246, knot in any::<prop::sample::Index>(), heading in 0.0..360.0,
        off_m in 0.0..3_000.0, radius_m in 10.0..8_000.0,
    ) {
        let network = Network::ne_india();
        let line = network.line(SegmentIx(road));
        let point = destination(line[knot.index(line.len())], heading, off_m);
        let nearby = Nearby { radius_m, at_most: 300, ferries: Ferries::Allowed, course: None };
        let found = network.nearby(point, &nearby).unwrap();
        prop_assert!(found.is_sorted_by(|a, b| a.distance_m <= b.distance_m));
        let naive = naive(network, point);
        for (ix, naive_m) in network.segment_indices().zip(naive) {
            let found = found.iter().find(|snap| snap.at.segment == ix);
            match found {
                Some(snap) => {
                    prop_assert!(snap.distance_m <= naive_m + 0.01 && snap.distance_m <= radius_m);
                    let off_m = flat_distance_m(snap.position, point);
                    prop_assert!((off_m - snap.distance_m).abs() < 1e-6);
                    let (position, altitude_m, _) = network.place(snap.at);
                    prop_assert!(flat_distance_m(position, snap.position) < 0.01, "{snap:?}");
                    prop_assert!((altitude_m - snap.altitude_m).abs() < 0.01);
                }
                None => prop_assert!(naive_m > radius_m - 0.01, "{ix:?} at {naive_m} m"),
            }
        }
    }
}

/// A street to the north from `(lat, lon)`, some 1 km long.
fn street(lat: f64, lon: f64, direction: Direction) -> Network {
    let mut builder = NetworkBuilder::new("street");
    let [a, b] = [("a", lat), ("b", lat + 0.009)]
        .map(|(id, lat)| builder.add_node(Node::junction(id, Position { lat, lon })));
    builder.add_segment(Segment { direction, ..Segment::between("ab", a, b) });
    builder.build().unwrap()
}

#[test]
fn sides_headings_and_courses_are_those_of_the_road() {
    let both = street(26.0, 91.0, Direction::Both);
    let east = Position { lat: 26.004, lon: 91.0003 };
    let west = Position { lat: 26.004, lon: 90.9997 };
    let snap = |network: &Network, at, course| {
        network.nearby(at, &Nearby { course, ..Nearby::default() }).unwrap().first().copied()
    };
    let right = snap(&both, east, None).unwrap();
    assert_eq!((right.side, right.heading_deg), (Some(Side::Right), 0.0));
    assert!((right.distance_m - 30.0).abs() < 0.1 && (right.at.at_m - 443.2).abs() < 0.1);
    assert_eq!(snap(&both, west, None).unwrap().side, Some(Side::Left));
    let on_it = snap(&both, right.position, None).unwrap();
    assert!(on_it.side.is_none() && on_it.distance_m < 0.01, "{on_it:?}");
    let course = |heading_deg| Some(Course { heading_deg, within_deg: 45.0 });
    let one_way = street(26.0, 91.0, Direction::ForwardOnly);
    for (heading_deg, on_both, on_one_way) in
        [(0.0, true, true), (350.0, true, true), (46.0, false, false), (170.0, true, false)]
    {
        assert_eq!(snap(&both, east, course(heading_deg)).is_some(), on_both, "{heading_deg}");
        assert_eq!(
            snap(&one_way, east, course(heading_deg)).is_some(),
            on_one_way,
            "{heading_deg}"
        );
    }
}

#[test]
fn roads_are_found_across_the_date_line_and_near_the_poles() {
    for (lat, lon, at_lon) in [
        (10.0, 179.9995, -179.9995),
        (10.0, -179.9999, 179.9996),
        (89.98, 10.0, 10.1),
        (0.0, 0.0, 0.0005),
    ] {
        let network = street(lat, lon, Direction::Both);
        let point = Position { lat: lat + 0.004, lon: at_lon };
        let nearby = Nearby { radius_m: 150.0, ..Nearby::default() };
        let near = network.nearby(point, &nearby).unwrap();
        assert_eq!(near.len(), 1, "{lat},{lon}");
        assert!(near[0].distance_m < 112.0, "{near:?}");
    }
}

#[test]
fn impossible_questions_are_refused() {
    let network = street(26.0, 91.0, Direction::Both);
    let here = Position { lat: 26.0, lon: 91.0 };
    for radius_m in [-1.0, f64::NAN] {
        let error = network.nearby(here, &Nearby { radius_m, ..Nearby::default() }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert!(network.nearby(Position { lat: 91.0, lon: 0.0 }, &Nearby::default()).is_err());
    let router = BuiltinRouter::new(network.into());
    let good = RoadPoint { segment: SegmentIx(0), at_m: 10.0 };
    for bad in [
        RoadPoint { segment: SegmentIx(1), at_m: 0.0 },
        RoadPoint { at_m: 2_000.0, ..good },
        RoadPoint { at_m: f64::NAN, ..good },
    ] {
        assert_eq!(router.distances(good, &[bad], 1e3).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(router.route_on_roads(bad, good).unwrap_err().kind(), ErrorKind::Invalid);
    }
    let there = RoadPoint { at_m: 510.0, ..good };
    assert_eq!(router.distances(good, &[there, good], 500.0).unwrap(), [Some(500.0), Some(0.0)]);
    assert_eq!(router.distances(good, &[there], 499.0).unwrap(), [None]);
    assert_eq!(router.route_on_roads(there, good).unwrap().length_m, 500.0);
}
