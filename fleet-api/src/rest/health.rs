//! For probes and operators.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fleet_core::Error;
use prometheus::TextEncoder;

use super::{common::Asked, manners};
use crate::problem::{Problem, Refusals};

/// Whether the process lives.
#[utoipa::path(
    get, path = "/healthz", tag = "health",
    responses(
        (status = 200, body = String, content_type = "text/plain", description = "it does"),
    ),
)]
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// Whether log, store and state answer.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, body = String, content_type = "text/plain", description = "they do"),
        Refusals,
    ),
)]
pub(super) async fn ready(State(service): Asked) -> Result<&'static str, Problem> {
    service.ready().await?;
    Ok("ready\n")
}

/// What the platform counts, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses(
        (
            status = 200,
            body = String,
            content_type = "text/plain",
            description = "text format 0.0.4",
        ),
        Refusals,
    ),
)]
pub(super) async fn metrics(State(service): Asked) -> Result<Response, Problem> {
    service.watch.sample(service.parts.clock.now()); // what is shown is what was counted by now
    let text = TextEncoder::new()
        .encode_to_string(&service.parts.registry.gather())
        .map_err(|e| Error::internal("metrics do not encode").with_source(e))?;
    let kind = HeaderValue::from_static(prometheus::TEXT_FORMAT);
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, manners::FRESH)];
    Ok((StatusCode::OK, headers, text).into_response())
}
