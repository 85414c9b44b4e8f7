//! A route: the way from one place to another, as a truck drives it.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    RoadClass,
    network::{NodeIx, SegmentIx, StateIx, Surface, Terrain, ZoneIx},
    pieces::Pieces,
};
use crate::geo::{Position, polyline};

/// One end of a route.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteEnd {
    /// The place on the road.
    pub position: Position,
    /// Metres above sea level.
    pub altitude_m: f64,
    /// How far the road lies from where the route was asked for, metres.
    pub snapped_m: f64,
    /// The node, where the end is one.
    pub node: Option<NodeIx>,
}

/// Something that stands along a route.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopOnRoute {
    /// Its place in the network's list (of fuel stations, rest areas or toll plazas).
    pub index: usize,
    /// Metres from the start of the route.
    pub at_m: f64,
}

/// The way from one place to another: at least as long as the great circle.
///
/// Pieces join without gaps and add up to [`length_m`](Self::length_m) exactly; all lengths are
/// multiples of 1/1024 m. A route between equal places has no piece and length 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Where it starts.
    pub from: RouteEnd,
    /// Where it ends.
    pub to: RouteEnd,
    /// Length by road, metres.
    pub length_m: f64,
    /// Time of a loaded truck in free flow, without stops, seconds.
    pub duration_s: f64,
    /// The line, cut where it bends, in driving order.
    pub pieces: Pieces,
    /// Fuel stations along the way, nearest first.
    pub stations: Vec<StopOnRoute>,
    /// Rest areas along the way, nearest first.
    pub rest_areas: Vec<StopOnRoute>,
    /// Toll plazas along the way, nearest first.
    pub tolls: Vec<StopOnRoute>,
    /// Nodes on the way with their metres from the start, the ends included where they are nodes.
    pub towns: Vec<(NodeIx, f64)>,
    /// The version of the network that answered.
    pub version: u32,
}

/// A straight bit of road, as it is driven: what a truck's step needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    /// Metres by road from the start of the route to this piece.
    pub start_m: f64,
    /// Metres by road, above 0.
    pub length_m: f64,
    /// Where it starts.
    pub from: Position,
    /// Where it ends.
    pub to: Position,
    /// Metres above sea level at the start.
    pub from_altitude_m: f64,
    /// Metres above sea level at the end.
    pub to_altitude_m: f64,
    /// Driving direction, degrees clockwise from north, 0 to 360 (excluded).
    pub heading_deg: f64,
    /// Rise over length by road, +0.06 is 6 % up; within ±0.09 in the bundled network.
    pub grade: f64,
    /// Typical curvature of the road's bends, 1/m; 0 on plains. For lateral acceleration and
    /// vibration: a curve limit made of it never lies below `truck_speed_kmh`.
    pub curvature_1pm: f64,
    /// OSM's class.
    pub road_class: RoadClass,
    /// The land.
    pub terrain: Terrain,
    /// The state of the pavement.
    pub surface: Surface,
    /// International Roughness Index, m/km.
    pub iri_m_per_km: f64,
    /// Lanes of both directions together.
    pub lanes: u8,
    /// Separate carriageways.
    pub divided: bool,
    /// Oncoming trucks wait for each other.
    pub single_lane: bool,
    /// A crossing by boat.
    pub ferry: bool,
    /// Posted limit, km/h.
    pub maxspeed_kmh: f64,
    /// Free flow of a loaded truck before zones, km/h.
    pub truck_speed_kmh: f64,
    /// The state it lies in: that of the segment's nearer end.
    pub state: StateIx,
    /// The road it is part of.
    pub segment: SegmentIx,
    /// The zones that hold here, lowest index first; often none.
    pub zones: Zones,
}

/// Indices of zones, lowest first: a slice that is cheap to copy, for a route has thousands.
#[derive(Clone)]
pub struct Zones(Held);

/// How many are held in place.
const FEW: usize = 6;

#[derive(Clone)]
enum Held {
    Few(u8, [ZoneIx; FEW]),
    // A thin pointer: twice the size of `Few` otherwise.
    Many(Arc<Box<[ZoneIx]>>),
}

impl From<Vec<ZoneIx>> for Zones {
    fn from(zones: Vec<ZoneIx>) -> Self {
        match u8::try_from(zones.len()) {
            Ok(count) if zones.len() <= FEW => {
                let mut few = [ZoneIx(0); FEW];
                few[..zones.len()].copy_from_slice(&zones);
                Self(Held::Few(count, few))
            }
            _ => Self(Held::Many(Arc::new(zones.into_boxed_slice()))),
        }
    }
}

impl std::ops::Deref for Zones {
    type Target = [ZoneIx];

    fn deref(&self) -> &[ZoneIx] {
        match &self.0 {
            Held::Few(count, few) => &few[..usize::from(*count)],
            Held::Many(many) => many,
        }
    }
}

impl PartialEq for Zones {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl fmt::Debug for Zones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

impl Serialize for Zones {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self[..].serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Zones {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

impl Piece {
    /// Metres from the start of the route to the end of this piece: the next piece's start.
    pub fn end_m(&self) -> f64 {
        self.start_m + self.length_m
    }

    /// The place `s_m` metres from the route's start, clamped to this piece, and its altitude.
    pub fn place(&self, s_m: f64) -> (Position, f64) {
        let share = ((s_m - self.start_m) / self.length_m).clamp(0.0, 1.0);
        let altitude_m = self.from_altitude_m + share * (self.to_altitude_m - self.from_altitude_m);
        (self.from.lerp(self.to, share), altitude_m)
    }

    /// Makes it the same road driven the other way; `length_m` is that of the whole line it lies on.
    pub(crate) fn reverse(&mut self, length_m: f64) {
        self.start_m = length_m - self.end_m();
        std::mem::swap(&mut self.from, &mut self.to);
        std::mem::swap(&mut self.from_altitude_m, &mut self.to_altitude_m);
        let heading_deg = self.heading_deg + 180.0;
        self.heading_deg = if heading_deg >= 360.0 { heading_deg - 360.0 } else { heading_deg };
        self.grade = -self.grade;
    }

    /// Leaves the part between two distances, which must overlap the piece.
    pub(crate) fn cut(&mut self, from_m: f64, to_m: f64) {
        let (start_m, end_m) = (from_m.max(self.start_m), to_m.min(self.end_m()));
        if start_m <= self.start_m && end_m >= self.end_m() {
            return;
        }
        let (from, to) = (self.place(start_m), self.place(end_m));
        (self.from, self.from_altitude_m) = from;
        (self.to, self.to_altitude_m) = to;
        (self.start_m, self.length_m) = (start_m, end_m - start_m);
    }
}

impl Route {
    /// The piece that `s_m` metres from the start lie on, found forward from `hint` (the last
    /// answer): a truck that only moves on pays O(1) per metre of route in all. A hint that is too
    /// far on is mended by a search. Beyond the end it is the last piece; 0 if there is none.
    pub fn piece_at(&self, s_m: f64, hint: usize) -> usize {
        self.pieces.at(s_m, hint)
    }

    /// The place `s_m` metres from the start, which lies on `piece`, and its altitude in metres.
    /// Clamped to the piece; the start itself if the route has no such piece.
    pub fn position_at(&self, s_m: f64, piece: usize) -> (Position, f64) {
        let start = (self.from.position, self.from.altitude_m);
        self.pieces.get(piece).map_or(start, |piece| piece.place(s_m))
    }

    /// The line, both ends included: never empty, and two equal points if the length is 0.
    pub fn line(&self) -> Vec<Position> {
        let mut line = vec![self.from.position];
        line.extend(self.pieces.iter().map(|piece| piece.to));
        if self.pieces.is_empty() {
            line.push(self.to.position);
        }
        line
    }

    /// The line as GeoJSON orders it: (longitude, latitude).
    pub fn geojson_line(&self) -> Vec<[f64; 2]> {
        self.line().into_iter().map(|point| [point.lon, point.lat]).collect()
    }

    /// The line as an encoded polyline with six decimals.
    pub fn polyline6(&self) -> String {
        polyline::encode(&self.line(), 6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_the_slice_they_were_made_of_however_many() {
        for count in [0, 1, FEW, FEW + 1, 300] {
            let list: Vec<_> = (0..).take(count).map(ZoneIx).collect();
            let zones = Zones::from(list.clone());
            assert_eq!((&zones[..], zones.clone()), (&list[..], zones.clone()));
            let text = serde_json::to_string(&zones).unwrap();
            assert_eq!(text, serde_json::to_string(&list).unwrap());
            assert_eq!(serde_json::from_str::<Zones>(&text).unwrap(), zones);
        }
        assert_eq!(size_of::<Zones>(), 16, "as large as the pointer to a slice");
    }
}
