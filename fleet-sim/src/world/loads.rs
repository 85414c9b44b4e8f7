//! How long it takes to load a truck, and when gates are open.

use fleet_core::{
    route::{Depot, Network, NodeIx},
    time::Time,
};

use super::truck::Truck;

/// Where there is no depot people load by hand, minutes a tonne (estimate).
const BY_HAND_MIN_PER_T: f64 = 4.0;
/// The first load is nearly on the truck when the world begins, and the gates are open for it.
const FIRST_LOADING_MIN: f64 = 0.4;

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
    let minute = now.ist_minute_of_day();
    depot_at(node).map_or(0.0, |depot| f64::from(depot.hours_ist.opens_in_min(minute)))
}

impl Truck {
    /// A queue, and so many minutes a tonne; scattered.
    pub(super) fn loading_min(&self, payload_kg: f64, draw: u64) -> f64 {
        if self.state.jobs <= 1 {
            return FIRST_LOADING_MIN;
        }
        if payload_kg <= 0.0 {
            return 10.0;
        }
        // 15 to 120 minutes, mostly short (estimate).
        let queue = self.fixed.dwell.uniform(draw + 4);
        let queue_min = 15.0 + 105.0 * queue * queue;
        let depot = depot_at(self.state.node);
        let min_per_t = depot.map_or(BY_HAND_MIN_PER_T, |depot| depot.loading_min_per_t);
        queue_min + dwell_min(min_per_t * payload_kg * 1e-3, self.fixed.dwell.normal(draw + 1))
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
