//! Service levels.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::{
    Json,
    extract::{Path, Query, State},
};

use super::common::{Answer, Asked, NoParameters};
use crate::{messages::List, problem::Refusals, slo::Slo};

/// Every service level: 30 days and five minutes side by side, alerts and forecast.
#[utoipa::path(
    get, path = "/v1/slo", tag = "reliability",
    responses((status = 200, body = List<Slo>, description = "all of them"), Refusals),
)]
pub(super) async fn slos(
    State(service): Asked,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<List<Slo>> {
    Ok(Json(List { items: service.slos().await? }))
}

/// One service level.
#[utoipa::path(
    get, path = "/v1/slo/{name}", tag = "reliability",
    params(
        ("name" = String, Path, example = "availability"),
    ),
    responses((status = 200, body = Slo, description = "the service level"), Refusals),
)]
pub(super) async fn slo(
    State(service): Asked,
    Path(name): Path<String>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<Slo> {
    Ok(Json(service.slo(&name).await?))
}
