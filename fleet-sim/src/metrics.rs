//! What the simulator tells operators. The names are public.

use fleet_core::{Error, Result};
use prometheus::{IntCounter, IntGauge, Registry};

/// Counters and gauges of the simulator.
#[derive(Clone, Debug)]
pub struct SimMetrics {
    pub(crate) events: IntCounter,
    pub(crate) trips: IntCounter,
    pub(crate) checkpoints: IntCounter,
    pub(crate) checkpointed_at: IntGauge,
    pub(crate) world_time: IntGauge,
    pub(crate) moving: IntGauge,
    pub(crate) awaiting: IntGauge,
    pub(crate) plans: IntCounter,
    pub(crate) plan_failures: IntCounter,
}

impl SimMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// `Internal` if a name is taken in `registry`.
    pub fn register(registry: &Registry) -> Result<Self> {
        let taken = |e| Error::internal("metrics of the simulator").with_source(e);
        let counter = |name, help| -> Result<_, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let gauge = |name, help| -> Result<_, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let all = || -> Result<Self, prometheus::Error> {
            Ok(Self {
                events: counter("fleet_sim_events_published_total", "Telemetry events published")?,
                trips: counter("fleet_sim_trips_published_total", "Trip revisions published")?,
                checkpoints: counter("fleet_sim_checkpoints_total", "Checkpoints saved")?,
                checkpointed_at: gauge(
                    "fleet_sim_checkpoint_timestamp_seconds",
                    "Platform time of the last checkpoint; its age is time() minus this",
                )?,
                world_time: gauge("fleet_sim_world_timestamp_seconds", "Simulated time")?,
                moving: gauge("fleet_sim_trucks_moving", "Trucks that roll now")?,
                awaiting: gauge(
                    "fleet_sim_trucks_awaiting_plan",
                    "Trucks that stand still in simulated time until a router has answered",
                )?,
                plans: counter(
                    "fleet_sim_plans_total",
                    "Ways taken up from an outside router or from what is kept of it",
                )?,
                plan_failures: counter(
                    "fleet_sim_plan_failures_total",
                    "Times that the router or the state store was asked for a way in vain",
                )?,
            })
        };
        all().map_err(taken)
    }
}
