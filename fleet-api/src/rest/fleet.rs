//! Trucks, and the fleet at a glance.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use fleet_core::domain::TruckId;

use super::{
    common::{Answer, Asked, MapParameters, NoParameters},
    etag::{ETag, not_modified},
    format::Format,
    geojson,
};
use crate::{
    messages::{FleetSummary, List, Page, Truck, TruckPosition, TrucksQuestion},
    problem::{Problem, Refusals},
};

/// The fleet at a glance.
#[utoipa::path(
    get, path = "/v1/fleet/summary", tag = "fleet",
    responses((status = 200, body = FleetSummary, description = "counts and totals"), Refusals),
)]
pub(super) async fn summary(
    State(service): Asked,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<FleetSummary> {
    Ok(Json(service.summary().await?))
}

/// Trucks with their newest reports.
#[utoipa::path(
    get, path = "/v1/trucks", tag = "fleet",
    params(TrucksQuestion),
    responses((status = 200, body = Page<Truck>, description = "a page"), Refusals),
)]
pub(super) async fn trucks(
    State(service): Asked,
    Query(question): Query<TrucksQuestion>,
) -> Answer<Page<Truck>> {
    Ok(Json(service.trucks(&question).await?))
}

/// One truck with its newest report.
#[utoipa::path(
    get, path = "/v1/trucks/{truck_id}", tag = "fleet",
    params(
        ("truck_id" = TruckId, Path, example = "TRK-000007"),
    ),
    responses((status = 200, body = Truck, description = "the truck"), Refusals),
)]
pub(super) async fn truck(
    State(service): Asked,
    Path(truck_id): Path<TruckId>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<Truck> {
    Ok(Json(service.truck(&truck_id).await?))
}

/// Where every truck was last, at once.
///
/// Who has it already asks with `If-None-Match` and is told 304 as long as nothing has changed, at
/// the price of reading how far the archive is.
#[utoipa::path(
    get, path = "/v1/positions", tag = "fleet",
    params(
        ("if-none-match" = Option<String>, Header, description = "the ETag of what you have"),
        MapParameters,
    ),
    responses(
        (
            status = 200,
            description = "by truck id",
            content((List<TruckPosition> = "application/json"), (Object = "application/geo+json")),
            headers(("etag" = String, description = "names this content")),
        ),
        (status = 304, description = "what you have is what there is"),
        Refusals,
    ),
)]
pub(super) async fn positions(
    State(service): Asked,
    headers: HeaderMap,
    Query(asked): Query<MapParameters>,
) -> Result<Response, Problem> {
    let format = asked.format(&headers)?;
    let snapshot = service.snapshot().await?;
    let etag = match format {
        Format::GeoJson => ETag::of_revision(&format!("{}-geojson", snapshot.revision)),
        Format::Json | Format::Gpx | Format::Csv => ETag::of_revision(&snapshot.revision),
    };
    if etag.is_in(headers.get_all(header::IF_NONE_MATCH)) {
        let varies = HeaderMap::from_iter([(header::VARY, HeaderValue::from_static("accept"))]);
        return Ok(etag.on(not_modified(varies)));
    }
    Ok(etag.on(match format {
        Format::GeoJson => format.answer(Json(geojson::positions(&snapshot.positions.items))),
        Format::Json | Format::Gpx | Format::Csv => format.answer(snapshot.json()),
    }))
}
