//! REST, gRPC and live streams over the store, the log and the counters.
//!
//! Handlers hold no logic: they parse, ask a use case of [`Service`] and render. A cursor of the
//! feed is one token for the paged feed and the live streams of both faces alike, and survives
//! restarts.

mod accept;
mod admin;
mod cursor;
mod geofences;
mod grpc;
mod guard;
mod ingest;
pub mod keys;
mod limits;
mod live;
mod messages;
mod metrics;
mod operations;
mod page;
mod places;
mod problem;
mod rest;
#[cfg(feature = "service")]
pub mod serve;
mod service;
mod settings;
pub mod slo;
mod status;
#[cfg(test)]
mod testing;
mod text;

use std::{fmt, sync::Arc, time::Duration};

use fleet_core::{
    Result,
    ratelimit::RateLimiter,
    slo::CountSource,
    state::StateStore,
    store::FleetStore,
    stream::{EventLog, lag::Board},
    time::Clock,
};
use tokio::net::TcpListener;

use keys::{Entropy, KeyText};

pub use guard::{Auth, Settings};
pub use limits::OnUnavailable;
pub use rest::known_paths;
pub use service::Service;
pub use settings::Doors;

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
    /// How those are doing; somebody has to sample it.
    pub lag: Arc<Board>,
    /// What `/metrics` shows.
    pub registry: prometheus::Registry,
    /// The buckets of those who ask.
    pub limiter: Arc<dyn RateLimiter>,
    /// Where new keys come from.
    pub entropy: Entropy,
    /// Service levels that are counted elsewhere in this process.
    pub tallies: slo::Tallies,
    /// Where the counts of service levels come from; absent: what this process counts itself, kept in
    /// the state store.
    pub slo_source: Option<Arc<dyn CountSource>>,
    /// A key for commands on this machine, with every scope and no limits, as long as this runs.
    pub local_key: Option<KeyText>,
}

impl fmt::Debug for Components {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Components").field("groups", &self.groups).finish_non_exhaustive()
    }
}

/// How long requests under way may take once the API closes.
pub const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Serves REST on one listener, and gRPC on the other if there is one, until `shutdown`. Then live
/// streams end, requests under way are finished, and what is not done after [`DRAIN_MAX`] is cut.
///
/// # Errors
/// `Internal` if a metric's name is taken.
pub async fn run(
    settings: Settings,
    components: Components,
    rest: TcpListener,
    grpc: Option<TcpListener>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    for why in settings.slo.unreachable() {
        tracing::info!(why, "an alert can never fire");
    }
    let service = Arc::new(Service::new(settings, components)?);
    let router = rest::router(Arc::clone(&service));
    let rest = async {
        accept::serve(rest, router, &service.closing, accept::BOUNDS).await;
        Ok(())
    };
    let grpc = async {
        match grpc {
            Some(listener) => grpc::run(Arc::clone(&service), listener).await,
            None => Ok(()),
        }
    };
    let watching = async {
        slo::run(&service).await;
        Ok(())
    };
    let closing = async {
        shutdown.await;
        service.closing.close();
        tokio::time::sleep(DRAIN_MAX).await;
    };
    tokio::select! {
        served = async { tokio::try_join!(rest, grpc, watching) } => served.map(drop),
        () = closing => {
            tracing::warn!("some requests were cut: they were not done {DRAIN_MAX:?} after closing");
            Ok(())
        }
    }
}
