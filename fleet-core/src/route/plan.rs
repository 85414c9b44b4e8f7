//! A way as a router answered it, small enough to keep.
//!
//! What a router on a server answers is no function of the question: its data change, and it may be
//! gone. So whoever depends on an answer keeps it. A [`Plan`] is what has to be kept: the line, with
//! the speeds along it, and who said so. With the network at hand it becomes a [`Route`] again, the
//! same at any time ([`Plan::route`]).
//!
//! ```
//! use fleet_core::route::{BuiltinRouter, Network, Plan};
//! let router = BuiltinRouter::ne_india();
//! let place = |id| router.network().node(id).ok_or("no such place");
//! let route = router.route_nodes(place("guwahati")?, place("shillong")?)?;
//! let kept = Plan::of(&route, "builtin").encode();
//! assert!(kept.len() < 8_000, "a hundred kilometres");
//! assert_eq!(Plan::decode(&kept)?.route(Network::ne_india())?, *route);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{lay, network::Network, path::Route};
use crate::{
    Error, Result,
    geo::{Position, polyline},
};

/// The most points of a line.
const POINTS_MAX: usize = 200_000;
/// The fastest edge, km/h; the slowest is what keeps a truck moving at all.
const SPEEDS_KMH: std::ops::RangeInclusive<f64> = 1.0..=150.0;

/// What is kept of a router's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    router: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    data_version: Option<String>,
    length_m: f64,
    duration_s: f64,
    /// How far the ends were moved to get onto roads, metres.
    snapped_m: (f64, f64),
    /// With six decimals: the finest that OSRM tells, and that of our own networks.
    line: String,
    /// How many edges in a row have which speed, km/h.
    speeds: Vec<(u32, f64)>,
}

/// What a router says of a way, for [`Plan::new`].
#[derive(Clone, Debug, PartialEq)]
pub struct Answered<'a> {
    /// Who answered: [`Router::name`](super::Router::name).
    pub router: &'a str,
    /// The version of its data, where it has one.
    pub data_version: Option<&'a str>,
    /// Length, metres.
    pub length_m: f64,
    /// Time of a loaded truck in free flow, seconds.
    pub duration_s: f64,
    /// How far the two ends were moved to get onto roads, metres.
    pub snapped_m: (f64, f64),
    /// The line, both ends included: at least two points, which may be equal.
    pub line: &'a [Position],
    /// The speed on each edge of the line, km/h; what is outside 1 to 150 is taken as the nearer.
    pub speeds_kmh: &'a [f64],
}

impl Plan {
    /// What is kept of an answer.
    ///
    /// # Errors
    /// `Invalid` if line and speeds do not fit together, or a number is no length or time.
    pub fn new(answered: &Answered<'_>) -> Result<Self> {
        let Answered { router, data_version, length_m, duration_s, snapped_m, line, speeds_kmh } =
            *answered;
        let mut speeds: Vec<(u32, f64)> = Vec::new();
        for speed_kmh in speeds_kmh {
            let speed_kmh = speed_kmh.max(*SPEEDS_KMH.start()).min(*SPEEDS_KMH.end());
            match speeds.last_mut() {
                Some((count, last)) if last.to_bits() == speed_kmh.to_bits() => *count += 1,
                _ => speeds.push((1, speed_kmh)),
            }
        }
        let plan = Self {
            router: router.to_owned(),
            data_version: data_version.map(str::to_owned),
            length_m,
            duration_s,
            snapped_m,
            line: polyline::encode(line, 6),
            speeds,
        };
        plan.check(line.len())?;
        Ok(plan)
    }

    /// What is to be kept of a route, so that it becomes the same again.
    ///
    /// # Panics
    /// Never for a route of a router that keeps the laws: its line and its pieces fit together.
    pub fn of(route: &Route, router: &str) -> Self {
        let line = route.line();
        let speeds_kmh: Vec<f64> = match route.pieces.is_empty() {
            true => vec![*SPEEDS_KMH.start()], // the edge between its two equal points
            false => route.pieces.iter().map(|piece| piece.truck_speed_kmh).collect(),
        };
        Self::new(&Answered {
            router,
            data_version: None,
            length_m: route.length_m,
            duration_s: route.duration_s,
            snapped_m: (route.from.snapped_m, route.to.snapped_m),
            line: &line,
            speeds_kmh: &speeds_kmh,
        })
        .expect("a line has one edge a piece")
    }

    fn check(&self, points: usize) -> Result<()> {
        let rule = |ok: bool, text: &str| if ok { Ok(()) } else { Err(Error::invalid(text)) };
        rule((2..=POINTS_MAX).contains(&points), "plan: expected 2 to 200000 points")?;
        let edges: u64 = self.speeds.iter().map(|(count, _)| u64::from(*count)).sum();
        rule(edges == points as u64 - 1, "plan: expected one speed for each edge")?;
        let speeds = self.speeds.iter().all(|(_, speed_kmh)| SPEEDS_KMH.contains(speed_kmh));
        rule(speeds, "plan: expected speeds of 1 to 150 km/h")?;
        let amounts = [self.length_m, self.duration_s, self.snapped_m.0, self.snapped_m.1];
        let are_amounts = amounts.iter().all(|value| value.is_finite() && *value >= 0.0);
        rule(are_amounts, "plan: expected lengths and times of 0 or more")
    }

    /// The plan as bytes (JSON), for a state store: some 8 bytes a point.
    ///
    /// # Panics
    /// Never: plain data always encodes.
    pub fn encode(&self) -> Bytes {
        serde_json::to_vec(self).expect("plain data always encodes").into()
    }

    /// The plan of such bytes.
    ///
    /// # Errors
    /// `Corrupt` if they are none: they were our own.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let corrupt = |error: Error| Error::corrupt("a plan that was kept").with_source(error);
        let plan: Self = serde_json::from_slice(bytes)
            .map_err(|error| Error::corrupt("a plan that was kept").with_source(error))?;
        let points = polyline::decode(&plan.line, 6).map_err(corrupt)?.len();
        plan.check(points).map_err(corrupt)?;
        Ok(plan)
    }

    /// The route that the plan is, on `network`.
    ///
    /// Where the line lies on a road of the network (within 0.8 m), it is that road: class, land,
    /// pavement, altitude, limits, zones, states, tolls, stations and rest areas are the road's.
    /// Elsewhere a truck drives at the plan's speed on a middling road
    /// ([`Segment::between`](super::Segment::between)) of
    /// [`SegmentIx::UNKNOWN`](super::SegmentIx::UNKNOWN): the state is that of the nearest place,
    /// zones are those that hold in an area, altitude goes evenly between what is known, fuel
    /// stations and rest areas stand along it if they are within 2 km, and tolls are not known.
    ///
    /// # Errors
    /// `Corrupt` if the line cannot be read.
    pub fn route(&self, network: &Network) -> Result<Route> {
        let line = polyline::decode(&self.line, 6)
            .map_err(|error| Error::corrupt("a plan that was kept").with_source(error))?;
        let speeds = self.speeds.iter();
        let speeds_kmh: Vec<f64> =
            speeds.flat_map(|(count, speed)| (0..*count).map(|_| *speed)).collect();
        Ok(lay::route(network, &line, &speeds_kmh, self.snapped_m, self.duration_s))
    }

    /// Who answered.
    pub fn router(&self) -> &str {
        &self.router
    }

    /// The version of the data that it answered from, where it had one.
    pub fn data_version(&self) -> Option<&str> {
        self.data_version.as_deref()
    }

    /// Length as it was told, metres; that of the [`route`](Self::route) is measured on the network.
    pub fn length_m(&self) -> f64 {
        self.length_m
    }

    /// Time of a loaded truck in free flow, as it was told, seconds.
    pub fn duration_s(&self) -> f64 {
        self.duration_s
    }

    /// The line as an encoded polyline with six decimals.
    pub fn polyline6(&self) -> &str {
        &self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn answered<'a>(line: &'a [Position], speeds_kmh: &'a [f64]) -> Answered<'a> {
        Answered {
            router: "osrm",
            data_version: Some("v7"),
            length_m: 1.0,
            duration_s: 2.0,
            snapped_m: (0.0, 0.0),
            line,
            speeds_kmh,
        }
    }

    const LINE: [Position; 4] = [
        Position { lat: 26.0, lon: 91.0 },
        Position { lat: 26.1, lon: 91.0 },
        Position { lat: 26.2, lon: 91.0 },
        Position { lat: 26.2, lon: 91.1 },
    ];

    #[test]
    fn what_is_kept_comes_back_whole() {
        let plan = Plan::new(&answered(&LINE, &[40.0, 40.0, 0.0])).expect("it fits");
        assert_eq!(plan.speeds, [(2, 40.0), (1, 1.0)]);
        assert_eq!(Plan::decode(&plan.encode()).expect("our own"), plan);
        assert_eq!((plan.router(), plan.data_version()), ("osrm", Some("v7")));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (line, speeds) in [(&LINE[..], &[40.0][..]), (&LINE[..1], &[]), (&[], &[])] {
            assert!(Plan::new(&answered(line, speeds)).is_err(), "{line:?}");
        }
        let endless = Answered { duration_s: f64::NAN, ..answered(&LINE[..2], &[40.0]) };
        assert!(Plan::new(&endless).is_err());
    }

    #[test]
    fn damaged_bytes_are_our_own_that_are_damaged() {
        let bytes = Plan::new(&answered(&LINE, &[40.0; 3])).expect("it fits").encode();
        let text = std::str::from_utf8(&bytes).expect("JSON");
        for bad in ["", "{}", &text[..text.len() - 2], &text.replace("[[3,", "[[4,")] {
            let error = Plan::decode(bad.as_bytes()).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        }
    }
}
