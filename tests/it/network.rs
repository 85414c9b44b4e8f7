//! `data-fleet network`, as a user types it.

use fleet_core::route::osm::made;

use crate::program::{Scratch, fail, succeed, text};

const BUNDLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fleet-core/data/ne_india_network.json");

#[test]
fn the_bundled_network_and_its_own_file_export_the_same_bytes() {
    let scratch = Scratch::new();
    let file = scratch.path("ne.osm");
    assert_eq!(succeed(&["network", "export-osm", "--out", text(&file)]), "");
    let piped = succeed(&["network", "export-osm", "--out", "-", "--network", BUNDLED]);
    assert!(piped == std::fs::read_to_string(&file).unwrap());
    assert!(piped.ends_with("</osm>\n"), "it is whole");
    let dry = succeed(&["network", "export-osm", "--out", "-", "--no-ferries"]);
    assert!(piped.contains("\"ferry\"") && !dry.contains("\"ferry\""));
}

#[test]
fn a_file_that_is_no_network_is_named() {
    let scratch = Scratch::new();
    let file = scratch.path("other.json");
    std::fs::write(&file, "{}").unwrap();
    for network in [text(&file), "/nonexistent.json"] {
        let said = fail(&["network", "export-osm", "--out", "-", "--network", network]);
        assert!(said.contains(network), "{said}");
    }
}

/// 47.5 t in all.
const HEAVY: &str = "tipper_10x4_47t5";
const TOWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/hill_town.osm");

#[test]
fn an_extract_is_checked_and_what_is_odd_in_it_is_named() {
    let said = succeed(&["network", "check", TOWN]);
    for line in [
        "trunk",
        "junctions",
        "closed at some hours      1",
        "1 ways: not of a kind that trucks drive",
        "way 109: maxspeed=\"slow\" is not a speed",
    ] {
        assert!(said.contains(line), "{line:?} is missing in\n{said}");
    }
    let short = succeed(&["network", "check", TOWN, "--notes", "0"]);
    assert!(short.contains("and 1 more") && !short.contains("way 109"), "{short}");
    assert!(succeed(&["network", "check", BUNDLED]).contains("246 segments"));
}

#[test]
fn a_route_is_found_on_an_extract() {
    let route = ["route", "Pahargaon", "Uparbasti", "--network", TOWN];
    let by_hour = |hour: &str| {
        succeed(&[&route[..], &["--depart", &format!("2026-07-10T{hour}:00:00+05:30")]].concat())
    };
    let (day, night) = (by_hour("10"), by_hour("22"));
    assert!(day.contains("Hill Road") && !day.contains("Market Road"), "shut by day: {day}");
    assert!(night.contains("Market Road") && !night.contains("Hill Road"), "{night}");
    assert!(!night.contains("-0"), "{night}");
    let json = succeed(&[&route[..], &["--load", "10", "--json"]].concat());
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(told["climb_m"].as_f64().unwrap() > 50.0 && told["cost_inr"].is_null(), "{told}");
}

#[test]
fn what_is_too_heavy_for_a_bridge_goes_another_way() {
    let route = ["route", "Pahargaon", "Uparbasti", "--network", TOWN, "--truck"];
    let way = |model: &str| {
        succeed(&[&route[..], &[model, "--depart", "2026-07-10T22:00:00+05:30"]].concat())
    };
    let (light, heavy) = (way("rigid_6x2_25t5"), way(HEAVY));
    assert!(light.contains("NH 6 "), "{light}");
    assert!(heavy.contains("Hill Road") && !heavy.contains("NH 6 "), "maxweight=40: {heavy}");
}

#[test]
fn a_preparation_is_kept_and_one_that_is_damaged_is_made_anew() {
    let scratch = Scratch::new();
    let cache = scratch.path("cache");
    let prepare = ["network", "prepare", TOWN, "--cache", text(&cache)];
    assert!(succeed(&prepare).contains("prepared, since nothing was kept"));
    assert!(succeed(&prepare).contains("was prepared before"));
    let route = ["route", "Pahargaon", "Uparbasti", "--network", TOWN, "--json"];
    let cached = [&route[..], &["--cache", text(&cache)]].concat();
    assert_eq!(succeed(&route), succeed(&cached));
    let file = std::fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(succeed(&route), succeed(&cached), "not trusted");
    assert!(succeed(&prepare).contains("was prepared before"), "and mended");
}

#[test]
fn a_position_off_any_road_is_refused_with_distance_and_limit() {
    let said = fail(&["route", "26.20,92.20", "Uparbasti", "--network", TOWN]);
    assert!(said.contains("m away, over 5000 m"), "{said}");
}

#[test]
fn damage_is_named_with_its_place() {
    let scratch = Scratch::new();
    let file = scratch.path("cut.osm");
    let town = std::fs::read_to_string(TOWN).unwrap();
    std::fs::write(&file, &town[..town.len() / 2]).unwrap();
    let said = fail(&["network", "check", text(&file)]);
    assert!(said.contains("cut.osm: line ") && !said.contains("panicked"), "{said}");
    let folder = scratch.path("no-tiles");
    assert!(fail(&["network", "check", TOWN, "--dem", text(&folder)]).contains("no such folder"));
}

#[test]
fn every_seed_of_the_fuzzer_is_read_or_refused() {
    let seeds = |name: &str| {
        let folder = format!("{}/fuzz/seeds/{name}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).unwrap();
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect::<Vec<_>>()
    };
    let (files, blocks) = (seeds("osm"), seeds("osm_block"));
    assert!(files.len() >= 8 && blocks.len() >= 3, "{} {}", files.len(), blocks.len());
    for file in files {
        made::read_or_refused(&file);
    }
    for block in blocks {
        made::block_read_or_refused(&block);
    }
}
