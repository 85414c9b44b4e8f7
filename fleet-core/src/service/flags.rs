//! A service's settings as one table: its flags, its `FLEET_*` variables, the names in its file.

use std::{io::Write, net::SocketAddr, path::PathBuf};

use clap::{Arg, ArgAction, Command, value_parser};

use crate::{
    Error, Result,
    settings::{Values, shown_url},
};

/// A setting of a service.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// In files, e.g. `log_url`; the flag is `--log-url`, the variable `FLEET_LOG_URL`.
    pub name: &'static str,
    /// What stands for its value in the help.
    pub value: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// What holds if nothing is said.
    pub default: Option<&'static str>,
}

impl Setting {
    /// A setting that may be left out.
    pub const fn new(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { name, value, help, default: None }
    }

    /// The same, with a default.
    #[must_use]
    pub const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }
}

/// Where a service answers probes and scrapers; see [`listen`].
pub const LISTEN: [Setting; 2] = [
    Setting::new("listen", "ADDRESS", "Where /healthz, /readyz and /metrics are"),
    Setting::new("allow_public", "BOOL", "Allow an address that is not loopback").or("false"),
];

/// Reads the settings of the service `name` from the command line, the environment and a file, and
/// hands them to `check`, which takes them and names what is wrong. `None` if only
/// `--check-config` was asked for: then they have been printed.
///
/// # Errors
/// `Invalid` with every fault.
pub fn configure<T>(
    name: &'static str,
    about: &'static str,
    settings: &[Setting],
    check: impl FnOnce(&mut Values) -> T,
) -> Result<Option<T>> {
    let matches = command(name, about, settings).get_matches();
    let names: Vec<&'static str> = settings.iter().map(|setting| setting.name).collect();
    let mut values = Values::new(&names);
    for setting in settings {
        values.set(setting.name, setting.default.map(str::to_owned).as_ref());
    }
    if let Some(path) = matches.get_one::<PathBuf>("config") {
        values.read_file(path)?;
    }
    values.read_environment(std::env::vars_os());
    for name in names {
        values.set(name, matches.get_one::<String>(name));
    }
    let checked = check(&mut values);
    let shown = values.shown();
    let checked = values.finish(checked)?;
    if !matches.get_flag("check_config") {
        return Ok(Some(checked));
    }
    let told = std::io::stdout().lock().write_all(shown.as_bytes());
    told.map_err(|cause| Error::unavailable("standard output").with_source(cause))?;
    Ok(None)
}

fn command(name: &'static str, about: &'static str, settings: &[Setting]) -> Command {
    let flag = |setting: &Setting| {
        let help = match setting.default {
            Some(default) => format!("{} [default: {default}]", setting.help),
            None => setting.help.to_owned(),
        };
        Arg::new(setting.name)
            .long(setting.name.replace('_', "-"))
            .value_name(setting.value)
            .allow_negative_numbers(true)
            .help(help)
    };
    let config = Arg::new("config").long("config").value_name("FILE");
    let check = Arg::new("check_config").long("check-config").action(ArgAction::SetTrue);
    Command::new(name)
        .about(about)
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(
            "Flags go before FLEET_* variables, those before the file, that before defaults.",
        )
        .args(settings.iter().map(flag))
        .arg(config.value_parser(value_parser!(PathBuf)).help("A settings file in TOML"))
        .arg(check.help("Print the settings, passwords left out, and stop"))
}

/// The URL that the setting `name` gives; it is needed, and one of `scheme`.
pub fn read_url(values: &mut Values, name: &str, scheme: &str) -> Option<String> {
    let url = values.need(name, &format!("{scheme}://…"), |text| Some(text.to_owned()))?;
    let shown = shown_url(&url);
    match url.split_once("://") {
        Some((found, rest)) if found == scheme && !rest.is_empty() => Some(url),
        Some(("rediss", _)) if scheme == "redis" => {
            values.fault(format!(
                "{name} {shown:?}: TLS to redis is not spoken; let a proxy on this machine speak it"
            ));
            None
        }
        _ if url.starts_with("sqlite:") => {
            values.fault(format!(
                "{name} {shown:?}: an embedded file belongs to one process; run data-fleet, or name \
                 {scheme}://…"
            ));
            None
        }
        _ => {
            values.fault(format!("{name} {shown:?}: expected {scheme}://…"));
            None
        }
    }
}

/// The address of [`LISTEN`], or a free port of loopback. Metrics tell much about a fleet: another
/// address than loopback has to be allowed by name.
pub fn listen(values: &mut Values) -> SocketAddr {
    let address = values
        .get("listen", "an address like 127.0.0.1:9100", |text| text.parse().ok())
        .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    let is_allowed = values
        .get("allow_public", "true or false", |text| text.parse::<bool>().ok())
        .unwrap_or(false);
    if !address.ip().is_loopback() && !is_allowed {
        values.fault(format!(
            "listen {address}: not a loopback address; set allow_public = true if you mean it"
        ));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_another_kind_is_refused_and_its_password_not_told() {
        for (url, said) in [
            ("sqlite:/data/state.db", "belongs to one process"),
            ("mongodb://a:s3cret@h", "expected redis://"),
            ("rediss://:s3cret@h:6379", "TLS to redis is not spoken"),
            ("redis:", "expected redis://"),
            ("127.0.0.1:6379", "expected redis://"),
        ] {
            let mut values = Values::new(&["state_url"]);
            values.set("state_url", Some(&url.to_owned()));
            assert_eq!(read_url(&mut values, "state_url", "redis"), None);
            let error = values.finish(()).expect_err(url).to_string();
            assert!(error.contains(said) && !error.contains("s3cret"), "{error}");
        }
        let mut values = Values::new(&["state_url"]);
        assert_eq!(read_url(&mut values, "state_url", "redis"), None);
        let error = values.finish(()).expect_err("it is needed").to_string();
        assert_eq!(error, "state_url: expected redis://…, found none");
    }

    #[test]
    fn other_addresses_than_loopback_have_to_be_allowed() {
        for (allowed, faults) in [("false", 1), ("true", 0)] {
            let mut values = Values::new(&["listen", "allow_public"]);
            values.set("listen", Some(&"0.0.0.0:9100".to_owned()));
            values.set("allow_public", Some(&allowed.to_owned()));
            listen(&mut values);
            assert_eq!(usize::from(values.finish(()).is_err()), faults);
        }
    }

    #[test]
    fn each_setting_is_a_flag() {
        let table = [Setting::new("log_url", "URL", "The log").or("kafka://h:1"), LISTEN[0]];
        let command = command("fleet-example", "For this test", &table);
        command.clone().debug_assert();
        let matches = command.get_matches_from(["x", "--log-url", "kafka://h:2"]);
        assert_eq!(matches.get_one::<String>("log_url").map(String::as_str), Some("kafka://h:2"));
    }
}
