//! The diesel as a table: full load, motoring drag and Willans lines on one uniform grid of engine
//! speeds, so that a look-up is a multiplication, a truncation and four linear blends.

use super::model::Engine;
use super::{at_least, at_most, interpolate};

/// Density of diesel, kg/l (VECTO `FuelTypes.csv`; EN 590 allows 0.820 to 0.845).
pub const DIESEL_KG_PER_L: f64 = 0.836;
/// Lower heating value of diesel, J/kg (VECTO `FuelTypes.csv`).
pub const DIESEL_J_PER_KG: f64 = 42.7e6;
/// Energy in a microlitre of diesel, J: 35.7 MJ/l.
pub const DIESEL_J_PER_UL: f64 = DIESEL_KG_PER_L * DIESEL_J_PER_KG * 1e-6;
/// Carbon dioxide from a litre of diesel, kg: 3.16 kg/kg, as in VECTO's result files.
pub const CO2_KG_PER_L: f64 = 2.64;

/// Distance of the table's rows, rpm; the published nodes (every 200) fall on rows.
const ROW_RPM: f64 = 50.0;

/// What the engine can do, and what it takes, at one speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnginePoint {
    /// Full-load torque, Nm.
    pub full_nm: f64,
    /// Torque without fuel, Nm, negative.
    pub motoring_nm: f64,
    /// W of fuel per W at the crank.
    pub slope: f64,
    /// W of fuel per rpm that friction takes.
    pub friction_w_per_rpm: f64,
}

impl EnginePoint {
    /// Power of the fuel, W, for `brake_w` at the crank at `rpm`: the Willans line, never below 0.
    #[inline]
    pub fn fuel_w(&self, rpm: f64, brake_w: f64) -> f64 {
        (self.slope * brake_w + self.friction_w_per_rpm * rpm).max(0.0)
    }
}

/// The prepared table of one engine.
///
/// ```
/// use fleet_core::physics::{EngineMap, TruckModel};
/// let map = EngineMap::new(&TruckModel::find("tipper_6x4_28t")?.engine);
/// let brake_w = 956.0 * 1_600.0 * std::f64::consts::PI / 30.0;
/// let efficiency = brake_w / map.at(1_600.0).fuel_w(1_600.0, brake_w);
/// assert!((0.42..0.45).contains(&efficiency));
/// # Ok::<(), fleet_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EngineMap {
    /// Beyond the last speed the last row stands again, so that every place has a row after it.
    rows: Box<[EnginePoint; ROWS]>,
    first_rpm: f64,
    last: u32,
}

/// Room for 400 to 3 000 rpm in steps of [`ROW_RPM`].
const ROWS: usize = 64;

impl EngineMap {
    /// Resamples the curves of a checked `engine` between idle and top speed.
    pub fn new(engine: &Engine) -> Self {
        let first_rpm = (engine.idle_rpm / ROW_RPM).floor() * ROW_RPM;
        let willans = &engine.willans;
        let grid = |values: &[f64], rpm: f64| {
            let mut points = values.iter().zip(0_u8..);
            let at = |i: u8| willans.rpm_first + willans.rpm_step * f64::from(i);
            let mut below = (at(0), values.first().copied().unwrap_or_default());
            points
                .find_map(|(&value, i)| {
                    let above = (at(i), value);
                    let found = (rpm <= above.0).then(|| interpolate(&[below, above], rpm));
                    below = above;
                    found
                })
                .unwrap_or(below.1)
        };
        let swept_m3 = engine.displacement_l * 1e-3;
        let row = |rpm: f64| EnginePoint {
            full_nm: interpolate(&engine.full_load_torque_nm, rpm),
            motoring_nm: interpolate(&engine.motoring_mep_bar_at_rpm, rpm) * 1e5 * swept_m3
                / (4.0 * std::f64::consts::PI),
            slope: grid(&willans.k_fuel_per_brake, rpm) * willans.k_scale,
            friction_w_per_rpm: grid(&willans.p0_fuel_mep_bar, rpm) * 1e5 * swept_m3 / 120.0,
        };
        let (mut rows, mut last) = (Box::new([row(first_rpm); ROWS]), 0);
        for (place, i) in rows.iter_mut().zip(0_u32..) {
            let rpm = first_rpm + ROW_RPM * f64::from(i);
            if rpm < engine.max_rpm + ROW_RPM {
                last = i;
            }
            *place = row(first_rpm + ROW_RPM * f64::from(last));
        }
        Self { rows, first_rpm, last: last.max(1) }
    }

    /// The rows around `rpm`, and how far between them it lies.
    #[inline]
    fn around(&self, rpm: f64) -> (&EnginePoint, &EnginePoint, f64) {
        let place = at_least((rpm - self.first_rpm) * (1.0 / ROW_RPM), 0.0);
        #[expect(clippy::cast_sign_loss, reason = "not negative; `as` saturates beyond the end")]
        let row = (place as u32).min(self.last - 1);
        let t = at_most(place - f64::from(row), 1.0);
        let i = (row as usize).min(ROWS - 2);
        (&self.rows[i], &self.rows[i + 1], t)
    }

    /// Full-load torque at `rpm`, Nm.
    #[inline]
    pub(super) fn full_nm(&self, rpm: f64) -> f64 {
        let (a, b, t) = self.around(rpm);
        a.full_nm + (b.full_nm - a.full_nm) * t
    }

    /// Power of the fuel, W, for `brake_w` at the crank at `rpm`.
    #[inline]
    pub(super) fn fuel_w(&self, rpm: f64, brake_w: f64) -> f64 {
        let (a, b, t) = self.around(rpm);
        let slope = a.slope + (b.slope - a.slope) * t;
        let friction = a.friction_w_per_rpm + (b.friction_w_per_rpm - a.friction_w_per_rpm) * t;
        at_least(slope * brake_w + friction * rpm, 0.0)
    }

    /// Least full-load torque between two engine speeds, Nm.
    pub(super) fn least_nm(&self, from_rpm: f64, to_rpm: f64) -> f64 {
        let (ends, rows) = ([self.full_nm(from_rpm), self.full_nm(to_rpm)], self.rows.iter());
        let rpm = |i: u32| self.first_rpm + ROW_RPM * f64::from(i);
        let between = rows.zip(0_u32..).filter(|(_, i)| (from_rpm..=to_rpm).contains(&rpm(*i)));
        between.map(|(row, _)| row.full_nm).chain(ends).fold(f64::INFINITY, f64::min)
    }

    /// The engine at `rpm`; beyond the table's ends, as at the end.
    #[inline]
    pub fn at(&self, rpm: f64) -> EnginePoint {
        let (a, b, t) = self.around(rpm);
        let blend = |a: f64, b: f64| a + (b - a) * t;
        EnginePoint {
            full_nm: blend(a.full_nm, b.full_nm),
            motoring_nm: blend(a.motoring_nm, b.motoring_nm),
            slope: blend(a.slope, b.slope),
            friction_w_per_rpm: blend(a.friction_w_per_rpm, b.friction_w_per_rpm),
        }
    }
}
