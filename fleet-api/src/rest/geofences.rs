//! Geofences, and what trucks did at them.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use fleet_core::domain::FenceId;

use super::{
    common::{Answer, Asked, GeoJson, NoParameters},
    format::Format,
};
use crate::{
    geofences::{FenceEvents, FenceEventsQuestion, Geofence, GeofencesQuestion, collection},
    guard::Caller,
    messages::{List, Page},
    problem::{Problem, Refusals},
};

/// Geofences by id.
#[utoipa::path(
    get, path = "/v1/geofences", tag = "places",
    params(GeofencesQuestion),
    responses(
        (
            status = 200,
            description = "a page",
            content((Page<Geofence> = "application/json"), (Object = "application/geo+json")),
        ),
        Refusals,
    ),
)]
pub(super) async fn geofences(
    State(service): Asked,
    headers: HeaderMap,
    Query(question): Query<GeofencesQuestion>,
) -> Result<Response, Problem> {
    let format = Format::choose(question.format, &headers, &[Format::Json, Format::GeoJson])?;
    let page = service.geofences(&question).await?;
    Ok(match format {
        Format::GeoJson => format.answer(Json(collection(&page.items, &page.next_page_token))),
        Format::Json | Format::Gpx | Format::Csv => format.answer(Json(page)),
    })
}

/// Makes or replaces the geofences of a GeoJSON collection: all of them, or none.
///
/// A circle is a `Point` with the property `radius_m`, a corridor a `LineString` with `width_m`.
#[utoipa::path(
    post, path = "/v1/geofences", tag = "places",
    request_body(
        content = Object,
        content_type = "application/geo+json",
        description = "a FeatureCollection of 1 to 1,000 features, each with its id",
    ),
    responses((status = 200, body = List<Geofence>, description = "as they are now"), Refusals),
)]
pub(super) async fn import_geofences(
    State(service): Asked,
    Extension(caller): Extension<Caller>,
    Query(NoParameters {}): Query<NoParameters>,
    GeoJson(geojson): GeoJson,
) -> Answer<List<Geofence>> {
    Ok(Json(List { items: service.import_geofences(&caller, &geojson).await? }))
}

/// One geofence.
#[utoipa::path(
    get, path = "/v1/geofences/{fence_id}", tag = "places",
    params(("fence_id" = FenceId, Path, example = "depot-guwahati")),
    responses((status = 200, body = Geofence, description = "the fence"), Refusals),
)]
pub(super) async fn geofence(
    State(service): Asked,
    Path(fence_id): Path<FenceId>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<Geofence> {
    Ok(Json(service.geofence(&fence_id).await?))
}

/// Makes or replaces one geofence.
#[utoipa::path(
    put, path = "/v1/geofences/{fence_id}", tag = "places",
    params(("fence_id" = FenceId, Path, example = "depot-guwahati")),
    request_body(
        content = Object,
        content_type = "application/geo+json",
        description = "a Feature, without an id or with this one",
    ),
    responses((status = 200, body = Geofence, description = "as it is now"), Refusals),
)]
pub(super) async fn put_geofence(
    State(service): Asked,
    Extension(caller): Extension<Caller>,
    Path(fence_id): Path<FenceId>,
    Query(NoParameters {}): Query<NoParameters>,
    GeoJson(geojson): GeoJson,
) -> Answer<Geofence> {
    Ok(Json(service.put_geofence(&caller, &fence_id, &geojson).await?))
}

/// Takes a geofence away.
#[utoipa::path(
    delete, path = "/v1/geofences/{fence_id}", tag = "places",
    params(("fence_id" = FenceId, Path, example = "depot-guwahati")),
    responses((status = 200, body = Geofence, description = "what it was"), Refusals),
)]
pub(super) async fn delete_geofence(
    State(service): Asked,
    Extension(caller): Extension<Caller>,
    Path(fence_id): Path<FenceId>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<Geofence> {
    Ok(Json(service.delete_geofence(&caller, &fence_id).await?))
}

/// When trucks entered geofences, stayed and left, derived from their reports.
#[utoipa::path(
    get, path = "/v1/geofence-events", tag = "places",
    params(FenceEventsQuestion),
    responses(
        (status = 200, body = FenceEvents, description = "by time, with their evidence"),
        Refusals,
    ),
)]
pub(super) async fn fence_events(
    State(service): Asked,
    Query(question): Query<FenceEventsQuestion>,
) -> Answer<FenceEvents> {
    Ok(Json(service.fence_events(&question).await?))
}
