//! Names for junctions: the place they lie in, or the streets that meet there.

use std::collections::BTreeMap;

use super::{
    extract::{Extract, Place},
    graph::{Ends, Graph},
    tags::Highway,
};
use crate::{
    geo::{Position, flat_distance_m, metres_per_degree},
    route::NodeKind,
};

/// Side of a cell of the index, degrees.
const CELL_DEG: f64 = 0.05;

/// What a junction is called.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) text: Box<str>,
    pub(super) kind: NodeKind,
    pub(super) population: Option<u32>,
    /// It is a place's, not a street's.
    pub(super) is_place: bool,
}

/// The name of each vertex.
pub(super) fn name(graph: &Graph, extract: &Extract) -> Vec<Name> {
    let ends = Ends::new(graph.vertices.len(), &graph.edges);
    let vertices = 0..graph.vertices.len() as u32;
    let mut names: Vec<_> = vertices
        .map(|vertex| Name {
            text: streets(graph, extract, ends.at(vertex)),
            kind: NodeKind::Junction,
            population: None,
            is_place: false,
        })
        .collect();
    let index = Index::new(graph, extract, &ends);
    for place in by_importance(&extract.places) {
        if let Some(vertex) = index.nearest(graph, extract, place, &names) {
            names[vertex as usize] = Name {
                text: place.name.as_str().into(),
                kind: place.kind,
                population: place.population,
                is_place: true,
            };
        }
    }
    names
}

/// Up to two streets that meet at a vertex, by name or else by number.
fn streets(graph: &Graph, extract: &Extract, ends: &[(u32, bool)]) -> Box<str> {
    let mut streets: Vec<&str> = Vec::new();
    for (edge, _) in ends {
        let way = graph.way(extract, &graph.edges[*edge as usize]).0;
        let street: &str = if way.name.is_empty() { &way.reference } else { &way.name };
        if !street.is_empty() && !streets.contains(&street) && streets.len() < 2 {
            streets.push(street);
        }
    }
    streets.join(" / ").into()
}

/// Cities before towns before the rest, then by inhabitants, then by name.
fn by_importance(places: &[Place]) -> Vec<&Place> {
    let mut sorted: Vec<_> = places.iter().collect();
    let rank = |place: &Place| {
        let rank = match place.kind {
            NodeKind::City => 0,
            NodeKind::Town => 1,
            _ => 2,
        };
        (rank, std::cmp::Reverse(place.population.unwrap_or(0)))
    };
    sorted.sort_by(|a, b| {
        rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name)).then_with(|| a.at.cmp(&b.at))
    });
    sorted
}

/// Vertices by the cell they lie in.
struct Index {
    cells: BTreeMap<(i32, i32), Vec<u32>>,
    /// By vertex: a through road is there, tertiary or better.
    is_main: Vec<bool>,
}

impl Index {
    fn new(graph: &Graph, extract: &Extract, ends: &Ends) -> Self {
        let mut cells: BTreeMap<_, Vec<u32>> = BTreeMap::new();
        if !extract.places.is_empty() {
            for (vertex, node) in (0_u32..).zip(&graph.vertices) {
                cells.entry(cell(extract.position(*node))).or_default().push(vertex);
            }
        }
        let is_main = |end: &(u32, bool)| {
            let highway = graph.way(extract, &graph.edges[end.0 as usize]).0.road.highway;
            highway <= Highway::Tertiary
        };
        let vertices = 0..graph.vertices.len() as u32;
        let is_main = vertices.map(|vertex| ends.at(vertex).iter().any(is_main)).collect();
        Self { cells, is_main }
    }

    /// The nearest vertex within a place's reach that is not named after another place; one on a
    /// main road, if there is any.
    fn nearest(
        &self,
        graph: &Graph,
        extract: &Extract,
        place: &Place,
        names: &[Name],
    ) -> Option<u32> {
        let at = place.at.position();
        let (north, east) = metres_per_degree(at.lat);
        let (dlat, dlon) = (place.reach_m / north, (place.reach_m / east.max(1.0)).min(1.0));
        let low = cell(Position { lat: at.lat - dlat, lon: at.lon - dlon });
        let high = cell(Position { lat: at.lat + dlat, lon: at.lon + dlon });
        let rows = (low.0..=high.0)
            .flat_map(|row| self.cells.range((row, low.1)..=(row, high.1)))
            .flat_map(|(_, vertices)| vertices);
        rows.filter(|vertex| !names[**vertex as usize].is_place)
            .map(|vertex| {
                let node = graph.vertices[*vertex as usize];
                (*vertex, flat_distance_m(at, extract.position(node)))
            })
            .filter(|(_, away_m)| *away_m <= place.reach_m)
            .min_by(|a, b| {
                let is_minor = |vertex: u32| !self.is_main[vertex as usize];
                is_minor(a.0).cmp(&is_minor(b.0)).then(a.1.total_cmp(&b.1)).then(a.0.cmp(&b.0))
            })
            .map(|(vertex, _)| vertex)
    }
}

fn cell(at: Position) -> (i32, i32) {
    ((at.lat / CELL_DEG).floor() as i32, (at.lon / CELL_DEG).floor() as i32)
}
