//! `data-fleet network`: what can be done with a road network, the bundled one or a file.

use std::{
    fs::File,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use fleet_core::route::{
    BuiltinRouter, Ferries, Network, Preparation,
    osm::{self, Loaded, Options, Progress, Report, Source, SpeedTag},
};

/// What to do with a network.
#[derive(Debug, Subcommand)]
pub(crate) enum NetworkCommand {
    /// Read a file as data-fleet route would, and say what is in it, left out, or odd.
    Check(CheckArgs),
    /// Prepare its routes and keep that in a folder, for data-fleet route --cache.
    Prepare(PrepareArgs),
    /// Write it as OSM XML, from which osrm-extract prepares the same roads.
    ExportOsm(ExportOsmArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// OSM XML (plain or gzip), OSM PBF, or JSON of the bundled network's form.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A folder of SRTM tiles (N26E091.hgt, ...): heights of an extract's roads.
    #[arg(long, value_name = "DIR")]
    dem: Option<PathBuf>,
    /// How many oddities to print; all are counted.
    #[arg(long, value_name = "N", default_value_t = 20)]
    notes: usize,
}

#[derive(Debug, Args)]
pub(crate) struct PrepareArgs {
    /// OSM XML (plain or gzip), OSM PBF, or JSON of the bundled network's form.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where it is kept; what is damaged there, or of other roads, is made anew.
    #[arg(long, value_name = "DIR")]
    cache: PathBuf,
    /// A folder of SRTM tiles, as data-fleet route is given it.
    #[arg(long, value_name = "DIR")]
    dem: Option<PathBuf>,
    /// Ways may cross water by boat.
    #[arg(long)]
    ferries: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportOsmArgs {
    /// Where to; - is the standard output.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// An extract or a JSON network [default: the bundled roads of Northeast India].
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
        NetworkCommand::Check(args) => check(args),
        NetworkCommand::Prepare(args) => prepare(args),
        NetworkCommand::ExportOsm(args) => export_osm(args),
    }
}

/// The bundled roads, or those of a file: an extract or JSON. An extract's report comes along.
pub(crate) fn read(
    file: Option<&Path>,
    dem: Option<&Path>,
) -> Result<(Arc<Network>, Option<Report>)> {
    let Some(path) = file else { return Ok((Arc::clone(Network::ne_india()), None)) };
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let options = Options { name, dem: dem.map(Into::into), ..Options::default() };
    let mut line = ProgressLine::default();
    let loaded = osm::load(Source::File(path), &options, &mut |progress| line.show(progress));
    drop(line);
    Ok(match loaded? {
        Loaded::Json(network) => (Arc::from(network), None),
        Loaded::Osm(region) => (Arc::new(region.network), Some(region.report)),
    })
}

/// How far reading has come, on a terminal that somebody may watch. Small files show nothing.
#[derive(Default)]
struct ProgressLine {
    is_shown: bool,
}

impl ProgressLine {
    fn show(&mut self, Progress { stage, done, total }: Progress) {
        if total < SMALL || !std::io::stderr().is_terminal() {
            return;
        }
        let percent = done.saturating_mul(100) / total;
        self.is_shown = true;
        // Nobody may be there any more.
        let _ = write!(std::io::stderr(), "\r\x1b[K{} {percent} %", stage.as_str());
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// Files of fewer bytes are read before anybody could read a line.
const SMALL: u64 = 4 << 20;

fn check(args: &CheckArgs) -> Result<()> {
    let (network, report) = read(Some(&args.file), args.dem.as_deref())?;
    let mut out = std::io::stdout().lock();
    let Some(report) = report else {
        let roads = network.segments();
        let km: f64 = roads.iter().map(|road| road.length_m).sum::<f64>() / 1_000.0;
        let (name, nodes) = (network.name(), network.nodes().len());
        writeln!(out, "{name}: {nodes} nodes, {} segments, {km:.1} km; no fault", roads.len())?;
        return Ok(());
    };
    write!(out, "{report}")?;
    for note in report.notes.shown.iter().take(args.notes) {
        writeln!(out, "  {note}")?;
    }
    let told = report.notes.shown.len().min(args.notes) as u64;
    if told < report.notes.count {
        writeln!(out, "  and {} more", report.notes.count - told)?;
    }
    if report.has_unknown_grades() {
        writeln!(out, "grades are unknown where heights are: give tiles with --dem")?;
    }
    Ok(())
}

fn prepare(args: &PrepareArgs) -> Result<()> {
    let (network, _) = read(Some(&args.file), args.dem.as_deref())?;
    let ferries = if args.ferries { Ferries::Allowed } else { Ferries::LeftOut };
    let router = BuiltinRouter::new(Arc::clone(&network)).with_ferries(ferries);
    let how = match router.prepare_in(&args.cache)? {
        Preparation::Made { because } => format!("prepared, since {because}"),
        Preparation::Read | Preparation::Ready => "was prepared before".to_owned(),
    };
    let (name, roads) = (network.name(), network.segments().len());
    writeln!(std::io::stdout(), "{name}: {roads} segments, {ferries}: {how}")?;
    Ok(())
}

fn export_osm(args: &ExportOsmArgs) -> Result<()> {
    let (network, _) = read(args.network.as_deref(), None)?;
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
