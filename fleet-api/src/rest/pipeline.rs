//! Consumer groups and dead letters.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use fleet_core::time::Time;
use serde::Deserialize;
use utoipa::IntoParams;

use super::common::{Answer, Asked, NoParameters};
use crate::{
    guard::Caller,
    messages::{
        Group, Letter, LetterCounts, LettersFilter, List, Page, RedriveQuestion, RedriveResult,
    },
    problem::Refusals,
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeadLettersParameters {
    /// Only letters whose originals stood in this topic.
    topic: Option<String>,
    /// Only those set aside for this reason: undecodable, out_of_range, too_large, conflict, rejected,
    /// unknown_version or unknown.
    reason: Option<String>,
    /// Set aside from this platform time on.
    from: Option<Time>,
    /// Set aside before this platform time.
    to: Option<Time>,
    /// 1 or more, of which 500 are taken at most; 50 unless given.
    #[param(minimum = 1, default = 50)]
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
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
    let DeadLettersParameters { topic, reason, from, to, page_size, page_token } = asked;
    let filter = LettersFilter { topic, reason, from, to };
    let page = service.dead_letters(&filter, page_size, page_token.as_deref()).await?;
    let items = page.items.into_iter().map(Letter::from).collect();
    Ok(Json(Page { items, next_page_token: page.next_page_token }))
}

/// Records that were set aside, counted by topic and reason.
#[utoipa::path(
    get, path = "/v1/pipeline/dead-letter-reasons", tag = "pipeline",
    params(LettersFilter),
    responses((status = 200, body = LetterCounts, description = "the counts"), Refusals),
)]
pub(super) async fn dead_letter_reasons(
    State(service): Asked,
    Query(filter): Query<LettersFilter>,
) -> Answer<LetterCounts> {
    Ok(Json(service.count_dead_letters(&filter).await?.into()))
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
    Ok(Json(service.dead_letter(&id).await?.into()))
}

/// Puts records back where they came from, each once: a call that was cut off can be made again.
#[utoipa::path(
    post, path = "/v1/pipeline/dead-letters/redrive", tag = "pipeline",
    request_body = RedriveQuestion,
    responses(
        (
            status = 200,
            body = Page<RedriveResult>,
            description = "one result for each id, in their order, or for each letter found",
        ),
        Refusals,
    ),
)]
pub(super) async fn redrive(
    State(service): Asked,
    Extension(caller): Extension<Caller>,
    Json(asked): Json<RedriveQuestion>,
) -> Answer<Page<RedriveResult>> {
    Ok(Json(service.redrive_as(caller, asked).await?))
}
