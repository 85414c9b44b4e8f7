//! A consumer group as a service of a cluster: settings, backends, health.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use fleet_core::{
    Error, Result, connect,
    hook::Hook,
    service::{self, Health, LISTEN, Setting},
    settings::Values,
    stream::lag::{Board, LagMetrics, LagSettings},
    time::{Clock, SystemClock},
};
use prometheus::Registry;
use tracing::info;

use crate::{Components, ConsumerSettings, Lag, PipelineMetrics, Sink, consumer, keep_house};

const LOG: Setting = Setting::new("log_url", "URL", "The log: kafka://HOST:PORT[,…]");
const STORE: Setting =
    Setting::new("store_url", "URL", "The store: mongodb://HOST:PORT[/DATABASE]");
const RETENTION: Setting =
    Setting::new("retention_days", "DAYS", "How long an event is kept, from its archiving").or("7");

struct Settings {
    log_url: String,
    store_url: String,
    listen: SocketAddr,
    sink: Sink,
}

/// Runs `fleet-telemetry-consumer` by its command line until it is told to stop.
///
/// # Errors
/// `Invalid` for settings (every fault is named); those of [`consumer::run`].
pub async fn archive_telemetry() -> Result<()> {
    let about = "Archives telemetry: from the log into the store, each event once.";
    let read = |values: &mut Values| {
        let days = |text: &str| text.parse().ok().filter(|days| (1..=36_500).contains(days));
        let days = values.get("retention_days", "1 to 36500", days).unwrap_or(7_u64);
        let retention = Duration::from_secs(days * 86_400);
        settings(values, Sink::Archiver { retention })
    };
    let table = [LOG, STORE, RETENTION, LISTEN[0].or("127.0.0.1:9102"), LISTEN[1]];
    match service::configure("fleet-telemetry-consumer", about, &table, read)? {
        Some(settings) => run(settings).await,
        None => Ok(()),
    }
}

/// Runs `fleet-trip-consumer` by its command line until it is told to stop.
///
/// # Errors
/// As for [`archive_telemetry`].
pub async fn record_trips() -> Result<()> {
    let about = "Records trips and the register of trucks: from the log into the store.";
    let read = |values: &mut Values| settings(values, Sink::Recorder);
    let table = [LOG, STORE, LISTEN[0].or("127.0.0.1:9103"), LISTEN[1]];
    match service::configure("fleet-trip-consumer", about, &table, read)? {
        Some(settings) => run(settings).await,
        None => Ok(()),
    }
}

fn settings(values: &mut Values, sink: Sink) -> Settings {
    Settings {
        log_url: service::read_url(values, "log_url", "kafka").unwrap_or_default(),
        store_url: service::read_url(values, "store_url", "mongodb").unwrap_or_default(),
        listen: service::listen(values),
        sink,
    }
}

async fn run(settings: Settings) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let stop = service::stop_signal()?;
    let (registry, group) = (Registry::new(), settings.sink.group());
    let health = Health::new(registry.clone(), "waiting for log and store");
    let listener = service::bind("listen", settings.listen).await?;
    let address = service::local_address(&listener)?;
    let serving = tokio::spawn(service::serve(listener, Arc::clone(&health)));
    info!(%address, group, "listening");
    let parts = Components {
        log: connect::log(&settings.log_url, &registry, Arc::clone(&clock)).await?,
        store: connect::store(&settings.store_url, Arc::clone(&clock)).await?,
        clock: Arc::clone(&clock),
        metrics: PipelineMetrics::register(&registry)?,
        hook: Hook::default(),
    };
    health.set_ready();
    let board = Arc::new(Board::new(&[group.to_owned()], LagSettings::default()));
    let lag = Lag { board, metrics: LagMetrics::register(&registry)? };
    let keeping = keep_house(
        Arc::clone(&parts.log),
        Arc::clone(&parts.store),
        clock,
        parts.metrics.clone(),
        lag,
        std::future::pending(),
    );
    tokio::select! {
        ended = consumer::run(ConsumerSettings::new(settings.sink), parts, stop) => {
            info!(group, "ended");
            ended
        }
        () = keeping => Ok(()),
        _ = serving => Err(Error::internal("the probes' server died")), // it has no end
    }
}
