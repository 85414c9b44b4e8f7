//! From the roads of a way to its [`Route`].

use super::{
    ends::{End, Snapped, Span},
    graph::Cost,
    network::{Along, Network},
    path::{Route, RouteEnd, StopOnRoute},
    pieces::Pieces,
};

/// The route that drives along `spans`.
pub(crate) fn route(
    network: &Network,
    start: Snapped,
    target: Snapped,
    cost: Cost,
    spans: &[Span],
) -> Route {
    let town = match start.end {
        End::Node(node) => Some((node, 0.0)),
        End::Road(_) => None,
    };
    let mut route = Route {
        from: route_end(network, start),
        to: route_end(network, target),
        length_m: 0.0,
        duration_s: cost.duration_s(),
        pieces: Pieces::default(),
        stations: Vec::new(),
        rest_areas: Vec::new(),
        tolls: Vec::new(),
        towns: town.into_iter().collect(),
        version: network.version(),
    };
    for span in spans {
        drive(network, &mut route, *span);
    }
    route
}

pub(crate) fn route_end(network: &Network, Snapped { end, snapped_m }: Snapped) -> RouteEnd {
    match end {
        End::Node(ix) => {
            let node = network.node_at(ix);
            let (position, altitude_m) = (node.position, node.altitude_m);
            RouteEnd { position, altitude_m, snapped_m, node: Some(ix) }
        }
        End::Road(at) => {
            let (position, altitude_m) = network.shape(at.segment).place(at.at_m);
            RouteEnd { position, altitude_m, snapped_m, node: None }
        }
    }
}

/// Appends a span to a route: its pieces, what stands along it, and the node it reaches.
pub(crate) fn drive(network: &Network, route: &mut Route, span: Span) {
    let segment = &network.segments()[span.segment.index()];
    let forward = span.from_m < span.to_m;
    let length_m = segment.length_m;
    // Distances in driving direction: from here on the span runs from `enter_m` to `leave_m`.
    let driven = |at_m: f64| if forward { at_m } else { length_m - at_m };
    let (enter_m, leave_m) = (driven(span.from_m), driven(span.to_m));
    let base_m = route.length_m - enter_m;
    let road = &network.shape(span.segment).pieces;
    route.pieces.drive(road, (span.from_m, span.to_m), route.length_m);
    let none = Along::default();
    let along = network.along(span.segment).unwrap_or(&none);
    for (sites, stops) in [
        (&along.stations, &mut route.stations),
        (&along.rest_areas, &mut route.rest_areas),
        (&along.tolls, &mut route.tolls),
    ] {
        let first = stops.len();
        let here = sites.iter().map(|(index, at_m)| (*index, driven(*at_m)));
        let here = here.filter(|(_, at_m)| (enter_m..=leave_m).contains(at_m));
        stops.extend(here.map(|(index, at_m)| StopOnRoute { index, at_m: at_m + base_m }));
        stops[first..].sort_by(|a, b| a.at_m.total_cmp(&b.at_m).then(a.index.cmp(&b.index)));
    }
    route.length_m += leave_m - enter_m;
    if leave_m >= length_m {
        route.towns.push((if forward { segment.to } else { segment.from }, route.length_m));
    }
}
