//! The command line.

use std::{io::Write as _, path::PathBuf};

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
use fleet_core::hook::Hook;

use crate::{dead_letters, dump, keys, network, platform, report, route, settings, slo, truck};

/// A fleet of trucks on the roads of Northeast India: simulator, pipeline, store and API.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the platform (the default).
    Run(Box<RunArgs>),
    /// Print what is kept as JSON lines, in an order that does not depend on how it got there.
    Dump {
        /// What to print.
        what: What,
        /// Where the data is.
        #[arg(long, default_value = settings::DATA_DIR)]
        data_dir: PathBuf,
    },
    /// Where a truck settles on a steady road: speed, power, gear, fuel, coolant, vibration.
    Truck(TruckArgs),
    /// The way from one place to another: legs, climb, time, fuel, cost, stops.
    Route(Box<RouteArgs>),
    /// Simulate days of the fleet in memory and print its figures beside published ones.
    Report(report::ReportArgs),
    /// What can be done with a road network.
    #[command(subcommand)]
    Network(network::NetworkCommand),
    /// Make, list and revoke API keys.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Service levels as rules for Prometheus.
    #[command(subcommand)]
    Slo(slo::SloCommand),
    /// What whoever stands before the server should know.
    #[command(subcommand)]
    Edge(EdgeCommand),
    /// List, show, export and put back records that could not be handled.
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLettersCommand),
}

#[derive(Debug, Subcommand)]
enum EdgeCommand {
    /// Print every method and path that is answered: what a firewall may let through.
    Paths,
}

/// What `dump` prints.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum What {
    /// Events by truck and sequence number.
    Telemetry,
    /// Trips by id.
    Trips,
    /// Each truck's cumulative totals.
    Counters,
    /// Records that were set aside.
    DeadLetters,
}

/// What `truck` is asked. Numbers are text here, so that all faults are told at once.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Laden to GVW, level, sea level, 30 °C and road B unless told otherwise.")]
pub(crate) struct TruckArgs {
    /// A model's name (see --list), or a file of your own: TOML or JSON.
    #[arg(value_name = "MODEL|FILE", required_unless_present = "list")]
    pub(crate) model: Option<String>,
    /// Print the models there are, and stop.
    #[arg(
        long,
        conflicts_with_all = ["model", "speed", "grade", "load", "gvw", "gear", "altitude", "ambient", "road"]
    )]
    pub(crate) list: bool,
    /// Speed the driver wants, km/h: 0 to 120.
    #[arg(
        long,
        value_name = "KMH",
        allow_negative_numbers = true,
        required_unless_present = "list"
    )]
    pub(crate) speed: Option<String>,
    /// Slope, %, uphill positive: -30 to 30 [default: 0].
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
    pub(crate) grade: Option<String>,
    /// Load, t; excludes --gvw.
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) load: Option<String>,
    /// Mass with load, t; excludes --load [default: the model's gross weight].
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) gvw: Option<String>,
    /// Gear to hold, from 1 [default: the driver's choice].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) gear: Option<String>,
    /// Altitude, m: -500 to 6000 [default: 0].
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    pub(crate) altitude: Option<String>,
    /// Temperature of the air, °C: -40 to 55 [default: 30].
    #[arg(long, value_name = "C", allow_negative_numbers = true)]
    pub(crate) ambient: Option<String>,
    /// Class of the road by ISO 8608, A (smooth) to E [default: B].
    #[arg(long, value_name = "A..E")]
    pub(crate) road: Option<String>,
    /// Print one JSON object; with --list, one array of them.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `route` is asked. Numbers are text here, so that all faults are told at once.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Places are ids or names (case, accents, spaces and hyphens do not matter, a beginning is enough), or
LAT,LON. Without --truck and --depart the way is the fastest in free flow; with either, hour, zone,
grade and load count. docs/routing.md names every field of --json.")]
pub(crate) struct RouteArgs {
    /// Where it begins.
    #[arg(allow_hyphen_values = true)]
    pub(crate) from: String,
    /// Where it ends.
    #[arg(allow_hyphen_values = true)]
    pub(crate) to: String,
    /// A place to call at on the way; may be given again.
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true)]
    pub(crate) via: Vec<String>,
    /// Roads of your own: an OSM extract (XML or PBF), or JSON of the bundled network's form.
    #[arg(long, value_name = "FILE")]
    pub(crate) network: Option<PathBuf>,
    /// Heights for an extract: a folder of SRTM tiles (N26E091.hgt, ...).
    #[arg(long, value_name = "DIR", requires = "network")]
    pub(crate) dem: Option<PathBuf>,
    /// Folder of what `network prepare` made: a large network is then not prepared again.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// A model's name (see `truck --list`) or file [default: rigid_6x2_25t5].
    #[arg(long, value_name = "MODEL|FILE")]
    pub(crate) truck: Option<String>,
    /// Load, t [default: all that the model may carry].
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) load: Option<String>,
    /// Height with load, m: roads under lower limits are left out [default: unknown].
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    pub(crate) height: Option<String>,
    /// Departure: RFC 3339 like 2026-07-10T05:00:00+05:30, or now.
    #[arg(long, value_name = "TIME")]
    pub(crate) depart: Option<String>,
    /// Drivers on board, 1 to 3 [default: 1].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) drivers: Option<String>,
    /// Fuel in the tank at the start, l [default: a full tank].
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) fuel: Option<String>,
    /// Ways may cross water by boat.
    #[arg(long)]
    pub(crate) ferries: bool,
    /// Tell up to so many other ways, 0 to 5 [default: 0].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) alternatives: Option<String>,
    /// Tell the turns too, with road names; --json always does.
    #[arg(long)]
    pub(crate) turns: bool,
    /// Print one JSON object.
    #[arg(long, conflicts_with = "geojson")]
    pub(crate) json: bool,
    /// Print GeoJSON: a line for each leg, a point for each stop.
    #[arg(long)]
    pub(crate) geojson: bool,
}

/// Settings as flags. Each can stand in the settings file or in `FLEET_…` too.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RunArgs {
    /// Directory of log, store and state [default: data].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    /// How many trucks [default: 30].
    #[arg(long)]
    pub(crate) trucks: Option<String>,
    /// Seed of all randomness [default: 1].
    #[arg(long)]
    pub(crate) seed: Option<String>,
    /// Simulated seconds a second: a number, or max [default: 1].
    #[arg(long)]
    pub(crate) speed: Option<String>,
    /// Where simulated time begins, RFC 3339 [default: now].
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Option<String>,
    /// Where it ends, RFC 3339 [default: never].
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Whose ways trucks drive: builtin, or an OSRM server like http://127.0.0.1:5000; fixed for the
    /// fleet's life, the server's address is not [default: builtin].
    #[arg(long, value_name = "URL")]
    pub(crate) router: Option<String>,
    /// Address of REST, streams and status page [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Address of gRPC, or off [default: 127.0.0.1:50051].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) grpc_listen: Option<String>,
    /// Days that telemetry is kept [default: 7].
    #[arg(long, value_name = "DAYS")]
    pub(crate) retention_days: Option<String>,
    /// Listen on other addresses than loopback although no keys are asked for: true or false.
    #[arg(long, value_name = "BOOL")]
    pub(crate) allow_public: Option<String>,
    /// What may be asked without an API key: open, public-read or required [default: open].
    #[arg(long, value_name = "MODE")]
    pub(crate) auth: Option<String>,
    /// Limit requests without a key on loopback, too: auto or on [default: auto].
    #[arg(long, value_name = "MODE")]
    pub(crate) limits: Option<String>,
    /// Limits by class, like read=10@0.5,live=10@0.2: a burst, and tokens a second.
    #[arg(long, value_name = "QUOTAS")]
    pub(crate) quotas: Option<String>,
    /// While the limiter does not answer: fail-open-local or fail-closed [default: fail-open-local].
    #[arg(long, value_name = "MODE")]
    pub(crate) limits_unavailable: Option<String>,
    /// Addresses whose X-Forwarded-For is believed, with commas between.
    #[arg(long, value_name = "ADDRESSES")]
    pub(crate) trusted_proxies: Option<String>,
    /// Sites whose pages may ask from a browser, like https://fleet.example, with commas between.
    #[arg(long, value_name = "SITES")]
    pub(crate) cors_origins: Option<String>,
    #[command(flatten)]
    pub(crate) slo: slo::SloArgs,
    /// Settings file, TOML, with the flags' names in snake_case.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print the settings that would be used, and stop.
    #[arg(long)]
    pub(crate) check_config: bool,
}

impl Cli {
    pub(crate) fn execute(self, hook: Hook) -> Result<()> {
        match self.command.unwrap_or(Command::Run(Box::new(self.run))) {
            Command::Run(args) => {
                let settings = settings::resolve(&args)?;
                if args.check_config {
                    return settings.print();
                }
                platform::run(&settings, hook)
            }
            Command::Truck(args) => truck::run(&args),
            Command::Route(args) => route::run(&args),
            Command::Dump { what, data_dir } => dump::dump(what, &data_dir),
            Command::Report(args) => report::report(&args),
            Command::Network(command) => network::run(&command),
            Command::Keys(command) => keys::run(command),
            Command::Edge(EdgeCommand::Paths) => {
                Ok(std::io::stdout().write_all(fleet_api::known_paths().as_bytes())?)
            }
            Command::Slo(command) => slo::run(command),
            Command::DeadLetters(command) => dead_letters::run(command),
        }
    }
}
