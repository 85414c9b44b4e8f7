//! Consumer groups and dead letters.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::common::{Answer, Asked, NoParameters};
use crate::{
    guard::Caller,
    messages::{Group, Letter, List, Page, RedriveResult},
    problem::Refusals,
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeadLettersParameters {
    /// Only letters whose originals stood in this topic.
    topic: Option<String>,
    /// 1 to 500; 50 unless given.
    #[param(minimum = 1, maximum = 500, default = 50)]
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

/// Letters to be put back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RedriveRequest {
    /// Which, by their ids: 1 to 1,000.
    #[schema(min_items = 1, max_items = 1_000)]
    ids: Vec<String>,
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// Consumer groups, and how far each is behind.
#[utoipa::path(
    get, path = "/v1/pipeline/groups", tag = "pipeline",
    responses((status = 200, body = List<Group>, description = "by name"), Refusals),
)]
pub(super) async fn groups(
    State(service): Asked,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<List<Group>> {
    Ok(Json(List { items: service.groups().await? }))
}

/// Records that were set aside, oldest first.
#[utoipa::path(
    get, path = "/v1/pipeline/dead-letters", tag = "pipeline",
    params(DeadLettersParameters),
    responses((status = 200, body = Page<Letter>, description = "a page"), Refusals),
)]
pub(super) async fn dead_letters(
    State(service): Asked,
    Query(asked): Query<DeadLettersParameters>,
) -> Answer<Page<Letter>> {
    let (topic, token) = (asked.topic.as_deref(), asked.page_token.as_deref());
    Ok(Json(service.dead_letters(topic, asked.page_size, token).await?))
}

/// One record that was set aside.
#[utoipa::path(
    get, path = "/v1/pipeline/dead-letters/{id}", tag = "pipeline",
    params(
        (
            "id" = String,
            Path,
            description = "topic:partition:offset",
            example = "fleet.telemetry.v1.dlq:2:0",
        ),
    ),
    responses((status = 200, body = Letter, description = "the letter"), Refusals),
)]
pub(super) async fn dead_letter(
    State(service): Asked,
    Path(id): Path<String>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<Letter> {
    Ok(Json(service.dead_letter(&id).await?))
}

/// Puts records back where they came from.
#[utoipa::path(
    post, path = "/v1/pipeline/dead-letters/redrive", tag = "pipeline",
    request_body = RedriveRequest,
    responses(
        (
            status = 200,
            body = List<RedriveResult>,
            description = "one result for each id, in their order",
        ),
        Refusals,
    ),
)]
pub(super) async fn redrive(
    State(service): Asked,
    Extension(caller): Extension<Caller>,
    Json(request): Json<RedriveRequest>,
) -> Answer<List<RedriveResult>> {
    Ok(Json(List { items: service.redrive_as(&caller, &request.ids, request.dry_run).await? }))
}
