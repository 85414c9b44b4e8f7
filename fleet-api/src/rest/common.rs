//! What handlers have in common.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Service, problem::Problem};

pub(super) type Answer<T> = Result<Json<T>, Problem>;
pub(super) type Asked = State<Arc<Service>>;

/// A list that is not paged.
#[derive(Serialize, ToSchema)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParameters {}
