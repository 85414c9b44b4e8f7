//! Buying fuel: the plan for the way ahead, the queue, the pump, and help by the roadside.

use fleet_core::{
    domain::Refuelling,
    random::Stream,
    refuel::{Limits, Problem, Pump},
    route::{FuelStation, Network, NodeIx, Route, StateIx, StopOnRoute},
    time::Time,
};

use super::{
    forecast::FuelAhead,
    truck::{FuelStop, Phase, Truck},
};

/// What a stop costs beside the fuel: a quarter of an hour of truck and driver, ₹ 150 (estimate).
const STOP_COST_MPAISE: u64 = 15_000_000;
/// What a truck that had to stop arrives with, in tenths of a full tank (estimate).
const FILLED_TENTHS: u64 = 7;
/// Left at the end beyond the reserve, for the way to the next trip's first pump, ml (estimate).
const ONWARD_ML: u64 = 25_000;
/// Nobody queues for less, ml.
const LEAST_ML: u64 = 20_000;
/// A pump on a road out of a town is the town's within this, m.
const TOWN_M: f64 = 20_000.0;
/// Paying, washing the screen, getting back on the road, minutes (estimate).
const OVERHEAD_MIN: f64 = 8.0;

/// Price of diesel in a state, paise per litre.
#[expect(clippy::cast_sign_loss, reason = "prices are positive; the cast saturates")]
pub(super) fn price_paise_per_l(network: &Network, state: StateIx) -> u32 {
    (network.states()[state.index()].diesel_inr_per_l * 100.0).round() as u32
}

fn price(stop: &StopOnRoute) -> u32 {
    let network = Network::ne_india();
    price_paise_per_l(network, network.fuel_stations()[stop.index].site.state)
}

fn fuel_stop(stop: &StopOnRoute, buy_ml: u64) -> FuelStop {
    let station = u16::try_from(stop.index).unwrap_or(0);
    FuelStop { station, at_m: stop.at_m, buy_ml }
}

/// The pump nearest to a town on any of its roads: where a truck can fill before it departs.
pub(super) fn town_pump(town: NodeIx) -> Option<StopOnRoute> {
    let network = Network::ne_india();
    let near = network.fuel_stations().iter().enumerate().filter_map(|(index, station)| {
        let road = &network.segments()[station.site.segment.index()];
        let away_m = match town {
            _ if road.from == town => station.site.at_m,
            _ if road.to == town => road.length_m - station.site.at_m,
            _ => return None,
        };
        (away_m <= TOWN_M).then_some((away_m, index))
    });
    let nearest = near.min_by(|a, b| a.0.total_cmp(&b.0));
    nearest.map(|(_, index)| StopOnRoute { index, at_m: 0.0 })
}

/// Mean wait for a pump by the hour of the day, minutes with one pump: long before and after the
/// day's work (estimate).
fn queue_mean_min(at: &FuelStation, minute: u16) -> f64 {
    let busy = match minute / 60 {
        7..10 | 17..21 => 24.0,
        10..17 => 14.0,
        _ => 6.0,
    };
    busy / f64::from(at.pumps.max(1))
}

/// The wait for a pump of this station in this hour, minutes: drawn by place and hour.
fn queue_min(seed: u64, at: &FuelStation, now: Time) -> f64 {
    let queue = Stream::new(seed, &at.id, "queue");
    let hour = now.as_secs().div_euclid(3_600).cast_unsigned();
    // The product of two uniforms has mean 1/4: mostly short, sometimes long.
    let draw = 4.0 * queue.uniform(hour) * queue.uniform(hour ^ (1 << 40));
    queue_mean_min(at, now.ist_minute_of_day()) * draw
}

/// Minutes at a pump after its queue, and before it if it is closed.
fn service_min(at: &FuelStation, now: Time, buy_ml: u64) -> f64 {
    let closed_min = at.hours_ist.opens_in_min(now.ist_minute_of_day());
    f64::from(closed_min) + OVERHEAD_MIN + buy_ml as f64 / 1e3 / at.flow_l_per_min
}

/// How long a stop at a pump takes on average, s. A closed one is mostly passed by for the next.
#[expect(clippy::cast_sign_loss, reason = "a time at a pump is positive")]
pub(super) fn expected_stop_s(stop: &FuelStop, now: Time) -> u32 {
    let stations = Network::ne_india().fuel_stations();
    let Some(at) = stations.get(usize::from(stop.station)) else { return 0 };
    let queue_min = queue_mean_min(at, now.ist_minute_of_day());
    ((queue_min + OVERHEAD_MIN + stop.buy_ml as f64 / 1e3 / at.flow_l_per_min) * 60.0) as u32
}

/// Where to buy fuel on the way ahead.
#[derive(Debug, Default)]
pub(super) struct FuelPlan {
    pub(super) stops: Vec<FuelStop>,
    /// Whether the tank is never below the reserve.
    keeps_reserve: bool,
}

impl Truck {
    /// Fuel in the tank by the book, whole ml: what came in less what was burned.
    pub(super) fn tank_ml(&self) -> u64 {
        let in_ml = self.fixed.tank_start_ml + self.state.refuelled_ml;
        in_ml.saturating_sub(self.state.counters.fuel_burned_ul / 1_000)
    }

    #[expect(clippy::cast_sign_loss, reason = "a share of a tank is positive")]
    fn share_of_tank_ml(&self, share: f64) -> u64 {
        (self.fixed.model.fuel_tank_l * share * 1e3) as u64
    }

    /// The cheapest stops for the way from `from_m` on with `level_ml` in the tank. A truck that
    /// cannot keep its reserve to the first pump stops there in any case; where no plan exists it
    /// takes the next pump and a full tank.
    pub(super) fn fuel_plan(&self, route: &Route, from_m: f64, level_ml: u64) -> FuelPlan {
        let FuelAhead { pumps: ahead, trip_ml } = self.fuel_ahead(route, from_m);
        let Some((first, first_ml)) = ahead.first() else { return FuelPlan::default() };
        let pumps: Vec<Pump> = ahead
            .iter()
            .map(|(stop, burned_ml)| Pump { burned_ml: *burned_ml, paise_per_l: price(stop) })
            .collect();
        let capacity_ml = self.share_of_tank_ml(self.fixed.model.refuel_target_fraction);
        let reserve_ml = self.share_of_tank_ml(self.fixed.model.reserve_fraction);
        let at_first_ml = level_ml.saturating_sub(*first_ml).min(capacity_ml);
        let short_ml = reserve_ml.saturating_sub(at_first_ml);
        // What is short is bought at the first pump whatever the plan: solved as if it were there.
        let start_ml = if short_ml > 0 { first_ml + reserve_ml } else { level_ml };
        let least_ml = (reserve_ml + ONWARD_ML).min(capacity_ml);
        // Who has to stop fills up for the trips after this one, too, where a pump lies near enough
        // to the end: a stop costs more than the next one saves.
        let needs_stop = start_ml < trip_ml + least_ml;
        let most_ml = if needs_stop { capacity_ml / 10 * FILLED_TENTHS } else { least_ml };
        let cheapest = |arrive_ml| {
            let limits = Limits {
                capacity_ml,
                start_ml: start_ml.min(capacity_ml),
                reserve_ml,
                arrive_ml,
                stop_cost_mpaise: STOP_COST_MPAISE,
            };
            Problem::new(limits, trip_ml, &pumps).ok()?.cheapest().ok()
        };
        let place = |(stop, _): &(StopOnRoute, u64), buy_ml| fuel_stop(stop, buy_ml);
        let Some(plan) = cheapest(most_ml.max(least_ml)).or_else(|| cheapest(least_ml)) else {
            let stops = vec![fuel_stop(first, capacity_ml - at_first_ml)];
            return FuelPlan { stops, keeps_reserve: false };
        };
        let mut stops: Vec<FuelStop> =
            plan.stops.iter().map(|stop| place(&ahead[stop.pump], stop.buy_ml)).collect();
        if short_ml > 0 {
            let room_ml = capacity_ml - at_first_ml;
            if plan.stops.first().is_some_and(|stop| stop.pump == 0) {
                stops[0].buy_ml = (stops[0].buy_ml + short_ml).min(room_ml);
            } else {
                stops.insert(0, fuel_stop(first, short_ml.max(LEAST_ML).min(room_ml)));
            }
        }
        FuelPlan { stops, keeps_reserve: short_ml == 0 }
    }

    /// Plans anew from where the truck is.
    pub(super) fn plan_fuel(&mut self) {
        let Some(route) = &self.route else { return };
        // What lies within braking distance is passed already.
        let plan = self.fuel_plan(route, self.state.at_m + 300.0, self.tank_ml());
        self.state.fuel_stop = plan.stops.first().copied();
    }

    /// Plans anew when less is left than foreseen.
    pub(super) fn watch_fuel(&mut self) {
        let reserve_ml = self.share_of_tank_ml(self.fixed.model.reserve_fraction);
        if self.state.fuel_stop.is_none() && self.tank_ml() < reserve_ml {
            self.plan_fuel();
        }
    }

    /// Plans at departure, and fills in town first if the plan says so.
    pub(super) fn plan_departure(&mut self, now: Time) {
        let Some(route) = &self.route else { return };
        let plan = self.fuel_plan(route, 0.0, self.tank_ml());
        match plan.stops.first() {
            Some(stop) if stop.at_m <= 0.0 => self.queue(*stop, now),
            first => self.state.fuel_stop = first.copied(),
        }
    }

    /// At a planned pump: drives on if by now the plan has no use for it, or if it is closed and the
    /// way on can be driven without it.
    pub(super) fn stop_at_pump(&mut self, station: u16, at_m: f64, now: Time) {
        let Some(route) = &self.route else { return };
        let stations = Network::ne_india().fuel_stations();
        let minute = now.ist_minute_of_day();
        let is_open =
            stations.get(usize::from(station)).is_some_and(|at| at.hours_ist.is_open(minute));
        let level_ml = self.tank_ml();
        let mut plan = self.fuel_plan(route, at_m - 0.5, level_ml);
        if !is_open {
            let without = self.fuel_plan(route, at_m + 1.0, level_ml);
            if without.keeps_reserve {
                plan = without;
            }
        }
        match plan.stops.first() {
            Some(stop) if stop.station == station => self.queue(*stop, now),
            first => self.state.fuel_stop = first.copied(),
        }
    }

    /// Waits for the station to open and for its queue, then fills.
    fn queue(&mut self, stop: FuelStop, now: Time) {
        let FuelStop { station, buy_ml, .. } = stop;
        let stations = Network::ne_india().fuel_stations();
        let Some(at) = stations.get(usize::from(station)) else { return };
        let minutes = queue_min(self.fixed.seed, at, now) + service_min(at, now, buy_ml);
        let until = now.plus_ms((minutes * 60.0) as i64 * 1_000);
        self.state.fuel_stop = None;
        self.enter(Phase::Refuelling { station, until, buy_ml }, now);
    }

    /// The pump has stopped.
    pub(super) fn fill_up(&mut self, station: u16, buy_ml: u64, now: Time) {
        let network = Network::ne_india();
        if let Some(at) = network.fuel_stations().get(usize::from(station)) {
            let price = price_paise_per_l(network, at.site.state);
            self.take_fuel(buy_ml, price, &at.id, now);
        }
        self.go_on(now);
        self.plan_fuel();
    }

    /// Somebody brings 50 l, at half as much again as the pump's price.
    pub(super) fn rescue(&mut self, now: Time) {
        let network = Network::ne_india();
        let price = price_paise_per_l(network, network.node_at(self.state.node).state) * 3 / 2;
        self.take_fuel(50_000, price, "roadside", now);
        self.go_on(now);
        self.plan_fuel();
    }

    fn take_fuel(&mut self, ml: u64, paise_per_l: u32, station: &str, now: Time) {
        let filled_ml = self.state.tank.refuel(ml * 1_000, paise_per_l).ul / 1_000;
        if filled_ml == 0 {
            return;
        }
        self.state.refuelled_ml += filled_ml;
        let refuelling = Refuelling {
            refuelled_ml: filled_ml,
            price_paise_per_l: u64::from(paise_per_l),
            station: station.to_owned(),
            refuelled_at: now,
        };
        if let Some(job) = &mut self.state.job {
            job.refuellings.push(refuelling.clone());
        }
        self.state.refuelling = Some(refuelling);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_drawn_by_place_and_hour_and_short_at_night() {
        let stations = Network::ne_india().fuel_stations();
        let midnight = Time::from_ms(1_767_551_400_000); // 5 January 00:00 IST
        let at = |hour: i64| midnight.plus_ms(hour * 3_600_000 + 600_000);
        let station = &stations[0];
        let mean = |hour: i64| {
            (0..60).map(|day| queue_min(4, station, at(day * 24 + hour))).sum::<f64>() / 60.0
        };
        assert!(mean(8) > 2.0 * mean(2), "{} {}", mean(8), mean(2));
        let here = queue_min(4, station, at(8)).to_bits();
        let others = stations[1..].iter();
        let same = others.filter(|other| queue_min(4, other, at(8)).to_bits() == here);
        assert_eq!(same.count(), 0, "another place has another queue");
        for hour in 0..400 {
            let most = 4.0 * queue_mean_min(station, at(hour).ist_minute_of_day());
            assert!((0.0..=most).contains(&queue_min(9, station, at(hour))));
        }
    }

    #[test]
    fn towns_know_their_pump() {
        let network = Network::ne_india();
        let guwahati = town_pump(network.node("guwahati").unwrap()).unwrap();
        let site = &network.fuel_stations()[guwahati.index].site;
        let centre = network.node_at(network.node("guwahati").unwrap()).position;
        assert!(fleet_core::geo::great_circle_m(site.position, centre) < TOWN_M);
    }
}
