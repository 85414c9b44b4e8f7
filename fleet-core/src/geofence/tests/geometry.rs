//! Distances against geodesics on the ellipsoid, areas against `geo`, ways against sampling.

use std::f64::consts::TAU;

use geo::{Contains, Coord, Destination, Distance, Geodesic, LineString, Point};
use proptest::prelude::*;

use super::{
    super::{Polygon, Shape},
    at,
};
use crate::geo::Position;

fn point(place: Position) -> Point {
    Point::new(place.lon, place.lat)
}

/// The place `metres` from `from` on the ellipsoid (Karney's solution).
fn away(from: Position, bearing: f64, metres: f64) -> Position {
    let to = Geodesic.destination(point(from), bearing, metres);
    at(to.y(), to.x())
}

fn geodesic_m(a: Position, b: Position) -> f64 {
    Geodesic.distance(point(a), point(b))
}

/// A ring around a centre that meets itself nowhere: corners in the order of their angle.
fn star(centre: Position, radii: &[f64]) -> Vec<Position> {
    let count = radii.len() as f64;
    let corner = |(ix, radius): (usize, &f64)| {
        let angle = TAU * ix as f64 / count;
        at(centre.lat + radius * angle.sin(), centre.lon + radius * angle.cos())
    };
    radii.iter().enumerate().map(corner).collect()
}

fn wrapped(place: Position) -> Position {
    at(place.lat, (place.lon + 540.0).rem_euclid(360.0) - 180.0)
}

prop_compose! {
    fn places()(lat in -70.0..70.0, lon in -180.0..180.0) -> Position { at(lat, lon) }
}

proptest! {
    #[test]
    fn a_circle_is_round_to_a_tenth_of_a_percent(
        centre in places(), radius_m in 1.0..100_000.0, bearing in 0.0..360.0,
    ) {
        let circle = Shape::circle(centre, radius_m).unwrap();
        prop_assert!(circle.holds(away(centre, bearing, radius_m * 0.999)));
        prop_assert!(!circle.holds(away(centre, bearing, radius_m * 1.001)));
        let off_m = circle.distance_m(away(centre, bearing, radius_m * 2.0));
        prop_assert!((off_m - radius_m).abs() < 0.002 * radius_m, "{off_m}");
    }

    #[test]
    fn a_circle_is_round_to_two_tenths_of_a_percent_up_to_84_degrees(
        lat in 70.0..84.0, radius_m in 1.0..100_000.0, bearing in 0.0..360.0,
    ) {
        let centre = at(lat, 179.9);
        let circle = Shape::circle(centre, radius_m).unwrap();
        prop_assert!(circle.holds(away(centre, bearing, radius_m * 0.998)));
        prop_assert!(!circle.holds(away(centre, bearing, radius_m * 1.002)));
    }

    #[test]
    fn a_corridor_is_as_wide_as_it_says(
        from in places(), bearing in 0.0..360.0, length_m in 10.0..20_000.0,
        share in 0.05..0.95, width_m in 1.0..5_000.0, left in any::<bool>(),
    ) {
        let to = away(from, bearing, length_m);
        let corridor = Shape::corridor(&[vec![from, to]], width_m).unwrap();
        // On the straight line in degrees, and square to it there.
        let shift = if (to.lon - from.lon).abs() > 180.0 { 360.0 * (from.lon - to.lon).signum() } else { 0.0 };
        let to = at(to.lat, to.lon + shift);
        let (on, next) = (from.lerp(to, share), from.lerp(to, share + 1e-3));
        let along = crate::geo::heading_deg(on, next);
        let side = if left { along - 90.0 } else { along + 90.0 };
        prop_assert!(corridor.holds(away(wrapped(on), side, width_m / 2.0 * 0.997)));
        // Beyond, unless that is near an end, whose cap reaches as far.
        let out = away(wrapped(on), side, width_m / 2.0 * 1.003);
        prop_assert!(!corridor.holds(out), "{}", corridor.distance_m(out));
    }

    #[test]
    fn a_polygon_holds_what_geo_says_it_holds(
        radii in prop::collection::vec(0.1..1.0, 3..80),
        hole in prop::collection::vec(0.02..0.05, 3..8),
        lat in -1.2..1.2, lon in -1.2..1.2,
    ) {
        let centre = at(26.0, 92.0);
        let (exterior, hole) = (star(centre, &radii), star(centre, &hole));
        let ring = |ring: &[Position]| {
            LineString::new(ring.iter().map(|p| Coord { x: p.lon, y: p.lat }).collect())
        };
        let peer = geo::Polygon::new(ring(&exterior), vec![ring(&hole)]);
        let polygon = Polygon { exterior, holes: vec![hole] };
        // With few corners the outline may cut the hole.
        prop_assume!(geo::Validation::is_valid(&peer));
        let shape = Shape::polygons(&[polygon]).unwrap();
        let place = at(centre.lat + lat, centre.lon + lon);
        prop_assert_eq!(shape.holds(place), peer.contains(&point(place)));
    }

    #[test]
    fn distance_to_a_polygon_is_that_to_the_nearest_place_of_its_edge(
        radii in prop::collection::vec(0.1..1.0, 3..40), lat in -2.0..2.0, lon in -2.0..2.0,
    ) {
        let corners = star(at(26.0, 92.0), &radii);
        let shape = Shape::polygon(&corners).unwrap();
        let place = at(26.0 + lat, 92.0 + lon);
        let off_m = shape.distance_m(place);
        let edges = corners.iter().zip(corners.iter().cycle().skip(1));
        let nearest_m = edges
            .flat_map(|(a, b)| (0..=400).map(|step| a.lerp(*b, f64::from(step) / 400.0)))
            .map(|on| geodesic_m(place, on))
            .fold(f64::INFINITY, f64::min);
        if shape.holds(place) {
            prop_assert!(off_m <= 0.0);
        } else {
            // The samples lie up to 300 m apart.
            prop_assert!(off_m <= nearest_m * 1.002, "{off_m} {nearest_m}");
            prop_assert!(off_m >= nearest_m * 0.998 - 150.0, "{off_m} {nearest_m}");
        }
    }

    #[test]
    fn a_way_lies_inside_just_where_its_places_do(
        radii in prop::collection::vec(0.1..1.0, 3..60),
        ends in prop::array::uniform4(-1.3..1.3),
        kind in 0..3,
    ) {
        let centre = at(26.0, 179.7);
        let ring: Vec<_> = star(centre, &radii).into_iter().map(wrapped).collect();
        let shape = match kind {
            0 => Shape::polygon(&ring).unwrap(),
            1 => Shape::corridor(&[ring], 8_000.0).unwrap(),
            _ => Shape::circle(centre, radii[0] * 1e5).unwrap(),
        };
        let from = at(centre.lat + ends[0], centre.lon + ends[1]);
        let to = at(centre.lat + ends[2], centre.lon + ends[3]);
        let turn = shape.0.near(wrapped(from)).lon - from.lon;
        let spans = shape.0.spans(at(from.lat, from.lon + turn), at(to.lat, to.lon + turn));
        prop_assert!(spans.windows(2).all(|pair| pair[0].1 < pair[1].0), "{spans:?}");
        for step in 0..=1_000 {
            let share = f64::from(step) / 1_000.0;
            let near_an_end = |(a, b): &(f64, f64)| (share - a).abs() < 1e-6 || (share - b).abs() < 1e-6;
            if spans.iter().any(near_an_end) {
                continue;
            }
            let inside = spans.iter().any(|(a, b)| (*a..=*b).contains(&share));
            prop_assert_eq!(inside, shape.holds(wrapped(from.lerp(to, share))), "{} of {:?}", share, spans);
        }
    }

    #[test]
    fn the_180th_meridian_is_like_any_other(
        radii in prop::collection::vec(0.1..1.0, 3..40),
        lat in -1.2..1.2, lon in -1.2..1.2, kind in 0..3, offset in -0.9..0.9,
    ) {
        let shape = |middle: f64| {
            let ring: Vec<_> = star(at(-16.0, middle), &radii).into_iter().map(wrapped).collect();
            match kind {
                0 => Shape::polygon(&ring).unwrap(),
                1 => Shape::corridor(&[ring], 8_000.0).unwrap(),
                _ => Shape::circle(wrapped(at(-16.0, middle)), radii[0] * 1e5).unwrap(),
            }
        };
        let (here, there) = (shape(90.0 + offset), shape(180.0 + offset));
        let place = |middle: f64| wrapped(at(-16.0 + lat, middle + lon));
        let (a, b) = (here.distance_m(place(90.0 + offset)), there.distance_m(place(180.0 + offset)));
        prop_assert!((a - b).abs() < 1e-3, "{a} {b}");
    }
}

#[test]
fn two_areas_that_share_an_edge_hold_each_place_once() {
    let west = Shape::polygon(&[at(26.0, 91.0), at(26.0, 92.0), at(27.3, 92.7), at(27.0, 91.0)]);
    let east = Shape::polygon(&[at(26.0, 92.0), at(26.0, 93.0), at(27.0, 93.0), at(27.3, 92.7)]);
    let (west, east) = (west.unwrap(), east.unwrap());
    for step in 1..1_000 {
        let place = at(26.0, 92.0).lerp(at(27.3, 92.7), f64::from(step) / 1_000.0);
        assert!(west.holds(place) ^ east.holds(place), "{place:?}");
    }
}
