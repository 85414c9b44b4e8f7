//! Settings: defaults, then a TOML file, then `FLEET_*`, then flags; every fault at once.

use std::{io::Write, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Result;
use fleet_api::Auth;
use fleet_core::{route::osrm::OsrmSettings, settings::Values, time::Time};
use fleet_sim::{Speed, World};

use crate::cli::RunArgs;

/// Where data is unless told otherwise.
pub(crate) const DATA_DIR: &str = "data";

/// Settings that have been checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) trucks: Option<u32>,
    pub(crate) seed: Option<u64>,
    pub(crate) speed: Speed,
    pub(crate) start: Option<Time>,
    pub(crate) until: Option<Time>,
    /// Address of an OSRM; absent: the built-in router.
    pub(crate) router: Option<String>,
    pub(crate) listen: SocketAddr,
    /// Absent: no gRPC.
    pub(crate) grpc_listen: Option<SocketAddr>,
    pub(crate) retention: Duration,
    pub(crate) allow_public: bool,
    pub(crate) api: fleet_api::Settings,
}

const NAMES: [&str; 16] = [
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
    ]
}

/// `osrm://` says http too: OSRM speaks nothing else.
fn router(text: &str) -> Option<Option<String>> {
    if text == "builtin" {
        return Some(None);
    }
    let url = text.strip_prefix("osrm://").map_or_else(|| text.into(), |at| format!("http://{at}"));
    OsrmSettings::check_url(&url).is_ok().then_some(Some(url))
}

fn check(mut values: Values) -> Result<Settings> {
    let time = |text: &str| text.parse::<Time>().ok().filter(|time| time.as_ms() % 1_000 == 0);
    let speed = |text: &str| match text {
        "max" => Some(Speed::Max),
        _ => text.parse().ok().filter(|factor| (0.01..=1e6).contains(factor)).map(Speed::Real),
    };
    let days = |text: &str| text.parse().ok().filter(|days| (1..=36_500).contains(days));
    let grpc = |text: &str| match text {
        "off" => Some(None),
        _ => text.parse().ok().map(Some),
    };
    let rfc3339 = "whole seconds of the years 2000 to 2099, like 2026-01-05T00:00:00Z";
    let api = api(&mut values);
    let mut settings = Settings {
        api,
        data_dir: values
            .get("data_dir", "a directory", |text| (!text.is_empty()).then(|| text.into()))
            .unwrap_or_else(|| DATA_DIR.into()),
        trucks: values.get("trucks", &format!("1 to {}", World::TRUCKS_MAX), |text| {
            text.parse().ok().filter(|trucks| (1..=World::TRUCKS_MAX).contains(trucks))
        }),
        seed: values.get("seed", "a whole number from 0", |text| text.parse().ok()),
        speed: values
            .get("speed", "a factor from 0.01 to 1000000, or max", speed)
            .unwrap_or(Speed::Real(1.0)),
        start: values.get("start", rfc3339, time),
        until: values.get("until", rfc3339, time),
        router: values
            .get("router", "builtin, or an address like http://127.0.0.1:5000", router)
            .unwrap_or(None),
        listen: values
            .get("listen", "an address like 127.0.0.1:8080", |text| text.parse().ok())
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
        grpc_listen: values
            .get("grpc_listen", "an address like 127.0.0.1:50051, or off", grpc)
            .unwrap_or_else(|| Some(SocketAddr::from(([127, 0, 0, 1], 50_051)))),
        retention: Duration::from_secs(
            values.get("retention_days", "1 to 36500", days).unwrap_or(7_u64) * 86_400,
        ),
        allow_public: values
            .get("allow_public", "true or false", |text| text.parse().ok())
            .unwrap_or(false),
    };
    between(&settings, &mut values);
    settings.api.limit_addresses |= settings.api.auth != Auth::Open || settings.is_public();
    Ok(values.finish(settings)?)
}

/// What is said about those who ask.
fn api(values: &mut Values) -> fleet_api::Settings {
    let limits = |text: &str| match text {
        "auto" => Some(false),
        "on" => Some(true),
        _ => None,
    };
    let proxies = |text: &str| {
        let named = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        named.map(|address| address.parse().ok()).collect()
    };
    let open = fleet_api::Settings::open();
    fleet_api::Settings {
        auth: values
            .get("auth", "open, public-read or required", |text| text.parse().ok())
            .unwrap_or(open.auth),
        limit_addresses: values.get("limits", "auto or on", limits).unwrap_or(open.limit_addresses),
        quotas: values
            .get("quotas", "CLASS=BURST@PER_SECOND, like read=10@0.5,live=10@0.2", |text| {
                text.parse().ok()
            })
            .unwrap_or(open.quotas),
        on_unavailable: values
            .get("limits_unavailable", "fail-open-local or fail-closed", |text| text.parse().ok())
            .unwrap_or(open.on_unavailable),
        trusted_proxies: values
            .get("trusted_proxies", "addresses, like 10.0.0.1,10.0.0.2", proxies)
            .unwrap_or(open.trusted_proxies),
    }
}

/// The rules between settings.
fn between(settings: &Settings, values: &mut Values) {
    if let (Some(start), Some(until)) = (settings.start, settings.until)
        && until < start
    {
        values.fault(format!("until {until}: before start, {start}"));
    }
    if Some(settings.listen) == settings.grpc_listen && settings.listen.port() != 0 {
        values.fault(format!("grpc_listen {}: listen has this address already", settings.listen));
    }
    for (name, address) in
        [("listen", Some(settings.listen)), ("grpc_listen", settings.grpc_listen)]
    {
        let Some(address) = address else { continue };
        if !address.ip().is_loopback() && settings.api.auth == Auth::Open && !settings.allow_public
        {
            values.fault(format!(
                "{name} {address}: not a loopback address, and no API keys are asked for; name \
                 --auth required, or --allow-public true if you mean it"
            ));
        }
    }
}

impl Settings {
    /// Whether others than this machine can ask.
    fn is_public(&self) -> bool {
        let mut addresses = [Some(self.listen), self.grpc_listen].into_iter().flatten();
        addresses.any(|address| !address.ip().is_loopback())
    }

    /// Prints them as a settings file.
    pub(crate) fn print(&self) -> Result<()> {
        let (listen, retention_days) = (self.listen, self.retention.as_secs() / 86_400);
        let api = &self.api;
        let proxies: Vec<_> = api.trusted_proxies.iter().map(ToString::to_string).collect();
        let speed = match self.speed {
            Speed::Max => "max".to_owned(),
            Speed::Real(factor) => factor.to_string(),
        };
        let grpc = self.grpc_listen.map_or_else(|| "off".to_owned(), |address| address.to_string());
        let all = [
            ("data_dir", Some(self.data_dir.display().to_string())),
            ("router", Some(self.router.clone().unwrap_or_else(|| "builtin".to_owned()))),
            ("listen", Some(listen.to_string())),
            ("grpc_listen", Some(grpc)),
            ("allow_public", Some(self.allow_public.to_string())),
            ("auth", Some(api.auth.to_string())),
            ("limits", Some(if api.limit_addresses { "on" } else { "auto" }.to_owned())),
            ("quotas", Some(api.quotas.to_string()).filter(|quotas| !quotas.is_empty())),
            ("limits_unavailable", Some(api.on_unavailable.to_string())),
            ("trusted_proxies", Some(proxies.join(",")).filter(|proxies| !proxies.is_empty())),
            ("retention_days", Some(retention_days.to_string())),
            ("speed", Some(speed)),
            ("trucks", self.trucks.map(|value| value.to_string())),
            ("seed", self.seed.map(|value| value.to_string())),
            ("start", self.start.map(|value| value.to_string())),
            ("until", self.until.map(|value| value.to_string())),
        ];
        let mut out = std::io::stdout().lock();
        for (name, value) in all {
            if let Some(value) = value {
                // A quoted TOML string and a Rust one agree on what settings can hold.
                writeln!(out, "{name} = {value:?}")?;
            }
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
