//! What each group makes of a record.

use std::time::Duration;

use fleet_core::{
    Error, Result,
    store::{Document, TelemetryWrite, TripWrite, Write},
    stream::{Record, Topic},
    time::Time,
};
use fleet_proto::RegisterEntry;

/// The group that archives telemetry.
pub const ARCHIVER: &str = "fleet-telemetry-archiver";
/// The group that records trips and the register.
pub const RECORDER: &str = "fleet-trip-recorder";

/// A group's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Telemetry into the store, each event for so long.
    Archiver {
        /// How long after its first archiving an event is gone.
        retention: Duration,
    },
    /// Trips and the register into the store.
    Recorder,
}

impl Sink {
    /// The group's name.
    pub const fn group(&self) -> &'static str {
        match self {
            Self::Archiver { .. } => ARCHIVER,
            Self::Recorder => RECORDER,
        }
    }

    /// What it reads.
    pub fn topics(&self) -> Vec<Topic> {
        match self {
            Self::Archiver { .. } => vec![Topic::TELEMETRY],
            Self::Recorder => vec![Topic::TRIPS, Topic::TRUCKS],
        }
    }

    /// The write that a record asks for.
    pub(crate) fn write(&self, record: &Record, now: Time) -> Result<Write> {
        let place = record.place.clone();
        let topic = &place.partition.topic;
        if *topic == Topic::TELEMETRY {
            let event = fleet_proto::decode_event(&record.payload)?;
            let retention = match self {
                Self::Archiver { retention } => *retention,
                Self::Recorder => Duration::MAX,
            };
            let expires_at = now.plus(retention);
            let write = TelemetryWrite { event, place, archived_at: now, expires_at };
            return Ok(Write::Telemetry(Box::new(write)));
        }
        if *topic == Topic::TRIPS {
            let trip = fleet_proto::decode_trip(&record.payload)?;
            return Ok(Write::Trip(Box::new(TripWrite { trip, place, archived_at: now })));
        }
        let (kind, id, body) = match fleet_proto::decode_register_entry(&record.payload)? {
            RegisterEntry::Genesis(genesis) => {
                ("genesis", "genesis".to_owned(), serde_json::to_string(&genesis))
            }
            RegisterEntry::Truck(truck) => {
                ("truck", truck.truck_id.to_string(), serde_json::to_string(&truck))
            }
        };
        let body = body.map_err(|e| Error::invalid("register entry").with_source(e))?;
        Ok(Write::Document(Document { kind: kind.into(), id, body }))
    }
}
