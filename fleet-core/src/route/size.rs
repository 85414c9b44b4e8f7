//! Which roads a vehicle fits on.

use super::network::{Limits, Network, SegmentIx};

/// What a vehicle measures. Of what is `None` nothing is known, and no limit of that kind stops it.
///
/// ```
/// use fleet_core::route::{Limits, VehicleSize};
/// let bridge = Limits { weight_t: Some(16.0), ..Limits::default() };
/// let truck = |weight_t| VehicleSize { weight_t: Some(weight_t), ..VehicleSize::default() };
/// assert!(truck(16.0).fits(&bridge) && !truck(25.5).fits(&bridge));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VehicleSize {
    /// Height with load, metres.
    pub height_m: Option<f64>,
    /// Width, metres.
    pub width_m: Option<f64>,
    /// Length of all its parts, metres.
    pub length_m: Option<f64>,
    /// Actual mass, tonnes.
    pub weight_t: Option<f64>,
    /// The greatest load on one axle, tonnes.
    pub axle_load_t: Option<f64>,
}

impl VehicleSize {
    /// Whether it is within all limits; just as much as a limit allows is within it.
    pub fn fits(&self, limits: &Limits) -> bool {
        // Limits are posted to a few digits, and kept in 32 bits: 3.8 is to be 3.8 in both.
        let is_within = |size: Option<f64>, limit: Option<f32>| {
            size.zip(limit).is_none_or(|(size, limit)| size as f32 <= limit)
        };
        is_within(self.height_m, limits.height_m)
            && is_within(self.width_m, limits.width_m)
            && is_within(self.length_m, limits.length_m)
            && is_within(self.weight_t, limits.weight_t)
            && is_within(self.axle_load_t, limits.axle_load_t)
    }
}

impl Network {
    /// Whether a vehicle is too large for a road.
    pub(super) fn bars(&self, road: SegmentIx, vehicle: &VehicleSize) -> bool {
        let limits = self.segments()[road.index()].limits.as_deref();
        limits.is_some_and(|limits| !vehicle.fits(limits))
    }
}
