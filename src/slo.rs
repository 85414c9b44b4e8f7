//! Service levels from the terminal, and what is said of them in settings.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::Result;
use clap::{Args, Subcommand};
use fleet_api::slo::{Level, SloSettings};
use fleet_core::slo::prometheus_rules;

use crate::{cli::RunArgs, settings};

/// Objectives as flags.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SloArgs {
    /// Share of requests that must not fail by our fault, percent [default: 99.9].
    #[arg(long, value_name = "PERCENT")]
    pub(crate) slo_availability: Option<String>,
    /// Share of answers that must begin in time, percent [default: 99].
    #[arg(long, value_name = "PERCENT")]
    pub(crate) slo_latency: Option<String>,
    /// What is in time, ms [default: 250].
    #[arg(long, value_name = "MS")]
    pub(crate) slo_latency_ms: Option<String>,
    /// Share of trucks that must have been heard of within a minute, percent [default: 99].
    #[arg(long, value_name = "PERCENT")]
    pub(crate) slo_freshness: Option<String>,
    /// Share of accepted events that must be there to be asked for within 5 s, percent [default: 95].
    #[arg(long, value_name = "PERCENT")]
    pub(crate) slo_queryable: Option<String>,
    /// Share of numbered reports that must come, percent [default: 99.9].
    #[arg(long, value_name = "PERCENT")]
    pub(crate) slo_completeness: Option<String>,
    /// Share of records that must not be set aside, percent [default: 99.9].
    #[arg(long, value_name = "PERCENT")]
    pub(crate) slo_correctness: Option<String>,
    /// Share of trips that must end when promised, percent [default: 90].
    #[arg(long, value_name = "PERCENT")]
    pub(crate) slo_on_time: Option<String>,
    /// Who counts: in-process, or the address of a Prometheus that scrapes it [default: in-process].
    #[arg(long, value_name = "URL")]
    pub(crate) slo_source: Option<String>,
}

/// The same as settings.
pub(crate) fn shown(slo: &SloSettings) -> Vec<(String, String)> {
    let objectives = Level::ALL.map(|level| (format!("slo_{level}"), slo.objective(level)));
    let objectives = objectives.map(|(name, objective)| (name, objective.to_string()));
    let latency = ("slo_latency_ms".to_owned(), slo.latency.as_millis().to_string());
    let source = slo.source.clone().unwrap_or_else(|| "in-process".to_owned());
    objectives.into_iter().chain([latency, ("slo_source".to_owned(), source)]).collect()
}

#[derive(Debug, Subcommand)]
pub(crate) enum SloCommand {
    /// Print rules for Prometheus: counts, burn rates, and the alerts that can fire.
    Rules {
        #[command(flatten)]
        slo: SloArgs,
        /// Settings file, TOML; FLEET_SLO_... are read, too.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

pub(crate) fn run(command: SloCommand) -> Result<()> {
    let SloCommand::Rules { slo, config } = command;
    let asked = settings::resolve(&RunArgs { slo, config, ..RunArgs::default() })?.api.slo;
    let levels = Level::ALL.map(|level| (level.as_str(), asked.objective(level)));
    io::stdout().write_all(prometheus_rules(&levels).as_bytes())?;
    Ok(())
}
