//! A road network: the bundled one of Northeast India, another of the same form, or any other.
//!
//! The file names places by words; [`Network`] holds lists and typed indices into them, checked:
//! every name resolves, lengths are plausible, all places are connected, and published distances
//! come out. [`Network::from_json`] refuses anything else and names all broken laws at once.
//! Roads from elsewhere come in through a [`NetworkBuilder`], which asks for less: one-way streets,
//! loops and parts that nothing joins are welcome there, and lines are followed as they are drawn.

mod builder;
mod fnv;
mod hours;
mod laws;
mod raw;
mod roads;
mod types;
mod zones;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, LazyLock, OnceLock},
};

use self::raw::{File, Reader};
pub use self::{
    builder::NetworkBuilder,
    hours::{DailyWindow, MonthSet, OpeningHours},
    raw::BBox,
    roads::*,
    types::*,
    zones::*,
};
pub(super) use self::{fnv::Fnv, raw::on_grid};
use super::{graph::Graph, index::Index, shape::Shape};
use crate::{Error, Result, geo::Position};

/// Most nodes or segments of a network: a segment and its direction fit into 32 bits.
const LIST_MAX: usize = (u32::MAX / 2) as usize;
/// Most zones or states: their indices are 16 bits wide, and the last means "unknown".
const SHORT_LIST_MAX: usize = u16::MAX as usize;
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
    restrictions: Vec<TurnRestriction>,
    toll_plazas: Vec<TollPlaza>,
    fuel_stations: Vec<FuelStation>,
    rest_areas: Vec<RestArea>,
    zones: Vec<Zone>,
    depots: Vec<Depot>,
    flows: Vec<Flow>,
    sla: Sla,
    reference_routes: Vec<ReferenceRoute>,
    /// All nodes, ordered by id.
    by_id: Vec<NodeIx>,
    /// What stands along the roads that have anything.
    along: BTreeMap<SegmentIx, Along>,
    pub(super) graph: Graph,
    /// The lines bent so far; empty where roads follow their lines as they are drawn.
    bent: Vec<OnceLock<Shape>>,
    index: OnceLock<Index>,
}

/// What stands along a road: (index in the network's list, metres from the `from` end).
#[derive(Clone, Debug, Default)]
pub(super) struct Along {
    pub(super) tolls: Vec<(usize, f64)>,
    pub(super) stations: Vec<(usize, f64)>,
    pub(super) rest_areas: Vec<(usize, f64)>,
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
        let mut network = Self::resolve(file, Fnv::of(text.as_bytes()))?;
        refuse(&laws::of_places_and_roads(&network))?;
        network.graph = Graph::new(&network);
        refuse(&laws::of_ways(&network))?;
        network.draw();
        Ok(network)
    }

    fn resolve(file: File, fingerprint: u64) -> Result<Self> {
        if file.schema_version != 1 {
            let found = file.schema_version;
            return Err(Error::invalid(format!("network: schema_version {found}, expected 1")));
        }
        if file.nodes.is_empty() || file.nodes.len().max(file.segments.len()) > LIST_MAX {
            return Err(Error::invalid("network: a list is empty or longer than 2147483647"));
        }
        if file.zones.len().max(file.states.len()) > SHORT_LIST_MAX {
            return Err(Error::invalid("network: more than 65535 zones or states"));
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
            restrictions: Vec::new(),
            by_id: Vec::new(),
            along: BTreeMap::new(),
            graph: Graph::default(),
            bent: Vec::new(),
            index: OnceLock::new(),
        };
        refuse(&reader.faults)?;
        network.by_id = network.sorted_by_id();
        Ok(network)
    }

    fn sorted_by_id(&self) -> Vec<NodeIx> {
        let mut sorted: Vec<_> = self.node_indices().collect();
        sorted.sort_by(|a, b| self.node_at(*a).id.cmp(&self.node_at(*b).id));
        sorted
    }

    /// Moves what stands along the roads onto their bent lines.
    fn draw(&mut self) {
        self.bent = self.segments.iter().map(|_| OnceLock::new()).collect();
        let tolls = self.toll_plazas.iter().map(|x| x.site);
        let stations = self.fuel_stations.iter().map(|x| x.site);
        let rests = self.rest_areas.iter().map(|x| x.site);
        let sites = tolls.chain(stations).chain(rests);
        let places: Vec<_> = sites.map(|site| self.shape(site.segment).place(site.at_m)).collect();
        let tolls = self.toll_plazas.iter_mut().map(|x| &mut x.site);
        let stations = self.fuel_stations.iter_mut().map(|x| &mut x.site);
        let rests = self.rest_areas.iter_mut().map(|x| &mut x.site);
        for (site, place) in tolls.chain(stations).chain(rests).zip(places) {
            (site.position, site.altitude_m) = place;
        }
        for (index, TollPlaza { site, .. }) in self.toll_plazas.iter().enumerate() {
            self.along.entry(site.segment).or_default().tolls.push((index, site.at_m));
        }
        for (index, FuelStation { site, .. }) in self.fuel_stations.iter().enumerate() {
            self.along.entry(site.segment).or_default().stations.push((index, site.at_m));
        }
        for (index, RestArea { site, .. }) in self.rest_areas.iter().enumerate() {
            self.along.entry(site.segment).or_default().rest_areas.push((index, site.at_m));
        }
    }

    /// The line of a segment, cut into pieces. Bending takes some time, so bent lines are kept;
    /// others are made from their points each time, to keep large networks small.
    pub(super) fn shape(&self, ix: SegmentIx) -> Cow<'_, Shape> {
        let segment = &self.segments[ix.index()];
        match self.bent.get(ix.index()) {
            Some(kept) => Cow::Borrowed(kept.get_or_init(|| Shape::bent(self, ix, segment))),
            None => Cow::Owned(Shape::drawn(self, ix, segment)),
        }
    }

    /// Whether lines are bent until they are as long as their roads.
    pub(super) fn is_bent(&self) -> bool {
        !self.bent.is_empty()
    }

    /// The lines by place; made at the first call.
    pub(super) fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::new(self))
    }

    /// What stands along a segment, if anything does.
    pub(super) fn along(&self, ix: SegmentIx) -> Option<&Along> {
        self.along.get(&ix)
    }

    /// The drawn line of a segment, ends included.
    pub(super) fn drawn_line(&self, segment: &Segment) -> Vec<Via> {
        let end = |ix: NodeIx| self.nodes[ix.index()].via();
        let mut line = vec![end(segment.from)];
        line.extend(segment.via.iter());
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

    /// FNV-1a hash of the file, or of all that was built: two networks with one fingerprint give the same routes.
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
        let found = self.by_id.binary_search_by(|ix| (*self.node_at(*ix).id).cmp(id));
        found.ok().map(|at| self.by_id[at])
    }

    /// The indices of all nodes, in the file's order.
    pub fn node_indices(&self) -> impl ExactSizeIterator<Item = NodeIx> + use<> {
        let count = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX); // no more, checked when read
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
        let count = u32::try_from(self.segments.len()).unwrap_or(u32::MAX); // as above
        (0..count).map(SegmentIx)
    }

    /// Rules for turning from one road into another; none in our own files.
    pub fn restrictions(&self) -> &[TurnRestriction] {
        &self.restrictions
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
        self.shape(segment).line()
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

#[cfg(test)]
mod builder_tests;
#[cfg(test)]
mod tests;
