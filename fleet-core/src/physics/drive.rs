//! The truck in its scene: what resists it, and what the engine could do about it.

use super::gearbox::Gear;
use super::ground::Ground;
use super::vehicle::{Command, Prepared, Vehicle, VehicleState};
use super::{RAD_PER_S_PER_RPM, at_least, at_most};

/// What stays the same during a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    pub(super) ground: &'a Ground,
    pub(super) aux_w: f64,
    pub(super) target_mps: f64,
    pub(super) engine_on: bool,
    /// The gear a measurement holds; `None` lets the driver shift.
    pub(super) held_gear: Option<u8>,
}

impl<'a> Scene<'a> {
    #[inline]
    pub(super) fn new(
        vehicle: &Vehicle,
        ground: &'a Ground,
        command: &Command,
        held_gear: Option<u8>,
    ) -> Self {
        let most_mps = vehicle.prepared.gearbox.top_speed_mps;
        Self {
            ground,
            aux_w: ground.aux_w + at_least(command.extra_aux_w, 0.0),
            target_mps: at_most(at_least(command.target_speed_mps, 0.0), most_mps),
            engine_on: command.engine_on,
            held_gear,
        }
    }
}

/// The truck in its scene at one moment: what resists and what the engine could do about it.
#[derive(Debug)]
pub(super) struct Drive<'a> {
    prepared: &'a Prepared,
    mass_kg: f64,
    pub(super) scene: &'a Scene<'a>,
    torque_factor: f64,
    /// Torque that is left for the gearbox at any speed of the sure range, Nm.
    sure_nm: f64,
    pub(super) fan_on: bool,
}

impl<'a> Drive<'a> {
    #[inline]
    pub(super) fn new(vehicle: &'a Vehicle, scene: &'a Scene<'a>, state: &VehicleState) -> Self {
        let prepared = &*vehicle.prepared;
        let hot_factor = prepared.cooling.torque_factor(state.coolant_c);
        let torque_factor = scene.ground.altitude_factor * hot_factor;
        let sure = &prepared.sure;
        let taken_nm = (scene.aux_w + prepared.fan_max_w) * sure.per_from_rad_per_s;
        Self {
            prepared,
            mass_kg: vehicle.mass_kg(),
            scene,
            torque_factor,
            sure_nm: at_least(sure.full_nm * torque_factor - taken_nm, 0.0),
            fan_on: state.fan_on && scene.engine_on,
        }
    }

    pub(super) fn grade(&self) -> f64 {
        self.scene.ground.grade
    }

    pub(super) fn mass_kg(&self) -> f64 {
        self.mass_kg
    }

    /// Under three fifths of the gross weight.
    pub(super) fn is_light(&self) -> bool {
        self.mass_kg < 0.6 * self.prepared.model.gvw_kg
    }

    /// Force that holds the truck back at a steady `speed_mps`, N; negative where it rolls.
    #[inline]
    pub(super) fn resist_n(&self, speed_mps: f64) -> f64 {
        let ground = self.scene.ground;
        ground.drag_kg_per_m * speed_mps * speed_mps + ground.rolling_n + ground.hill_n
    }

    /// Draw of the fan at `rpm`, W.
    #[inline]
    pub(super) fn fan_w(&self, rpm: f64) -> f64 {
        if !self.fan_on {
            return 0.0;
        }
        let x = rpm / self.prepared.rated_rpm;
        self.prepared.fan_max_w * x * x * x
    }

    /// Torque that auxiliaries and fan take at `rpm`, Nm.
    #[inline]
    fn accessories_nm(&self, rpm: f64) -> f64 {
        (self.scene.aux_w + self.fan_w(rpm)) / (rpm * RAD_PER_S_PER_RPM)
    }

    /// Most the engine at `rpm` can push at the wheels in `gear`, N.
    #[inline]
    pub(super) fn force_max_n(&self, gear: &Gear, rpm: f64) -> f64 {
        let full_nm = self.prepared.map.full_nm(rpm);
        let torque_nm = full_nm * self.torque_factor - self.accessories_nm(rpm);
        gear.efficiency * (at_least(torque_nm, 0.0) * gear.rad_per_m - self.prepared.gearbox.spin_n)
    }

    /// What the engine can push in `gear` at any speed between the shift line and rated, N: never above
    /// [`force_max_n`](Self::force_max_n) there, and much cheaper; negative infinity elsewhere.
    #[inline]
    pub(super) fn sure_n(&self, gear: &Gear, rpm: f64) -> f64 {
        let sure = &self.prepared.sure;
        if rpm < sure.from_rpm || rpm > sure.to_rpm {
            return f64::NEG_INFINITY;
        }
        self.sure_nm * gear.sure_per_m - self.prepared.gearbox.spin_n
    }

    /// Whether `gear` at `rpm` holds against `resist_n` with a tenth of its force in reserve, and
    /// with all of it still gains `accel_mps2`.
    pub(super) fn pulls(&self, gear: &Gear, rpm: f64, resist_n: f64, accel_mps2: f64) -> bool {
        let most_n = self.force_max_n(gear, rpm);
        let inertia_kg = self.mass_kg + gear.rotating_kg;
        0.9 * most_n >= resist_n && most_n >= resist_n + inertia_kg * accel_mps2
    }

    /// Most that motoring and exhaust brake hold back at `rpm` in `gear`, N, negative.
    pub(super) fn force_min_n(&self, gear: &Gear, rpm: f64) -> f64 {
        let point = self.prepared.map.at(rpm);
        let gearbox = &self.prepared.gearbox;
        let torque_nm = point.motoring_nm - gearbox.exhaust_nm - self.accessories_nm(rpm);
        (torque_nm * gear.rad_per_m - gearbox.spin_n) / gear.efficiency
    }
}
