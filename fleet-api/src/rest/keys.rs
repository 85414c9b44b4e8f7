//! Keys and the audit.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::common::{Answer, Asked, NoParameters};
use crate::{
    guard::Caller,
    keys::{AuditEntry, Key},
    messages::{CreatedKey, KeyRequest, Page},
    problem::{Problem, Refusals},
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageParameters {
    /// 1 or more, of which 500 are taken at most; 50 unless given.
    #[param(minimum = 1, default = 50)]
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

/// API keys by id, void ones too.
#[utoipa::path(
    get, path = "/v1/keys", tag = "keys",
    params(PageParameters),
    responses((status = 200, body = Page<Key>, description = "a page"), Refusals),
)]
pub(super) async fn keys(
    State(service): Asked,
    Query(asked): Query<PageParameters>,
) -> Answer<Page<Key>> {
    Ok(Json(service.list_keys(asked.page_size, asked.page_token.as_deref()).await?))
}

/// Makes an API key. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/keys", tag = "keys",
    request_body = KeyRequest,
    responses((status = 201, body = CreatedKey, description = "the key"), Refusals),
)]
pub(super) async fn create_key(
    State(service): Asked,
    Extension(caller): Extension<Caller>,
    Json(request): Json<KeyRequest>,
) -> Result<Response, Problem> {
    let created = service.create_key(&caller, request).await?;
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, no_store, Json(created)).into_response())
}

/// Voids an API key, at once and for ever.
#[utoipa::path(
    delete, path = "/v1/keys/{key_id}", tag = "keys",
    params(
        ("key_id" = String, Path, description = "its public part", example = "0123456789ab"),
    ),
    responses((status = 200, body = Key, description = "the void key"), Refusals),
)]
pub(super) async fn revoke_key(
    State(service): Asked,
    Extension(caller): Extension<Caller>,
    Path(key_id): Path<String>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<Key> {
    Ok(Json(service.revoke_key(&caller, &key_id).await?))
}

/// What was changed and by whom, oldest first.
#[utoipa::path(
    get, path = "/v1/audit", tag = "keys",
    params(PageParameters),
    responses((status = 200, body = Page<AuditEntry>, description = "a page"), Refusals),
)]
pub(super) async fn audit(
    State(service): Asked,
    Query(asked): Query<PageParameters>,
) -> Answer<Page<AuditEntry>> {
    Ok(Json(service.list_audit(asked.page_size, asked.page_token.as_deref()).await?))
}
