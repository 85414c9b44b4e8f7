//! Where the energy went: every joule of fuel, in terms that are summed apart and close.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// The split of a step or, added up, of a trip, J. It closes, to rounding:
///
/// ```text
/// fuel                 = brake_work + engine_loss
/// brake_work − overrun = wheel + driveline + aux + fan
/// wheel                = kinetic + hill + aero + rolling + brakes
/// ```
///
/// All but `wheel_j`, `kinetic_j` and `hill_j` are losses or sources and never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EnergyBook {
    /// In the fuel burned (lower heating value).
    pub fuel_j: f64,
    /// Delivered at the crank.
    pub brake_work_j: f64,
    /// Lost in the engine: exhaust, coolant, friction.
    pub engine_loss_j: f64,
    /// Taken up at the crank on over-run: motoring and exhaust brake.
    pub overrun_j: f64,
    /// From the driveline to the wheels; negative on over-run.
    pub wheel_j: f64,
    /// Lost in clutch, gearbox and axle.
    pub driveline_j: f64,
    /// Taken by auxiliaries.
    pub aux_j: f64,
    /// Taken by the cooling fan.
    pub fan_j: f64,
    /// Stored in motion, turning parts included; negative when slowing down.
    pub kinetic_j: f64,
    /// Stored in height; negative downhill.
    pub hill_j: f64,
    /// Lost to the air.
    pub aero_j: f64,
    /// Lost in the tyres.
    pub rolling_j: f64,
    /// Lost in the service brakes.
    pub brakes_j: f64,
}

/// Where a step writes its energy down, or nowhere.
pub(super) trait Book {
    fn note(&mut self, write: impl FnOnce(&mut EnergyBook));
}

impl Book for EnergyBook {
    #[inline]
    fn note(&mut self, write: impl FnOnce(&mut Self)) {
        write(self);
    }
}

/// Nobody asks where the energy went.
#[derive(Debug)]
pub(super) struct NoBook;

impl Book for NoBook {
    #[inline]
    fn note(&mut self, _: impl FnOnce(&mut EnergyBook)) {}
}

impl AddAssign for EnergyBook {
    fn add_assign(&mut self, other: Self) {
        self.fuel_j += other.fuel_j;
        self.brake_work_j += other.brake_work_j;
        self.engine_loss_j += other.engine_loss_j;
        self.overrun_j += other.overrun_j;
        self.wheel_j += other.wheel_j;
        self.driveline_j += other.driveline_j;
        self.aux_j += other.aux_j;
        self.fan_j += other.fan_j;
        self.kinetic_j += other.kinetic_j;
        self.hill_j += other.hill_j;
        self.aero_j += other.aero_j;
        self.rolling_j += other.rolling_j;
        self.brakes_j += other.brakes_j;
    }
}
