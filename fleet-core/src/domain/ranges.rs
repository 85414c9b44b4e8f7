//! The range of every signal of the contract, in one table.
//!
//! What lies outside is not stored: it goes to the dead letters with field, value and range.
//! The ranges are those of a road vehicle anywhere, wider than what the simulator makes.

use crate::{Error, Result};

/// A signal's name, as in the contract, and its inclusive range in the unit of its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The field's name in proto, JSON and SQL.
    pub field: &'static str,
    /// The least allowed value.
    pub min: f64,
    /// The greatest allowed value.
    pub max: f64,
}

impl Range {
    const fn new(field: &'static str, min: f64, max: f64) -> Self {
        Self { field, min, max }
    }

    /// Passes `value` on if it is a number within the range.
    ///
    /// # Errors
    /// `Invalid`, naming field, value and range.
    pub fn check(&self, value: f64) -> Result<f64> {
        if (self.min..=self.max).contains(&value) {
            return Ok(value);
        }
        let Self { field, min, max } = self;
        Err(Error::invalid(format!("{field}: {value} is outside {min} to {max}")))
    }
}

#[allow(missing_docs, reason = "each constant is the range of the field it names")]
mod table {
    use super::Range;
    pub const LATITUDE_DEG: Range = Range::new("latitude_deg", -90.0, 90.0);
    pub const LONGITUDE_DEG: Range = Range::new("longitude_deg", -180.0, 180.0);
    pub const ALTITUDE_M: Range = Range::new("altitude_m", -430.0, 6_000.0);
    pub const HEADING_DEG: Range = Range::new("heading_deg", 0.0, 360.0);
    pub const SPEED_KMH: Range = Range::new("speed_kmh", 0.0, 150.0);
    pub const FUEL_L: Range = Range::new("fuel_l", 0.0, 2_000.0);
    pub const FUEL_PCT: Range = Range::new("fuel_pct", 0.0, 100.0);
    pub const COOLANT_C: Range = Range::new("coolant_c", -40.0, 130.0);
    pub const ENGINE_RPM: Range = Range::new("engine_rpm", 0.0, 4_000.0);
    pub const GEAR: Range = Range::new("gear", 0.0, 18.0);
    pub const VIBRATION_RMS_MPS2: Range = Range::new("vibration_rms_mps2", 0.0, 50.0);
    pub const ODOMETER_KM: Range = Range::new("odometer_km", 0.0, 10_000_000.0);
    pub const PAYLOAD_KG: Range = Range::new("payload_kg", 0.0, 100_000.0);
    pub const KERB_KG: Range = Range::new("kerb_kg", 0.0, 100_000.0);
    pub const PAYLOAD_MAX_KG: Range = Range::new("payload_max_kg", 0.0, 100_000.0);
    pub const FUEL_TANK_L: Range = Range::new("fuel_tank_l", 0.0, 2_000.0);
    pub const REFUELLED_ML: Range = Range::new("refuelled_ml", 1.0, 2_000_000.0);
    pub const PRICE_PAISE_PER_L: Range = Range::new("price_paise_per_l", 1.0, 1_000_000.0);
}
pub use table::*;
