//! The coolant: one heat capacity, a thermostat, ram air and a clutched fan.
//!
//! The temperature relaxes towards the balance of heat in and heat out. The step uses the rational
//! form of the exponential, so a long step cannot overshoot and every machine gets the same bits.

use super::model::TruckModel;
use super::{at_least, at_most};

/// Ram air's effect, (v / 22 m/s)^0.7, at 0, 2, … 30 m/s.
const RAM: [f64; 16] = [
    0.0, 0.186_649, 0.303_212, 0.402_726, 0.492_569, 0.575_843, 0.654_231, 0.728_775, 0.800_181,
    0.868_95, 0.935_46, 1.0, 1.062_801, 1.124_05, 1.183_899, 1.2,
];
/// The fan's effect, x^0.6, at x = 0, 0.1, … 1.3 of rated engine speed.
const FAN: [f64; 14] = [
    0.0, 0.251_189, 0.380_731, 0.485_593, 0.577_08, 0.659_754, 0.736_022, 0.807_344, 0.874_69,
    0.938_74, 1.0, 1.058_853, 1.115_601, 1.170_485,
];

#[inline]
fn on_grid<const N: usize>(table: &[f64; N], place: f64) -> f64 {
    let place = at_least(place, 0.0);
    #[expect(clippy::cast_sign_loss, reason = "not negative; `as` saturates beyond the end")]
    let row = (place as u32).min(N as u32 - 2);
    let i = (row as usize).min(N - 2);
    table[i] + (table[i + 1] - table[i]) * at_most(place - f64::from(row), 1.0)
}

/// The engine's state during a part of a step, as far as it makes heat or moves air.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) fuel_w: f64,
    pub(super) brake_w: f64,
    pub(super) rpm: f64,
    pub(super) speed_mps: f64,
    pub(super) fan_on: bool,
}

/// The circuit's constants, prepared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cooling {
    per_capacity_k_per_j: f64,
    heat_load: f64,
    heat_idle_extra: f64,
    per_light_load_w: f64,
    block_w_per_k: f64,
    ram_w_per_k: f64,
    fan_w_per_k: f64,
    per_rated_tenth_rpm: f64,
    open_c: f64,
    per_opening_k: f64,
    fan_on_c: f64,
    fan_off_c: f64,
    derate_c: f64,
}

impl Cooling {
    pub(super) fn new(model: &TruckModel) -> Self {
        let (thermal, engine) = (&model.thermal, &model.engine);
        Self {
            per_capacity_k_per_j: 1.0 / thermal.heat_capacity_j_per_k,
            heat_load: thermal.heat_fraction_load,
            heat_idle_extra: thermal.heat_fraction_idle - thermal.heat_fraction_load,
            per_light_load_w: 1.0 / (0.15 * engine.rated_kw * 1e3),
            block_w_per_k: thermal.ua_block_w_per_k,
            ram_w_per_k: thermal.ua_radiator_ram_w_per_k_at_22mps,
            fan_w_per_k: thermal.ua_radiator_fan_w_per_k,
            per_rated_tenth_rpm: 10.0 / engine.rated_rpm,
            open_c: thermal.thermostat_open_c,
            per_opening_k: 1.0 / (thermal.thermostat_full_c - thermal.thermostat_open_c),
            fan_on_c: thermal.fan_on_c,
            fan_off_c: thermal.fan_off_c,
            derate_c: thermal.derate_c,
        }
    }

    /// Whether the fan clutch is closed at `coolant_c`, given that it was (`was_on`).
    pub(super) fn fan_closes(&self, coolant_c: f64, was_on: bool) -> bool {
        coolant_c > if was_on { self.fan_off_c } else { self.fan_on_c }
    }

    /// Share of full torque the engine's controller allows: 1, falling to 0.6 at 110 °C.
    pub(super) fn torque_factor(&self, coolant_c: f64) -> f64 {
        if coolant_c <= self.derate_c {
            return 1.0;
        }
        1.0 - 0.4 * ((coolant_c - self.derate_c) / (110.0 - self.derate_c)).min(1.0)
    }

    /// Coolant temperature, °C, after `dt_s` in air of `ambient_c`.
    pub(super) fn after(&self, coolant_c: f64, ambient_c: f64, run: &Running, dt_s: f64) -> f64 {
        let light = at_least(1.0 - at_least(run.brake_w, 0.0) * self.per_light_load_w, 0.0);
        let heat_w = (self.heat_load + self.heat_idle_extra * light) * run.fuel_w;
        let mut ua = self.block_w_per_k;
        if run.rpm > 0.0 && coolant_c > self.open_c {
            let open = at_most((coolant_c - self.open_c) * self.per_opening_k, 1.0);
            let ram = self.ram_w_per_k * (0.12 + 0.88 * on_grid(&RAM, run.speed_mps * 0.5));
            let fan = if run.fan_on {
                self.fan_w_per_k * on_grid(&FAN, run.rpm * self.per_rated_tenth_rpm)
            } else {
                0.0
            };
            ua += open * (ram + fan);
        }
        let balance_c = ambient_c + heat_w / ua;
        let x = ua * dt_s * self.per_capacity_k_per_j;
        // Neither division waits for the other.
        balance_c + (coolant_c - balance_c) * (1.0 / (1.0 + x + 0.5 * x * x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::physics::TruckModel;

    #[test]
    fn the_tables_are_the_powers_they_stand_for() {
        for (i, &value) in RAM.iter().enumerate() {
            let exact = (2.0 * i as f64 / 22.0).powf(0.7).min(1.2);
            assert!((value - exact).abs() < 1e-6, "ram {i}");
        }
        for (i, &value) in FAN.iter().enumerate() {
            assert!((value - (i as f64 / 10.0).powf(0.6)).abs() < 1e-6, "fan {i}");
        }
    }

    #[test]
    fn the_fan_has_a_hysteresis_and_heat_cuts_the_torque() {
        let cooling = Cooling::new(&TruckModel::bundled()[0]);
        assert!(!cooling.fan_closes(95.0, false) && cooling.fan_closes(96.5, false));
        assert!(cooling.fan_closes(90.5, true) && !cooling.fan_closes(89.5, true));
        for (coolant_c, factor) in [(100.0, 1.0), (107.5, 0.8), (110.0, 0.6), (120.0, 0.6)] {
            assert!((cooling.torque_factor(coolant_c) - factor).abs() < 1e-9, "{coolant_c} °C");
        }
    }

    #[test]
    fn a_long_step_cannot_overshoot_the_balance() {
        let cooling = Cooling::new(&TruckModel::bundled()[0]);
        let off = Running { fuel_w: 0.0, brake_w: 0.0, rpm: 0.0, speed_mps: 0.0, fan_on: false };
        let mut coolant_c = 90.0;
        for dt_s in [1.0, 1e3, 1e5, 1e7] {
            let after_c = cooling.after(coolant_c, 10.0, &off, dt_s);
            assert!((10.0..coolant_c).contains(&after_c), "{dt_s} s");
            coolant_c = after_c;
        }
    }
}
