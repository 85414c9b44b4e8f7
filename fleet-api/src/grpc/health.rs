//! gRPC health v1, told by what `/readyz` tells.

use std::time::Duration;

use fleet_proto::v1::{
    fleet_service_server, pipeline_service_server, telemetry_service_server, trip_service_server,
};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::Service;

/// The server as a whole, and each of its services.
const SERVICES: [&str; 5] = [
    "",
    fleet_service_server::SERVICE_NAME,
    telemetry_service_server::SERVICE_NAME,
    trip_service_server::SERVICE_NAME,
    pipeline_service_server::SERVICE_NAME,
];
/// How old an answer may be.
const EVERY: Duration = Duration::from_secs(2);

/// Keeps the reporter true until the API closes, and then says that nothing serves any more.
pub(super) async fn report(service: &Service, reporter: &HealthReporter) {
    let closed = service.closing.closed();
    tokio::pin!(closed);
    let mut told = None;
    loop {
        let status = match service.ready().await {
            Ok(()) => ServingStatus::Serving,
            Err(error) => {
                tracing::warn!(%error, "not ready");
                ServingStatus::NotServing
            }
        };
        if told != Some(status) {
            tell(reporter, status).await; // each telling wakes all who watch
            told = Some(status);
        }
        tokio::select! {
            () = &mut closed => return tell(reporter, ServingStatus::NotServing).await,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn tell(reporter: &HealthReporter, status: ServingStatus) {
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}
