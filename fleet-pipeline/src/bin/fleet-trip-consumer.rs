//! A consumer group as a service: see `fleet-trip-consumer --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    fleet_core::service::execute("fleet-trip-consumer", fleet_pipeline::service::record_trips())
}
