//! The wire contracts of Data Fleet: protobuf messages, gRPC services, and conversions to the
//! domain types of `fleet-core` that validate every field.
//!
//! ```
//! # use fleet_core::{domain::*, geo::Position, time::Time};
//! let event = TelemetryEvent {
//!     truck_id: TruckId::simulated(1),
//!     seq: 1,
//!     source_id: None,
//!     event_time: "2026-01-05T00:00:00Z".parse::<Time>()?,
//!     position: Position::new(26.18, 91.75)?,
//!     status: Status::Idle,
//!     signals: Signals { speed_kmh: Some(0.0), ..Signals::default() },
//!     trip_id: None,
//!     driver_id: None,
//!     road_class: None,
//!     zone: None,
//!     refuelling: None,
//! };
//! let bytes = fleet_proto::encode_event(&event);
//! assert_eq!(fleet_proto::decode_event(&bytes)?, event);
//! # Ok::<(), fleet_core::Error>(())
//! ```

mod convert;
mod letter;
mod read;

pub use convert::{encode_event, encode_register_entry, encode_trip};
pub use letter::letter_message;
pub use read::{
    Content, SCHEMA_VERSION, decode_event, decode_register_entry, decode_trip, read, reread,
};

/// Messages, clients and servers as generated from `fleet/v1/*.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    missing_debug_implementations,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated; the documentation stands in the .proto files"
)]
pub mod v1 {
    tonic::include_proto!("fleet.v1");
}

/// The compiled descriptors of every contract, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/fleet_descriptor.bin"));

/// What a record of the register's topic says.
#[derive(Clone, Debug, PartialEq)]
pub enum RegisterEntry {
    /// How the run began.
    Genesis(fleet_core::domain::Genesis),
    /// A truck.
    Truck(fleet_core::domain::RegisteredTruck),
}
