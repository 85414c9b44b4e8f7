//! Roads of your own: an OpenStreetMap extract is read, what was found is told, and a route is
//! found on it. Give a file (XML or PBF) of any region, or none for a small town drawn by hand.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::{path::PathBuf, sync::Arc};

use fleet_core::{
    Result,
    route::{
        BuiltinRouter, Ferries, NodeIx, NodeKind,
        osm::{self, Options, Source},
    },
};

fn main() -> Result<()> {
    let drawn = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/hill_town.osm");
    let file = std::env::args().nth(1).map_or_else(|| PathBuf::from(drawn), PathBuf::from);
    let options = Options { name: file.display().to_string(), ..Options::default() };
    let region = osm::read(Source::File(&file), &options, &mut |_| {})?;
    print!("{}", region.report);
    for note in region.report.notes.shown.iter().take(5) {
        println!("  {note}");
    }

    // From the first to the last junction, or between two places with names where there are any.
    let network = Arc::new(region.network);
    let places: Vec<NodeIx> = network
        .node_indices()
        .filter(|ix| network.node_at(*ix).kind != NodeKind::Junction)
        .chain(network.node_indices().take(1))
        .chain(network.node_indices().last())
        .collect();
    let router = BuiltinRouter::new(Arc::clone(&network)).with_ferries(Ferries::Allowed);
    let (from, to) = (places[0], places[1]);
    let route = router.route_nodes(from, to)?;
    let name = |ix: NodeIx| {
        let node = network.node_at(ix);
        if node.name.is_empty() { node.id.to_string() } else { node.name.to_string() }
    };
    println!("\n{} to {}:", name(from), name(to));
    for (town, at_m) in &route.towns {
        println!("{:7.2} km  {}", at_m / 1e3, name(*town));
    }
    println!("{:.2} km, {:.0} min", route.length_m / 1e3, route.duration_s / 60.0);
    Ok(())
}
