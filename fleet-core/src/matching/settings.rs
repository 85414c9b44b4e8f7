//! What is expected of fixes and of trucks.

use serde::{Deserialize, Serialize};

use crate::{Result, domain::ranges::Range};

/// How a trace is judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Deviation of a fix that does not tell its own accuracy, metres, 1 to 500.
    pub sigma_m: f64,
    /// How much longer or shorter a way by road typically is than the straight distance of two
    /// fixes, metres, 1 to 1,000; and as much again for every so many seconds between them.
    pub beta_m: f64,
    /// See [`beta_m`](Self::beta_m); metres per second, 0 to 100.
    pub beta_m_per_s: f64,
    /// Places on so many roads are considered for each fix, 1 to 16.
    pub roads_max: usize,
    /// After a longer silence a new matching begins, seconds, 1 to 86,400.
    pub gap_max_s: f64,
    /// No truck is faster, km/h, 10 to 1,000.
    pub speed_max_kmh: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sigma_m: 20.0,
            beta_m: 8.0,
            beta_m_per_s: 0.6,
            roads_max: 4,
            gap_max_s: 600.0,
            speed_max_kmh: 130.0,
        }
    }
}

impl Settings {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// `Invalid`, naming the first that is outside.
    pub fn check(&self) -> Result<()> {
        let range = |field, min, max| Range { field, min, max };
        range("sigma_m", 1.0, 500.0).check(self.sigma_m)?;
        range("beta_m", 1.0, 1_000.0).check(self.beta_m)?;
        range("beta_m_per_s", 0.0, 100.0).check(self.beta_m_per_s)?;
        range("roads_max", 1.0, 16.0).check(self.roads_max as f64)?;
        range("gap_max_s", 1.0, 86_400.0).check(self.gap_max_s)?;
        range("speed_max_kmh", 10.0, 1_000.0).check(self.speed_max_kmh)?;
        Ok(())
    }

    /// Deviation of a fix: its own accuracy, within reason.
    pub(super) fn sigma_of(&self, accuracy_m: Option<f64>) -> f64 {
        accuracy_m.filter(|m| m.is_finite()).map_or(self.sigma_m, |m| m.clamp(3.0, 500.0))
    }
}
