//! When a truck will be there, how sure that is, and what was promised.
//!
//! [`Haul`] crosses a route piece by piece in microseconds; what a calendar, rests and pumps add is
//! the caller's to know. [`Band`] turns a forecast into an interval, from residuals of earlier ones.
//! [`promised_hours`] is what the customer was told before departure.

mod air;
mod band;
mod crossing;
mod pace;
mod plan;
mod promise;

pub use air::ambient_c;
pub use band::{Band, Residuals};
pub use crossing::{Crossing, Haul, Passage, Stretch};
pub use pace::{
    Conditions, FLOW_MEAN, Pace, Usual, barred_until, free_kmh, guarded_zone, road_kind, road_of,
};
pub use plan::{Fuel, Gap, Halt, Pacing, Planner, Progress, Reason, RestPlace, Timetable};
pub use promise::{ServiceClass, promised_hours, promised_rest_hours};
