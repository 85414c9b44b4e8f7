//! What a record of the log says: the one reader that consumers, dry runs and redrives share.
//!
//! **Evolution.** Fields that a reader does not know are skipped, so a newer minor version may add
//! some. A topic's name carries the major version; a producer that writes another one into it all
//! the same must say so in the header `schema-version`, and its records are set aside as of an
//! unknown version until a reader that knows it puts them back. Records without the header are of
//! version 1, for ever: the bytes in `proto/tests/recorded` must always decode.

use bytes::Bytes;
use fleet_core::{
    Result,
    domain::{TelemetryEvent, TripSummary},
    stream::{
        Topic,
        dead_letter::{Reason, Refusal},
    },
};
use prost::{DecodeError, Message};

use crate::{RegisterEntry, convert::register_entry, v1};

/// The header that tells the version of a record's schema, like `1` or `2.3`; only its major part
/// matters. Records without it are of version 1.
pub const SCHEMA_VERSION: &str = "schema-version";
/// The major version that this reader knows.
const MAJOR: &str = "1";

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A report of a truck.
    Event(Box<TelemetryEvent>),
    /// A revision of a trip.
    Trip(Box<TripSummary>),
    /// An entry of the register.
    Register(RegisterEntry),
}

/// What a record of `topic` with these headers and bytes says, validated.
///
/// # Errors
/// Why it can never be handled: of an unknown version, undecodable, or a field is out of range; as
/// undecodable too in a topic that nobody reads.
pub fn read(
    topic: &Topic,
    headers: &[(String, Bytes)],
    payload: &[u8],
) -> Result<Content, Refusal> {
    check_version(headers)?;
    if *topic == Topic::TELEMETRY {
        let message = v1::TelemetryEvent::decode(payload);
        let message = message.map_err(|e| undecodable("telemetry event", &e))?;
        return Ok(Content::Event(Box::new(message.try_into().map_err(out_of_range)?)));
    }
    if *topic == Topic::TRIPS {
        let message = v1::TripSummary::decode(payload);
        let message = message.map_err(|e| undecodable("trip summary", &e))?;
        return Ok(Content::Trip(Box::new(message.try_into().map_err(out_of_range)?)));
    }
    if *topic == Topic::TRUCKS {
        let message = v1::RegisterEntry::decode(payload);
        let message = message.map_err(|e| undecodable("register entry", &e))?;
        return Ok(Content::Register(register_entry(message).map_err(out_of_range)?));
    }
    Err(Refusal::new(Reason::Undecodable, format!("topic {topic}: nobody reads it")))
}

/// The event in a record, if it is one: what [`dead_letter`](fleet_core::stream::dead_letter) asks
/// before it puts a record back.
///
/// # Errors
/// As [`read`].
pub fn reread(
    topic: &Topic,
    headers: &[(String, Bytes)],
    payload: &[u8],
) -> Result<Option<Box<TelemetryEvent>>, Refusal> {
    Ok(match read(topic, headers, payload)? {
        Content::Event(event) => Some(event),
        Content::Trip(_) | Content::Register(_) => None,
    })
}

fn check_version(headers: &[(String, Bytes)]) -> Result<(), Refusal> {
    let Some((_, version)) = headers.iter().find(|(name, _)| name == SCHEMA_VERSION) else {
        return Ok(());
    };
    if version.split(|byte| *byte == b'.').next() == Some(MAJOR.as_bytes()) {
        return Ok(());
    }
    let version = String::from_utf8_lossy(version).into_owned();
    let detail = format!("{SCHEMA_VERSION}: {version:?}, this reader knows version {MAJOR}");
    Err(Refusal::new(Reason::UnknownVersion, detail))
}

fn undecodable(what: &str, error: &DecodeError) -> Refusal {
    let detail = format!("{what}: not a protobuf message of this contract: {error}");
    Refusal::new(Reason::Undecodable, detail)
}

#[allow(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn out_of_range(error: fleet_core::Error) -> Refusal {
    Refusal::new(Reason::OutOfRange, error.to_string())
}
