//! Vibration of the seat, RMS on the z axis.
//!
//! *Story.* A linear vehicle on a random road (ISO 8608) has an acceleration variance in proportion
//! to roughness times speed; the engine adds a floor. Leaf springs are stiff without load: an empty
//! truck shakes a third more. The kernel gives this steady value; noise and potholes are draws of
//! the caller, who adds them with [`with_noise`] and [`with_pothole`].
//!
//! *Formula.* `a² = (0.08·(0.7 + 0.3·n/1500))² + (10.1·q)²·G·v`, q from 1 laden to 1.35 empty.
//!
//! *Sources.* ISO 8608 for the roads; 10.1 gives 0.38 m/s² on class B at 80 km/h and 0.93 on D at 30,
//! as measured in haul trucks (0.44 to 0.82, `docs/physics.md`); ISO 2631-1 for [`HealthZone`].
//!
//! *Limits.* A stationary mean: no single bump, no resonance, no pitch or roll.
//!
//! ```
//! use fleet_core::physics::vibration::{HealthZone, with_pothole};
//! let smooth = 0.4;
//! assert_eq!(HealthZone::of(smooth, 8.0), HealthZone::Below);
//! let second = with_pothole(smooth, 5.0, 0.3, 1.0); // one second with a pothole in it
//! assert!(second > 4.0 * smooth);
//! ```

use super::model::TruckModel;

/// What the sensor's range can show, m/s².
pub const VIBRATION_MAX_MPS2: f64 = 10.0;

/// What ISO 2631-1 (1997, annex B) says of a day's vibration of the seat, z axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HealthZone {
    /// No effects on health have been shown.
    Below,
    /// The health guidance caution zone: potential risks.
    Caution,
    /// Health risks are likely.
    Above,
}

impl HealthZone {
    /// Edges of the caution zone for eight hours a day, m/s².
    pub const EDGES_8H_MPS2: (f64, f64) = (0.47, 0.93);

    /// The zone of `rms_mps2` felt for `hours` a day (4 to 8, clamped): equal doses are a²·t.
    ///
    /// ```
    /// use fleet_core::physics::vibration::HealthZone;
    /// assert_eq!(HealthZone::of(0.6, 8.0), HealthZone::Caution);
    /// assert_eq!(HealthZone::of(0.6, 4.0), HealthZone::Below);
    /// ```
    pub fn of(rms_mps2: f64, hours: f64) -> Self {
        let daily_mps2 = rms_mps2 * (hours.clamp(4.0, 8.0) / 8.0).sqrt();
        let (low, high) = Self::EDGES_8H_MPS2;
        match daily_mps2 {
            rms if rms < low => Self::Below,
            rms if rms <= high => Self::Caution,
            _ => Self::Above,
        }
    }

    /// As said to people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Below => "below the caution zone",
            Self::Caution => "in the caution zone",
            Self::Above => "above the caution zone",
        }
    }
}

/// Constants for one truck with its present load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shaking {
    road: f64,
    engine_mps2: f64,
}

impl Shaking {
    /// `mass_kg` sets the springs' share between empty and laden.
    pub(super) fn new(model: &TruckModel, mass_kg: f64) -> Self {
        let vibration = &model.vibration;
        let laden = if model.payload_max_kg > 0.0 {
            ((mass_kg - model.kerb_kg) / model.payload_max_kg).clamp(0.0, 1.0)
        } else {
            1.0
        };
        let gain = vibration.empty_gain + (1.0 - vibration.empty_gain) * laden;
        let road = vibration.k_road_per_sqrt_gv * gain;
        Self { road: road * road, engine_mps2: vibration.idle_rms_ms2 }
    }

    /// Variance of the road's share, (m/s²)² per m/s, on `roughness_m3`.
    pub(super) fn per_mps(&self, roughness_m3: f64) -> f64 {
        self.road * roughness_m3
    }

    /// Variance of the engine's share, (m/s²)², turning at `rpm` (0: off).
    #[inline]
    pub(super) fn of_engine(&self, rpm: f64) -> f64 {
        let engine = if rpm > 0.0 { self.engine_mps2 * (0.7 + 0.3 * rpm / 1_500.0) } else { 0.0 };
        engine * engine
    }
}

/// `rms_mps2` with log-normal scatter of `sigma` (0.12 fits, correlated over 2 s), drawn as the
/// standard normal `z`. The exponential is its Padé form (2,2): the same bits on every machine.
pub fn with_noise(rms_mps2: f64, sigma: f64, z: f64) -> f64 {
    let x = (sigma * z).clamp(-1.0, 1.0);
    let even = 1.0 + x * x / 12.0;
    rms_mps2 * (even + 0.5 * x) / (even - 0.5 * x)
}

/// RMS over `window_s` when a pothole of `peak_mps2` (3 to 8) and `duration_s` (about 0.3) falls
/// into it: a half sine adds half its squared peak for as long as it lasts.
pub fn with_pothole(rms_mps2: f64, peak_mps2: f64, duration_s: f64, window_s: f64) -> f64 {
    let share = (duration_s / window_s).clamp(0.0, 1.0);
    (rms_mps2 * rms_mps2 + 0.5 * peak_mps2 * peak_mps2 * share).sqrt().min(VIBRATION_MAX_MPS2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_log_normal_to_a_thousandth() {
        for z in [-3.0, -1.0, 0.0, 0.5, 3.0] {
            let exact = 0.6 * (0.12_f64 * z).exp();
            assert!((with_noise(0.6, 0.12, z) / exact - 1.0).abs() < 1e-3, "{z}");
        }
    }

    #[test]
    fn a_pothole_raises_the_rms_and_never_beyond_the_sensor() {
        assert!((with_pothole(0.5, 0.0, 0.3, 1.0) - 0.5).abs() < 1e-12);
        assert!(with_pothole(0.5, 5.0, 0.3, 1.0) > 1.5);
        assert!(with_pothole(9.0, 100.0, 1.0, 1.0) <= VIBRATION_MAX_MPS2);
    }
}
