//! An index of lines by place: which roads pass near a point.
//!
//! An R-tree (crate `rstar`) of boxes around eight legs of a line each, so that a long winding road
//! is not looked at as a whole. Boxes are a little too large (32 bits, rounded outwards), never too
//! small.

use rstar::{AABB, RTree, RTreeObject};

use super::network::{Network, SegmentIx, Via, on_grid};
use crate::geo::{Position, flat_distance_m};

/// Legs in one box.
const LEGS: usize = 8;
/// A degree of latitude is nowhere shorter, metres.
const DEGREE_MIN_M: f64 = 110_500.0;

/// A straight bit of a segment's line, and its metres from the `from` end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leg {
    pub(super) from: Via,
    pub(super) to: Via,
    pub(super) start_m: f64,
    pub(super) length_m: f64,
}

/// Up to [`LEGS`] legs of a segment, from the `first` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    south_west: [f32; 2],
    north_east: [f32; 2],
    pub(super) segment: SegmentIx,
    first: u32,
    /// Length of the line before the first leg.
    start_m: f64,
}

impl RTreeObject for Chunk {
    type Envelope = AABB<[f32; 2]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.south_west, self.north_east)
    }
}

/// The lines of a network by place.
#[derive(Clone, Debug)]
pub(super) struct Index(RTree<Chunk>);

impl Index {
    pub(super) fn new(network: &Network) -> Self {
        let mut chunks = Vec::with_capacity(network.segments().len());
        for segment in network.segment_indices() {
            let mut first = 0;
            network.with_legs(segment, 0, 0.0, |leg, ix, before_m| {
                if ix % LEGS == 0 {
                    first = chunks.len();
                    chunks.push(Chunk {
                        south_west: [f32::INFINITY; 2],
                        north_east: [f32::NEG_INFINITY; 2],
                        segment,
                        first: u32::try_from(ix).unwrap_or(u32::MAX),
                        start_m: before_m,
                    });
                }
                chunks[first].widen(leg.from.position);
                chunks[first].widen(leg.to.position);
                true
            });
        }
        Self(RTree::bulk_load(chunks))
    }

    /// The chunks that may come within `radius_m` of a point; some are farther.
    pub(super) fn near(&self, point: Position, radius_m: f64, mut see: impl FnMut(&Chunk)) {
        let north = radius_m / DEGREE_MIN_M;
        // A degree of longitude is shortest where the circle comes nearest to a pole.
        let poleward = (point.lat.abs() + north).min(90.0);
        let shortest = DEGREE_MIN_M * poleward.to_radians().cos();
        let east = if radius_m < 180.0 * shortest { radius_m / shortest } else { 180.0 };
        let lats = [down(point.lat - north), up(point.lat + north)];
        let turns = [0.0, 360.0, -360.0];
        for lon in turns.map(|turn| point.lon + turn) {
            let lons = [down((lon - east).max(-180.0)), up((lon + east).min(180.0))];
            if lons[0] <= lons[1] {
                let aabb = AABB::from_corners([lats[0], lons[0]], [lats[1], lons[1]]);
                self.0.locate_in_envelope_intersecting(&aabb).for_each(&mut see);
            }
        }
    }
}

impl Chunk {
    fn widen(&mut self, point: Position) {
        for (axis, degrees) in [point.lat, point.lon].into_iter().enumerate() {
            self.south_west[axis] = self.south_west[axis].min(down(degrees));
            self.north_east[axis] = self.north_east[axis].max(up(degrees));
        }
    }

    /// Its legs.
    pub(super) fn legs(&self, network: &Network, mut see: impl FnMut(&Leg)) {
        let last = self.first as usize + LEGS;
        network.with_legs(self.segment, self.first as usize, self.start_m, |leg, ix, _| {
            if ix < last {
                see(&leg);
            }
            ix + 1 < last
        });
    }
}

#[expect(clippy::cast_possible_truncation, reason = "rounded to the next number below")]
fn down(degrees: f64) -> f32 {
    (degrees as f32).next_down()
}

#[expect(clippy::cast_possible_truncation, reason = "rounded to the next number above")]
fn up(degrees: f64) -> f32 {
    (degrees as f32).next_up()
}

impl Network {
    /// The legs of a segment's line from leg `first` on, which starts `before_m` metres from the
    /// `from` end: each with its number and the length of the line before it, while `go_on` says so.
    fn with_legs(
        &self,
        segment: SegmentIx,
        first: usize,
        before_m: f64,
        mut go_on: impl FnMut(Leg, usize, f64) -> bool,
    ) {
        if self.is_bent() {
            let shape = self.shape(segment);
            for (ix, piece) in shape.pieces.iter().enumerate().skip(first) {
                let [from, to] = [
                    Via { position: piece.from, altitude_m: piece.from_altitude_m },
                    Via { position: piece.to, altitude_m: piece.to_altitude_m },
                ];
                let leg = Leg { from, to, start_m: piece.start_m, length_m: piece.length_m };
                if !go_on(leg, ix, piece.start_m) {
                    return;
                }
            }
            return;
        }
        let road = &self.segments()[segment.index()];
        let [start, end] = [road.from, road.to].map(|node| self.node_at(node).via());
        let point = |ix: usize| match ix.checked_sub(1) {
            None => start,
            Some(via) => road.via.get(via).copied().unwrap_or(end),
        };
        let mut run_m = before_m;
        for ix in first..=road.via.len() {
            let (from, to) = (point(ix), point(ix + 1));
            let next_m = run_m + flat_distance_m(from.position, to.position);
            let start_m = on_grid(run_m);
            let leg = Leg { from, to, start_m, length_m: on_grid(next_m) - start_m };
            if !go_on(leg, ix, run_m) {
                return;
            }
            run_m = next_m;
        }
    }
}
