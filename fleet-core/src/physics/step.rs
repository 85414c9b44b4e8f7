//! One step: what the driver wants, what the engine can, what comes of it.
//!
//! A step is cut into parts of at most a second, and where something happens within one (the end of
//! a traction gap, a standstill) the part ends there: ten-second steps give what one-second
//! steps give. Within a part forces are constant, taken at its predicted middle, and way is mean
//! speed times time, so force times way sums to the kinetic energy exactly and the book closes.

use super::RAD_PER_S_PER_RPM;
use super::cooling::Running;
use super::drive::{Drive, Scene};
use super::engine::DIESEL_J_PER_UL;
use super::gearbox::{Gear, Shift};
use super::motion::{Link, Motion, is_launching, per_s, wanted_mps2};
use super::road::Road;
use super::vehicle::{Command, Step, Vehicle, VehicleState};

/// Longest part of a step, s.
const PART_S_MAX: f64 = 1.0;
/// Longest step, s.
const STEP_S_MAX: f64 = 10.0;

/// A part of a step as the engine sees it, means over it.
#[derive(Clone, Copy, Debug)]
struct Part {
    dt_s: f64,
    speed_mps: f64,
    /// Engine speed; 0 is off.
    rpm: f64,
    /// Power into the driveline, W; negative on over-run.
    drive_w: f64,
}

impl Vehicle {
    /// Drives for `dt_s` seconds (0 to 10, cut to that): changes `state` and tells what happened.
    /// Well under a microsecond for a step of a second; the same arguments give the same bits.
    pub fn step(
        &self,
        state: &mut VehicleState,
        road: &Road,
        command: &Command,
        dt_s: f64,
    ) -> Step {
        self.step_in(state, &Scene::new(self, road, command, None), dt_s)
    }

    /// [`step`](Self::step) with the gearbox held in `gear` while the truck moves.
    pub(super) fn step_held(
        &self,
        state: &mut VehicleState,
        road: &Road,
        command: &Command,
        gear: u8,
        dt_s: f64,
    ) -> Step {
        self.step_in(state, &Scene::new(self, road, command, Some(gear)), dt_s)
    }

    fn step_in(&self, state: &mut VehicleState, scene: &Scene, dt_s: f64) -> Step {
        #[expect(clippy::manual_clamp, reason = "this way a step of NaN seconds is one of 0")]
        let dt_s = dt_s.max(0.0).min(STEP_S_MAX);
        let (parts, part_s) = if dt_s <= PART_S_MAX {
            (1.0, dt_s)
        } else {
            let parts = (dt_s / PART_S_MAX).ceil();
            (parts, dt_s / parts)
        };
        let mut step = Step::default();
        // A checkpoint of another model may name gears that this one does not have.
        state.gear = state.gear.min(self.gearbox.top);
        state.engaging = state.engaging.min(self.gearbox.top);
        state.speed_mps = state.speed_mps.max(0.0);
        let mut part = 0.0;
        while part < parts {
            let mut left_s = part_s;
            while left_s > 0.0 {
                left_s -= self.advance(state, scene, left_s, &mut step);
            }
            part += 1.0;
        }
        step.fuel_ul = step.energy.fuel_j / DIESEL_J_PER_UL;
        // Until here the field holds the integral of the variance.
        step.vibration_rms_mps2 =
            per_s(step.vibration_rms_mps2, dt_s.max(f64::MIN_POSITIVE)).sqrt();
        step
    }

    /// Moves on by up to `left_s` seconds, to the next event, and returns by how many.
    fn advance(
        &self,
        state: &mut VehicleState,
        scene: &Scene,
        left_s: f64,
        step: &mut Step,
    ) -> f64 {
        state.fan_on = scene.engine_on && self.cooling.fan_closes(state.coolant_c, state.fan_on);
        let drive = Drive::new(self, scene, state);
        let mut accel_mps2 = wanted_mps2(state.speed_mps, scene.target_mps, left_s);
        self.choose_gear(state, &drive, accel_mps2);
        if state.speed_mps <= 0.0
            && state.gear == 0
            && (scene.target_mps <= 0.0 || !self.rolls(&drive))
        {
            self.stand(state, &drive, left_s, step);
            return left_s;
        }
        let is_shifting = state.engaging > 0;
        let mut dt_s = if is_shifting { left_s.min(state.shift_left_s) } else { left_s };
        if dt_s < left_s {
            accel_mps2 = wanted_mps2(state.speed_mps, scene.target_mps, dt_s);
        }
        let motion = self.motion(state, &drive, accel_mps2, dt_s);
        let mut end_mps = state.speed_mps + motion.accel_mps2 * dt_s;
        if end_mps <= 0.0 && motion.accel_mps2 < 0.0 {
            dt_s = (state.speed_mps / -motion.accel_mps2).min(dt_s);
            end_mps = 0.0;
        }
        self.record(state, &drive, &motion, end_mps, dt_s, step);
        state.in_gear_s = (state.in_gear_s + dt_s).min(60.0);
        if is_shifting {
            state.shift_left_s -= dt_s;
            if state.shift_left_s <= 0.0 {
                (state.gear, state.engaging) = (state.engaging, 0);
                (state.shift_left_s, state.in_gear_s) = (0.0, 0.0);
            }
        }
        if end_mps <= 0.0 {
            (state.gear, state.engaging, state.shift_left_s) = (0, 0, 0.0);
        }
        state.rpm = self.end_rpm(state, motion.link);
        dt_s
    }

    /// Whether a standing truck out of gear would roll to the target by itself.
    fn rolls(&self, drive: &Drive<'_>) -> bool {
        drive.resist_n(0.0) + self.gearbox.spin_n < 0.0
    }

    /// Puts the gear lever where the driver wants it at this moment.
    fn choose_gear(&self, state: &mut VehicleState, drive: &Drive<'_>, accel_mps2: f64) {
        let scene = drive.scene;
        if !scene.engine_on {
            (state.gear, state.engaging, state.shift_left_s) = (0, 0, 0.0);
            return;
        }
        if let Some(gear) = scene.held_gear {
            (state.engaging, state.shift_left_s) = (0, 0.0);
            state.gear = if scene.target_mps > 0.0 || state.speed_mps > 0.0 { gear } else { 0 };
            return;
        }
        if self.gearbox.over_revs(state.gear, state.speed_mps) {
            state.gear = 0;
        }
        if state.engaging > 0 {
            return;
        }
        if state.speed_mps <= 0.0 {
            let launch = (scene.target_mps > 0.0).then(|| self.gearbox.launch(drive)).flatten();
            (state.gear, state.in_gear_s) = (launch.unwrap_or(0), 0.0);
            state.last_shift = if state.gear > 0 { Shift::Launch } else { Shift::None };
            return;
        }
        if state.gear > 0 {
            if let Some(next) = self.gearbox.shift(drive, state, accel_mps2) {
                let direction = if next > state.gear { Shift::Up } else { Shift::Down };
                self.begin_shift(state, next, direction);
            }
        } else if accel_mps2 > -0.1
            && let Some(next) = self.gearbox.engage(drive, state.speed_mps, accel_mps2)
        {
            self.begin_shift(state, next, Shift::None);
        }
    }

    fn begin_shift(&self, state: &mut VehicleState, gear: u8, direction: Shift) {
        state.last_shift = direction;
        state.in_gear_s = 0.0;
        if self.gearbox.gap_s > 0.0 {
            (state.gear, state.engaging, state.shift_left_s) = (0, gear, self.gearbox.gap_s);
        } else {
            (state.gear, state.engaging) = (gear, 0);
        }
    }

    /// Fuel that `brake_w` at `rpm` takes, W, with the enrichment of a cold engine: +0.25 % per K
    /// under 70 °C, 15 % at most (estimate).
    fn fuel_w(&self, state: &VehicleState, rpm: f64, brake_w: f64) -> f64 {
        let cold = (1.0 + 0.0025 * (70.0 - state.coolant_c).max(0.0)).min(1.15);
        self.map.at(rpm).fuel_w(rpm, brake_w) * cold
    }

    /// A part at standstill.
    fn stand(&self, state: &mut VehicleState, drive: &Drive<'_>, dt_s: f64, step: &mut Step) {
        let rpm = if drive.scene.engine_on { self.model.engine.idle_rpm } else { 0.0 };
        state.rpm = rpm;
        state.in_gear_s = (state.in_gear_s + dt_s).min(60.0);
        let part = Part { dt_s, speed_mps: 0.0, rpm, drive_w: 0.0 };
        self.run_engine(state, drive, &part, step);
    }

    /// Books a part that moves, and moves the state to its end.
    fn record(
        &self,
        state: &mut VehicleState,
        drive: &Drive<'_>,
        motion: &Motion,
        end_mps: f64,
        dt_s: f64,
        step: &mut Step,
    ) {
        let mean_mps = 0.5 * (state.speed_mps + end_mps);
        let way_m = mean_mps * dt_s;
        let idle_rpm = self.model.engine.idle_rpm;
        let spin_n = self.gearbox.spin_n;
        // Force that the driveline takes in at the crank's side, as felt at the wheel.
        let taken_n = |gear: &Gear| {
            let share = if motion.wheel_n > 0.0 { gear.per_efficiency } else { gear.efficiency };
            motion.wheel_n * share + spin_n
        };
        let (rpm, drive_w) = match motion.link {
            Link::Open(rpm) => (rpm, 0.0),
            Link::Closed(gear) => {
                ((mean_mps * gear.rpm_per_mps).max(idle_rpm), taken_n(&gear) * mean_mps)
            }
            Link::Slipping(gear, rpm) => {
                let rpm = rpm.max(mean_mps * gear.rpm_per_mps);
                (rpm, taken_n(&gear) / gear.rad_per_m * rpm * RAD_PER_S_PER_RPM)
            }
        };
        let wheel_w = motion.wheel_n * mean_mps;
        let book = &mut step.energy;
        book.wheel_j += wheel_w * dt_s;
        book.driveline_j += (drive_w - wheel_w) * dt_s;
        book.kinetic_j += motion.inertia_kg * motion.accel_mps2 * way_m;
        book.hill_j += drive.scene.hill_n * way_m;
        book.rolling_j += drive.scene.rolling_n * way_m;
        book.aero_j += drive.scene.drag_kg_per_m * motion.drag_mps * motion.drag_mps * way_m;
        book.brakes_j += motion.brakes_n * way_m;
        step.distance_m += way_m;
        step.service_brake |= motion.brakes_n > 0.0 && way_m > 0.0;
        state.speed_mps = end_mps;
        self.run_engine(state, drive, &Part { dt_s, speed_mps: mean_mps, rpm, drive_w }, step);
    }

    /// Engine speed at the end of a part: in gear what road speed gives, unless the clutch slips.
    fn end_rpm(&self, state: &VehicleState, link: Link) -> f64 {
        let engine = &self.model.engine;
        let geared_rpm = state.speed_mps * self.gearbox.gear(state.gear).rpm_per_mps;
        let rpm = match link {
            Link::Open(rpm) if rpm <= 0.0 => return 0.0,
            Link::Open(rpm) if state.engaging > 0 => rpm,
            _ if state.gear == 0 => engine.idle_rpm,
            Link::Slipping(_, rpm) if is_launching(state) || geared_rpm < engine.idle_rpm => {
                rpm.max(geared_rpm)
            }
            Link::Open(_) | Link::Closed(_) | Link::Slipping(..) => geared_rpm,
        };
        rpm.max(engine.idle_rpm).min(engine.max_rpm)
    }

    /// Runs the engine for a part: fuel, accessories, coolant and vibration.
    fn run_engine(
        &self,
        state: &mut VehicleState,
        drive: &Drive<'_>,
        part: &Part,
        step: &mut Step,
    ) {
        let (scene, Part { dt_s, speed_mps, rpm, drive_w }) = (drive.scene, *part);
        let (mut fuel_w, mut brake_w) = (0.0, 0.0);
        if rpm > 0.0 {
            let fan_w = drive.fan_w(rpm);
            brake_w = drive_w + scene.aux_w + fan_w;
            fuel_w = self.fuel_w(state, rpm, brake_w);
            let book = &mut step.energy;
            book.aux_j += scene.aux_w * dt_s;
            book.fan_j += fan_w * dt_s;
            book.brake_work_j += brake_w.max(0.0) * dt_s;
            book.overrun_j += (-brake_w).max(0.0) * dt_s;
            book.fuel_j += fuel_w * dt_s;
            book.engine_loss_j += (fuel_w - brake_w.max(0.0)) * dt_s;
        }
        let run = Running { fuel_w, brake_w, rpm, speed_mps, fan_on: drive.fan_on };
        state.coolant_c = self.cooling.after(state.coolant_c, scene.ambient_c, &run, dt_s);
        step.vibration_rms_mps2 += self.shaking.variance(speed_mps, scene.roughness_m3, rpm) * dt_s;
    }
}
