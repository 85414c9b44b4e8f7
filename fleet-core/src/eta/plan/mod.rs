//! A timetable before departure, and what is left of it under way.
//!
//! A [`Planner`] is a truck with its load and crew on a network. It drives a route in its mind, piece
//! by piece: towns and seasons slow it, trucks are barred from towns and wait, boats sail in their
//! hours, drivers rest as the law says, and fuel is bought where that is cheapest. The result is a
//! [`Timetable`]: when the truck is where, what it burned, where it stood and why. The same from the
//! middle of a route, with the crew's hours and the tank as they are there, is the ETA.
//!
//! What cannot be known ahead (rain, queues, closures) is not in a timetable: [`Band`] says by how
//! much arrivals differed.
//!
//! ```
//! use fleet_core::{eta::{Planner, Progress}, physics::TruckModel, route::BuiltinRouter};
//! let router = BuiltinRouter::ne_india();
//! let node = |id| router.network().node(id).ok_or("no such place");
//! let route = router.route_nodes(node("guwahati")?, node("tawang")?)?;
//! let planner = Planner::new(router.network(), TruckModel::find("rigid_6x2_25t5")?, 16_000.0)?;
//! let departs = "2026-01-05T05:00:00+05:30".parse()?;
//! let table = planner.plan(&route, &planner.departure(Some(departs)))?;
//! assert!(table.stopped_s() > 9.0 * 3_600.0, "the driver sleeps once");
//! let half_way = table.progress_at(0.5 * route.length_m);
//! let left = planner.plan(&route, &half_way)?;
//! assert!(left.total_s() < table.total_s());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Band`]: super::Band

mod drive;
mod fuel;
mod halts;
mod timetable;

use std::sync::Arc;

pub use self::{
    fuel::Fuel,
    halts::{Gap, Halt, Reason, RestPlace},
    timetable::Timetable,
};
use super::{Haul, guarded_zone};
use crate::{
    Error, Result,
    driver::{DutyClock, HoursRules},
    physics::{TruckModel, Vehicle},
    route::{Network, Route, ZoneIx},
    time::Time,
};

/// Trucks above this are goods vehicles of class N3, which towns bar, kg.
const HEAVY_KG: f64 = 12_000.0;
/// How fast drivers go, relative to what is allowed: the mean of the simulated fleet (estimate).
const USUAL_SHARE: f64 = 0.95;

/// What decides the speed of a planned truck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pacing {
    /// Each road's own speed for loaded trucks, as the router counts it: no hour, no zone, no grade,
    /// and halts take no time.
    FreeFlow,
    /// What this truck with its load makes of grade, zone and hour.
    Usual,
}

/// A truck with its load and its crew, on the roads of a network.
#[derive(Clone, Debug)]
pub struct Planner<'n> {
    network: &'n Network,
    vehicle: Vehicle,
    haul: Haul,
    payload_kg: f64,
    drivers: u32,
    rules: HoursRules,
    pacing: Pacing,
}

/// A truck somewhere on its route: what decides the rest of its way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Metres from the start of the route.
    pub at_m: f64,
    /// When; `None` plans without clock and calendar: no traffic but the usual off-peak one, nothing
    /// barred or shut.
    pub time: Option<Time>,
    /// Speed, m/s.
    pub speed_mps: f64,
    /// The crew's hours.
    pub duty: DutyClock,
    /// Fuel in the tank, ml.
    pub tank_ml: u64,
    /// The town that let the truck in, if it is in one that bars trucks at some hours.
    pub admitted: Option<ZoneIx>,
    /// Where the crew means to rest next, m from the start of the route, if a rest is due.
    pub rest: Option<(f64, RestPlace)>,
}

impl<'n> Planner<'n> {
    /// One driver, who keeps the law, and `payload_kg` on a truck of this model.
    ///
    /// # Errors
    /// `Invalid`, with the model's name and limit, if it may not carry so much, or if the model
    /// itself is refused.
    pub fn new(network: &'n Network, model: Arc<TruckModel>, payload_kg: f64) -> Result<Self> {
        let most_kg = model.payload_max_kg;
        if !(0.0..=most_kg).contains(&payload_kg) {
            let (id, most_t, asked_t) = (&model.id, most_kg * 1e-3, payload_kg * 1e-3);
            return Err(Error::invalid(format!(
                "load: {asked_t} t is outside what {id} may carry: 0 to {most_t} t"
            )));
        }
        let mass_kg = model.kerb_kg + payload_kg;
        let haul = Haul::new(&model, mass_kg);
        let vehicle = Vehicle::new(model, mass_kg)?;
        let (rules, pacing) = (HoursRules::STRICT, Pacing::Usual);
        Ok(Self { network, vehicle, haul, payload_kg, drivers: 1, rules, pacing })
    }

    /// So many drivers on board, at least one: one can sleep while another drives.
    #[must_use]
    pub fn with_drivers(self, drivers: u32) -> Self {
        Self { drivers: drivers.max(1), ..self }
    }

    /// Other rules on hours than the law's.
    #[must_use]
    pub fn with_rules(self, rules: HoursRules) -> Self {
        Self { rules, ..self }
    }

    /// Another idea of speed than [`Pacing::Usual`].
    #[must_use]
    pub fn with_pacing(self, pacing: Pacing) -> Self {
        Self { pacing, ..self }
    }

    /// The truck.
    pub fn model(&self) -> &TruckModel {
        self.vehicle.model()
    }

    /// What it carries, kg.
    pub fn payload_kg(&self) -> f64 {
        self.payload_kg
    }

    /// Drivers on board.
    pub fn drivers(&self) -> u32 {
        self.drivers
    }

    /// What decides its speed.
    pub fn pacing(&self) -> Pacing {
        self.pacing
    }

    /// The roads it drives on.
    pub fn network(&self) -> &'n Network {
        self.network
    }

    /// The start of a route: a rested crew, and the tank as full as it is filled.
    pub fn departure(&self, time: Option<Time>) -> Progress {
        Progress {
            at_m: 0.0,
            time,
            speed_mps: 0.0,
            duty: DutyClock::default(),
            tank_ml: self.capacity_ml(),
            admitted: None,
            rest: None,
        }
    }

    /// The rest of `route` from where `start` is.
    ///
    /// # Errors
    /// `Invalid` if that is not on the route, or if more is in the tank than fits.
    pub fn plan(&self, route: &Route, start: &Progress) -> Result<Timetable> {
        if !(0.0..=route.length_m).contains(&start.at_m) {
            let (at_m, length_m) = (start.at_m, route.length_m);
            return Err(Error::invalid(format!("at_m: {at_m} is outside 0 to {length_m}")));
        }
        let most_ml = whole_ml(self.model().fuel_tank_l);
        if start.tank_ml > most_ml {
            let tank_ml = start.tank_ml;
            return Err(Error::invalid(format!("tank_ml: {tank_ml} is above {most_ml}")));
        }
        let mut start = *start;
        if start.at_m <= 0.0 {
            // A truck that starts within a town is in already.
            let first = route.pieces.first().filter(|_| self.is_heavy());
            start.admitted = first.and_then(|piece| guarded_zone(self.network, &piece));
        }
        Ok(self.with_fuel(route, start))
    }

    /// What the tank is filled to at most, ml.
    pub fn capacity_ml(&self) -> u64 {
        whole_ml(self.model().fuel_tank_l * self.model().refuel_target_fraction)
    }

    /// What stays in the tank whatever happens, ml.
    pub fn reserve_ml(&self) -> u64 {
        whole_ml(self.model().fuel_tank_l * self.model().reserve_fraction)
    }

    /// Whether towns with a ban bar this truck.
    fn is_heavy(&self) -> bool {
        self.model().gvw_kg > HEAVY_KG
    }

    /// Axles as toll plazas count them: as its type has, and at least as many as the axle law asks
    /// for its gross weight (S.O. 3467(E), 16 Jul 2018: two carry 18.5 t, three 28.5 t).
    pub fn axles(&self) -> u8 {
        let wheels = self.model().axle_config.split('x').next();
        let wheels = wheels.and_then(|wheels| wheels.parse::<u8>().ok()).unwrap_or(4);
        let by_weight = match self.model().gvw_kg {
            ..=18_500.0 => 2,
            ..=28_500.0 => 3,
            _ => 4,
        };
        (wheels / 2).max(by_weight)
    }
}

/// Whole millilitres of so many litres.
#[expect(clippy::cast_sign_loss, reason = "volumes are positive; the cast saturates")]
fn whole_ml(litres: f64) -> u64 {
    (litres * 1e3) as u64
}

#[cfg(test)]
mod tests;
