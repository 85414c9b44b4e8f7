//! A truck with its load, ready to be driven, and the state that driving changes.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::RAD_PER_S_PER_RPM;
use super::cooling::Cooling;
use super::energy::EnergyBook;
use super::engine::EngineMap;
use super::gearbox::{Gearbox, Shift};
use super::model::TruckModel;
use super::road::Road;
use super::tyres::tenth_root;
use super::vibration::Shaking;
use crate::{Error, Result};

/// What the driver asks for during a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Command {
    /// Speed to hold or reach, m/s; 0 stops. Above what top gear allows it is cut.
    pub target_speed_mps: f64,
    /// Whether the engine runs. Off, the truck coasts and brakes.
    pub engine_on: bool,
    /// Draw beside the base and the air conditioning, W: lights, compressor: 0 or more.
    pub extra_aux_w: f64,
}

impl Command {
    /// Drive at `target_speed_mps`, engine on, nothing extra.
    pub const fn drive(target_speed_mps: f64) -> Self {
        Self { target_speed_mps, engine_on: true, extra_aux_w: 0.0 }
    }

    /// Stand with the engine off.
    pub const PARKED: Self = Self { target_speed_mps: 0.0, engine_on: false, extra_aux_w: 0.0 };
}

/// All that a step changes. A checkpoint is a copy of it: stepping on from the copy gives the same
/// bits as never having stopped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VehicleState {
    /// Speed, m/s, not negative.
    pub speed_mps: f64,
    /// Gear in mesh, from 1; 0 is neutral: standing, stopping, or in the gap of a shift.
    pub gear: u8,
    /// Engine speed, rpm; 0 exactly when the engine is off.
    pub rpm: f64,
    /// Coolant, °C.
    pub coolant_c: f64,
    /// Whether the fan clutch is closed.
    pub fan_on: bool,
    /// The gear the driver is shifting to; 0 when no shift is under way.
    pub engaging: u8,
    /// What is left of the shift's traction gap, s.
    pub shift_left_s: f64,
    /// Time in the present gear, s, counted up to 60.
    pub in_gear_s: f64,
    /// Direction of the last shift.
    pub last_shift: Shift,
}

impl VehicleState {
    /// Standing, engine off, as warm as the air.
    pub const fn parked(ambient_c: f64) -> Self {
        Self {
            speed_mps: 0.0,
            gear: 0,
            rpm: 0.0,
            coolant_c: ambient_c,
            fan_on: false,
            engaging: 0,
            shift_left_s: 0.0,
            in_gear_s: 60.0,
            last_shift: Shift::None,
        }
    }
}

/// What a step did, without the book of its energy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moved {
    /// Way travelled, m, not negative.
    pub distance_m: f64,
    /// Fuel burned, µl, not negative.
    pub fuel_ul: f64,
    /// RMS acceleration of the seat on the z axis over the step, m/s².
    pub vibration_rms_mps2: f64,
    /// Whether the service brakes worked while moving.
    pub service_brake: bool,
}

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// Way travelled, m, not negative.
    pub distance_m: f64,
    /// Fuel burned, µl, not negative.
    pub fuel_ul: f64,
    /// RMS acceleration of the seat on the z axis over the step, m/s².
    pub vibration_rms_mps2: f64,
    /// Whether the service brakes worked while moving.
    pub service_brake: bool,
    /// Where the energy went.
    pub energy: EnergyBook,
}

/// All of a model that a step needs, prepared once and shared by all trucks made from it.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) model: Arc<TruckModel>,
    pub(super) map: EngineMap,
    pub(super) gearbox: Gearbox,
    pub(super) cooling: Cooling,
    pub(super) idle_rpm: f64,
    pub(super) rated_rpm: f64,
    pub(super) max_rpm: f64,
    pub(super) fan_max_w: f64,
    pub(super) sure: Sure,
}

/// Torque that the engine has at any speed of a range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sure {
    pub(super) from_rpm: f64,
    pub(super) to_rpm: f64,
    pub(super) full_nm: f64,
    pub(super) per_from_rad_per_s: f64,
}

impl Prepared {
    fn new(model: Arc<TruckModel>) -> Self {
        let map = EngineMap::new(&model.engine);
        let (from_rpm, to_rpm) = (model.driveline.downshift_rpm, model.engine.rated_rpm);
        let sure = Sure {
            from_rpm,
            to_rpm,
            full_nm: map.least_nm(from_rpm, to_rpm),
            per_from_rad_per_s: 1.0 / (from_rpm * RAD_PER_S_PER_RPM),
        };
        Self {
            gearbox: Gearbox::new(&model),
            cooling: Cooling::new(&model),
            idle_rpm: model.engine.idle_rpm,
            rated_rpm: model.engine.rated_rpm,
            max_rpm: model.engine.max_rpm,
            fan_max_w: model.fan_max_w,
            map,
            sure,
            model,
        }
    }
}

/// A model with its present mass: the constants of a step, prepared.
///
/// ```
/// use fleet_core::physics::{Command, Road, TruckModel, Vehicle, VehicleState};
/// let truck = Vehicle::new(TruckModel::find("rigid_6x2_31t")?, 31_000.0)?;
/// let (road, mut state) = (Road::level(30.0), VehicleState::parked(30.0));
/// let (mut metres, mut litres) = (0.0, 0.0);
/// for _ in 0..3_600 {
///     let step = truck.step(&mut state, &road, &Command::drive(60.0 / 3.6), 1.0);
///     metres += step.distance_m;
///     litres += step.fuel_ul * 1e-6;
/// }
/// assert!((58e3..60e3).contains(&metres));
/// assert!((22.0..32.0).contains(&(litres / metres * 1e5))); // l/100 km
/// # Ok::<(), fleet_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Vehicle {
    pub(super) prepared: Arc<Prepared>,
    pub(super) shaking: Shaking,
    mass_kg: f64,
    /// Rolling coefficient at this mass on a road of IRI 2 m/km.
    pub(super) rolling_coefficient: f64,
}

impl fmt::Debug for Vehicle {
    /// Id and mass: the prepared tables say nothing more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Vehicle");
        shown.field("model", &self.model().id).field("mass_kg", &self.mass_kg);
        shown.finish_non_exhaustive()
    }
}

impl Vehicle {
    /// `model` weighing `mass_kg` in all. What is prepared for the model is shared with every clone:
    /// of many trucks of one model clone the first.
    ///
    /// # Errors
    /// `Invalid`: the model's faults, or a mass outside kerb weight to 110 % of `gvw_kg`.
    pub fn new(model: Arc<TruckModel>, mass_kg: f64) -> Result<Self> {
        model.check()?;
        let mut vehicle = Self {
            shaking: Shaking::new(&model, mass_kg),
            mass_kg,
            rolling_coefficient: model.tyre.rrc_at_gvw,
            prepared: Arc::new(Prepared::new(model)),
        };
        vehicle.set_mass(mass_kg)?;
        Ok(vehicle)
    }

    /// The parameters.
    pub fn model(&self) -> &TruckModel {
        &self.prepared.model
    }

    /// Mass with payload, kg.
    pub fn mass_kg(&self) -> f64 {
        self.mass_kg
    }

    /// The speed at which engine and exhaust brake, turning at rated speed, hold the truck on the
    /// slope of `road` with a fifth of their power in reserve, m/s: down here the service brakes stay
    /// cool. Infinite where nothing pulls. Drag, which helps, is left out.
    ///
    /// ```
    /// use fleet_core::physics::{Road, TruckModel, Vehicle};
    /// let model = TruckModel::find("rigid_6x2_31t")?;
    /// let (empty, laden) = (Vehicle::new(model.clone(), 9_800.0)?, Vehicle::new(model, 31_000.0)?);
    /// let descent = Road { grade: -0.05, ..Road::level(30.0) };
    /// assert!((15.0..30.0).contains(&(laden.descent_mps(&descent) * 3.6)));
    /// assert!(empty.descent_mps(&descent) > 2.5 * laden.descent_mps(&descent));
    /// assert!(laden.descent_mps(&Road::level(30.0)).is_infinite());
    /// # Ok::<(), fleet_core::Error>(())
    /// ```
    pub fn descent_mps(&self, road: &Road) -> f64 {
        let ground = self.ground(road);
        let pull_n = -(ground.hill_n + ground.rolling_n);
        if pull_n <= 0.0 {
            return f64::INFINITY;
        }
        let Prepared { model, map, gearbox, rated_rpm, .. } = &*self.prepared;
        let held_nm = gearbox.exhaust_nm - map.at(*rated_rpm).motoring_nm;
        let held_w = held_nm * rated_rpm * RAD_PER_S_PER_RPM + ground.aux_w;
        0.8 * held_w / model.driveline.eta_indirect / pull_n
    }

    /// Loads or unloads to `mass_kg` in all.
    ///
    /// # Errors
    /// `Invalid`: outside kerb weight to 110 % of `gvw_kg`; the vehicle is as before.
    pub fn set_mass(&mut self, mass_kg: f64) -> Result<()> {
        let model = &self.prepared.model;
        let (least_kg, most_kg) = (model.kerb_kg, 1.1 * model.gvw_kg);
        if !(least_kg..=most_kg).contains(&mass_kg) {
            return Err(Error::invalid(format!(
                "mass_kg: {mass_kg} is outside {least_kg} to {most_kg} for {}",
                model.id
            )));
        }
        self.mass_kg = mass_kg;
        self.shaking = Shaking::new(model, mass_kg);
        self.rolling_coefficient = model.tyre.rrc_at_gvw * tenth_root(model.gvw_kg / mass_kg);
        Ok(())
    }
}
