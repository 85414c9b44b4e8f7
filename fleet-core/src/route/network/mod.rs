//! A road network: the bundled one of Northeast India, or another of the same form.
//!
//! The file names places by words; [`Network`] holds lists and typed indices into them, checked:
//! every name resolves, lengths are plausible, all places are connected, and published distances
//! come out. [`Network::from_json`] refuses anything else and names all broken laws at once.

mod hours;
mod laws;
mod raw;
mod types;
mod zones;

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

pub(super) use self::raw::on_grid;
use self::raw::{File, Reader};
pub use self::{
    hours::{DailyWindow, MonthSet, OpeningHours},
    raw::BBox,
    types::*,
    zones::*,
};
use super::{search::Graph, shape::Shape};
use crate::{Error, Result, geo::Position};

/// Most nodes, segments or zones of a network: their indices are 16 bits wide.
const LIST_MAX: usize = 65_535;
/// Faults named in one error; the rest is counted.
const FAULTS_SHOWN: usize = 20;

/// Roads, places along them, and what moves between towns.
#[derive(Clone, Debug)]
pub struct Network {
    name: String,
    version: u32,
    fingerprint: u64,
    bbox: BBox,
    states: Vec<State>,
    nodes: Vec<Node>,
    segments: Vec<Segment>,
    toll_plazas: Vec<TollPlaza>,
    fuel_stations: Vec<FuelStation>,
    rest_areas: Vec<RestArea>,
    zones: Vec<Zone>,
    depots: Vec<Depot>,
    flows: Vec<Flow>,
    sla: Sla,
    reference_routes: Vec<ReferenceRoute>,
    node_names: BTreeMap<String, NodeIx>,
    pub(super) graph: Graph,
    pub(super) shapes: Vec<Shape>,
}

impl Network {
    /// The bundled roads of Northeast India: 210 places, 10,701 km. Read once per process.
    pub fn ne_india() -> &'static Arc<Self> {
        static NETWORK: LazyLock<Arc<Network>> = LazyLock::new(|| {
            let text = include_str!("../../../data/ne_india_network.json");
            Arc::new(Network::from_json(text).expect("the bundled file is tested"))
        });
        &NETWORK
    }

    /// Reads a network from JSON (schema version 1, as the bundled file has it).
    ///
    /// # Errors
    /// `Invalid`: the first place where the form is wrong, or else all broken laws (the first 20
    /// in words).
    pub fn from_json(text: &str) -> Result<Self> {
        let file: File = serde_json::from_str(text)
            .map_err(|error| Error::invalid("network").with_source(error))?;
        let mut network = Self::resolve(file, fnv1a(text.as_bytes()))?;
        refuse(&laws::of_places_and_roads(&network))?;
        network.graph = Graph::new(network.nodes.len(), &network.segments);
        refuse(&laws::of_ways(&network))?;
        network.draw();
        Ok(network)
    }

    fn resolve(file: File, fingerprint: u64) -> Result<Self> {
        if file.schema_version != 1 {
            let found = file.schema_version;
            return Err(Error::invalid(format!("network: schema_version {found}, expected 1")));
        }
        let longest = file.nodes.len().max(file.segments.len()).max(file.zones.len());
        if file.nodes.is_empty() || longest.max(file.states.len()) > LIST_MAX {
            return Err(Error::invalid("network: a list is empty or longer than 65535"));
        }
        let mut reader = Reader::new(&file);
        let r = &mut reader;
        let mut network = Self {
            nodes: file.nodes.into_iter().filter_map(|x| r.read_node(x)).collect(),
            segments: file.segments.into_iter().filter_map(|x| r.read_segment(x)).collect(),
            toll_plazas: file.toll_plazas.into_iter().filter_map(|x| r.read_toll(x)).collect(),
            fuel_stations: file
                .fuel_stations
                .into_iter()
                .filter_map(|x| r.read_station(x))
                .collect(),
            rest_areas: file.rest_areas.into_iter().filter_map(|x| r.read_rest(x)).collect(),
            zones: file.zones.into_iter().filter_map(|x| r.read_zone(x)).collect(),
            depots: file.depots.into_iter().filter_map(|x| r.read_depot(x)).collect(),
            flows: file.flows.into_iter().filter_map(|x| r.read_flow(x)).collect(),
            reference_routes: file
                .reference_routes
                .iter()
                .filter_map(|x| r.read_reference(x))
                .collect(),
            name: file.name,
            version: file.version,
            fingerprint,
            bbox: file.bbox,
            states: file.states,
            sla: file.sla,
            node_names: BTreeMap::new(),
            graph: Graph::default(),
            shapes: Vec::new(),
        };
        refuse(&reader.faults)?;
        network.node_names = reader.into_node_names();
        Ok(network)
    }

    /// Bends every road, and moves what stands along it onto the bent line.
    fn draw(&mut self) {
        self.shapes = (0..=u16::MAX)
            .zip(&self.segments)
            .map(|(ix, segment)| Shape::new(self, SegmentIx(ix), segment))
            .collect();
        let tolls = self.toll_plazas.iter_mut().map(|x| &mut x.site);
        let stations = self.fuel_stations.iter_mut().map(|x| &mut x.site);
        let rests = self.rest_areas.iter_mut().map(|x| &mut x.site);
        for site in tolls.chain(stations).chain(rests) {
            let shape = &self.shapes[site.segment.index()];
            (site.position, site.altitude_m) = shape.place(site.at_m);
        }
        for (index, toll) in self.toll_plazas.iter().enumerate() {
            self.shapes[toll.site.segment.index()].tolls.push((index, toll.site.at_m));
        }
        for (index, station) in self.fuel_stations.iter().enumerate() {
            self.shapes[station.site.segment.index()].stations.push((index, station.site.at_m));
        }
        for (index, rest) in self.rest_areas.iter().enumerate() {
            self.shapes[rest.site.segment.index()].rest_areas.push((index, rest.site.at_m));
        }
    }

    /// The drawn line of a segment, ends included.
    pub(super) fn drawn_line(&self, segment: &Segment) -> Vec<Via> {
        let end = |ix: NodeIx| {
            let Node { position, altitude_m, .. } = self.nodes[ix.index()];
            Via { position, altitude_m }
        };
        let mut line = vec![end(segment.from)];
        line.extend(&segment.via);
        line.push(end(segment.to));
        line
    }

    /// The network's name, e.g. `ne_india`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of its data; it grows when a route may change.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// FNV-1a hash of the file: two networks with one fingerprint give the same routes.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The part of the map it covers.
    pub fn bbox(&self) -> BBox {
        self.bbox
    }

    /// The places, in the file's order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node called `id`, e.g. `guwahati`.
    pub fn node(&self, id: &str) -> Option<NodeIx> {
        self.node_names.get(id).copied()
    }

    /// The indices of all nodes, in the file's order.
    pub fn node_indices(&self) -> impl ExactSizeIterator<Item = NodeIx> + use<> {
        let count = u16::try_from(self.nodes.len()).unwrap_or(u16::MAX); // no more, checked when read
        (0..count).map(NodeIx)
    }

    /// The node at a place in the list.
    ///
    /// # Panics
    /// If the index is another network's and too large.
    pub fn node_at(&self, ix: NodeIx) -> &Node {
        &self.nodes[ix.index()]
    }

    /// The roads.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The indices of all roads, in the file's order.
    pub fn segment_indices(&self) -> impl ExactSizeIterator<Item = SegmentIx> + use<> {
        let count = u16::try_from(self.segments.len()).unwrap_or(u16::MAX); // as above
        (0..count).map(SegmentIx)
    }

    /// Where trucks are at home.
    pub fn depots(&self) -> &[Depot] {
        &self.depots
    }

    /// What moves between towns.
    pub fn flows(&self) -> &[Flow] {
        &self.flows
    }

    /// Where fuel is sold.
    pub fn fuel_stations(&self) -> &[FuelStation] {
        &self.fuel_stations
    }

    /// Where a passage is paid for.
    pub fn toll_plazas(&self) -> &[TollPlaza] {
        &self.toll_plazas
    }

    /// Where drivers rest.
    pub fn rest_areas(&self) -> &[RestArea] {
        &self.rest_areas
    }

    /// Where driving differs by hour or month.
    pub fn zones(&self) -> &[Zone] {
        &self.zones
    }

    /// The states with their prices.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// How promised times are made.
    pub fn sla(&self) -> &Sla {
        &self.sla
    }

    /// Published distances that the network reproduces.
    pub fn reference_routes(&self) -> &[ReferenceRoute] {
        &self.reference_routes
    }

    /// The line trucks follow on a segment, from its `from` end: for maps.
    ///
    /// # Panics
    /// If the index is another network's and too large.
    pub fn line(&self, segment: SegmentIx) -> Vec<Position> {
        self.shapes[segment.index()].line()
    }
}

/// `Invalid` with all `faults`, if there are any.
fn refuse(faults: &[String]) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    let shown = &faults[..faults.len().min(FAULTS_SHOWN)];
    let more = match faults.len() - shown.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let count = faults.len();
    Err(Error::invalid(format!("network: {count} faults: {}{more}", shown.join("; "))))
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo; RFC 9923).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests;
