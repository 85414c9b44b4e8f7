//! Data Fleet, the whole platform in one process: it composes the crates and decides nothing.
//!
//! The simulator publishes into the embedded log; two groups bring the log into the embedded
//! store; the API answers from the store. Kill it at any moment and start it again: nothing can be
//! told from the data.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod cli;
mod consistency;
mod data_dir;
mod dead_letters;
mod dump;
mod keys;
mod network;
mod platform;
mod progress;
mod report;
mod route;
mod settings;
mod slo;
mod truck;

use std::{io::Write, process::ExitCode};

pub use cli::Cli;
use fleet_core::hook::Hook;

/// Runs a command line to its end and says how it went.
pub fn execute(cli: Cli) -> ExitCode {
    execute_with(cli, Hook::default())
}

/// As [`execute`], with a hook that the services' named points pass: tests end the process there.
pub fn execute_with(cli: Cli, hook: Hook) -> ExitCode {
    match cli.execute(hook) {
        Ok(()) => ExitCode::SUCCESS,
        // `dump … | head`: the reader has had enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be listening; the exit code says it too.
            drop(writeln!(std::io::stderr(), "data-fleet: {}", told(&error)));
            ExitCode::FAILURE
        }
    }
}

/// The causes, one after the other; an error of ours tells those below it by itself.
fn told(error: &anyhow::Error) -> String {
    let mut told = Vec::new();
    for cause in error.chain() {
        told.push(cause.to_string());
        if cause.is::<fleet_core::Error>() {
            break;
        }
    }
    told.join(": ")
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(is)
}
