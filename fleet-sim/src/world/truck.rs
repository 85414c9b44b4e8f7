//! One truck: what it is, what it is doing, and how it comes to be.

use std::{
    ops::Range,
    sync::{Arc, LazyLock},
};

use fleet_core::{
    Error, Result,
    domain::{Counters, DriverId, Genesis, Refuelling, RegisteredTruck, RouterKind, TruckId},
    driver::DutyClock,
    eta::ambient_c,
    physics::{TruckModel, Vehicle, VehicleState, tank::Tank},
    random::Stream,
    route::{Network, NodeIx, Piece, Route, ZoneIx},
    time::Time,
};
use serde::{Deserialize, Serialize};

use super::{Glance, Output, drive::Scene, job::Job, ways::Ways};

/// What the truck is doing, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    Idle {
        until: Time,
    },
    /// At rest before the next load.
    OffDuty {
        until: Time,
    },
    Loading {
        until: Time,
    },
    Driving,
    Refuelling {
        station: u16,
        until: Time,
        buy_ml: u64,
    },
    Resting {
        until: Time,
    },
    /// Before a closed road.
    Closed {
        until: Time,
    },
    /// Before a town that bars trucks at this hour.
    Barred {
        until: Time,
    },
    Unloading {
        until: Time,
    },
    /// Out of fuel, waiting for help.
    Stranded {
        until: Time,
    },
}

/// Why the truck will halt at a place ahead.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Halt {
    Station(u16, f64),
    Rest(f64),
}

/// A pump at which the truck will buy fuel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FuelStop {
    /// Its place in the network's list.
    pub(super) station: u16,
    /// Metres from the start of the route.
    pub(super) at_m: f64,
    pub(super) buy_ml: u64,
}

/// All of a truck that changes: a checkpoint is a copy of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TruckState {
    /// Everything before this is done.
    pub(super) now: Time,
    pub(super) phase: Phase,
    /// Since when.
    pub(super) phase_since: Time,
    /// Where it stands, or from where it drives.
    pub(super) node: NodeIx,
    pub(super) vehicle: VehicleState,
    pub(super) vibration_mps2: f64,
    pub(super) tank: Tank,
    pub(super) fuel_remainder_ul: f64,
    pub(super) distance_remainder_mm: f64,
    pub(super) refuelled_ml: u64,
    pub(super) counters: Counters,
    pub(super) seq: u64,
    pub(super) next_report: Time,
    pub(super) refuelling: Option<Refuelling>,
    pub(super) jobs: u64,
    pub(super) job: Option<Job>,
    /// The lane whose load waits at the end of an empty run.
    pub(super) booked: Option<u16>,
    /// Place on the route, m.
    pub(super) at_m: f64,
    pub(super) halt: Option<Halt>,
    /// The next pump of the plan.
    pub(super) fuel_stop: Option<FuelStop>,
    /// The town that let the truck in, while it is there.
    pub(super) admitted: Option<ZoneIx>,
    pub(super) duty: DutyClock,
}

/// What a truck is built to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Open,
    Tanker,
    Cold,
}

/// What holds for the truck's life.
#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) seed: u64,
    pub(super) id: TruckId,
    pub(super) driver: DriverId,
    pub(super) model: Arc<TruckModel>,
    pub(super) body: Body,
    pub(super) depot: &'static str,
    /// How fast the driver goes, relative to what is usual.
    pub(super) pace: f64,
    pub(super) odometer_m: u64,
    pub(super) tank_start_ml: u64,
    pub(super) reports: Stream,
    pub(super) noise: Stream,
    pub(super) dwell: Stream,
    pub(super) loads: Stream,
    pub(super) flow: Stream,
}

#[derive(Debug)]
pub(super) struct Truck {
    pub(super) fixed: Fixed,
    pub(super) state: TruckState,
    // What follows is derived from the state; it is never saved.
    pub(super) vehicle: Vehicle,
    pub(super) ways: Ways,
    pub(super) route: Option<Arc<Route>>,
    pub(super) piece: usize,
    /// Where that piece lies, once it was looked at: most steps end on the piece they began on.
    pub(super) piece_m: Range<f64>,
    pub(super) scene: Option<Scene>,
}

/// No part of a route.
pub(super) const NOWHERE: Range<f64> = 0.0..0.0;

/// Models by what they mostly carry, and how common they are in the fleet.
const MODELS: [(&str, u64); 5] = [
    ("rigid_4x2_18t5", 4),
    ("rigid_6x2_25t5", 5),
    ("rigid_6x2_31t", 5),
    ("light_4x2_7t5", 1),
    ("rigid_10x2_37t", 1),
];
/// Engines run on after a halt begins, so that turbo and coolant settle, ms.
pub(super) const ENGINE_OFF_AFTER_MS: i64 = 180_000;

fn model(draw: u64) -> Result<Arc<TruckModel>> {
    let known = |(id, _): &&(&str, u64)| TruckModel::find(id).is_ok();
    let total: u64 = MODELS.iter().filter(known).map(|(_, weight)| weight).sum();
    let mut left = draw % total.max(1);
    for (id, weight) in MODELS.iter().filter(known) {
        if left < *weight {
            return TruckModel::find(id);
        }
        left -= weight;
    }
    Err(Error::internal("no truck model"))
}

/// Tankers and cold boxes are as common as loads for them in the network's flows, on big trucks.
fn body(model: &TruckModel, draw: f64) -> Body {
    const BIG_KG: f64 = 12_000.0;
    match draw {
        _ if model.gvw_kg < BIG_KG => Body::Open,
        _ if draw < 0.12 => Body::Tanker,
        _ if draw < 0.16 => Body::Cold,
        _ => Body::Open,
    }
}

impl Fixed {
    fn new(seed: u64, number: u32) -> Result<(Self, NodeIx)> {
        let id = TruckId::simulated(number);
        let network = Network::ne_india();
        let nature = Stream::new(seed, id.as_str(), "nature");
        let homes: u64 = network.depots().iter().map(|depot| u64::from(depot.home_trucks)).sum();
        let mut left = nature.below(0, homes.max(1));
        let depot = network.depots().iter().find(|depot| {
            let here = u64::from(depot.home_trucks);
            let is_here = left < here;
            left = left.saturating_sub(here);
            is_here
        });
        let depot = depot.or(network.depots().first());
        let depot = depot.ok_or_else(|| Error::internal("the network has no depot"))?;
        let model = model(nature.bits(1))?;
        let tank_ml = model.fuel_tank_l * 1e3;
        #[expect(clippy::cast_sign_loss, reason = "a share of a tank is positive")]
        let tank_start_ml = (tank_ml * (0.4 + 0.5 * nature.uniform(2))) as u64;
        let stream = |purpose| Stream::new(seed, id.as_str(), purpose);
        let fixed = Self {
            seed,
            driver: format!("DRV-{number:06}").parse()?,
            body: body(&model, nature.uniform(5)),
            model,
            depot: &depot.id,
            pace: (0.95 + 0.05 * nature.normal(3)).clamp(0.85, 1.05),
            odometer_m: nature.below(4, 400_000_000),
            tank_start_ml,
            reports: stream("reports"),
            noise: stream("sensor noise"),
            dwell: stream("dwell"),
            loads: stream("loads"),
            flow: stream("flow"),
            id,
        };
        Ok((fixed, depot.node))
    }
}

impl Truck {
    /// A truck at its depot at the beginning of the world.
    pub(super) fn new(genesis: &Genesis, number: u32) -> Result<Self> {
        let (start, (fixed, node)) = (genesis.start, Fixed::new(genesis.seed, number)?);
        let network = Network::ne_india();
        let place = network.node_at(node);
        let ambient_c = ambient_c(place.altitude_m, Some(start));
        let capacity_ul = whole(fixed.model.fuel_tank_l * 1e6);
        let price = super::pumps::price_paise_per_l(network, place.state);
        // The world begins in the middle of a working day, not with thirty empty trucks: they set
        // off within the first minute (`FIRST_LOADING_MIN`), one after the other.
        let idle_ms = fixed.dwell.below(0, 30).cast_signed() * 1_000;
        let report_ms = fixed.reports.below(0, 30).cast_signed() * 1_000;
        let state = TruckState {
            now: start,
            phase: Phase::Idle { until: start.plus_ms(idle_ms) },
            phase_since: start.plus_ms(-ENGINE_OFF_AFTER_MS),
            node,
            vehicle: VehicleState::parked(ambient_c),
            vibration_mps2: 0.0,
            tank: Tank::new(capacity_ul, fixed.tank_start_ml * 1_000, price),
            fuel_remainder_ul: 0.0,
            distance_remainder_mm: 0.0,
            refuelled_ml: 0,
            counters: Counters::default(),
            seq: 0,
            next_report: start.plus_ms(report_ms),
            refuelling: None,
            jobs: 0,
            job: None,
            booked: None,
            at_m: 0.0,
            halt: None,
            fuel_stop: None,
            admitted: None,
            duty: DutyClock::default(),
        };
        Self::assemble(fixed, state, genesis.router)
    }

    /// A truck on the built-in router's ways.
    #[cfg(test)]
    pub(super) fn builtin(seed: u64, number: u32, start: Time) -> Result<Self> {
        Self::new(&super::World::beginning(seed, start), number)
    }

    /// The truck of a checkpoint.
    pub(super) fn resume(genesis: &Genesis, number: u32, state: TruckState) -> Result<Self> {
        Self::assemble(Fixed::new(genesis.seed, number)?.0, state, genesis.router)
    }

    fn assemble(fixed: Fixed, state: TruckState, router: RouterKind) -> Result<Self> {
        let vehicle = empty(&fixed.model)?;
        let (ways, route, scene) = (Ways::of(router), None, None);
        let mut truck =
            Self { fixed, state, vehicle, ways, route, piece: 0, piece_m: NOWHERE, scene };
        match router {
            RouterKind::Builtin => truck.take_up_route()?,
            RouterKind::Osrm => truck.load()?, // the way is told before anything happens
        }
        Ok(truck)
    }

    /// Makes what is derived from the job: route, place on it, mass.
    pub(super) fn take_up_route(&mut self) -> Result<()> {
        self.scene = None;
        self.load()?;
        self.route = match &self.state.job {
            Some(job) => Some(self.ways.find(&job.trip_id, job.from, job.to)?),
            None => None,
        };
        self.piece = self.route.as_ref().map_or(0, |route| {
            let past = route.pieces.partition_point(|piece| piece.start_m <= self.state.at_m);
            past.saturating_sub(1)
        });
        self.piece_m = NOWHERE;
        Ok(())
    }

    /// Puts on board what the job says.
    fn load(&mut self) -> Result<()> {
        let payload_kg = self.payload_kg();
        self.vehicle.set_mass(self.fixed.model.kerb_kg + payload_kg)?;
        Ok(())
    }

    /// The piece of road under the wheels; none without a route.
    pub(super) fn under(&self) -> Option<Piece> {
        self.route.as_ref()?.pieces.get(self.piece)
    }

    pub(super) fn id(&self) -> &TruckId {
        &self.fixed.id
    }

    /// What is on board, kg.
    pub(super) fn payload_kg(&self) -> f64 {
        let on_board = match self.state.phase {
            Phase::Idle { .. } | Phase::OffDuty { .. } | Phase::Loading { .. } => false,
            Phase::Driving | Phase::Refuelling { .. } | Phase::Resting { .. } => true,
            Phase::Closed { .. } | Phase::Barred { .. } => true,
            Phase::Unloading { .. } | Phase::Stranded { .. } => true,
        };
        self.state.job.as_ref().filter(|_| on_board).map_or(0.0, |job| job.payload_kg)
    }

    pub(super) fn registered(&self) -> RegisteredTruck {
        let model = &self.fixed.model;
        RegisteredTruck {
            truck_id: self.fixed.id.clone(),
            model: model.id.clone(),
            model_name: model.name.clone(),
            depot: self.fixed.depot.to_owned(),
            kerb_kg: model.kerb_kg,
            payload_max_kg: model.payload_max_kg,
            fuel_tank_l: model.fuel_tank_l,
        }
    }

    pub(super) fn glance(&self) -> Glance<'_> {
        let under = self.under();
        Glance {
            truck_id: &self.fixed.id,
            counters: self.state.counters,
            is_driving: self.state.phase == Phase::Driving,
            drivers: self.crew(),
            terrain: under.map(|piece| piece.terrain),
        }
    }

    /// Everything before `to`, second by second; less if a way has to be told first.
    pub(super) fn advance(&mut self, to: Time, sent: &mut Vec<(Time, Output)>) {
        while self.state.now.plus_ms(1_000) <= to {
            let now = self.state.now;
            if self.stands_still(now) {
                return;
            }
            let quiet_s = self.quiet_s(now, to);
            if quiet_s > 0 && self.pass(quiet_s) {
                self.state.now = now.plus_ms(i64::from(quiet_s) * 1_000);
                continue;
            }
            self.change_phase(now, sent);
            self.tell_progress(now, sent);
            self.look(now);
            if now >= self.state.next_report {
                let event = self.report(now);
                sent.push((now, Output::Telemetry(Box::new(event))));
            }
            self.second(now);
            self.state.now = now.plus_ms(1_000);
        }
    }

    pub(super) fn enter(&mut self, phase: Phase, now: Time) {
        (self.state.phase, self.state.phase_since) = (phase, now);
    }
}

/// A bundled model without a load: trucks share what is prepared for their model.
fn empty(model: &Arc<TruckModel>) -> Result<Vehicle> {
    static EMPTY: LazyLock<Vec<Vehicle>> = LazyLock::new(|| {
        let models = TruckModel::bundled().iter();
        models.filter_map(|m| Vehicle::new(Arc::clone(m), m.kerb_kg).ok()).collect()
    });
    let found = EMPTY.iter().find(|vehicle| vehicle.model().id == model.id);
    let missing = || Error::internal(format!("truck model {}: not a bundled one", model.id));
    found.cloned().ok_or_else(missing)
}

#[expect(clippy::cast_sign_loss, reason = "volumes are positive; the cast saturates")]
fn whole(value: f64) -> u64 {
    value as u64
}
