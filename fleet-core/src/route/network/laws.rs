//! What a network must fulfil, beyond having the right form. Each broken law is one sentence.

use std::collections::BTreeSet;

use super::{
    Network,
    roads::*,
    types::*,
    zones::{Zone, ZoneRule, ZoneShape},
};
use crate::{
    geo::{Position, great_circle_m},
    route::{graph::Ferries, plain::Costs},
};

/// Longest road for its straight line, and the same for hairpin roads.
const MAX_RATIO: f64 = 2.2;
const MAX_RATIO_WINDING: f64 = 3.3;
/// No leg may climb more on average: trucks could not.
const MAX_MEAN_GRADE: f64 = 0.09;
/// The highest place a truck may be, as telemetry allows it.
const MAX_ALTITUDE_M: f64 = 5_500.0;

struct Check<'a> {
    network: &'a Network,
    faults: Vec<String>,
}

/// Every broken law of places and roads; looking for ways waits until there is none.
pub(super) fn of_places_and_roads(network: &Network) -> Vec<String> {
    let mut check = Check { network, faults: Vec::new() };
    check.states();
    network.nodes.iter().for_each(|node| check.node(node));
    network.segments.iter().for_each(|segment| check.segment(segment));
    check.sites();
    network.zones.iter().for_each(|zone| check.zone(zone));
    check.unique_ids();
    for depot in &network.depots {
        check.that(depot.weight > 0.0, || format!("{}: weight {}", depot.id, depot.weight));
    }
    check.faults
}

/// Broken references of a built network: with one, nothing else can be asked of it.
pub(super) fn of_ends(network: &Network) -> Vec<String> {
    let mut check = Check { network, faults: Vec::new() };
    let (nodes, segments) = (network.nodes.len(), network.segments.len());
    for Segment { id, from, to, .. } in &network.segments {
        let exist = from.index() < nodes && to.index() < nodes;
        check.that(exist, || format!("segment {id}: ends {} and {} of {nodes}", from.0, to.0));
    }
    for TurnRestriction { from, via, to, .. } in &network.restrictions {
        let what = || format!("turn {} to {} at node {}", from.0, to.0, via.0);
        let known = [from, to].iter().all(|road| road.index() < segments);
        check.that(known, || format!("{}: a road of {segments}", what()));
        let touches = |ix: SegmentIx| {
            let road = network.segments.get(ix.index());
            road.is_none_or(|road| road.from == *via || road.to == *via)
        };
        check.that(touches(*from) && touches(*to), || format!("{}: not an end of both", what()));
    }
    check.faults
}

/// Every broken law of a built network, whose ends exist and whose roads are measured.
pub(super) fn of_built(network: &Network) -> Vec<String> {
    let mut check = Check { network, faults: Vec::new() };
    for pair in network.by_id.windows(2) {
        let [id, next] = [pair[0], pair[1]].map(|ix| &network.node_at(ix).id);
        check.that(id != next, || format!("node {id}: twice"));
    }
    for Node { id, position, altitude_m, state, .. } in &network.nodes {
        check.on_the_globe(|| format!("node {id}"), *position, *altitude_m);
        let holds = *state == StateIx::UNKNOWN || state.index() < network.states.len();
        check.that(holds, || format!("node {id}: state {} of {}", state.0, network.states.len()));
    }
    network.segments.iter().for_each(|segment| check.built_segment(segment));
    check.faults
}

/// Every broken law of ways: all places are connected, and distances are as the file says.
pub(super) fn of_ways(network: &Network) -> Vec<String> {
    let mut check = Check { network, faults: Vec::new() };
    check.connected();
    network.reference_routes.iter().for_each(|route| check.reference(route));
    network.flows.iter().for_each(|flow| check.flow(flow));
    check.faults
}

impl Check<'_> {
    fn that(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(fault());
        }
    }

    fn point(&mut self, what: &str, point: Position) {
        let inside = self.network.bbox.contains(point);
        self.that(inside, || format!("{what}: {},{} outside the box", point.lat, point.lon));
    }

    fn altitude(&mut self, what: &str, altitude_m: f64) {
        let holds = (0.0..=MAX_ALTITUDE_M).contains(&altitude_m);
        self.that(holds, || format!("{what}: elevation {altitude_m} outside 0 to 5500"));
    }

    fn on_the_globe(&mut self, what: impl Fn() -> String, at: Position, altitude_m: f64) {
        if let Err(error) = Position::new(at.lat, at.lon) {
            self.faults.push(format!("{}: {error}", what()));
        }
        let holds = (-500.0..=9_000.0).contains(&altitude_m);
        self.that(holds, || format!("{}: altitude_m {altitude_m} outside -500 to 9000", what()));
    }

    fn built_segment(&mut self, segment: &Segment) {
        let what = || format!("segment {}", segment.id);
        for via in &segment.via {
            self.on_the_globe(what, via.position, via.altitude_m);
        }
        let length_m = segment.length_m;
        self.that(length_m > 0.0, || format!("{}: {length_m} m long", what()));
        let lanes = segment.lanes;
        self.that((1..=16).contains(&lanes), || format!("{}: lanes {lanes}", what()));
        let (truck, posted) = (segment.truck_speed_kmh, segment.maxspeed_kmh);
        let speeds = 0.1 <= truck && truck <= posted && posted <= 200.0;
        self.that(speeds, || format!("{}: speeds {truck} and {posted}", what()));
        let iri = segment.iri_m_per_km;
        self.that((0.5..=25.0).contains(&iri), || format!("{}: iri_m_per_km {iri}", what()));
        if let Some(limits) = segment.limits.as_deref() {
            let Limits { height_m, width_m, length_m, weight_t, axle_load_t } = *limits;
            let mut all = [height_m, width_m, length_m, weight_t, axle_load_t].into_iter();
            let holds = all.all(|limit| limit.is_none_or(|limit| (0.1..1e4).contains(&limit)));
            self.that(holds, || format!("{}: limits {limits:?}", what()));
        }
    }

    fn states(&mut self) {
        let used: BTreeSet<_> = self.network.nodes.iter().map(|node| node.state.index()).collect();
        for (ix, state) in self.network.states.iter().enumerate() {
            self.that(used.contains(&ix), || format!("state {}: has no node", state.code));
            let price = state.diesel_inr_per_l;
            let holds = price > 0.0 && price <= 1_000.0;
            self.that(holds, || format!("state {}: diesel_inr_per_l {price}", state.code));
        }
    }

    fn node(&mut self, node: &Node) {
        let what = format!("node {}", node.id);
        self.point(&what, node.position);
        self.altitude(&what, node.altitude_m);
    }

    fn segment(&mut self, segment: &Segment) {
        let what = format!("segment {}", segment.id);
        self.that(segment.from != segment.to, || format!("{what}: loop"));
        let lanes = segment.lanes;
        self.that([1, 2, 4, 6].contains(&lanes), || format!("{what}: lanes {lanes}"));
        let (truck, posted) = (segment.truck_speed_kmh, segment.maxspeed_kmh);
        let speeds = 0.0 < truck && truck <= posted && posted <= 100.0;
        self.that(speeds, || format!("{what}: speeds {truck} and {posted}"));
        let iri = segment.iri_m_per_km;
        self.that((0.5..=25.0).contains(&iri), || format!("{what}: iri_m_per_km {iri}"));
        for via in &segment.via {
            self.point(&what, via.position);
            self.altitude(&what, via.altitude_m);
        }
        let hairpin_in_hills = !segment.winding || segment.terrain == Terrain::Mountainous;
        self.that(hairpin_in_hills, || format!("{what}: winding but not mountainous"));
        self.lengths(&what, segment);
    }

    /// The road is as long as its line or longer, but not too long and not too steep.
    fn lengths(&mut self, what: &str, segment: &Segment) {
        let line = self.network.drawn_line(segment);
        let legs: Vec<_> = line
            .windows(2)
            .map(|leg| (great_circle_m(leg[0].position, leg[1].position), leg))
            .collect();
        let road = segment.length_m;
        let (first, last) = (line[0].position, line[line.len() - 1].position);
        let (ends, drawn) = (great_circle_m(first, last), legs.iter().map(|(m, _)| m).sum::<f64>());
        self.that(road >= ends, || {
            format!("{what}: {road} m is shorter than its ends {ends:.0} m")
        });
        let holds = drawn <= road * 1.02;
        self.that(holds, || format!("{what}: line {drawn:.0} m is longer than the road {road} m"));
        let ratio_max = if segment.winding { MAX_RATIO_WINDING } else { MAX_RATIO };
        let holds = road < ratio_max * ends;
        self.that(holds, || format!("{what}: {:.2} times the great circle", road / ends));
        for (leg_m, leg) in legs {
            self.that(leg_m >= 1.0, || format!("{what}: two points of the line coincide"));
            let grade = (leg[1].altitude_m - leg[0].altitude_m) / (leg_m / drawn * road);
            let Position { lat, lon } = leg[1].position;
            let holds = grade.abs() <= MAX_MEAN_GRADE;
            self.that(holds, || format!("{what}: mean grade {grade:.3} towards {lat},{lon}"));
        }
    }

    fn sites(&mut self) {
        let network = self.network;
        let tolls = network.toll_plazas.iter().map(|x| (&x.id, &x.site));
        let stations = network.fuel_stations.iter().map(|x| (&x.id, &x.site));
        let rests = network.rest_areas.iter().map(|x| (&x.id, &x.site));
        for (id, site) in tolls.chain(stations).chain(rests) {
            self.point(id, site.position);
            let length_m = network.segments[site.segment.index()].length_m;
            let holds = (0.0..=length_m).contains(&site.at_m);
            self.that(holds, || format!("{id}: km_from_start outside its segment"));
        }
        for station in &network.fuel_stations {
            let (id, flow) = (&station.id, station.flow_l_per_min);
            self.that((20.0..=150.0).contains(&flow), || format!("{id}: flow_l_per_min {flow}"));
            self.that(station.pumps > 0, || format!("{id}: pumps 0"));
        }
    }

    fn zone(&mut self, zone: &Zone) {
        let id = &zone.id;
        let severity = zone.severity;
        self.that(0.0 < severity && severity < 1.0, || format!("{id}: severity {severity}"));
        match &zone.shape {
            ZoneShape::Circle { centre, radius_m } => {
                self.point(id, *centre);
                let holds = 0.0 < *radius_m && *radius_m <= 50_000.0;
                self.that(holds, || format!("{id}: radius {radius_m} m outside 0 to 50000"));
            }
            ZoneShape::Polygon { corners } => {
                self.that(corners.len() >= 3, || format!("{id}: polygon of {}", corners.len()));
                corners.iter().for_each(|corner| self.point(id, *corner));
            }
            ZoneShape::Segments { segments } => {
                self.that(!segments.is_empty(), || format!("{id}: no segments"));
            }
        }
        let shares: &[(&str, f64)] = match &zone.rule {
            ZoneRule::Urban(rule) => &[
                ("peak_speed_factor", rule.peak_speed_factor),
                ("offpeak_speed_factor", rule.offpeak_speed_factor),
                ("weekend_factor", rule.weekend_factor),
            ],
            ZoneRule::Landslide(rule) | ZoneRule::Snow(rule) | ZoneRule::Flood(rule) => &[
                ("speed_factor", rule.speed_factor),
                ("closure_probability_per_day", rule.closure_probability_per_day),
            ],
            ZoneRule::Fog(rule) => &[("speed_factor", rule.speed_factor)],
        };
        for (name, share) in shares {
            let holds = *share > 0.0 && *share <= 1.0;
            self.that(holds, || format!("{id}: {name} {share} outside 0 to 1"));
        }
    }

    fn unique_ids(&mut self) {
        let network = self.network;
        let tolls = network.toll_plazas.iter().map(|x| &x.id);
        let stations = network.fuel_stations.iter().map(|x| &x.id);
        let rests = network.rest_areas.iter().map(|x| &x.id);
        let zones = network.zones.iter().map(|x| &x.id);
        let depots = network.depots.iter().map(|x| &x.id);
        let mut seen = BTreeSet::new();
        for id in tolls.chain(stations).chain(rests).chain(zones).chain(depots) {
            self.that(seen.insert(id), || format!("{id}: twice"));
        }
    }

    fn connected(&mut self) {
        for ferries in [Ferries::Allowed, Ferries::LeftOut] {
            let costs = Costs::from_node(&self.network.graph, NodeIx(0), ferries);
            for (ix, node) in self.network.node_indices().zip(&self.network.nodes) {
                let reached = costs.to(ix).is_some();
                self.that(reached, || format!("node {}: not connected ({ferries})", node.id));
            }
        }
    }

    /// Length of the least time way without ferries, km; infinite if there is none.
    fn road_km(&self, from: NodeIx, to: NodeIx) -> f64 {
        let costs = Costs::from_node(&self.network.graph, from, Ferries::LeftOut);
        costs.to(to).map_or(f64::INFINITY, |cost| cost.length_m() / 1_000.0)
    }

    fn reference(&mut self, route: &ReferenceRoute) {
        let km = self.road_km(route.from, route.to);
        let off_pct = (km - route.published_km).abs() / route.published_km * 100.0;
        let [from, to] = [route.from, route.to].map(|ix| &self.network.nodes[ix.index()].id);
        self.that(off_pct <= route.tolerance_pct, || {
            format!("reference route {from}-{to}: {km:.1} km is off by {off_pct:.1} %")
        });
    }

    fn flow(&mut self, flow: &Flow) {
        let mut seen = BTreeSet::new();
        for pair in &flow.pairs {
            let [from, to] = [pair.from, pair.to].map(|ix| &self.network.nodes[ix.index()].id);
            let what = format!("flow {}: {from} to {to}", flow.commodity);
            self.that(seen.insert((pair.from, pair.to)), || format!("{what}: twice"));
            let holds = pair.from != pair.to && pair.weight > 0.0;
            self.that(holds, || format!("{what}: a loop, or no weight"));
            let km = self.road_km(pair.from, pair.to);
            let holds = (km - pair.road_km).abs() < 0.2;
            self.that(holds, || format!("{what}: road_km {}, roads say {km:.1}", pair.road_km));
            let (road_km, hours) = (pair.road_km, pair.promised_hours);
            let holds = (8.0..=45.0).contains(&(road_km / hours)) || road_km < 60.0;
            self.that(holds, || format!("{what}: promised {hours} h for {road_km} km"));
        }
    }
}
