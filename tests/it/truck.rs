//! `data-fleet truck`, as a user types it.

use std::fs;

use serde_json::Value;

use crate::program::{Scratch, fail, succeed, text};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/truck_model.toml");

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeed(&[&["truck"], args, &["--json"]].concat())).unwrap()
}

fn number(point: &Value, name: &str) -> f64 {
    point[name].as_f64().unwrap_or_else(|| panic!("{name} in {point}"))
}

#[test]
fn a_laden_truck_on_the_flat_is_what_the_library_says() {
    use fleet_core::physics::{Road, TruckModel, Vehicle, operating_point};
    let point = json(&["rigid_6x2_31t", "--speed", "60"]);
    let truck = Vehicle::new(TruckModel::find("rigid_6x2_31t").unwrap(), 31_000.0).unwrap();
    let ours = operating_point(&truck, &Road::level(30.0), 60.0 / 3.6, None);
    for (name, value) in [
        ("speed_kmh", ours.speed_kmh),
        ("engine_power_kw", ours.engine_power_kw),
        ("gear", f64::from(ours.gear)),
        ("rpm", ours.rpm),
        ("fuel_l_per_h", ours.fuel_l_per_h),
        ("fuel_l_per_100km", ours.fuel_l_per_100km.unwrap()),
        ("coolant_c", ours.coolant_c),
        ("vibration_rms_z", ours.vibration_rms_z_mps2),
    ] {
        assert!((number(&point, name) - value).abs() < 1e-6, "{name}: {value} in {point}");
    }
    assert_eq!(point["model"], "rigid_6x2_31t");
}

#[test]
fn flags_reach_the_physics() {
    let model = "tipper_6x4_28t";
    let at = |more: &[&str]| json(&[&[model, "--speed", "40"], more].concat());
    let base = at(&[]);
    let fuel = |point: &Value| number(point, "fuel_l_per_100km");
    assert!(fuel(&at(&["--grade", "3"])) > 2.0 * fuel(&base));
    assert!(fuel(&at(&["--grade", "-3"])) < 0.5 * fuel(&base));
    assert!(fuel(&at(&["--load", "0"])) < fuel(&base));
    assert_eq!(at(&["--gvw", "28"]), base);
    assert!(fuel(&at(&["--altitude", "3000"])) < fuel(&base), "thin air");
    assert_eq!(at(&["--gear", "7"])["gear"], 7);
    assert!(number(&at(&["--gear", "7"]), "rpm") > number(&at(&["--gear", "8"]), "rpm"));
    let rough = at(&["--road", "d"]);
    assert!(number(&rough, "vibration_rms_z") > 2.0 * number(&base, "vibration_rms_z"));
    let winter = number(&at(&["--ambient", "-10"]), "coolant_c");
    assert!((70.0..=number(&base, "coolant_c")).contains(&winter), "{winter}");
    let (steep, gentle) = (at(&["--grade", "-9"]), at(&["--grade", "-3"]));
    assert!(number(&steep, "service_brake_kw") > 50.0, "{steep}");
    assert!(number(&gentle, "service_brake_kw") < 1e-6, "{gentle}");
    let climb = json(&["rigid_6x2_31t", "--speed", "60", "--grade", "6"]);
    assert!((12.0..28.0).contains(&number(&climb, "speed_kmh")), "{climb}");
    let standing = json(&[model, "--speed", "0"]);
    assert!(standing["fuel_l_per_100km"].is_null() && number(&standing, "fuel_l_per_h") > 0.5);
}

#[test]
fn the_table_says_what_cannot_be_held_and_the_list_has_every_model() {
    let said = succeed(&["truck", "rigid_10x2_37t", "--speed", "60", "--grade", "4"]);
    for part in ["37.0 t", "all the engine can hold", "l/100 km", "ISO 2631-1"] {
        assert!(said.contains(part), "{said}");
    }
    let listed = succeed(&["truck", "--list"]);
    assert_eq!(listed.lines().count(), fleet_core::physics::TruckModel::bundled().len());
    assert!(listed.contains("tractor_4x2_55t"), "{listed}");
    let models: Value = serde_json::from_str(&succeed(&["truck", "--list", "--json"])).unwrap();
    assert_eq!(models.as_array().unwrap().len(), listed.lines().count());
    assert_eq!(models[3]["model"], "rigid_6x2_31t");
    assert!(fail(&["truck", "--list", "--speed", "3"]).contains("--list"));
}

#[test]
fn all_faults_are_told_at_once_by_flag_and_rule() {
    let said = fail(&[
        "truck",
        "rigid_6x2_31t",
        "--speed",
        "fast",
        "--grade",
        "70",
        "--gvw",
        "90",
        "--gear",
        "12",
        "--altitude",
        "9000",
        "--ambient",
        "nan",
        "--road",
        "F",
    ]);
    for fault in [
        "--speed: \"fast\" is not a number",
        "--grade: 70 is outside -30 to 30",
        "--gvw: 90 is outside",
        "--gear: \"12\" is not a whole number of 1 to",
        "--altitude: 9000 is outside -500 to 6000",
        "--ambient: \"nan\" is not a number",
        "--road: road class \"F\" is none of A, B, C, D, E",
    ] {
        assert!(said.contains(fault), "{said:?} lacks {fault:?}");
    }
    let said = fail(&["truck", "rigid_6x2_31", "--speed", "200", "--load", "1", "--gvw", "2"]);
    for fault in ["did you mean rigid_6x2_31t", "--speed: 200", "exclude one another"] {
        assert!(said.contains(fault), "{said:?} lacks {fault:?}");
    }
    assert!(fail(&["truck", "rigid_6x2_31t"]).contains("--speed"));
    assert!(fail(&["truck", "--speed", "40"]).contains("MODEL|FILE"));
}

#[test]
fn a_file_of_ones_own_is_driven_or_told_all_its_faults() {
    let own = json(&[EXAMPLE, "--speed", "60"]);
    assert_eq!(own["model"], "box_6x2_31t");
    let bundled = json(&["rigid_6x2_31t", "--speed", "60"]);
    assert!(number(&own, "fuel_l_per_h") > number(&bundled, "fuel_l_per_h"), "a high box");
    let scratch = Scratch::new();
    let path = scratch.path("mine");
    let model = fleet_core::physics::TruckModel::find("tipper_6x4_28t").unwrap();
    fs::write(&path, serde_json::to_string(model.as_ref()).unwrap()).unwrap();
    assert_eq!(json(&[text(&path), "--speed", "30"]), json(&["tipper_6x4_28t", "--speed", "30"]));
    let path = scratch.path("mine.toml");
    let mine = fs::read_to_string(EXAMPLE).unwrap();
    fs::write(&path, mine.replace("cda_m2 = 7.4", "cda_m2 = 74\ncolour = \"red\"")).unwrap();
    let said = fail(&["truck", text(&path), "--speed", "60"]);
    for part in ["mine.toml", "cda_m2: 74 is outside 1 to 15", "colour: unknown field"] {
        assert!(said.contains(part), "{said:?} lacks {part:?}");
    }
    fs::write(&path, "id = ").unwrap();
    let said = fail(&["truck", text(&path), "--speed", "60"]);
    assert_eq!(said.matches("line 1").count(), 1, "told once: {said}");
    fs::write(&path, mine.replace("kerb_kg = 10400", "kerb_kg = 40000")).unwrap();
    let said = fail(&["truck", text(&path), "--speed", "60"]);
    assert!(said.contains("kerb_kg: 40000 is outside") && !said.contains("to -"), "{said}");
    let said = fail(&["truck", "nowhere.toml", "--speed", "60"]);
    assert!(said.contains("nowhere.toml: "), "{said}");
}

#[test]
fn the_page_about_models_names_every_field() {
    let page = include_str!("../../docs/truck-models.md");
    let model = fleet_core::physics::TruckModel::bundled()[0].as_ref();
    let mut left = vec![serde_json::to_value(model).unwrap()];
    while let Some(value) = left.pop() {
        for (name, value) in value.as_object().into_iter().flatten() {
            let is_free = ["sources"].contains(&name.as_str());
            assert!(page.contains(&format!("`{name}`")), "docs/truck-models.md lacks {name}");
            left.extend((!is_free).then(|| value.clone()));
        }
    }
}
