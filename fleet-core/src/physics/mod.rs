//! How a truck moves, burns, warms up and shakes: one step of about a hundred nanoseconds.
//!
//! A [`Vehicle`] is a [`TruckModel`] with its present mass. [`Vehicle::step`] takes what the
//! truck meets ([`Road`]) and what the driver asks for ([`Command`]), changes a plain
//! [`VehicleState`] and returns what happened ([`Step`]). Speed is an output: where the engine
//! cannot hold the target, the truck slows down.
//!
//! ```text
//! wheel force = m(1+γ)·a + m·g·(sin + C_rr·cos) + ½·ρ·C_dA·v²     drive, motion
//! crank power = wheel power / η + spin losses + auxiliaries + fan    gearbox, step
//! fuel power  = k(n)·P + p0(n)·V_d·n/120, Willans lines              engine
//! coolant     → balance of the fuel's heat with block and radiator   cooling
//! a_z²        = engine² + (10.1·q)²·G·v, on roads of ISO 8608        vibration
//! ```
//!
//! Sources: road load as in Gillespie, *Fundamentals of Vehicle Dynamics* (SAE, 1992, ch. 4);
//! engine, tyres and auxiliaries from VECTO's generic vehicles; each constant names its own.
//!
//! The step uses + − × ÷ and √ only, so a run has the same bits on every machine, and it has no
//! failing input behind [`Vehicle::new`]: no allocation, no panic, no clock, no randomness.

mod check;
mod cooling;
mod drive;
mod energy;
mod engine;
mod gearbox;
mod load;
mod model;
mod motion;
mod names;
mod operating_point;
mod road;
mod step;
pub mod tank;
mod tyres;
mod vehicle;
pub mod vibration;

pub use energy::EnergyBook;
pub use engine::{
    CO2_KG_PER_L, DIESEL_J_PER_KG, DIESEL_J_PER_UL, DIESEL_KG_PER_L, EngineMap, EnginePoint,
};
pub use gearbox::Shift;
pub use model::{Driveline, Engine, Thermal, TruckModel, Tyre, Vibration, Willans};
pub use operating_point::{OperatingPoint, operating_point};
pub use road::{IsoClass, Road, air_density_kgpm3, roughness_from_iri};
pub use tyres::{Axle, mean_rolling_coefficient};
pub use vehicle::{Command, Step, Vehicle, VehicleState};

/// Standard gravity, m/s² (CGPM 1901).
pub const GRAVITY_MPS2: f64 = 9.806_65;

const RAD_PER_S_PER_RPM: f64 = std::f64::consts::PI / 30.0;

/// Linear between `points` (abscissae ascending, at least one point), constant beyond the ends.
fn interpolate(points: &[(f64, f64)], x: f64) -> f64 {
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        if x <= x0 {
            return y0;
        }
        if x < x1 {
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0);
        }
    }
    points.last().map_or(0.0, |point| point.1)
}
