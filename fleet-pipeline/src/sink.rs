//! What each group makes of a record.

use std::time::Duration;

use fleet_core::{
    store::{Document, TelemetryWrite, TripWrite, Write},
    stream::{
        Record, Topic,
        dead_letter::{Reason, Refusal},
    },
    time::Time,
};
use fleet_proto::{Content, RegisterEntry};

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
    pub(crate) fn write(&self, record: &Record, now: Time) -> Result<Write, Refusal> {
        let place = record.place.clone();
        let topic = &place.partition.topic;
        match fleet_proto::read(topic, &record.headers, &record.payload)? {
            Content::Event(event) => {
                let retention = match self {
                    Self::Archiver { retention } => *retention,
                    Self::Recorder => Duration::MAX,
                };
                let (event, expires_at) = (*event, now.plus(retention));
                let write = TelemetryWrite { event, place, archived_at: now, expires_at };
                Ok(Write::Telemetry(Box::new(write)))
            }
            Content::Trip(trip) => {
                let write = TripWrite { trip: *trip, place, archived_at: now };
                Ok(Write::Trip(Box::new(write)))
            }
            Content::Register(entry) => register(entry),
        }
    }
}

fn register(entry: RegisterEntry) -> Result<Write, Refusal> {
    let (kind, id, body) = match entry {
        RegisterEntry::Genesis(genesis) => {
            ("genesis", "genesis".to_owned(), serde_json::to_string(&genesis))
        }
        RegisterEntry::Truck(truck) => {
            ("truck", truck.truck_id.to_string(), serde_json::to_string(&truck))
        }
    };
    let body = body.map_err(|e| Refusal::new(Reason::OutOfRange, e.to_string()))?;
    Ok(Write::Document(Document { kind: kind.into(), id, body }))
}
