//! Snapping: the places on roads that are near a point.

use serde::Serialize;

use super::{
    Ferries,
    index::Leg,
    network::{Direction, Network, SegmentIx, on_grid},
};
use crate::{
    Error, Result,
    geo::{self, Position, flat_distance_m, metres_per_degree},
};

/// Where a search for the nearest road begins, metres; it widens from there.
const FIRST_RADIUS_M: f64 = 60.0;
/// Nothing on the globe is farther away, metres.
const GLOBE_M: f64 = 2.1e7;

/// A place on a road.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RoadPoint {
    /// The road.
    pub segment: SegmentIx,
    /// Metres by road from the segment's `from` end, a multiple of 1/1024 m.
    pub at_m: f64,
}

/// A side of a road, as one sees it who drives from its `from` end to its `to` end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the line above")]
pub enum Side {
    Left,
    Right,
}

/// The place on a road that is nearest to a point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Snap {
    /// Which place that is.
    pub at: RoadPoint,
    /// Where it is.
    pub position: Position,
    /// Metres above sea level.
    pub altitude_m: f64,
    /// How far it is from the point, metres.
    pub distance_m: f64,
    /// On which side of the road the point lies; `None` if on its line.
    pub side: Option<Side>,
    /// Direction of the road there from its `from` end to its `to` end, degrees clockwise from
    /// north, 0 to 360 (excluded). One who drives the other way has the opposite heading.
    pub heading_deg: f64,
    /// In which directions the road may be driven.
    pub direction: Direction,
}

/// A direction of travel, more or less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Course {
    /// Degrees clockwise from north.
    pub heading_deg: f64,
    /// How far a road's own direction may differ from it, degrees, 0 to 180.
    pub within_deg: f64,
}

/// Which roads near a point are meant.
///
/// ```
/// use fleet_core::{geo::Position, route::{Nearby, Network}};
/// let network = Network::ne_india();
/// let gps = Position { lat: 26.1203, lon: 91.8221 };
/// let near = network.nearby(gps, &Nearby { radius_m: 300.0, ..Nearby::default() })?;
/// assert!(near[0].distance_m < 30.0 && near.is_sorted_by(|a, b| a.distance_m <= b.distance_m));
/// # Ok::<(), fleet_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearby {
    /// How far they may be, metres.
    pub radius_m: f64,
    /// How many roads at most.
    pub at_most: usize,
    /// Whether ferries count as roads.
    pub ferries: Ferries,
    /// Only roads that may be driven in this direction.
    pub course: Option<Course>,
}

impl Default for Nearby {
    /// Up to eight roads within 100 m, without ferries, whatever their direction.
    fn default() -> Self {
        Self { radius_m: 100.0, at_most: 8, ferries: Ferries::LeftOut, course: None }
    }
}

impl Course {
    /// Whether a road of this heading may be driven in this course.
    fn fits(&self, heading_deg: f64, direction: Direction) -> bool {
        let off = |heading_deg: f64| {
            let turn = (heading_deg - self.heading_deg).rem_euclid(360.0);
            turn.min(360.0 - turn)
        };
        off(heading_deg) <= self.within_deg
            || direction == Direction::Both && off(heading_deg + 180.0) <= self.within_deg
    }
}

impl Network {
    /// The nearest place on each road near a point: nearest first, and of equally near ones that of
    /// the first road.
    ///
    /// # Errors
    /// `Invalid` if the point is not on the globe, or the radius is not a number from 0 on.
    pub fn nearby(&self, point: Position, nearby: &Nearby) -> Result<Vec<Snap>> {
        let point = Position::new(point.lat, point.lon)?;
        if nearby.radius_m.is_nan() || nearby.radius_m < 0.0 {
            return Err(Error::invalid(format!("radius_m: {}", nearby.radius_m)));
        }
        let mut found = self.within(point, nearby);
        found.truncate(nearby.at_most);
        Ok(found)
    }

    /// All roads within the radius, nearest first.
    fn within(&self, point: Position, nearby: &Nearby) -> Vec<Snap> {
        let ruler = metres_per_degree(point.lat);
        let is_small = nearby.radius_m <= 20_000.0 && point.lat.abs() <= 70.0;
        let mut found: Vec<Snap> = Vec::new();
        self.index().near(point, nearby.radius_m, |chunk| {
            let road = &self.segments()[chunk.segment.index()];
            if road.ferry && nearby.ferries == Ferries::LeftOut {
                return;
            }
            let mut best: Option<Snap> = None;
            chunk.legs(self, |leg| {
                let limit_m = best.map_or(nearby.radius_m, |best| best.distance_m);
                // In a small circle one ruler for all legs is off by less than a hundredth.
                let is_far = || is_small && roughly_m(point, leg, ruler) > limit_m * 1.01 + 1.0;
                if leg.length_m > 0.0 && !is_far() {
                    let snap = on_leg(point, leg, chunk.segment, road.direction);
                    if snap.distance_m <= limit_m
                        && best.is_none_or(|b| snap.distance_m < b.distance_m)
                    {
                        best = Some(snap);
                    }
                }
            });
            found.extend(best);
        });
        let fits =
            |snap: &Snap| nearby.course.is_none_or(|c| c.fits(snap.heading_deg, snap.direction));
        let by_distance = |a: &Snap, b: &Snap| a.distance_m.total_cmp(&b.distance_m);
        found.sort_by(|a, b| {
            let by_road = a.at.segment.cmp(&b.at.segment).then(by_distance(a, b));
            by_road.then(a.at.at_m.total_cmp(&b.at.at_m))
        });
        found.dedup_by_key(|snap| snap.at.segment);
        found.retain(fits);
        found.sort_by(by_distance); // stable: of equally near ones the first road
        found
    }

    /// The nearest place on any road, however far; `None` only if there is no road at all.
    pub(super) fn nearest(&self, point: Position, ferries: Ferries) -> Option<Snap> {
        let mut radius_m = FIRST_RADIUS_M;
        loop {
            let nearby = Nearby { radius_m, at_most: 1, ferries, course: None };
            let nearest = self.within(point, &nearby).into_iter().next();
            if nearest.is_some() || radius_m > GLOBE_M {
                return nearest;
            }
            radius_m *= 3.0;
        }
    }

    /// The place itself, its altitude, and the road's heading from its `from` end to its `to` end;
    /// clamped to the road.
    ///
    /// # Panics
    /// If the road is another network's and its index too large.
    pub fn place(&self, at: RoadPoint) -> (Position, f64, f64) {
        let shape = self.shape(at.segment);
        let piece = shape.piece_at(at.at_m);
        let (position, altitude_m) = piece.place(at.at_m);
        (position, altitude_m, piece.heading_deg)
    }
}

/// The distance to a leg by one ruler, metres: about right near the ruler's latitude.
fn roughly_m(point: Position, leg: &Leg, (m_lat, m_lon): (f64, f64)) -> f64 {
    let offset = |at: Position| {
        let east = (at.lon - point.lon + 540.0).rem_euclid(360.0) - 180.0;
        ((at.lat - point.lat) * m_lat, east * m_lon)
    };
    let (from, to) = (offset(leg.from.position), offset(leg.to.position));
    let (north, east) = (to.0 - from.0, to.1 - from.1);
    let along = -(north * from.0 + east * from.1) / (north * north + east * east).max(1e-12);
    let share = along.clamp(0.0, 1.0);
    let (north, east) = (from.0 + share * north, from.1 + share * east);
    (north * north + east * east).sqrt()
}

/// The foot of the perpendicular on a leg, or its nearer end.
fn on_leg(point: Position, leg: &Leg, segment: SegmentIx, direction: Direction) -> Snap {
    let (from, to) = (leg.from.position, leg.to.position);
    let (north, east) = geo::offset_m(from, to);
    let (point_north, point_east) = geo::offset_m(from, point);
    let along = (north * point_north + east * point_east) / (north * north + east * east);
    let share = along.clamp(0.0, 1.0);
    let position = from.lerp(to, share);
    let right_m2 = point_east * north - point_north * east;
    let rise_m = leg.to.altitude_m - leg.from.altitude_m;
    Snap {
        at: RoadPoint { segment, at_m: on_grid(leg.start_m + share * leg.length_m) },
        position,
        altitude_m: leg.from.altitude_m + share * rise_m,
        distance_m: flat_distance_m(point, position),
        side: match right_m2 {
            x if x > 0.0 => Some(Side::Right),
            x if x < 0.0 => Some(Side::Left),
            _ => None,
        },
        heading_deg: geo::heading_deg(from, to),
        direction,
    }
}
