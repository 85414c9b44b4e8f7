//! One truck: what it is, what it is doing, and one second of it.

use std::sync::Arc;

use fleet_core::{
    Error, Result,
    domain::{Counters, DriverId, Refuelling, RegisteredTruck, TruckId},
    physics::{
        Command, Road, TruckModel, Vehicle, VehicleState, air_density_kgpm3, roughness_from_iri,
        tank::{Tank, whole_ul},
    },
    random::Stream,
    route::{BuiltinRouter, Network, NodeIx, Route},
    time::Time,
    units::mps_from_kmh,
};
use serde::{Deserialize, Serialize};

use super::{Output, calendar, calendar::Pace, job::Job};

/// What the truck is doing, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    Idle {
        until: Time,
    },
    Loading {
        until: Time,
    },
    Driving,
    Refuelling {
        station: u16,
        until: Time,
    },
    Resting {
        until: Time,
    },
    /// Before a closed road.
    Closed {
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
    fuel_remainder_ul: f64,
    distance_remainder_mm: f64,
    pub(super) refuelled_ml: u64,
    pub(super) counters: Counters,
    pub(super) seq: u64,
    pub(super) next_report: Time,
    pub(super) refuelling: Option<Refuelling>,
    pub(super) jobs: u64,
    pub(super) job: Option<Job>,
    /// Place on the route, m.
    pub(super) at_m: f64,
    pub(super) halt: Option<Halt>,
    /// Driven since the last half-hour break, s.
    since_break_s: u32,
    /// Driven since the last long rest, s.
    since_rest_s: u32,
}

/// What holds for the truck's life.
#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) seed: u64,
    pub(super) id: TruckId,
    pub(super) driver: DriverId,
    pub(super) model: Arc<TruckModel>,
    pub(super) depot: String,
    /// How fast the driver goes, relative to what is usual.
    pace: f64,
    pub(super) odometer_m: u64,
    pub(super) tank_start_ml: u64,
    pub(super) reports: Stream,
    pub(super) noise: Stream,
    pub(super) dwell: Stream,
    pub(super) loads: Stream,
}

/// Derived from the state and the minute; never saved.
#[derive(Debug)]
struct Scene {
    piece: usize,
    minute: i64,
    is_on_road: bool,
    road: Road,
    pace: Pace,
    target_mps: f64,
}

#[derive(Debug)]
pub(super) struct Truck {
    pub(super) fixed: Fixed,
    pub(super) state: TruckState,
    vehicle: Vehicle,
    pub(super) route: Option<Arc<Route>>,
    pub(super) piece: usize,
    scene: Option<Scene>,
}

/// Models by what they mostly carry, and how common they are in the fleet.
const MODELS: [(&str, u64); 5] = [
    ("rigid_4x2_18t5", 4),
    ("rigid_6x2_25t5", 5),
    ("rigid_6x2_31t", 5),
    ("light_4x2_7t5", 1),
    ("rigid_10x2_37t", 1),
];
const BREAK_AFTER_S: u32 = 5 * 3_600; // Motor Transport Workers Act 1961, s. 15
const BREAK_S: i64 = 1_800;
const DUTY_S: u32 = 8 * 3_600; // s. 13
const OFF_DUTY_S: i64 = 9 * 3_600; // s. 15
/// A driver who nears the limit takes the next good place to halt.
const LOOK_FOR_REST_S: u32 = 1_800;
const ENGINE_OFF_AFTER_MS: i64 = 180_000;
const LIGHTS_W: f64 = 400.0;
/// Comfortable braking, m/s².
const BRAKING_MPS2: f64 = 0.7;

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
            model,
            depot: depot.id.clone(),
            pace: (0.95 + 0.05 * nature.normal(3)).clamp(0.85, 1.05),
            odometer_m: nature.below(4, 400_000_000),
            tank_start_ml,
            reports: stream("reports"),
            noise: stream("sensor noise"),
            dwell: stream("dwell"),
            loads: stream("loads"),
            id,
        };
        Ok((fixed, depot.node))
    }
}

impl Truck {
    /// A truck at its depot at the beginning of the world.
    pub(super) fn new(seed: u64, number: u32, start: Time) -> Result<Self> {
        let (fixed, node) = Fixed::new(seed, number)?;
        let network = Network::ne_india();
        let place = network.node_at(node);
        let ambient_c = calendar::ambient_c(place.altitude_m, start);
        let capacity_ul = whole(fixed.model.fuel_tank_l * 1e6);
        let price = super::job::price_paise_per_l(network, place.state);
        // The world begins in the middle of a working day, not with thirty empty trucks: they set
        // off within minutes (`FIRST_LOADING_MIN`), one after the other.
        let idle_ms = fixed.dwell.below(0, 240).cast_signed() * 1_000;
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
            at_m: 0.0,
            halt: None,
            since_break_s: 0,
            since_rest_s: 0,
        };
        Self::assemble(fixed, state)
    }

    /// The truck of a checkpoint.
    pub(super) fn resume(seed: u64, number: u32, state: TruckState) -> Result<Self> {
        Self::assemble(Fixed::new(seed, number)?.0, state)
    }

    fn assemble(fixed: Fixed, state: TruckState) -> Result<Self> {
        let vehicle = Vehicle::new(Arc::clone(&fixed.model), fixed.model.kerb_kg)?;
        let mut truck = Self { fixed, state, vehicle, route: None, piece: 0, scene: None };
        truck.take_up_route()?;
        Ok(truck)
    }

    /// Makes what is derived from the job: route, place on it, mass.
    pub(super) fn take_up_route(&mut self) -> Result<()> {
        self.scene = None;
        let payload_kg = self.payload_kg();
        self.vehicle.set_mass(self.fixed.model.kerb_kg + payload_kg)?;
        self.route = match &self.state.job {
            Some(job) => Some(BuiltinRouter::ne_india().route_nodes(job.from, job.to)?),
            None => None,
        };
        self.piece = self.route.as_ref().map_or(0, |route| {
            let past = route.pieces.partition_point(|piece| piece.start_m <= self.state.at_m);
            past.saturating_sub(1)
        });
        Ok(())
    }

    pub(super) fn id(&self) -> &TruckId {
        &self.fixed.id
    }

    /// What is on board, kg.
    pub(super) fn payload_kg(&self) -> f64 {
        let on_board = match self.state.phase {
            Phase::Idle { .. } | Phase::Loading { .. } => false,
            Phase::Driving | Phase::Refuelling { .. } | Phase::Resting { .. } => true,
            Phase::Closed { .. } | Phase::Unloading { .. } | Phase::Stranded { .. } => true,
        };
        self.state.job.as_ref().filter(|_| on_board).map_or(0.0, |job| job.payload_kg)
    }

    pub(super) fn registered(&self) -> RegisteredTruck {
        let model = &self.fixed.model;
        RegisteredTruck {
            truck_id: self.fixed.id.clone(),
            model: model.id.clone(),
            model_name: model.name.clone(),
            depot: self.fixed.depot.clone(),
            kerb_kg: model.kerb_kg,
            payload_max_kg: model.payload_max_kg,
            fuel_tank_l: model.fuel_tank_l,
        }
    }

    /// Everything before `to`, second by second.
    pub(super) fn advance(&mut self, to: Time, sent: &mut Vec<(Time, Output)>) {
        while self.state.now.plus_ms(1_000) <= to {
            let now = self.state.now;
            self.change_phase(now, sent);
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

    /// One second of physics, bookkeeping and driver.
    fn second(&mut self, now: Time) {
        let Some(scene) = &self.scene else { return };
        let is_driving = self.state.phase == Phase::Driving;
        let engine_on = is_driving
            || (matches!(self.state.phase, Phase::Closed { .. })
                && now.ms_since(self.state.phase_since) < ENGINE_OFF_AFTER_MS);
        let is_dark = !(21_600..64_800).contains(&now.ist_second_of_day());
        let command = Command {
            target_speed_mps: if is_driving { self.wanted_mps(scene) } else { 0.0 },
            engine_on,
            extra_aux_w: if engine_on && is_dark { LIGHTS_W } else { 0.0 },
        };
        let pace = scene.pace;
        let step = self.vehicle.step(&mut self.state.vehicle, &scene.road, &command, 1.0);
        self.state.vibration_mps2 = step.vibration_rms_mps2;
        self.book(step.distance_m, step.fuel_ul);
        let is_idling = engine_on && self.state.vehicle.speed_mps < 0.3;
        if let Some(job) = &mut self.state.job {
            job.note_second(self.state.phase, pace, is_idling, self.state.vehicle.speed_mps);
        }
        if self.is_on_road() {
            self.state.at_m += step.distance_m;
        }
        if is_driving {
            self.state.since_break_s += 1;
            self.state.since_rest_s += 1;
            self.plan_halts();
        }
    }

    fn book(&mut self, distance_m: f64, fuel_ul: f64) {
        let state = &mut self.state;
        let (ul, remainder_ul) = whole_ul(state.fuel_remainder_ul, fuel_ul);
        state.fuel_remainder_ul = remainder_ul;
        let burned = state.tank.burn(ul);
        state.counters.fuel_burned_ul += burned.ul;
        state.counters.diesel_cost_upaise += burned.cost_upaise;
        let (mm, remainder_mm) = whole_ul(state.distance_remainder_mm, distance_m * 1e3);
        state.distance_remainder_mm = remainder_mm;
        state.counters.distance_mm += mm;
    }

    fn is_on_road(&self) -> bool {
        !matches!(
            self.state.phase,
            Phase::Idle { .. } | Phase::Loading { .. } | Phase::Unloading { .. }
        )
    }

    /// Refreshes what the truck sees, when it enters another piece of road or another minute.
    fn look(&mut self, now: Time) {
        let minute = now.as_secs().div_euclid(60);
        if let Some(route) = &self.route {
            self.piece = route.piece_at(self.state.at_m, self.piece);
        }
        let is_on_road = self.is_on_road();
        let seen = (self.piece, minute, is_on_road);
        let is_fresh = |scene: &Scene| (scene.piece, scene.minute, scene.is_on_road) == seen;
        if self.scene.as_ref().is_some_and(is_fresh) {
            return;
        }
        let network = Network::ne_india();
        let under = self.route.as_ref().and_then(|route| route.pieces.get(self.piece));
        // The air of a minute is that at its first second, so that resuming changes nothing.
        let at = Time::from_secs(minute * 60);
        let scene = match under.filter(|_| is_on_road) {
            Some(piece) => {
                let pace = calendar::pace(network, piece, at);
                let altitude_m = 0.5 * (piece.from_altitude_m + piece.to_altitude_m);
                let ambient_c = calendar::ambient_c(altitude_m, at);
                let road = Road {
                    grade: piece.grade,
                    roughness_m3: roughness_from_iri(piece.iri_m_per_km),
                    iri_m_per_km: piece.iri_m_per_km,
                    air_density_kgpm3: air_density_kgpm3(altitude_m, ambient_c),
                    ambient_c,
                    wet: pace.wet,
                };
                // A laden truck goes down a steep hill slowly, in a low gear.
                let is_steep = piece.grade < -0.05 && self.payload_kg() > 0.0;
                let descent_kmh = if is_steep { 25.0 } else { f64::INFINITY };
                let wanted_kmh = (pace.speed_kmh * self.fixed.pace).min(descent_kmh);
                let target_mps = mps_from_kmh(wanted_kmh.min(piece.maxspeed_kmh));
                Scene { piece: self.piece, minute, is_on_road, road, pace, target_mps }
            }
            None => {
                let altitude_m = network.node_at(self.state.node).altitude_m;
                let road = Road::level(calendar::ambient_c(altitude_m, at));
                let pace = Pace {
                    speed_kmh: 0.0,
                    traffic_loss: 0.0,
                    weather_loss: 0.0,
                    zone: None,
                    wet: false,
                };
                Scene { piece: self.piece, minute, is_on_road, road, pace, target_mps: 0.0 }
            }
        };
        self.scene = Some(scene);
    }

    /// The zone that matters under the wheels, as last seen.
    pub(super) fn zone(&self) -> Option<String> {
        let zone = self.scene.as_ref()?.pace.zone?;
        Some(Network::ne_india().zones()[zone.index()].id.clone())
    }

    /// The pace of the road, slower before a place to stop.
    fn wanted_mps(&self, scene: &Scene) -> f64 {
        let left_m = (self.stop_m() - self.state.at_m).max(0.0);
        let braking_mps = (2.0 * BRAKING_MPS2 * left_m).sqrt();
        scene.target_mps.min(braking_mps.max(1.0))
    }

    /// Where the truck stops next: a halt, or the end of the route.
    pub(super) fn stop_m(&self) -> f64 {
        match self.state.halt {
            Some(Halt::Station(_, at_m) | Halt::Rest(at_m)) => at_m,
            None => self.route.as_ref().map_or(0.0, |route| route.length_m),
        }
    }

    /// Chooses where to refuel or rest, among what lies ahead.
    fn plan_halts(&mut self) {
        let Some(route) = &self.route else { return };
        if self.state.halt.is_some() {
            return;
        }
        let ahead_m = self.state.at_m + 300.0; // room to brake
        let next = |stops: &[fleet_core::route::StopOnRoute]| {
            stops.iter().find(|stop| stop.at_m > ahead_m).copied()
        };
        let station = next(&route.stations);
        let level_l = self.state.tank.level_ul() as f64 * 1e-6;
        let reserve_l = self.fixed.model.fuel_tank_l * self.fixed.model.reserve_fraction;
        if let Some(stop) = station
            && level_l < reserve_l + 0.6 * (stop.at_m - self.state.at_m) * 1e-3 + 15.0
        {
            let index = u16::try_from(stop.index).unwrap_or(0);
            self.state.halt = Some(Halt::Station(index, stop.at_m));
            return;
        }
        let tired = |since_s: u32, limit_s: u32| since_s + LOOK_FOR_REST_S >= limit_s;
        let is_tired = tired(self.state.since_break_s, BREAK_AFTER_S)
            || tired(self.state.since_rest_s, DUTY_S);
        if is_tired {
            let area_m = next(&route.rest_areas).map(|stop| stop.at_m);
            let station_m = station.map(|stop| stop.at_m);
            let town_m = route.towns.iter().map(|(_, at_m)| *at_m).find(|at_m| *at_m > ahead_m);
            let places = [area_m, station_m, town_m].into_iter().flatten();
            let nearest = places.fold(f64::INFINITY, f64::min);
            // Not beyond what can be driven in time; then by the road.
            let reach_m = self.state.at_m + 8_000.0;
            self.state.halt = Some(Halt::Rest(nearest.min(reach_m).min(route.length_m)));
        }
    }

    /// How long the driver must rest now, s, and starts the count anew.
    pub(super) fn rest_s(&mut self) -> i64 {
        let is_long = self.state.since_rest_s + LOOK_FOR_REST_S >= DUTY_S;
        self.state.since_break_s = 0;
        if is_long {
            self.state.since_rest_s = 0;
            return OFF_DUTY_S;
        }
        BREAK_S
    }

    /// A long halt counts as a rest.
    pub(super) fn note_halt(&mut self, seconds: i64) {
        if seconds >= BREAK_S {
            self.state.since_break_s = 0;
        }
        if seconds >= OFF_DUTY_S {
            self.state.since_rest_s = 0;
        }
    }
}

#[expect(clippy::cast_sign_loss, reason = "volumes are positive; the cast saturates")]
fn whole(value: f64) -> u64 {
    value as u64
}
