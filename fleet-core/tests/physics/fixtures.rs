//! The trucks of the reference points: bundled ones, and the generic ones of VECTO and FASTSim.

use std::sync::Arc;

use fleet_core::physics::{
    Command, EnergyBook, Engine, Road, TruckModel, Vehicle, VehicleState, Willans,
};

/// What a drive came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trip {
    pub(crate) seconds: f64,
    pub(crate) metres: f64,
    pub(crate) litres: f64,
    pub(crate) energy: EnergyBook,
}

pub(crate) fn bundled(id: &str) -> TruckModel {
    TruckModel::clone(&TruckModel::find(id).expect("a bundled model"))
}

pub(crate) fn vehicle(model: &TruckModel, mass_kg: f64) -> Vehicle {
    Vehicle::new(Arc::new(model.clone()), mass_kg).expect("a sound model and mass")
}

/// `model` with another gross weight, whose rolling coefficient is `rrc`.
pub(crate) fn reweighed(mut model: TruckModel, gvw_kg: f64, rrc: f64) -> TruckModel {
    (model.gvw_kg, model.kerb_kg, model.payload_max_kg) = (gvw_kg, 0.4 * gvw_kg, 0.6 * gvw_kg);
    model.tyre.rrc_at_gvw = rrc;
    model
}

fn vecto_engine(base: &Engine, litres: f64, kw: f64, willans: Willans) -> Engine {
    Engine { displacement_l: litres, rated_kw: kw, willans, ..base.clone() }
}

/// VECTO's generic 6.87 l, 175 kW.
pub(crate) fn engine_6l9() -> Engine {
    let base = bundled("rigid_6x2_31t").engine;
    let willans = base.willans.clone();
    Engine {
        idle_rpm: 600.0,
        full_load_torque_nm: vec![
            (600.0, 500.0),
            (1_200.0, 956.0),
            (1_600.0, 956.0),
            (2_300.0, 727.0),
        ],
        inertia_kgm2: 3.57,
        ..vecto_engine(&base, 6.871, 175.0, willans)
    }
}

/// VECTO's generic 12.74 l, 325 kW.
pub(crate) fn engine_12l7() -> Engine {
    let willans = Willans {
        rpm_first: 600.0,
        rpm_step: 200.0,
        k_fuel_per_brake: vec![2.04, 2.112, 2.153, 2.12, 2.107, 2.078, 2.055],
        p0_fuel_mep_bar: vec![2.33, 1.81, 1.51, 1.53, 1.73, 2.12, 2.75],
        k_scale: 1.0,
    };
    Engine {
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
        ..vecto_engine(&bundled("tractor_4x2_55t").engine, 12.74, 325.0, willans)
    }
}

/// VECTO's class 5 tractor with semi-trailer.
pub(crate) fn long_haul() -> TruckModel {
    let mut model = reweighed(bundled("tractor_4x2_55t"), 40_000.0, 0.0059);
    model.engine = engine_12l7();
    let driveline = &mut model.driveline;
    driveline.gear_ratios =
        vec![14.93, 11.64, 9.02, 7.04, 5.64, 4.4, 3.39, 2.65, 2.05, 1.6, 1.28, 1.0];
    driveline.final_drive = 2.64;
    (driveline.eta_direct, driveline.eta_indirect) = (0.95, 0.935);
    driveline.spin_loss_w_per_wheel_rad_s = 30.0;
    (driveline.downshift_rpm, driveline.upshift_rpm_light_load) = (900.0, 1_250.0);
    driveline.upshift_rpm_full_load = 1_600.0;
    model.cda_m2 = 5.3;
    model.aux_base_w = 5_000.0;
    model
}

/// VECTO's class 2 rigid.
pub(crate) fn delivery() -> TruckModel {
    let mut model = reweighed(bundled("rigid_4x2_18t5"), 11_990.0, 0.0068);
    model.engine = engine_6l9();
    model.driveline.gear_ratios = vec![6.7, 3.8, 2.29, 1.48, 1.0, 0.73];
    model.driveline.final_drive = 4.18;
    model.tyre.r_dyn_m = 0.421;
    model.cda_m2 = 4.83;
    model.aux_base_w = 3_500.0;
    model
}

/// A grade that rolls between ±`steepest` with a period of 2 km of way, smooth enough to drive.
pub(crate) fn rolling_grade(metres: f64, steepest: f64) -> f64 {
    let phase = (metres / 2_000.0).fract() * 4.0;
    let wave = |x: f64| x * (2.0 - x); // a parabola that looks like half a sine
    if phase < 2.0 { steepest * wave(phase) } else { -steepest * wave(phase - 2.0) }
}

/// Drives `metres` at `target_kmh` over rolling hills, warm, in steps of `dt_s`; the last step ends
/// at the end of the way.
pub(crate) fn hills(
    vehicle: &Vehicle,
    metres: f64,
    target_kmh: f64,
    steepest: f64,
    dt_s: f64,
) -> Trip {
    let mut state = VehicleState { coolant_c: 85.0, ..VehicleState::parked(20.0) };
    let command = Command::drive(target_kmh / 3.6);
    let mut trip = Trip::default();
    while trip.metres < metres - 1e-6 {
        let left_s = (metres - trip.metres) / state.speed_mps.max(1.0);
        let dt_s = dt_s.min(left_s.max(1e-3));
        // The hill in the middle of what lies ahead: a long step must not drive by an old slope.
        let middle_m = trip.metres + 0.5 * dt_s * state.speed_mps;
        let road = Road { grade: rolling_grade(middle_m, steepest), ..Road::level(20.0) };
        let step = vehicle.step(&mut state, &road, &command, dt_s);
        trip.seconds += dt_s;
        trip.metres += step.distance_m;
        trip.litres += step.fuel_ul * 1e-6;
        trip.energy += step.energy;
    }
    trip
}
