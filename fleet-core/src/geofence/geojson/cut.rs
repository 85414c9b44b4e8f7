//! Cutting at the 180th meridian what crosses it.

use geo::{BooleanOps, Coord, LineString, MultiPolygon, Rect};

use super::{
    super::{plane::Bounds, shape::Polygon},
    write::homed,
};
use crate::geo::Position;

/// The meridians that a line which runs on from the globe can cross.
const SEAMS: [f64; 2] = [-180.0, 180.0];

fn crosses(points: &[Position], seam: f64) -> bool {
    let bounds = Bounds::of(points.iter().copied());
    bounds.west < seam && bounds.east > seam
}

/// The parts of a line on the globe.
pub(super) fn line(points: &[Position]) -> Vec<Vec<Position>> {
    let Some(seam) = SEAMS.into_iter().find(|seam| crosses(points, *seam)) else {
        return vec![homed(points.to_vec(), middle(points))];
    };
    let mut parts = vec![vec![points[0]]];
    for step in points.windows(2) {
        let (from, to) = (step[0].lon - seam, step[1].lon - seam);
        if from * to < 0.0 {
            let cut = step[0].lerp(step[1], from / (from - to));
            let cut = Position { lon: seam, ..cut };
            parts.last_mut().into_iter().for_each(|part| part.push(cut));
            parts.push(vec![cut]);
        }
        parts.last_mut().into_iter().for_each(|part| part.push(step[1]));
    }
    // A part that ends on the seam and one that only touches it stay as they are.
    parts
        .into_iter()
        .map(|part| {
            let at = middle(&part);
            homed(part, at)
        })
        .collect()
}

fn middle(points: &[Position]) -> f64 {
    let bounds = Bounds::of(points.iter().copied());
    f64::midpoint(bounds.west, bounds.east)
}

/// The parts of a polygon on the globe.
pub(super) fn polygon(polygon: &Polygon) -> Vec<Polygon> {
    let Some(seam) = SEAMS.into_iter().find(|seam| crosses(&polygon.exterior, *seam)) else {
        let at = middle(&polygon.exterior);
        return vec![Polygon {
            exterior: homed(polygon.exterior.clone(), at),
            holes: polygon.holes.iter().map(|hole| homed(hole.clone(), at)).collect(),
        }];
    };
    let ring = |ring: &Vec<Position>| {
        LineString::new(ring.iter().map(|point| Coord { x: point.lon, y: point.lat }).collect())
    };
    let whole =
        geo::Polygon::new(ring(&polygon.exterior), polygon.holes.iter().map(ring).collect());
    let mut parts = Vec::new();
    for (west, east) in [(seam - 180.0, seam), (seam, seam + 180.0)] {
        let half = Rect::new(Coord { x: west, y: -90.0 }, Coord { x: east, y: 90.0 }).to_polygon();
        let MultiPolygon(halves) = whole.intersection(&half);
        parts.extend(halves.into_iter().map(|part| {
            // Clipping computes on a grid: what lies on the seam is put there exactly.
            let points = |ring: &LineString<f64>| {
                let snap = |lon: f64| if (lon - seam).abs() < 1e-6 { seam } else { lon };
                let corners = ring.0.iter().map(|c| Position { lat: c.y, lon: snap(c.x) });
                let mut corners: Vec<Position> = corners.collect();
                corners.pop(); // closed by the first
                homed(corners, f64::midpoint(west, east))
            };
            Polygon {
                exterior: points(part.exterior()),
                holes: part.interiors().iter().map(points).collect(),
            }
        }));
    }
    parts
}
