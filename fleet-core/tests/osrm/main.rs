//! The client of OSRM, before the real server and before one that misbehaves.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faulty;
mod ill;
mod killed;
mod laws;
mod real;
mod same_city;
mod same_roads;
mod same_traces;

use std::{path::Path, sync::Arc};

use fleet_core::{
    geo::Position,
    random::Stream,
    route::{
        Ferries, Network,
        osm::{self, SpeedTag},
        osrm::{OsrmClient, OsrmSettings},
    },
    testkit::{self, OwnServer},
    time::SystemClock,
};

/// The script that starts a server, in the repository.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/servers/osrm");

fn client(settings: OsrmSettings) -> OsrmClient {
    let jitter = Stream::new(1, "osrm", "test");
    OsrmClient::new(settings, Arc::new(SystemClock::new()), jitter).unwrap()
}

/// A client of the server that tests share, which has the bundled network; `None` if it is absent.
fn shared() -> Option<OsrmClient> {
    testkit::server("osrm").map(|url| client(OsrmSettings::new(url)))
}

/// A server of the test's own on `extract`; `None` if OSRM is absent.
fn own(extract: &Path) -> Option<OwnServer> {
    testkit::server("osrm")?;
    Some(OwnServer::start(SCRIPT, &[data(extract)]))
}

/// As [`own`], by another profile than OSRM's car profile.
fn own_with(extract: &Path, profile: &str) -> Option<OwnServer> {
    testkit::server("osrm")?;
    Some(OwnServer::start(SCRIPT, &[data(extract), ("FLEET_SERVICES_OSRM_PROFILE", profile)]))
}

fn data(extract: &Path) -> (&str, &str) {
    ("FLEET_SERVICES_OSRM_EXTRACT", extract.to_str().unwrap())
}

/// Writes the bundled network as an extract.
fn bundled(to: &Path) {
    let mut file = std::fs::File::create(to).unwrap();
    osm::write(Network::ne_india(), Ferries::Allowed, SpeedTag::Truck, &mut file).unwrap();
}

fn town(id: &str) -> Position {
    let network = Network::ne_india();
    network.node_at(network.node(id).unwrap()).position
}
