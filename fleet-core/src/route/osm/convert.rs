//! From the graph of an extract to a [`Network`].

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Options,
    extract::Extract,
    graph::{Edge, Ends, Graph},
    heights,
    places::{self, Name},
    report::{Islands, Report},
    tags::{self, Barrier, Highway},
    turns::{self, EdgeTurn},
};
use crate::{
    Result,
    geo::dem::Dem,
    route::{
        DailyWindow, Direction, Limits, Network, NetworkBuilder, Node, NodeIx, NodeKind,
        OpeningHours, RoadClass, Segment, SegmentIx, Terrain, TurnRestriction, Via,
    },
};

/// Mean grades (up and down alike) above which land is called rolling, hilly and mountainous.
///
/// Level terrain has grades of at most 2 % (Highway Capacity Manual, 2016, chapter 12), which is
/// 1 % in the mean; roads in mountains are built to a ruling gradient of 5 % (IRC:52, 2019).
const GRADES: [f64; 3] = [0.01, 0.025, 0.04];
/// The posted limit where none is known, km/h.
const POSTED_KMH: f64 = 80.0;

/// Drops parts that no road joins to the largest and that are shorter than `least_km`.
pub(super) fn drop_islands(graph: &mut Graph, extract: &Extract, least_km: f64) -> Islands {
    let ends = Ends::new(graph.vertices.len(), &graph.edges);
    let mut part_of = vec![u32::MAX; graph.edges.len()];
    let mut lengths_km: Vec<f64> = Vec::new();
    for edge in 0..graph.edges.len() as u32 {
        if part_of[edge as usize] != u32::MAX {
            continue;
        }
        let part = lengths_km.len() as u32;
        let (mut queue, mut length_m) = (vec![edge], 0.0);
        part_of[edge as usize] = part;
        while let Some(edge) = queue.pop() {
            let edge = &graph.edges[edge as usize];
            length_m += graph.length_m(extract, edge);
            for &(next, _) in [edge.from, edge.to].iter().flat_map(|vertex| ends.at(*vertex)) {
                if std::mem::replace(&mut part_of[next as usize], part) == u32::MAX {
                    queue.push(next);
                }
            }
        }
        lengths_km.push(length_m / 1_000.0);
    }
    let largest = (0..lengths_km.len()).max_by(|a, b| lengths_km[*a].total_cmp(&lengths_km[*b]));
    let mut report = Islands::default();
    let mut keep_part = vec![true; lengths_km.len()];
    for (part, km) in lengths_km.iter().enumerate().filter(|(part, _)| Some(*part) != largest) {
        if *km < least_km {
            keep_part[part] = false;
            report.dropped += 1;
            report.dropped_km += km;
        } else {
            report.kept += 1;
            report.kept_km += km;
        }
    }
    let keep: Vec<bool> = part_of.iter().map(|part| keep_part[*part as usize]).collect();
    graph.retain(&keep);
    report
}

/// Makes the network.
pub(super) fn network(
    graph: &Graph,
    extract: &Extract,
    options: &Options,
    dem: Option<&Dem>,
    report: &mut Report,
) -> Result<Network> {
    let (heights_m, found) = heights::of_roads(graph, extract, dem, options.grade_max)?;
    report.heights = found;
    let names = places::name(graph, extract);
    report.places = names.iter().filter(|name| name.is_place).count() as u64;
    let turns = turns::resolve(graph, extract, report);
    let mut maker = Maker {
        graph,
        extract,
        options,
        heights_m,
        report,
        builder: NetworkBuilder::new(&*options.name),
        driven: Vec::with_capacity(graph.edges.len()),
        named: BTreeMap::new(),
    };
    maker.nodes(names);
    for edge in &graph.edges {
        maker.edge(edge);
    }
    for turn in turns {
        maker.turn(&turn);
    }
    maker.builder.build()
}

struct Maker<'a> {
    graph: &'a Graph,
    extract: &'a Extract,
    options: &'a Options,
    heights_m: Vec<f64>,
    report: &'a mut Report,
    builder: NetworkBuilder,
    /// The segments by which each edge is driven forward and backward.
    driven: Vec<[Option<SegmentIx>; 2]>,
    /// How many segments each way has given its id to.
    named: BTreeMap<i64, u32>,
}

impl Maker<'_> {
    fn nodes(&mut self, names: Vec<Name>) {
        let mut stands = vec![0_u32; self.extract.ids.len()];
        for (&node, name) in self.graph.vertices.iter().zip(names) {
            let id = self.extract.ids[node as usize];
            let stands = &mut stands[node as usize];
            *stands += 1;
            let id = if *stands == 1 { format!("osm:{id}") } else { format!("osm:{id}#{stands}") };
            let kind = match self.extract.barriers.get(&node) {
                Some(Barrier::Border) => NodeKind::BorderPost,
                _ if self.extract.passes.contains(&node) => NodeKind::Pass,
                _ => name.kind,
            };
            self.builder.add_node(Node {
                name: name.text,
                kind,
                altitude_m: self.heights_m[node as usize],
                population: name.population,
                ..Node::junction(id, self.extract.position(node))
            });
        }
        self.report.junctions = self.graph.vertices.len() as u64;
        for barrier in self.extract.barriers.values() {
            match barrier {
                Barrier::Shut => self.report.shut_barriers += 1,
                Barrier::Gate => self.report.gates += 1,
                Barrier::Open | Barrier::Border => {}
            }
        }
    }

    fn edge(&mut self, edge: &Edge) {
        let (way, is_reversed) = self.graph.way(self.extract, edge);
        let via = self.line(edge);
        let terrain = self.terrain(edge, &via);
        let factor = match way.road.highway {
            Highway::Ferry => 1.0,
            _ => self.options.speeds.factor(terrain),
        };
        let speed = |kmh: Option<f64>| kmh.map(|kmh| (kmh * factor).clamp(0.1, 200.0));
        let (mut forward, mut backward) =
            (speed(way.road.forward_kmh), speed(way.road.backward_kmh));
        if is_reversed {
            std::mem::swap(&mut forward, &mut backward);
        }
        let (from, to) = (NodeIx(edge.from), NodeIx(edge.to));
        let segment = self.segment(edge, terrain);
        let driven = match (forward, backward) {
            (Some(forward), Some(backward)) if (forward - backward).abs() < 1e-9 => {
                let both = self.add(Segment { from, to, via, ..segment }, forward);
                [Some(both), Some(both)]
            }
            _ => {
                let against: Box<[Via]> = via.iter().rev().copied().collect();
                let direction = Direction::ForwardOnly;
                let there = forward.map(|kmh| {
                    let there = Segment { from, to, via, direction, ..segment.clone() };
                    self.add(there, kmh)
                });
                let back = backward.map(|kmh| {
                    let (from, to) = (to, from);
                    self.add(Segment { from, to, via: against, direction, ..segment }, kmh)
                });
                [there, back]
            }
        };
        self.driven.push(driven);
    }

    fn add(&mut self, segment: Segment, kmh: f64) -> SegmentIx {
        let way = segment.id.trim_start_matches("osm:").parse().unwrap_or(0);
        let count = self.named.entry(way).or_default();
        *count += 1;
        let id = format!("{}.{count}", segment.id).into();
        let maxspeed_kmh = segment.maxspeed_kmh.max(kmh);
        self.report.segments += 1;
        self.report.one_ways += u64::from(segment.direction == Direction::ForwardOnly);
        self.report.limited += u64::from(segment.limits.is_some());
        self.report.by_hour += u64::from(!segment.hours_ist.windows().is_empty());
        self.builder.add_segment(Segment { id, truck_speed_kmh: kmh, maxspeed_kmh, ..segment })
    }

    /// What the tags say, without ends, line and speed; the id is the way's.
    fn segment(&mut self, edge: &Edge, terrain: Terrain) -> Segment {
        let (way, _) = self.graph.way(self.extract, edge);
        let road = &way.road;
        self.report.tolls += u64::from(road.has_toll);
        let km = self.graph.length_m(self.extract, edge) / 1_000.0;
        self.report.roads.entry(road.highway).or_default().km += km;
        let nobody = NodeIx(0);
        Segment {
            highway: Arc::clone(&way.reference),
            name: Some(&way.name).filter(|name| !name.is_empty()).map(Arc::clone),
            road_class: road_class(road.highway),
            lanes: road.lanes,
            divided: road.divided,
            terrain,
            surface: road.surface,
            iri_m_per_km: road.iri_m_per_km,
            maxspeed_kmh: road.posted_kmh.unwrap_or(POSTED_KMH).clamp(1.0, 200.0),
            single_lane: road.single_lane,
            ferry: road.highway == Highway::Ferry,
            hours_ist: self.hours(&road.open),
            limits: limits(road.limits),
            ..Segment::between(format!("osm:{}", way.id), nobody, nobody)
        }
    }

    /// The points between an edge's ends.
    fn line(&self, edge: &Edge) -> Box<[Via]> {
        let nodes: Vec<u32> = self.graph.nodes(self.extract, edge).collect();
        let inner = &nodes[1..nodes.len() - 1];
        let via = |node: &u32| Via {
            position: self.extract.position(*node),
            altitude_m: self.heights_m[*node as usize],
        };
        inner.iter().map(via).collect()
    }

    /// The land, by how much a road climbs and falls for its length.
    fn terrain(&self, edge: &Edge, via: &[Via]) -> Terrain {
        let end = |vertex: u32| self.heights_m[self.graph.vertices[vertex as usize] as usize];
        let heights = [end(edge.from)]
            .into_iter()
            .chain(via.iter().map(|via| via.altitude_m))
            .chain([end(edge.to)]);
        let heights: Vec<f64> = heights.collect();
        let climb_m: f64 = heights.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
        let grade = climb_m / self.graph.length_m(self.extract, edge);
        match GRADES.iter().filter(|limit| grade > **limit).count() {
            0 => Terrain::Plain,
            1 => Terrain::Rolling,
            2 => Terrain::Hilly,
            _ => Terrain::Mountainous,
        }
    }

    /// Windows of the region's clock as windows of the network's.
    fn hours(&self, open: &[(u16, u16)]) -> OpeningHours {
        let shift = i32::from(IST_MIN) - self.options.utc_offset_min;
        let text = |minute: u16, is_end: bool| {
            let minute = (i32::from(minute) + shift).rem_euclid(DAY_MIN);
            let minute = if is_end && minute == 0 { DAY_MIN } else { minute };
            format!("{:02}:{:02}", minute / 60, minute % 60)
        };
        let windows = open.iter().filter_map(|&(from, to)| {
            DailyWindow::try_from((text(from, false), text(to, true))).ok()
        });
        OpeningHours::new(windows.collect())
    }

    fn turn(&mut self, turn: &EdgeTurn) {
        // By its `from` end an edge is left forward and reached backward.
        let driven = |(edge, is_from): (u32, bool), leaves: bool| {
            self.driven[edge as usize][usize::from(is_from != leaves)]
        };
        let (Some(from), Some(to)) = (driven(turn.from, false), driven(turn.to, true)) else {
            return;
        };
        let (via, rule) = (NodeIx(turn.via), turn.rule);
        self.builder.add_restriction(TurnRestriction { from, via, to, rule });
    }
}

const DAY_MIN: i32 = 1_440;
/// India Standard Time is ahead of UTC by so many minutes.
const IST_MIN: u16 = 330;

fn limits(limits: tags::Limits) -> Option<Box<Limits>> {
    let tags::Limits { height_m, width_m, length_m, weight_t, axle_t } = limits;
    let [height_m, width_m, length_m, weight_t, axle_load_t] =
        [height_m, width_m, length_m, weight_t, axle_t]
            .map(|limit| limit.map(|limit| limit as f32));
    let all = Limits { height_m, width_m, length_m, weight_t, axle_load_t };
    (all != Limits::default()).then(|| Box::new(all))
}

/// The class of the network for a road of OSM.
fn road_class(highway: Highway) -> RoadClass {
    match highway {
        Highway::Motorway => RoadClass::Motorway,
        Highway::Trunk => RoadClass::Trunk,
        Highway::Primary | Highway::Ferry => RoadClass::Primary,
        Highway::Secondary => RoadClass::Secondary,
        Highway::Tertiary => RoadClass::Tertiary,
        Highway::Unclassified => RoadClass::Unclassified,
        Highway::Residential | Highway::LivingStreet => RoadClass::Residential,
        Highway::Service | Highway::Track => RoadClass::Service,
    }
}
