//! gRPC: the services of `fleet/v1/services.proto`, health and reflection.
//!
//! Each method asks the use case that its REST twin asks; `convert` alone knows both the answers
//! and the messages, and a [`Problem`] is a status as much as it is an HTTP answer.

mod convert;
mod fleet;
mod health;
mod ingest;
mod keys;
mod pipeline;
mod places;
mod slo;
mod status;
mod telemetry;
mod trips;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use fleet_core::{Error, Result};
use fleet_proto::v1::{
    fleet_service_server::FleetServiceServer, key_service_server::KeyServiceServer,
    pipeline_service_server::PipelineServiceServer, place_service_server::PlaceServiceServer,
    reliability_service_server::ReliabilityServiceServer,
    telemetry_service_server::TelemetryServiceServer, trip_service_server::TripServiceServer,
};
use futures::FutureExt;
use tokio::net::TcpListener;
use tonic::{Code, Response, Status, service::Routes};
use tonic_web::GrpcWebLayer;
use tower::ServiceBuilder;
use tower_http::timeout::TimeoutLayer;

use crate::{
    Service, accept,
    guard::{Caller, Payer, Tongue, guard},
    keys::Class,
    operations::OPERATIONS,
    problem::Problem,
    rest::cors,
};

pub(crate) use ingest::of_message;

/// The largest request, bytes: that of REST.
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// The largest answer, bytes: what clients accept unless told otherwise.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// How long one call may take once its message is there; of a stream, until it begins.
const DEADLINE: Duration = accept::ANSWER_WITHIN;
/// How long its message may take to come, beyond that.
const MESSAGE_WITHIN: Duration = Duration::from_secs(10);

/// Serves on `listener` until the API closes.
///
/// # Errors
/// `Internal` if the contracts do not describe themselves.
pub(crate) async fn run(service: Arc<Service>, listener: TcpListener) -> Result<()> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let routes = routes(&service)?.add_service(health);
    let guarded = (Arc::clone(&service), Tongue::Grpc);
    let router = routes
        .into_axum_router()
        .layer(axum::middleware::from_fn_with_state(guarded, guard))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            DEADLINE + MESSAGE_WITHIN,
        ))
        // Browsers speak gRPC-Web, by HTTP/1.1 too; what is gRPC already passes unchanged.
        .layer(
            ServiceBuilder::new()
                .layer(GrpcWebLayer::new())
                .map_request(|request: Request<tonic::body::Body>| request.map(Body::new))
                .map_response(|answer: axum::response::Response| {
                    answer.map(tonic::body::Body::new)
                }),
        )
        .layer(cors(&service.settings.cors_origins));
    let told = health::refresh(&service, &reporter, None).await; // before anybody can ask
    tokio::join!(
        accept::serve(listener, router, &service.closing, accept::BOUNDS),
        health::report(&service, &reporter, told),
    );
    Ok(())
}

fn routes(service: &Arc<Service>) -> Result<Routes> {
    // One macro instead of four times the same bounds: the generated servers share no trait.
    macro_rules! bounded {
        ($server:ident) => {
            $server::new(Face(Arc::clone(service)))
                .max_decoding_message_size(REQUEST_BYTES_MAX)
                .max_encoding_message_size(ANSWER_BYTES_MAX)
        };
    }
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(fleet_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let bad = |e| Error::internal("descriptors of the contracts").with_source(e);
    Ok(Routes::new(bounded!(FleetServiceServer))
        .add_service(bounded!(TelemetryServiceServer))
        .add_service(bounded!(TripServiceServer))
        .add_service(bounded!(PlaceServiceServer))
        .add_service(bounded!(PipelineServiceServer))
        .add_service(bounded!(ReliabilityServiceServer))
        .add_service(bounded!(KeyServiceServer))
        .add_service(reflection().build_v1().map_err(bad)?)
        .add_service(reflection().build_v1alpha().map_err(bad)?))
}

/// The use cases as gRPC shows them.
#[derive(Clone, Debug)]
struct Face(Arc<Service>);

/// Whether a call that ended so failed by our fault; all other codes are the caller's own.
pub(crate) const fn is_failure(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
            | Code::DeadlineExceeded
    )
}

/// Who makes this call, as the guard has found.
fn caller<T>(request: &tonic::Request<T>) -> Caller {
    request.extensions().get().cloned().unwrap_or(Caller::Anonymous)
}

/// Who pays for this call, as the guard has found.
fn payer<T>(request: &tonic::Request<T>) -> Result<Payer, Problem> {
    let payer = request.extensions().get().cloned();
    payer.ok_or_else(|| Error::internal("a call came past the guard").into())
}

impl Face {
    /// Answers one call: counted and timed by its name, within the deadline. A panic is the end of
    /// this call only, not of the others on its connection.
    async fn answer<A>(
        &self,
        method: &'static str,
        work: impl Future<Output = Result<A, Problem>> + Send,
    ) -> Result<Response<A>, Status> {
        let Service { parts, metrics, .. } = &*self.0;
        let began_us = parts.clock.monotonic_us();
        let work = tokio::time::timeout(DEADLINE, AssertUnwindSafe(work).catch_unwind());
        let outcome = match work.await {
            Ok(Ok(outcome)) => outcome.map_err(Status::from),
            Ok(Err(_panic)) => {
                Err(Problem::from(Error::internal(format!("{method} panicked"))).into())
            }
            Err(_late) => Err(Status::deadline_exceeded("no answer within 30 s")),
        };
        let code = outcome.as_ref().err().map_or(Code::Ok, Status::code);
        let seconds = parts.clock.monotonic_us().saturating_sub(began_us) as f64 / 1e6;
        metrics.calls.with_label_values(&[method, &format!("{code:?}")]).inc();
        metrics.call_duration.with_label_values(&[method]).observe(seconds);
        let operation = OPERATIONS.iter().find(|operation| operation.call == method);
        let is_stream = operation.is_some_and(|operation| operation.class == Class::Live);
        if !(is_stream && outcome.is_ok()) {
            self.0.watch.answered(is_failure(code), seconds); // a stream counts when it ends
        }
        outcome.map(Response::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::service;

    fn face() -> (Face, tempfile::TempDir) {
        let (service, dir) = service();
        (Face(service), dir)
    }

    #[tokio::test]
    async fn a_panic_ends_its_own_call_and_is_counted() {
        let (face, _dir) = face();
        let work = async { std::panic::resume_unwind(Box::new("secret")) };
        let status = face.answer::<()>("Test/Call", work).await.expect_err("it panicked");
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("secret"), "{status}");
        assert_eq!(face.0.metrics.calls.with_label_values(&["Test/Call", "Internal"]).get(), 1);
        let answer = face.answer("Test/Call", async { Ok(7) }).await.expect("an answer");
        assert_eq!(answer.into_inner(), 7);
        assert_eq!(face.0.metrics.calls.with_label_values(&["Test/Call", "Ok"]).get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_answers_ends_at_the_deadline() {
        let (face, _dir) = face();
        let status = face.answer::<()>("Test/Call", std::future::pending()).await;
        assert_eq!(status.expect_err("no answer").code(), Code::DeadlineExceeded);
    }
}
