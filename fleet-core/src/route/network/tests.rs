//! The bundled file keeps its laws, and a file that breaks them is told all of them.

#![expect(clippy::float_cmp, reason = "lengths lie on a grid where sums are exact")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::ErrorKind;

fn bundled() -> Value {
    serde_json::from_str(include_str!("../../../data/ne_india_network.json")).unwrap()
}

/// What is said of the bundled file after `change`.
fn refusal(change: impl FnOnce(&mut Value)) -> String {
    let mut file = bundled();
    change(&mut file);
    let error = Network::from_json(&file.to_string()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    error.to_string()
}

#[test]
fn the_bundled_network_is_as_large_as_it_says() {
    let network = Network::ne_india();
    assert_eq!((network.nodes().len(), network.segments().len()), (210, 246));
    let km = network.segments().iter().map(|segment| segment.length_m).sum::<f64>() / 1_000.0;
    assert_eq!(km.round(), 10_701.0);
    let along = [network.fuel_stations().len(), network.toll_plazas().len()];
    assert_eq!((along, network.rest_areas().len(), network.zones().len()), ([242, 14], 20, 46));
    assert_eq!((network.depots().len(), network.flows().len()), (14, 16));
    assert!(network.nodes().iter().all(|node| node.altitude_m <= 4_500.0));
    for code in ["AS", "ML", "AR", "NL", "MN", "MZ", "TR", "SK", "WB"] {
        assert!(network.states().iter().any(|state| state.code == code), "{code}");
    }
    let guwahati = network.node("guwahati").unwrap();
    assert_eq!(&*network.node_at(guwahati).name, "Guwahati");
    assert_eq!(network.node("atlantis"), None);
}

#[test]
fn everything_along_a_road_lies_on_its_line() {
    let network = Network::ne_india();
    let tolls = network.toll_plazas().iter().map(|x| (&x.id, &x.site));
    let stations = network.fuel_stations().iter().map(|x| (&x.id, &x.site));
    let rests = network.rest_areas().iter().map(|x| (&x.id, &x.site));
    for (id, site) in tolls.chain(stations).chain(rests) {
        let (position, altitude_m) = network.shape(site.segment).place(site.at_m);
        assert_eq!(position, site.position, "{id}");
        assert!((altitude_m - site.altitude_m).abs() < 1e-9 && altitude_m >= 0.0, "{id}");
    }
}

#[test]
fn all_broken_laws_are_named_at_once() {
    let said = refusal(|file| {
        file["nodes"][0]["lat"] = json!(45.0);
        file["segments"][0]["lanes"] = json!(3);
        file["segments"][1]["truck_speed_kmh"] = json!(99);
        file["fuel_stations"][0]["flow_l_per_min"] = json!(5);
        file["zones"][0]["severity"] = json!(1);
    });
    for fault in ["outside the box", "lanes 3", "speeds 99", "flow_l_per_min 5", "severity 1"] {
        assert!(said.contains(fault), "{fault:?} is missing in {said}");
    }
}

#[test]
fn names_that_do_not_resolve_are_all_named() {
    let said = refusal(|file| {
        file["segments"][0]["from"] = json!("atlantis");
        file["depots"][0]["node"] = json!("lyonesse");
        file["nodes"][1]["id"] = file["nodes"][0]["id"].clone();
        file["fuel_stations"][0]["segment"] = json!("a--b");
        file["nodes"][2]["state"] = json!("XX");
    });
    for fault in ["atlantis", "lyonesse", "twice", "unknown segment a--b", "unknown state XX"] {
        assert!(said.contains(fault), "{fault:?} is missing in {said}");
    }
}

#[test]
fn a_wrong_form_is_told_with_its_place() {
    let said = refusal(|file| file["segments"][0]["terrain"] = json!("swampy"));
    assert!(said.contains("swampy") && said.contains("line"), "{said}");
    assert!(refusal(|file| file["schema_version"] = json!(2)).contains("schema_version 2"));
    assert!(refusal(|file| file["nodes"] = json!([])).contains("empty"));
}

#[test]
fn roads_that_cannot_be_are_refused() {
    let change = |field: &'static str, value: Value| {
        refusal(|file| {
            let segments = file["segments"].as_array_mut().unwrap();
            let ix = segments.iter().position(|s| s["id"] == "khanapara--jorabat").unwrap();
            segments[ix][field] = value;
        })
    };
    assert!(change("length_km", json!(4)).contains("shorter than its ends"));
    assert!(change("length_km", json!(40)).contains("times the great circle"));
    assert!(change("winding", json!(true)).contains("winding but not mountainous"));
    assert!(change("via", json!([[26.12, 91.83, 2000]])).contains("mean grade"));
    assert!(change("via", json!([[26.1205, 91.822, 60]])).contains("coincide"));
    assert!(change("to", json!("khanapara")).contains("id is not from--to"));
}

#[test]
fn ways_must_exist_and_be_as_long_as_published() {
    let said = refusal(|file| file["reference_routes"][0]["published_km"] = json!(150));
    assert!(said.contains("reference route guwahati-shillong"), "{said}");
    let said = refusal(|file| file["flows"][0]["pairs"][0]["road_km"] = json!(500.0));
    assert!(said.contains("road_km 500"), "{said}");
    let said = refusal(|file| {
        let segments = file["segments"].as_array_mut().unwrap();
        for segment in segments.iter_mut().filter(|s| s["to"] == "tawang") {
            segment["ferry"] = json!(true);
        }
    });
    assert!(said.contains("node tawang: not connected (without ferries)"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_damaged_file_is_refused_or_read_without_panic(at in 0_usize..230_000, byte in 32_u8..127) {
        let mut text = include_str!("../../../data/ne_india_network.json").as_bytes().to_vec();
        let at = at % text.len();
        text[at] = byte;
        if let Ok(text) = String::from_utf8(text) {
            let _ = Network::from_json(&text);
        }
    }
}
