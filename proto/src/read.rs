//! What a record of the log says: the one reader that consumers, dry runs and redrives share.
//!
//! **Evolution.** Fields that a reader does not know are skipped, so a newer minor version may add
//! some. A topic's name carries the major version; a producer that writes another one into it all
//! the same must say so in the header `schema-version`, and its records are set aside as of an
//! unknown version until a reader that knows it puts them back. Records without the header are of
//! version 1, for ever: the bytes in `proto/tests/recorded` must always decode.

use bytes::Bytes;
use fleet_core::{
    Error, Result,
    domain::{TelemetryEvent, TripSummary},
    stream::{
        Topic,
        dead_letter::{Reason, Refusal},
    },
};
use prost::Message;

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
    match topic {
        topic if *topic == Topic::TELEMETRY => event(payload).map(Box::new).map(Content::Event),
        topic if *topic == Topic::TRIPS => trip(payload).map(Box::new).map(Content::Trip),
        topic if *topic == Topic::TRUCKS => entry(payload).map(Content::Register),
        _ => Err(Refusal::new(Reason::Undecodable, format!("topic {topic}: nobody reads it"))),
    }
}

fn event(payload: &[u8]) -> Result<TelemetryEvent, Refusal> {
    message::<v1::TelemetryEvent>("telemetry event", payload)?.try_into().map_err(out_of_range)
}

fn trip(payload: &[u8]) -> Result<TripSummary, Refusal> {
    message::<v1::TripSummary>("trip summary", payload)?.try_into().map_err(out_of_range)
}

fn entry(payload: &[u8]) -> Result<RegisterEntry, Refusal> {
    register_entry(message("register entry", payload)?).map_err(out_of_range)
}

/// The event in a payload of version 1, validated.
///
/// # Errors
/// `Invalid`: not protobuf, or a field breaks its rule (named, with value and range).
pub fn decode_event(payload: &[u8]) -> Result<TelemetryEvent> {
    event(payload).map_err(invalid)
}

/// The trip in a payload of version 1, validated.
///
/// # Errors
/// `Invalid`: not protobuf, or a field breaks its rule.
pub fn decode_trip(payload: &[u8]) -> Result<TripSummary> {
    trip(payload).map_err(invalid)
}

/// The register's entry in a payload of version 1.
///
/// # Errors
/// `Invalid`: not protobuf, or a field breaks its rule.
pub fn decode_register_entry(payload: &[u8]) -> Result<RegisterEntry> {
    entry(payload).map_err(invalid)
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

fn message<M: Message + Default>(what: &str, payload: &[u8]) -> Result<M, Refusal> {
    M::decode(payload).map_err(|error| {
        let detail = format!("{what}: not a protobuf message of this contract: {error}");
        Refusal::new(Reason::Undecodable, detail)
    })
}

#[allow(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn out_of_range(error: Error) -> Refusal {
    Refusal::new(Reason::OutOfRange, error.to_string())
}

fn invalid(refusal: Refusal) -> Error {
    Error::invalid(refusal.detail)
}
