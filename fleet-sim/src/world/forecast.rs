//! What lies ahead: the fuel the way takes, and when the truck will be there.

use std::sync::LazyLock;

use fleet_core::{
    domain::Eta,
    driver::{Due, DutyClock},
    eta::{Band, Haul, Residuals, Stretch},
    physics::Road,
    route::{Network, Piece, Route, StopOnRoute, ZoneIx},
    time::Time,
    units::mps_from_kmh,
};

use super::{
    calendar,
    drive::{FLOW_MEAN, road},
    halts::{self, HOURS},
    pumps,
    truck::{FuelStop, Phase, Truck},
    weather::{self, Sky},
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
    /// What the way from `from_m` on burns, in free flow.
    pub(super) fn fuel_ahead(&self, route: &Route, from_m: f64) -> FuelAhead {
        let ahead = route.stations.partition_point(|stop| stop.at_m < from_m);
        let mut stops = route.stations[ahead..].iter().peekable();
        let (mut passed, mut sum_ul) = (Vec::new(), 0.0);
        let mut speed_mps = self.state.vehicle.speed_mps;
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
            let free_kmh = calendar::free_kmh(piece) * self.fixed.pace;
            let road = road(piece, false, self.state.now);
            let stretch = stretch(&road, length_m, mps_from_kmh(free_kmh));
            let crossing = self.haul.cross(speed_mps, &stretch);
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
            let free_kmh = calendar::free_kmh(piece) * self.fixed.pace;
            let road = road(piece, false, self.state.now);
            let stretch = stretch(&road, piece.length_m, mps_from_kmh(free_kmh));
            let crossing = haul.cross(speed_mps, &stretch);
            speed_mps = crossing.speed_mps;
            sum_s += crossing.duration_s;
        }
        sum_s
    }

    /// When the truck will be there, and how sure that is.
    pub(super) fn eta(&self, now: Time) -> Option<Eta> {
        let foreseen = self.foresee(now)?;
        let hours = foreseen.ms_since(now) as f64 / 3_600e3;
        let off = band(now).at(hours);
        let after = |minutes: f64| foreseen.plus_ms((minutes * 60.0) as i64 * 1_000);
        let earliest = after(off.p05_min).max(now);
        let arrival = after(off.p50_min).max(earliest);
        Some(Eta { arrival, earliest, latest: after(off.p95_min).max(arrival) })
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
        let mut stops = plan.iter().peekable();
        for piece in pieces_from(route, self.state.at_m) {
            self.cross(&mut ghost, piece);
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
    fn cross(&self, ghost: &mut Ghost, piece: &Piece) {
        let network = Network::ne_india();
        let town = calendar::guarded_zone(network, piece).filter(|_| self.is_heavy());
        if town != ghost.admitted {
            let barred = town.and_then(|town| calendar::barred_until(network, town, ghost.time));
            if let Some(until) = barred {
                ghost.stand_until(until);
            }
            ghost.admitted = town;
        }
        let length_m = piece.end_m() - piece.start_m.max(self.state.at_m);
        if length_m <= 0.0 {
            return;
        }
        let pace = calendar::pace(ghost.sky, network, piece, ghost.time);
        let road = road(piece, pace.wet, ghost.time);
        let wanted_mps = self.target_mps(piece, &road, pace) * FLOW_MEAN;
        let stretch = stretch(&road, length_m, wanted_mps);
        let crossing = self.haul.cross(ghost.speed_mps, &stretch);
        ghost.speed_mps = crossing.speed_mps;
        ghost.drive(crossing.duration_s);
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

fn pieces_from(route: &Route, from_m: f64) -> &[Piece] {
    let first = route.pieces.partition_point(|piece| piece.end_m() <= from_m);
    &route.pieces[first..]
}

#[expect(clippy::cast_sign_loss, reason = "fuel is not negative; the cast saturates")]
fn whole_ml(ul: f64) -> u64 {
    (ul / 1e3) as u64
}

/// The residuals of the season: in the rains roads close, and nobody knows which.
fn band(now: Time) -> &'static Band {
    static DRY: LazyLock<Band> = LazyLock::new(|| table(&DRY_ROWS));
    static WET: LazyLock<Band> = LazyLock::new(|| table(&WET_ROWS));
    if weather::is_wet_season(now) { &WET } else { &DRY }
}

/// (hours foreseen, minutes that 5 %, 50 % and 95 % of arrivals are later): from 48 days each from
/// 5 January, 11 March, 1 July and 11 September with seeds 101 and 102, 30 trucks, 161 thousand
/// forecasts; `data-fleet report` prints what such a run has. Far ahead one rest more or less decides,
/// and in winter a night without the usual fog.
type Row = (f64, f64, f64, f64);
const DRY_ROWS: [Row; 12] = [
    (0.25, -0.43, 0.01, 0.35),
    (0.76, -1.1, -0.14, 0.53),
    (1.5, -4.4, -0.33, 4.1),
    (2.5, -9.2, -0.46, 6.8),
    (4.0, -17.9, -0.71, 9.9),
    (6.5, -31.9, -1.1, 13.7),
    (9.9, -50.6, -1.6, 18.0),
    (14.7, -82.8, -2.0, 20.5),
    (21.3, -330.0, -3.2, 25.7),
    (28.7, -359.2, -4.2, 49.0),
    (40.4, -983.0, -14.5, 149.8),
    (52.7, -924.0, -380.1, -23.2),
];
const WET_ROWS: [Row; 12] = [
    (0.25, -0.44, 0.01, 0.37),
    (0.75, -0.99, -0.14, 0.55),
    (1.5, -3.3, -0.09, 6.2),
    (2.5, -4.5, 0.06, 11.8),
    (4.0, -5.4, 0.21, 21.4),
    (6.5, -8.1, 0.52, 39.4),
    (9.9, -13.2, 0.49, 92.9),
    (14.8, -33.4, 0.55, 258.0),
    (21.3, -39.4, 0.82, 272.9),
    (28.9, -55.0, 3.7, 359.7),
    (40.2, -331.8, 4.4, 434.9),
    (54.4, -419.8, -1.8, 326.3),
];

fn table(rows: &[Row]) -> Band {
    let row =
        |&(hours, p05_min, p50_min, p95_min): &Row| Residuals { hours, p05_min, p50_min, p95_min };
    Band::new(rows.iter().map(row).collect()).expect("the tables are tested")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_are_tables() {
        assert!(table(&DRY_ROWS).at(3.0).p05_min <= table(&WET_ROWS).at(3.0).p95_min);
    }
}
