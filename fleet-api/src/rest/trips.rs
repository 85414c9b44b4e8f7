//! Trips.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::{
    Json,
    extract::{Path, Query, State},
};
use fleet_core::domain::{TripId, TripSummary};

use super::common::{Answer, Asked, NoParameters};
use crate::{
    messages::{Page, TripsQuestion},
    problem::Refusals,
};

/// Trips, newest departure first.
#[utoipa::path(
    get, path = "/v1/trips", tag = "trips",
    params(TripsQuestion),
    responses((status = 200, body = Page<TripSummary>, description = "a page"), Refusals),
)]
pub(super) async fn trips(
    State(service): Asked,
    Query(question): Query<TripsQuestion>,
) -> Answer<Page<TripSummary>> {
    Ok(Json(service.trips(question).await?))
}

/// One trip.
#[utoipa::path(
    get, path = "/v1/trips/{trip_id}", tag = "trips",
    params(
        ("trip_id" = TripId, Path, example = "TRK-000007.000001"),
    ),
    responses((status = 200, body = TripSummary, description = "the trip"), Refusals),
)]
pub(super) async fn trip(
    State(service): Asked,
    Path(trip_id): Path<TripId>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<TripSummary> {
    Ok(Json(service.trip(&trip_id).await?))
}
