//! One step: what the driver wants, what the engine can, what comes of it.
//!
//! A step is cut into parts of at most a second, and where something happens within one (the end of
//! a traction gap, a standstill) the part ends there: ten-second steps give what one-second
//! steps give. Within a part forces are constant, taken at its predicted middle, and way is mean
//! speed times time, so force times way sums to the kinetic energy exactly and the book closes.

use super::GRAVITY_MPS2;
use super::cooling::Running;
use super::engine::{DIESEL_J_PER_UL, EnginePoint};
use super::gearbox::{Gear, Shift};
use super::road::Road;
use super::vehicle::{Command, Step, Vehicle, VehicleState};

/// Longest part of a step, s.
const PART_S_MAX: f64 = 1.0;
/// The driver closes a difference in speed with this time constant, s.
const RELAXATION_S: f64 = 2.0;
/// Hardest planned braking, m/s².
const BRAKING_MPS2: f64 = -1.2;
/// The end of a stop: below this speed, at this rate.
const STOPPING_MPS: f64 = 0.6;
const STOPPING_MPS2: f64 = 0.3;
/// Above this the injectors close on over-run; below, the driver declutches. rpm.
const OVERRUN_RPM_MIN: f64 = 950.0;
/// Air conditioning, W, and the air temperature above which it runs, °C (estimates).
const COOLED_CAB_W: f64 = 1_500.0;
const COOLED_CAB_ABOVE_C: f64 = 24.0;
const RAD_PER_S_PER_RPM: f64 = std::f64::consts::PI / 30.0;

/// What stays the same during a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene {
    grade: f64,
    ambient_c: f64,
    roughness_m3: f64,
    drag_kg_per_m: f64,
    rolling_n: f64,
    hill_n: f64,
    aux_w: f64,
    altitude_factor: f64,
    target_mps: f64,
    engine_on: bool,
    held_gear: Option<u8>,
}

impl Scene {
    fn new(vehicle: &Vehicle, road: &Road, command: &Command, held_gear: Option<u8>) -> Self {
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
            target_mps: command.target_speed_mps.max(0.0).min(vehicle.gearbox.top_speed_mps()),
            engine_on: command.engine_on,
            held_gear,
        }
    }
}

/// The truck in its scene at one moment: what resists and what the engine could do about it.
#[derive(Debug)]
pub(super) struct Drive<'a> {
    vehicle: &'a Vehicle,
    scene: &'a Scene,
    torque_factor: f64,
    fan_on: bool,
}

impl<'a> Drive<'a> {
    fn new(vehicle: &'a Vehicle, scene: &'a Scene, state: &VehicleState) -> Self {
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
    fn fan_w(&self, rpm: f64) -> f64 {
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
        self.push_max_n(gear, rpm, &self.vehicle.map.at(rpm))
    }

    #[inline]
    fn push_max_n(&self, gear: &Gear, rpm: f64, point: &EnginePoint) -> f64 {
        let torque_nm = point.full_nm * self.torque_factor - self.accessories_nm(rpm);
        gear.efficiency * (torque_nm.max(0.0) * gear.rad_per_m - self.vehicle.gearbox.spin_n)
    }

    /// Most that motoring and exhaust brake hold back at `rpm` in `gear`, N, negative.
    pub(super) fn force_min_n(&self, gear: &Gear, rpm: f64) -> f64 {
        self.pull_min_n(gear, rpm, &self.vehicle.map.at(rpm))
    }

    #[inline]
    fn pull_min_n(&self, gear: &Gear, rpm: f64, point: &EnginePoint) -> f64 {
        // An exhaust brake of 0.35 of rated power, in proportion to speed: a constant torque.
        let engine = &self.vehicle.model.engine;
        let exhaust_nm = 0.35e3 * engine.rated_kw / (engine.rated_rpm * RAD_PER_S_PER_RPM);
        let torque_nm = point.motoring_nm - exhaust_nm - self.accessories_nm(rpm);
        (torque_nm * gear.rad_per_m - self.vehicle.gearbox.spin_n) / gear.efficiency
    }
}

/// What moves the truck during a part of a step.
#[derive(Clone, Copy, Debug)]
struct Motion {
    accel_mps2: f64,
    /// Speed at which drag is taken, m/s.
    drag_mps: f64,
    /// Mass with turning parts, kg.
    inertia_kg: f64,
    /// From the driveline to the wheels, N.
    wheel_n: f64,
    /// Of the service brakes, N, not negative.
    brakes_n: f64,
    link: Link,
}

/// How engine and wheels hang together.
#[derive(Clone, Copy, Debug)]
enum Link {
    /// Clutch closed: engine speed follows road speed.
    Closed(Gear),
    /// Clutch slipping, engine at this speed, rpm.
    Slipping(Gear, f64),
    /// No gear, or the clutch pressed: engine at this speed, rpm; 0 is off.
    Open(f64),
}

/// Acceleration the driver aims at over `dt_s`, m/s²: towards the target in two seconds, 0.8 m/s²
/// at most from standstill, 0.3 from 60 km/h (like VECTO's driver), −1.2 at least.
fn wanted_mps2(speed_mps: f64, target_mps: f64, dt_s: f64) -> f64 {
    if target_mps <= 0.0 && speed_mps <= STOPPING_MPS {
        return -STOPPING_MPS2;
    }
    let gap_mps = target_mps - speed_mps;
    // 1 − exp(−x) by the exponential's series: halving the step does not change the approach.
    let x = dt_s / RELAXATION_S;
    let closed = 1.0 - 1.0 / (1.0 + x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x / 24.0))));
    let share = if gap_mps.abs() < 1e-3 { 1.0 } else { closed };
    let most = |speed_mps: f64| (0.8 - 0.03 * speed_mps).max(0.3);
    let most_mps2 = most(speed_mps + 0.5 * dt_s * most(speed_mps));
    (gap_mps * share / dt_s).max(BRAKING_MPS2).min(most_mps2)
}

impl Vehicle {
    /// Drives for `dt_s` seconds, more than 0 and at most 10: changes `state` and tells what
    /// happened. Under 100 ns for a step of a second; the same arguments give the same bits.
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
        debug_assert!(dt_s > 0.0 && dt_s <= 10.0, "dt_s: {dt_s} is outside 0 to 10");
        #[expect(clippy::manual_clamp, reason = "this way a step of NaN seconds is one of 0")]
        let dt_s = dt_s.max(0.0).min(10.0);
        let parts = (dt_s / PART_S_MAX).ceil().max(1.0);
        let mut step = Step::default();
        state.speed_mps = state.speed_mps.max(0.0);
        let mut part = 0.0;
        while part < parts {
            let mut left_s = dt_s / parts;
            while left_s > 0.0 {
                left_s -= self.advance(state, scene, left_s, &mut step);
            }
            part += 1.0;
        }
        step.fuel_ul = step.energy.fuel_j / DIESEL_J_PER_UL;
        // Until here the field holds the integral of the variance.
        step.vibration_rms_mps2 = (step.vibration_rms_mps2 / dt_s).sqrt();
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
        self.choose_gear(state, &drive, left_s);
        if state.speed_mps <= 0.0
            && state.gear == 0
            && (scene.target_mps <= 0.0 || !self.rolls(&drive))
        {
            self.stand(state, &drive, left_s, step);
            return left_s;
        }
        let is_shifting = state.engaging > 0;
        let mut dt_s = if is_shifting { left_s.min(state.shift_left_s) } else { left_s };
        let wanted_mps2 = wanted_mps2(state.speed_mps, scene.target_mps, dt_s);
        let motion = self.motion(state, &drive, wanted_mps2, dt_s);
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
        dt_s
    }

    /// Whether a standing truck out of gear would roll to the target by itself.
    fn rolls(&self, drive: &Drive<'_>) -> bool {
        drive.resist_n(0.0) + self.gearbox.spin_n < 0.0
    }

    /// Puts the gear lever where the driver wants it at this moment.
    fn choose_gear(&self, state: &mut VehicleState, drive: &Drive<'_>, dt_s: f64) {
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
        if state.engaging > 0 {
            return;
        }
        if state.speed_mps <= 0.0 {
            let launch = (scene.target_mps > 0.0).then(|| self.gearbox.launch(drive)).flatten();
            (state.gear, state.in_gear_s) = (launch.unwrap_or(0), 0.0);
            state.last_shift = Shift::None;
            return;
        }
        let wanted_mps2 = wanted_mps2(state.speed_mps, scene.target_mps, dt_s);
        if state.gear > 0 {
            if let Some(next) = self.gearbox.shift(drive, state, wanted_mps2) {
                let direction = if next > state.gear { Shift::Up } else { Shift::Down };
                self.begin_shift(state, next, direction);
            }
        } else if wanted_mps2 > -0.1
            && let Some(next) = self.gearbox.engage(drive, state.speed_mps, wanted_mps2)
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

    /// The forces of a part, and what accelerates.
    fn motion(
        &self,
        state: &mut VehicleState,
        drive: &Drive<'_>,
        wanted_mps2: f64,
        dt_s: f64,
    ) -> Motion {
        if state.gear == 0 {
            return self.roll(state, drive, wanted_mps2, dt_s);
        }
        let engine = &self.model.engine;
        let gear = *self.gearbox.gear(state.gear);
        let governed_mps = engine.max_rpm / gear.rpm_per_mps;
        let accel_mps2 =
            wanted_mps2.min(((governed_mps - state.speed_mps) / dt_s).max(BRAKING_MPS2));
        let middle_mps = (state.speed_mps + 0.5 * dt_s * accel_mps2).max(0.0);
        let inertia_kg = self.mass_kg + gear.rotating_kg;
        let needed_n = drive.resist_n(middle_mps) + inertia_kg * accel_mps2;
        let rpm = middle_mps * gear.rpm_per_mps;
        if needed_n <= 0.0 {
            if rpm <= OVERRUN_RPM_MIN.max(engine.idle_rpm) {
                state.gear = 0;
                return self.roll(state, drive, wanted_mps2, dt_s);
            }
            let wheel_n = needed_n.max(drive.force_min_n(&gear, rpm).min(0.0));
            return Motion {
                accel_mps2,
                drag_mps: middle_mps,
                inertia_kg,
                wheel_n,
                brakes_n: wheel_n - needed_n,
                link: Link::Closed(gear),
            };
        }
        if rpm < engine.idle_rpm {
            return self.slip(state, drive, &gear, accel_mps2, dt_s);
        }
        let rpm_of = |mps: f64| (mps * gear.rpm_per_mps).max(engine.idle_rpm);
        let force_max_n = |mps: f64| drive.force_max_n(&gear, rpm_of(mps));
        push(state, drive, inertia_kg, accel_mps2, dt_s, &force_max_n, Link::Closed(gear))
    }

    /// Below idle speed the clutch slips; a hard start takes the engine to the launch speed.
    fn slip(
        &self,
        state: &VehicleState,
        drive: &Drive<'_>,
        gear: &Gear,
        accel_mps2: f64,
        dt_s: f64,
    ) -> Motion {
        let inertia_kg = self.mass_kg + self.gearbox.wheels_kg;
        let needed_n = drive.resist_n(state.speed_mps) + inertia_kg * accel_mps2;
        let idle_n = drive.force_max_n(gear, self.model.engine.idle_rpm);
        let (rpm, most_n) = if needed_n <= idle_n {
            (self.model.engine.idle_rpm, idle_n)
        } else {
            let rpm = self.gearbox.launch_rpm;
            (rpm, drive.force_max_n(gear, rpm))
        };
        push(state, drive, inertia_kg, accel_mps2, dt_s, &|_| most_n, Link::Slipping(*gear, rpm))
    }

    /// No drive: the truck rolls, and brakes if that is too fast.
    fn roll(&self, state: &VehicleState, drive: &Drive<'_>, wanted_mps2: f64, dt_s: f64) -> Motion {
        let inertia_kg = self.mass_kg + self.gearbox.wheels_kg;
        let wheel_n = -self.gearbox.spin_n;
        let free_mps2 = (wheel_n - drive.resist_n(state.speed_mps)) / inertia_kg;
        let accel_mps2 = free_mps2.min(wanted_mps2);
        let drag_mps = (state.speed_mps + 0.5 * dt_s * accel_mps2).max(0.0);
        let resist_n = drive.resist_n(drag_mps);
        let accel_mps2 = ((wheel_n - resist_n) / inertia_kg).min(wanted_mps2);
        let brakes_n = (wheel_n - resist_n - inertia_kg * accel_mps2).max(0.0);
        let link = Link::Open(self.open_rpm(state, drive.scene.engine_on));
        Motion { accel_mps2, drag_mps, inertia_kg, wheel_n, brakes_n, link }
    }

    /// Engine speed with the clutch open: idle, or on its way to the next gear's; 0 when off.
    fn open_rpm(&self, state: &VehicleState, engine_on: bool) -> f64 {
        let engine = &self.model.engine;
        if !engine_on {
            return 0.0;
        }
        if state.engaging == 0 {
            return engine.idle_rpm;
        }
        let next_rpm = state.speed_mps * self.gearbox.gear(state.engaging).rpm_per_mps;
        next_rpm.clamp(900.0, 1_200.0).max(engine.idle_rpm).min(engine.max_rpm)
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
        self.run_engine(state, drive, rpm, 0.0, 0.0, dt_s, step);
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
            let share = if motion.wheel_n > 0.0 { 1.0 / gear.efficiency } else { gear.efficiency };
            motion.wheel_n * share + spin_n
        };
        let (rpm, drive_w, end_rpm) = match motion.link {
            Link::Open(rpm) => (rpm, 0.0, rpm),
            Link::Closed(gear) => {
                let rpm = mean_mps * gear.rpm_per_mps;
                (rpm.max(idle_rpm), taken_n(&gear) * mean_mps, end_mps * gear.rpm_per_mps)
            }
            Link::Slipping(gear, rpm) => {
                let torque_nm = taken_n(&gear) / gear.rad_per_m;
                let end_rpm = end_mps * gear.rpm_per_mps;
                let end_rpm = if end_rpm < idle_rpm { rpm } else { end_rpm };
                (rpm, torque_nm * rpm * RAD_PER_S_PER_RPM, end_rpm)
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
        let max_rpm = self.model.engine.max_rpm;
        state.rpm = if rpm > 0.0 { end_rpm.max(idle_rpm).min(max_rpm) } else { 0.0 };
        self.run_engine(state, drive, rpm, drive_w, mean_mps, dt_s, step);
    }

    /// Runs the engine for a part: fuel, accessories, coolant and vibration.
    #[expect(clippy::too_many_arguments, reason = "a part's values; a struct would be filled once")]
    fn run_engine(
        &self,
        state: &mut VehicleState,
        drive: &Drive<'_>,
        rpm: f64,
        drive_w: f64,
        speed_mps: f64,
        dt_s: f64,
        step: &mut Step,
    ) {
        let scene = drive.scene;
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

/// Motion under traction: the wanted one, or what the engine can do.
fn push(
    state: &VehicleState,
    drive: &Drive<'_>,
    inertia_kg: f64,
    wanted_mps2: f64,
    dt_s: f64,
    force_max_n: &impl Fn(f64) -> f64,
    link: Link,
) -> Motion {
    let middle = |accel_mps2: f64| (state.speed_mps + 0.5 * dt_s * accel_mps2).max(0.0);
    let drag_mps = middle(wanted_mps2);
    let wheel_n = drive.resist_n(drag_mps) + inertia_kg * wanted_mps2;
    let motion =
        Motion { accel_mps2: wanted_mps2, drag_mps, inertia_kg, wheel_n, brakes_n: 0.0, link };
    if wheel_n <= force_max_n(drag_mps) {
        return motion;
    }
    let start_n = force_max_n(state.speed_mps) - drive.resist_n(state.speed_mps);
    let drag_mps = middle((start_n / inertia_kg).min(wanted_mps2));
    let resist_n = drive.resist_n(drag_mps);
    let accel_mps2 = ((force_max_n(drag_mps) - resist_n) / inertia_kg).min(wanted_mps2);
    Motion { accel_mps2, drag_mps, wheel_n: resist_n + inertia_kg * accel_mps2, ..motion }
}
