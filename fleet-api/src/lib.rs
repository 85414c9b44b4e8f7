//! REST and a live stream over the store, the log and the counters.
//!
//! Handlers hold no logic: they parse, ask a use case of [`Service`] and render. A cursor of the
//! feed is one token for the paged feed and the live stream alike, and survives restarts.

mod cursor;
mod live;
mod metrics;
mod page;
mod problem;
mod rest;
mod service;
mod text;

use std::{fmt, sync::Arc};

use fleet_core::{
    Error, Result, state::StateStore, store::FleetStore, stream::EventLog, time::Clock,
};
use tokio::net::TcpListener;

pub use service::Service;

/// What the API works with.
#[derive(Clone)]
pub struct Components {
    /// The log, for lag and dead letters.
    pub log: Arc<dyn EventLog>,
    /// The store, for everything else.
    pub store: Arc<dyn FleetStore>,
    /// The counters.
    pub state: Arc<dyn StateStore>,
    /// Platform time.
    pub clock: Arc<dyn Clock>,
    /// Consumer groups to report on.
    pub groups: Vec<String>,
    /// What `/metrics` shows.
    pub registry: prometheus::Registry,
}

impl fmt::Debug for Components {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Components").field("groups", &self.groups).finish_non_exhaustive()
    }
}

/// Serves on `listener` until `shutdown`, then finishes the requests under way.
///
/// # Errors
/// `Internal` if a metric's name is taken; `Unavailable` if the listener fails.
pub async fn run(
    components: Components,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let app = rest::router(Arc::new(Service::new(components)?));
    axum::serve(listener, app)
        .with_graceful_shutdown(shutdown)
        .await
        .map_err(|cause| Error::unavailable("the listener failed").with_source(cause))
}
