//! `data-fleet network`: what can be done with a road network, the bundled one or a file.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use fleet_core::route::{
    Ferries, Network,
    osm::{self, SpeedTag},
};

/// What to do with a network.
#[derive(Debug, Subcommand)]
pub(crate) enum NetworkCommand {
    /// Write it as OSM XML, from which osrm-extract prepares the same roads.
    ExportOsm(ExportOsmArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ExportOsmArgs {
    /// Where to; - is the standard output.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A network file, JSON [default: the bundled roads of Northeast India].
    #[arg(long, value_name = "FILE")]
    network: Option<PathBuf>,
    /// Leave crossings by boat out.
    #[arg(long)]
    no_ferries: bool,
    /// Write posted limits instead of what makes OSRM drive as fast as a loaded truck.
    #[arg(long)]
    posted_speeds: bool,
}

pub(crate) fn run(command: &NetworkCommand) -> Result<()> {
    match command {
        NetworkCommand::ExportOsm(args) => export_osm(args),
    }
}

fn read(file: Option<&Path>) -> Result<Arc<Network>> {
    let Some(path) = file else { return Ok(Arc::clone(Network::ne_india())) };
    let shown = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(shown)?;
    Ok(Arc::new(Network::from_json(&text).with_context(shown)?))
}

fn export_osm(args: &ExportOsmArgs) -> Result<()> {
    let network = read(args.network.as_deref())?;
    let ferries = if args.no_ferries { Ferries::LeftOut } else { Ferries::Allowed };
    let speed = if args.posted_speeds { SpeedTag::Posted } else { SpeedTag::Truck };
    let is_stdout = args.out.as_os_str() == "-";
    let shown = args.out.display();
    let export = if is_stdout {
        osm::write(&network, ferries, speed, &mut std::io::stdout().lock())?
    } else {
        let mut file = File::create(&args.out).with_context(|| shown.to_string())?;
        osm::write(&network, ferries, speed, &mut file).with_context(|| shown.to_string())?
    };
    if !is_stdout {
        let (road_km, drawn_km) = (export.road_m / 1e3, export.drawn_m / 1e3);
        let (towns, points, worst_m) = (export.towns, export.points, export.worst_m);
        writeln!(
            std::io::stderr(),
            "{shown}: {towns} towns, {points} further points, {} ways; {road_km:.0} km by road, \
             {drawn_km:.1} km drawn, no road off by more than {worst_m:.1} m",
            export.ways
        )?;
    }
    Ok(())
}
