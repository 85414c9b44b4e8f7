//! The truck in its scene: what resists it, and what the engine could do about it.

use super::gearbox::Gear;
use super::road::Road;
use super::vehicle::{Command, Vehicle, VehicleState};
use super::{GRAVITY_MPS2, RAD_PER_S_PER_RPM};

/// Air conditioning, W, and the air temperature above which it runs, °C (estimates).
const COOLED_CAB_W: f64 = 1_500.0;
const COOLED_CAB_ABOVE_C: f64 = 24.0;

/// What stays the same during a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene {
    pub(super) grade: f64,
    pub(super) ambient_c: f64,
    pub(super) roughness_m3: f64,
    pub(super) drag_kg_per_m: f64,
    pub(super) rolling_n: f64,
    pub(super) hill_n: f64,
    pub(super) aux_w: f64,
    pub(super) target_mps: f64,
    pub(super) engine_on: bool,
    /// The gear a measurement holds; `None` lets the driver shift.
    pub(super) held_gear: Option<u8>,
    altitude_factor: f64,
}

impl Scene {
    pub(super) fn new(
        vehicle: &Vehicle,
        road: &Road,
        command: &Command,
        held_gear: Option<u8>,
    ) -> Self {
        let weight_n = vehicle.mass_kg * GRAVITY_MPS2;
        let cos = 1.0 / (1.0 + road.grade * road.grade).sqrt();
        let cab_w = if road.ambient_c > COOLED_CAB_ABOVE_C { COOLED_CAB_W } else { 0.0 };
        Self {
            grade: road.grade,
            ambient_c: road.ambient_c,
            roughness_m3: road.roughness_m3,
            drag_kg_per_m: 0.5 * road.air_density_kgpm3 * vehicle.model.cda_m2,
            rolling_n: weight_n * cos * vehicle.rolling_coefficient * road.rolling_factor(),
            hill_n: weight_n * cos * road.grade,
            aux_w: vehicle.model.aux_base_w + cab_w + command.extra_aux_w.max(0.0),
            altitude_factor: road.altitude_torque_factor(),
            target_mps: command.target_speed_mps.max(0.0).min(vehicle.gearbox.top_speed_mps),
            engine_on: command.engine_on,
            held_gear,
        }
    }
}

/// The truck in its scene at one moment: what resists and what the engine could do about it.
#[derive(Debug)]
pub(super) struct Drive<'a> {
    vehicle: &'a Vehicle,
    pub(super) scene: &'a Scene,
    torque_factor: f64,
    pub(super) fan_on: bool,
}

impl<'a> Drive<'a> {
    pub(super) fn new(vehicle: &'a Vehicle, scene: &'a Scene, state: &VehicleState) -> Self {
        let hot_factor = vehicle.cooling.torque_factor(state.coolant_c);
        let torque_factor = scene.altitude_factor * hot_factor;
        Self { vehicle, scene, torque_factor, fan_on: state.fan_on && scene.engine_on }
    }

    pub(super) fn grade(&self) -> f64 {
        self.scene.grade
    }

    pub(super) fn mass_kg(&self) -> f64 {
        self.vehicle.mass_kg
    }

    /// Under three fifths of the gross weight.
    pub(super) fn is_light(&self) -> bool {
        self.vehicle.mass_kg < 0.6 * self.vehicle.model.gvw_kg
    }

    /// Force that holds the truck back at a steady `speed_mps`, N; negative where it rolls.
    #[inline]
    pub(super) fn resist_n(&self, speed_mps: f64) -> f64 {
        self.scene.drag_kg_per_m * speed_mps * speed_mps + self.scene.rolling_n + self.scene.hill_n
    }

    /// Draw of the fan at `rpm`, W.
    #[inline]
    pub(super) fn fan_w(&self, rpm: f64) -> f64 {
        if !self.fan_on {
            return 0.0;
        }
        let x = rpm / self.vehicle.model.engine.rated_rpm;
        self.vehicle.model.fan_max_w * x * x * x
    }

    /// Torque that auxiliaries and fan take at `rpm`, Nm.
    #[inline]
    fn accessories_nm(&self, rpm: f64) -> f64 {
        (self.scene.aux_w + self.fan_w(rpm)) / (rpm * RAD_PER_S_PER_RPM)
    }

    /// Most the engine at `rpm` can push at the wheels in `gear`, N.
    #[inline]
    pub(super) fn force_max_n(&self, gear: &Gear, rpm: f64) -> f64 {
        let point = self.vehicle.map.at(rpm);
        let torque_nm = point.full_nm * self.torque_factor - self.accessories_nm(rpm);
        gear.efficiency * (torque_nm.max(0.0) * gear.rad_per_m - self.vehicle.gearbox.spin_n)
    }

    /// Whether `gear` at `rpm` holds against `resist_n` with a tenth of its force in reserve, and
    /// with all of it still gains `accel_mps2`.
    pub(super) fn pulls(&self, gear: &Gear, rpm: f64, resist_n: f64, accel_mps2: f64) -> bool {
        let most_n = self.force_max_n(gear, rpm);
        let inertia_kg = self.vehicle.mass_kg + gear.rotating_kg;
        0.9 * most_n >= resist_n && most_n >= resist_n + inertia_kg * accel_mps2
    }

    /// Most that motoring and exhaust brake hold back at `rpm` in `gear`, N, negative.
    pub(super) fn force_min_n(&self, gear: &Gear, rpm: f64) -> f64 {
        let point = self.vehicle.map.at(rpm);
        let gearbox = &self.vehicle.gearbox;
        let torque_nm = point.motoring_nm - gearbox.exhaust_nm - self.accessories_nm(rpm);
        (torque_nm * gear.rad_per_m - gearbox.spin_n) / gear.efficiency
    }
}
