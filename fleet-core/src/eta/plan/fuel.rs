//! Buying fuel on a planned way: where, how much, how long it takes, and what the way costs.

use std::collections::BTreeSet;

use super::{Halt, Planner, Progress, Reason, Timetable, halts::Gap, timetable::Mark};
use crate::{
    physics::tank::Tank,
    refuel::{Limits, Problem, Pump},
    route::{FuelStation, NodeIx, Route, StateIx, StopOnRoute},
    time::Time,
};

/// What a stop costs beside the fuel: a quarter of an hour of truck and driver, ₹ 150 (estimate).
const STOP_COST_MPAISE: u64 = 15_000_000;
/// Nobody queues for less, ml.
const LEAST_ML: u64 = 20_000;
/// A pump on a road out of a town is the town's within this, m.
const TOWN_M: f64 = 20_000.0;
/// Paying, washing the screen, getting back on the road, minutes (estimate).
const OVERHEAD_MIN: f64 = 8.0;
/// Mean wait with one pump, minutes, at no particular hour (the mean of a day's).
const QUEUE_MIN: f64 = 13.0;

/// A pump at which fuel is bought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FuelStop {
    pub(super) station: usize,
    pub(super) at_m: f64,
    pub(super) buy_ml: u64,
    pub(super) paise_per_l: u32,
}

/// The fuel book of a timetable: start + bought − burned = end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fuel {
    /// In the tank at the start, ml.
    pub start_ml: u64,
    /// Bought on the way, ml.
    pub bought_ml: u64,
    /// Burned, ml.
    pub burned_ml: u64,
    /// In the tank at the end, ml; 0 if the way cannot be driven with the pumps that are known.
    pub end_ml: u64,
    /// What the burned fuel cost, 10⁻⁸ ₹, at the moving average price of what is in the tank; that
    /// of the start is what diesel costs there. `None` where the network knows no price.
    pub cost_upaise: Option<u64>,
    /// What the fuel bought on the way cost, 10⁻⁸ ₹.
    pub paid_upaise: u64,
    /// The first part of the way that the tank does not reach.
    pub gap: Option<Gap>,
}

/// Mean wait for a pump by the hour of the day, minutes: long before and after the day's work
/// (estimate).
fn queue_min(at: &FuelStation, time: Option<Time>) -> f64 {
    let busy = match time.map(|time| time.ist_minute_of_day() / 60) {
        Some(7..10 | 17..21) => 24.0,
        Some(10..17) => 14.0,
        Some(_) => 6.0,
        None => QUEUE_MIN,
    };
    busy / f64::from(at.pumps.max(1))
}

impl Planner<'_> {
    /// Seconds until a station opens, and then in its queue and at its pump.
    pub(super) fn time_at_pump(
        &self,
        station: usize,
        buy_ml: u64,
        time: Option<Time>,
    ) -> (f64, f64) {
        let Some(at) = self.network.fuel_stations().get(station) else { return (0.0, 0.0) };
        let opens_min = time.map_or(0, |time| at.hours_ist.opens_in_min(time.ist_minute_of_day()));
        let filling_min = buy_ml as f64 / 1e3 / at.flow_l_per_min;
        let served_min = queue_min(at, time) + OVERHEAD_MIN + filling_min;
        (f64::from(opens_min) * 60.0, (served_min * 60.0).round())
    }

    /// Price of diesel in a state, paise per litre, where it is known.
    #[expect(clippy::cast_sign_loss, reason = "prices are positive; the cast saturates")]
    fn paise_per_l(&self, state: StateIx) -> Option<u32> {
        let state = self.network.states().get(state.index())?;
        Some((state.diesel_inr_per_l * 100.0).round() as u32)
    }

    /// The pump nearest to a town on any of its roads: where a truck can fill before it departs.
    fn town_pump(&self, town: NodeIx) -> Option<usize> {
        let near =
            self.network.fuel_stations().iter().enumerate().filter_map(|(index, station)| {
                let road = &self.network.segments()[station.site.segment.index()];
                let away_m = match town {
                    _ if road.from == town => station.site.at_m,
                    _ if road.to == town => road.length_m - station.site.at_m,
                    _ => return None,
                };
                (away_m <= TOWN_M).then_some((away_m, index))
            });
        near.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, index)| index)
    }

    /// The timetable with the cheapest stops for fuel. A pump that is shut when the truck comes by is
    /// left out, if the way can be driven without it.
    pub(super) fn with_fuel(&self, route: &Route, start: Progress) -> Timetable {
        let mut shut = BTreeSet::new();
        let (dry, _) = self.drive(route, start, &[]);
        let mut plan = self.fuel_plan(route, &dry, &shut);
        loop {
            let (marks, halts) = self.drive(route, start, &plan.stops);
            let closed = halts.iter().find_map(|halt| match halt.reason {
                Reason::Fuel { station, opens_s, .. } if opens_s > 0.0 => Some(station),
                Reason::Fuel { .. } | Reason::Rest { .. } | Reason::Barred { .. } => None,
                Reason::Shut { .. } | Reason::Toll { .. } => None,
            });
            if let Some(station) = closed.filter(|station| shut.insert(*station)) {
                let without = self.fuel_plan(route, &dry, &shut);
                if without.gap.is_none() {
                    plan = without;
                    continue;
                }
                let _ = station;
            }
            let fuel = self.book(route, &marks, &halts, plan.gap);
            return Timetable { marks, halts, fuel };
        }
    }

    /// The pumps ahead that are not `shut`, each with what is burned up to it.
    fn pumps(
        &self,
        route: &Route,
        dry: &[Mark],
        shut: &BTreeSet<usize>,
    ) -> Vec<(StopOnRoute, Pump)> {
        let from_m = dry.first().map_or(0.0, |mark| mark.progress.at_m);
        let town = route.from.node.filter(|_| from_m <= 0.0).and_then(|town| self.town_pump(town));
        let town = town.map(|index| StopOnRoute { index, at_m: 0.0 });
        let ahead = route.stations.iter().copied().filter(|stop| stop.at_m > from_m);
        let open = town.into_iter().chain(ahead).filter(|stop| !shut.contains(&stop.index));
        open.filter_map(|stop| {
            let state = self.network.fuel_stations()[stop.index].site.state;
            let burned_ml = ml(Mark::burned_ul(dry, stop.at_m));
            Some((stop, Pump { burned_ml, paise_per_l: self.paise_per_l(state)? }))
        })
        .collect()
    }

    /// The cheapest stops. A truck that cannot keep its reserve to the first pump stops there in any
    /// case.
    fn fuel_plan(&self, route: &Route, dry: &[Mark], shut: &BTreeSet<usize>) -> FuelPlan {
        let ahead = self.pumps(route, dry, shut);
        let (trip_ml, tank_ml) = match (dry.first(), dry.last()) {
            (Some(first), Some(last)) => (ml(last.burned_ul), first.progress.tank_ml),
            _ => return FuelPlan::default(),
        };
        let (capacity_ml, reserve_ml) = (self.capacity_ml(), self.reserve_ml());
        let first_ml = ahead.first().map_or(0, |(_, pump)| pump.burned_ml);
        let at_first_ml = tank_ml.saturating_sub(first_ml).min(capacity_ml);
        let short_ml = match ahead.first() {
            Some(_) if tank_ml >= first_ml && tank_ml < trip_ml + reserve_ml => {
                reserve_ml.saturating_sub(at_first_ml)
            }
            _ => 0,
        };
        // What is short is bought at the first pump whatever the plan: solved as if it were there.
        let start_ml = if short_ml > 0 { first_ml + reserve_ml } else { tank_ml };
        let limits = Limits {
            capacity_ml,
            start_ml: start_ml.min(capacity_ml),
            reserve_ml,
            arrive_ml: reserve_ml,
            stop_cost_mpaise: STOP_COST_MPAISE,
        };
        let pumps: Vec<Pump> = ahead.iter().map(|(_, pump)| *pump).collect();
        let Ok(problem) = Problem::new(limits, trip_ml, &pumps) else {
            return FuelPlan::default(); // a way with thousands of pumps is not planned
        };
        let plan = match problem.cheapest() {
            Ok(plan) => plan,
            Err(lacks) => {
                let after = lacks.after_pump.and_then(|pump| ahead.get(pump));
                let start_m = dry.first().map_or(0.0, |mark| mark.progress.at_m);
                let from_m = after.map_or(start_m, |(stop, _)| stop.at_m);
                return FuelPlan { stops: Vec::new(), gap: Some(Gap { from_m, lacks }) };
            }
        };
        let stop = |pump: usize, buy_ml: u64| {
            let (StopOnRoute { index, at_m }, Pump { paise_per_l, .. }) = ahead[pump];
            FuelStop { station: index, at_m, buy_ml, paise_per_l }
        };
        let mut stops: Vec<FuelStop> =
            plan.stops.iter().map(|planned| stop(planned.pump, planned.buy_ml)).collect();
        if short_ml > 0 {
            let room_ml = capacity_ml - at_first_ml;
            if plan.stops.first().is_some_and(|planned| planned.pump == 0) {
                stops[0].buy_ml = (stops[0].buy_ml + short_ml).min(room_ml);
            } else {
                stops.insert(0, stop(0, short_ml.max(LEAST_ML).min(room_ml)));
            }
        }
        // The last stop is worth its queue.
        if let Some((last, before)) = stops.split_last_mut() {
            let bought_ml: u64 = before.iter().map(|stop| stop.buy_ml).sum();
            let burned_ml = ml(Mark::burned_ul(dry, last.at_m));
            let level_ml = (tank_ml + bought_ml).saturating_sub(burned_ml);
            let room_ml = capacity_ml.saturating_sub(level_ml);
            last.buy_ml = last.buy_ml.max(LEAST_ML.min(room_ml));
        }
        FuelPlan { stops, gap: None }
    }

    /// What was burned and bought, and what it cost.
    fn book(&self, route: &Route, marks: &[Mark], halts: &[Halt], gap: Option<Gap>) -> Fuel {
        let (Some(first), Some(last)) = (marks.first(), marks.last()) else {
            return Fuel::default();
        };
        let start_ml = first.progress.tank_ml;
        let state = route.pieces.first().map(|piece| piece.state);
        let state = route.from.node.map(|ix| self.network.node_at(ix).state).or(state);
        let price = state.and_then(|state| self.paise_per_l(state));
        let mut tank = Tank::new(Tank::CAPACITY_UL_MAX, start_ml * 1_000, price.unwrap_or(0));
        let (mut burned_ul, mut cost_upaise, mut bought_ml, mut paid_upaise) = (0, 0, 0, 0);
        let mut burn = |tank: &mut Tank, until_ml: u64| {
            let taken = tank.burn((until_ml * 1_000_u64).saturating_sub(burned_ul));
            burned_ul += taken.ul;
            cost_upaise += taken.cost_upaise;
        };
        for halt in halts {
            if let Reason::Fuel { buy_ml, paise_per_l, .. } = halt.reason {
                burn(&mut tank, ml(Mark::burned_ul(marks, halt.at_m)));
                paid_upaise += tank.refuel(buy_ml * 1_000, paise_per_l).cost_upaise;
                bought_ml += buy_ml;
            }
        }
        let burned_ml = ml(last.burned_ul);
        burn(&mut tank, burned_ml);
        // A way that the tank does not reach is paid as if there were pumps, at the price of its start.
        let beyond_ml = burned_ml.saturating_sub(start_ml + bought_ml);
        let beyond_upaise = beyond_ml * 1_000 * u64::from(price.unwrap_or(0));
        Fuel {
            start_ml,
            bought_ml,
            burned_ml,
            end_ml: (start_ml + bought_ml).saturating_sub(burned_ml),
            cost_upaise: price.map(|_| cost_upaise + beyond_upaise),
            paid_upaise,
            gap,
        }
    }
}

/// Where to buy fuel on the way ahead.
#[derive(Debug, Default)]
struct FuelPlan {
    stops: Vec<FuelStop>,
    gap: Option<Gap>,
}

/// Whole millilitres of so many microlitres.
#[expect(clippy::cast_sign_loss, reason = "fuel is not negative; the cast saturates")]
fn ml(ul: f64) -> u64 {
    (ul * 1e-3) as u64
}
