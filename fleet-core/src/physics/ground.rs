//! A road as one truck meets it.

use super::GRAVITY_MPS2;
use super::road::Road;
use super::vehicle::Vehicle;

/// Air conditioning, W, and the air temperature above which it runs, °C (estimates).
const COOLED_CAB_W: f64 = 1_500.0;
const COOLED_CAB_ABOVE_C: f64 = 24.0;

/// What a [`Road`] asks of one truck with its present load, prepared: make it where the road changes
/// or the load does ([`Vehicle::ground`]), and step on it as long as it lasts. A step on it is a
/// third faster than one on the road, with the same bits.
///
/// ```
/// use fleet_core::physics::{Command, Road, TruckModel, Vehicle, VehicleState};
/// let truck = Vehicle::new(TruckModel::find("rigid_6x2_31t")?, 31_000.0)?;
/// let road = Road::level(30.0);
/// let ground = truck.ground(&road);
/// let (mut a, mut b) = (VehicleState::parked(30.0), VehicleState::parked(30.0));
/// for _ in 0..60 {
///     let step = truck.step(&mut a, &road, &Command::drive(15.0), 1.0);
///     assert_eq!(truck.step_on(&mut b, &ground, &Command::drive(15.0), 1.0), step);
/// }
/// # Ok::<(), fleet_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ground {
    pub(super) grade: f64,
    pub(super) ambient_c: f64,
    /// Variance of the seat's vibration by the road, (m/s²)² per m/s.
    pub(super) shaking: f64,
    pub(super) drag_kg_per_m: f64,
    pub(super) rolling_n: f64,
    pub(super) hill_n: f64,
    /// Auxiliaries with air conditioning, W.
    pub(super) aux_w: f64,
    /// Share of full torque that the air leaves.
    pub(super) altitude_factor: f64,
}

impl Vehicle {
    /// `road` as this truck meets it with its present load.
    pub fn ground(&self, road: &Road) -> Ground {
        let model = self.model();
        let weight_n = self.mass_kg() * GRAVITY_MPS2;
        let cos = 1.0 / (1.0 + road.grade * road.grade).sqrt();
        let cab_w = if road.ambient_c > COOLED_CAB_ABOVE_C { COOLED_CAB_W } else { 0.0 };
        Ground {
            grade: road.grade,
            ambient_c: road.ambient_c,
            shaking: self.shaking.per_mps(road.roughness_m3),
            drag_kg_per_m: 0.5 * road.air_density_kgpm3 * model.cda_m2,
            rolling_n: weight_n * cos * self.rolling_coefficient * road.rolling_factor(),
            hill_n: weight_n * cos * road.grade,
            aux_w: model.aux_base_w + cab_w,
            altitude_factor: road.altitude_torque_factor(),
        }
    }
}
