//! The door of the kernel: every fault of a [`TruckModel`], found in one pass.

use super::GRAVITY_MPS2;
use super::model::TruckModel;

/// Stands for a number that a file does not tell: no model may hold it, and no rule that needs it is
/// judged.
pub(super) const UNKNOWN: f64 = 1e300;

/// Collects what is wrong, so that one run mends a whole file.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    /// `value` must lie in [`least`, `most`]; NaN lies nowhere. A bound that is another field, itself
    /// unknown or absurd, is not held against this one, nor are bounds that leave no room: that field
    /// has its own fault.
    fn range(&mut self, path: &str, value: f64, least: f64, most: f64) {
        let is_known = |bound: f64| bound.abs() < 0.1 * UNKNOWN;
        if !(is_known(least) && is_known(most)) || least > most {
            return;
        }
        if !(least..=most).contains(&value) {
            self.0.push(format!("{path}: {value} is outside {least} to {most}"));
        }
    }

    /// A rule between fields.
    fn rule(&mut self, holds: bool, told: impl FnOnce() -> String) {
        if !holds {
            self.0.push(told());
        }
    }

    /// Points with ascending finite abscissae and ordinates in range.
    fn curve(&mut self, path: &str, points: &[(f64, f64)], least: f64, most: f64) {
        self.rule((2..=64).contains(&points.len()), || {
            format!("{path}: {} points, expected 2 to 64", points.len())
        });
        for (i, &(rpm, value)) in points.iter().enumerate() {
            self.range(&format!("{path}[{i}].rpm"), rpm, 0.0, 4_000.0);
            self.range(&format!("{path}[{i}]"), value, least, most);
        }
        let ascending = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
        self.rule(ascending, || format!("{path}: engine speeds must ascend"));
    }
}

/// Everything that is wrong with `model`, one sentence each; empty when it may be driven.
pub(super) fn faults(model: &TruckModel) -> Vec<String> {
    let mut faults = Faults(parts(model));
    if faults.0.is_empty() {
        together(model, &mut faults);
    }
    faults.0
}

/// What is wrong with each part by itself.
pub(super) fn parts(model: &TruckModel) -> Vec<String> {
    let mut faults = Faults::default();
    chassis(model, &mut faults);
    engine(model, &mut faults);
    driveline(model, &mut faults);
    thermal(model, &mut faults);
    faults.0
}

fn chassis(model: &TruckModel, faults: &mut Faults) {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    faults.rule((1..=64).contains(&model.id.len()) && model.id.bytes().all(allowed), || {
        format!("id: {:?} is not 1 to 64 of a-z 0-9 _ -", model.id)
    });
    faults.range("gvw_kg", model.gvw_kg, 1_000.0, 60_000.0);
    faults.range("kerb_kg", model.kerb_kg, 500.0, model.gvw_kg);
    faults.range("payload_max_kg", model.payload_max_kg, 0.0, model.gvw_kg - model.kerb_kg);
    faults.range("cda_m2", model.cda_m2, 1.0, 15.0);
    faults.range("aux_base_w", model.aux_base_w, 0.0, 20_000.0);
    faults.range("fan_max_w", model.fan_max_w, 0.0, 30_000.0);
    faults.range("fuel_tank_l", model.fuel_tank_l, 20.0, 2_000.0);
    faults.range("reserve_fraction", model.reserve_fraction, 0.02, 0.5);
    let above_reserve = (model.reserve_fraction + 0.05).max(0.5);
    faults.range("refuel_target_fraction", model.refuel_target_fraction, above_reserve, 1.0);
    let tyre = &model.tyre;
    faults.range("tyre.r_dyn_m", tyre.r_dyn_m, 0.2, 1.0);
    faults.range("tyre.inertia_per_wheel_kgm2", tyre.inertia_per_wheel_kgm2, 0.5, 50.0);
    faults.range("tyre.wheels", f64::from(tyre.wheels), 4.0, 40.0);
    faults.range("tyre.rrc_at_gvw", tyre.rrc_at_gvw, 0.003, 0.03);
    let vibration = &model.vibration;
    faults.range("vibration.k_road_per_sqrt_gv", vibration.k_road_per_sqrt_gv, 1.0, 50.0);
    faults.range("vibration.idle_rms_ms2", vibration.idle_rms_ms2, 0.0, 1.0);
    faults.range("vibration.empty_gain", vibration.empty_gain, 1.0, 3.0);
}

fn engine(model: &TruckModel, faults: &mut Faults) {
    let engine = &model.engine;
    faults.range("engine.displacement_l", engine.displacement_l, 0.5, 20.0);
    faults.range("engine.rated_kw", engine.rated_kw, 20.0, 600.0);
    faults.range("engine.peak_nm", engine.peak_nm, 50.0, 5_000.0);
    faults.range("engine.idle_rpm", engine.idle_rpm, 400.0, 1_000.0);
    faults.range("engine.peak_rpm_from", engine.peak_rpm_from, engine.idle_rpm, 2_500.0);
    faults.range("engine.peak_rpm_to", engine.peak_rpm_to, engine.peak_rpm_from, 2_800.0);
    faults.range("engine.rated_rpm", engine.rated_rpm, engine.peak_rpm_to, 3_000.0);
    faults.range("engine.max_rpm", engine.max_rpm, engine.rated_rpm, 3_000.0);
    faults.range("engine.inertia_kgm2", engine.inertia_kgm2, 0.1, 20.0);
    faults.curve("engine.full_load_torque_nm", &engine.full_load_torque_nm, 50.0, 5_000.0);
    faults.curve("engine.motoring_mep_bar_at_rpm", &engine.motoring_mep_bar_at_rpm, -5.0, -0.1);
    let willans = &engine.willans;
    faults.range("engine.willans.rpm_first", willans.rpm_first, 300.0, engine.idle_rpm);
    faults.range("engine.willans.rpm_step", willans.rpm_step, 10.0, 500.0);
    faults.range("engine.willans.k_scale", willans.k_scale, 0.95, 1.3);
    let (k, p0) = (&willans.k_fuel_per_brake, &willans.p0_fuel_mep_bar);
    faults.rule((2..=64).contains(&k.len()) && k.len() == p0.len(), || {
        format!(
            "engine.willans: {} values of k and {} of p0, expected 2 to 64 and alike",
            k.len(),
            p0.len()
        )
    });
    for (i, (&k, &p0)) in k.iter().zip(p0).enumerate() {
        faults.range(&format!("engine.willans.k_fuel_per_brake[{i}]"), k, 1.9, 4.0);
        faults.range(&format!("engine.willans.p0_fuel_mep_bar[{i}]"), p0, 0.3, 6.0);
    }
}

fn driveline(model: &TruckModel, faults: &mut Faults) {
    let (driveline, engine) = (&model.driveline, &model.engine);
    let ratios = &driveline.gear_ratios;
    faults.rule((1..=12).contains(&ratios.len()), || {
        format!("driveline.gear_ratios: {} gears, expected 1 to 12", ratios.len())
    });
    for (i, &ratio) in ratios.iter().enumerate() {
        faults.range(&format!("driveline.gear_ratios[{i}]"), ratio, 0.3, 30.0);
    }
    faults.rule(ratios.windows(2).all(|pair| pair[0] > pair[1]), || {
        "driveline.gear_ratios: must fall from first to top gear".into()
    });
    faults.range("driveline.final_drive", driveline.final_drive, 1.0, 12.0);
    faults.range("driveline.eta_direct", driveline.eta_direct, 0.7, 1.0);
    faults.range("driveline.eta_indirect", driveline.eta_indirect, 0.7, 1.0);
    let spin = driveline.spin_loss_w_per_wheel_rad_s;
    faults.range("driveline.spin_loss_w_per_wheel_rad_s", spin, 0.0, 200.0);
    let (low, high) = (driveline.downshift_rpm, driveline.upshift_rpm_light_load);
    faults.range("driveline.downshift_rpm", low, engine.idle_rpm, engine.rated_rpm);
    faults.range("driveline.upshift_rpm_light_load", high, low, engine.max_rpm);
    let full = driveline.upshift_rpm_full_load;
    faults.range("driveline.upshift_rpm_full_load", full, high, engine.max_rpm);
    faults.range("driveline.min_dwell_s", driveline.min_dwell_s, 0.5, 30.0);
    let block = driveline.reverse_block_s;
    faults.range("driveline.reverse_block_s", block, driveline.min_dwell_s, 60.0);
    faults.range("driveline.shift_time_s", driveline.shift_time_s, 0.0, 5.0);
}

fn thermal(model: &TruckModel, faults: &mut Faults) {
    let thermal = &model.thermal;
    let share = thermal.heat_fraction_load;
    faults.range("thermal.heat_capacity_j_per_k", thermal.heat_capacity_j_per_k, 2e4, 5e6);
    faults.range("thermal.heat_fraction_load", share, 0.1, 0.4);
    faults.range("thermal.heat_fraction_idle", thermal.heat_fraction_idle, share, 0.7);
    faults.range("thermal.ua_block_w_per_k", thermal.ua_block_w_per_k, 5.0, 500.0);
    let (ram, fan) = (thermal.ua_radiator_ram_w_per_k_at_22mps, thermal.ua_radiator_fan_w_per_k);
    faults.range("thermal.ua_radiator_ram_w_per_k_at_22mps", ram, 50.0, 10_000.0);
    faults.range("thermal.ua_radiator_fan_w_per_k", fan, 50.0, 10_000.0);
    faults.range("thermal.thermostat_open_c", thermal.thermostat_open_c, 50.0, 100.0);
    let open = thermal.thermostat_open_c + 1.0;
    faults.range("thermal.thermostat_full_c", thermal.thermostat_full_c, open, 110.0);
    faults.range("thermal.fan_on_c", thermal.fan_on_c, open, 109.0);
    faults.range("thermal.fan_off_c", thermal.fan_off_c, 50.0, thermal.fan_on_c);
    faults.range("thermal.derate_c", thermal.derate_c, thermal.fan_on_c, 109.0);
    faults.range("thermal.limit_c", thermal.limit_c, thermal.fan_on_c, 120.0);
}

/// Rules between parts; run only when each part is sound by itself.
fn together(model: &TruckModel, faults: &mut Faults) {
    let (driveline, engine) = (&model.driveline, &model.engine);
    for (i, pair) in driveline.gear_ratios.windows(2).enumerate() {
        let needed_rpm =
            super::gearbox::UPSHIFT_MARGIN * driveline.downshift_rpm * pair[0] / pair[1];
        faults.rule(needed_rpm <= 0.95 * engine.max_rpm, || {
            format!(
                "driveline.gear_ratios: the step from gear {} to {} would hunt: it asks for \
                 {needed_rpm:.0} rpm before the shift; bring the two closer or lower downshift_rpm",
                i + 1,
                i + 2
            )
        });
    }
    let torque_nm = engine.full_load_torque_nm.iter().map(|point| point.1).fold(0.0, f64::max);
    let turns_per_m = driveline.gear_ratios[0] * driveline.final_drive / model.tyre.r_dyn_m;
    let pull_n = torque_nm * turns_per_m * driveline.eta_indirect;
    let need_n = model.gvw_kg * GRAVITY_MPS2 * (0.12 + model.tyre.rrc_at_gvw);
    faults.rule(pull_n >= need_n, || {
        format!(
            "engine.full_load_torque_nm: {torque_nm} Nm pull {:.1} kN in first gear, starting at \
             gvw_kg on 12 % takes {:.1} kN; raise the torque or the first gear",
            pull_n / 1e3,
            need_n / 1e3
        )
    });
}
