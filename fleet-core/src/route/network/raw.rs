//! The network file as it is written: names instead of indices, kilometres instead of metres.
//!
//! [`File`] only has the right form; whether its names resolve is found out while it is turned into
//! a [`Network`], and every fault is kept, so that one run names them all.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    hours::{DailyWindow, OpeningHours, null_as_empty},
    roads::*,
    types::*,
    zones::{Zone, ZoneRule, ZoneShape},
};
use crate::{geo::Position, route::RoadClass};

#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) schema_version: u32,
    pub(super) bbox: BBox,
    pub(super) states: Vec<State>,
    pub(super) nodes: Vec<RawNode>,
    pub(super) segments: Vec<RawSegment>,
    #[serde(default)]
    pub(super) reference_routes: Vec<RawReference>,
    #[serde(default)]
    pub(super) toll_plazas: Vec<RawToll>,
    #[serde(default)]
    pub(super) fuel_stations: Vec<RawStation>,
    #[serde(default)]
    pub(super) rest_areas: Vec<RawRest>,
    #[serde(default)]
    pub(super) zones: Vec<RawZone>,
    #[serde(default)]
    pub(super) depots: Vec<RawDepot>,
    pub(super) sla: Sla,
    #[serde(default)]
    pub(super) flows: Vec<RawFlow>,
}

/// The part of the map a network covers, degrees.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, Deserialize)]
#[allow(missing_docs, reason = "the line above")]
pub struct BBox {
    pub south: f64,
    pub north: f64,
    pub west: f64,
    pub east: f64,
}

impl BBox {
    /// Whether a point lies in it, the rim included.
    pub fn contains(&self, point: Position) -> bool {
        (self.south..=self.north).contains(&point.lat)
            && (self.west..=self.east).contains(&point.lon)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct RawNode {
    id: String,
    name: String,
    state: String,
    kind: NodeKind,
    lat: f64,
    lon: f64,
    elevation_m: f64,
    population: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawSegment {
    id: String,
    from: String,
    to: String,
    highway: String,
    length_km: f64,
    road_class: RoadClass,
    lanes: u8,
    divided: bool,
    terrain: Terrain,
    surface: Surface,
    iri_m_per_km: f64,
    maxspeed_kmh: f64,
    truck_speed_kmh: f64,
    #[serde(default)]
    via: Vec<(f64, f64, f64)>,
    #[serde(default)]
    winding: bool,
    #[serde(default)]
    single_lane: bool,
    #[serde(default)]
    ferry: bool,
    #[serde(default, deserialize_with = "null_as_empty")]
    hours_ist: Vec<DailyWindow>,
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawReference {
    from: String,
    to: String,
    published_km: f64,
    tolerance_pct: f64,
    network_km: f64,
}

/// Where something stands. The file's own lat and lon lie on the drawn line and are only checked.
#[derive(Debug, Deserialize)]
struct RawSite {
    segment: String,
    km_from_start: f64,
    lat: f64,
    lon: f64,
    state: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawToll {
    id: String,
    name: String,
    #[serde(flatten)]
    site: RawSite,
    fee_inr: TollFee,
    electronic: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawStation {
    id: String,
    #[serde(flatten)]
    place: RawSite,
    site: StationSite,
    flow_l_per_min: f64,
    pumps: u16,
    #[serde(default, deserialize_with = "null_as_empty")]
    hours_ist: Vec<DailyWindow>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawRest {
    id: String,
    #[serde(flatten)]
    site: RawSite,
    truck_bays: u16,
    kind: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawZone {
    id: String,
    name: String,
    shape: RawShape,
    severity: f64,
    #[serde(flatten)]
    rule: ZoneRule,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum RawShape {
    Circle { lat: f64, lon: f64, radius_km: f64 },
    Polygon { points: Vec<(f64, f64)> },
    Segments { segments: Vec<String> },
}

#[derive(Debug, Deserialize)]
pub(super) struct RawDepot {
    id: String,
    node: String,
    name: String,
    weight: f64,
    loading_bays: u16,
    home_trucks: u16,
    #[serde(default, deserialize_with = "null_as_empty")]
    hours_ist: Vec<DailyWindow>,
    loading_min_per_t: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawFlow {
    commodity: String,
    label: String,
    typical_load_t: f64,
    perishable: bool,
    hazardous: bool,
    pairs: Vec<RawPair>,
}

#[derive(Debug, Deserialize)]
struct RawPair {
    from: String,
    to: String,
    weight: f64,
    road_km: f64,
    promised_hours: f64,
}

/// Metres on the grid of 1/1024 m: sums and differences of such lengths are exact in `f64`, so a
/// route is as long as its parts in whatever order they are added.
pub(in crate::route) fn on_grid(metres: f64) -> f64 {
    (metres * 1_024.0).round() / 1_024.0
}

/// Resolves names to indices and collects what does not resolve.
pub(super) struct Reader {
    nodes: BTreeMap<String, NodeIx>,
    segments: BTreeMap<String, SegmentIx>,
    states: BTreeMap<String, StateIx>,
    pub(super) faults: Vec<String>,
}

/// A list's names with their places; a name that stands twice is a fault.
fn names<'a, N, T>(
    what: &str,
    ids: impl Iterator<Item = &'a String>,
    numbers: impl Iterator<Item = N>,
    index: impl Fn(N) -> T,
    faults: &mut Vec<String>,
) -> BTreeMap<String, T> {
    let mut map = BTreeMap::new();
    for (ix, id) in numbers.zip(ids) {
        if map.insert(id.clone(), index(ix)).is_some() {
            faults.push(format!("{what} {id}: twice"));
        }
    }
    map
}

impl Reader {
    pub(super) fn new(file: &File) -> Self {
        let mut faults = Vec::new();
        let nodes = file.nodes.iter().map(|node| &node.id);
        let nodes = names("node", nodes, 0.., NodeIx, &mut faults);
        let segments = file.segments.iter().map(|segment| &segment.id);
        let segments = names("segment", segments, 0.., SegmentIx, &mut faults);
        let states = file.states.iter().map(|state| &state.code);
        let states = names("state", states, 0.., StateIx, &mut faults);
        Self { nodes, segments, states, faults }
    }

    fn fault<T>(&mut self, text: String) -> Option<T> {
        self.faults.push(text);
        None
    }

    fn node(&mut self, what: &str, id: &str) -> Option<NodeIx> {
        let found = self.nodes.get(id).copied();
        found.or_else(|| self.fault(format!("{what}: unknown node {id}")))
    }

    fn segment(&mut self, what: &str, id: &str) -> Option<SegmentIx> {
        let found = self.segments.get(id).copied();
        found.or_else(|| self.fault(format!("{what}: unknown segment {id}")))
    }

    fn state(&mut self, what: &str, code: &str) -> Option<StateIx> {
        let found = self.states.get(code).copied();
        found.or_else(|| self.fault(format!("{what}: unknown state {code}")))
    }

    fn position(&mut self, what: &str, lat: f64, lon: f64) -> Option<Position> {
        Position::new(lat, lon).map_err(|error| self.faults.push(format!("{what}: {error}"))).ok()
    }

    pub(super) fn read_node(&mut self, raw: RawNode) -> Option<Node> {
        let what = format!("node {}", raw.id);
        let state = self.state(&what, &raw.state);
        let position = self.position(&what, raw.lat, raw.lon);
        Some(Node {
            state: state?,
            position: position?,
            id: raw.id.into(),
            name: raw.name.into(),
            kind: raw.kind,
            altitude_m: raw.elevation_m,
            population: raw.population,
        })
    }

    pub(super) fn read_segment(&mut self, raw: RawSegment) -> Option<Segment> {
        let what = format!("segment {}", raw.id);
        let (from, to) = (self.node(&what, &raw.from), self.node(&what, &raw.to));
        if raw.id != format!("{}--{}", raw.from, raw.to) {
            self.faults.push(format!("{what}: id is not from--to"));
        }
        let mut via = Vec::with_capacity(raw.via.len());
        for (lat, lon, altitude_m) in raw.via {
            via.push(Via { position: self.position(&what, lat, lon)?, altitude_m });
        }
        Some(Segment {
            from: from?,
            to: to?,
            id: raw.id.into(),
            highway: raw.highway.into(),
            name: None,
            direction: Direction::Both,
            length_m: on_grid(raw.length_km * 1_000.0),
            road_class: raw.road_class,
            lanes: raw.lanes,
            divided: raw.divided,
            terrain: raw.terrain,
            surface: raw.surface,
            iri_m_per_km: raw.iri_m_per_km,
            maxspeed_kmh: raw.maxspeed_kmh,
            truck_speed_kmh: raw.truck_speed_kmh,
            via: via.into(),
            winding: raw.winding,
            single_lane: raw.single_lane,
            ferry: raw.ferry,
            hours_ist: OpeningHours::new(raw.hours_ist),
            limits: None,
            note: raw.note.map(Into::into),
        })
    }

    fn read_site(&mut self, what: &str, raw: &RawSite) -> Option<Site> {
        let segment = self.segment(what, &raw.segment);
        let state = self.state(what, &raw.state);
        let position = self.position(what, raw.lat, raw.lon);
        let at_m = on_grid(raw.km_from_start * 1_000.0);
        Some(Site { segment: segment?, at_m, position: position?, altitude_m: 0.0, state: state? })
    }

    pub(super) fn read_toll(&mut self, raw: RawToll) -> Option<TollPlaza> {
        let site = self.read_site(&raw.id, &raw.site)?;
        let (fee_inr, electronic) = (raw.fee_inr, raw.electronic);
        Some(TollPlaza { id: raw.id, name: raw.name, site, fee_inr, electronic })
    }

    pub(super) fn read_station(&mut self, raw: RawStation) -> Option<FuelStation> {
        Some(FuelStation {
            site: self.read_site(&raw.id, &raw.place)?,
            id: raw.id,
            surroundings: raw.site,
            flow_l_per_min: raw.flow_l_per_min,
            pumps: raw.pumps,
            hours_ist: OpeningHours::new(raw.hours_ist),
        })
    }

    pub(super) fn read_rest(&mut self, raw: RawRest) -> Option<RestArea> {
        let site = self.read_site(&raw.id, &raw.site)?;
        Some(RestArea { id: raw.id, site, truck_bays: raw.truck_bays, kind: raw.kind })
    }

    pub(super) fn read_zone(&mut self, raw: RawZone) -> Option<Zone> {
        let shape = self.read_shape(&raw.id, raw.shape)?;
        Some(Zone { id: raw.id, name: raw.name, shape, severity: raw.severity, rule: raw.rule })
    }

    fn read_shape(&mut self, what: &str, raw: RawShape) -> Option<ZoneShape> {
        Some(match raw {
            RawShape::Circle { lat, lon, radius_km } => ZoneShape::Circle {
                centre: self.position(what, lat, lon)?,
                radius_m: radius_km * 1_000.0,
            },
            RawShape::Polygon { points } => {
                let corners = points.into_iter().map(|(lat, lon)| self.position(what, lat, lon));
                ZoneShape::Polygon { corners: corners.collect::<Option<_>>()? }
            }
            RawShape::Segments { segments } => {
                let segments = segments.iter().map(|id| self.segment(what, id));
                ZoneShape::Segments { segments: segments.collect::<Option<_>>()? }
            }
        })
    }

    pub(super) fn read_depot(&mut self, raw: RawDepot) -> Option<Depot> {
        Some(Depot {
            node: self.node(&raw.id, &raw.node)?,
            id: raw.id,
            name: raw.name,
            weight: raw.weight,
            loading_bays: raw.loading_bays,
            home_trucks: raw.home_trucks,
            hours_ist: OpeningHours::new(raw.hours_ist),
            loading_min_per_t: raw.loading_min_per_t,
        })
    }

    pub(super) fn read_flow(&mut self, raw: RawFlow) -> Option<Flow> {
        let what = format!("flow {}", raw.commodity);
        let mut pairs = Vec::with_capacity(raw.pairs.len());
        for pair in raw.pairs {
            let (from, to) = (self.node(&what, &pair.from), self.node(&what, &pair.to));
            let RawPair { weight, road_km, promised_hours, .. } = pair;
            pairs.push(FlowPair { from: from?, to: to?, weight, road_km, promised_hours });
        }
        Some(Flow {
            commodity: raw.commodity,
            label: raw.label,
            typical_load_t: raw.typical_load_t,
            perishable: raw.perishable,
            hazardous: raw.hazardous,
            pairs,
        })
    }

    pub(super) fn read_reference(&mut self, raw: &RawReference) -> Option<ReferenceRoute> {
        let what = format!("reference route {}-{}", raw.from, raw.to);
        let (from, to) = (self.node(&what, &raw.from), self.node(&what, &raw.to));
        let RawReference { published_km, tolerance_pct, network_km, .. } = *raw;
        Some(ReferenceRoute { from: from?, to: to?, published_km, tolerance_pct, network_km })
    }
}
