//! Which load a truck takes next, and with how many drivers.
//!
//! A load may wait here or elsewhere: a dispatcher weighs how often a lane is asked for against the
//! empty kilometres to its beginning. He sends as few drivers as can keep the promise within the law's
//! hours, fresh ones if that is what it takes.

use std::sync::LazyLock;

use fleet_core::{
    domain::{Counters, Delays},
    driver::Due,
    eta::{ServiceClass, promised_hours, promised_rest_hours},
    geo::great_circle_m,
    route::{Flow, FlowPair, Network, NodeIx, Route},
    time::Time,
    units::round_to,
};

use super::{
    halts::HOURS,
    job::Job,
    loads::minutes,
    truck::{Body, Phase, Truck},
};

/// A commodity from one place to another.
struct Lane {
    flow: &'static Flow,
    pair: &'static FlowPair,
}

static LANES: LazyLock<Vec<Lane>> = LazyLock::new(|| {
    let lanes = |flow: &'static Flow| flow.pairs.iter().map(move |pair| Lane { flow, pair });
    Network::ne_india().flows().iter().flat_map(lanes).collect()
});

/// Roads are this much longer than the great circle (estimate).
const DETOUR: f64 = 1.35;
/// A dispatcher thinks half as much of a load that begins so far away, km (estimate).
const FAR_KM: f64 = 200.0;
/// Traffic, on top of driving freely (estimate).
const TRAFFIC: f64 = 1.1;
/// A stop at a pump, s (estimate).
const PUMP_S: f64 = 1_800.0;
/// Standing while the truck is loaded, as far as a dispatcher counts on it, s.
const LOADING_S: u32 = 3_600;

/// What is carried next; nothing on the way to where a load waits.
struct Load {
    to: NodeIx,
    commodity: String,
    payload_kg: f64,
    class: ServiceClass,
    /// The lane that waits at the end of an empty run.
    booked: Option<u16>,
}

fn class(flow: &Flow) -> ServiceClass {
    let is_express = flow.perishable || flow.commodity == "parcel";
    if is_express { ServiceClass::Express } else { ServiceClass::Standard }
}

/// How urgent a commodity is; what is no cargo is not urgent.
pub(crate) fn service_class(commodity: &str) -> ServiceClass {
    let flows = Network::ne_india().flows();
    let flow = flows.iter().find(|flow| flow.commodity == commodity);
    flow.map_or(ServiceClass::Standard, class)
}

/// Whether a truck with this body carries it.
fn suits(body: Body, commodity: &str) -> bool {
    match body {
        Body::Tanker => commodity == "petroleum",
        Body::Cold => matches!(commodity, "fish_poultry" | "fruit" | "fmcg" | "parcel"),
        Body::Open => !matches!(commodity, "petroleum" | "fish_poultry"),
    }
}

/// What a lane is worth to a truck that is `here`: its weight, times the cube of the share of the way
/// that is paid for, less the farther it begins.
fn worth(lane: &Lane, here: NodeIx) -> f64 {
    let network = Network::ne_india();
    let at = |node| network.node_at(node).position;
    let empty_km = if lane.pair.from == here {
        0.0
    } else {
        great_circle_m(at(here), at(lane.pair.from)) * 1e-3 * DETOUR
    };
    let paid = lane.pair.road_km / (lane.pair.road_km + empty_km);
    let far = empty_km / FAR_KM;
    lane.pair.weight * (paid * paid * paid) / (1.0 + far * far)
}

/// Who drives, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crew {
    Now(u32),
    /// So many seconds later: only a rested crew can keep the promise.
    Rested(u32),
}

impl Truck {
    /// Takes the next load, or runs to where it waits; rests first if that is needed to be in time.
    pub(super) fn choose_job(&mut self, now: Time) {
        let draw = self.state.jobs * 8;
        let load = self.next_load(draw);
        let Ok(route) = self.ways.find(&self.next_trip(), self.state.node, load.to) else {
            // A place without a road to it is given up.
            (self.state.jobs, self.state.booked) = (self.state.jobs + 1, None);
            self.enter(Phase::Idle { until: now.plus_ms(3_600_000) }, now);
            return;
        };
        let hours = promised_hours(&route, Network::ne_india().sla(), load.class);
        let drivers = match self.crew_for(&route, load.payload_kg, hours) {
            Crew::Now(drivers) => drivers,
            Crew::Rested(after_s) => {
                let until = now.plus_ms(i64::from(after_s) * 1_000);
                self.enter(Phase::OffDuty { until }, now);
                return;
            }
        };
        self.state.jobs += 1;
        self.state.booked = load.booked;
        let loading_min = self.loading_min(load.payload_kg, draw);
        self.state.job = Some(self.job(load, &route, drivers, now));
        self.state.at_m = 0.0;
        self.enter(Phase::Loading { until: now.plus_ms(minutes(loading_min)) }, now);
        self.follow_job(now);
    }

    /// Where the next job leads.
    pub(super) fn next_destination(&self) -> NodeIx {
        self.next_load(self.state.jobs * 8).to
    }

    fn next_load(&self, draw: u64) -> Load {
        let here = self.state.node;
        let lane_ix = self.state.booked.unwrap_or_else(|| self.draw_lane(draw));
        let lane = &LANES[usize::from(lane_ix).min(LANES.len() - 1)];
        if lane.pair.from != here {
            return Load {
                to: lane.pair.from,
                commodity: "empty".to_owned(),
                payload_kg: 0.0,
                class: ServiceClass::Standard,
                booked: Some(lane_ix),
            };
        }
        let share = 0.85 + 0.15 * self.fixed.loads.uniform(draw + 1);
        let load_kg = lane.flow.typical_load_t * 1_000.0 * share;
        Load {
            to: lane.pair.to,
            commodity: lane.flow.commodity.clone(),
            payload_kg: round_to(load_kg.min(self.fixed.model.payload_max_kg), 0),
            class: class(lane.flow),
            booked: None,
        }
    }

    /// One of the lanes that suit the truck, the more likely the more it is worth from here.
    fn draw_lane(&self, draw: u64) -> u16 {
        let here = self.state.node;
        let worth = |lane: &Lane| {
            let suits = suits(self.fixed.body, &lane.flow.commodity);
            if suits { worth(lane, here) } else { 0.0 }
        };
        let worths: Vec<f64> = LANES.iter().map(worth).collect();
        let mut left = worths.iter().sum::<f64>() * self.fixed.loads.uniform(draw);
        let chosen = worths.iter().zip(0..).find(|(worth, _)| {
            left -= **worth;
            left < 0.0
        });
        chosen.map_or(0, |(_, lane)| lane)
    }

    /// The fewest drivers that keep a promise of `hours`, if need be after a rest; a day off only where
    /// a second driver is no help; two drivers if nothing is.
    fn crew_for(&self, route: &Route, payload_kg: f64, hours: f64) -> Crew {
        let handling_h = Network::ne_india().sla().handling_hours;
        let driving_s = self.driving_s(route, payload_kg) * TRAFFIC;
        let left_s = (hours - handling_h) * 3_600.0 - driving_s - PUMP_S;
        #[expect(clippy::cast_sign_loss, reason = "seconds of driving are positive")]
        let in_time = |drivers: u32, rest_s: u32| {
            let mut clock = self.state.duty;
            clock.stand(&HOURS, rest_s + LOADING_S);
            f64::from(clock.rest_ahead_s(&HOURS, driving_s as u32, drivers)) <= left_s
        };
        let [night_s, day_off_s] =
            [Due::OffDuty, Due::DayOff].map(|due| self.state.duty.stand_s(&HOURS, due));
        let ways = [(1, 0), (1, night_s), (2, 0), (2, night_s), (1, day_off_s), (2, day_off_s)];
        match ways.into_iter().find(|&(drivers, rest_s)| in_time(drivers, rest_s)) {
            Some((drivers, 0)) => Crew::Now(drivers),
            Some((_, rest_s)) => Crew::Rested(rest_s),
            None => Crew::Now(2),
        }
    }

    /// The job of `load` over `route`, promised from now on.
    #[expect(clippy::cast_sign_loss, reason = "hours of rest are positive")]
    fn job(&self, load: Load, route: &Route, drivers: u32, now: Time) -> Job {
        let sla = Network::ne_india().sla();
        let promised_ms = (promised_hours(route, sla, load.class) * 3_600.0) as i64 * 1_000;
        let rest_hours = promised_rest_hours(route, sla, load.class);
        Job {
            trip_id: self.fixed.id.trip(self.state.jobs),
            from: self.state.node,
            to: load.to,
            commodity: load.commodity,
            payload_kg: load.payload_kg,
            drivers,
            booked_at: now,
            promised_at: now.plus_ms(promised_ms),
            promised_rest_s: (rest_hours * 3_600.0) as u64,
            started_at: None,
            counters_at_start: Counters::default(),
            tank_at_start_ml: 0,
            refuelled_at_start_ml: 0,
            refuellings: Vec::new(),
            eta_at_departure: None,
            revision: 0,
            max_speed_mps: 0.0,
            idle_s: 0,
            rest_s: 0,
            traffic_s: 0.0,
            weather_s: 0.0,
            delays: Delays::default(),
        }
    }
}
