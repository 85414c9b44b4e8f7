//! Where a vehicle was: the part of a report that geography needs.

use serde::{Deserialize, Serialize};

use super::{EventId, TelemetryEvent, ranges};
use crate::{Result, geo::Position, random::Stream, time::Time};

/// What tells a fix from all others of the same vehicle, in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixKey {
    /// When it was measured.
    pub at: Time,
    /// Tells fixes of one instant apart: the sequence number, or a hash of the sender's own id.
    pub seq: u64,
}

/// One fix of a satellite receiver: when, where, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// When it was measured, and which of that instant.
    pub key: FixKey,
    /// Where.
    pub position: Position,
    /// How far off it may be, metres: the radius that holds the truth two times out of three.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accuracy_m: Option<f64>,
    /// Over ground, km/h: 0 to 150.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub speed_kmh: Option<f64>,
    /// Direction of travel, degrees clockwise from north: 0 up to 360.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub heading_deg: Option<f64>,
}

impl Fix {
    /// A fix of which only place and time are known.
    ///
    /// # Errors
    /// `Invalid` if the position is not on the globe.
    pub fn new(at: Time, seq: u64, position: Position) -> Result<Self> {
        ranges::LATITUDE_DEG.check(position.lat)?;
        ranges::LONGITUDE_DEG.check(position.lon)?;
        let key = FixKey { at, seq };
        Ok(Self { key, position, accuracy_m: None, speed_kmh: None, heading_deg: None })
    }

    /// Seconds from `earlier` to this; negative if this is the earlier one.
    pub fn seconds_since(&self, earlier: &Self) -> f64 {
        self.key.at.ms_since(earlier.key.at) as f64 / 1e3
    }

    /// Every bit of it as numbers, so that two contents under one key have an order.
    #[cfg(feature = "geofence")]
    pub(crate) fn content(&self) -> [u64; 5] {
        let optional = |value: Option<f64>| value.map_or(u64::MAX, f64::to_bits);
        let Position { lat, lon } = self.position;
        let rest = [self.accuracy_m, self.speed_kmh, self.heading_deg].map(optional);
        [lat.to_bits(), lon.to_bits(), rest[0], rest[1], rest[2]]
    }
}

impl From<&TelemetryEvent> for Fix {
    /// Of a source that does not count, `seq` is a hash of its own id of the report.
    fn from(event: &TelemetryEvent) -> Self {
        let seq = match event.id() {
            EventId::Counted { seq, .. } => seq,
            EventId::Sourced { source_id, .. } => Stream::new(0, &source_id, "fix").bits(0),
        };
        Self {
            key: FixKey { at: event.event_time, seq },
            position: event.position,
            accuracy_m: None,
            speed_kmh: event.signals.speed_kmh,
            heading_deg: event.signals.heading_deg,
        }
    }
}
