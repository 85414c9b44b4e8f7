//! The table of what becomes a road, row by row.

use super::*;

#[track_caller]
fn read<const N: usize>(pairs: [(&str, &str); N]) -> (Verdict, Vec<String>) {
    let mut odd = Vec::new();
    let verdict = road(&Tags::from(pairs), &SpeedProfile::truck(), &mut |text| odd.push(text));
    (verdict, odd)
}

#[track_caller]
fn taken<const N: usize>(pairs: [(&str, &str); N]) -> Road {
    match read(pairs) {
        (Verdict::Road(road), odd) => {
            assert!(odd.is_empty(), "{odd:?}");
            *road
        }
        other => panic!("{pairs:?}: {other:?}"),
    }
}

#[track_caller]
fn left_out<const N: usize>(pairs: [(&str, &str); N], reason: LeftOut) {
    assert_eq!(read(pairs).0, Verdict::LeftOut(reason), "{pairs:?}");
}

#[test]
fn every_kind_of_road_is_taken_or_left_out_by_the_table() {
    for word in ["motorway", "trunk_link", "tertiary", "unclassified", "residential", "service"] {
        taken([("highway", word)]);
    }
    assert_eq!(taken([("highway", "road")]).highway, Highway::Unclassified);
    for word in ["footway", "cycleway", "steps", "path", "residential_link", "bridleway"] {
        left_out([("highway", word)], LeftOut::NotForTrucks);
    }
    assert_eq!(read([("building", "yes")]).0, Verdict::NoRoad);
    left_out([("highway", "service"), ("service", "parking_aisle")], LeftOut::NotForTrucks);
    left_out([("highway", "track")], LeftOut::NotForTrucks);
    left_out([("highway", "track"), ("tracktype", "grade3")], LeftOut::NotForTrucks);
    taken([("highway", "track"), ("tracktype", "grade2")]);
    taken([("highway", "track"), ("surface", "asphalt")]);
    taken([("highway", "track"), ("hgv", "yes")]);
    left_out([("highway", "primary"), ("area", "yes")], LeftOut::Area);
    left_out([("highway", "construction"), ("construction", "trunk")], LeftOut::UnderConstruction);
    left_out([("highway", "trunk"), ("construction", "yes")], LeftOut::UnderConstruction);
    taken([("highway", "trunk"), ("construction", "minor")]);
    left_out([("highway", "track"), ("smoothness", "impassable")], LeftOut::Impassable);
}

#[test]
fn access_keeps_trucks_out_of_a_road_or_of_one_direction() {
    left_out([("highway", "service"), ("access", "private")], LeftOut::NoAccess);
    left_out([("highway", "primary"), ("hgv", "no")], LeftOut::NoAccess);
    taken([("highway", "primary"), ("access", "no"), ("hgv", "designated")]);
    assert!(taken([("highway", "residential"), ("hgv", "destination")]).is_local);
    let road = taken([("highway", "primary"), ("hgv:backward", "no")]);
    assert!(road.forward_kmh.is_some() && road.backward_kmh.is_none());
    let road = taken([("highway", "primary"), ("oneway", "-1")]);
    assert!(road.forward_kmh.is_none() && road.backward_kmh.is_some());
    left_out([("highway", "primary"), ("oneway", "reversible")], LeftOut::Reversible);
    left_out([("highway", "primary"), ("oneway", "yes"), ("hgv:forward", "no")], LeftOut::NoAccess);
}

#[test]
fn a_ferry_must_say_that_it_takes_vehicles() {
    left_out([("route", "ferry")], LeftOut::FerryWithoutVehicles);
    left_out([("route", "ferry"), ("motor_vehicle", "no")], LeftOut::FerryWithoutVehicles);
    let ferry = taken([("route", "ferry"), ("motor_vehicle", "yes"), ("duration", "00:40")]);
    assert_eq!((ferry.highway, ferry.crossing_s), (Highway::Ferry, Some(2_400.0)));
    assert_eq!(ferry.forward_kmh, Some(10.0));
    let (_, odd) = read([("route", "ferry"), ("hgv", "yes"), ("duration", "long")]);
    assert_eq!(odd, ["duration=\"long\" is not understood"]);
}

#[test]
fn limits_are_the_least_that_is_posted() {
    let road = taken([
        ("highway", "primary"),
        ("maxheight", "4.2"),
        ("maxheight:physical", "3.9"),
        ("maxweight", "30"),
        ("hgv:conditional", "no @ (weight>7.5)"),
        ("maxaxleload", "none"),
    ]);
    let limits = Limits { height_m: Some(3.9), weight_t: Some(7.5), ..Limits::default() };
    assert_eq!(road.limits, limits);
    let (_, odd) = read([("highway", "primary"), ("maxweight", "a lot"), ("maxspeed", "slow")]);
    assert_eq!(odd, ["maxspeed=\"slow\" is not a speed", "maxweight=\"a lot\" is not understood"]);
}

#[test]
fn hours_open_what_is_closed_and_close_what_is_open() {
    let ban = ("hgv:conditional", "no @ (08:00-20:00)");
    assert_eq!(taken([("highway", "primary"), ban]).open, [(0, 480), (1_200, 1_440)]);
    let night = ("hgv:conditional", "yes @ (22:00-06:00)");
    assert_eq!(taken([("highway", "primary"), ("hgv", "no"), night]).open, [(1_320, 360)]);
    assert!(taken([("highway", "primary"), night]).open.is_empty(), "it was open already");
    left_out(
        [("highway", "primary"), ("hgv:conditional", "no @ (00:00-24:00)")],
        LeftOut::NoAccess,
    );
    let (verdict, odd) = read([("highway", "primary"), ("hgv:conditional", "no @ (Su)")]);
    assert!(matches!(verdict, Verdict::Road(_)));
    assert_eq!(odd, ["hgv:conditional=\"no @ (Su)\" is not modelled"]);
}

#[test]
fn lanes_numbers_and_bridges_are_read() {
    let road =
        taken([("highway", "trunk"), ("oneway", "yes"), ("bridge", "viaduct"), ("toll", "yes")]);
    assert!(
        road.lanes == 2 && road.divided && road.is_structure && road.has_toll && !road.single_lane
    );
    assert_eq!(reference(&Tags::from([("ref", "NH 27;AH 1")])), "NH 27");
    let road = taken([("highway", "tertiary"), ("lanes", "1"), ("tunnel", "no")]);
    assert!(road.single_lane && !road.is_structure && road.lanes == 1);
    assert_eq!(taken([("highway", "secondary"), ("lanes", "200")]).lanes, 2);
}
