//! What a truck is: one parameter set, every number with its unit, and where it was read.
//!
//! The fields are plain and public, so a set can be printed, diffed and varied; [`Vehicle::new`]
//! checks them again before it computes anything, so a varied set cannot reach the kernel unseen.
//!
//! [`Vehicle::new`]: super::Vehicle::new

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use super::check;
use crate::{Error, Result, names::nearest};

/// The parameters of one type of truck.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TruckModel {
    /// 1 to 64 of `a-z 0-9 _ -`, e.g. `rigid_6x2_31t`.
    pub id: String,
    /// The class in words, e.g. `Light 4x2 rigid, 7.5 t`.
    #[serde(rename = "generic_class")]
    pub name: String,
    /// The vehicle on the market that the numbers follow.
    pub model_reference: String,
    /// Wheels by driven wheels, e.g. `6x2`.
    pub axle_config: String,
    /// Gross vehicle (or combination) weight the law allows, kg: 1 000 to 60 000.
    pub gvw_kg: f64,
    /// Mass without payload, kg: 500 up to `gvw_kg`.
    pub kerb_kg: f64,
    /// What it may carry, kg: up to `gvw_kg` − `kerb_kg`.
    pub payload_max_kg: f64,
    /// The diesel.
    pub engine: Engine,
    /// Gears and axle.
    pub driveline: Driveline,
    /// Tyres, all alike.
    pub tyre: Tyre,
    /// Drag coefficient times frontal area, m²: 1 to 15.
    pub cda_m2: f64,
    /// Mean draw of compressor, steering and alternator, W at the crank: 0 to 20 000.
    pub aux_base_w: f64,
    /// Draw of the cooling fan at rated engine speed, W: 0 to 30 000.
    pub fan_max_w: f64,
    /// The coolant circuit.
    pub thermal: Thermal,
    /// How the frame answers the road.
    pub vibration: Vibration,
    /// Usable volume of the tank, l: 20 to 2 000.
    pub fuel_tank_l: f64,
    /// Share of the tank at which the driver looks for a pump: 0.02 to 0.5.
    pub reserve_fraction: f64,
    /// Share of the tank to which it is filled: 0.5 to 1, at least 0.05 above the reserve.
    pub refuel_target_fraction: f64,
    /// Where each number was read, by topic; `estimated` and `unverified` say so.
    pub sources: BTreeMap<String, String>,
    /// Remarks for people.
    #[serde(default)]
    pub notes: String,
}

/// A four-stroke diesel: full load, motoring, and fuel by Willans lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// Name on the data sheet.
    pub name: String,
    /// Swept volume, l: 0.5 to 20.
    pub displacement_l: f64,
    /// Rated power, kW: 20 to 600.
    pub rated_kw: f64,
    /// Engine speed at rated power, rpm: between peak torque and `max_rpm`.
    pub rated_rpm: f64,
    /// Peak torque, Nm (the data sheet's; the kernel uses `full_load_torque_nm`).
    pub peak_nm: f64,
    /// Lower end of the peak's plateau, rpm.
    pub peak_rpm_from: f64,
    /// Upper end of the plateau, rpm.
    pub peak_rpm_to: f64,
    /// Low idle, rpm: 400 to 1 000.
    pub idle_rpm: f64,
    /// Governed top speed, rpm: up to 3 000.
    pub max_rpm: f64,
    /// Full load: (rpm, Nm), rpm ascending; linear between, constant beyond the ends.
    pub full_load_torque_nm: Vec<(f64, f64)>,
    /// Drag without fuel: (rpm, mean effective pressure in bar, negative), rpm ascending.
    pub motoring_mep_bar_at_rpm: Vec<(f64, f64)>,
    /// Inertia of crank, flywheel and clutch, kg m²: 0.1 to 20.
    pub inertia_kgm2: f64,
    /// Fuel over brake power.
    pub willans: Willans,
}

/// Willans lines on a uniform grid of engine speeds: fuel power is
/// `k·k_scale·P_brake + p0·V_d·n/120`. Fitted per speed to VECTO's generic maps (BharatVECTO).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Willans {
    /// Engine speed of the first entry, rpm.
    pub rpm_first: f64,
    /// Distance of the entries, rpm.
    pub rpm_step: f64,
    /// Slope k, W of fuel per W at the crank: 1.9 to 4.
    pub k_fuel_per_brake: Vec<f64>,
    /// Friction p0 as fuel mean effective pressure, bar: 0.3 to 6.
    pub p0_fuel_mep_bar: Vec<f64>,
    /// Generation factor on k: 0.95 to 1.3.
    pub k_scale: f64,
}

/// Gearbox, axle and how the driver shifts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Driveline {
    /// Engine turns per turn of the propeller shaft, first gear first, falling: 1 to 12 of them.
    pub gear_ratios: Vec<f64>,
    /// Turns of the propeller shaft per wheel turn: 1 to 12.
    pub final_drive: f64,
    /// Efficiency in the direct gear (ratio 1): 0.7 to 1.
    pub eta_direct: f64,
    /// Efficiency in the other gears: 0.7 to 1.
    pub eta_indirect: f64,
    /// Losses that only follow speed, W per rad/s of the wheel: 0 to 200.
    pub spin_loss_w_per_wheel_rad_s: f64,
    /// Shift up above this with little load, rpm.
    pub upshift_rpm_light_load: f64,
    /// Shift up above this at full load, rpm.
    pub upshift_rpm_full_load: f64,
    /// Shift down below this, rpm.
    pub downshift_rpm: f64,
    /// Least time in a gear, s: 0.5 to 30.
    pub min_dwell_s: f64,
    /// Least time before a shift is reversed, s: at least `min_dwell_s`, up to 60.
    pub reverse_block_s: f64,
    /// Traction gap of a shift, s: 0 to 5.
    pub shift_time_s: f64,
}

/// Tyres.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tyre {
    /// Size as moulded on the wall.
    pub size: String,
    /// Rolling radius, m: 0.2 to 1.
    pub r_dyn_m: f64,
    /// Inertia of one wheel with tyre, kg m²: 0.5 to 50.
    pub inertia_per_wheel_kgm2: f64,
    /// Number of wheels: 4 to 40.
    pub wheels: u8,
    /// Rolling coefficient at `gvw_kg` on a road of IRI 2 m/km: 0.003 to 0.03.
    pub rrc_at_gvw: f64,
}

/// The coolant circuit as one heat capacity with a thermostat and a clutched fan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thermal {
    /// Block and coolant, J/K: 20 000 to 5 000 000.
    pub heat_capacity_j_per_k: f64,
    /// Share of the fuel's power that reaches the coolant under load: 0.1 to 0.4.
    pub heat_fraction_load: f64,
    /// The same at idle: up to 0.7.
    pub heat_fraction_idle: f64,
    /// Loss of the block to the air, thermostat closed, W/K: 5 to 500.
    pub ua_block_w_per_k: f64,
    /// Radiator by ram air at 22 m/s, W/K: 50 to 10 000.
    pub ua_radiator_ram_w_per_k_at_22mps: f64,
    /// Radiator by the fan at rated engine speed, W/K: 50 to 10 000.
    pub ua_radiator_fan_w_per_k: f64,
    /// Thermostat begins to open, °C.
    pub thermostat_open_c: f64,
    /// Thermostat fully open, °C.
    pub thermostat_full_c: f64,
    /// Fan clutch closes above, °C.
    pub fan_on_c: f64,
    /// Fan clutch opens below, °C.
    pub fan_off_c: f64,
    /// Torque is cut back above, °C.
    pub derate_c: f64,
    /// Red on the driver's gauge, °C.
    pub limit_c: f64,
}

/// Response of the seat to road and engine, RMS on the z axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vibration {
    /// Laden: m/s² per √(m³·m/s) of roughness times speed: 1 to 50.
    pub k_road_per_sqrt_gv: f64,
    /// Engine's own share at 1500 rpm, m/s²: 0 to 1.
    pub idle_rms_ms2: f64,
    /// Factor on the road's share when empty (leaf springs): 1 to 3.
    pub empty_gain: f64,
}

#[derive(Deserialize)]
struct Bundle {
    models: Vec<TruckModel>,
}

static BUNDLED: LazyLock<Vec<Arc<TruckModel>>> = LazyLock::new(|| {
    let bundle: Bundle = serde_json::from_str(include_str!("../../data/truck_models.json"))
        .expect("the bundled file is parsed by a test");
    bundle.models.into_iter().map(Arc::new).collect()
});

impl TruckModel {
    /// The eight sets that come with the crate, lightest first; parsed once, on first use.
    pub fn bundled() -> &'static [Arc<Self>] {
        &BUNDLED
    }

    /// The bundled set with this id.
    ///
    /// # Errors
    /// `NotFound`, naming those that look like it, and all there are.
    ///
    /// ```
    /// use fleet_core::physics::TruckModel;
    /// assert_eq!(TruckModel::find("rigid_6x2_31t")?.gvw_kg, 31_000.0);
    /// # Ok::<(), fleet_core::Error>(())
    /// ```
    pub fn find(id: &str) -> Result<Arc<Self>> {
        Self::bundled().iter().find(|model| model.id == id).map(Arc::clone).ok_or_else(|| {
            let known: Vec<&str> = Self::bundled().iter().map(|model| model.id.as_str()).collect();
            let near = nearest(id, known.iter().copied());
            let meant = match near.as_slice() {
                [] => String::new(),
                near => format!("did you mean {}? ", near.join(" or ")),
            };
            Error::not_found(format!("truck model {id:?}: {meant}known are {}", known.join(", ")))
        })
    }

    /// Tests every field against its range, and the parts against one another: a gearbox whose
    /// steps would hunt and an engine that cannot start the laden truck on 12 % are refused.
    ///
    /// # Errors
    /// `Invalid`, naming each fault on its own line.
    pub fn check(&self) -> Result<()> {
        let faults = check::faults(self);
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::invalid(format!("truck model {:?}: {}", self.id, faults.join("; "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn every_bundled_model_is_sound_and_found_by_its_id() {
        assert_eq!(TruckModel::bundled().len(), 8);
        for model in TruckModel::bundled() {
            model.check().expect("a bundled model is sound");
            assert_eq!(TruckModel::find(&model.id).expect("its id").id, model.id);
        }
    }

    #[test]
    fn an_unknown_id_is_answered_with_the_known_ones() {
        let error = TruckModel::find("rigid").expect_err("no such model");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        for model in TruckModel::bundled() {
            assert!(error.to_string().contains(&model.id), "{error}");
        }
    }

    #[test]
    fn all_faults_are_told_at_once_with_path_value_and_range() {
        let mut model = TruckModel::clone(&TruckModel::bundled()[3]);
        model.cda_m2 = f64::NAN;
        model.tyre.r_dyn_m = 5.0;
        model.driveline.gear_ratios = vec![1.0, 2.0];
        model.engine.willans.k_fuel_per_brake.pop();
        let told = model.check().expect_err("four faults").to_string();
        for fault in [
            "cda_m2: NaN is outside 1 to 15",
            "tyre.r_dyn_m: 5 is outside 0.2 to 1",
            "driveline.gear_ratios: must fall",
            "engine.willans: 9 values of k and 10 of p0",
        ] {
            assert!(told.contains(fault), "{told:?} lacks {fault:?}");
        }
    }

    #[test]
    fn a_gearbox_that_would_hunt_and_an_engine_that_cannot_start_are_refused() {
        let sound = TruckModel::clone(&TruckModel::bundled()[3]);
        let mut model = sound.clone();
        model.driveline.gear_ratios = vec![8.0, 3.0, 1.0];
        let told = model.check().expect_err("wide steps").to_string();
        assert!(told.contains("gear 1 to 2 would hunt"), "{told}");
        model = sound;
        model.driveline.gear_ratios = vec![2.0, 1.3, 1.0];
        let told = model.check().expect_err("first gear is too high").to_string();
        assert!(told.contains("raise the torque or the first gear"), "{told}");
    }
}
