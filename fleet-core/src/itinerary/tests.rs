use super::*;
use crate::{
    Error, ErrorKind,
    route::{BuiltinRouter, Network},
};

fn inquiry(from: &str, to: &str) -> Inquiry {
    Inquiry { from: from.into(), to: to.into(), ..Inquiry::default() }
}

fn checked(inquiry: &Inquiry) -> crate::Result<Question> {
    inquiry.check(BuiltinRouter::ne_india(), |field| field.as_str(), Vec::new())
}

#[track_caller]
fn planned(inquiry: &Inquiry) -> Planned {
    checked(inquiry).and_then(|question| question.answer()).expect("a way")
}

#[track_caller]
fn refused(inquiry: &Inquiry) -> Error {
    match checked(inquiry).and_then(|question| question.answer()) {
        Ok(found) => panic!("{inquiry:?}: {:?}", found.itinerary),
        Err(error) => error,
    }
}

#[test]
fn sums_of_legs_and_stops_are_the_whole() {
    let network = Network::ne_india();
    for reference in &network.reference_routes()[..6] {
        let [from, to] = [reference.from, reference.to].map(|ix| &*network.node_at(ix).name);
        let depart = Some("2026-07-10T05:00:00+05:30".parse().expect("a time"));
        let found = planned(&Inquiry { depart, ..inquiry(from, to) }).itinerary;
        let legs_km: f64 = found.legs.iter().map(|leg| leg.distance_km).sum();
        assert!((legs_km - found.distance_km).abs() < 0.01, "{from} to {to}: {legs_km}");
        let fuel_l: f64 = found.legs.iter().map(|leg| leg.fuel_l).sum();
        assert!((fuel_l - found.fuel_l).abs() < 0.1, "{from} to {to}: {fuel_l}");
        let stood_h = found.stops.iter().map(|stop| stop.minutes).sum::<f64>() / 60.0;
        assert!((stood_h - found.stopped_h).abs() < 0.02, "{from} to {to}: {stood_h}");
        let left_l = found.fuel_start_l + found.fuel_bought_l - found.fuel_l - found.fuel_end_l;
        assert!(left_l.abs() < 1e-6, "{from} to {to}: {left_l}");
        let times = [found.departs, found.earliest, found.arrives, found.latest];
        assert!(times.iter().all(Option::is_some) && times.is_sorted(), "{times:?}");
    }
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_fields() {
    let wrong = Inquiry {
        via: vec!["tez".into(), "Nowhere at all".into()],
        load_t: Some(f64::NAN),
        height_m: Some(99.0),
        drivers: Some(9),
        fuel_l: Some(-1.0),
        alternatives: Some(6),
        ..inquiry("Guwahatti", "")
    };
    let late = Fault::invalid(Field::Depart, "\"noon\": expected RFC 3339");
    let found = wrong.check(BuiltinRouter::ne_india(), |field| field.as_str(), vec![late]);
    let error = found.expect_err("it is full of faults");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let text = error.to_string();
    let mut at = 0;
    for part in [
        "from: no place is called \"Guwahatti\": did you mean Guwahati?",
        "via: \"tez\" may be Tezpur",
        "via: no place is called \"Nowhere at all\"",
        "to: place: expected an id, a name or latitude,longitude",
        "depart: \"noon\"",
        "drivers: 9 is outside 1 to 3",
        "alternatives: 6 is outside 0 to 5",
        "fuel_l: -1 is outside 0 to 300",
        "load_t: NaN is outside 0 to 1000",
        "height_m: 99 is outside 1 to 6",
    ] {
        let found = text[at..].find(part);
        at += found.unwrap_or_else(|| panic!("{part:?} is not after {at} in {text}"));
    }
}

#[test]
fn what_is_only_unknown_is_not_found_and_what_is_unreachable_says_what_may_help() {
    let unknown = refused(&inquiry("Guwahatti", "Shilong"));
    assert_eq!(unknown.kind(), ErrorKind::NotFound, "{unknown}");
    assert!(unknown.to_string().contains("to: no place is called \"Shilong\""), "{unknown}");
    let far = refused(&inquiry("10.0,91.0", "guwahati"));
    assert_eq!(far.kind(), ErrorKind::NotFound, "{far}");
    let text = far.to_string();
    assert!(text.starts_with("no way found (ferries: ferries): from: the nearest road"), "{text}");
}

#[test]
fn a_way_on_the_map_has_a_line_for_each_leg_and_a_point_for_each_stop() {
    let found = planned(&Inquiry { load_t: Some(16.0), ..inquiry("guwahati", "tawang") });
    let map = found.geojson();
    let count = |kind: &str| {
        let features = map["features"].as_array().expect("features").iter();
        features.filter(|feature| feature["geometry"]["type"] == kind).count()
    };
    let told = &found.itinerary;
    assert_eq!((count("LineString"), count("Point")), (told.legs.len(), told.stops.len()));
    assert!(told.legs.len() > 3 && told.stops.len() > 1, "{told:?}");
    assert_eq!(map["summary"]["distance_km"], 504.0);
}
