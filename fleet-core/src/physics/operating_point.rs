//! Where a truck settles: steady speed, gear, fuel and temperature under constant conditions.

use super::engine::DIESEL_J_PER_UL;
use super::road::Road;
use super::vehicle::{Command, Step, Vehicle, VehicleState};
use crate::units::kmh_from_mps;

/// A steady state, in the units of the contract.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OperatingPoint {
    /// Speed that lasts, km/h: the target, or what the engine can hold.
    pub speed_kmh: f64,
    /// Power at the crank, auxiliaries and fan included, kW; negative on over-run.
    pub engine_power_kw: f64,
    /// Gear; 0 is neutral.
    pub gear: u8,
    /// Engine speed, rpm.
    pub rpm: f64,
    /// Fuel, l/h.
    pub fuel_l_per_h: f64,
    /// Fuel, l/100 km; `None` at standstill.
    pub fuel_l_per_100km: Option<f64>,
    /// Coolant in balance, °C, mean over the fan's cycles.
    pub coolant_c: f64,
    /// What the service brakes take beyond engine and exhaust brake, kW; 0 but on steep descents.
    pub service_brake_kw: f64,
    /// Vibration, RMS z, m/s².
    pub vibration_rms_z_mps2: f64,
}

/// Drives until everything has settled, and this long to take means over the fan's cycles, s.
const SETTLING_S: u32 = 5_400;
const MEASURED_S: u32 = 1_800;

/// Where `vehicle` settles on endless `road` when the driver aims at `target_speed_mps`, in the
/// gear of its own choice or held in `gear`. Found by driving, so it is what [`Vehicle::step`]
/// gives; about a millisecond.
///
/// ```
/// use fleet_core::physics::{Road, TruckModel, Vehicle, operating_point};
/// let truck = Vehicle::new(TruckModel::find("rigid_6x2_31t")?, 31_000.0)?;
/// let climb = Road { grade: 0.06, ..Road::level(20.0) };
/// let settled = operating_point(&truck, &climb, 60.0 / 3.6, None);
/// assert!((12.0..28.0).contains(&settled.speed_kmh)); // the engine decides
/// # Ok::<(), fleet_core::Error>(())
/// ```
pub fn operating_point(
    vehicle: &Vehicle,
    road: &Road,
    target_speed_mps: f64,
    gear: Option<u8>,
) -> OperatingPoint {
    let command = Command::drive(target_speed_mps);
    let mut state = VehicleState {
        speed_mps: target_speed_mps.clamp(0.0, vehicle.prepared.gearbox.top_speed_mps),
        coolant_c: 80.0,
        ..VehicleState::parked(road.ambient_c)
    };
    let drive = |state: &mut VehicleState| match gear {
        Some(gear) => vehicle.step_held(state, road, &command, gear, 1.0),
        None => vehicle.step(state, road, &command, 1.0),
    };
    for _ in 0..SETTLING_S {
        drive(&mut state);
    }
    let mut sum = Step::default();
    let (mut coolant, mut variance) = (0.0, 0.0);
    for _ in 0..MEASURED_S {
        let step = drive(&mut state);
        sum.distance_m += step.distance_m;
        sum.energy += step.energy;
        coolant += state.coolant_c;
        variance += step.vibration_rms_mps2 * step.vibration_rms_mps2;
    }
    let seconds = f64::from(MEASURED_S);
    let fuel_l = sum.energy.fuel_j / DIESEL_J_PER_UL * 1e-6;
    OperatingPoint {
        speed_kmh: kmh_from_mps(sum.distance_m / seconds),
        engine_power_kw: (sum.energy.brake_work_j - sum.energy.overrun_j) / seconds * 1e-3,
        gear: state.gear,
        rpm: state.rpm,
        fuel_l_per_h: fuel_l / seconds * 3_600.0,
        fuel_l_per_100km: (sum.distance_m > 0.0).then(|| fuel_l / sum.distance_m * 1e5),
        coolant_c: coolant / seconds,
        service_brake_kw: sum.energy.brakes_j / seconds * 1e-3,
        vibration_rms_z_mps2: (variance / seconds).sqrt(),
    }
}
