//! What lies ahead: the fuel the way takes, and when the truck will be there.

use fleet_core::{
    domain::Eta,
    driver::{Due, DutyClock},
    eta::{Band, FLOW_MEAN, Haul, Pace, Stretch, barred_until, free_kmh, guarded_zone, road_of},
    physics::Road,
    route::{Network, Piece, PiecesIter, Route, StopOnRoute, ZoneIx},
    time::Time,
    units::mps_from_kmh,
};

use super::{
    halts::{self, HOURS},
    pumps,
    truck::{FuelStop, Phase, Truck},
    weather::Sky,
};

/// The pumps of the way ahead with what is burned up to each, and what the whole way burns.
pub(super) struct FuelAhead {
    pub(super) pumps: Vec<(StopOnRoute, u64)>,
    pub(super) trip_ml: u64,
}

/// A truck as it will be, somewhere on the way ahead.
struct Ghost {
    time: Time,
    /// Part of a second that `time` does not show.
    rest_s: f64,
    speed_mps: f64,
    duty: DutyClock,
    admitted: Option<ZoneIx>,
    sky: Sky,
}

impl Ghost {
    fn drive(&mut self, seconds: f64) {
        let sum = self.rest_s + seconds;
        let whole = sum.floor();
        self.rest_s = sum - whole;
        self.time = self.time.plus_ms(whole as i64 * 1_000);
        let seconds = (whole as i64).clamp(0, 86_400);
        let seconds = u32::try_from(seconds).unwrap_or(0);
        self.duty.drive(seconds);
    }

    fn stand(&mut self, seconds: u32) {
        self.time = self.time.plus_ms(i64::from(seconds) * 1_000);
        self.speed_mps = 0.0;
        self.duty.stand(&HOURS, seconds);
    }

    fn stand_until(&mut self, until: Time) {
        let ms = until.ms_since(self.time).max(0);
        self.stand(u32::try_from(ms / 1_000).unwrap_or(u32::MAX));
    }
}

impl Truck {
    /// The truck with the load of its job.
    fn haul(&self) -> Haul {
        let job_kg = self.state.job.as_ref().map_or(0.0, |job| job.payload_kg);
        Haul::new(&self.fixed.model, self.fixed.model.kerb_kg + job_kg)
    }

    /// What the way from `from_m` on burns, in free flow.
    pub(super) fn fuel_ahead(&self, route: &Route, from_m: f64) -> FuelAhead {
        let ahead = route.stations.partition_point(|stop| stop.at_m < from_m);
        let mut stops = route.stations[ahead..].iter().peekable();
        let (mut passed, mut sum_ul) = (Vec::new(), 0.0);
        let (haul, mut speed_mps) = (self.haul(), self.state.vehicle.speed_mps);
        if from_m <= 0.0 {
            let town = route.from.node.and_then(pumps::town_pump);
            passed.extend(town.map(|stop| (stop, 0)));
        }
        for piece in pieces_from(route, from_m) {
            let start_m = piece.start_m.max(from_m);
            let length_m = piece.end_m() - start_m;
            if length_m <= 0.0 {
                continue;
            }
            let free_kmh = free_kmh(&piece) * self.fixed.pace;
            let road = road_of(&piece, false, Some(self.state.now));
            let stretch = stretch(&road, length_m, mps_from_kmh(free_kmh));
            let crossing = haul.cross(speed_mps, &stretch);
            while let Some(stop) = stops.next_if(|stop| stop.at_m <= piece.end_m()) {
                let share = (stop.at_m - start_m) / length_m;
                passed.push((*stop, whole_ml(sum_ul + share * crossing.fuel_ul)));
            }
            sum_ul += crossing.fuel_ul;
            speed_mps = crossing.speed_mps;
        }
        FuelAhead { pumps: passed, trip_ml: whole_ml(sum_ul) }
    }

    /// Seconds at the wheel on `route` with `payload_kg`, in free flow.
    pub(super) fn driving_s(&self, route: &Route, payload_kg: f64) -> f64 {
        let haul = Haul::new(&self.fixed.model, self.fixed.model.kerb_kg + payload_kg);
        let (mut speed_mps, mut sum_s) = (0.0, 0.0);
        for piece in &route.pieces {
            let free_kmh = free_kmh(&piece) * self.fixed.pace;
            let road = road_of(&piece, false, Some(self.state.now));
            let stretch = stretch(&road, piece.length_m, mps_from_kmh(free_kmh));
            let passage = haul.pass(speed_mps, &stretch);
            speed_mps = passage.speed_mps;
            sum_s += passage.duration_s;
        }
        sum_s
    }

    /// When the truck will be there, and how sure that is.
    pub(super) fn eta(&self, now: Time) -> Option<Eta> {
        let foreseen = self.foresee(now)?;
        Some(Band::of_season(now).around(foreseen, now))
    }

    /// The arrival as the calendar, the plan of pumps and the law on rests have it. What cannot be
    /// known ahead (queues, closures that begin later) is left to the band.
    pub(super) fn foresee(&self, now: Time) -> Option<Time> {
        let route = self.route.as_ref()?;
        let mut ghost = Ghost {
            time: now,
            rest_s: 0.0,
            speed_mps: self.state.vehicle.speed_mps,
            duty: self.state.duty,
            admitted: self.state.admitted,
            sky: Sky::seen_at(self.fixed.seed, now),
        };
        let mut level_ml = self.tank_ml();
        match self.state.phase {
            Phase::Driving => {}
            Phase::Refuelling { until, buy_ml, .. } => {
                level_ml += buy_ml;
                ghost.stand_until(until);
            }
            Phase::Resting { until }
            | Phase::Closed { until }
            | Phase::Barred { until }
            | Phase::Stranded { until } => ghost.stand_until(until),
            Phase::Idle { .. }
            | Phase::OffDuty { .. }
            | Phase::Loading { .. }
            | Phase::Unloading { .. } => return None,
        }
        let plan = self.stops_to_come(route, level_ml);
        let (haul, mut stops) = (self.haul(), plan.iter().peekable());
        for piece in pieces_from(route, self.state.at_m) {
            self.cross(&haul, &mut ghost, &piece);
            while let Some(stop) = stops.next_if(|stop| stop.at_m <= piece.end_m()) {
                ghost.stand(pumps::expected_stop_s(stop, ghost.time));
            }
            let due = ghost.duty.due(&HOURS, self.crew());
            if due != Due::Nothing && !halts::finishes_first(route.length_m - piece.end_m()) {
                ghost.stand(ghost.duty.stand_s(&HOURS, due));
            }
        }
        Some(ghost.time)
    }

    /// The pumps to come: none when the last plan has none left, for the truck keeps to it.
    fn stops_to_come(&self, route: &Route, level_ml: u64) -> Vec<FuelStop> {
        let from_m = match (self.state.phase, self.state.fuel_stop) {
            (Phase::Refuelling { .. }, _) => self.state.at_m + 1.0,
            (_, Some(next)) => next.at_m - 1.0,
            (_, None) => return Vec::new(),
        };
        // Past 0 there is no pump of the town any more.
        let plan = self.fuel_plan(route, self.state.at_m.max(1.0), level_ml);
        plan.stops.into_iter().filter(|stop| stop.at_m >= from_m).collect()
    }

    /// Drives over what is left of `piece`, waiting first where a town bars trucks.
    fn cross(&self, haul: &Haul, ghost: &mut Ghost, piece: &Piece) {
        let network = Network::ne_india();
        let town = guarded_zone(network, piece).filter(|_| self.is_heavy());
        if town != ghost.admitted {
            let barred = town.and_then(|town| barred_until(network, town, ghost.time));
            if let Some(until) = barred {
                ghost.stand_until(until);
            }
            ghost.admitted = town;
        }
        let length_m = piece.end_m() - piece.start_m.max(self.state.at_m);
        if length_m <= 0.0 {
            return;
        }
        let pace = Pace::at(&ghost.sky, network, piece, ghost.time);
        let road = road_of(piece, pace.wet, Some(ghost.time));
        let wanted_mps = self.target_mps(piece, &road, pace) * FLOW_MEAN;
        let stretch = stretch(&road, length_m, wanted_mps);
        let passage = haul.pass(ghost.speed_mps, &stretch);
        ghost.speed_mps = passage.speed_mps;
        ghost.drive(passage.duration_s);
    }
}

fn stretch(road: &Road, length_m: f64, wanted_mps: f64) -> Stretch {
    Stretch {
        length_m,
        grade: road.grade,
        rolling_factor: road.rolling_factor(),
        air_density_kgpm3: road.air_density_kgpm3,
        ambient_c: road.ambient_c,
        wanted_mps,
    }
}

fn pieces_from(route: &Route, from_m: f64) -> PiecesIter<'_> {
    route.pieces.iter_from(route.pieces.partition_point(|piece| piece.end_m() <= from_m))
}

#[expect(clippy::cast_sign_loss, reason = "fuel is not negative; the cast saturates")]
fn whole_ml(ul: f64) -> u64 {
    (ul / 1e3) as u64
}
