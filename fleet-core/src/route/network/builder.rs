//! Networks of roads from elsewhere: OpenStreetMap, a generator, a survey.

use std::{collections::BTreeMap, sync::OnceLock};

use super::{
    BBox, LIST_MAX, Network, Node, NodeIx, SHORT_LIST_MAX, Segment, SegmentIx, Sla, State,
    TurnRestriction, TurnRule, fnv::Fnv, laws, on_grid, refuse,
};
use crate::{Error, Result, geo::flat_distance_m, route::graph::Graph};

/// Collects places and roads, and makes a [`Network`] of them.
///
/// Roads follow their lines as they are drawn, and are as long as those
/// ([`flat_distance_m`], OSRM's ruler): whatever stands in [`Segment::length_m`] is replaced.
///
/// ```
/// use fleet_core::{geo::Position, route::{BuiltinRouter, Direction, NetworkBuilder, Node, Segment}};
/// let mut city = NetworkBuilder::new("two streets");
/// let [a, b] = [91.70, 91.71].map(|lon| {
///     city.add_node(Node::junction(format!("{lon}"), Position { lat: 26.2, lon }))
/// });
/// let there = Segment { direction: Direction::ForwardOnly, ..Segment::between("there", a, b) };
/// city.add_segment(there);
/// let router = BuiltinRouter::new(city.build()?.into());
/// assert_eq!(router.route_nodes(a, b)?.length_m.round(), 999.0);
/// assert!(router.route_nodes(b, a).is_err(), "against the one-way street");
/// # Ok::<(), fleet_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct NetworkBuilder {
    name: String,
    version: u32,
    states: Vec<State>,
    nodes: Vec<Node>,
    segments: Vec<Segment>,
    restrictions: Vec<TurnRestriction>,
    sla: Sla,
}

/// The next place in a list; past the limit it is one that [`NetworkBuilder::build`] refuses.
fn place_after<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

impl NetworkBuilder {
    /// An empty network of this name and version 1.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), version: 1, ..Self::default() }
    }

    /// The version of the data; it should grow when a route may change.
    #[must_use]
    pub fn with_version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    /// The states that nodes lie in, for what depends on them (the price of diesel).
    #[must_use]
    pub fn with_states(self, states: Vec<State>) -> Self {
        Self { states, ..self }
    }

    /// How promised times are made; else as in the bundled network.
    #[must_use]
    pub fn with_sla(self, sla: Sla) -> Self {
        Self { sla, ..self }
    }

    /// Adds a place. Its id must be unique.
    pub fn add_node(&mut self, node: Node) -> NodeIx {
        let ix = NodeIx(place_after(&self.nodes));
        self.nodes.push(node);
        ix
    }

    /// Adds a road; its length is measured by [`build`](Self::build).
    pub fn add_segment(&mut self, segment: Segment) -> SegmentIx {
        let ix = SegmentIx(place_after(&self.segments));
        self.segments.push(segment);
        ix
    }

    /// Adds a rule for turning.
    pub fn add_restriction(&mut self, restriction: TurnRestriction) {
        self.restrictions.push(restriction);
    }

    /// The places so far.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The roads so far.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Checks all that was added, measures the roads, and makes the network.
    ///
    /// # Errors
    /// `Invalid` with all faults (the first 20 in words): an end that does not exist, a position
    /// off the globe, a road without length, a speed, roughness, limit or number of lanes that
    /// cannot be, an id that stands twice, a turn at a node that its roads do not touch.
    pub fn build(self) -> Result<Network> {
        let Self { name, version, states, nodes, segments, mut restrictions, sla } = self;
        if nodes.is_empty() || nodes.len().max(segments.len()) > LIST_MAX {
            return Err(Error::invalid("network: no nodes, or a list longer than 2147483647"));
        }
        if states.len() > SHORT_LIST_MAX {
            return Err(Error::invalid("network: more than 65535 states"));
        }
        restrictions.sort_unstable();
        restrictions.dedup();
        let mut network = Network {
            name,
            version,
            fingerprint: 0,
            bbox: bbox(&nodes, &segments),
            states,
            nodes,
            segments,
            restrictions,
            toll_plazas: Vec::new(),
            fuel_stations: Vec::new(),
            rest_areas: Vec::new(),
            zones: Vec::new(),
            depots: Vec::new(),
            flows: Vec::new(),
            sla,
            reference_routes: Vec::new(),
            by_id: Vec::new(),
            along: BTreeMap::new(),
            graph: Graph::default(),
            bent: Vec::new(),
            index: OnceLock::new(),
        };
        network.by_id = network.sorted_by_id();
        refuse(&laws::of_ends(&network))?;
        let lengths: Vec<_> =
            network.segments.iter().map(|road| length_m(&network, road)).collect();
        for (segment, length_m) in network.segments.iter_mut().zip(lengths) {
            segment.length_m = length_m;
        }
        refuse(&laws::of_built(&network))?;
        network.fingerprint = fingerprint(&network);
        network.graph = Graph::new(&network);
        Ok(network)
    }
}

fn length_m(network: &Network, segment: &Segment) -> f64 {
    let line = network.drawn_line(segment);
    on_grid(line.windows(2).map(|leg| flat_distance_m(leg[0].position, leg[1].position)).sum())
}

fn bbox(nodes: &[Node], segments: &[Segment]) -> BBox {
    let vias = segments.iter().flat_map(|segment| segment.via.iter().map(|via| via.position));
    let points = nodes.iter().map(|node| node.position).chain(vias);
    let none = BBox {
        south: f64::INFINITY,
        north: f64::NEG_INFINITY,
        west: f64::INFINITY,
        east: f64::NEG_INFINITY,
    };
    points.fold(none, |bbox, point| BBox {
        south: bbox.south.min(point.lat),
        north: bbox.north.max(point.lat),
        west: bbox.west.min(point.lon),
        east: bbox.east.max(point.lon),
    })
}

/// All that decides a route, in order.
fn fingerprint(network: &Network) -> u64 {
    let mut hash = Fnv::new();
    hash.text(&network.name);
    hash.number(u64::from(network.version));
    for node in &network.nodes {
        hash.text(&node.id);
        let Node { position, altitude_m, .. } = node;
        hash.reals(&[position.lat, position.lon, *altitude_m]);
    }
    for segment in &network.segments {
        hash.text(&segment.id);
        hash.number(u64::from(segment.from.0) << 32 | u64::from(segment.to.0));
        let kind = [
            segment.direction as u8,
            segment.road_class as u8,
            segment.terrain as u8,
            segment.surface as u8,
            segment.lanes,
            u8::from(segment.divided),
            u8::from(segment.single_lane),
            u8::from(segment.ferry),
        ];
        hash.bytes(&kind);
        hash.reals(&[segment.iri_m_per_km, segment.maxspeed_kmh, segment.truck_speed_kmh]);
        for via in &segment.via {
            hash.reals(&[via.position.lat, via.position.lon, via.altitude_m]);
        }
        hash.number(segment.via.len() as u64);
        hash.text(&segment.highway);
        hash.text(segment.name.as_deref().unwrap_or_default());
        for window in segment.hours_ist.windows() {
            hash.number(u64::from(window.from_min()) << 32 | u64::from(window.to_min()));
        }
        let limits = segment.limits.as_deref().copied().unwrap_or_default();
        let all = [limits.height_m, limits.width_m, limits.length_m, limits.weight_t];
        for limit in all.into_iter().chain([limits.axle_load_t]) {
            hash.number(limit.map_or(u64::MAX, |limit| u64::from(limit.to_bits())));
        }
    }
    for turn in &network.restrictions {
        hash.number(u64::from(turn.from.0) << 32 | u64::from(turn.to.0));
        hash.number(u64::from(turn.via.0) << 1 | u64::from(turn.rule == TurnRule::Only));
    }
    hash.finish()
}
