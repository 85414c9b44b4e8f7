//! REST: paths, parameters, and what surrounds every answer.

mod common;
mod csv;
mod edge;
mod etag;
mod fleet;
mod format;
mod geofences;
mod geojson;
mod health;
mod ingest;
mod keys;
mod manners;
mod openapi;
mod pipeline;
mod places;
mod reader;
mod slo;
mod telemetry;
mod trips;

use std::sync::Arc;

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower_http::{catch_panic::CatchPanicLayer, decompression::RequestDecompressionLayer};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Service,
    guard::{Tongue, guard},
    keys::Class,
    operations,
    problem::{self, Problem},
    status,
};

pub use edge::known_paths;
pub(crate) use format::Format;
pub(crate) use manners::{FRESH, PUBLIC, cors};

/// The largest body, bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

pub(crate) fn router(service: Arc<Service>) -> Router {
    let cors = cors(&service.settings.cors_origins);
    routes()
        .route_layer(middleware::from_fn_with_state((Arc::clone(&service), Tongue::Rest), guard))
        .fallback(async |State(service): State<Arc<Service>>, method: Method| {
            let labels = ["none", method_label(&method), "4xx"];
            service.metrics.requests.with_label_values(&labels).inc();
            let nowhere = "no such path: /openapi.json lists those there are";
            Problem::of_status(StatusCode::NOT_FOUND).with_detail(nowhere)
        })
        // The bound holds for what is unpacked: extractors count it.
        .layer(RequestDecompressionLayer::new())
        .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn(manners::in_time))
        .layer(middleware::from_fn(as_problem))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&service), observe))
        .layer(middleware::from_fn(manners::polite))
        .layer(manners::compression())
        .layer(cors)
        .with_state(service)
}

/// Every path there is, without what surrounds it.
fn routes() -> Router<Arc<Service>> {
    let (described, document) = described().split_for_parts();
    described.merge(openapi::routes(&document)).merge(status::routes()).merge(problem::routes())
}

/// Every path of the contract: registered and described in one step, so that neither can be missing.
fn described() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(fleet::summary))
        .routes(routes!(fleet::trucks))
        .routes(routes!(fleet::truck))
        .routes(routes!(telemetry::telemetry))
        .routes(routes!(telemetry::series))
        .routes(routes!(fleet::positions))
        .routes(routes!(places::depots))
        .routes(routes!(places::stations))
        .routes(routes!(places::zones))
        .routes(routes!(geofences::geofences, geofences::import_geofences))
        .routes(routes!(geofences::geofence, geofences::put_geofence, geofences::delete_geofence))
        .routes(routes!(geofences::fence_events))
        .routes(routes!(trips::trips))
        .routes(routes!(trips::trip))
        .routes(routes!(trips::replay))
        .routes(routes!(telemetry::feed))
        .routes(routes!(telemetry::stream))
        .routes(routes!(telemetry::stream_positions))
        .routes(routes!(pipeline::groups))
        .routes(routes!(pipeline::dead_letters))
        .routes(routes!(pipeline::dead_letter_reasons))
        .routes(routes!(pipeline::dead_letter))
        .routes(routes!(pipeline::redrive))
        .routes(routes!(slo::slos))
        .routes(routes!(slo::slo))
        .routes(routes!(ingest::telemetry))
        .routes(routes!(ingest::osmand, ingest::osmand_form))
        .routes(routes!(keys::keys, keys::create_key))
        .routes(routes!(keys::revoke_key))
        .routes(routes!(keys::audit))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
}

/// What the framework refuses in its own words becomes a problem like all others.
async fn as_problem(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    let is_ours = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/problem+json");
    if (status.is_client_error() || status.is_server_error()) && !is_ours {
        let detail = axum::body::to_bytes(std::mem::take(response.body_mut()), 4_096).await;
        let detail = detail.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let problem = Problem::of_status(status);
        let mut refusal = match detail {
            Ok(detail) if !detail.is_empty() && status.is_client_error() => {
                problem.with_detail(detail).into_response()
            }
            _ => problem.into_response(),
        };
        if let Some(methods) = response.headers_mut().remove(header::ALLOW) {
            refusal.headers_mut().insert(header::ALLOW, methods);
        }
        return refusal;
    }
    response
}

/// Counts and times each request by its route, never by its path.
async fn observe(
    State(service): State<Arc<Service>>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let method = method_label(request.method());
    let began_us = service.parts.clock.monotonic_us();
    let operation = operations::by_route(request.method(), path.as_str());
    let response = next.run(request).await;
    let seconds = service.parts.clock.monotonic_us().saturating_sub(began_us) as f64 / 1e6;
    let is_stream = operation.is_some_and(|operation| operation.class == Class::Live);
    // Probes, metrics and pages are no service; a stream counts when it ends.
    if operation.is_some() && !(is_stream && response.status().is_success()) {
        service.watch.answered(response.status().is_server_error(), seconds);
    }
    let class = format!("{}xx", response.status().as_u16() / 100);
    let labels = [path.as_str(), method, class.as_str()];
    service.metrics.requests.with_label_values(&labels).inc();
    service.metrics.duration.with_label_values(&[path.as_str()]).observe(seconds);
    response
}

/// A client may send any word as its method; a metric has few labels.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, routing::get};
    use bytes::Bytes;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;

    use super::*;
    use crate::testing::service;

    #[tokio::test]
    async fn a_body_that_never_comes_is_given_up_and_any_method_is_one_label() {
        let (service, _dir) = service();
        let service_metrics = service.metrics.clone();
        let router = TowerToHyperService::new(router(service));
        tokio::time::pause();
        let body = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let redrive = Request::post("/v1/pipeline/dead-letters/redrive")
            .header(header::CONTENT_TYPE, "application/json")
            .body(body);
        let answer = router.call(redrive.expect("a request")).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(answer.headers()[header::CONNECTION], "close");
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
        let strange = Request::builder().method("AAAA").uri("/healthz").body(Body::empty());
        router.call(strange.expect("a request")).await.expect("an answer");
        let labels = ["/healthz", "other", "4xx"];
        assert_eq!(service_metrics.requests.with_label_values(&labels).get(), 1);
    }

    #[tokio::test]
    async fn who_uses_a_wrong_method_is_told_the_right_ones() {
        let router = Router::new()
            .route("/here", get(|| async { "ok" }))
            .layer(middleware::from_fn(as_problem));
        let request = Request::delete("/here").body(Body::empty()).expect("a request");
        let answer = TowerToHyperService::new(router).call(request).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(answer.headers()[header::ALLOW], "GET,HEAD");
    }
}
