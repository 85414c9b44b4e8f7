//! Points, boxes and edges in continuous degrees, and metres between them.
//!
//! A fence's longitudes run on across the 180th meridian (179, 180, 181 …), so that nothing in here
//! has to know of it; whoever asks shifts his point by a whole turn to where the fence lies.
//!
//! Edges are straight in longitude and latitude, as RFC 7946 has them. Metres are those of
//! [`geo::flat_distance_m`](crate::geo::flat_distance_m): the foot of a perpendicular is sought in a
//! plane scaled at the point, which is exact where it matters (near), and the distance to that foot is
//! then measured anew.

use rstar::{AABB, RTree, RTreeObject};

use crate::geo::{Position, flat_distance_m, metres_per_degree};

/// Edges up to this number are looked through one by one: faster than a tree.
const SCAN_MAX: usize = 24;

/// A box in continuous degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) south: f64,
    pub(super) west: f64,
    pub(super) north: f64,
    pub(super) east: f64,
}

impl Bounds {
    pub(super) fn of(points: impl IntoIterator<Item = Position>) -> Self {
        let empty = Self {
            south: f64::INFINITY,
            west: f64::INFINITY,
            north: f64::NEG_INFINITY,
            east: f64::NEG_INFINITY,
        };
        points.into_iter().fold(empty, |b, p| Self {
            south: b.south.min(p.lat),
            west: b.west.min(p.lon),
            north: b.north.max(p.lat),
            east: b.east.max(p.lon),
        })
    }

    /// Wider by `metres` on every side, and by 1 % of that for the plane's error.
    pub(super) fn widened(self, metres: f64) -> Self {
        let metres = metres * 1.01;
        let lat = metres / 110_574.0; // the least length of a degree of latitude
        let (south, north) = (self.south - lat, self.north + lat);
        let farthest = south.abs().max(north.abs()).min(89.0);
        let lon = metres / metres_per_degree(farthest).1;
        Self { south, north, west: self.west - lon, east: self.east + lon }
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        self.south <= other.north
            && other.south <= self.north
            && self.west <= other.east
            && other.west <= self.east
    }

    pub(super) fn envelope(&self) -> AABB<[f64; 2]> {
        AABB::from_corners([self.west, self.south], [self.east, self.north])
    }

    pub(super) fn moved(self, turn_deg: f64) -> Self {
        Self { west: self.west + turn_deg, east: self.east + turn_deg, ..self }
    }
}

/// This point a whole turn (or none) further east.
pub(super) fn moved(point: Position, turn_deg: f64) -> Position {
    Position { lon: point.lon + turn_deg, ..point }
}

/// The whole turn that brings `lon` next to `to`: a multiple of 360 degrees.
pub(super) fn turn_towards(lon: f64, to: f64) -> f64 {
    ((to - lon) / 360.0).round() * 360.0
}

/// Longitudes that run on: of each step the shorter way around is taken.
pub(super) fn continuous(line: &[Position]) -> Vec<Position> {
    let mut last = None;
    let run_on = |point: &Position| {
        let turn = last.map_or(0.0, |last| turn_towards(point.lon, last));
        let point = moved(*point, turn);
        last = Some(point.lon);
        point
    };
    line.iter().map(run_on).collect()
}

/// A straight line between two points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edge {
    pub(super) from: Position,
    pub(super) to: Position,
}

impl RTreeObject for Edge {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        self.bounds().envelope()
    }
}

impl Edge {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds::of([self.from, self.to])
    }

    /// The place on the edge that is nearest to `point`.
    fn foot(&self, point: Position, scale: (f64, f64)) -> Position {
        let (y, x) = offset(point, self.from, scale);
        let (dy, dx) = offset(self.from, self.to, scale);
        let length2 = dy * dy + dx * dx;
        if length2 <= 0.0 {
            return self.from;
        }
        self.from.lerp(self.to, (-(y * dy + x * dx) / length2).clamp(0.0, 1.0))
    }

    /// Metres from `point`, whose degrees have the lengths `scale`.
    pub(super) fn distance_m(&self, point: Position, scale: (f64, f64)) -> f64 {
        flat_distance_m(point, self.foot(point, scale))
    }

    /// Where on the way from `a` to `b` (0 to 1) this edge comes nearest.
    pub(super) fn closest_share(&self, a: Position, b: Position) -> f64 {
        let scale = metres_per_degree((a.lat + b.lat) / 2.0);
        let (way, edge) = (offset(a, b, scale), offset(self.from, self.to, scale));
        let start = offset(a, self.from, scale);
        let cross = way.0 * edge.1 - way.1 * edge.0;
        let (way2, edge2) = (dot(way, way), dot(edge, edge));
        if way2 <= 0.0 {
            return 0.0;
        }
        if cross.abs() > 1e-12 * way2.max(edge2) {
            let on_way = (start.0 * edge.1 - start.1 * edge.0) / cross;
            let on_edge = (start.0 * way.1 - start.1 * way.0) / cross;
            if (0.0..=1.0).contains(&on_way) && (0.0..=1.0).contains(&on_edge) {
                return on_way;
            }
        }
        // They do not cross, so they are nearest at an end of one of them.
        let end = (start.0 + edge.0, start.1 + edge.1);
        let feet = [start, end].map(|to| (dot(to, way) / way2).clamp(0.0, 1.0));
        let off2 = |share: f64| {
            let at = a.lerp(b, share);
            let off = offset(at, self.foot(at, scale), scale);
            dot(off, off)
        };
        let shares = [feet[0], feet[1], 0.0, 1.0];
        shares.into_iter().min_by(|s, t| off2(*s).total_cmp(&off2(*t))).unwrap_or(0.0)
    }
}

/// North and east from `a` to `b`, in metres of `scale`.
fn offset(a: Position, b: Position, scale: (f64, f64)) -> (f64, f64) {
    ((b.lat - a.lat) * scale.0, (b.lon - a.lon) * scale.1)
}

fn dot(a: (f64, f64), b: (f64, f64)) -> f64 {
    a.0 * b.0 + a.1 * b.1
}

/// Edges that can be asked by place.
#[derive(Clone, Debug)]
pub(super) enum Edges {
    Few(Vec<Edge>),
    Many(RTree<Edge>),
}

impl Edges {
    pub(super) fn new(edges: Vec<Edge>) -> Self {
        if edges.len() <= SCAN_MAX { Self::Few(edges) } else { Self::Many(RTree::bulk_load(edges)) }
    }

    /// Calls `visit` with every edge whose box meets `bounds`.
    pub(super) fn visit(&self, bounds: &Bounds, mut visit: impl FnMut(&Edge)) {
        match self {
            Self::Few(edges) => {
                edges.iter().filter(|edge| edge.bounds().meets(bounds)).for_each(visit);
            }
            Self::Many(tree) => {
                for edge in tree.locate_in_envelope_intersecting(&bounds.envelope()) {
                    visit(edge);
                }
            }
        }
    }

    /// Metres from `point` to the nearest edge that lies within `reach_m`.
    pub(super) fn distance_m(&self, point: Position, reach_m: f64) -> Option<f64> {
        let scale = metres_per_degree(point.lat);
        let mut nearest = reach_m;
        let mut found = false;
        self.visit(&Bounds::of([point]).widened(reach_m), |edge| {
            let distance_m = edge.distance_m(point, scale);
            if distance_m <= nearest {
                (nearest, found) = (distance_m, true);
            }
        });
        found.then_some(nearest)
    }

    /// Whether an odd number of edges lies east of `point`: inside, by the even-odd rule.
    /// (W. R. Franklin's PNPOLY, 1970.) Of a point on an edge it is inside or not, but of two areas
    /// that share the edge it is in exactly one.
    pub(super) fn encloses(&self, point: Position, east: f64) -> bool {
        let ray = Bounds { south: point.lat, north: point.lat, west: point.lon, east };
        let mut inside = false;
        self.visit(&ray, |edge| {
            // From the southern end up, whichever way the ring runs: neighbours agree to the bit.
            let (low, high) = if edge.from.lat <= edge.to.lat {
                (edge.from, edge.to)
            } else {
                (edge.to, edge.from)
            };
            if (low.lat > point.lat) == (high.lat > point.lat) {
                return;
            }
            let share = (point.lat - low.lat) / (high.lat - low.lat);
            inside ^= point.lon < low.lon + share * (high.lon - low.lon);
        });
        inside
    }
}
