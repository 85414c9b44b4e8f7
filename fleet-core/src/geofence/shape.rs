//! The shapes of fences, and the three questions asked of them: does it hold a place, how far off is
//! a place, and which parts of a way lie inside.

use std::sync::Arc;

use super::{
    check,
    plane::{Bounds, Edge, Edges, continuous, moved, turn_towards},
};
use crate::{
    Error, Result,
    domain::ranges,
    geo::{Position, flat_distance_m},
    route::Route,
};

/// The least and the greatest radius of a circle, metres.
pub const RADIUS_M: (f64, f64) = (1.0, 100_000.0);
/// The least and the greatest width of a corridor, metres.
pub const WIDTH_M: (f64, f64) = (1.0, 100_000.0);
/// The most corners of a polygon, or points of a corridor, all rings and lines together.
pub const POINTS_MAX: usize = 20_000;
/// The most rings or lines of a shape.
pub const PARTS_MAX: usize = 200;
/// No part of a fence lies farther north or south, degrees: beyond, flat rulers and boxes fail.
pub const LATITUDE_MAX_DEG: f64 = 85.0;
/// The greatest extent of a fence from west to east, degrees.
pub const EXTENT_MAX_DEG: f64 = 90.0;

/// A part of a polygon: its outline, and the holes in it. Rings are not closed: the last corner joins
/// the first. Outlines run counter-clockwise and holes clockwise, as RFC 7946 has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    /// The outline.
    pub exterior: Vec<Position>,
    /// What is cut out of it.
    pub holes: Vec<Vec<Position>>,
}

/// What a fence encloses. Valid by construction; clones share the points.
#[derive(Clone, Debug)]
pub struct Shape(pub(super) Arc<Form>);

#[derive(Debug)]
pub(super) struct Form {
    pub(super) outline: Outline,
    /// All of it lies in here.
    pub(super) bounds: Bounds,
}

/// In continuous degrees.
#[derive(Debug)]
pub(super) enum Outline {
    Circle { centre: Position, radius_m: f64 },
    Area { polygons: Vec<Polygon>, edges: Edges },
    Corridor { lines: Vec<Vec<Position>>, width_m: f64, edges: Edges },
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0.outline, &other.0.outline) {
            (
                Outline::Circle { centre, radius_m },
                Outline::Circle { centre: other_centre, radius_m: other_radius_m },
            ) => (centre, radius_m) == (other_centre, other_radius_m),
            (Outline::Area { polygons, .. }, Outline::Area { polygons: others, .. }) => {
                polygons == others
            }
            (
                Outline::Corridor { lines, width_m, .. },
                Outline::Corridor { lines: other_lines, width_m: other_width_m, .. },
            ) => (lines, width_m) == (other_lines, other_width_m),
            (Outline::Circle { .. } | Outline::Area { .. } | Outline::Corridor { .. }, _) => false,
        }
    }
}

impl Shape {
    /// All places within `radius_m` metres of `centre`, the rim included.
    ///
    /// # Errors
    /// `Invalid` if the radius is not in [`RADIUS_M`], or the circle reaches beyond
    /// [`LATITUDE_MAX_DEG`].
    pub fn circle(centre: Position, radius_m: f64) -> Result<Self> {
        let centre = Position::new(centre.lat, centre.lon)?;
        check_metres("radius_m", radius_m, RADIUS_M)?;
        let bounds = Bounds::of([centre]).widened(radius_m);
        Self::new(Outline::Circle { centre, radius_m }, bounds)
    }

    /// All places inside one polygon or several. Rings may be closed or not, and run either way. A
    /// step of more than 180 degrees of longitude is read as the shorter way, across the 180th
    /// meridian.
    ///
    /// # Errors
    /// `Invalid`, naming polygon, ring and corner: a ring of fewer than three distinct corners, one
    /// that crosses or touches itself, or goes around a pole; a hole outside its outline or over
    /// another; polygons that overlap; too many corners or rings; too far north or too wide.
    pub fn polygons(polygons: &[Polygon]) -> Result<Self> {
        let polygons = check::polygons(polygons)?;
        let rings = polygons.iter().flat_map(Polygon::rings);
        let edges: Vec<Edge> = rings.clone().flat_map(|ring| ring_edges(ring)).collect();
        let bounds = Bounds::of(rings.flatten().copied());
        Self::new(Outline::Area { polygons, edges: Edges::new(edges) }, bounds)
    }

    /// All places inside one ring without holes: [`polygons`](Self::polygons) of one outline.
    ///
    /// # Errors
    /// As of [`polygons`](Self::polygons).
    pub fn polygon(exterior: &[Position]) -> Result<Self> {
        Self::polygons(&[Polygon { exterior: exterior.to_vec(), holes: Vec::new() }])
    }

    /// All places within half of `width_m` metres of one of the lines: a band with round ends.
    ///
    /// # Errors
    /// `Invalid` if the width is not in [`WIDTH_M`], a line has fewer than two distinct points, or
    /// there are too many points or lines; or if it lies too far north or is too wide.
    pub fn corridor(lines: &[Vec<Position>], width_m: f64) -> Result<Self> {
        check_metres("width_m", width_m, WIDTH_M)?;
        let lines = check::lines(lines)?;
        let steps = lines.iter().flat_map(|line| line.windows(2));
        let edges = steps.map(|step| Edge { from: step[0], to: step[1] }).collect();
        let bounds = Bounds::of(lines.iter().flatten().copied()).widened(width_m / 2.0);
        Self::new(Outline::Corridor { lines, width_m, edges: Edges::new(edges) }, bounds)
    }

    /// The corridor along a route, `width_m` metres wide in all.
    ///
    /// # Errors
    /// As of [`corridor`](Self::corridor).
    pub fn along(route: &Route, width_m: f64) -> Result<Self> {
        Self::corridor(&[route.line()], width_m)
    }

    fn new(outline: Outline, bounds: Bounds) -> Result<Self> {
        for lat in [bounds.south, bounds.north] {
            if lat.abs() > LATITUDE_MAX_DEG {
                return Err(Error::invalid(format!(
                    "reaches latitude {lat:.3}: no fence lies beyond {LATITUDE_MAX_DEG} degrees"
                )));
            }
        }
        let extent_deg = bounds.east - bounds.west;
        if extent_deg > EXTENT_MAX_DEG {
            return Err(Error::invalid(format!(
                "{extent_deg:.3} degrees of longitude wide: the most is {EXTENT_MAX_DEG}"
            )));
        }
        Ok(Self(Arc::new(Form { outline, bounds })))
    }

    /// The kind of shape as a word: `circle`, `polygon` or `corridor`.
    pub fn kind(&self) -> &'static str {
        match self.0.outline {
            Outline::Circle { .. } => "circle",
            Outline::Area { .. } => "polygon",
            Outline::Corridor { .. } => "corridor",
        }
    }

    /// Whether it holds `point`; the rim of circles and corridors belongs to it.
    pub fn holds(&self, point: Position) -> bool {
        self.0.holds(self.0.near(point))
    }

    /// Metres from `point` to the shape; 0 inside. Right to 0.2 % within some 100 km.
    pub fn distance_m(&self, point: Position) -> f64 {
        self.0.distance_m(self.0.near(point))
    }

    /// South-west and north-east corners of a box around it, degrees. Across the 180th meridian the
    /// eastern longitude is over 180.
    pub fn corners(&self) -> (Position, Position) {
        let Bounds { south, west, north, east } = self.0.bounds;
        (Position { lat: south, lon: west }, Position { lat: north, lon: east })
    }
}

impl Polygon {
    /// The outline, then the holes.
    pub(super) fn rings(&self) -> impl Iterator<Item = &Vec<Position>> + Clone {
        std::iter::once(&self.exterior).chain(&self.holes)
    }
}

/// The edges of an unclosed ring, the closing one last.
pub(super) fn ring_edges(ring: &[Position]) -> impl Iterator<Item = Edge> {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(from, to)| Edge { from: *from, to: *to })
}

/// The lines run on in longitude, and all lie next to the first.
pub(super) fn in_one_frame(lines: &[Vec<Position>]) -> Vec<Vec<Position>> {
    let mut home = None;
    let run_on = |line: &Vec<Position>| {
        let line = continuous(line);
        let bounds = Bounds::of(line.iter().copied());
        let middle = (bounds.west + bounds.east) / 2.0;
        let turn = turn_towards(middle, *home.get_or_insert(middle));
        line.into_iter().map(|point| moved(point, turn)).collect()
    };
    lines.iter().map(run_on).collect()
}

pub(super) fn check_metres(name: &'static str, value: f64, (min, max): (f64, f64)) -> Result<f64> {
    ranges::Range { field: name, min, max }.check(value)
}

impl Form {
    /// `point` moved by whole turns to where the shape lies.
    pub(super) fn near(&self, point: Position) -> Position {
        let middle = (self.bounds.west + self.bounds.east) / 2.0;
        moved(point, turn_towards(point.lon, middle))
    }

    pub(super) fn holds(&self, point: Position) -> bool {
        if !Bounds::of([point]).meets(&self.bounds) {
            return false;
        }
        match &self.outline {
            Outline::Circle { centre, radius_m } => flat_distance_m(point, *centre) <= *radius_m,
            Outline::Area { edges, .. } => edges.encloses(point, self.bounds.east),
            Outline::Corridor { edges, width_m, .. } => {
                edges.distance_m(point, width_m / 2.0).is_some()
            }
        }
    }

    /// Whether `point` lies outside, `margin_m` metres from the shape or more.
    pub(super) fn is_clear_of(&self, point: Position, margin_m: f64) -> bool {
        if !Bounds::of([point]).meets(&self.bounds.widened(margin_m)) {
            return true;
        }
        match &self.outline {
            Outline::Circle { centre, radius_m } => {
                flat_distance_m(point, *centre) >= radius_m + margin_m
            }
            Outline::Area { edges, .. } => {
                !edges.encloses(point, self.bounds.east)
                    && edges.distance_m(point, margin_m).is_none_or(|off_m| off_m >= margin_m)
            }
            Outline::Corridor { edges, width_m, .. } => {
                let far_m = width_m / 2.0 + margin_m;
                edges.distance_m(point, far_m).is_none_or(|off_m| off_m >= far_m)
            }
        }
    }

    fn distance_m(&self, point: Position) -> f64 {
        if self.holds(point) {
            return 0.0;
        }
        let (edges, half_m) = match &self.outline {
            Outline::Circle { centre, radius_m } => {
                return (flat_distance_m(point, *centre) - radius_m).max(0.0);
            }
            Outline::Area { edges, .. } => (edges, 0.0),
            Outline::Corridor { edges, width_m, .. } => (edges, width_m / 2.0),
        };
        // Ever wider, until something is met: half of the globe at the latest.
        let mut reach_m = 1_000.0;
        loop {
            if let Some(off_m) = edges.distance_m(point, reach_m + half_m) {
                return (off_m - half_m).max(0.0);
            }
            if reach_m > 3e7 {
                return reach_m;
            }
            reach_m *= 4.0;
        }
    }

    /// The parts of the straight way from `a` to `b` that lie inside, as shares of it (0 to 1) in
    /// order; parts that meet are one. The way runs on in longitude.
    pub(super) fn spans(&self, a: Position, b: Position) -> Vec<(f64, f64)> {
        match &self.outline {
            Outline::Circle { centre, radius_m } => {
                let spot = Edge { from: *centre, to: *centre };
                let off_m = |share| flat_distance_m(a.lerp(b, share), *centre) - radius_m;
                span_below(spot.closest_share(a, b), off_m).into_iter().collect()
            }
            Outline::Area { edges, .. } => self.area_spans(edges, a, b),
            Outline::Corridor { edges, width_m, .. } => {
                let half_m = width_m / 2.0;
                let mut spans = Vec::new();
                edges.visit(&Bounds::of([a, b]).widened(half_m), |edge| {
                    let off_m = |share| {
                        let at = a.lerp(b, share);
                        edge.distance_m(at, crate::geo::metres_per_degree(at.lat)) - half_m
                    };
                    spans.extend(span_below(edge.closest_share(a, b), off_m));
                });
                joined(spans)
            }
        }
    }

    /// Between neighbouring crossings a way is inside or outside as its middle is.
    fn area_spans(&self, edges: &Edges, a: Position, b: Position) -> Vec<(f64, f64)> {
        let mut cuts = vec![0.0, 1.0];
        edges.visit(&Bounds::of([a, b]), |edge| cuts.extend(crossing(a, b, edge)));
        cuts.sort_by(f64::total_cmp);
        let parts = cuts.windows(2).map(|pair| (pair[0], pair[1]));
        let inside = parts
            .filter(|(from, to)| to > from && self.holds(a.lerp(b, f64::midpoint(*from, *to))));
        joined(inside.collect())
    }
}

/// Where on the way from `a` to `b` it crosses the edge: strictly between 0 and 1.
fn crossing(a: Position, b: Position, edge: &Edge) -> Option<f64> {
    let side = |point: Position| {
        (b.lon - a.lon) * (point.lat - a.lat) - (b.lat - a.lat) * (point.lon - a.lon)
    };
    let (from, to) = (side(edge.from), side(edge.to));
    if (from > 0.0) == (to > 0.0) {
        return None;
    }
    let at = edge.from.lerp(edge.to, from / (from - to));
    let (dlat, dlon) = (b.lat - a.lat, b.lon - a.lon);
    let share =
        if dlat.abs() > dlon.abs() { (at.lat - a.lat) / dlat } else { (at.lon - a.lon) / dlon };
    (share > 0.0 && share < 1.0).then_some(share)
}

/// The part of 0 to 1 where `off_m` is at most 0, if it falls up to about `lowest` and rises from
/// there. The ends are found by halving.
fn span_below(lowest: f64, off_m: impl Fn(f64) -> f64) -> Option<(f64, f64)> {
    let lowest = [lowest, 0.0, 1.0].into_iter().find(|share| off_m(*share) <= 0.0)?;
    let rim = |mut inside: f64, end: f64| {
        let mut outside = end;
        if off_m(end) <= 0.0 {
            return end;
        }
        // 2⁻⁴⁰ of a way is less than a micrometre.
        for _ in 0..40 {
            let middle = f64::midpoint(inside, outside);
            if off_m(middle) <= 0.0 { inside = middle } else { outside = middle }
        }
        inside
    };
    Some((rim(lowest, 0.0), rim(lowest, 1.0)))
}

/// Sorted, and those that touch or overlap as one.
fn joined(mut spans: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    spans.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut joined: Vec<(f64, f64)> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            Some(_) | None => joined.push((from, to)),
        }
    }
    joined
}
