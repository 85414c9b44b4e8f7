//! The API as a service of a cluster: settings and backends.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use fleet_core::{
    Error, Result, connect,
    service::{self, Setting},
    settings::Values,
    stream::{
        EventLog,
        lag::{Board, LagMetrics, LagSettings},
    },
    time::{Clock, SystemClock},
};
use prometheus::Registry;
use tokio::time::{MissedTickBehavior, interval};
use tracing::info;

use crate::{Components, Doors, Settings, keys::KeyText};

const ABOUT: &str = "REST, gRPC and live streams over the store, the log and the counters.";
const SETTINGS: [Setting; 22] = [
    Setting::new("log_url", "URL", "The log: kafka://HOST:PORT[,…]/[?SETTINGS]"),
    Setting::new("store_url", "URL", "The store: mongodb://HOST:PORT[/DATABASE]"),
    Setting::new("state_url", "URL", "State and rate limits: redis://HOST:PORT"),
    Setting::new("listen", "ADDRESS", "Where REST, pages, probes and metrics are")
        .or("127.0.0.1:8080"),
    Setting::new("grpc_listen", "ADDRESS", "Where gRPC is, or off").or("127.0.0.1:50051"),
    Setting::new("allow_public", "BOOL", "Allow others than this machine without keys").or("false"),
    Setting::new("auth", "WHO", "What needs no key: open, public-read or required").or("open"),
    Setting::new("limits", "WHEN", "Limits for those without a key: auto or on").or("auto"),
    Setting::new("quotas", "QUOTAS", "Limits that differ from the defaults, like read=10@0.5"),
    Setting::new(
        "limits_unavailable",
        "WHAT",
        "While redis is away: fail-open-local or fail-closed",
    )
    .or("fail-open-local"),
    Setting::new("trusted_proxies", "ADDRESSES", "Whose X-Forwarded-For is believed"),
    Setting::new("cors_origins", "SITES", "Whose pages may ask from a browser"),
    Setting::new("slo_availability", "PERCENT", "Requests that must not fail by our fault")
        .or("99.9"),
    Setting::new("slo_latency", "PERCENT", "Answers that must begin in time").or("99"),
    Setting::new("slo_latency_ms", "MS", "What is in time").or("250"),
    Setting::new("slo_freshness", "PERCENT", "Trucks that must have been heard of in a minute")
        .or("99"),
    Setting::new("slo_queryable", "PERCENT", "Events that must be stored within 5 s").or("95"),
    Setting::new("slo_completeness", "PERCENT", "Numbered reports that must come").or("99.9"),
    Setting::new("slo_correctness", "PERCENT", "Records that must not be set aside").or("99.9"),
    Setting::new("slo_on_time", "PERCENT", "Trips that must end when promised").or("90"),
    Setting::new(
        "slo_source",
        "URL",
        "Who counts: in-process, or a Prometheus like http://HOST:9090",
    )
    .or("in-process"),
    Setting::new("admin_key_file", "FILE", "An API key with every scope; made if it is not there"),
];
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The groups it reports on: those of `fleet-pipeline`, which it does not depend on.
const GROUPS: [&str; 2] = ["fleet-telemetry-archiver", "fleet-trip-recorder"];

struct Read {
    urls: [String; 3],
    doors: Doors,
    settings: Settings,
    admin_key_file: Option<PathBuf>,
}

fn read(values: &mut Values) -> Read {
    let doors = Doors::read(values);
    Read {
        doors,
        settings: Settings::read(values, &doors),
        urls: [("log_url", "kafka"), ("store_url", "mongodb"), ("state_url", "redis")]
            .map(|(name, scheme)| service::read_url(values, name, scheme).unwrap_or_default()),
        admin_key_file: values
            .get("admin_key_file", "a file", |text| (!text.is_empty()).then(|| text.into())),
    }
}

/// Runs `fleet-api` by its command line until it is told to stop.
///
/// # Errors
/// `Invalid` for settings (every fault is named); those of the backends, and of [`run`](crate::run).
pub async fn main() -> Result<()> {
    let Some(read) = service::configure("fleet-api", ABOUT, &SETTINGS, read)? else {
        return Ok(());
    };
    let stop = service::stop_signal()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let rest = service::bind("listen", read.doors.listen).await?;
    let grpc = match read.doors.grpc_listen {
        Some(address) => Some(service::bind("grpc_listen", address).await?),
        None => None,
    };
    let local_key = read.admin_key_file.as_deref().map(admin_key).transpose()?;
    let [log, store, state] = read.urls;
    let registry = Registry::new();
    let groups = GROUPS.map(str::to_owned).to_vec();
    let lag = Arc::new(Board::new(&groups, LagSettings::default()));
    let lag_metrics = LagMetrics::register(&registry)?;
    let components = Components {
        log: connect::log(&log, &registry, Arc::clone(&clock)).await?,
        store: connect::store(&store, Arc::clone(&clock)).await?,
        limiter: connect::limiter(&state)?,
        state: connect::state(&state, Arc::clone(&clock)).await?,
        clock,
        groups,
        lag: Arc::clone(&lag),
        registry,
        entropy,
        tallies: crate::slo::Tallies::new(),
        slo_source: crate::slo::source(&read.settings.slo)?,
        local_key,
    };
    let address = service::local_address(&rest)?;
    let grpc_address = match &grpc {
        Some(listener) => service::local_address(listener)?.to_string(),
        None => "off".to_owned(),
    };
    info!(%address, grpc_address, "listening");
    let (log, clock) = (Arc::clone(&components.log), Arc::clone(&components.clock));
    tokio::select! {
        ended = crate::run(read.settings, components, rest, grpc, stop) => ended,
        () = watch_lag(&*log, &*clock, &lag, &lag_metrics) => Ok(()), // it has no end
    }
}

/// Looks at the groups every few seconds. Groups tell of themselves, too; who is gone does not.
async fn watch_lag(log: &dyn EventLog, clock: &dyn Clock, lag: &Board, metrics: &LagMetrics) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        lag.sample(log, clock.now()).await;
        metrics.show(lag, clock.now());
    }
}

/// Bytes of the operating system's generator.
fn entropy(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes)
        .map_err(|cause| Error::internal("the system gives no random bytes").with_source(cause))
}

/// The key in `file`, which only its owner may read; a new one if there is no such file.
fn admin_key(file: &Path) -> Result<KeyText> {
    let told = |what: &str| Error::invalid(format!("admin_key_file {}: {what}", file.display()));
    let failed = |cause: std::io::Error| told(&cause.to_string());
    match std::fs::metadata(file) {
        Ok(known) if known.permissions().mode() & 0o077 != 0 => {
            Err(told("others than its owner may read it; say chmod 600, and revoke the key"))
        }
        Ok(_) => {
            let text = std::fs::read_to_string(file).map_err(failed)?;
            KeyText::parse(text.trim())
                .ok_or_else(|| told("holds no API key; remove it, then one is made"))
        }
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            let key = KeyText::generate(entropy)?;
            write_key(file, &key).map_err(failed)?;
            Ok(key)
        }
        Err(cause) => Err(failed(cause)),
    }
}

/// Under its name only when it is whole: a crash leaves no empty file there.
fn write_key(file: &Path, key: &KeyText) -> std::io::Result<()> {
    let unfinished = file.with_extension("new");
    match std::fs::remove_file(&unfinished) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(cause),
        _ => {} // of a process that died, or not there
    }
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    writeln!(new, "{}", key.reveal())?;
    new.sync_all()?;
    std::fs::hard_link(&unfinished, file)?; // not over one that another process has just made
    std::fs::remove_file(&unfinished)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_admins_key_is_made_once_and_kept_to_its_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key");
        let made = admin_key(&file).expect("made");
        assert_eq!(admin_key(&file).expect("read"), made);
        let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let of = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode));
        of(0o644).expect("changed");
        let error = admin_key(&file).expect_err("for all to read").to_string();
        assert!(error.contains("chmod 600"), "{error}");
        of(0o600).expect("changed");
        std::fs::write(&file, "df_live_nonsense").expect("written");
        let error = admin_key(&file).expect_err("no key").to_string();
        assert!(error.contains("holds no API key") && !error.contains("nonsense"), "{error}");
    }
}
