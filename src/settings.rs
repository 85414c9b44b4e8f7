//! Settings: defaults, then a TOML file, then `FLEET_*`, then flags; every fault at once.

use std::{
    collections::BTreeMap, ffi::OsString, io::Write, net::SocketAddr, path::PathBuf, time::Duration,
};

use anyhow::{Context, Result, bail};
use fleet_core::time::Time;
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
    pub(crate) listen: SocketAddr,
    /// Absent: no gRPC.
    pub(crate) grpc_listen: Option<SocketAddr>,
    pub(crate) retention: Duration,
    pub(crate) allow_public: bool,
}

const NAMES: [&str; 10] = [
    "data_dir",
    "trucks",
    "seed",
    "speed",
    "start",
    "until",
    "listen",
    "grpc_listen",
    "retention_days",
    "allow_public",
];
/// What begins so is no setting: it is of tests and scripts.
const EXEMPT: [&str; 3] = ["FLEET_TEST_", "FLEET_SERVICES_", "FLEET_BLESS"];

/// The settings of this process.
pub(crate) fn resolve(args: &RunArgs) -> Result<Settings> {
    let (mut values, mut faults) = (BTreeMap::new(), Vec::new());
    if let Some(path) = &args.config {
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        let file = from_file(&text, &mut faults);
        values.extend(file.with_context(|| format!("{}", path.display()))?);
    }
    values.extend(from_environment(std::env::vars_os(), &mut faults));
    values.extend(from_flags(args));
    check(&values, faults)
}

fn from_flags(args: &RunArgs) -> impl Iterator<Item = (String, String)> + use<> {
    let flags = [
        &args.data_dir,
        &args.trucks,
        &args.seed,
        &args.speed,
        &args.start,
        &args.until,
        &args.listen,
        &args.grpc_listen,
        &args.retention_days,
        &args.allow_public,
    ]
    .map(Clone::clone);
    NAMES.into_iter().zip(flags).filter_map(|(name, value)| Some((name.to_owned(), value?)))
}

fn from_file(text: &str, faults: &mut Vec<String>) -> Result<BTreeMap<String, String>> {
    let table: toml::Table = text.parse()?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            toml::Value::Datetime(time) => time.to_string(),
            toml::Value::Array(_) | toml::Value::Table(_) => {
                faults.push(format!("{name}: expected one value"));
                continue;
            }
        };
        if NAMES.contains(&name.as_str()) {
            values.insert(name, value);
        } else {
            faults.push(format!("{name}: no such setting"));
        }
    }
    Ok(values)
}

fn from_environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
    faults: &mut Vec<String>,
) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for (variable, value) in variables {
        // Other variables may be any bytes; they are none of ours.
        let Some(variable) = variable.to_str().filter(|name| name.starts_with("FLEET_")) else {
            continue;
        };
        let name = variable["FLEET_".len()..].to_ascii_lowercase();
        if EXEMPT.iter().any(|prefix| variable.starts_with(prefix)) {
            continue;
        }
        match value.into_string() {
            Ok(value) if is_service_link(variable, &value) => {}
            _ if !NAMES.contains(&name.as_str()) => {
                faults.push(format!("{variable}: no such setting"));
            }
            Ok(value) => drop(values.insert(name, value)),
            Err(_) => faults.push(format!("{variable}: not UTF-8")),
        }
    }
    values
}

/// Whether Kubernetes has set this variable for a service whose name begins with `fleet-`, as it does
/// in every pod: `FLEET_API_SERVICE_HOST`, `FLEET_API_PORT_8080_TCP_ADDR` and their kin.
fn is_service_link(variable: &str, value: &str) -> bool {
    if let Some((_, rest)) = variable.split_once("_SERVICE_") {
        return rest == "HOST" || rest == "PORT" || rest.starts_with("PORT_");
    }
    let Some((_, rest)) = variable.split_once("_PORT") else { return false };
    let mut parts = rest.split('_').skip(1);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (None, ..) => value.contains("://"), // FLEET_API_PORT=tcp://10.0.0.1:8080
        (
            Some(port),
            Some("TCP" | "UDP" | "SCTP"),
            None | Some("ADDR" | "PORT" | "PROTO"),
            None,
        ) => port.parse::<u16>().is_ok(),
        _ => false,
    }
}

struct Checker<'a> {
    values: &'a BTreeMap<String, String>,
    faults: Vec<String>,
}

impl Checker<'_> {
    fn value<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.values.get(name)?;
        let value = parse(text);
        if value.is_none() {
            self.faults.push(format!("{name} {text:?}: expected {expected}"));
        }
        value
    }
}

fn check(values: &BTreeMap<String, String>, faults: Vec<String>) -> Result<Settings> {
    let mut c = Checker { values, faults };
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
    let settings = Settings {
        data_dir: c
            .value("data_dir", "a directory", |text| (!text.is_empty()).then(|| text.into()))
            .unwrap_or_else(|| DATA_DIR.into()),
        trucks: c.value("trucks", &format!("1 to {}", World::TRUCKS_MAX), |text| {
            text.parse().ok().filter(|trucks| (1..=World::TRUCKS_MAX).contains(trucks))
        }),
        seed: c.value("seed", "a whole number from 0", |text| text.parse().ok()),
        speed: c
            .value("speed", "a factor from 0.01 to 1000000, or max", speed)
            .unwrap_or(Speed::Real(1.0)),
        start: c.value("start", rfc3339, time),
        until: c.value("until", rfc3339, time),
        listen: c
            .value("listen", "an address like 127.0.0.1:8080", |text| text.parse().ok())
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
        grpc_listen: c
            .value("grpc_listen", "an address like 127.0.0.1:50051, or off", grpc)
            .unwrap_or_else(|| Some(SocketAddr::from(([127, 0, 0, 1], 50_051)))),
        retention: Duration::from_secs(
            c.value("retention_days", "1 to 36500", days).unwrap_or(7_u64) * 86_400,
        ),
        allow_public: c
            .value("allow_public", "true or false", |text| text.parse().ok())
            .unwrap_or(false),
    };
    c.between(&settings);
    if c.faults.is_empty() { Ok(settings) } else { bail!(c.faults.join("; ")) }
}

impl Checker<'_> {
    /// The rules between settings.
    fn between(&mut self, settings: &Settings) {
        if let (Some(start), Some(until)) = (settings.start, settings.until)
            && until < start
        {
            self.faults.push(format!("until {until}: before start, {start}"));
        }
        if Some(settings.listen) == settings.grpc_listen && settings.listen.port() != 0 {
            self.faults
                .push(format!("grpc_listen {}: listen has this address already", settings.listen));
        }
        for (name, address) in
            [("listen", Some(settings.listen)), ("grpc_listen", settings.grpc_listen)]
        {
            let Some(address) = address else { continue };
            if !address.ip().is_loopback() && !settings.allow_public {
                self.faults.push(format!(
                    "{name} {address}: not a loopback address, and there are no API keys; name \
                 --allow-public true if you mean it"
                ));
            }
        }
    }
}

impl Settings {
    /// Prints them as a settings file.
    pub(crate) fn print(&self) -> Result<()> {
        let (listen, retention_days) = (self.listen, self.retention.as_secs() / 86_400);
        let speed = match self.speed {
            Speed::Max => "max".to_owned(),
            Speed::Real(factor) => factor.to_string(),
        };
        let grpc = self.grpc_listen.map_or_else(|| "off".to_owned(), |address| address.to_string());
        let all = [
            ("data_dir", Some(self.data_dir.display().to_string())),
            ("listen", Some(listen.to_string())),
            ("grpc_listen", Some(grpc)),
            ("allow_public", Some(self.allow_public.to_string())),
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
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn faults(pairs: &[(&str, &str)]) -> String {
        let values = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        check(&values, Vec::new()).map_or_else(|error| error.to_string(), |_| String::new())
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

    #[test]
    fn variables_that_kubernetes_sets_for_services_are_no_settings() {
        // As `kubectl exec … env` shows them for a service called fleet-api.
        let links = [
            ("FLEET_API_SERVICE_HOST", "10.96.0.7"),
            ("FLEET_API_SERVICE_PORT", "8080"),
            ("FLEET_API_SERVICE_PORT_HTTP", "8080"),
            ("FLEET_API_PORT", "tcp://10.96.0.7:8080"),
            ("FLEET_API_PORT_8080_TCP", "tcp://10.96.0.7:8080"),
            ("FLEET_API_PORT_8080_TCP_ADDR", "10.96.0.7"),
            ("FLEET_API_PORT_8080_TCP_PORT", "8080"),
            ("FLEET_API_PORT_8080_TCP_PROTO", "tcp"),
        ];
        let check = |variables: &[(&str, &str)]| {
            let mut faults = Vec::new();
            let pairs = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            assert!(from_environment(pairs, &mut faults).is_empty());
            faults
        };
        assert_eq!(check(&links), [""; 0]);
        let mistyped = [
            ("FLEET_LISTEN_PORT", "8080"),
            ("FLEET_SERVICE_HOSTS", "x"),
            ("FLEET_API_PORT_HTTP_TCP", "x"),
            ("FLEET_API_PORT_80_TCP_X", "x"),
        ];
        assert_eq!(check(&mistyped).len(), mistyped.len());
    }

    #[test]
    fn unknown_names_are_faults_in_files_and_environment() {
        let mut faults = Vec::new();
        let file = from_file("truks = 3\ntrucks = 3", &mut faults).expect("TOML");
        assert_eq!(file, BTreeMap::from([("trucks".to_owned(), "3".to_owned())]));
        let bytes = OsString::from_vec(vec![0xFF]);
        let variables = [
            ("FLEET_TRUKS".into(), "3".into()),
            ("FLEET_TEST_REQUIRE".into(), "1".into()),
            ("FLEET_TEST_REDIS_URL".into(), "redis://127.0.0.1:6379/".into()),
            ("FLEET_SERVICES_DIR".into(), "/tmp/x".into()),
            ("FLEET_SEED".into(), bytes.clone()),
            ("OTHER".into(), bytes.clone()),
            (bytes, "x".into()),
        ];
        assert!(from_environment(variables.into_iter(), &mut faults).is_empty());
        let told = check(&BTreeMap::from([("trucks".to_owned(), "0".to_owned())]), faults);
        let told = told.expect_err("four faults").to_string();
        for fault in ["truks: no", "FLEET_TRUKS: no", "FLEET_SEED: not UTF-8", "trucks \"0\""] {
            assert!(told.contains(fault), "{told}");
        }
        assert_eq!(told.matches("; ").count(), 3, "{told}");
    }
}
