//! Trucks, and the fleet at a glance.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::{
    Json,
    extract::{Path, Query, State},
};
use fleet_core::domain::{Status, TruckId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::common::{Answer, Asked, List, NoParameters};
use crate::{
    messages::{FleetSummary, Page, Truck, TruckPosition},
    problem::Refusals,
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TrucksParameters {
    /// Only trucks whose newest report has this status.
    #[param(inline)]
    status: Option<Status>,
    /// 1 to 500; 50 unless given.
    #[param(minimum = 1, maximum = 500, default = 50)]
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

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

/// Every truck with its newest report, by id.
#[utoipa::path(
    get, path = "/v1/trucks", tag = "fleet",
    params(TrucksParameters),
    responses((status = 200, body = Page<Truck>, description = "a page"), Refusals),
)]
pub(super) async fn trucks(
    State(service): Asked,
    Query(asked): Query<TrucksParameters>,
) -> Answer<Page<Truck>> {
    let token = asked.page_token.as_deref();
    Ok(Json(service.trucks(asked.status, asked.page_size, token).await?))
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
#[utoipa::path(
    get, path = "/v1/positions", tag = "fleet",
    responses((status = 200, body = List<TruckPosition>, description = "by truck id"), Refusals),
)]
pub(super) async fn positions(
    State(service): Asked,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<List<TruckPosition>> {
    Ok(Json(List { items: service.positions().await? }))
}
