//! `data-fleet network`, as a user types it.

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
