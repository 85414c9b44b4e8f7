//! Settings: defaults, then a TOML file, then `FLEET_*`, then flags; every fault at once.

use std::{io::Write, path::PathBuf, time::Duration};

use anyhow::Result;
use fleet_api::Doors;
use fleet_core::{route::osrm::OsrmSettings, settings::Values};
use fleet_sim::{SimSettings, Speed};

use crate::{cli::RunArgs, slo};

/// Where data is unless told otherwise.
pub(crate) const DATA_DIR: &str = "data";

/// Settings that have been checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) sim: SimSettings,
    /// Where an OSRM is; absent: the built-in router.
    pub(crate) router: Option<OsrmSettings>,
    pub(crate) doors: Doors,
    pub(crate) retention: Duration,
    pub(crate) api: fleet_api::Settings,
}

const NAMES: [&str; 26] = [
    "data_dir",
    "trucks",
    "seed",
    "speed",
    "start",
    "until",
    "router",
    "listen",
    "grpc_listen",
    "retention_days",
    "allow_public",
    "auth",
    "limits",
    "quotas",
    "limits_unavailable",
    "trusted_proxies",
    "cors_origins",
    "slo_availability",
    "slo_latency",
    "slo_latency_ms",
    "slo_freshness",
    "slo_queryable",
    "slo_completeness",
    "slo_correctness",
    "slo_on_time",
    "slo_source",
];
/// The settings of this process.
pub(crate) fn resolve(args: &RunArgs) -> Result<Settings> {
    let mut values = Values::new(&NAMES);
    if let Some(path) = &args.config {
        values.read_file(path)?;
    }
    values.read_environment(std::env::vars_os());
    for (name, value) in NAMES.iter().zip(flags(args)) {
        values.set(name, value.as_ref());
    }
    check(values)
}

fn flags(args: &RunArgs) -> [&Option<String>; NAMES.len()] {
    [
        &args.data_dir,
        &args.trucks,
        &args.seed,
        &args.speed,
        &args.start,
        &args.until,
        &args.router,
        &args.listen,
        &args.grpc_listen,
        &args.retention_days,
        &args.allow_public,
        &args.auth,
        &args.limits,
        &args.quotas,
        &args.limits_unavailable,
        &args.trusted_proxies,
        &args.cors_origins,
        &args.slo.slo_availability,
        &args.slo.slo_latency,
        &args.slo.slo_latency_ms,
        &args.slo.slo_freshness,
        &args.slo.slo_queryable,
        &args.slo.slo_completeness,
        &args.slo.slo_correctness,
        &args.slo.slo_on_time,
        &args.slo.slo_source,
    ]
}

fn check(mut values: Values) -> Result<Settings> {
    let days = |text: &str| text.parse().ok().filter(|days| (1..=36_500).contains(days));
    let doors = Doors::read(&mut values);
    let mut settings = Settings {
        doors,
        sim: SimSettings::read(&mut values),
        router: OsrmSettings::read(&mut values),
        api: fleet_api::Settings::read(&mut values, &doors),
        data_dir: values
            .get("data_dir", "a directory", |text| (!text.is_empty()).then(|| text.into()))
            .unwrap_or_else(|| DATA_DIR.into()),
        retention: Duration::from_secs(
            values.get("retention_days", "1 to 36500", days).unwrap_or(7_u64) * 86_400,
        ),
    };
    settings.api.slo.at_speed(match settings.sim.speed {
        Speed::Max => 1.0,
        Speed::Real(factor) => factor,
    });
    Ok(values.finish(settings)?)
}

impl Settings {
    /// Prints them as a settings file.
    pub(crate) fn print(&self) -> Result<()> {
        let Doors { listen, grpc_listen, allow_public } = self.doors;
        let retention_days = self.retention.as_secs() / 86_400;
        let api = &self.api;
        let proxies: Vec<_> = api.trusted_proxies.iter().map(ToString::to_string).collect();
        let origins: Vec<_> =
            api.cors_origins.iter().filter_map(|site| site.to_str().ok()).collect();
        let sim = &self.sim;
        let speed = match sim.speed {
            Speed::Max => "max".to_owned(),
            Speed::Real(factor) => factor.to_string(),
        };
        let grpc = grpc_listen.map_or_else(|| "off".to_owned(), |address| address.to_string());
        let all = [
            ("data_dir", Some(self.data_dir.display().to_string())),
            ("router", Some(self.router.as_ref().map_or("builtin", |osrm| &osrm.url).to_owned())),
            ("listen", Some(listen.to_string())),
            ("grpc_listen", Some(grpc)),
            ("allow_public", Some(allow_public.to_string())),
            ("auth", Some(api.auth.to_string())),
            ("limits", Some(if api.limit_addresses { "on" } else { "auto" }.to_owned())),
            ("quotas", Some(api.quotas.to_string()).filter(|quotas| !quotas.is_empty())),
            ("limits_unavailable", Some(api.on_unavailable.to_string())),
            ("trusted_proxies", Some(proxies.join(",")).filter(|proxies| !proxies.is_empty())),
            ("cors_origins", Some(origins.join(",")).filter(|origins| !origins.is_empty())),
            ("retention_days", Some(retention_days.to_string())),
            ("speed", Some(speed)),
            ("trucks", sim.trucks.map(|value| value.to_string())),
            ("seed", sim.seed.map(|value| value.to_string())),
            ("start", sim.start.map(|value| value.to_string())),
            ("until", sim.until.map(|value| value.to_string())),
        ];
        let all = all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let mut out = std::io::stdout().lock();
        for (name, value) in all.chain(slo::shown(&api.slo)) {
            // A quoted TOML string and a Rust one agree on what settings can hold.
            writeln!(out, "{name} = {value:?}")?;
        }
        for why in api.slo.unreachable() {
            writeln!(out, "# {why}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(pairs: &[(&str, &str)]) -> String {
        let mut values = Values::new(&NAMES);
        for (name, value) in pairs {
            values.set(name, Some(&(*value).to_owned()));
        }
        check(values).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        let text = faults(&[("trucks", "0"), ("speed", "fast"), ("listen", "8080"), ("seed", "1")]);
        for name in ["trucks", "speed", "listen"] {
            assert!(text.contains(name), "{text}");
        }
        assert!(!text.contains("seed"), "{text}");
    }

    #[test]
    fn other_addresses_than_loopback_have_to_be_asked_for() {
        for name in ["listen", "grpc_listen"] {
            let said = faults(&[(name, "0.0.0.0:80")]);
            assert!(said.starts_with(name) && said.contains("--allow-public"), "{said}");
            assert_eq!(faults(&[(name, "0.0.0.0:80"), ("allow_public", "true")]), "");
            assert_eq!(faults(&[(name, "0.0.0.0:80"), ("auth", "required")]), "");
        }
        assert_eq!(faults(&[("grpc_listen", "off")]), "");
    }

    #[test]
    fn times_and_addresses_that_contradict_one_another_are_faults() {
        let (early, late) = ("2026-01-05T00:00:00Z", "2026-01-05T00:00:01Z");
        assert_eq!(faults(&[("start", early), ("until", early)]), "");
        let said = faults(&[("start", late), ("until", early)]);
        assert!(said.starts_with("until ") && said.contains("before start"), "{said}");
        let said = faults(&[("until", "2026-01-05T00:00:00.5Z")]);
        assert!(said.contains("whole seconds"), "{said}");
        let twice = [("listen", "127.0.0.1:9"), ("grpc_listen", "127.0.0.1:9")];
        assert!(faults(&twice).starts_with("grpc_listen "));
        assert_eq!(faults(&[("listen", "127.0.0.1:0"), ("grpc_listen", "127.0.0.1:0")]), "");
    }
}
