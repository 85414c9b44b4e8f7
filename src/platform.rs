//! All roles in one process: who is started, what joins them, and in which order they stop.
//!
//! Stopping goes with the stream: the simulator first (its last checkpoint is written), then the
//! groups and the API, then what helps them.

use std::{
    io::{ErrorKind, IsTerminal},
    net::SocketAddr,
    sync::Arc,
};

use anyhow::{Context, Result};
use fleet_api::{keys::KeyText, slo::Level};
use fleet_core::{
    hook::Hook,
    ratelimit::MemoryLimiter,
    route::Router,
    stream::lag::{Board, LagMetrics, LagSettings},
};
use fleet_pipeline::{
    ARCHIVER, ConsumerSettings, Lag, Levels, PipelineMetrics, RECORDER, Sink, consumer,
};
use fleet_sim::{Progress, SimMetrics, SimSettings, osrm};
use prometheus::Registry;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tracing::info;

use crate::{
    consistency,
    data_dir::{Addresses, DataDir},
    progress,
    settings::Settings,
};

/// Runs the platform until its end or a signal.
pub(crate) fn run(settings: &Settings, hook: Hook) -> Result<()> {
    let is_terminal = std::io::stderr().is_terminal();
    let level = if is_terminal { "warn" } else { "info" };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(level))
        .with_writer(move || progress::Log { is_terminal })
        .with_ansi(is_terminal)
        .log_internal_errors(false) // they would go to standard error, and panic where it is closed
        .init();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run_all(
        settings,
        is_terminal,
        hook,
    ))
}

async fn run_all(settings: &Settings, is_terminal: bool, hook: Hook) -> Result<()> {
    let data = DataDir::open(&settings.data_dir)?;
    let shown = settings.data_dir.display();
    consistency::check(&data).await.with_context(|| format!("data directory {shown}"))?;
    let listener = bind("--listen", settings.doors.listen).await?;
    let address = listener.local_addr()?;
    let grpc_listener = match settings.doors.grpc_listen {
        Some(listen) => Some(bind("--grpc-listen", listen).await?),
        None => None,
    };
    let grpc_address = grpc_listener.as_ref().map(TcpListener::local_addr).transpose()?;
    let local_key = KeyText::generate(entropy)?;
    let key = local_key.reveal().to_owned();
    data.tell_addresses(&Addresses { rest: address, grpc: grpc_address, key })?;
    let registry = Registry::new();
    let progress = Arc::new(Progress::default());
    let (stop, stopped) = watch::channel(false);
    let until_stopped = |mut stopped: watch::Receiver<bool>| async move {
        drop(stopped.wait_for(|stop| *stop).await); // an error means that the sender is gone
    };

    let metrics = PipelineMetrics::register(&registry)?;
    let mut services = JoinSet::new();
    for sink in [Sink::Archiver { retention: settings.retention }, Sink::Recorder] {
        let parts = group_parts(&data, &metrics, &hook);
        let settings = ConsumerSettings::new(sink);
        services.spawn(consumer::run(settings, parts, until_stopped(stopped.clone())));
    }
    let levels = metrics.levels().clone();
    let lag = board();
    let told = Lag { board: Arc::clone(&lag), metrics: LagMetrics::register(&registry)? };
    services.spawn(keep_house(&data, metrics, told, until_stopped(stopped.clone())));
    let mut helpers = JoinSet::new();
    let mut api = api_parts(&data, &registry, &levels, &lag, local_key);
    api.slo_source = fleet_api::slo::source(&settings.api.slo)?;
    let asked = settings.api.clone();
    services.spawn(fleet_api::run(asked, api, listener, grpc_listener, until_stopped(stopped)));
    let grpc_address = grpc_address.map_or_else(|| "off".to_owned(), |address| address.to_string());
    info!(%address, %grpc_address, data_dir = %settings.data_dir.display(), "listening");
    if is_terminal {
        let (progress, log) = (Arc::clone(&progress), Arc::clone(&data.log) as _);
        let watched = (lag, Arc::clone(&data.clock) as _);
        helpers.spawn(progress::show(progress, log, watched, address, grpc_address));
    }

    let outcome = simulate(settings, &data, &registry, &progress, hook, &mut services).await;
    // A run that reached its end waits until all is archived; one that was told to stop does not:
    // what the groups have not taken yet waits in the log for the next start.
    let drained = match outcome {
        Ok(true) => drain(&data, &mut services).await,
        _ => Ok(()),
    };
    stop.send_replace(true);
    // The groups write what they have taken; clients get what they asked for, within bounds.
    while let Some(service) = services.join_next().await {
        service??;
    }
    helpers.shutdown().await;
    outcome.map(drop).and(drained)
}

async fn bind(flag: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let what = match error.kind() {
            ErrorKind::AddrInUse => "the port is in use; stop what listens there or name another",
            ErrorKind::AddrNotAvailable => "this machine has no such address; name one of its own",
            ErrorKind::PermissionDenied => "not permitted; name a port from 1024 on",
            _ => "not possible; name another address",
        };
        anyhow::Error::new(error).context(format!("{flag} {address}: {what}"))
    })
}

/// Housekeeping as one of the services: its end is missed like theirs.
fn keep_house(
    data: &DataDir,
    metrics: PipelineMetrics,
    lag: Lag,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = fleet_core::Result<()>> + Send + 'static {
    let (log, store, clock) =
        (Arc::clone(&data.log) as _, Arc::clone(&data.store) as _, Arc::clone(&data.clock));
    async move {
        fleet_pipeline::keep_house(log, store, clock, metrics, lag, shutdown).await;
        Ok(())
    }
}

fn group_parts(data: &DataDir, metrics: &PipelineMetrics, hook: &Hook) -> consumer::Components {
    consumer::Components {
        log: Arc::clone(&data.log) as _,
        store: Arc::clone(&data.store) as _,
        clock: Arc::clone(&data.clock),
        metrics: metrics.clone(),
        hook: hook.clone(),
    }
}

/// How both groups are doing.
fn board() -> Arc<Board> {
    let groups = [ARCHIVER, RECORDER].map(str::to_owned);
    Arc::new(Board::new(&groups, LagSettings::default()))
}

/// Bytes of the operating system's generator.
pub(crate) fn entropy(bytes: &mut [u8]) -> fleet_core::Result<()> {
    getrandom::fill(bytes)
        .map_err(|e| fleet_core::Error::internal("the system gives no random bytes").with_source(e))
}

fn api_parts(
    data: &DataDir,
    registry: &Registry,
    levels: &Levels,
    lag: &Arc<Board>,
    local_key: KeyText,
) -> fleet_api::Components {
    fleet_api::Components {
        log: Arc::clone(&data.log) as _,
        store: Arc::clone(&data.store) as _,
        state: Arc::clone(&data.state) as _,
        clock: Arc::clone(&data.clock),
        groups: vec![ARCHIVER.to_owned(), RECORDER.to_owned()],
        lag: Arc::clone(lag),
        registry: registry.clone(),
        limiter: Arc::new(MemoryLimiter::new(Arc::clone(&data.clock))),
        entropy,
        tallies: [
            (Level::Queryable, levels.queryable().clone()),
            (Level::Completeness, levels.completeness().clone()),
            (Level::Correctness, levels.correctness().clone()),
        ]
        .into(),
        slo_source: None,
        local_key: Some(local_key),
    }
}

/// The simulator, to its end, a signal, or the end of a service that must not end. Returns whether
/// `--until` was reached.
async fn simulate(
    settings: &Settings,
    data: &DataDir,
    registry: &Registry,
    progress: &Arc<Progress>,
    hook: Hook,
    services: &mut JoinSet<fleet_core::Result<()>>,
) -> Result<bool> {
    let sim = SimSettings {
        // The lock on the directory keeps others out; a restart takes its own lease up again.
        holder: "data-fleet".to_owned(),
        ..settings.sim.clone()
    };
    let parts = fleet_sim::Components {
        log: Arc::clone(&data.log) as _,
        state: Arc::clone(&data.state) as _,
        router: router(settings, data, registry)?,
        clock: Arc::clone(&data.clock),
        metrics: SimMetrics::register(registry)?,
        progress: Arc::clone(progress),
        hook,
    };
    let running = fleet_sim::run(sim, parts, signal());
    tokio::pin!(running);
    tokio::select! {
        finished = &mut running => {
            let finished = finished?;
            info!(world_time = %finished.world_time, complete = finished.is_complete, "simulated");
            Ok(finished.is_complete)
        }
        Some(service) = services.join_next() => {
            service??;
            anyhow::bail!("a consumer group or the API ended by itself")
        }
    }
}

/// The router that was asked for; the built-in one is the simulator's own.
fn router(
    settings: &Settings,
    data: &DataDir,
    registry: &Registry,
) -> Result<Option<Arc<dyn Router>>> {
    let server = settings.router.clone();
    Ok(server.map(|server| osrm::router(server, &data.clock, registry)).transpose()?)
}

/// Waits until both groups have committed everything, or a signal: what is left then waits in the
/// log for the next start.
async fn drain(data: &DataDir, services: &mut JoinSet<fleet_core::Result<()>>) -> Result<()> {
    let both = async {
        for group in [ARCHIVER, RECORDER] {
            data.log.caught_up(group).await;
        }
    };
    tokio::select! {
        () = both => Ok(()),
        () = signal() => Ok(()),
        Some(service) = services.join_next() => {
            service??;
            anyhow::bail!("a service ended with records left; start again to finish")
        }
    }
}

/// Resolves at the first interrupt or termination signal.
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
