//! gRPC health v1, told by what `/readyz` tells.

use std::time::Duration;

use fleet_proto::v1::{
    fleet_service_server, key_service_server, pipeline_service_server, telemetry_service_server,
    trip_service_server,
};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::Service;

/// The server as a whole, and each of its services.
const SERVICES: [&str; 6] = [
    "",
    fleet_service_server::SERVICE_NAME,
    telemetry_service_server::SERVICE_NAME,
    trip_service_server::SERVICE_NAME,
    pipeline_service_server::SERVICE_NAME,
    key_service_server::SERVICE_NAME,
];
/// How old an answer may be.
const EVERY: Duration = Duration::from_secs(2);

/// Says how things are now, unless that is what was said last: each telling wakes all who watch.
pub(super) async fn refresh(
    service: &Service,
    reporter: &HealthReporter,
    told: Option<ServingStatus>,
) -> ServingStatus {
    let status = match service.ready().await {
        Ok(()) => ServingStatus::Serving,
        Err(error) => {
            tracing::warn!(%error, "not ready");
            ServingStatus::NotServing
        }
    };
    if told != Some(status) {
        tell(reporter, status).await;
    }
    status
}

/// Keeps the reporter true until the API closes, and then says that nothing serves any more.
pub(super) async fn report(service: &Service, reporter: &HealthReporter, told: ServingStatus) {
    let closed = service.closing.closed();
    tokio::pin!(closed);
    let mut told = told;
    loop {
        tokio::select! {
            () = &mut closed => return tell(reporter, ServingStatus::NotServing).await,
            () = tokio::time::sleep(EVERY) => told = refresh(service, reporter, Some(told)).await,
        }
    }
}

async fn tell(reporter: &HealthReporter, status: ServingStatus) {
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}
