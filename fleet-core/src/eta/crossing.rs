//! How long a truck takes over a piece of road and what it burns, without driving it second by second.

use crate::physics::{DIESEL_J_PER_UL, EngineMap, GRAVITY_MPS2, TruckModel};

/// Share of rated power that is at the crank on a long climb, between the gears (estimate, held
/// against driven routes by the test of this module).
const POWER_SHARE: f64 = 0.86;
/// Rotating masses in the usual gears, as a share of the truck's mass.
const ROTATING_SHARE: f64 = 0.05;
/// Engine speeds with little and with full load, as shares of the rated speed.
const RPM_SHARE_LIGHT: f64 = 0.62;
const RPM_SHARE_FULL: f64 = 0.85;
/// Air conditioning runs above this, °C, and takes this, W (as in the physics).
const COOLED_CAB_ABOVE_C: f64 = 24.0;
const COOLED_CAB_W: f64 = 1_500.0;
/// The slowest a laden truck crawls, m/s.
const CRAWL_MPS: f64 = 1.5;

/// A stretch of road with one grade, and the air over it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Length, m: above 0.
    pub length_m: f64,
    /// Rise over run: −0.3 to 0.3.
    pub grade: f64,
    /// Factor on rolling resistance, e.g. of [`Road::rolling_factor`](crate::physics::Road::rolling_factor).
    pub rolling_factor: f64,
    /// Density of the air, kg/m³.
    pub air_density_kgpm3: f64,
    /// Temperature of the air, °C.
    pub ambient_c: f64,
    /// The speed the driver aims at, m/s: above 0.
    pub wanted_mps: f64,
}

/// What a stretch takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Crossing {
    /// Time, s.
    pub duration_s: f64,
    /// Fuel, µl.
    pub fuel_ul: f64,
    /// Speed at the end, m/s: where the next stretch begins.
    pub speed_mps: f64,
}

/// How a stretch is passed, whatever it burns.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Passage {
    /// Time, s.
    pub duration_s: f64,
    /// Speed at the end, m/s: where the next stretch begins.
    pub speed_mps: f64,
}

/// A truck with its load as the forecast sees it: a power, a mass and what resists.
///
/// Where the kernel steps through seconds, this takes a stretch in one go: speed relaxes towards
/// what power and resistance allow, the work at the wheels follows from the resistance and the change
/// of speed, and the fuel from a Willans line at a typical engine speed. About 50 ns a stretch.
///
/// ```
/// use fleet_core::{eta::{Haul, Stretch}, physics::TruckModel};
/// let haul = Haul::new(&*TruckModel::find("rigid_6x2_31t")?, 31_000.0);
/// let level = Stretch {
///     length_m: 1_000.0, grade: 0.0, rolling_factor: 1.0, air_density_kgpm3: 1.16,
///     ambient_c: 30.0, wanted_mps: 60.0 / 3.6,
/// };
/// let plain = haul.cross(16.0, &level);
/// let climb = haul.cross(16.0, &Stretch { grade: 0.06, ..level });
/// assert!((0.2..0.32).contains(&(plain.fuel_ul * 1e-6))); // l for a kilometre
/// assert!(climb.duration_s > 1.8 * plain.duration_s && climb.fuel_ul > 4.0 * plain.fuel_ul);
/// # Ok::<(), fleet_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Haul {
    mass_kg: f64,
    inertia_kg: f64,
    rolling_n: f64,
    cda_m2: f64,
    power_w: f64,
    eta: f64,
    spin_w_per_mps: f64,
    aux_w: f64,
    /// Willans lines as (slope, friction in W), with little and with full load.
    light: (f64, f64),
    full: (f64, f64),
}

impl Haul {
    /// `model` weighing `mass_kg` in all; a mass outside kerb to 1.1 times gross weight is cut to that.
    pub fn new(model: &TruckModel, mass_kg: f64) -> Self {
        let mass_kg = mass_kg.max(model.kerb_kg).min(model.gvw_kg * 1.1);
        let map = EngineMap::new(&model.engine);
        let line = |share: f64| {
            let rpm = model.engine.rated_rpm * share;
            let point = map.at(rpm);
            (point.slope, point.friction_w_per_rpm * rpm)
        };
        // (gvw / mass)^(1/8) by square roots, near the 1/10 of the tyres' law.
        let lightness = (model.gvw_kg / mass_kg).sqrt().sqrt().sqrt();
        let driveline = &model.driveline;
        Self {
            mass_kg,
            inertia_kg: mass_kg * (1.0 + ROTATING_SHARE),
            rolling_n: mass_kg * GRAVITY_MPS2 * model.tyre.rrc_at_gvw * lightness,
            cda_m2: model.cda_m2,
            power_w: model.engine.rated_kw * 1e3 * POWER_SHARE - model.aux_base_w,
            eta: driveline.eta_indirect,
            spin_w_per_mps: driveline.spin_loss_w_per_wheel_rad_s / model.tyre.r_dyn_m,
            aux_w: model.aux_base_w,
            light: line(RPM_SHARE_LIGHT),
            full: line(RPM_SHARE_FULL),
        }
    }

    /// Crosses `stretch`, entered at `speed_mps`.
    pub fn cross(&self, speed_mps: f64, stretch: &Stretch) -> Crossing {
        let drag_kg_per_m = self.drag_kg_per_m(stretch);
        let steady_n = self.steady_n(stretch);
        let enter_mps = entered(speed_mps, stretch);
        let Passage { duration_s, speed_mps: leave_mps } = self.pass(speed_mps, stretch);
        let mean_mps = stretch.length_m / duration_s;
        let kinetic_j = 0.5 * self.inertia_kg * (leave_mps * leave_mps - enter_mps * enter_mps);
        let resist_n = steady_n + drag_kg_per_m * mean_mps * mean_mps;
        let work_j = resist_n * stretch.length_m + kinetic_j;
        let fuel_ul =
            self.fuel_j(work_j, mean_mps, duration_s, stretch.ambient_c) / DIESEL_J_PER_UL;
        Crossing { duration_s, fuel_ul, speed_mps: leave_mps }
    }

    /// [`cross`](Self::cross) for those who ask for the time only: the same time, sooner told.
    pub fn pass(&self, speed_mps: f64, stretch: &Stretch) -> Passage {
        let (wanted_mps, length_m) = (stretch.wanted_mps, stretch.length_m);
        let enter_mps = entered(speed_mps, stretch);
        let (steady_n, drag_kg_per_m) = (self.steady_n(stretch), self.drag_kg_per_m(stretch));
        let wheel_w = (self.power_w * self.eta).max(1.0);
        // Most of a way is driven at the speed that is wanted, with power to spare.
        let resist_n = steady_n + drag_kg_per_m * wanted_mps * wanted_mps;
        if speed_mps >= wanted_mps && resist_n * enter_mps <= wheel_w {
            return Passage { duration_s: length_m / enter_mps, speed_mps: enter_mps };
        }
        let held_mps = sustained_mps(wheel_w, steady_n, drag_kg_per_m);
        // v² falls or rises towards its balance over a length that grows with inertia.
        let relaxation_m = self.inertia_kg * held_mps * held_mps * held_mps / wheel_w;
        let x = length_m / relaxation_m;
        let kept = 1.0 / (1.0 + x + 0.5 * x * x);
        let balance = held_mps * held_mps;
        let leave2 = balance + (enter_mps * enter_mps - balance) * kept;
        let leave_mps = leave2.max(0.0).sqrt().min(wanted_mps).max(CRAWL_MPS);
        // Where the balance lies far below, most of the stretch is driven at it.
        let settled = (1.0 - relaxation_m / length_m).max(0.0);
        let mean_mps = 0.5 * (enter_mps + leave_mps) * (1.0 - settled) + leave_mps * settled;
        Passage { duration_s: length_m / mean_mps, speed_mps: leave_mps }
    }

    /// Resistance without the air's, N.
    fn steady_n(&self, stretch: &Stretch) -> f64 {
        let hill_n = self.mass_kg * GRAVITY_MPS2 * stretch.grade;
        self.rolling_n * stretch.rolling_factor + hill_n
    }

    fn drag_kg_per_m(&self, stretch: &Stretch) -> f64 {
        0.5 * stretch.air_density_kgpm3 * self.cda_m2
    }

    /// Fuel for `work_j` at the wheels, J.
    fn fuel_j(&self, work_j: f64, speed_mps: f64, duration_s: f64, ambient_c: f64) -> f64 {
        let cab_w = if ambient_c > COOLED_CAB_ABOVE_C { COOLED_CAB_W } else { 0.0 };
        let crank_j = if work_j > 0.0 { work_j / self.eta } else { work_j * self.eta };
        let losses_w = self.aux_w + cab_w + self.spin_w_per_mps * speed_mps;
        let brake_w = crank_j / duration_s + losses_w;
        let load = (brake_w / self.power_w).clamp(0.0, 1.0);
        let slope = self.light.0 + (self.full.0 - self.light.0) * load;
        let friction_w = self.light.1 + (self.full.1 - self.light.1) * load;
        (slope * brake_w + friction_w).max(0.0) * duration_s
    }
}

/// The speed at which a stretch begins, m/s.
fn entered(speed_mps: f64, stretch: &Stretch) -> f64 {
    speed_mps.min(stretch.wanted_mps).max(CRAWL_MPS)
}

/// The speed at which `power_w` balances `steady_n` and drag, m/s: at most 40.
fn sustained_mps(power_w: f64, steady_n: f64, drag_kg_per_m: f64) -> f64 {
    const FASTEST_MPS: f64 = 40.0;
    // Newton from the right on a function that bends upwards never passes the root.
    let mut v = FASTEST_MPS;
    if steady_n > 0.0 {
        v = v.min(power_w / steady_n);
    }
    for _ in 0..5 {
        let excess = steady_n * v + drag_kg_per_m * v * v * v - power_w;
        let slope = steady_n + 3.0 * drag_kg_per_m * v * v;
        if excess <= 0.0 || slope <= 0.0 {
            break;
        }
        v -= excess / slope;
    }
    v.clamp(CRAWL_MPS, FASTEST_MPS)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        physics::{Command, Road, Vehicle, VehicleState, air_density_kgpm3, roughness_from_iri},
        route::{BuiltinRouter, Piece, Route},
    };

    fn wanted_mps(piece: &Piece) -> f64 {
        piece.truck_speed_kmh.min(piece.maxspeed_kmh) / 3.6
    }

    fn road(piece: &Piece) -> Road {
        Road {
            grade: piece.grade,
            roughness_m3: roughness_from_iri(piece.iri_m_per_km),
            iri_m_per_km: piece.iri_m_per_km,
            air_density_kgpm3: air_density_kgpm3(piece.from_altitude_m, 22.0),
            ..Road::level(22.0)
        }
    }

    /// Seconds and litres by the kernel.
    fn driven(route: &Route, model: &Arc<TruckModel>, mass_kg: f64) -> (f64, f64) {
        let truck = Vehicle::new(Arc::clone(model), mass_kg).unwrap();
        let mut state = VehicleState { coolant_c: 80.0, ..VehicleState::parked(22.0) };
        let (mut at_m, mut ix, mut seconds, mut litres) = (0.0, 0, 0.0, 0.0);
        while at_m < route.length_m {
            ix = route.piece_at(at_m, ix);
            let piece = route.pieces.get(ix).unwrap();
            let command = Command::drive(wanted_mps(&piece));
            let step = truck.step(&mut state, &road(&piece), &command, 1.0);
            at_m += step.distance_m;
            seconds += 1.0;
            litres += step.fuel_ul * 1e-6;
        }
        (seconds, litres)
    }

    fn estimated(route: &Route, model: &TruckModel, mass_kg: f64) -> (f64, f64) {
        let haul = Haul::new(model, mass_kg);
        let (mut speed_mps, mut seconds, mut litres) = (0.0, 0.0, 0.0);
        for piece in &route.pieces {
            let road = road(&piece);
            let stretch = Stretch {
                length_m: piece.length_m,
                grade: piece.grade,
                rolling_factor: road.rolling_factor(),
                air_density_kgpm3: road.air_density_kgpm3,
                ambient_c: 22.0,
                wanted_mps: wanted_mps(&piece),
            };
            let crossing = haul.cross(speed_mps, &stretch);
            speed_mps = crossing.speed_mps;
            seconds += crossing.duration_s;
            litres += crossing.fuel_ul * 1e-6;
        }
        (seconds, litres)
    }

    #[test]
    fn what_is_estimated_is_near_what_is_driven() {
        let router = BuiltinRouter::ne_india();
        let node = |id: &str| router.network().node(id).unwrap();
        for (from, to) in [
            ("guwahati", "tawang"),
            ("tawang", "guwahati"),
            ("siliguri", "gangtok"),
            ("siliguri", "guwahati"),
            ("shillong", "guwahati"),
            ("agartala", "guwahati"),
        ] {
            let route = router.route_nodes(node(from), node(to)).unwrap();
            for model in TruckModel::bundled() {
                for mass_kg in [model.kerb_kg, model.kerb_kg + model.payload_max_kg] {
                    let (real_s, real_l) = driven(&route, model, mass_kg);
                    let (seconds, litres) = estimated(&route, model, mass_kg);
                    let (time_off, fuel_off) = (seconds / real_s - 1.0, litres / real_l - 1.0);
                    let case = format!("{from} to {to}, {} of {mass_kg} kg", model.id);
                    assert!(time_off.abs() < 0.04, "{case}: {real_s} s, off by {time_off:+.3}");
                    let is_near = fuel_off.abs() < 0.10 || (litres - real_l).abs() < 1.5;
                    assert!(is_near, "{case}: {real_l} l, off by {fuel_off:+.3}");
                }
            }
        }
    }
}
