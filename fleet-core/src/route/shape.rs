//! From the drawn line of a road to the line trucks follow.
//!
//! A hand drawn line is shorter than its road. Each leg is bent into a sine wave until the line is
//! as long as the road, so that a truck that follows it covers the road's length at a believable
//! speed on the map, and OSRM, which measures lines, finds the same distances. The data's OSM
//! export bends by the same rule, point for point (coordinates have 6 decimals):
//!
//! - the ratio of road to drawn line is one for all legs of a segment; below 1.001 nothing is bent;
//! - the wave is 6 km long in plains, 4 km rolling, 3 km hilly, 2 km mountainous, 1.2 km winding;
//! - a leg gets `k = max(1, round(2 leg / wave))` half waves of 6 samples each, pushed
//!   `A sin(pi k t)` metres to the left, the sign carried on so that the line has no kink;
//! - the amplitude `A` is the one that makes the leg's length the ratio times its straight length.
//!
//! Pieces are then scaled to add up to the road's length exactly (the line agrees to about 1e-6;
//! lengths are multiples of 1/1024 m, see [`on_grid`]). Altitude is linear over the road between
//! given points, so that all pieces of a leg have the leg's grade.
//!
//! The wave's curvature is an artefact of drawing and never used. [`Piece::curvature_1pm`] is an
//! estimate from the land; see [`curvature_1pm`].

use std::{f64::consts::PI, sync::Arc};

use super::{
    network::{Network, Segment, SegmentIx, StateIx, Terrain, Via, ZoneIx, ZoneShape, on_grid},
    path::{Piece, Zones},
};
use crate::geo::{self, Position, flat_distance_m};

/// Samples of a half wave.
const SAMPLES: u32 = 6;
/// Lines that miss less than this share of their road stay straight.
const BENT_FROM_RATIO: f64 = 1.001;

/// The line of a segment, cut into pieces from its `from` end.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) pieces: Arc<[Piece]>,
}

/// A point of the line trucks follow.
#[derive(Clone, Copy, Debug)]
struct Knot {
    position: Position,
    altitude_m: f64,
    /// Metres by road from the start.
    at_m: f64,
}

impl Shape {
    /// Bent until it is as long as its road.
    pub(crate) fn bent(network: &Network, ix: SegmentIx, segment: &Segment) -> Self {
        Self::of_knots(network, ix, segment, &bent_knots(&network.drawn_line(segment), segment))
    }

    /// As it is drawn.
    pub(crate) fn drawn(network: &Network, ix: SegmentIx, segment: &Segment) -> Self {
        Self::of_knots(network, ix, segment, &drawn_knots(&network.drawn_line(segment)))
    }

    fn of_knots(network: &Network, ix: SegmentIx, segment: &Segment, knots: &[Knot]) -> Self {
        let state = |node: super::network::NodeIx| network.node_at(node).state;
        let states = (state(segment.from), state(segment.to));
        let mut pieces: Vec<Piece> = Vec::with_capacity(knots.len() - 1);
        for pair in knots.windows(2) {
            let state = if pair[0].at_m * 2.0 < segment.length_m { states.0 } else { states.1 };
            let zones = zones_at(network, ix, pair[0].position.lerp(pair[1].position, 0.5)).into();
            pieces.push(piece(pair, ix, segment, state, zones));
        }
        Self { pieces: pieces.into() }
    }

    /// The place `at_m` metres from the `from` end (clamped to the road), and its altitude.
    pub(crate) fn place(&self, at_m: f64) -> (Position, f64) {
        self.piece_at(at_m).place(at_m)
    }

    /// The piece that a place lies on.
    pub(crate) fn piece_at(&self, at_m: f64) -> &Piece {
        let ix = self.pieces.partition_point(|piece| piece.start_m <= at_m).max(1) - 1;
        &self.pieces[ix]
    }

    pub(crate) fn line(&self) -> Vec<Position> {
        let ends = self.pieces.iter().map(|piece| piece.to);
        self.pieces.first().map(|piece| piece.from).into_iter().chain(ends).collect()
    }
}

fn piece(pair: &[Knot], ix: SegmentIx, segment: &Segment, state: StateIx, zones: Zones) -> Piece {
    let (from, to) = (pair[0], pair[1]);
    let length_m = to.at_m - from.at_m;
    Piece {
        start_m: from.at_m,
        length_m,
        from: from.position,
        to: to.position,
        from_altitude_m: from.altitude_m,
        to_altitude_m: to.altitude_m,
        heading_deg: geo::heading_deg(from.position, to.position),
        grade: (to.altitude_m - from.altitude_m) / length_m,
        curvature_1pm: curvature_1pm(segment),
        road_class: segment.road_class,
        terrain: segment.terrain,
        surface: segment.surface,
        iri_m_per_km: segment.iri_m_per_km,
        lanes: segment.lanes,
        divided: segment.divided,
        single_lane: segment.single_lane,
        ferry: segment.ferry,
        maxspeed_kmh: segment.maxspeed_kmh,
        truck_speed_kmh: segment.truck_speed_kmh,
        state,
        segment: ix,
        zones,
    }
}

/// The typical curvature of a road's bends in 1/m, for lateral acceleration and vibration.
///
/// Radii by land, after the classes of hill road design (IRC:52): rolling 300 m, hilly 120 m,
/// mountainous 60 m, hairpins 30 m, plains straight. `truck_speed_kmh` is already what a loaded
/// truck drives through these bends, so the radius is at least v² / 1.2 m/s²: a curve limit of
/// 1.5 m/s², the laden truck's, then lies 12 % above that speed and never lowers it.
pub(crate) fn curvature_1pm(segment: &Segment) -> f64 {
    let radius_m = match segment.terrain {
        Terrain::Plain => return 0.0,
        _ if segment.winding => 30.0,
        Terrain::Rolling => 300.0,
        Terrain::Hilly => 120.0,
        Terrain::Mountainous => 60.0,
    };
    let speed_mps = segment.truck_speed_kmh / 3.6;
    1.0 / f64::max(radius_m, speed_mps * speed_mps / 1.2)
}

fn wave_m(segment: &Segment) -> f64 {
    match segment.terrain {
        _ if segment.winding => 1_200.0,
        Terrain::Plain => 6_000.0,
        Terrain::Rolling => 4_000.0,
        Terrain::Hilly => 3_000.0,
        Terrain::Mountainous => 2_000.0,
    }
}

/// The points of a line that is not bent, with their distance along it; at least two.
///
/// Points less than the grid of lengths apart are one; the last is always there.
fn drawn_knots(line: &[Via]) -> Vec<Knot> {
    let Via { position, altitude_m } = line[0];
    let mut knots = vec![Knot { position, altitude_m, at_m: 0.0 }];
    let mut run_m = 0.0;
    for leg in line.windows(2) {
        run_m += flat_distance_m(leg[0].position, leg[1].position);
        let Via { position, altitude_m } = leg[1];
        let knot = Knot { position, altitude_m, at_m: on_grid(run_m) };
        match knots.last_mut() {
            Some(last) if last.at_m >= knot.at_m && last.at_m > 0.0 => *last = knot,
            Some(last) if last.at_m >= knot.at_m => {}
            _ => knots.push(knot),
        }
    }
    knots
}

/// The points of the bent line with their distance by road, ends included; at least two.
fn bent_knots(line: &[Via], segment: &Segment) -> Vec<Knot> {
    let drawn_m: f64 =
        line.windows(2).map(|leg| flat_distance_m(leg[0].position, leg[1].position)).sum();
    let ratio = segment.length_m / drawn_m;
    let mut sign = 1.0;
    let (mut points, mut leg_ends) = (vec![line[0].position], vec![0]);
    for leg in line.windows(2) {
        let leg = Leg::new(leg[0].position, leg[1].position, wave_m(segment));
        points.extend(leg.bent(ratio, &mut sign).into_iter().map(rounded));
        leg_ends.push(points.len() - 1);
    }
    let mut at_m = vec![0.0];
    for pair in points.windows(2) {
        at_m.push(at_m[at_m.len() - 1] + flat_distance_m(pair[0], pair[1]));
    }
    let scale = segment.length_m / at_m[at_m.len() - 1];
    let mut knots = vec![Knot { position: points[0], altitude_m: line[0].altitude_m, at_m: 0.0 }];
    for (leg, ends) in line.windows(2).zip(leg_ends.windows(2)) {
        let (start, end) = (ends[0], ends[1]);
        for ix in start + 1..=end {
            let share = (at_m[ix] - at_m[start]) / (at_m[end] - at_m[start]);
            let altitude_m = leg[0].altitude_m + share * (leg[1].altitude_m - leg[0].altitude_m);
            let knot = Knot { position: points[ix], altitude_m, at_m: on_grid(at_m[ix] * scale) };
            // Points less than the grid apart are one; lines of checked networks have none.
            if knot.at_m > knots[knots.len() - 1].at_m {
                knots.push(knot);
            }
        }
    }
    knots
}

/// Six decimals, 0.1 m, as the OSM export writes coordinates. Rounded as text is: of the exact
/// value, where scaling by 1e6 first would turn some into ties.
fn rounded(point: Position) -> Position {
    let round = |degrees: f64| format!("{degrees:.6}").parse().unwrap_or(degrees);
    Position { lat: round(point.lat), lon: round(point.lon) }
}

/// The zones that hold at a point of a segment, lowest index first.
pub(crate) fn zones_at(network: &Network, segment: SegmentIx, point: Position) -> Vec<ZoneIx> {
    let holds = |shape: &ZoneShape| match shape {
        ZoneShape::Circle { centre, radius_m } => geo::is_in_circle(point, *centre, *radius_m),
        ZoneShape::Polygon { corners } => geo::is_in_polygon(point, corners),
        ZoneShape::Segments { segments } => segments.contains(&segment),
    };
    let zones = (0..).zip(network.zones());
    zones.filter(|(_, zone)| holds(&zone.shape)).map(|(ix, _)| ZoneIx(ix)).collect()
}

/// A straight line between two given points, to be bent.
struct Leg {
    from: Position,
    to: Position,
    half_waves: u32,
    length_m: f64,
    /// Degrees of latitude and longitude for a metre to the left.
    left: (f64, f64),
}

impl Leg {
    fn new(from: Position, to: Position, wave_m: f64) -> Self {
        let length_m = flat_distance_m(from, to);
        let (north, east) = geo::offset_m(from, to);
        let (m_lat, m_lon) = geo::metres_per_degree((from.lat + to.lat) / 2.0);
        let left = (east / length_m / m_lat, -north / length_m / m_lon);
        let half_waves = (2.0 * length_m / wave_m).round_ties_even().clamp(1.0, 1e5);
        #[expect(clippy::cast_sign_loss, reason = "clamped to 1 to 100,000 on the line above")]
        let half_waves = half_waves as u32;
        Self { from, to, half_waves, length_m, left }
    }

    /// The points after the start, bent to `ratio` times the straight length. `sign` is the side
    /// of the first half wave, and becomes that of the next leg's.
    fn bent(&self, ratio: f64, sign: &mut f64) -> Vec<Position> {
        if ratio < BENT_FROM_RATIO {
            return vec![self.to];
        }
        let steps = self.half_waves * SAMPLES;
        let waves: Vec<_> = (1..steps)
            .map(|j| {
                let t = f64::from(j) / f64::from(steps);
                (t, *sign * libm::sin(PI * f64::from(self.half_waves) * t))
            })
            .collect();
        if self.half_waves % 2 == 1 {
            *sign = -*sign;
        }
        let amplitude_m = self.amplitude_m(&waves, ratio);
        self.at(&waves, amplitude_m).collect()
    }

    fn at(&self, waves: &[(f64, f64)], amplitude_m: f64) -> impl Iterator<Item = Position> {
        let bent = waves.iter().map(move |(t, wave)| {
            let (base, off) = (self.from.lerp(self.to, *t), amplitude_m * wave);
            Position { lat: base.lat + off * self.left.0, lon: base.lon + off * self.left.1 }
        });
        bent.chain([self.to])
    }

    /// The amplitude that makes the line long enough: bisection sped up by regula falsi (Illinois;
    /// Dowell and Jarratt, BIT 11, 1971), as length grows with amplitude.
    fn amplitude_m(&self, waves: &[(f64, f64)], ratio: f64) -> f64 {
        let excess = |amplitude_m| {
            let mut last = self.from;
            let pieces = self.at(waves, amplitude_m).map(|next| {
                let piece_m = flat_distance_m(last, next);
                last = next;
                piece_m
            });
            pieces.sum::<f64>() - ratio * self.length_m
        };
        let (mut low, mut high) = (0.0, self.length_m * ratio);
        let (mut below, mut above) = (excess(low), excess(high));
        for _ in 0..60 {
            let middle = low - below * (high - low) / (above - below);
            let miss = excess(middle);
            if miss.abs() < 1e-7 {
                return middle;
            }
            if miss < 0.0 {
                (low, below, above) = (middle, miss, above / 2.0);
            } else {
                (high, above, below) = (middle, miss, below / 2.0);
            }
        }
        (low + high) / 2.0
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "lengths lie on a grid where sums are exact")]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_bent_as_the_osm_export_bends_it() {
        // khanapara--jorabat, 8 km, rolling: made by the export's own program.
        let expected = [
            (26.1205, 91.822),
            (26.123691, 91.826319),
            (26.125797, 91.830225),
            (26.126021, 91.833415),
            (26.124074, 91.83578),
            (26.120247, 91.83743),
            (26.115333, 91.838667),
            (26.11042, 91.839903),
            (26.106592, 91.841553),
            (26.104645, 91.843918),
            (26.10487, 91.847109),
            (26.106975, 91.851014),
            (26.110167, 91.855333),
            (26.113358, 91.859652),
            (26.115463, 91.863558),
            (26.115688, 91.866749),
            (26.113741, 91.869114),
            (26.109913, 91.870763),
            (26.105, 91.872),
        ];
        let network = Network::ne_india();
        let ix = network.segments().iter().position(|s| &*s.id == "khanapara--jorabat").unwrap();
        let shape = network.shape(SegmentIx(u32::try_from(ix).unwrap()));
        let line = shape.line();
        assert_eq!(line.iter().map(|p| (p.lat, p.lon)).collect::<Vec<_>>(), expected);
        let last = shape.pieces.last().unwrap();
        assert_eq!((last.end_m(), last.to_altitude_m), (8_000.0, 68.0));
    }

    #[test]
    fn every_line_is_as_long_as_its_road() {
        let network = Network::ne_india();
        let mut points = 0;
        for (segment, ix) in network.segments().iter().zip(network.segment_indices()) {
            let shape = network.shape(ix);
            let line = shape.line();
            points += line.len();
            let drawn_m: f64 = line.windows(2).map(|p| flat_distance_m(p[0], p[1])).sum();
            let off_m = (drawn_m - segment.length_m).abs();
            assert!(off_m < 1e-5 * segment.length_m + 1.0, "{}: {off_m}", segment.id);
            let sum_m: f64 = shape.pieces.iter().map(|piece| piece.length_m).sum();
            assert_eq!(sum_m, segment.length_m, "{}", segment.id);
        }
        assert_eq!(points, 29_760, "as many points as the export has, ends counted per road");
    }

    #[test]
    fn grade_is_constant_between_given_points() {
        let network = Network::ne_india();
        for (segment, ix) in network.segments().iter().zip(network.segment_indices()) {
            let shape = network.shape(ix);
            let mut grades: Vec<i64> =
                shape.pieces.iter().map(|p| (p.grade * 1e4).round() as i64).collect();
            grades.dedup_by(|a, b| (*a - *b).abs() <= 1);
            assert!(grades.len() <= segment.via.len() + 1, "{}: {grades:?}", segment.id);
        }
    }
}
