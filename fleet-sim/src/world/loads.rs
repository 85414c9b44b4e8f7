//! What to carry next, and how long it takes to load it.

use fleet_core::{
    domain::{Counters, Delays},
    eta::{ServiceClass, promised_hours},
    route::{BuiltinRouter, Depot, Flow, FlowPair, Network, NodeIx, Route},
    time::Time,
    units::round_to,
};

use super::{
    calendar,
    job::Job,
    truck::{Phase, Truck},
};

/// What is carried next; nothing on the way to where a load waits.
struct Load {
    to: NodeIx,
    commodity: String,
    payload_kg: f64,
    class: ServiceClass,
}

/// The first load is nearly on the truck when the world begins, and the gates are open for it.
const FIRST_LOADING_MIN: f64 = 2.0;

/// Minutes around `median_min`, skewed like a log-normal of σ 0.5, from a half to three times.
pub(super) fn dwell_min(median_min: f64, z: f64) -> f64 {
    let x = 0.5 * z;
    median_min * (1.0 + x + 0.5 * x * x).min(3.0)
}

pub(super) fn minutes(minutes: f64) -> i64 {
    (minutes * 60.0) as i64 * 1_000
}

/// The depot at a place, if there is one.
fn depot_at(node: NodeIx) -> Option<&'static Depot> {
    Network::ne_india().depots().iter().find(|depot| depot.node == node)
}

/// Minutes until the gate at a place opens; 0 where it is open, or where there is none.
pub(super) fn gate_min(node: NodeIx, now: Time) -> f64 {
    let minute = calendar::minute_of_day(now);
    depot_at(node).map_or(0.0, |depot| f64::from(depot.hours_ist.opens_in_min(minute)))
}

fn class(flow: &Flow) -> ServiceClass {
    let is_express = flow.perishable || flow.commodity == "parcel";
    if is_express { ServiceClass::Express } else { ServiceClass::Standard }
}

impl Truck {
    /// Takes a load that waits here, or runs to a place nearby where one does.
    pub(super) fn choose_job(&mut self, now: Time) {
        let draw = self.state.jobs * 8;
        let load = self.next_load(draw);
        self.state.jobs += 1;
        let Ok(route) = BuiltinRouter::ne_india().route_nodes(self.state.node, load.to) else {
            // A place without a road to it is given up.
            self.enter(Phase::Idle { until: now.plus_ms(3_600_000) }, now);
            return;
        };
        let loading_min = self.loading_min(load.payload_kg, draw);
        self.state.job = Some(self.job(load, &route, now));
        self.state.at_m = 0.0;
        self.enter(Phase::Loading { until: now.plus_ms(minutes(loading_min)) }, now);
        self.follow_job(now);
    }

    fn next_load(&self, draw: u64) -> Load {
        let network = Network::ne_india();
        let here = self.state.node;
        let lanes = || {
            network.flows().iter().flat_map(|flow| flow.pairs.iter().map(move |pair| (flow, pair)))
        };
        let total: f64 = lanes().filter(|(_, p)| p.from == here).map(|(_, p)| p.weight).sum();
        let mut left = total * self.fixed.loads.uniform(draw);
        let chosen = lanes().filter(|(_, pair)| pair.from == here).find(|(_, pair)| {
            left -= pair.weight;
            left < 0.0
        });
        let Some((flow, FlowPair { to, .. })) = chosen else {
            let to = self.next_origin(draw + 2);
            let commodity = "empty".to_owned();
            return Load { to, commodity, payload_kg: 0.0, class: ServiceClass::Standard };
        };
        let share = 0.85 + 0.15 * self.fixed.loads.uniform(draw + 1);
        let load_kg = flow.typical_load_t * 1_000.0 * share;
        let payload_kg = round_to(load_kg.min(self.fixed.model.payload_max_kg), 0);
        Load { to: *to, commodity: flow.commodity.clone(), payload_kg, class: class(flow) }
    }

    /// The job of `load`, promised from now on.
    #[expect(clippy::cast_sign_loss, reason = "hours of rest are positive")]
    fn job(&self, load: Load, route: &Route, now: Time) -> Job {
        let sla = Network::ne_india().sla();
        let hours = promised_hours(route, sla, load.class);
        let is_express = load.class == ServiceClass::Express;
        let rest = &sla.long_haul_rest_hours;
        let has_rest = !is_express && route.length_m > rest.over_km * 1e3;
        Job {
            trip_id: self.fixed.id.trip(self.state.jobs),
            from: self.state.node,
            to: load.to,
            commodity: load.commodity,
            payload_kg: load.payload_kg,
            is_express,
            promised_at: now.plus_ms((hours * 3_600.0) as i64 * 1_000),
            promised_rest_s: if has_rest { (rest.hours * 3_600.0) as u64 } else { 0 },
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

    /// At a depot a queue and so many minutes a tonne, elsewhere two hours and a half; scattered.
    fn loading_min(&self, payload_kg: f64, draw: u64) -> f64 {
        let z = self.fixed.dwell.normal(draw + 1);
        match depot_at(self.state.node) {
            _ if self.state.jobs <= 1 => FIRST_LOADING_MIN,
            _ if payload_kg <= 0.0 => 10.0,
            Some(depot) => {
                // 15 to 120 minutes, mostly short (estimate).
                let queue = self.fixed.dwell.uniform(draw + 4);
                let queue_min = 15.0 + 105.0 * queue * queue;
                queue_min + dwell_min(depot.loading_min_per_t * payload_kg * 1e-3, z)
            }
            None => dwell_min(150.0, z),
        }
    }

    /// One of the three nearest places where loads begin.
    fn next_origin(&self, draw: u64) -> NodeIx {
        let network = Network::ne_india();
        let here = self.state.node;
        let from = network.node_at(here).position;
        let mut origins: Vec<(f64, NodeIx)> = network
            .flows()
            .iter()
            .flat_map(|flow| flow.pairs.iter().map(|pair| pair.from))
            .filter(|node| *node != here)
            .map(|node| {
                (fleet_core::geo::great_circle_m(from, network.node_at(node).position), node)
            })
            .collect();
        origins.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        origins.dedup_by_key(|(_, node)| *node);
        let choices = origins.len().min(3) as u64;
        let pick = usize::try_from(self.fixed.loads.below(draw, choices)).unwrap_or(0);
        origins.get(pick).map_or(here, |(_, node)| *node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_of_depots_open_in_the_morning_and_towns_without_one_have_none() {
        let network = Network::ne_india();
        let midnight = Time::from_ms(1_767_551_400_000); // 5 January 00:00 IST
        let at = |id: &str, minute: i64| {
            gate_min(network.node(id).unwrap(), midnight.plus_ms(minute * 60_000))
        };
        let [midnight_min, late_min] = [0, 23 * 60].map(|minute| at("tezpur", minute));
        assert!((midnight_min - 360.0).abs() < 1e-9 && (late_min - 420.0).abs() < 1e-9);
        for (id, minute) in [("tezpur", 12 * 60), ("guwahati", 0), ("nongpoh", 0)] {
            assert!(at(id, minute) <= 0.0, "{id}");
        }
    }
}
