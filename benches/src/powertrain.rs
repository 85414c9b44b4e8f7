//! The powertrain against FASTSim: one truck, one cycle, per second of processor time.

use std::{hint::black_box, sync::Arc};

use anyhow::{Context, Result, ensure};
use fleet_core::physics::{
    Command, EnergyBook, Engine, Road, TruckModel, Vehicle, VehicleState, Willans,
};
use serde_json::Value;

use crate::{
    Options,
    pairs::{Bound, Row, alternate},
    peers,
    process::thread_cpu_s,
};

/// Steps of one measurement, after a tenth of them unmeasured.
const STEPS: usize = 10_000_000;
/// How far off our fuel may be for the comparison to stand.
const FUEL_OFF: f64 = 0.10;
/// The best efficiency of the engine whose map is below (1200 rpm, full load), and of FASTSim's: the
/// map is scaled, so that both sides burn alike.
const VECTO_BEST: f64 = 0.456;
const FASTSIM_BEST: f64 = 0.39;

/// FASTSim's line-haul truck (`fastsim_walk.py` has the same numbers), with the engine and the twelve gears
/// that VECTO gives such a truck: FASTSim knows no gears, and an engine by its efficiency only.
fn line_haul() -> Result<Vehicle> {
    let mut model = TruckModel::clone(TruckModel::find("tractor_4x2_55t")?.as_ref());
    (model.gvw_kg, model.kerb_kg, model.payload_max_kg) = (31_978.0, 13_000.0, 18_978.0);
    (model.cda_m2, model.aux_base_w) = (0.546 * 10.4, 3_500.0);
    let tyre = &mut model.tyre;
    (tyre.rrc_at_gvw, tyre.r_dyn_m) = (0.0061, 0.506);
    (tyre.wheels, tyre.inertia_per_wheel_kgm2) = (18, 10.0);
    model.engine = Engine {
        displacement_l: 12.74,
        rated_kw: 325.0,
        idle_rpm: 600.0,
        rated_rpm: 1_800.0,
        max_rpm: 2_100.0,
        peak_nm: 2_134.0,
        peak_rpm_from: 1_000.0,
        peak_rpm_to: 1_400.0,
        full_load_torque_nm: vec![
            (600.0, 1_188.0),
            (1_000.0, 2_134.0),
            (1_400.0, 2_134.0),
            (1_800.0, 1_724.0),
        ],
        inertia_kgm2: 5.15,
        willans: Willans {
            rpm_first: 600.0,
            rpm_step: 200.0,
            k_fuel_per_brake: vec![2.04, 2.112, 2.153, 2.12, 2.107, 2.078, 2.055],
            p0_fuel_mep_bar: vec![2.33, 1.81, 1.51, 1.53, 1.73, 2.12, 2.75],
            k_scale: VECTO_BEST / FASTSIM_BEST,
        },
        ..model.engine
    };
    let driveline = &mut model.driveline;
    driveline.gear_ratios =
        vec![14.93, 11.64, 9.02, 7.04, 5.64, 4.4, 3.39, 2.65, 2.05, 1.6, 1.28, 1.0];
    driveline.final_drive = 2.64;
    (driveline.eta_direct, driveline.eta_indirect) = (0.97, 0.97);
    driveline.spin_loss_w_per_wheel_rad_s = 0.0;
    (driveline.downshift_rpm, driveline.upshift_rpm_light_load) = (900.0, 1_250.0);
    driveline.upshift_rpm_full_load = 1_600.0;
    Ok(Vehicle::new(Arc::new(model), 31_978.0)?)
}

/// What our truck made of the cycle.
struct Walk {
    metres: f64,
    litres: f64,
}

/// Over the cycle at 1 Hz, warm, with the whole book of energy.
fn walk(truck: &Vehicle, speeds_mps: &[f64]) -> Walk {
    let ground = truck.ground(&Road::level(22.0));
    let mut state = VehicleState { coolant_c: 85.0, ..VehicleState::parked(22.0) };
    let (mut walk, mut book) = (Walk { metres: 0.0, litres: 0.0 }, EnergyBook::default());
    for speed_mps in speeds_mps {
        let step = truck.step_on(&mut state, &ground, &Command::drive(*speed_mps), 1.0);
        walk.metres += step.distance_m;
        walk.litres += step.fuel_ul * 1e-6;
        book += step.energy;
    }
    black_box(book);
    walk
}

/// Steps a second of processor time.
fn rate(truck: &Vehicle, speeds_mps: &[f64]) -> Result<f64> {
    let run = |steps: usize| {
        let walks = steps.div_ceil(speeds_mps.len());
        (0..walks).for_each(|_| {
            black_box(walk(truck, speeds_mps));
        });
        walks * speeds_mps.len()
    };
    run(STEPS / 10);
    let began_s = thread_cpu_s()?;
    let steps = run(STEPS);
    Ok(steps as f64 / (thread_cpu_s()? - began_s))
}

/// Row 3.
pub(crate) fn against_fastsim(options: &Options) -> Result<Vec<Row>> {
    let truck = line_haul()?;
    let told = peers::run(options, "fastsim_walk.py", &[])?;
    let number = |name: &str| told[name].as_f64().with_context(|| format!("FASTSim: no {name}"));
    let speeds = told["speeds_mps"].as_array().context("FASTSim: no cycle")?;
    let speeds: Vec<f64> = speeds.iter().filter_map(Value::as_f64).collect();
    let ours = walk(&truck, &speeds);
    let our_l = ours.litres / ours.metres * 1e5;
    let (peer_l, peer_m) = (number("l_per_100km")?, number("metres")?);
    let off = our_l / peer_l - 1.0;
    ensure!(off.abs() <= FUEL_OFF, "row 3: {our_l:.1} l/100 km against {peer_l:.1}: no comparison");
    let peer = || {
        let figures = peers::run(options, "fastsim_walk.py", &[])?;
        figures["steps_per_cpu_s"].as_f64().context("FASTSim gave no rate")
    };
    Ok(vec![Row {
        number: "3",
        title: "powertrain step / FASTSim without history",
        unit: "steps/cpu s",
        must: Bound::AtLeast(30.0),
        aim: Bound::AtLeast(100.0),
        pairs: alternate(options.pairs, || rate(&truck, &speeds), peer)?,
        note: format!(
            "{our_l:.1} l/100 km over {:.2} km, FASTSim {peer_l:.1} over {:.2}",
            ours.metres * 1e-3,
            peer_m * 1e-3
        ),
    }])
}
