//! What a program that serves the API is told about it: doors, and those who come through them.

use std::net::SocketAddr;

use axum::http::HeaderValue;
use fleet_core::settings::Values;

use crate::{Auth, Settings, slo::SloSettings};

impl Settings {
    /// What is said about those who ask; [`Settings::open`] where nothing is. Requests without a
    /// key are limited too if keys are asked for, or if others than this machine can come in.
    pub fn read(values: &mut Values, doors: &Doors) -> Self {
        let limits = |text: &str| match text {
            "auto" => Some(false),
            "on" => Some(true),
            _ => None,
        };
        let proxies = |text: &str| {
            let named = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            named.map(|address| address.parse().ok()).collect()
        };
        let open = Self::open();
        let quotas = "CLASS=BURST@PER_SECOND, like read=10@0.5,live=10@0.2";
        let mut settings = Self {
            auth: values
                .get("auth", "open, public-read or required", |text| text.parse().ok())
                .unwrap_or(open.auth),
            limit_addresses: values
                .get("limits", "auto or on", limits)
                .unwrap_or(open.limit_addresses),
            quotas: values.get("quotas", quotas, |text| text.parse().ok()).unwrap_or(open.quotas),
            on_unavailable: values
                .get("limits_unavailable", "fail-open-local or fail-closed", |text| {
                    text.parse().ok()
                })
                .unwrap_or(open.on_unavailable),
            trusted_proxies: values
                .get("trusted_proxies", "addresses, like 10.0.0.1,10.0.0.2", proxies)
                .unwrap_or(open.trusted_proxies),
            cors_origins: values
                .get("cors_origins", "sites, like https://fleet.example,https://b.example", origins)
                .unwrap_or(open.cors_origins),
            slo: SloSettings::read(values),
        };
        settings.limit_addresses |= settings.auth != Auth::Open || doors.is_public();
        doors.check(settings.auth, values);
        settings
    }
}

/// Sites by scheme, host and port, as browsers name them; never all (`*`), nor the nameless (`null`).
fn origins(text: &str) -> Option<Vec<HeaderValue>> {
    let origin = |text: &str| {
        let (scheme, host) = text.split_once("://")?;
        let is_host = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b);
        let is_origin = ["http", "https"].contains(&scheme) && host.bytes().all(is_host);
        HeaderValue::from_str(text).ok().filter(|_| is_origin && !host.is_empty())
    };
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(origin).collect()
}

/// Where the API listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doors {
    /// REST and pages.
    pub listen: SocketAddr,
    /// gRPC; `None`: there is none.
    pub grpc_listen: Option<SocketAddr>,
    /// Whether others than this machine may ask without keys.
    pub allow_public: bool,
}

impl Doors {
    /// What is said about them; ports 8080 and 50051 of loopback where nothing is.
    pub fn read(values: &mut Values) -> Self {
        let grpc = |text: &str| match text {
            "off" => Some(None),
            _ => text.parse().ok().map(Some),
        };
        Self {
            listen: values
                .get("listen", "an address like 127.0.0.1:8080", |text| text.parse().ok())
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8_080))),
            grpc_listen: values
                .get("grpc_listen", "an address like 127.0.0.1:50051, or off", grpc)
                .unwrap_or_else(|| Some(SocketAddr::from(([127, 0, 0, 1], 50_051)))),
            allow_public: values
                .get("allow_public", "true or false", |text| text.parse().ok())
                .unwrap_or(false),
        }
    }

    fn named(&self) -> [(&'static str, Option<SocketAddr>); 2] {
        [("listen", Some(self.listen)), ("grpc_listen", self.grpc_listen)]
    }

    /// Whether others than this machine can come in.
    fn is_public(&self) -> bool {
        let mut addresses = self.named().into_iter().filter_map(|(_, address)| address);
        addresses.any(|address| !address.ip().is_loopback())
    }

    fn check(&self, auth: Auth, values: &mut Values) {
        if Some(self.listen) == self.grpc_listen && self.listen.port() != 0 {
            values.fault(format!("grpc_listen {}: listen has this address already", self.listen));
        }
        for (name, address) in self.named() {
            let Some(address) = address.filter(|address| !address.ip().is_loopback()) else {
                continue;
            };
            if auth == Auth::Open && !self.allow_public {
                values.fault(format!(
                    "{name} {address}: not a loopback address, and no API keys are asked for; name \
                     --auth required, or --allow-public true if you mean it"
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_named_as_browsers_name_them() {
        let named = origins("https://fleet.example, http://127.0.0.1:3000").expect("two");
        assert_eq!(named, ["https://fleet.example", "http://127.0.0.1:3000"]);
        for wrong in ["*", "null", "fleet.example", "https://fleet.example/", "https://", "ftp://a"]
        {
            assert_eq!(origins(wrong), None, "{wrong}");
        }
    }
}
