//! What rings and lines must keep to, and the words for what they break.
//!
//! Whether edges cross is decided by exact predicates (J. R. Shewchuk, *Adaptive Precision
//! Floating-Point Arithmetic and Fast Robust Geometric Predicates*, 1997; crate `robust` through
//! `geo`), neighbours in space are found by a tree: a ring of n corners costs n log n.

use geo::{
    Coord, Intersects, Line, LineString, PreparedGeometry, Relate, Winding,
    coordinate_position::CoordPos,
    dimensions::Dimensions,
    line_intersection::{LineIntersection, line_intersection},
};
use rstar::{AABB, RTree, RTreeObject};

use super::{
    plane::{Bounds, continuous, moved, turn_towards},
    shape::{PARTS_MAX, POINTS_MAX, Polygon, in_one_frame},
};
use crate::{Error, Result, geo::Position};

/// A numbered edge of a ring.
struct Numbered {
    line: Line<f64>,
    ix: usize,
}

impl RTreeObject for Numbered {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        let (a, b) = self.line.points();
        AABB::from_corners([a.x(), a.y()], [b.x(), b.y()])
    }
}

fn coord(point: Position) -> Coord<f64> {
    Coord { x: point.lon, y: point.lat }
}

/// The same line with every point on the globe, and none twice in a row.
fn points(line: &[Position]) -> Result<Vec<Position>> {
    let mut kept: Vec<Position> = Vec::with_capacity(line.len());
    for (ix, point) in line.iter().enumerate() {
        let point = Position::new(point.lat, point.lon)
            .map_err(|error| Error::invalid(format!("[{ix}]")).with_source(error))?;
        if kept.last() != Some(&point) {
            kept.push(point);
        }
    }
    Ok(kept)
}

fn check_sizes(parts: usize, points: usize) -> Result<()> {
    for (count, max, what) in [(parts, PARTS_MAX, "rings or lines"), (points, POINTS_MAX, "points")]
    {
        if count == 0 || count > max {
            return Err(Error::invalid(format!("{count} {what}: expected 1 to {max}")));
        }
    }
    Ok(())
}

/// Lines of a corridor, in one frame.
pub(super) fn lines(lines: &[Vec<Position>]) -> Result<Vec<Vec<Position>>> {
    check_sizes(lines.len(), lines.iter().map(Vec::len).sum())?;
    let mut checked = Vec::with_capacity(lines.len());
    for (ix, line) in lines.iter().enumerate() {
        let place = |error: Error| Error::invalid(format!("line {ix}")).with_source(error);
        let line = points(line).map_err(place)?;
        if line.len() < 2 {
            return Err(place(Error::invalid("fewer than 2 distinct points")));
        }
        checked.push(line);
    }
    Ok(in_one_frame(&checked))
}

/// Polygons in one frame, outlines counter-clockwise and holes clockwise.
pub(super) fn polygons(polygons: &[Polygon]) -> Result<Vec<Polygon>> {
    let rings = || polygons.iter().flat_map(Polygon::rings);
    check_sizes(rings().count(), rings().map(Vec::len).sum())?;
    let mut checked: Vec<Polygon> = Vec::with_capacity(polygons.len());
    let mut home = None;
    for (ix, polygon) in polygons.iter().enumerate() {
        let polygon = one_polygon(polygon, &mut home)
            .map_err(|error| Error::invalid(format!("polygon {ix}")).with_source(error))?;
        checked.push(polygon);
    }
    check_apart(&checked)?;
    Ok(checked)
}

/// `home` is the middle of the first outline, next to which all others lie.
fn one_polygon(polygon: &Polygon, home: &mut Option<f64>) -> Result<Polygon> {
    let place = |name: String| move |error: Error| Error::invalid(name).with_source(error);
    let exterior = ring(&polygon.exterior).map_err(place("outline".into()))?;
    let exterior = moved_to(exterior, home);
    let mut holes = Vec::with_capacity(polygon.holes.len());
    for (ix, hole) in polygon.holes.iter().enumerate() {
        let hole = ring(hole).map_err(place(format!("hole {ix}")))?;
        holes.push(moved_to(hole, home));
    }
    let mut polygon = Polygon { exterior, holes };
    check_holes(&polygon)?;
    turn(&mut polygon.exterior, true);
    polygon.holes.iter_mut().for_each(|hole| turn(hole, false));
    Ok(polygon)
}

fn moved_to(ring: Vec<Position>, home: &mut Option<f64>) -> Vec<Position> {
    let bounds = Bounds::of(ring.iter().copied());
    let middle = f64::midpoint(bounds.west, bounds.east);
    let turn = turn_towards(middle, *home.get_or_insert(middle));
    ring.into_iter().map(|point| moved(point, turn)).collect()
}

/// An unclosed ring that runs on in longitude and does not meet itself.
fn ring(corners: &[Position]) -> Result<Vec<Position>> {
    let mut corners = points(corners)?;
    if corners.len() > 1 && corners.first() == corners.last() {
        corners.pop();
    }
    let distinct: std::collections::BTreeSet<_> =
        corners.iter().map(|c| (c.lat.to_bits(), c.lon.to_bits())).collect();
    if distinct.len() < 3 {
        return Err(Error::invalid("fewer than 3 distinct corners"));
    }
    let ring = continuous(&corners);
    let closing = turn_towards(ring[0].lon, ring[ring.len() - 1].lon);
    if closing.abs() > 0.0 {
        return Err(Error::invalid("goes around a pole, which no fence may hold"));
    }
    check_simple(&ring)?;
    Ok(ring)
}

/// No edge meets another but its neighbours, and those only where they join.
fn check_simple(ring: &[Position]) -> Result<()> {
    let count = ring.len();
    let line = |ix: usize| Line::new(coord(ring[ix]), coord(ring[(ix + 1) % count]));
    let tree = RTree::bulk_load((0..count).map(|ix| Numbered { line: line(ix), ix }).collect());
    for (ix, corner) in ring.iter().enumerate() {
        let edge = Numbered { line: line(ix), ix };
        for other in tree.locate_in_envelope_intersecting(&edge.envelope()) {
            if other.ix <= ix {
                continue;
            }
            let neighbours = other.ix == ix + 1 || (ix == 0 && other.ix == count - 1);
            let meets = match line_intersection(edge.line, other.line) {
                None => false,
                Some(LineIntersection::Collinear { .. }) => true,
                Some(LineIntersection::SinglePoint { .. }) => !neighbours,
            };
            if meets {
                let Position { lat, lon } = corner;
                return Err(Error::invalid(format!(
                    "meets itself: the edges from corners {ix} ({lat}, {lon}) and {} meet",
                    other.ix
                )));
            }
        }
    }
    Ok(())
}

fn area(ring: &[Position]) -> geo::Polygon<f64> {
    geo::Polygon::new(LineString::new(ring.iter().copied().map(coord).collect()), Vec::new())
}

fn turn(ring: &mut [Position], counter_clockwise: bool) {
    let mut line = LineString::new(ring.iter().copied().map(coord).collect());
    line.close();
    if line.is_ccw() != counter_clockwise {
        // The first corner stays the first.
        ring[1..].reverse();
    }
}

fn boxes_meet(a: &[Position], b: &[Position]) -> bool {
    Bounds::of(a.iter().copied()).meets(&Bounds::of(b.iter().copied()))
}

/// Holes lie within the outline and apart from one another; rings may touch at points.
fn check_holes(polygon: &Polygon) -> Result<()> {
    if polygon.holes.is_empty() {
        return Ok(());
    }
    let outline = area(&polygon.exterior);
    let outline = PreparedGeometry::from(&outline); // its tree is built once, not for each hole
    let holes: Vec<_> = polygon.holes.iter().map(|hole| area(hole)).collect();
    for (ix, hole) in holes.iter().enumerate() {
        let relation = outline.relate(hole);
        let shares_line =
            relation.get(CoordPos::OnBoundary, CoordPos::OnBoundary) == Dimensions::OneDimensional;
        if !relation.is_contains() || shares_line {
            return Err(Error::invalid(format!("hole {ix} does not lie within the outline")));
        }
        for (other_ix, other) in holes.iter().enumerate().skip(ix + 1) {
            if boxes_meet(&polygon.holes[ix], &polygon.holes[other_ix]) && overlap(hole, other) {
                return Err(Error::invalid(format!("holes {ix} and {other_ix} overlap")));
            }
        }
    }
    Ok(())
}

fn overlap(a: &geo::Polygon<f64>, b: &geo::Polygon<f64>) -> bool {
    a.intersects(b)
        && a.relate(b).get(CoordPos::Inside, CoordPos::Inside) == Dimensions::TwoDimensional
}

/// Polygons of one fence do not overlap. They may touch, also along a line: RFC 7946 cuts at the
/// 180th meridian what crosses it.
fn check_apart(polygons: &[Polygon]) -> Result<()> {
    let areas: Vec<_> = polygons
        .iter()
        .map(|polygon| {
            let ring =
                |ring: &Vec<Position>| LineString::new(ring.iter().copied().map(coord).collect());
            geo::Polygon::new(ring(&polygon.exterior), polygon.holes.iter().map(ring).collect())
        })
        .collect();
    for (ix, polygon) in polygons.iter().enumerate() {
        for (other_ix, other) in polygons.iter().enumerate().skip(ix + 1) {
            if boxes_meet(&polygon.exterior, &other.exterior)
                && overlap(&areas[ix], &areas[other_ix])
            {
                return Err(Error::invalid(format!("polygons {ix} and {other_ix} overlap")));
            }
        }
    }
    Ok(())
}
