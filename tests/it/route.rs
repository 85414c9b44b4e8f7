//! `data-fleet route`, as a dispatcher types it.

use fleet_core::route::Network;
use serde_json::Value;

use crate::program::{Scratch, fail, succeed, text};

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeed(&[&["route"], args, &["--json"]].concat())).unwrap()
}

#[track_caller]
fn number(told: &Value, name: &str) -> f64 {
    told[name].as_f64().unwrap_or_else(|| panic!("{name} in {told}"))
}

fn sum(told: &Value, list: &str, name: &str) -> f64 {
    told[list].as_array().unwrap().iter().map(|entry| number(entry, name)).sum()
}

#[test]
fn published_distances_come_out_and_the_time_is_that_of_free_flow() {
    let network = Network::ne_india();
    for reference in &network.reference_routes()[..6] {
        let [from, to] = [reference.from, reference.to].map(|ix| &*network.node_at(ix).name);
        let told = json(&[from, to]);
        let km = number(&told, "distance_km");
        assert!((km - reference.network_km).abs() < 0.06, "{from} to {to}: {km}");
        let hours: f64 = sum(&told, "legs", "minutes") / 60.0;
        assert!((hours - number(&told, "duration_h")).abs() < 0.01, "{from} to {to}: {hours}");
        assert_eq!((&told["basis"], &told["departs"]), (&"free_flow".into(), &Value::Null));
        assert!(number(&told, "fuel_l") > 0.0 && number(&told, "cost_inr") > 0.0);
    }
}

#[test]
fn sums_add_up_with_truck_load_and_hour() {
    let told =
        json(&["Siliguri", "imphal", "--depart", "2026-07-10T05:00:00+05:30", "--load", "16"]);
    assert!((sum(&told, "legs", "distance_km") - number(&told, "distance_km")).abs() < 0.01);
    let (legs_h, stops_h) =
        (sum(&told, "legs", "minutes") / 60.0, sum(&told, "stops", "minutes") / 60.0);
    assert!((legs_h + stops_h - number(&told, "duration_h")).abs() < 0.02, "{legs_h} {stops_h}");
    assert!((legs_h - number(&told, "driving_h")).abs() < 0.02);
    assert!((stops_h - number(&told, "stopped_h")).abs() < 0.02);
    assert_eq!(told["departs"], "2026-07-10T05:00:00+05:30");
    let times: Vec<fleet_core::time::Time> = ["departs", "earliest", "arrives", "latest"]
        .iter()
        .map(|name| told[name].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(times[0] < times[1] && times[1] <= times[2] && times[2] <= times[3], "{times:?}");
    let took_h = times[2].ms_since(times[0]) as f64 / 3_600e3;
    assert!((took_h - number(&told, "duration_h")).abs() < 0.01);
    let left = number(&told, "fuel_start_l") + number(&told, "fuel_bought_l");
    let left = left - number(&told, "fuel_l") - number(&told, "fuel_end_l");
    assert!(left.abs() < 0.01, "{left}");
    let cost = number(&told, "diesel_inr") + number(&told, "tolls_inr");
    assert!((cost - number(&told, "cost_inr")).abs() < 0.01);
    assert!(told["stops"].as_array().unwrap().iter().any(|stop| stop["kind"] == "rest"));
}

#[test]
fn load_and_hour_count() {
    let base = ["Guwahati", "Tawang", "--truck", "rigid_6x2_25t5"];
    let with = |more: &[&str]| json(&[&base, more].concat());
    let (empty, laden) = (with(&["--load", "0"]), with(&["--load", "17.2"]));
    assert!(number(&laden, "fuel_l") > 1.5 * number(&empty, "fuel_l"));
    assert!(number(&laden, "driving_h") > number(&empty, "driving_h"));
    let into = |time: &str| json(&["nongpoh", "guwahati", "--depart", time]);
    let (night, morning) = (into("2026-01-05T01:00:00+05:30"), into("2026-01-05T07:50:00+05:30"));
    assert!(number(&morning, "duration_h") > 1.5 + number(&night, "duration_h"));
    let stops = morning["stops"].as_array().unwrap();
    assert!(stops.iter().any(|stop| stop["kind"] == "barred"), "{morning}");
    let two = with(&["--drivers", "2"]);
    assert!(number(&two, "stopped_h") < number(&with(&[]), "stopped_h"));
}

#[test]
fn boats_calls_points_and_no_way_at_all() {
    let around = number(&json(&["dhubri", "phulbari"]), "distance_km");
    let across = json(&["dhubri", "phulbari", "--ferries"]);
    assert!(number(&across, "distance_km") < 0.2 * around, "{across}");
    assert_eq!(across["legs"][0]["road"], "ferry");
    let via = json(&["guwahati", "silchar", "--via", "Sohra"]);
    assert!(number(&via, "distance_km") > number(&json(&["guwahati", "silchar"]), "distance_km"));
    assert_eq!(via["via"][0]["id"], "cherrapunji");
    let point = json(&["26.15,91.80", "guwahati"]);
    assert!(number(&point["from"], "snapped_m") > 1.0 && point["from"]["id"].is_null());
    let still = json(&["guwahati", "Guwahati"]);
    assert!(number(&still, "distance_km") <= 0.0 && number(&still, "fuel_l") <= 0.0);
    let others = json(&["guwahati", "silchar", "--alternatives", "2"]);
    for other in others["alternatives"].as_array().unwrap() {
        assert!(number(other, "duration_h") >= number(&others, "duration_h"), "{other}");
    }
}

#[test]
fn every_fault_is_told_at_once_and_by_name() {
    let said = fail(&[
        "route",
        "Guwahatti",
        "tez",
        "--truck",
        "rigid_6x2_25t",
        "--depart",
        "noon",
        "--drivers",
        "9",
        "--fuel",
        "much",
    ]);
    for fault in [
        "FROM: no place is called \"Guwahatti\": did you mean Guwahati?",
        "TO: \"tez\" may be Tezpur (tezpur, Assam), Tezu",
        "did you mean rigid_6x2_25t5",
        "--depart: \"noon\": expected RFC 3339",
        "--drivers: \"9\" is not a whole number of 1 to 3",
        "--fuel: \"much\" is not a number",
    ] {
        assert!(said.contains(fault), "{said:?} lacks {fault:?}");
    }
    let said = fail(&["route", "guwahati", "tezpur", "--load", "30"]);
    assert!(said.contains("--load: 30 t is more than rigid_6x2_25t5 may carry: 17.2 t"), "{said}");
    let said = fail(&["route", "10.0,91.0", "guwahati"]);
    assert!(said.contains("the nearest road is"), "{said}");
    let scratch = Scratch::new();
    let path = scratch.path("roads.json");
    std::fs::write(&path, "{}").unwrap();
    let said = fail(&["route", "a", "b", "--network", text(&path)]);
    assert!(said.contains("roads.json: network"), "{said}");
    assert!(fail(&["route", "a", "b", "--json", "--geojson"]).contains("--geojson"));
}

#[test]
fn the_page_reads_from_top_to_bottom_and_its_columns_add_up() {
    let page = succeed(&["route", "Guwahati", "Tawang", "--load", "16"]);
    for part in ["Guwahati – Tawang: 504.0 km", "16.0 t load", "NH13", "stops", "assumed: truck"]
    {
        assert!(page.contains(part), "{page}");
    }
    let legs = page.lines().skip_while(|line| !line.starts_with("road")).skip(1);
    let legs: Vec<&str> = legs.take_while(|line| !line.is_empty()).collect();
    let last = legs.last().unwrap();
    assert!(legs.len() > 4 && last.contains(" 504.0 "), "{page}");
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
}

#[test]
fn turns_name_the_roads_and_add_up_and_none_is_told_where_the_road_just_goes_on() {
    let told = json(&["Siliguri", "Imphal"]);
    assert!((sum(&told, "turns", "distance_km") - number(&told, "distance_km")).abs() < 0.01);
    let page = succeed(&["route", "Siliguri", "Imphal", "--turns"]);
    let (_, turns) = page.split_once("\nturns\n").unwrap();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let turns: Vec<String> = turns.lines().map(words).collect();
    assert_eq!(turns.first().unwrap(), "0.0 km depart NH27 587.0 km Siliguri");
    assert_eq!(turns.last().unwrap(), "963.0 km arrive NH2 Imphal");
    assert!(!page.contains(" back "), "{page}");
    assert!(!succeed(&["route", "Siliguri", "Imphal"]).contains("\nturns\n"));
}

#[test]
fn a_plan_beyond_the_promise_says_so_and_what_another_driver_does() {
    let page = succeed(&["route", "Guwahati", "Tawang", "--load", "16"]);
    let warning = page.lines().find(|line| line.starts_with("warning: ")).unwrap();
    assert!(warning.contains("over the standard promise of"), "{warning}");
    assert!(warning.contains("with 2 drivers it takes"), "{warning}");
    let two = json(&["Guwahati", "Tawang", "--load", "16", "--drivers", "2"]);
    let hours = format!("{:.1} h", number(&two, "duration_h"));
    assert!(warning.ends_with(&hours), "{warning}: {hours}");
    assert!(page.lines().all(|line| line.trim_end() == line), "{page}");
}

#[test]
fn geojson_has_a_line_for_each_leg_and_a_point_for_each_stop() {
    let told = json(&["guwahati", "shillong"]);
    let drawn = succeed(&["route", "guwahati", "shillong", "--geojson"]);
    let drawn: Value = serde_json::from_str(&drawn).unwrap();
    let kinds = |kind: &str| {
        let features = drawn["features"].as_array().unwrap().iter();
        features.filter(|feature| feature["geometry"]["type"] == kind).count()
    };
    assert_eq!(kinds("LineString"), told["legs"].as_array().unwrap().len());
    assert_eq!(kinds("Point"), told["stops"].as_array().unwrap().len());
    let first = &drawn["features"][0]["geometry"]["coordinates"][0];
    assert!((first[0].as_f64().unwrap() - 91.7458).abs() < 1e-9, "longitude first: {first}");
}

#[test]
fn the_page_about_routes_names_every_field() {
    let page = include_str!("../../docs/routing.md");
    let args =
        ["Siliguri", "Imphal", "--depart", "2026-07-10T05:00:00+05:30", "--alternatives", "1"];
    let mut left = vec![json(&args)];
    while let Some(value) = left.pop() {
        left.extend(value.as_array().into_iter().flatten().take(1).cloned());
        for (name, value) in value.as_object().into_iter().flatten() {
            assert!(page.contains(&format!("`{name}`")), "docs/routing.md lacks {name}");
            left.push(value.clone());
        }
    }
}
