//! What handlers have in common.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Deserialize;

use crate::{Service, problem::Problem};

pub(super) type Answer<T> = Result<Json<T>, Problem>;
pub(super) type Asked = State<Arc<Service>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParameters {}
