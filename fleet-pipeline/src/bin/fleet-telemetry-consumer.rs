//! A consumer group as a service: see `fleet-telemetry-consumer --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    fleet_core::service::execute(
        "fleet-telemetry-consumer",
        fleet_pipeline::service::archive_telemetry(),
    )
}
