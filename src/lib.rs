//! Data Fleet, the whole platform in one process: it composes the crates and decides nothing.
//!
//! The simulator publishes into the embedded log; two groups bring the log into the embedded
//! store; the API answers from the store. Kill it at any moment and start it again: nothing can be
//! told from the data.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod cli;
mod data_dir;
mod dead_letters;
mod dump;
mod network;
mod platform;
mod progress;
mod report;
mod settings;
mod truck;

use std::process::ExitCode;

pub use cli::Cli;
use fleet_core::hook::Hook;

/// Runs a command line to its end and says how it went.
pub fn execute(cli: Cli) -> ExitCode {
    execute_with(cli, Hook::default())
}

/// As [`execute`], with a hook that the services' named points pass: tests end the process there.
#[allow(clippy::print_stderr, reason = "this is the program talking to its user")]
pub fn execute_with(cli: Cli, hook: Hook) -> ExitCode {
    match cli.execute(hook) {
        Ok(()) => ExitCode::SUCCESS,
        // `dump … | head`: the reader has had enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("data-fleet: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(is)
}
