//! Cumulative totals of a truck, as integers so that sums are exact.

use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// CO₂ per diesel: 2.64 kg per litre is 2.64 mg per µl, here times 100.
///
/// Between VECTO's 2.62, EIA's 2.68 and DEFRA's 2.66 (physics.md A6 of the research behind this).
pub const CO2_MG_PER_UL_X100: u64 = 264;

/// What a truck has done since it was new in this world. Only grows; never a delta.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    /// Distance, mm.
    pub distance_mm: u64,
    /// Fuel burned, µl.
    pub fuel_burned_ul: u64,
    /// Cost of that fuel at the moving average price in the tank, micro-paise.
    pub diesel_cost_upaise: u64,
    /// Telemetry events made.
    pub events: u64,
    /// Trips ended.
    pub trips: u64,
    /// Trips ended on time.
    pub trips_on_time: u64,
}

impl Counters {
    /// CO₂ of the fuel burned, mg, by value from the fuel.
    pub fn co2_mg(&self) -> u64 {
        let mg = u128::from(self.fuel_burned_ul) * u128::from(CO2_MG_PER_UL_X100) / 100;
        u64::try_from(mg).unwrap_or(u64::MAX)
    }
}

impl Add for Counters {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            distance_mm: self.distance_mm.saturating_add(other.distance_mm),
            fuel_burned_ul: self.fuel_burned_ul.saturating_add(other.fuel_burned_ul),
            diesel_cost_upaise: self.diesel_cost_upaise.saturating_add(other.diesel_cost_upaise),
            events: self.events.saturating_add(other.events),
            trips: self.trips.saturating_add(other.trips),
            trips_on_time: self.trips_on_time.saturating_add(other.trips_on_time),
        }
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
