//! Where an OSRM server is, and how patiently it is asked.

use std::time::Duration;

use hyper::Uri;

use crate::{Error, Result, route::Ferries, settings::Values};

/// How a client asks: [`new`](Self::new) has what suits a server nearby.
#[derive(Clone, Debug, PartialEq)]
pub struct OsrmSettings {
    /// `http://host[:port][/prefix]`. There is no default, and no TLS: OSRM itself speaks none. Where
    /// the way to it is not trusted, let a proxy beside this program speak TLS.
    pub url: String,
    /// The profile's place in the path. `osrm-routed` ignores it; proxies before several servers may
    /// go by it.
    pub profile: String,
    /// How long until there is a connection, at most.
    pub connect_timeout: Duration,
    /// How long until the whole answer is there, at most, connecting included: for one attempt.
    pub answer_timeout: Duration,
    /// How often a question is asked, at least once: again only after faults of the connection and
    /// statuses of 500 and above.
    pub attempts: u32,
    /// The largest body of an answer, bytes.
    pub body_bytes_max: usize,
    /// Questions that are asked at once, at least 1; others wait their turn.
    pub concurrent_max: usize,
    /// How far from a road a place may lie, metres, where a question does not say. OSRM itself has
    /// no limit: it would move a place in Germany to India.
    pub radius_m: f64,
    /// Whether ways may cross water by boat. Leaving them out (`exclude=ferry`) needs a profile that
    /// lists the class, as the stock car profile does.
    pub ferries: Ferries,
    /// The version that the server's data must have (`osrm-extract -d`); `None` takes any.
    pub data_version: Option<String>,
    /// Routes that are kept; 0 keeps none.
    pub cache_routes: usize,
}

impl OsrmSettings {
    /// The server at `url`: 2 s to connect, 10 s to answer, three attempts, 8 MiB, 16 questions at
    /// once, 5 km to the next road, no ferries, any data, 256 routes kept.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            profile: "driving".to_owned(),
            connect_timeout: Duration::from_secs(2),
            answer_timeout: Duration::from_secs(10),
            attempts: 3,
            body_bytes_max: 8 << 20,
            concurrent_max: 16,
            radius_m: 5_000.0,
            ferries: Ferries::LeftOut,
            data_version: None,
            cache_routes: 256,
        }
    }

    /// What the setting `router` says: `builtin`, or the address of a server, for which `osrm://`
    /// stands as well as `http://`: OSRM speaks nothing else. `None` for the built-in router.
    pub fn read(values: &mut Values) -> Option<Self> {
        let router = |text: &str| {
            if text == "builtin" {
                return Some(None);
            }
            let url = match text.strip_prefix("osrm://") {
                Some(rest) => format!("http://{rest}"),
                None => text.to_owned(),
            };
            base(&url).is_ok().then_some(Some(Self::new(url)))
        };
        values.get("router", "builtin, or an address like http://127.0.0.1:5000", router).flatten()
    }

    /// Checks every setting; the base of all addresses, without a slash at its end.
    pub(super) fn check(&self) -> Result<String> {
        let rule = |ok: bool, text: &str| if ok { Ok(()) } else { Err(Error::invalid(text)) };
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        rule(
            (1..=64).contains(&self.profile.len()) && self.profile.chars().all(is_word),
            "profile: expected 1 to 64 of A-Z a-z 0-9 . _ -",
        )?;
        rule(self.attempts >= 1, "attempts: expected at least 1")?;
        rule(self.concurrent_max >= 1, "concurrent_max: expected at least 1")?;
        let (radius_m, waits) = (self.radius_m, [self.connect_timeout, self.answer_timeout]);
        rule(radius_m.is_finite() && radius_m > 0.0, "radius_m: expected more than 0")?;
        rule(waits.iter().all(|wait| !wait.is_zero()), "timeouts: expected more than 0")?;
        base(&self.url)
    }
}

fn base(url: &str) -> Result<String> {
    let refuse = |why: &str| Err(Error::invalid(format!("OSRM at {url:?}: {why}")));
    let Ok(uri) = url.parse::<Uri>() else { return refuse("not a URL") };
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => {
            return refuse(
                "https is not spoken; let a proxy on this machine speak TLS to the server",
            );
        }
        _ => return refuse("expected http://host:port"),
    }
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => {
            return refuse("it has a user's name in it, and OSRM knows none");
        }
        Some(authority) if !authority.host().is_empty() => {}
        _ => return refuse("it names no host"),
    }
    if uri.query().is_some() || url.contains('#') {
        return refuse("expected nothing after the path");
    }
    Ok(url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_servers_are_told_from_others() {
        for (url, expected) in [
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("http://osrm.fleet.svc/", "http://osrm.fleet.svc"),
            ("http://[::1]:5000/truck/", "http://[::1]:5000/truck"),
        ] {
            assert_eq!(base(url).expect("a good one"), expected);
        }
        for (url, said) in [
            ("https://osrm", "TLS"),
            ("osrm:5000", "expected http://"),
            ("http://", "not a URL"),
            ("http://osrm/?x=1", "after the path"),
            ("http://a:b@osrm", "user"),
            ("", "not a URL"),
            ("/route", "expected http://"),
        ] {
            let error = base(url).expect_err(url).to_string();
            assert!(error.contains(said), "{url}: {error}");
        }
    }

    #[test]
    fn every_setting_is_checked() {
        let good = || OsrmSettings::new("http://127.0.0.1:1");
        good().check().expect("the defaults are right");
        for (bad, said) in [
            (OsrmSettings { profile: "../x".into(), ..good() }, "profile"),
            (OsrmSettings { attempts: 0, ..good() }, "attempts"),
            (OsrmSettings { concurrent_max: 0, ..good() }, "concurrent_max"),
            (OsrmSettings { radius_m: f64::NAN, ..good() }, "radius_m"),
            (OsrmSettings { answer_timeout: Duration::ZERO, ..good() }, "timeouts"),
            (OsrmSettings { url: "ftp://x".into(), ..good() }, "http://"),
        ] {
            let error = bad.check().expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
