//! Positions on the globe and distances between them.

use serde::{Deserialize, Serialize};

use crate::{Result, domain::ranges};

/// A point on the globe, WGS 84, degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// North positive, −90 to 90.
    pub lat: f64,
    /// East positive, −180 to 180.
    pub lon: f64,
}

impl Position {
    /// A checked position.
    ///
    /// # Errors
    /// `Invalid` if a coordinate is not a number within its range.
    pub fn new(lat: f64, lon: f64) -> Result<Self> {
        ranges::LATITUDE_DEG.check(lat)?;
        ranges::LONGITUDE_DEG.check(lon)?;
        Ok(Self { lat, lon })
    }
}
