//! Trips, and how they went.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::{
    Json,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use fleet_core::domain::{TripId, TripSummary};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    common::{Answer, Asked},
    format::Format,
    geojson,
};
use crate::{
    messages::{Page, Replay, TripsQuestion},
    problem::{Problem, Refusals},
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TripParameters {
    /// `json`, or the way as `geojson` or `gpx`; as `Accept` says unless given.
    #[param(inline)]
    format: Option<Format>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ReplayParameters {
    /// 2 to 5,000; 5,000 unless given.
    #[param(minimum = 2, maximum = 5_000, default = 5_000)]
    max_points: Option<u32>,
}

/// Trips, newest departure first.
///
/// As GeoJSON each is its origin and destination; the way of one is at its own address.
#[utoipa::path(
    get, path = "/v1/trips", tag = "trips",
    params(TripsQuestion),
    responses(
        (
            status = 200,
            description = "a page",
            content((Page<TripSummary> = "application/json"), (Object = "application/geo+json")),
        ),
        Refusals,
    ),
)]
pub(super) async fn trips(
    State(service): Asked,
    headers: HeaderMap,
    Query(question): Query<TripsQuestion>,
) -> Result<Response, Problem> {
    let format = Format::choose(question.format, &headers, &[Format::Json, Format::GeoJson])?;
    let page = service.trips(question).await?;
    Ok(match format {
        Format::GeoJson => format.answer(Json(geojson::trips(&page.items, &page.next_page_token))),
        Format::Json | Format::Gpx | Format::Csv => format.answer(Json(page)),
    })
}

/// One trip: its summary, or the way that it took.
#[utoipa::path(
    get, path = "/v1/trips/{trip_id}", tag = "trips",
    params(
        ("trip_id" = TripId, Path, example = "TRK-000007.000001"),
        TripParameters,
    ),
    responses(
        (
            status = 200,
            description = "the trip",
            content(
                (TripSummary = "application/json"),
                (Object = "application/geo+json"),
                (String = "application/gpx+xml"),
            ),
        ),
        Refusals,
    ),
)]
pub(super) async fn trip(
    State(service): Asked,
    Path(trip_id): Path<TripId>,
    headers: HeaderMap,
    Query(asked): Query<TripParameters>,
) -> Result<Response, Problem> {
    let offered = [Format::Json, Format::GeoJson, Format::Gpx];
    let format = Format::choose(asked.format, &headers, &offered)?;
    Ok(match format {
        Format::GeoJson => {
            format.answer(Json(geojson::way(&service.replay(&trip_id, None).await?)))
        }
        Format::Gpx => format.answer(geojson::gpx(&service.replay(&trip_id, None).await?)),
        Format::Json | Format::Csv => format.answer(Json(service.trip(&trip_id).await?)),
    })
}

/// How a trip went, report by report, with its gaps.
#[utoipa::path(
    get, path = "/v1/trips/{trip_id}/replay", tag = "trips",
    params(
        ("trip_id" = TripId, Path, example = "TRK-000007.000001"),
        ReplayParameters,
    ),
    responses((status = 200, body = Replay, description = "the trip and its reports"), Refusals),
)]
pub(super) async fn replay(
    State(service): Asked,
    Path(trip_id): Path<TripId>,
    Query(asked): Query<ReplayParameters>,
) -> Answer<Replay> {
    Ok(Json(service.replay(&trip_id, asked.max_points).await?))
}
