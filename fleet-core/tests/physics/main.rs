//! The truck kernel against published numbers, and against the laws it must keep.

use std::{fs, path::Path};

mod determinism;
mod fixtures;
mod laws;
mod plots;
mod reference;
mod report;
mod svg;

#[test]
fn every_published_point_is_met_or_a_known_miss() {
    let mut faults = Vec::new();
    for point in reference::points() {
        let value = point.computed();
        let band = point.band();
        let miss = reference::KNOWN_MISSES.iter().find(|miss| miss.0 == point.id());
        match (band.holds(value), miss) {
            (true, None) | (false, Some(_)) => {}
            (true, Some((id, reason))) => {
                faults.push(format!("{id}: met now ({value:.4}); no longer a miss: {reason}"));
            }
            (false, None) => faults.push(format!("{}: {value:.4}, expected {band:?}", point.id())),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_committed_page_and_charts_are_what_the_kernel_gives() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for (path, made) in report::files() {
        let committed = fs::read_to_string(docs.join(path)).unwrap_or_default();
        let first = made.lines().zip(committed.lines()).find(|(made, committed)| made != committed);
        assert!(
            made == committed,
            "docs/{path} is stale: run `cargo run -p fleet-core --example physics_report -- docs`; \
             first difference: {first:?}"
        );
    }
}
