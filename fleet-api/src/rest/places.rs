//! Depots, fuel stations and zones.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::{
    Json,
    extract::{Query, State},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{common::Asked, format::Format, geojson};
use crate::{
    messages::List,
    places::{DepotPlace, Station, ZonePlace},
    problem::{Problem, Refusals},
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PlacesParameters {
    /// `json` or `geojson`; as `Accept` says unless given.
    #[param(inline)]
    format: Option<Format>,
}

impl PlacesParameters {
    fn format(&self, headers: &HeaderMap) -> Result<Format, Problem> {
        Format::choose(self.format, headers, &[Format::Json, Format::GeoJson])
    }
}

/// Where trucks are at home and load.
#[utoipa::path(
    get, path = "/v1/depots", tag = "places",
    params(PlacesParameters),
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
    Query(asked): Query<PlacesParameters>,
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
    params(PlacesParameters),
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
    Query(asked): Query<PlacesParameters>,
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
    params(PlacesParameters),
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
    Query(asked): Query<PlacesParameters>,
) -> Result<Response, Problem> {
    let items = service.zones();
    let format = asked.format(&headers)?;
    Ok(match format {
        Format::GeoJson => format.answer(Json(geojson::zones(&items))),
        Format::Json | Format::Gpx | Format::Csv => format.answer(Json(List { items })),
    })
}
