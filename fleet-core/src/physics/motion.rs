//! Forces of a part of a step: what the driver wants, what the engine can, what comes of it.

use super::drive::Drive;
use super::gearbox::{Gear, Shift};
use super::vehicle::{Vehicle, VehicleState};
use super::{at_least, at_most};

/// The driver closes a difference in speed with this time constant, s.
const RELAXATION_S: f64 = 2.0;
/// Hardest planned braking, m/s².
const BRAKING_MPS2: f64 = -1.2;
/// The end of a stop: below this speed, at this rate.
const STOPPING_MPS: f64 = 0.6;
const STOPPING_MPS2: f64 = 0.3;
/// Above this the injectors close on over-run; below, the driver declutches. rpm.
const OVERRUN_RPM_MIN: f64 = 950.0;
/// Longest a hard start may slip the clutch above idle speed, s.
const LAUNCH_S_MAX: f64 = 8.0;

/// What moves the truck during a part of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion<'a> {
    pub(super) accel_mps2: f64,
    /// Speed at which drag is taken, m/s.
    pub(super) drag_mps: f64,
    /// Mass with turning parts, kg.
    pub(super) inertia_kg: f64,
    /// From the driveline to the wheels, N.
    pub(super) wheel_n: f64,
    /// Of the service brakes, N, not negative.
    pub(super) brakes_n: f64,
    pub(super) link: Link<'a>,
}

/// How engine and wheels hang together.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link<'a> {
    /// Clutch closed: engine speed follows road speed.
    Closed(&'a Gear),
    /// Clutch slipping, engine at this speed, rpm.
    Slipping(&'a Gear, f64),
    /// No gear, or the clutch pressed: engine at this speed, rpm; 0 is off.
    Open(f64),
}

/// Acceleration the driver aims at over `dt_s`, m/s²: towards the target in two seconds, 0.8 m/s²
/// at most from standstill, 0.3 from 60 km/h (like VECTO's driver), −1.2 at least.
#[inline]
pub(super) fn wanted_mps2(speed_mps: f64, target_mps: f64, dt_s: f64) -> f64 {
    if target_mps <= 0.0 && speed_mps <= STOPPING_MPS {
        return -STOPPING_MPS2;
    }
    let gap_mps = target_mps - speed_mps;
    const CLOSED_IN_1S: f64 = share_closed(1.0);
    let is_common = dt_s.to_bits() == 1.0_f64.to_bits();
    let share = match gap_mps.abs() {
        gap if gap < 1e-3 => 1.0,
        _ if is_common => CLOSED_IN_1S,
        _ => share_closed(dt_s),
    };
    let most = |speed_mps: f64| at_least(0.8 - 0.03 * speed_mps, 0.3);
    let most_mps2 = most(speed_mps + 0.5 * dt_s * most(speed_mps));
    at_most(at_least(per_s(gap_mps * share, dt_s), BRAKING_MPS2), most_mps2)
}

/// Share of a gap in speed that the driver closes within `dt_s`: 1 − exp(−x) by the exponential's
/// series, so that halving the step does not change the approach.
const fn share_closed(dt_s: f64) -> f64 {
    let x = dt_s / RELAXATION_S;
    1.0 - 1.0 / (1.0 + x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x / 24.0))))
}

/// `amount / dt_s`, without the division where it changes nothing: most steps last a second.
#[inline]
pub(super) fn per_s(amount: f64, dt_s: f64) -> f64 {
    if dt_s.to_bits() == 1.0_f64.to_bits() { amount } else { amount / dt_s }
}

/// Whether the clutch may still be taking up a start.
#[inline]
pub(super) fn is_launching(state: &VehicleState) -> bool {
    state.last_shift == Shift::Launch && state.in_gear_s < LAUNCH_S_MAX
}

impl Vehicle {
    /// The forces of a part, and what accelerates.
    #[inline(always)]
    pub(super) fn motion<'a>(
        &'a self,
        state: &mut VehicleState,
        drive: &Drive<'_>,
        wanted_mps2: f64,
        dt_s: f64,
    ) -> Motion<'a> {
        let prepared = &*self.prepared;
        if state.gear == 0 {
            return self.roll(state, drive, wanted_mps2, dt_s);
        }
        let gear = prepared.gearbox.gear(state.gear);
        let governed_mps2 = per_s(gear.governed_mps - state.speed_mps, dt_s);
        let accel_mps2 = at_most(wanted_mps2, at_least(governed_mps2, BRAKING_MPS2));
        let middle_mps = at_least(state.speed_mps + 0.5 * dt_s * accel_mps2, 0.0);
        let inertia_kg = self.mass_kg() + gear.rotating_kg;
        let needed_n = drive.resist_n(middle_mps) + inertia_kg * accel_mps2;
        let rpm = middle_mps * gear.rpm_per_mps;
        if needed_n <= 0.0 {
            if rpm <= at_least(OVERRUN_RPM_MIN, prepared.idle_rpm) {
                state.gear = 0;
                return self.roll(state, drive, wanted_mps2, dt_s);
            }
            let wheel_n = at_least(needed_n, at_most(drive.force_min_n(gear, rpm), 0.0));
            return Motion {
                accel_mps2,
                drag_mps: middle_mps,
                inertia_kg,
                wheel_n,
                brakes_n: wheel_n - needed_n,
                link: Link::Closed(gear),
            };
        }
        if needed_n <= drive.sure_n(gear, rpm) {
            return Motion {
                accel_mps2,
                drag_mps: middle_mps,
                inertia_kg,
                wheel_n: needed_n,
                brakes_n: 0.0,
                link: Link::Closed(gear),
            };
        }
        let is_held = is_launching(state)
            && rpm < prepared.gearbox.launch_rpm
            && needed_n > drive.force_max_n(gear, at_least(rpm, prepared.idle_rpm));
        if rpm < prepared.idle_rpm || is_held {
            return self.slip(state, drive, gear, accel_mps2, dt_s);
        }
        let rpm_of = |mps: f64| at_least(mps * gear.rpm_per_mps, prepared.idle_rpm);
        let force_max_n = |mps: f64| drive.force_max_n(gear, rpm_of(mps));
        push(state, drive, inertia_kg, accel_mps2, dt_s, &force_max_n, Link::Closed(gear))
    }

    /// Below idle speed the clutch slips; a hard start holds the engine at the launch speed.
    #[inline(never)]
    fn slip<'a>(
        &'a self,
        state: &VehicleState,
        drive: &Drive<'_>,
        gear: &'a Gear,
        accel_mps2: f64,
        dt_s: f64,
    ) -> Motion<'a> {
        let (gearbox, idle_rpm) = (&self.prepared.gearbox, self.prepared.idle_rpm);
        let inertia_kg = self.mass_kg() + gearbox.wheels_kg;
        let needed_n = drive.resist_n(state.speed_mps) + inertia_kg * accel_mps2;
        if needed_n <= 0.0 {
            // Without the engine's inertia the slope alone is enough.
            return self.roll(state, drive, accel_mps2, dt_s);
        }
        let idle_n = drive.force_max_n(gear, idle_rpm);
        let is_easy = needed_n <= idle_n && state.speed_mps * gear.rpm_per_mps < idle_rpm;
        let (rpm, most_n) = if is_easy {
            (idle_rpm, idle_n)
        } else {
            let rpm = gearbox.launch_rpm;
            (rpm, drive.force_max_n(gear, rpm))
        };
        push(state, drive, inertia_kg, accel_mps2, dt_s, &|_| most_n, Link::Slipping(gear, rpm))
    }

    /// No drive: the truck rolls, and brakes if that is too fast.
    #[inline(never)]
    fn roll<'a>(
        &'a self,
        state: &VehicleState,
        drive: &Drive<'_>,
        wanted_mps2: f64,
        dt_s: f64,
    ) -> Motion<'a> {
        let gearbox = &self.prepared.gearbox;
        let inertia_kg = self.mass_kg() + gearbox.wheels_kg;
        let wheel_n = -gearbox.spin_n;
        let free_mps2 = (wheel_n - drive.resist_n(state.speed_mps)) / inertia_kg;
        let accel_mps2 = at_most(free_mps2, wanted_mps2);
        let drag_mps = at_least(state.speed_mps + 0.5 * dt_s * accel_mps2, 0.0);
        let resist_n = drive.resist_n(drag_mps);
        let accel_mps2 = at_most((wheel_n - resist_n) / inertia_kg, wanted_mps2);
        let brakes_n = at_least(wheel_n - resist_n - inertia_kg * accel_mps2, 0.0);
        let link = Link::Open(self.open_rpm(state, drive.scene.engine_on));
        Motion { accel_mps2, drag_mps, inertia_kg, wheel_n, brakes_n, link }
    }

    /// Engine speed with the clutch open: idle, or on its way to the next gear's; 0 when off.
    fn open_rpm(&self, state: &VehicleState, engine_on: bool) -> f64 {
        let prepared = &*self.prepared;
        if !engine_on {
            return 0.0;
        }
        if state.engaging == 0 {
            return prepared.idle_rpm;
        }
        let next_rpm = state.speed_mps * prepared.gearbox.gear(state.engaging).rpm_per_mps;
        next_rpm.clamp(900.0, 1_200.0).max(prepared.idle_rpm).min(prepared.max_rpm)
    }
}

/// Motion under traction: the wanted one, or what the engine can do.
fn push<'a>(
    state: &VehicleState,
    drive: &Drive<'_>,
    inertia_kg: f64,
    wanted_mps2: f64,
    dt_s: f64,
    force_max_n: &impl Fn(f64) -> f64,
    link: Link<'a>,
) -> Motion<'a> {
    let middle = |accel_mps2: f64| at_least(state.speed_mps + 0.5 * dt_s * accel_mps2, 0.0);
    let drag_mps = middle(wanted_mps2);
    let wheel_n = drive.resist_n(drag_mps) + inertia_kg * wanted_mps2;
    let motion =
        Motion { accel_mps2: wanted_mps2, drag_mps, inertia_kg, wheel_n, brakes_n: 0.0, link };
    if wheel_n <= force_max_n(drag_mps) {
        return motion;
    }
    let start_n = force_max_n(state.speed_mps) - drive.resist_n(state.speed_mps);
    let drag_mps = middle(at_most(start_n / inertia_kg, wanted_mps2));
    let resist_n = drive.resist_n(drag_mps);
    let accel_mps2 = at_most((force_max_n(drag_mps) - resist_n) / inertia_kg, wanted_mps2);
    Motion { accel_mps2, drag_mps, wheel_n: resist_n + inertia_kg * accel_mps2, ..motion }
}
