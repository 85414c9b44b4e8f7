//! Where a planned truck stands, and why.

use super::{Planner, drive::Drive};
use crate::{
    driver::Due,
    refuel::OutOfReach,
    route::{NodeIx, Route, SegmentIx, StopOnRoute, ZoneIx},
};

/// A driver who is due drives on if the end is as near as this, m.
const LAST_M: f64 = 10_000.0;
/// How far a tired driver looks for a place, m, and for how long, s; then it is the roadside.
const REST_WITHIN_M: f64 = 8_000.0;
const REST_WITHIN_S: f64 = 1_500.0;
/// Room to brake before a halt, m.
const BRAKING_M: f64 = 300.0;

/// A halt of a timetable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Halt {
    /// Metres from the start of the route.
    pub at_m: f64,
    /// Seconds from the timetable's start until the truck gets there.
    pub arrives_s: f64,
    /// How long it stands, s; 0 where it only pays.
    pub stands_s: f64,
    /// What for.
    pub reason: Reason,
}

/// Why a truck stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// To buy fuel.
    Fuel {
        /// The station's place in the network's list.
        station: usize,
        /// What is bought, ml.
        buy_ml: u64,
        /// At this price.
        paise_per_l: u32,
        /// Of the time it stands, the wait until the station opens, s.
        opens_s: f64,
    },
    /// To rest, as the law on hours says.
    Rest {
        /// A break, or a rest off duty.
        due: Due,
        /// Where.
        place: RestPlace,
    },
    /// Before a town that bars trucks at this hour.
    Barred {
        /// The town.
        zone: ZoneIx,
    },
    /// Before a road (mostly a ferry) that is shut at this hour.
    Shut {
        /// The road.
        segment: SegmentIx,
    },
    /// To pay a toll. With FASTag that takes no time worth planning.
    Toll {
        /// The plaza's place in the network's list.
        plaza: usize,
        /// What this truck pays, rupees.
        fee_inr: f64,
    },
}

/// Where a crew rests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RestPlace {
    /// A rest area: its place in the network's list.
    Area(usize),
    /// A fuel station: its place in the network's list.
    Station(usize),
    /// A town.
    Town(NodeIx),
    /// Nothing better came within reach.
    Roadside,
}

/// A part of the way that the tank does not reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// Where the truck could fill up last, m from the start of the route: the start of the plan if
    /// not even the first pump can be reached.
    pub from_m: f64,
    /// What would be needed, and what there is.
    pub lacks: OutOfReach,
}

impl Drive<'_> {
    /// The next good place for a driver who is due, if he does not finish first.
    pub(super) fn place_to_rest(&self) -> Option<(f64, RestPlace)> {
        let (route, at_m) = (self.route, self.now.at_m);
        if route.length_m - at_m <= LAST_M {
            return None;
        }
        let ahead_m = at_m + BRAKING_M;
        let next = |stops: &[StopOnRoute]| {
            let ix = stops.partition_point(|stop| stop.at_m <= ahead_m);
            stops.get(ix).map(|stop| (stop.at_m, stop.index))
        };
        let area = next(&route.rest_areas).map(|(m, ix)| (m, RestPlace::Area(ix)));
        let station = next(&route.stations).map(|(m, ix)| (m, RestPlace::Station(ix)));
        let towns = route.towns.iter();
        let town = towns.map(|(ix, m)| (*m, RestPlace::Town(*ix))).find(|(m, _)| *m > ahead_m);
        let town = town.filter(|(_, place)| self.planner.is_named(*place));
        let places = [area, station, town].into_iter().flatten();
        let nearest = places.min_by(|a, b| a.0.total_cmp(&b.0));
        let within_m = REST_WITHIN_M.min(self.now.speed_mps * REST_WITHIN_S);
        let roadside = (at_m + within_m, RestPlace::Roadside);
        Some(nearest.filter(|(m, _)| *m <= roadside.0).unwrap_or(roadside))
    }
}

impl Planner<'_> {
    /// Whether people have a name for a town: a bare junction is no place to rest.
    fn is_named(&self, place: RestPlace) -> bool {
        match place {
            RestPlace::Town(ix) => !self.network.node_at(ix).name.is_empty(),
            RestPlace::Area(_) | RestPlace::Station(_) | RestPlace::Roadside => true,
        }
    }

    /// The tolls of a route from `from_m` on, in driving order.
    pub(super) fn tolls(&self, route: &Route, from_m: f64) -> Vec<(f64, Reason)> {
        let axles = self.axles();
        let ahead = route.tolls.iter().filter(|stop| stop.at_m >= from_m);
        let fee = |plaza: usize| self.network.toll_plazas()[plaza].fee_inr.for_axles(axles);
        let toll =
            |stop: &StopOnRoute| Reason::Toll { plaza: stop.index, fee_inr: fee(stop.index) };
        ahead.map(|stop| (stop.at_m, toll(stop))).collect()
    }
}
