//! What a driver decides: how fast to go, and how long.
//!
//! The physics drives at any speed it is told; this says which. The least of several speeds counts:
//! what the law allows ([`RoadKind`]), what a bend, the fog or a descent allow ([`curve_mps`],
//! [`sight_mps`], [`Vehicle::descent_mps`](crate::physics::Vehicle::descent_mps)), and what rain and
//! traffic leave of it ([`Rain`], [`travel_time_factor`]). [`DutyClock`] counts the hours and says
//! when a break or a rest is due.
//!
//! ```
//! use fleet_core::driver::{LATERAL_LADEN_MPS2, Rain, RoadKind, curve_mps, sight_mps};
//! use fleet_core::units::mps_from_kmh;
//! let wanted_mps = mps_from_kmh(RoadKind::Other.limit_kmh())
//!     .min(curve_mps(14.0, LATERAL_LADEN_MPS2)) // a hairpin as Indian hill codes build it
//!     .min(sight_mps(100.0));
//! let in_rain_mps = wanted_mps * Rain::Heavy.speed_factor();
//! assert!((15.0..16.0).contains(&(in_rain_mps * 3.6)));
//! ```

mod hours;
mod speed;

pub use hours::{Due, DutyClock, HoursRules};
pub use speed::{
    LATERAL_EMPTY_MPS2, LATERAL_LADEN_MPS2, Rain, RoadKind, curve_mps, sight_mps,
    travel_time_factor,
};
