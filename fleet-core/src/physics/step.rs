//! One step: what the driver wants, what the engine can, what comes of it.
//!
//! A step is cut into parts of at most a second, and where something happens within one (the end of
//! a traction gap, a standstill) the part ends there: ten-second steps give what one-second
//! steps give. Within a part forces are constant, taken at its predicted middle, and way is mean
//! speed times time, so force times way sums to the kinetic energy exactly and the book closes.

use super::cooling::Running;
use super::drive::{Drive, Scene};
use super::energy::{Book, EnergyBook, NoBook};
use super::engine::DIESEL_J_PER_UL;
use super::gearbox::{Gear, Shift};
use super::ground::Ground;
use super::motion::{Link, Motion, is_launching, per_s, wanted_mps2};
use super::road::Road;
use super::vehicle::{Command, Moved, Step, Vehicle, VehicleState};
use super::{RAD_PER_S_PER_RPM, at_least, at_most};

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

/// Sums over the parts of a step.
#[derive(Debug)]
struct Sums<B> {
    distance_m: f64,
    fuel_j: f64,
    /// Variance of the vibration times time.
    shaken: f64,
    service_brake: bool,
    book: B,
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
        self.step_on(state, &self.ground(road), command, dt_s)
    }

    /// [`step`](Self::step) on a road that was prepared for this truck with its present load.
    pub fn step_on(
        &self,
        state: &mut VehicleState,
        ground: &Ground,
        command: &Command,
        dt_s: f64,
    ) -> Step {
        self.booked(state, &Scene::new(self, ground, command, None), dt_s)
    }

    /// [`step_on`](Self::step_on) for those who do not ask where the energy went: the same bits in
    /// less time.
    pub fn move_on(
        &self,
        state: &mut VehicleState,
        ground: &Ground,
        command: &Command,
        dt_s: f64,
    ) -> Moved {
        self.run(state, &Scene::new(self, ground, command, None), dt_s, NoBook).0
    }

    /// So many steps of a second with the engine off for a truck that stands already, in a few
    /// nanoseconds each: the same bits as by [`move_on`](Self::move_on). Returns `false`, and does
    /// nothing, for a truck that has yet to come to rest, or whose engine was on until now.
    ///
    /// ```
    /// use fleet_core::physics::{Command, Road, TruckModel, Vehicle, VehicleState};
    /// let truck = Vehicle::new(TruckModel::find("rigid_6x2_31t")?, 31_000.0)?;
    /// let ground = truck.ground(&Road::level(10.0));
    /// let mut state = VehicleState { coolant_c: 90.0, ..VehicleState::parked(10.0) };
    /// assert!(truck.cool_down(&mut state, &ground, 3_600));
    /// assert!((40.0..80.0).contains(&state.coolant_c));
    /// # Ok::<(), fleet_core::Error>(())
    /// ```
    pub fn cool_down(&self, state: &mut VehicleState, ground: &Ground, seconds: u32) -> bool {
        let is_at_rest = state.speed_mps <= 0.0 && state.gear == 0 && state.rpm <= 0.0;
        if !is_at_rest || state.engaging > 0 || state.fan_on {
            return false;
        }
        let off = Running { fuel_w: 0.0, brake_w: 0.0, rpm: 0.0, speed_mps: 0.0, fan_on: false };
        let cooling = &self.prepared.cooling;
        for _ in 0..seconds {
            state.in_gear_s = at_most(state.in_gear_s + 1.0, 60.0);
            state.coolant_c = cooling.after(state.coolant_c, ground.ambient_c, &off, 1.0);
        }
        true
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
        let ground = self.ground(road);
        self.booked(state, &Scene::new(self, &ground, command, Some(gear)), dt_s)
    }

    fn booked(&self, state: &mut VehicleState, scene: &Scene<'_>, dt_s: f64) -> Step {
        let (moved, energy) = self.run(state, scene, dt_s, EnergyBook::default());
        let Moved { distance_m, fuel_ul, vibration_rms_mps2, service_brake } = moved;
        Step { distance_m, fuel_ul, vibration_rms_mps2, service_brake, energy }
    }

    #[inline]
    fn run<B: Book>(
        &self,
        state: &mut VehicleState,
        scene: &Scene<'_>,
        dt_s: f64,
        book: B,
    ) -> (Moved, B) {
        // This way a step of NaN seconds is one of 0.
        let dt_s = at_most(at_least(dt_s, 0.0), STEP_S_MAX);
        let mut sums =
            Sums { distance_m: 0.0, fuel_j: 0.0, shaken: 0.0, service_brake: false, book };
        // A checkpoint of another model may name gears that this one does not have.
        state.gear = state.gear.min(self.prepared.gearbox.top);
        state.engaging = state.engaging.min(self.prepared.gearbox.top);
        state.speed_mps = at_least(state.speed_mps, 0.0);
        let parts = if dt_s <= PART_S_MAX { 1.0 } else { (dt_s / PART_S_MAX).ceil() };
        let (part_s, mut part) = (per_s(dt_s, parts), 0.0);
        while part < parts {
            let mut left_s = part_s;
            while left_s > 0.0 {
                left_s -= self.advance(state, scene, left_s, &mut sums);
            }
            part += 1.0;
        }
        let moved = Moved {
            distance_m: sums.distance_m,
            fuel_ul: sums.fuel_j / DIESEL_J_PER_UL,
            vibration_rms_mps2: per_s(sums.shaken, at_least(dt_s, f64::MIN_POSITIVE)).sqrt(),
            service_brake: sums.service_brake,
        };
        (moved, sums.book)
    }

    /// Moves on by up to `left_s` seconds, to the next event, and returns by how many.
    #[inline]
    fn advance<B: Book>(
        &self,
        state: &mut VehicleState,
        scene: &Scene<'_>,
        left_s: f64,
        sums: &mut Sums<B>,
    ) -> f64 {
        let cooling = &self.prepared.cooling;
        state.fan_on = scene.engine_on && cooling.fan_closes(state.coolant_c, state.fan_on);
        let drive = Drive::new(self, scene, state);
        let mut accel_mps2 = wanted_mps2(state.speed_mps, scene.target_mps, left_s);
        self.choose_gear(state, &drive, accel_mps2);
        if state.speed_mps <= 0.0
            && state.gear == 0
            && (scene.target_mps <= 0.0 || !self.rolls(&drive))
        {
            self.stand(state, &drive, left_s, sums);
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
        self.record(state, &drive, &motion, end_mps, dt_s, sums);
        state.in_gear_s = at_most(state.in_gear_s + dt_s, 60.0);
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
        drive.resist_n(0.0) + self.prepared.gearbox.spin_n < 0.0
    }

    /// Puts the gear lever where the driver wants it at this moment.
    #[inline(always)]
    fn choose_gear(&self, state: &mut VehicleState, drive: &Drive<'_>, accel_mps2: f64) {
        let (scene, gearbox) = (drive.scene, &self.prepared.gearbox);
        if !scene.engine_on {
            (state.gear, state.engaging, state.shift_left_s) = (0, 0, 0.0);
            return;
        }
        if let Some(gear) = scene.held_gear {
            (state.engaging, state.shift_left_s) = (0, 0.0);
            state.gear = if scene.target_mps > 0.0 || state.speed_mps > 0.0 { gear } else { 0 };
            return;
        }
        if gearbox.over_revs(state.gear, state.speed_mps) {
            state.gear = 0;
        }
        if state.engaging > 0 {
            return;
        }
        if state.speed_mps <= 0.0 {
            self.set_off(state, drive);
        } else if state.gear > 0 {
            if let Some(next) = gearbox.shift(drive, state, accel_mps2) {
                let direction = if next > state.gear { Shift::Up } else { Shift::Down };
                self.begin_shift(state, next, direction);
            }
        } else if accel_mps2 > -0.1
            && let Some(next) = gearbox.engage(drive, state.speed_mps, accel_mps2)
        {
            self.begin_shift(state, next, Shift::None);
        }
    }

    /// At standstill: the gear of the start, if there is to be one.
    #[inline(never)]
    fn set_off(&self, state: &mut VehicleState, drive: &Drive<'_>) {
        let is_wanted = drive.scene.target_mps > 0.0;
        let launch = is_wanted.then(|| self.prepared.gearbox.launch(drive)).flatten();
        (state.gear, state.in_gear_s) = (launch.unwrap_or(0), 0.0);
        state.last_shift = if state.gear > 0 { Shift::Launch } else { Shift::None };
    }

    #[inline(never)]
    fn begin_shift(&self, state: &mut VehicleState, gear: u8, direction: Shift) {
        state.last_shift = direction;
        state.in_gear_s = 0.0;
        let gap_s = self.prepared.gearbox.gap_s;
        if gap_s > 0.0 {
            (state.gear, state.engaging, state.shift_left_s) = (0, gear, gap_s);
        } else {
            (state.gear, state.engaging) = (gear, 0);
        }
    }

    /// Fuel that `brake_w` at `rpm` takes, W, with the enrichment of a cold engine: +0.25 % per K
    /// under 70 °C, 15 % at most (estimate).
    #[inline]
    fn fuel_w(&self, state: &VehicleState, rpm: f64, brake_w: f64) -> f64 {
        let cold = at_most(1.0 + 0.0025 * at_least(70.0 - state.coolant_c, 0.0), 1.15);
        self.prepared.map.fuel_w(rpm, brake_w) * cold
    }

    /// A part at standstill.
    fn stand<B: Book>(
        &self,
        state: &mut VehicleState,
        drive: &Drive<'_>,
        dt_s: f64,
        sums: &mut Sums<B>,
    ) {
        let rpm = if drive.scene.engine_on { self.prepared.idle_rpm } else { 0.0 };
        state.rpm = rpm;
        state.in_gear_s = at_most(state.in_gear_s + dt_s, 60.0);
        let part = Part { dt_s, speed_mps: 0.0, rpm, drive_w: 0.0 };
        self.run_engine(state, drive, &part, sums);
    }

    /// Books a part that moves, and moves the state to its end.
    #[inline]
    fn record<B: Book>(
        &self,
        state: &mut VehicleState,
        drive: &Drive<'_>,
        motion: &Motion<'_>,
        end_mps: f64,
        dt_s: f64,
        sums: &mut Sums<B>,
    ) {
        let mean_mps = 0.5 * (state.speed_mps + end_mps);
        let way_m = mean_mps * dt_s;
        let spin_n = self.prepared.gearbox.spin_n;
        // Force that the driveline takes in at the crank's side, as felt at the wheel.
        let taken_n = |gear: &Gear| {
            let share = if motion.wheel_n > 0.0 { gear.per_efficiency } else { gear.efficiency };
            motion.wheel_n * share + spin_n
        };
        let (rpm, drive_w) = match motion.link {
            Link::Open(rpm) => (rpm, 0.0),
            Link::Closed(gear) => {
                let rpm = at_least(mean_mps * gear.rpm_per_mps, self.prepared.idle_rpm);
                (rpm, taken_n(gear) * mean_mps)
            }
            Link::Slipping(gear, rpm) => {
                let rpm = at_least(rpm, mean_mps * gear.rpm_per_mps);
                (rpm, taken_n(gear) / gear.rad_per_m * rpm * RAD_PER_S_PER_RPM)
            }
        };
        sums.book.note(|book| {
            let (ground, wheel_w) = (drive.scene.ground, motion.wheel_n * mean_mps);
            book.wheel_j += wheel_w * dt_s;
            book.driveline_j += (drive_w - wheel_w) * dt_s;
            book.kinetic_j += motion.inertia_kg * motion.accel_mps2 * way_m;
            book.hill_j += ground.hill_n * way_m;
            book.rolling_j += ground.rolling_n * way_m;
            book.aero_j += ground.drag_kg_per_m * motion.drag_mps * motion.drag_mps * way_m;
            book.brakes_j += motion.brakes_n * way_m;
        });
        sums.distance_m += way_m;
        sums.service_brake |= motion.brakes_n > 0.0 && way_m > 0.0;
        state.speed_mps = end_mps;
        self.run_engine(state, drive, &Part { dt_s, speed_mps: mean_mps, rpm, drive_w }, sums);
    }

    /// Engine speed at the end of a part: in gear what road speed gives, unless the clutch slips.
    #[inline]
    fn end_rpm(&self, state: &VehicleState, link: Link<'_>) -> f64 {
        let prepared = &*self.prepared;
        let geared_rpm = state.speed_mps * prepared.gearbox.gear(state.gear).rpm_per_mps;
        let rpm = match link {
            Link::Open(rpm) if rpm <= 0.0 => return 0.0,
            Link::Open(rpm) if state.engaging > 0 => rpm,
            _ if state.gear == 0 => prepared.idle_rpm,
            Link::Slipping(_, rpm) if is_launching(state) || geared_rpm < prepared.idle_rpm => {
                at_least(rpm, geared_rpm)
            }
            Link::Open(_) | Link::Closed(_) | Link::Slipping(..) => geared_rpm,
        };
        at_most(at_least(rpm, prepared.idle_rpm), prepared.max_rpm)
    }

    /// Runs the engine for a part: fuel, accessories, coolant and vibration.
    #[inline]
    fn run_engine<B: Book>(
        &self,
        state: &mut VehicleState,
        drive: &Drive<'_>,
        part: &Part,
        sums: &mut Sums<B>,
    ) {
        let (scene, Part { dt_s, speed_mps, rpm, drive_w }) = (drive.scene, *part);
        let (mut fuel_w, mut brake_w) = (0.0, 0.0);
        if rpm > 0.0 {
            let fan_w = drive.fan_w(rpm);
            brake_w = drive_w + scene.aux_w + fan_w;
            fuel_w = self.fuel_w(state, rpm, brake_w);
            sums.fuel_j += fuel_w * dt_s;
            sums.book.note(|book| {
                book.aux_j += scene.aux_w * dt_s;
                book.fan_j += fan_w * dt_s;
                book.brake_work_j += at_least(brake_w, 0.0) * dt_s;
                book.overrun_j += at_least(-brake_w, 0.0) * dt_s;
                book.fuel_j += fuel_w * dt_s;
                book.engine_loss_j += (fuel_w - at_least(brake_w, 0.0)) * dt_s;
            });
        }
        let ground = scene.ground;
        let run = Running { fuel_w, brake_w, rpm, speed_mps, fan_on: drive.fan_on };
        let cooling = &self.prepared.cooling;
        state.coolant_c = cooling.after(state.coolant_c, ground.ambient_c, &run, dt_s);
        sums.shaken += (self.shaking.of_engine(rpm) + ground.shaking * speed_mps) * dt_s;
    }
}
