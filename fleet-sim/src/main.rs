//! The simulator as a service: see `fleet-sim --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    fleet_core::service::execute("fleet-sim", fleet_sim::service::main())
}
