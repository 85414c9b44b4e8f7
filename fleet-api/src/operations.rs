//! Every operation of both faces, once: what it is called in each, who may ask it, what it costs.

use axum::http::Method;

use crate::keys::{Class, Scope};

/// One use case as it is called from outside.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Its method and path in REST.
    pub(crate) route: (&'static str, &'static str),
    /// Its name in gRPC, without the package.
    pub(crate) call: &'static str,
    /// What a key must be allowed.
    pub(crate) scope: Scope,
    /// Whose bucket it is paid from.
    pub(crate) class: Class,
    /// Tokens.
    pub(crate) cost: u32,
    /// Whether its key may stand in the URL as `key`: phones can set nothing but a URL.
    pub(crate) is_key_in_url: bool,
}

const fn read(route: (&'static str, &'static str), call: &'static str, scope: Scope) -> Operation {
    Operation { route, call, scope, class: Class::Read, cost: 1, is_key_in_url: false }
}

/// A form in which telemetry is sent in. The request pays its first event before its body is read.
const fn ingest(route: (&'static str, &'static str), call: &'static str) -> Operation {
    Operation { class: Class::Ingest, ..read(route, call, Scope::TelemetryWrite) }
}

/// All of them. A test holds the list against the routes and the contract.
pub(crate) const OPERATIONS: &[Operation] = &[
    read(("GET", "/v1/fleet/summary"), "FleetService/GetFleetSummary", Scope::FleetRead),
    read(("GET", "/v1/trucks"), "FleetService/ListTrucks", Scope::FleetRead),
    read(("GET", "/v1/trucks/{truck_id}"), "FleetService/GetTruck", Scope::FleetRead),
    read(("GET", "/v1/positions"), "FleetService/ListPositions", Scope::FleetRead),
    read(
        ("GET", "/v1/trucks/{truck_id}/telemetry"),
        "TelemetryService/ListTelemetry",
        Scope::FleetRead,
    ),
    read(("GET", "/v1/trucks/{truck_id}/series"), "TelemetryService/GetSeries", Scope::FleetRead),
    read(("GET", "/v1/feed"), "TelemetryService/GetFeed", Scope::FleetRead),
    Operation {
        class: Class::Live,
        ..read(("GET", "/v1/stream/events"), "TelemetryService/WatchFeed", Scope::FleetRead)
    },
    Operation {
        class: Class::Live,
        ..read(("GET", "/v1/stream/positions"), "FleetService/WatchPositions", Scope::FleetRead)
    },
    read(("GET", "/v1/depots"), "PlaceService/ListDepots", Scope::FleetRead),
    read(("GET", "/v1/stations"), "PlaceService/ListStations", Scope::FleetRead),
    read(("GET", "/v1/zones"), "PlaceService/ListZones", Scope::FleetRead),
    read(("GET", "/v1/geofences"), "PlaceService/ListGeofences", Scope::FleetRead),
    read(("POST", "/v1/geofences"), "PlaceService/ImportGeofences", Scope::FencesWrite),
    read(("GET", "/v1/geofences/{fence_id}"), "PlaceService/GetGeofence", Scope::FleetRead),
    read(("PUT", "/v1/geofences/{fence_id}"), "PlaceService/PutGeofence", Scope::FencesWrite),
    read(("DELETE", "/v1/geofences/{fence_id}"), "PlaceService/DeleteGeofence", Scope::FencesWrite),
    read(("GET", "/v1/geofence-events"), "PlaceService/ListGeofenceEvents", Scope::FleetRead),
    read(("GET", "/v1/trips"), "TripService/ListTrips", Scope::TripsRead),
    read(("GET", "/v1/trips/{trip_id}"), "TripService/GetTrip", Scope::TripsRead),
    read(("GET", "/v1/trips/{trip_id}/replay"), "TripService/GetTripReplay", Scope::TripsRead),
    read(("GET", "/v1/pipeline/groups"), "PipelineService/ListGroups", Scope::PipelineRead),
    read(
        ("GET", "/v1/pipeline/dead-letters"),
        "PipelineService/ListDeadLetters",
        Scope::PipelineRead,
    ),
    read(
        ("GET", "/v1/pipeline/dead-letters/{id}"),
        "PipelineService/GetDeadLetter",
        Scope::PipelineRead,
    ),
    read(
        ("GET", "/v1/pipeline/dead-letter-reasons"),
        "PipelineService/CountDeadLetters",
        Scope::PipelineRead,
    ),
    read(
        ("POST", "/v1/pipeline/dead-letters/redrive"),
        "PipelineService/RedriveDeadLetters",
        Scope::DlqWrite,
    ),
    read(("GET", "/v1/slo"), "ReliabilityService/ListSlos", Scope::SloRead),
    read(("GET", "/v1/slo/{name}"), "ReliabilityService/GetSlo", Scope::SloRead),
    ingest(("POST", "/v1/ingest/telemetry"), "TelemetryService/IngestTelemetry"),
    ingest(("POST", "/v1/ingest/telemetry"), "TelemetryService/StreamIngest"),
    Operation {
        is_key_in_url: true,
        ..ingest(("GET", "/v1/ingest/osmand"), "TelemetryService/IngestTelemetry")
    },
    Operation {
        is_key_in_url: true,
        ..ingest(("POST", "/v1/ingest/osmand"), "TelemetryService/IngestTelemetry")
    },
    read(("GET", "/v1/keys"), "KeyService/ListKeys", Scope::KeysAdmin),
    read(("POST", "/v1/keys"), "KeyService/CreateKey", Scope::KeysAdmin),
    read(("DELETE", "/v1/keys/{key_id}"), "KeyService/RevokeKey", Scope::KeysAdmin),
    read(("GET", "/v1/audit"), "KeyService/ListAudit", Scope::AuditRead),
];

/// What a request to this route asks; `None` for what is open to all, and for wrong methods.
pub(crate) fn by_route(method: &Method, path: &str) -> Option<&'static Operation> {
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    OPERATIONS.iter().find(|operation| operation.route == (method, path))
}

/// What a call to this path of gRPC (`/fleet.v1.FleetService/GetTruck`) asks.
pub(crate) fn by_call(path: &str) -> Option<&'static Operation> {
    let call = path.strip_prefix("/fleet.v1.")?;
    OPERATIONS.iter().find(|operation| operation.call == call)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_is_what_the_contract_calls_twins() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/fleet/v1/services.proto");
        let contract = std::fs::read_to_string(path).expect("the contract");
        let (mut service, mut routes, mut found) = ("", Vec::new(), BTreeSet::new());
        for line in contract.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("service ") {
                service = rest.split(' ').next().expect("a name");
            } else if let Some((_, rest)) = line.split_once("REST: ") {
                routes.extend(rest.trim_end_matches(" (SSE)").split(", "));
            } else if let Some(rest) = line.strip_prefix("rpc ") {
                let call = rest.split('(').next().expect("a name");
                let call = format!("{service}/{call}");
                found.extend(routes.drain(..).map(|route| (route.to_owned(), call.clone())));
            }
        }
        let listed = OPERATIONS.iter().map(|operation| {
            let (method, path) = operation.route;
            (format!("{method} {path}"), operation.call.to_owned())
        });
        assert_eq!(listed.collect::<BTreeSet<_>>(), found);
    }
}
