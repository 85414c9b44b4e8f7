//! Data Fleet in one process: see `data-fleet --help`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    data_fleet::execute(data_fleet::Cli::parse())
}
