//! What handlers have in common.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, StatusCode, header},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::format::Format;
use crate::{Service, problem::Problem};

pub(super) type Answer<T> = Result<Json<T>, Problem>;
pub(super) type Asked = State<Arc<Service>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParameters {}

/// Of a list that can be drawn on a map.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MapParameters {
    /// `json` or `geojson`; as `Accept` says unless given.
    #[param(inline)]
    format: Option<Format>,
}

impl MapParameters {
    pub(super) fn format(&self, headers: &HeaderMap) -> Result<Format, Problem> {
        Format::choose(self.format, headers, &[Format::Json, Format::GeoJson])
    }
}

/// A body of GeoJSON, which must say that it is: a page of another site can send no such body
/// without being asked who it is.
pub(super) struct GeoJson(pub(super) String);

impl<S: Send + Sync> FromRequest<S> for GeoJson {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if !["application/geo+json", "application/json"]
            .iter()
            .any(|k| kind.eq_ignore_ascii_case(k))
        {
            let problem = Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            return Err(problem.with_detail("content-type: expected application/geo+json"));
        }
        let body = String::from_request(request, state).await.map_err(|refused| {
            Problem::of_status(refused.status()).with_detail(refused.body_text())
        })?;
        Ok(Self(body))
    }
}
