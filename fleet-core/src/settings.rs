//! The settings of a program: defaults, then a TOML file, then `FLEET_*`, then flags; every fault at
//! once.
//!
//! ```
//! use fleet_core::settings::Values;
//! let mut values = Values::new(&["trucks", "listen"]);
//! values.read_toml("trucks = 30")?;
//! values.read_environment([("FLEET_TRUCKS".into(), "many".into())].into_iter());
//! let trucks: Option<u32> = values.get("trucks", "a number", |text| text.parse().ok());
//! assert_eq!(trucks, None);
//! let error = values.finish(()).unwrap_err().to_string();
//! assert!(error.contains("trucks \"many\": expected a number"), "{error}");
//! # Ok::<(), fleet_core::Error>(())
//! ```

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use crate::{Error, Result};

/// What begins so is no setting: it is of tests and scripts.
const EXEMPT: [&str; 3] = ["FLEET_TEST_", "FLEET_SERVICES_", "FLEET_BLESS"];

/// What was said about each setting, the last word winning, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Values {
    names: Vec<&'static str>,
    values: BTreeMap<String, String>,
    faults: Vec<String>,
}

impl Values {
    /// Nothing said yet about any of `names` (lower case, with underscores).
    pub fn new(names: &[&'static str]) -> Self {
        Self { names: names.to_vec(), values: BTreeMap::new(), faults: Vec::new() }
    }

    /// Reads a settings file in TOML: one value a name. An unknown name is a fault.
    ///
    /// # Errors
    /// `Invalid` if it cannot be read or is not TOML.
    pub fn read_file(&mut self, path: &Path) -> Result<()> {
        let shown = path.display().to_string();
        let told = |e: std::io::Error| Error::invalid(format!("{shown}: {e}"));
        let text = std::fs::read_to_string(path).map_err(told)?;
        self.read_toml(&text).map_err(|e| Error::invalid(format!("{shown}: {e}")))
    }

    /// Reads the text of a settings file.
    ///
    /// # Errors
    /// `Invalid` if it is not TOML.
    pub fn read_toml(&mut self, text: &str) -> Result<()> {
        let table: toml::Table =
            text.parse().map_err(|e: toml::de::Error| Error::invalid(e.to_string()))?;
        for (name, value) in table {
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Float(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                toml::Value::Datetime(time) => time.to_string(),
                toml::Value::Array(_) | toml::Value::Table(_) => {
                    self.faults.push(format!("{name}: expected one value"));
                    continue;
                }
            };
            if self.names.contains(&name.as_str()) {
                self.values.insert(name, value);
            } else {
                self.faults.push(format!("{name}: no such setting"));
            }
        }
        Ok(())
    }

    /// Reads `FLEET_*` of an environment. An unknown one is a fault; what tests, scripts and
    /// Kubernetes set is not one.
    pub fn read_environment(&mut self, variables: impl Iterator<Item = (OsString, OsString)>) {
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
                _ if !self.names.contains(&name.as_str()) => {
                    self.faults.push(format!("{variable}: no such setting"));
                }
                Ok(value) => drop(self.values.insert(name, value)),
                Err(_) => self.faults.push(format!("{variable}: not UTF-8")),
            }
        }
    }

    /// Says what a flag says, if it was given.
    pub fn set(&mut self, name: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.values.insert(name.to_owned(), value.clone());
        }
    }

    /// What is said about `name`, parsed; what `parse` does not take is a fault: "expected …".
    pub fn get<T>(
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

    /// As [`get`](Self::get); that nothing is said is a fault too.
    pub fn need<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        if !self.values.contains_key(name) {
            self.faults.push(format!("{name}: expected {expected}, found none"));
        }
        self.get(name, expected, parse)
    }

    /// All that was said, as a settings file, passwords in URLs left out.
    pub fn shown(&self) -> String {
        let line = |(name, value): (&String, &String)| format!("{name} = {:?}\n", shown_url(value));
        self.values.iter().map(line).collect()
    }

    /// Reports a fault that lies between settings.
    pub fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// `settings`, if nothing is wrong.
    ///
    /// # Errors
    /// `Invalid` with every fault.
    pub fn finish<T>(self, settings: T) -> Result<T> {
        if self.faults.is_empty() {
            Ok(settings)
        } else {
            Err(Error::invalid(self.faults.join("; ")))
        }
    }
}

/// A URL as it may be shown: its password, if it has one, is left out.
///
/// ```
/// use fleet_core::settings::shown_url;
/// assert_eq!(shown_url("redis://ann:s3cret@db:6379/0"), "redis://ann:***@db:6379/0");
/// assert_eq!(shown_url("kafka://127.0.0.1:9092"), "kafka://127.0.0.1:9092");
/// ```
pub fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let Some((user, host)) = authority.rsplit_once('@') else { return url.to_owned() };
    let user = user.split(':').next().unwrap_or(user);
    format!("{scheme}://{user}:***@{host}{}", &rest[authority.len()..])
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

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

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
            let mut values = Values::new(&["listen"]);
            let pairs = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            values.read_environment(pairs);
            assert!(values.values.is_empty());
            values.faults
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
        let mut values = Values::new(&["trucks", "seed"]);
        values.read_toml("truks = 3\ntrucks = 0").expect("TOML");
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
        values.read_environment(variables.into_iter());
        let above_0 = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
        assert_eq!(values.get("trucks", "1 or more", above_0), None);
        let told = values.finish(()).expect_err("four faults").to_string();
        for fault in ["truks: no", "FLEET_TRUKS: no", "FLEET_SEED: not UTF-8", "trucks \"0\""] {
            assert!(told.contains(fault), "{told}");
        }
        assert_eq!(told.matches("; ").count(), 3, "{told}");
    }

    #[test]
    fn flags_beat_the_environment_which_beats_the_file() {
        let mut values = Values::new(&["a", "b", "c"]);
        values.read_toml("a = 1\nb = 1\nc = 1").expect("TOML");
        let variables = [("FLEET_B", "2"), ("FLEET_C", "2")];
        values.read_environment(variables.into_iter().map(|(n, v)| (n.into(), v.into())));
        values.set("c", Some(&"3".to_owned()));
        values.set("a", None);
        let all = ["a", "b", "c"].map(|name| values.get(name, "", |text| Some(text.to_owned())));
        assert_eq!(all.map(Option::unwrap_or_default), ["1", "2", "3"]);
    }
}
