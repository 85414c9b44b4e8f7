//! The simulator as a service of a cluster: settings, backends, health.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use fleet_core::{
    Error, Result, connect,
    hook::Hook,
    route::osrm::OsrmSettings,
    service::{self, Health, LISTEN, Setting},
    settings::Values,
    time::{Clock, SystemClock},
};
use tracing::info;

use crate::{Components, Progress, SimMetrics, SimSettings, osrm};

const ABOUT: &str = "Simulates the fleet: telemetry and trips into the log, checkpoints into the \
    state store. Of several that run, one simulates and the others stand by.";
const SETTINGS: [Setting; 13] = [
    Setting::new("log_url", "URL", "The log: kafka://HOST:PORT[,…]/[?SETTINGS]"),
    Setting::new("state_url", "URL", "The state store: redis://HOST:PORT"),
    Setting::new("router", "URL", "Whose ways the trucks drive: builtin, or an OSRM's address")
        .or("builtin"),
    Setting::new("trucks", "N", "How many trucks; a new fleet has 30 unless told"),
    Setting::new("seed", "N", "Seed of a new fleet; 1 unless told"),
    Setting::new("start", "TIME", "Where a new fleet's time begins; now unless told"),
    Setting::new("until", "TIME", "Where to end"),
    Setting::new("speed", "FACTOR", "Times real time, or max").or("1"),
    Setting::new("holder", "NAME", "This process among those that stand by; drawn unless told"),
    Setting::new("lease_ttl_ms", "MS", "A standby takes over when it was silent for so long")
        .or("6000"),
    Setting::new("rebuild", "BOOL", "Make a state again that was lost: see docs/cluster.md")
        .or("false"),
    LISTEN[0].or("127.0.0.1:9101"),
    LISTEN[1],
];

struct Read {
    log_url: String,
    state_url: String,
    router: Option<OsrmSettings>,
    listen: SocketAddr,
    sim: SimSettings,
}

fn read(values: &mut Values, clock: &dyn Clock) -> Read {
    // Names differ between processes and between lives: a lease is taken up again by its holder.
    let drawn = || format!("fleet-sim-{}-{}", std::process::id(), clock.now().as_ms());
    let ttl = |text: &str| text.parse().ok().filter(|ms| (1_000..=3_600_000).contains(ms));
    let sim = SimSettings {
        holder: values
            .get("holder", "a name", |text| (!text.is_empty()).then(|| text.to_owned()))
            .unwrap_or_else(drawn),
        lease_ttl: Duration::from_millis(
            values.get("lease_ttl_ms", "1000 to 3600000", ttl).unwrap_or(6_000),
        ),
        stand_by: true,
        rebuild: values.get("rebuild", "true or false", |text| text.parse().ok()).unwrap_or(false),
        ..SimSettings::read(values)
    };
    Read {
        log_url: service::read_url(values, "log_url", "kafka").unwrap_or_default(),
        state_url: service::read_url(values, "state_url", "redis").unwrap_or_default(),
        router: OsrmSettings::read(values),
        listen: service::listen(values),
        sim,
    }
}

/// Runs the service by its command line until it is told to stop, or `until`.
///
/// # Errors
/// `Invalid` for settings (every fault is named); those of [`run`](crate::run).
pub async fn main() -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let read = |values: &mut Values| read(values, &*clock);
    let Some(read) = service::configure("fleet-sim", ABOUT, &SETTINGS, read)? else {
        return Ok(());
    };
    let stop = service::stop_signal()?;
    let registry = prometheus::Registry::new();
    let health = Health::new(registry.clone(), "standing by, or waiting for log and state store");
    let listener = service::bind("listen", read.listen).await?;
    let address = service::local_address(&listener)?;
    let serving = tokio::spawn(service::serve(listener, Arc::clone(&health)));
    info!(%address, holder = read.sim.holder, "listening");
    let components = Components {
        log: connect::log(&read.log_url, &registry, Arc::clone(&clock)).await?,
        state: connect::state(&read.state_url, Arc::clone(&clock)).await?,
        router: read.router.map(|server| osrm::router(server, &clock, &registry)).transpose()?,
        clock,
        metrics: SimMetrics::register(&registry)?,
        progress: Arc::new(Progress::default()),
        hook: Hook::default(),
    };
    let progress = Arc::clone(&components.progress);
    let telling = async {
        progress.begun().await;
        info!(world_time = %progress.world_time(), "simulating");
        health.set_ready();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        finished = crate::run(read.sim, components, stop) => {
            let finished = finished?;
            info!(world_time = %finished.world_time, complete = finished.is_complete, "ended");
            Ok(())
        }
        () = telling => Ok(()),
        _ = serving => Err(Error::internal("the probes' server died")), // it has no end
    }
}
