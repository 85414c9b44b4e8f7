//! The API as a service: see `fleet-api --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    fleet_core::service::execute("fleet-api", fleet_api::serve::main())
}
