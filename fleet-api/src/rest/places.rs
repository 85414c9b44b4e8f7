//! Depots, fuel stations and zones.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::{
    Json,
    extract::{Query, State},
    http::HeaderMap,
    response::Response,
};

use super::{
    common::{Asked, MapParameters},
    format::Format,
    geojson,
};
use crate::{
    messages::List,
    places::{DepotPlace, Station, ZonePlace},
    problem::{Problem, Refusals},
};

/// Where trucks are at home and load.
#[utoipa::path(
    get, path = "/v1/depots", tag = "places",
    params(MapParameters),
    responses(
        (
            status = 200,
            description = "all of them",
            content((List<DepotPlace> = "application/json"), (Object = "application/geo+json")),
        ),
        Refusals,
    ),
)]
pub(super) async fn depots(
    State(service): Asked,
    headers: HeaderMap,
    Query(asked): Query<MapParameters>,
) -> Result<Response, Problem> {
    let items = service.depots();
    let format = asked.format(&headers)?;
    Ok(match format {
        Format::GeoJson => {
            let all = items.iter().map(|depot| (&*depot.depot_id, depot.position, depot));
            format.answer(Json(geojson::points(all)))
        }
        Format::Json | Format::Gpx | Format::Csv => format.answer(Json(List { items })),
    })
}

/// Where trucks can be filled, and at what price.
#[utoipa::path(
    get, path = "/v1/stations", tag = "places",
    params(MapParameters),
    responses(
        (
            status = 200,
            description = "all of them",
            content((List<Station> = "application/json"), (Object = "application/geo+json")),
        ),
        Refusals,
    ),
)]
pub(super) async fn stations(
    State(service): Asked,
    headers: HeaderMap,
    Query(asked): Query<MapParameters>,
) -> Result<Response, Problem> {
    let items = service.stations();
    let format = asked.format(&headers)?;
    Ok(match format {
        Format::GeoJson => {
            let all = items.iter().map(|station| (&*station.station_id, station.position, station));
            format.answer(Json(geojson::points(all)))
        }
        Format::Json | Format::Gpx | Format::Csv => format.answer(Json(List { items })),
    })
}

/// Where driving differs by hour or month: towns, slopes, snow, floods, fog.
///
/// As GeoJSON a circle is a `Point` with the property `radius_m`.
#[utoipa::path(
    get, path = "/v1/zones", tag = "places",
    params(MapParameters),
    responses(
        (
            status = 200,
            description = "all of them",
            content((List<ZonePlace> = "application/json"), (Object = "application/geo+json")),
        ),
        Refusals,
    ),
)]
pub(super) async fn zones(
    State(service): Asked,
    headers: HeaderMap,
    Query(asked): Query<MapParameters>,
) -> Result<Response, Problem> {
    let items = service.zones();
    let format = asked.format(&headers)?;
    Ok(match format {
        Format::GeoJson => format.answer(Json(geojson::zones(&items))),
        Format::Json | Format::Gpx | Format::Csv => format.answer(Json(List { items })),
    })
}
