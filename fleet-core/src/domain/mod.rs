//! What the fleet is made of: ids, telemetry events, trips, the register of trucks, counters.
//!
//! Types are checked once at the door and carried by type afterwards: a [`TruckId`] is well formed,
//! a [`TelemetryEvent`] that passed [`TelemetryEvent::validate`] is within its [`ranges`]. Quantities
//! carry their unit in the field's name. JSON (serde) is canonical: fields in this order, absent
//! signals left out, so that equal values are equal bytes.

mod counters;
mod event;
mod fix;
mod ids;
pub mod ranges;
mod register;
mod signal;
mod trip;

pub use counters::{CO2_MG_PER_UL_X100, Counters};
pub use event::{EventId, Refuelling, Signals, Status, TelemetryEvent};
pub use fix::{Fix, FixKey};
pub use ids::{DriverId, FenceId, TripId, TruckId};
pub use register::{Genesis, RegisteredTruck, RouterKind};
pub use signal::Signal;
pub use trip::{Delays, Eta, FuelLedger, LateReason, Sla, TripEnd, TripStatus, TripSummary};
