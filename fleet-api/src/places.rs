//! What stands on the map of the simulated world: depots, fuel stations, and zones where driving
//! differs. It is the bundled road network, which never changes while the process lives.

use fleet_core::{
    geo::Position,
    route::{Network, Zone, ZoneShape},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Service;

/// Where trucks are at home and load.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DepotPlace {
    /// As in the register of trucks.
    pub(crate) depot_id: String,
    /// For people.
    pub(crate) name: String,
    pub(crate) position: Position,
    /// Trucks that can be loaded at once.
    pub(crate) loading_bays: u16,
    /// To load a tonne, min.
    pub(crate) loading_min_per_t: f64,
    /// When it loads, India time, like `06:00-22:00`; none: always.
    pub(crate) hours_ist: Vec<String>,
}

/// A fuel station.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Station {
    /// As in refuellings.
    pub(crate) station_id: String,
    pub(crate) position: Position,
    /// The state that it lies in, by name; empty if that is not known.
    pub(crate) state: String,
    /// What diesel costs in that state, ₹ per litre.
    pub(crate) diesel_inr_per_l: Option<f64>,
    /// Trucks that can be filled at once.
    pub(crate) pumps: u16,
    /// Of one nozzle, litres a minute.
    pub(crate) flow_l_per_min: f64,
    /// When it sells, India time; none: always.
    pub(crate) hours_ist: Vec<String>,
}

/// A part of the map where driving differs by hour or month.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ZonePlace {
    /// As in telemetry.
    pub(crate) zone_id: String,
    /// For people.
    pub(crate) name: String,
    /// urban, landslide, snow, flood or fog.
    pub(crate) kind: &'static str,
    /// From 0 (none) to 1 (standstill).
    pub(crate) severity: f64,
    /// circle, polygon or roads.
    pub(crate) shape: &'static str,
    /// Of a circle.
    pub(crate) centre: Option<Position>,
    /// Of a circle, m.
    pub(crate) radius_m: Option<f64>,
    /// The corners of a polygon, the first one again at the end; or the roads.
    pub(crate) lines: Vec<Line>,
}

/// Points in a row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Line {
    pub(crate) points: Vec<Position>,
}

#[allow(clippy::unused_self, reason = "a use case is a method of the service, like all others")]
impl Service {
    pub(crate) fn depots(&self) -> Vec<DepotPlace> {
        let network = Network::ne_india();
        let place = |depot: &fleet_core::route::Depot| DepotPlace {
            depot_id: depot.id.clone(),
            name: depot.name.clone(),
            position: network.node_at(depot.node).position,
            loading_bays: depot.loading_bays,
            loading_min_per_t: depot.loading_min_per_t,
            hours_ist: depot.hours_ist.windows().iter().map(ToString::to_string).collect(),
        };
        network.depots().iter().map(place).collect()
    }

    pub(crate) fn stations(&self) -> Vec<Station> {
        let network = Network::ne_india();
        let place = |station: &fleet_core::route::FuelStation| {
            let state = network.states().get(station.site.state.index());
            Station {
                station_id: station.id.clone(),
                position: station.site.position,
                state: state.map(|state| state.name.clone()).unwrap_or_default(),
                diesel_inr_per_l: state.map(|state| state.diesel_inr_per_l),
                pumps: station.pumps,
                flow_l_per_min: station.flow_l_per_min,
                hours_ist: station.hours_ist.windows().iter().map(ToString::to_string).collect(),
            }
        };
        network.fuel_stations().iter().map(place).collect()
    }

    pub(crate) fn zones(&self) -> Vec<ZonePlace> {
        let network = Network::ne_india();
        network.zones().iter().map(|zone| zone_place(network, zone)).collect()
    }
}

fn zone_place(network: &Network, zone: &Zone) -> ZonePlace {
    let (shape, circle, lines) = match &zone.shape {
        ZoneShape::Circle { centre, radius_m } => ("circle", Some((*centre, *radius_m)), vec![]),
        ZoneShape::Polygon { corners } => {
            let points = corners.iter().chain(corners.first()).copied().collect();
            ("polygon", None, vec![Line { points }])
        }
        ZoneShape::Segments { segments } => {
            let line = |segment: &_| Line { points: network.line(*segment) };
            ("roads", None, segments.iter().map(line).collect())
        }
    };
    ZonePlace {
        zone_id: zone.id.clone(),
        name: zone.name.clone(),
        kind: zone.kind().as_str(),
        severity: zone.severity,
        shape,
        centre: circle.map(|(centre, _)| centre),
        radius_m: circle.map(|(_, radius_m)| radius_m),
        lines,
    }
}
