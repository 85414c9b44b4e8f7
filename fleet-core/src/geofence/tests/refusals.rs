//! What is no fence is refused by name.

use super::{
    super::{Fence, FenceSet, Polygon, Rules, Shape},
    at, fence,
};
use crate::{ErrorKind, Result, geo::Position};

#[track_caller]
fn check<T: std::fmt::Debug>(made: Result<T>, words: &str) {
    let error = made.expect_err(words);
    assert!(error.to_string().contains(words), "{error}");
    assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Conflict), "{error}");
}

fn square(south: f64, west: f64, side: f64) -> Vec<Position> {
    let (north, east) = (south + side, west + side);
    vec![at(south, west), at(south, east), at(north, east), at(north, west)]
}

#[test]
fn circles_have_a_sound_radius_and_keep_off_the_poles() {
    for radius_m in [0.0, -5.0, f64::NAN, f64::INFINITY, 100_001.0] {
        check(Shape::circle(at(26.0, 92.0), radius_m), "radius_m");
    }
    check(Shape::circle(at(91.0, 92.0), 10.0), "latitude_deg");
    check(Shape::circle(at(84.9, 92.0), 50_000.0), "no fence lies beyond 85");
    check(Shape::circle(at(-89.9, 92.0), 50.0), "no fence lies beyond 85");
}

#[test]
fn rings_that_meet_themselves_are_refused_with_the_edges() {
    let bow_tie = [at(0.0, 0.0), at(1.0, 1.0), at(1.0, 0.0), at(0.0, 1.0)];
    check(Shape::polygon(&bow_tie), "outline: meets itself: the edges from corners 0 (0, 0) and 2");
    let spike = [at(0.0, 0.0), at(0.0, 2.0), at(0.0, 1.0), at(1.0, 1.0)];
    check(Shape::polygon(&spike), "meets itself");
    let touching =
        [at(0.0, 0.0), at(2.0, 0.0), at(1.0, 1.0), at(2.0, 2.0), at(0.0, 2.0), at(1.0, 1.0)];
    check(Shape::polygon(&touching), "meets itself");
    check(Shape::polygon(&[at(0.0, 0.0), at(1.0, 1.0), at(2.0, 2.0)]), "meets itself");
}

#[test]
fn rings_have_three_corners_on_the_globe() {
    check(Shape::polygon(&[]), "0 points");
    check(Shape::polygon(&[at(0.0, 0.0), at(1.0, 1.0), at(0.0, 0.0)]), "fewer than 3 distinct");
    check(Shape::polygon(&[at(0.0, 0.0), at(1.0, 0.0), at(f64::NAN, 1.0)]), "[2]: latitude_deg");
    check(Shape::polygon(&vec![at(0.0, 0.0); 20_001]), "20001 points");
    assert!(Shape::polygon(&[at(0.0, 0.0), at(0.0, 0.0), at(0.0, 1.0), at(1.0, 1.0)]).is_ok());
}

#[test]
fn rings_around_a_pole_and_very_wide_ones_are_refused() {
    let around: Vec<_> = (0..8).map(|ix| at(70.0, f64::from(ix) * 45.0 - 180.0)).collect();
    check(Shape::polygon(&around), "goes around a pole");
    let wide = [at(0.0, -60.0), at(0.0, 60.0), at(30.0, 60.0), at(30.0, -60.0)];
    check(Shape::polygon(&wide), "120.000 degrees of longitude wide");
}

#[test]
fn holes_lie_within_and_apart() {
    let polygon = |holes: Vec<Vec<Position>>| {
        Shape::polygons(&[Polygon { exterior: square(0.0, 0.0, 10.0), holes }])
    };
    check(polygon(vec![square(20.0, 20.0, 1.0)]), "polygon 0: hole 0 does not lie within");
    check(polygon(vec![square(9.0, 9.0, 2.0)]), "hole 0 does not lie within");
    check(polygon(vec![square(0.0, 2.0, 2.0)]), "hole 0 does not lie within");
    check(polygon(vec![square(1.0, 1.0, 3.0), square(2.0, 2.0, 3.0)]), "holes 0 and 1 overlap");
    check(polygon(vec![square(1.0, 1.0, 5.0), square(2.0, 2.0, 1.0)]), "holes 0 and 1 overlap");
    assert!(polygon(vec![square(1.0, 1.0, 2.0), square(5.0, 5.0, 2.0)]).is_ok());
}

#[test]
fn polygons_of_a_fence_may_touch_and_not_overlap() {
    let two = |other: Vec<Position>| {
        let part = |exterior| Polygon { exterior, holes: Vec::new() };
        Shape::polygons(&[part(square(0.0, 0.0, 2.0)), part(other)])
    };
    check(two(square(1.0, 1.0, 2.0)), "polygons 0 and 1 overlap");
    check(two(square(0.5, 0.5, 0.5)), "polygons 0 and 1 overlap");
    assert!(two(square(0.0, 2.0, 2.0)).is_ok());
}

#[test]
fn corridors_have_a_line_and_a_width() {
    check(Shape::corridor(&[], 100.0), "0 rings or lines");
    check(Shape::corridor(&[vec![at(0.0, 0.0); 3]], 100.0), "line 0: fewer than 2 distinct points");
    check(Shape::corridor(&[vec![at(0.0, 0.0), at(0.0, 1.0)]], 0.5), "width_m");
    check(Shape::corridor(&[vec![at(84.0, 0.0), at(85.5, 1.0)]], 5.0), "latitude");
}

#[test]
fn sets_have_every_id_once_and_sound_thresholds() {
    let circle = || Shape::circle(at(26.0, 92.0), 100.0).unwrap();
    check(FenceSet::new(vec![fence("a", circle()), fence("a", circle())]), "fence a: two fences");
    let with = |rules| FenceSet::new(vec![Fence { rules, ..fence("a", circle()) }]);
    check(
        with(Rules { hysteresis_m: Some(f64::NAN), ..Rules::default() }),
        "fence a: hysteresis_m",
    );
    check(with(Rules { confirm_fixes: Some(0), ..Rules::default() }), "confirm_fixes");
    check(with(Rules { dwell_s: Some(0), ..Rules::default() }), "dwell_s");
    let named = Fence { name: "a\nb".into(), ..fence("a", circle()) };
    check(FenceSet::new(vec![named]), "name");
}
