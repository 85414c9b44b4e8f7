//! Where the truck stops on its way, and why: pumps, rests, closed roads, towns that bar trucks.

use fleet_core::{
    driver::{Due, HoursRules},
    eta::{barred_until, guarded_zone},
    route::{Network, StopOnRoute},
    time::Time,
};

use super::{
    calendar,
    truck::{Halt, Phase, Truck},
};

/// The law's hours.
pub(super) const HOURS: HoursRules = HoursRules::STRICT;
/// A driver who is due drives on if the end is as near as this, m.
const LAST_M: f64 = 10_000.0;
/// How far a tired driver looks for a place, m; then it is the roadside.
const REST_WITHIN_M: f64 = 8_000.0;
/// Room to brake before a halt, m.
const BRAKING_M: f64 = 300.0;
/// A planned pump becomes the next halt when it is as near as this, m.
const PUMP_IN_SIGHT_M: f64 = 2_000.0;
/// Trucks above this are goods vehicles of class N3, which towns bar, kg.
const HEAVY_KG: f64 = 12_000.0;

/// Whether a driver who is due still finishes a trip with `left_m` to go.
pub(super) fn finishes_first(left_m: f64) -> bool {
    left_m <= LAST_M
}

impl Truck {
    /// Drivers on board.
    pub(super) fn crew(&self) -> u32 {
        self.state.job.as_ref().map_or(1, |job| job.drivers)
    }

    /// What the law has the crew do next.
    fn due(&self) -> Due {
        self.state.duty.due(&HOURS, self.crew())
    }

    /// Whether towns with a ban bar this truck.
    pub(super) fn is_heavy(&self) -> bool {
        self.fixed.model.gvw_kg > HEAVY_KG
    }

    /// Chooses where to refuel or rest, among what lies ahead.
    pub(super) fn plan_halts(&mut self) {
        let Some(route) = &self.route else { return };
        if self.state.halt.is_some() {
            return;
        }
        if let Some(stop) = self.state.fuel_stop
            && stop.at_m <= self.state.at_m + PUMP_IN_SIGHT_M
        {
            self.state.halt = Some(Halt::Station(stop.station, stop.at_m));
            return;
        }
        let due = self.due();
        if due == Due::Nothing || finishes_first(route.length_m - self.state.at_m) {
            return;
        }
        let ahead_m = self.state.at_m + BRAKING_M;
        let next =
            |stops: &[StopOnRoute]| stops.iter().map(|stop| stop.at_m).find(|at_m| *at_m > ahead_m);
        let town_m = route.towns.iter().map(|(_, at_m)| *at_m).find(|at_m| *at_m > ahead_m);
        let places = [next(&route.rest_areas), next(&route.stations), town_m];
        let nearest_m = places.into_iter().flatten().fold(f64::INFINITY, f64::min);
        self.state.halt = Some(Halt::Rest(nearest_m.min(self.state.at_m + REST_WITHIN_M)));
    }

    /// At a place chosen for it: a break or a long rest, whichever is due.
    pub(super) fn rest(&mut self, now: Time) {
        let rest_s = self.state.duty.stand_s(&HOURS, self.due());
        self.enter(Phase::Resting { until: now.plus_ms(i64::from(rest_s) * 1_000) }, now);
    }

    /// Back on the road after a halt. If it was long enough to be the rest that was planned, that is
    /// dropped.
    pub(super) fn go_on(&mut self, now: Time) {
        self.enter(Phase::Driving, now);
        let is_rested = self.due() == Due::Nothing;
        if is_rested && matches!(self.state.halt, Some(Halt::Rest(_))) {
            self.state.halt = None;
        }
    }

    /// Looks, once a minute, whether the road is closed or the town ahead bars trucks.
    pub(super) fn watch_signs(&mut self, now: Time) {
        let Some(piece) = self.under() else {
            return;
        };
        let network = Network::ne_india();
        let town = guarded_zone(network, &piece).filter(|_| self.is_heavy());
        let closed = calendar::closed_until(self.fixed.seed, network, &piece, now);
        if let Some(until) = closed {
            self.enter(Phase::Closed { until }, now);
        } else if town != self.state.admitted {
            let barred = town.and_then(|town| barred_until(network, town, now));
            if let Some(until) = barred {
                self.enter(Phase::Barred { until }, now);
            } else {
                self.state.admitted = town;
            }
        }
    }

    /// A truck that starts within a town is in already.
    pub(super) fn start_within_town(&mut self) {
        let first = self.route.as_ref().and_then(|route| route.pieces.first());
        let town = first.and_then(|piece| guarded_zone(Network::ne_india(), &piece));
        self.state.admitted = town.filter(|_| self.is_heavy());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_heavy_truck_enters_a_town_while_it_bars_them() {
        let network = Network::ne_india();
        let start: Time = "2026-01-05T00:00:00Z".parse().unwrap();
        let (mut entries, mut waits) = (0, 0);
        for number in 1..=12 {
            let mut truck = Truck::builtin(2, number, start).unwrap();
            let (mut inside, mut sent) = (None, Vec::new());
            for minute in 1..=3 * 1_440 {
                let now = start.plus_ms(minute * 60_000);
                truck.advance(now.plus_ms(1_000), &mut sent);
                waits += u32::from(matches!(truck.state.phase, Phase::Barred { .. }));
                let town = truck.state.admitted;
                let has_come = truck.state.at_m > 2_000.0 && truck.state.phase == Phase::Driving;
                if let Some(town) = town.filter(|_| has_come && town != inside) {
                    assert!(truck.is_heavy());
                    assert_eq!(barred_until(network, town, now), None, "{now}");
                    entries += 1;
                }
                inside = town;
            }
        }
        assert!(entries > 10 && waits > 60, "{entries} entries, {waits} minutes before towns");
    }
}
