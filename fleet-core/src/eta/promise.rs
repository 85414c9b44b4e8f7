//! What is promised to the customer, before anybody knows how the road will be.

use crate::route::{Route, Sla, Terrain};

/// How urgent a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceClass {
    /// With the usual slack, and a night's rest on long hauls.
    Standard,
    /// Perishables and parcels: little slack, and a second driver instead of a rest.
    Express,
}

/// Hours from door to door that are promised for `route`: the time at planning speeds by terrain,
/// times the slack of the class, plus handling, plus the rest of a long haul.
///
/// ```
/// use fleet_core::{eta::{ServiceClass, promised_hours}, route::BuiltinRouter};
/// let router = BuiltinRouter::ne_india();
/// let node = |id| router.network().node(id).ok_or("no such place");
/// let route = router.route_nodes(node("guwahati")?, node("siliguri")?)?;
/// let promise = |class| promised_hours(&route, router.network().sla(), class);
/// assert!((promise(ServiceClass::Standard) - 27.8).abs() < 0.1);
/// assert!((promise(ServiceClass::Express) - 17.1).abs() < 0.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn promised_hours(route: &Route, sla: &Sla, class: ServiceClass) -> f64 {
    let speeds = &sla.planning_speed_kmh;
    let hours = |piece: crate::route::Piece| {
        let speed_kmh = match piece.terrain {
            _ if piece.single_lane => sla.single_lane_speed_kmh,
            Terrain::Plain => speeds.plain,
            Terrain::Rolling => speeds.rolling,
            Terrain::Hilly => speeds.hilly,
            Terrain::Mountainous => speeds.mountainous,
        };
        piece.length_m * 1e-3 / speed_kmh
    };
    let planned: f64 = route.pieces.iter().map(hours).sum();
    let slack = match class {
        ServiceClass::Standard => sla.slack_factor.standard,
        ServiceClass::Express => sla.slack_factor.perishable_and_parcel,
    };
    planned * slack + sla.handling_hours + promised_rest_hours(route, sla, class)
}

/// The part of [`promised_hours`] in which the driver may rest: a night on a long haul.
pub fn promised_rest_hours(route: &Route, sla: &Sla, class: ServiceClass) -> f64 {
    let rest = &sla.long_haul_rest_hours;
    match class {
        ServiceClass::Standard if route.length_m * 1e-3 > rest.over_km => rest.hours,
        ServiceClass::Standard | ServiceClass::Express => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::BuiltinRouter;

    #[test]
    fn the_promises_of_the_network_come_out() {
        let router = BuiltinRouter::ne_india();
        for flow in router.network().flows() {
            let is_express = flow.perishable || flow.commodity == "parcel";
            let class = if is_express { ServiceClass::Express } else { ServiceClass::Standard };
            for pair in &flow.pairs {
                let route = router.route_nodes(pair.from, pair.to).unwrap();
                let hours = promised_hours(&route, router.network().sla(), class);
                let off = (hours - pair.promised_hours).abs();
                assert!(off < 0.11, "{}: {hours} h for {pair:?}", flow.commodity);
            }
        }
    }
}
