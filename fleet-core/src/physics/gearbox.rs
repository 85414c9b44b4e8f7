//! Gears, and when a driver changes them.
//!
//! Two lines in the speed-torque plane, dwell timers in seconds and a reserve of torque, after the
//! rules VECTO uses for manual gearboxes. What keeps it from hunting is a condition, not luck: a
//! shift up must leave the engine [`UPSHIFT_MARGIN`] above the line of the shift down, with a tenth
//! of its torque to spare, and a shift is not reversed for ten seconds.

use serde::{Deserialize, Serialize};

use super::RAD_PER_S_PER_RPM;
use super::drive::Drive;
use super::model::TruckModel;
use super::vehicle::VehicleState;

/// After a shift up the engine still turns this much faster than `downshift_rpm`.
pub(super) const UPSHIFT_MARGIN: f64 = 1.08;
/// Steeper than this, engine and exhaust brake hold the truck: the gear is kept low.
const DESCENT_GRADE: f64 = -0.03;
/// Room for 12 gears, the most a model may have; a power of two, so that a mask finds any.
const TABLE: usize = 16;

/// Direction of a shift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// None yet, or out of gear.
    #[default]
    None,
    /// Into the gear of a start.
    Launch,
    /// To a higher gear.
    Up,
    /// To a lower gear.
    Down,
}

/// One gear's constants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Gear {
    /// Engine speed over road speed, rpm per m/s.
    pub(super) rpm_per_mps: f64,
    /// Crank turns over way, rad/m: also N at the wheel per Nm, losses aside.
    pub(super) rad_per_m: f64,
    /// Efficiency from crank to wheel.
    pub(super) efficiency: f64,
    /// A little less than efficiency times `rad_per_m`, for a force that is surely there.
    pub(super) sure_per_m: f64,
    /// The reciprocal of the efficiency.
    pub(super) per_efficiency: f64,
    /// Road speed at the engine's governor, m/s.
    pub(super) governed_mps: f64,
    /// What wheels and engine add to the mass, kg.
    pub(super) rotating_kg: f64,
}

/// What a driver in gear goes by when thinking of a shift.
#[derive(Clone, Copy, Debug)]
struct Moment {
    gear: u8,
    speed_mps: f64,
    /// Wanted.
    accel_mps2: f64,
    rpm: f64,
    /// What a steady speed takes, N.
    resist_n: f64,
    inertia_kg: f64,
    /// What the wanted acceleration takes, N.
    force_n: f64,
}

/// All gears and the shift lines.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gearbox {
    /// By their number; the rest of the table repeats first and top gear, so that any number has one.
    gears: [Gear; TABLE],
    /// Number of gears, 1 to 12.
    pub(super) top: u8,
    /// Speed at which the engine reaches its governor in top gear, m/s.
    pub(super) top_speed_mps: f64,
    /// What the wheels alone add to the mass, kg.
    pub(super) wheels_kg: f64,
    /// Losses that only follow speed, as a force at the wheel, N.
    pub(super) spin_n: f64,
    /// The exhaust brake: 0.35 of rated power (estimate), in proportion to speed: a constant torque.
    pub(super) exhaust_nm: f64,
    up_light_rpm: f64,
    up_full_extra_rpm: f64,
    down_rpm: f64,
    plateau_rpm: f64,
    rated_rpm: f64,
    max_rpm: f64,
    dwell_s: f64,
    reverse_block_s: f64,
    /// Traction gap, s.
    pub(super) gap_s: f64,
    /// Engine speed at which the clutch slips when a start takes more than idle can give, rpm.
    /// Also where it closes then.
    pub(super) launch_rpm: f64,
    idle_rpm: f64,
}

impl Gearbox {
    pub(super) fn new(model: &TruckModel) -> Self {
        let (driveline, engine, tyre) = (&model.driveline, &model.engine, &model.tyre);
        let r_squared = tyre.r_dyn_m * tyre.r_dyn_m;
        let wheels_kg = f64::from(tyre.wheels) * tyre.inertia_per_wheel_kgm2 / r_squared;
        let mut gears = [Gear::default(); TABLE];
        let mut top = 0;
        for (gear, &ratio) in gears[1..].iter_mut().zip(&driveline.gear_ratios) {
            let rad_per_m = ratio * driveline.final_drive / tyre.r_dyn_m;
            let is_direct = (ratio - 1.0).abs() < 1e-9;
            let rpm_per_mps = rad_per_m * 30.0 / std::f64::consts::PI;
            let efficiency = if is_direct { driveline.eta_direct } else { driveline.eta_indirect };
            *gear = Gear {
                rpm_per_mps,
                rad_per_m,
                efficiency,
                sure_per_m: 0.999 * efficiency * rad_per_m,
                per_efficiency: 1.0 / efficiency,
                governed_mps: engine.max_rpm / rpm_per_mps,
                rotating_kg: wheels_kg + engine.inertia_kgm2 * rad_per_m * rad_per_m,
            };
            top += 1;
        }
        let top_gear = gears[usize::from(top)];
        gears[0] = gears[1];
        gears[usize::from(top)..].fill(top_gear);
        Self {
            gears,
            top,
            top_speed_mps: 0.98 * engine.max_rpm / top_gear.rpm_per_mps,
            wheels_kg,
            spin_n: driveline.spin_loss_w_per_wheel_rad_s / tyre.r_dyn_m,
            exhaust_nm: 0.35e3 * engine.rated_kw / (engine.rated_rpm * RAD_PER_S_PER_RPM),
            up_light_rpm: driveline.upshift_rpm_light_load,
            up_full_extra_rpm: driveline.upshift_rpm_full_load - driveline.upshift_rpm_light_load,
            down_rpm: driveline.downshift_rpm,
            plateau_rpm: engine.peak_rpm_to,
            rated_rpm: engine.rated_rpm,
            max_rpm: engine.max_rpm,
            dwell_s: driveline.min_dwell_s,
            reverse_block_s: driveline.reverse_block_s,
            gap_s: driveline.shift_time_s,
            launch_rpm: engine.peak_rpm_from.clamp(engine.idle_rpm, 1_200.0),
            idle_rpm: engine.idle_rpm,
        }
    }

    /// The constants of `gear`, 1 to `top`; other numbers mean the nearest.
    #[inline]
    pub(super) fn gear(&self, gear: u8) -> &Gear {
        &self.gears[usize::from(gear) % TABLE]
    }

    /// Whether the engine would turn too fast in `gear` at `speed_mps`.
    #[inline]
    pub(super) fn over_revs(&self, gear: u8, speed_mps: f64) -> bool {
        gear > 0 && speed_mps * self.gear(gear).rpm_per_mps > 1.02 * self.max_rpm
    }

    /// The gear to start in: the highest that starts with two fifths of the torque in hand, whose
    /// clutch closes by 2.5 m/s and which suits the target. `None` if not even first moves the truck.
    pub(super) fn launch(&self, drive: &Drive<'_>) -> Option<u8> {
        let resist_n = drive.resist_n(0.0);
        let starts = |k: u8| {
            let gear = self.gear(k);
            let need_n = resist_n + (drive.mass_kg() + self.wheels_kg) * 0.4;
            self.idle_rpm <= 2.5 * gear.rpm_per_mps
                && self.down_rpm <= drive.scene.target_mps * gear.rpm_per_mps
                && 0.6 * drive.force_max_n(gear, self.launch_rpm) >= need_n
        };
        let moves = || drive.force_max_n(self.gear(1), self.launch_rpm) > resist_n;
        (1..=self.top).rev().find(|&k| starts(k)).or_else(|| moves().then_some(1))
    }

    /// The gear to engage when rolling in neutral at `speed_mps`, to accelerate at `accel_mps2`.
    /// `None` if the truck rolls by itself and too slowly for any gear.
    #[inline(never)]
    pub(super) fn engage(&self, drive: &Drive<'_>, speed_mps: f64, accel_mps2: f64) -> Option<u8> {
        let resist_n = drive.resist_n(speed_mps);
        let after_mps = self.after_gap(drive, speed_mps, resist_n);
        let able = |k: u8| {
            let gear = self.gear(k);
            let rpm = after_mps * gear.rpm_per_mps;
            rpm >= UPSHIFT_MARGIN * self.down_rpm
                && rpm <= 0.95 * self.max_rpm
                && drive.pulls(gear, rpm, resist_n, accel_mps2.clamp(0.0, 0.1))
        };
        if let Some(k) = (1..=self.top).rev().find(|&k| able(k)) {
            return Some(k);
        }
        if resist_n <= 0.0 && accel_mps2 <= 0.0 {
            return None;
        }
        Some(self.strongest(drive, after_mps, self.top))
    }

    /// The gear up to `highest` that pulls hardest at `speed_mps`.
    fn strongest(&self, drive: &Drive<'_>, speed_mps: f64, highest: u8) -> u8 {
        let pull = |k: u8| {
            let gear = self.gear(k);
            let rpm = speed_mps * gear.rpm_per_mps;
            if rpm > 0.95 * self.max_rpm {
                return f64::NEG_INFINITY;
            }
            drive.force_max_n(gear, rpm.max(self.idle_rpm))
        };
        let stronger = |best: (u8, f64), k: u8| {
            let pull_n = pull(k);
            if pull_n > best.1 { (k, pull_n) } else { best }
        };
        (1..=highest).rev().fold((highest, f64::NEG_INFINITY), stronger).0
    }

    /// Speed when the traction gap of a shift has passed, m/s.
    fn after_gap(&self, drive: &Drive<'_>, speed_mps: f64, resist_n: f64) -> f64 {
        let lost_mps = (resist_n + self.spin_n).max(0.0) / drive.mass_kg() * self.gap_s;
        (speed_mps - lost_mps).max(0.0)
    }

    /// The gear to shift to now, if any, for a driver in gear who wants `accel_mps2`.
    #[inline]
    pub(super) fn shift(
        &self,
        drive: &Drive<'_>,
        state: &VehicleState,
        accel_mps2: f64,
    ) -> Option<u8> {
        if state.in_gear_s < self.dwell_s {
            return None;
        }
        let (speed_mps, gear) = (state.speed_mps, self.gear(state.gear));
        let rpm = speed_mps * gear.rpm_per_mps;
        let resist_n = drive.resist_n(speed_mps);
        let inertia_kg = drive.mass_kg() + gear.rotating_kg;
        let force_n = resist_n + inertia_kg * accel_mps2;
        let is_high = rpm > self.up_light_rpm && state.gear < self.top;
        // Most of the time the engine surely pulls, fast enough: nothing is to be weighed.
        let is_at_ease =
            rpm >= self.down_rpm && force_n > 0.0 && resist_n <= drive.sure_n(gear, rpm);
        if is_at_ease && !is_high {
            return None;
        }
        let gear = state.gear;
        let now = Moment { gear, speed_mps, accel_mps2, rpm, resist_n, inertia_kg, force_n };
        self.weigh(drive, state, &now)
    }

    /// Whether one of the shift lines is crossed, and the dwell timers allow what follows from it.
    #[inline(never)]
    fn weigh(&self, drive: &Drive<'_>, state: &VehicleState, now: &Moment) -> Option<u8> {
        let is_reversible = state.in_gear_s >= self.reverse_block_s;
        let may_rise = state.last_shift != Shift::Down || is_reversible;
        if may_rise
            && now.rpm > self.up_light_rpm
            && now.gear < self.top
            && let Some(next) = self.shift_up(drive, now)
        {
            return Some(next);
        }
        let may_fall = state.last_shift != Shift::Up || is_reversible || now.rpm < 900.0;
        if may_fall && now.gear > 1 { self.shift_down(drive, now) } else { None }
    }

    /// Most that the gear of this moment gives, N.
    fn most_n(&self, drive: &Drive<'_>, now: &Moment) -> f64 {
        drive.force_max_n(self.gear(now.gear), now.rpm)
    }

    /// Called above the lower line, below top gear.
    fn shift_up(&self, drive: &Drive<'_>, now: &Moment) -> Option<u8> {
        let is_held = drive.grade() < DESCENT_GRADE && now.force_n < 0.0;
        if is_held && now.rpm < self.rated_rpm {
            return None;
        }
        let load = (now.force_n / self.most_n(drive, now)).clamp(0.0, 1.0);
        let line_rpm = self.up_light_rpm + self.up_full_extra_rpm * load;
        if now.rpm <= line_rpm && now.rpm < self.rated_rpm {
            return None;
        }
        let after_mps = self.after_gap(drive, now.speed_mps, now.resist_n);
        let able = |k: u8, accel_mps2: f64| {
            let next = self.gear(k);
            // On a climb the gap costs speed: what counts is that the truck then picks up again.
            let rpm = after_mps * next.rpm_per_mps;
            now.speed_mps * next.rpm_per_mps >= UPSHIFT_MARGIN * self.down_rpm
                && rpm >= 0.8 * self.down_rpm
                && drive.pulls(next, rpm, now.resist_n, accel_mps2)
        };
        // An empty truck, or one that rolls by itself, does not need every gear; a laden one skips
        // a small step if it goes on gaining speed.
        let is_easy = drive.is_light() || drive.grade() < -0.01;
        let eager_mps2 = now.accel_mps2.clamp(0.0, if is_easy { 0.1 } else { 0.3 });
        if now.gear + 2 <= self.top && able(now.gear + 2, eager_mps2) {
            return Some(now.gear + 2);
        }
        // At the governor any gear that still gains is better than none.
        let is_governed = now.rpm >= 0.97 * self.max_rpm;
        let next_mps2 = now.accel_mps2.clamp(0.0, if is_governed { 0.02 } else { 0.1 });
        able(now.gear + 1, next_mps2).then_some(now.gear + 1)
    }

    /// Called above first gear.
    fn shift_down(&self, drive: &Drive<'_>, now: &Moment) -> Option<u8> {
        if now.force_n <= 0.0 {
            return self.hold_descent(drive, now);
        }
        let most_n = self.most_n(drive, now);
        // Above the torque's plateau a truck that slows gains force, and settles by itself.
        let is_failing =
            now.resist_n > most_n && now.accel_mps2 >= 0.0 && now.rpm <= self.plateau_rpm;
        // Speeding up with torque in hand, as after a start, the engine leaves the low speeds itself.
        let is_rising = now.accel_mps2 > 0.1 && most_n >= now.resist_n + 0.05 * now.inertia_kg;
        if !is_failing && (now.rpm >= self.down_rpm || is_rising) {
            return None;
        }
        let after_mps = self.after_gap(drive, now.speed_mps, now.resist_n);
        if after_mps <= 0.0 && !is_failing {
            return None; // the gap would stop the truck
        }
        let holds = |k: u8, reserve: f64| {
            let next = self.gear(k);
            let rpm = after_mps * next.rpm_per_mps;
            rpm >= self.down_rpm
                && now.speed_mps * next.rpm_per_mps <= 0.95 * self.max_rpm
                && drive.force_max_n(next, rpm) >= reserve * now.resist_n
        };
        let highest = |reserve: f64| (1..now.gear).rev().find(|&k| holds(k, reserve));
        let strongest = || self.strongest(drive, after_mps, now.gear);
        let next = highest(1.1).or_else(|| highest(1.0)).unwrap_or_else(strongest);
        (next < now.gear).then_some(next)
    }

    /// One gear lower where on a descent the brakes would carry over 30 % of what holds the truck.
    fn hold_descent(&self, drive: &Drive<'_>, now: &Moment) -> Option<u8> {
        if drive.grade() >= DESCENT_GRADE || now.accel_mps2 <= -0.2 {
            return None;
        }
        let brakes_n = drive.force_min_n(self.gear(now.gear), now.rpm) - now.force_n;
        let lower_rpm = now.speed_mps * self.gear(now.gear - 1).rpm_per_mps;
        let helps = brakes_n > -0.3 * now.force_n && lower_rpm <= 0.9 * self.rated_rpm;
        helps.then_some(now.gear - 1)
    }
}
