//! How a truck moves, burns, warms up and shakes: one step of well under a microsecond.
//!
//! A [`Vehicle`] is a [`TruckModel`] with its present mass. [`Vehicle::step`] takes what the
//! truck meets ([`Road`]) and what the driver asks for ([`Command`]), changes a plain
//! [`VehicleState`] and returns what happened ([`Step`]). Speed is an output: where the engine
//! cannot hold the target, the truck slows down.
//!
//! Causes run one way, as in the truck: the road asks for a force, the gear turns it into torque,
//! torque into fuel and heat, heat into temperature; speed and road shake the seat.
//!
//! ```text
//! wheel force = m(1+γ)·a + m·g·(sin + C_rr·cos) + ½·ρ·C_dA·v²     drive, motion
//! crank power = wheel power / η + spin losses + auxiliaries + fan    gearbox, step
//! fuel power  = k(n)·P + p0(n)·V_d·n/120, Willans lines              engine
//! coolant     → balance of the fuel's heat with block and radiator   cooling
//! a_z²        = engine² + (10.1·q)²·G·v, on roads of ISO 8608        vibration
//! ```
//!
//! The step uses + − × ÷ and √ only, so a run has the same bits on every machine, and it has no
//! failing input behind [`Vehicle::new`]: no allocation, no panic, no clock, no randomness.
//! Published numbers beside ours, charts and the list of what is not modelled: `docs/physics.md`.
//!
//! # 1. What the road asks for
//!
//! *Story.* Three things hold a truck back: tyres that are kneaded, air that is pushed aside, and
//! the hill. At 60 km/h and 25 t two thirds of it are tyres, on a climb nearly all is the hill.
//!
//! *Formula.* `F = ½·ρ·C_dA·v² + m·g·c·(C_rr·k + grade)`, `c = 1/√(1+grade²)`;
//! `C_rr = C_rr,gvw·(m/m_gvw)^−0.1`; `k = 1 + 0.035·(IRI − 2)`, in rain 1.05 more. To speed up,
//! `(m + wheels + engine·i²/r²)·a` on top.
//!
//! *Sources.* Gillespie, *Fundamentals of Vehicle Dynamics* (SAE 1992, ch. 4); VECTO for the tyres'
//! exponent; Zaabar and Chatti (LPCB 2015) for roughness; ISO 2533 for the air.
//!
//! *Limits.* Still air, straight road, no wheel slip.
//!
//! ```
//! use fleet_core::physics::{IsoClass, Road, air_density_kgpm3};
//! let pass = Road::of_class(IsoClass::C, 3_000.0, 10.0);
//! assert!(pass.air_density_kgpm3 < 0.75 * air_density_kgpm3(0.0, 15.0)); // a third less drag
//! assert!(pass.rolling_factor() > 1.08); // and rougher going
//! ```
//!
//! # 2. Gears
//!
//! *Story.* The driver keeps the engine between two lines in the speed-torque plane, waits two
//! seconds between shifts and ten before taking one back; a shift costs 1.5 s of traction.
//!
//! *Formula.* `n = v·i_g·i_f·30/(π·r)`; up above a line that rises with load, if the next gear still
//! gains; down below another, or where torque fails. After a shift up the engine turns at least 8 %
//! above the lower line: that is why it cannot hunt, and [`TruckModel::check`] refuses gearboxes
//! for which it could.
//!
//! *Sources.* VECTO's rules for manual gearboxes. *Limits.* One driver, who sees no road ahead.
//!
//! ```
//! use fleet_core::physics::{Road, TruckModel, Vehicle, operating_point};
//! let truck = Vehicle::new(TruckModel::find("tipper_6x4_28t")?, 28_000.0)?;
//! let at = |grade| operating_point(&truck, &Road { grade, ..Road::level(30.0) }, 12.0, None);
//! assert!(at(0.08).gear < at(0.0).gear && at(0.08).rpm > 1_050.0);
//! # Ok::<(), fleet_core::Error>(())
//! ```
//!
//! # 3. Fuel
//!
//! *Story.* At one engine speed fuel grows with power along a straight line, the Willans line, whose
//! offset is friction. Below it, on over-run, the injectors close. [`EngineMap`] holds the lines.
//!
//! *Formula.* `P_fuel = k(n)·P + p0(n)·10⁵·V_d·n/120`, never below 0; a cold engine takes up to 15 %
//! more. Full load falls by 1 % per 100 m above 2 000 m and when the coolant is over its limit.
//!
//! *Sources.* Lines fitted to VECTO's generic maps; 35.7 MJ/l from its `FuelTypes.csv`. *Limits.*
//! Steady state: no turbo lag, no smoke limit, no filter regeneration.
//!
//! ```
//! use fleet_core::physics::{EngineMap, TruckModel};
//! let map = EngineMap::new(&TruckModel::find("rigid_6x2_31t")?.engine);
//! let point = map.at(1_400.0);
//! assert!(point.fuel_w(1_400.0, 0.0) > 0.0); // friction
//! assert_eq!(point.fuel_w(1_400.0, -1e6), 0.0); // over-run
//! # Ok::<(), fleet_core::Error>(())
//! ```
//!
//! # 4. Heat
//!
//! *Story.* A fifth to half of the fuel heats the coolant. Under 82 °C the thermostat keeps it; above,
//! ram air takes it away, and at 96 °C a fan that costs the engine 4.5 % of its power.
//!
//! *Formula.* `C·dT/dt = h·P_fuel − UA·(T − T_air)`, relaxed by `1/(1+x+x²/2)`, `x = UA·dt/C`, so that
//! a long step cannot overshoot.
//!
//! *Sources.* Thermostats of the DD15 and ISX engines, a Freightliner manual's limits; capacities and
//! conductances are estimates. *Limits.* One temperature for block and coolant.
//!
//! # 5. Vibration
//!
//! See [`vibration`], with the zones of ISO 2631-1.
//!
//! # 6. Tank and energy
//!
//! See [`tank`], a book in whole microlitres, and [`EnergyBook`], which says where each joule went.
//!
//! ```
//! use fleet_core::physics::{Command, EnergyBook, Road, TruckModel, Vehicle, VehicleState};
//! let truck = Vehicle::new(TruckModel::find("rigid_4x2_18t5")?, 18_500.0)?;
//! let (road, mut state) = (Road::level(30.0), VehicleState::parked(30.0));
//! let mut book = EnergyBook::default();
//! for _ in 0..600 {
//!     book += truck.step(&mut state, &road, &Command::drive(15.0), 1.0).energy;
//! }
//! let spent_j = book.kinetic_j + book.hill_j + book.aero_j + book.rolling_j + book.brakes_j;
//! assert!((book.wheel_j - spent_j).abs() < 1e-9 * book.fuel_j);
//! # Ok::<(), fleet_core::Error>(())
//! ```
//!
//! # 7. Trucks
//!
//! Eight come along ([`TruckModel::bundled`]), each number with its source. Your own is a file:
//! [`TruckModel::from_toml`], [`TruckModel::from_json`]; all its faults are told at once.

mod check;
mod cooling;
mod drive;
mod energy;
mod engine;
mod gearbox;
mod ground;
mod load;
mod model;
mod motion;
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
pub use ground::Ground;
pub use model::{Driveline, Engine, Thermal, TruckModel, Tyre, Vibration, Willans};
pub use operating_point::{OperatingPoint, operating_point};
pub use road::{IsoClass, Road, air_density_kgpm3, roughness_from_iri};
pub use tyres::{Axle, mean_rolling_coefficient};
pub use vehicle::{Command, Moved, Step, Vehicle, VehicleState};

/// Standard gravity, m/s² (CGPM 1901).
pub const GRAVITY_MPS2: f64 = 9.806_65;

const RAD_PER_S_PER_RPM: f64 = std::f64::consts::PI / 30.0;

/// The larger; `b` where `a` is no number. One instruction, where `f64::max` takes five.
#[inline]
const fn at_least(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The smaller; `b` where `a` is no number.
#[inline]
const fn at_most(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

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
