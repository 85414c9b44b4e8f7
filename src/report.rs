//! `data-fleet report`: days of the fleet in memory, beside what is published.

use std::io::{self, Write};

use anyhow::{Context as _, Result};
use clap::Args;
use fleet_core::time::Time;
use fleet_sim::{FleetReport, ReportSettings};

/// Which fleet, for how long, and how to print it.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReportArgs {
    /// How many days.
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// How many trucks.
    #[arg(long, default_value_t = 30)]
    trucks: u32,
    /// Seed of all randomness.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where simulated time begins, RFC 3339.
    #[arg(long, value_name = "TIME", default_value = "2026-01-05T00:00:00Z")]
    start: String,
    /// Print one JSON object instead of a page of Markdown.
    #[arg(long)]
    json: bool,
}

pub(crate) fn report(args: &ReportArgs) -> Result<()> {
    let start: Time = args.start.parse().context("--start")?;
    let ReportArgs { seed, trucks, days, .. } = *args;
    let report = FleetReport::simulate(ReportSettings { seed, start, trucks, days })?;
    if args.json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        io::stdout().write_all(report.markdown().as_bytes())?;
    }
    Ok(())
}
